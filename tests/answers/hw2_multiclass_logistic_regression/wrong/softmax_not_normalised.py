# title: the maximum is subtracted, and the division by the sum forgotten
# loses: softmax_visible, softmax_hidden
# hint: are not divided by their sum

# %% softmax
def softmax(S):
    return np.exp(S - S.max(axis=1, keepdims=True))


# %% gradient
def gradient(B, X, y):
    return X.T @ (np.eye(B.shape[1])[y] - scipy.special.softmax(X @ B, axis=1))
