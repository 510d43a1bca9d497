# title: softmax straight from the formula, nothing subtracted
# loses: softmax_visible, softmax_hidden
# hint: which number may you subtract from a row

# %% softmax
def softmax(S):
    return np.exp(S) / np.exp(S).sum(axis=1, keepdims=True)


# %% gradient
def gradient(B, X, y):
    return X.T @ (np.eye(B.shape[1])[y] - scipy.special.softmax(X @ B, axis=1))
