# title: the labels subtracted as numbers, not as 0-1 rows
# loses: gradient_visible, gradient_hidden, fit_visible, fit_hidden
# hint: the labels were used as numbers

# %% gradient
def gradient(B, X, y):
    return X.T @ (y[:, None] - softmax(X @ B))
