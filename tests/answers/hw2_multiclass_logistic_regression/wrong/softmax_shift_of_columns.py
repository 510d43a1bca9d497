# title: the maximum of each column subtracted, the rows divided by their sums
# loses: softmax_visible, softmax_hidden
# hint: the maximum of each column was subtracted

# %% softmax
def softmax(S):
    E = np.exp(S - np.max(S, axis=0))
    return E / np.sum(E, axis=1, keepdims=True)


# %% gradient
def gradient(B, X, y):
    return X.T @ (np.eye(B.shape[1])[y] - scipy.special.softmax(X @ B, axis=1))
