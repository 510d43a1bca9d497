# title: divided by the sum over the whole array
# loses: softmax_visible, softmax_hidden
# hint: the whole array sums to one

# %% softmax
def softmax(S):
    E = np.exp(S - S.max())
    return E / np.sum(E)


# %% gradient
def gradient(B, X, y):
    return X.T @ (np.eye(B.shape[1])[y] - scipy.special.softmax(X @ B, axis=1))
