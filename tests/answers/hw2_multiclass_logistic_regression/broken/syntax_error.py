# title: one cell does not parse; the others are right and keep their marks
# loses: gradient_visible, gradient_hidden, fit_visible, fit_hidden
# hint: gradient

# %% gradient
def gradient(B, X, y):
    T = np.eye(B.shape[1])[y
    return X.T @ (T - softmax(X @ B))
