# title: softmax normalised over the samples instead of the classes
# loses: softmax_visible, softmax_hidden
# hint: each column sums to one; each row should

# %% softmax
def softmax(S):
    E = np.exp(S - S.max(axis=0))
    return E / E.sum(axis=0)


# %% gradient
def gradient(B, X, y):
    return X.T @ (np.eye(B.shape[1])[y] - scipy.special.softmax(X @ B, axis=1))
