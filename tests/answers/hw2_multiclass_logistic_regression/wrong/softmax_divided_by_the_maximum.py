# title: the scores divided by their maximum, to keep them small
# loses: softmax_visible, softmax_hidden
# hint: the scores were divided by the largest

# %% softmax
def softmax(S):
    E = np.exp(S / S.max(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


# %% gradient
def gradient(B, X, y):
    return X.T @ (np.eye(B.shape[1])[y] - scipy.special.softmax(X @ B, axis=1))
