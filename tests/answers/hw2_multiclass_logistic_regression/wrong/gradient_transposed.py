# title: the gradient with one row a class
# loses: gradient_visible, gradient_hidden, fit_visible, fit_hidden
# hint: transpose

# %% gradient
def gradient(B, X, y):
    return (np.eye(B.shape[1])[y] - softmax(X @ B)).T @ X
