# title: the gradient with a softmax of its own that overflows
# loses: gradient_visible, gradient_hidden
# hint: nan comes from a softmax that overflows

# %% gradient
def gradient(B, X, y):
    E = np.exp(X @ B)
    return X.T @ (np.eye(B.shape[1])[y] - E / E.sum(axis=1, keepdims=True))
