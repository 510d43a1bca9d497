# title: softmax subtracts the maximum from the caller's array
# loses: softmax_visible, softmax_hidden
# hint: changed

# %% softmax
def softmax(S):
    S -= S.max(axis=1, keepdims=True)
    E = np.exp(S)
    return E / E.sum(axis=1, keepdims=True)
