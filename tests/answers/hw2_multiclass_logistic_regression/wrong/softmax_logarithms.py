# title: the logarithms of the probabilities, as log_softmax gives them
# loses: softmax_visible, softmax_hidden
# hint: these are the logarithms

# %% softmax
def softmax(S):
    shifted = S - S.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


# %% gradient
def gradient(B, X, y):
    return X.T @ (np.eye(B.shape[1])[y] - scipy.special.softmax(X @ B, axis=1))
