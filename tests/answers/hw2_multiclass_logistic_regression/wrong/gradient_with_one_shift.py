# title: the gradient with one maximum subtracted from the scores of all samples
# loses: gradient_visible, gradient_hidden
# hint: nan comes from a softmax that overflows

# %% gradient
def gradient(B, X, y):
    S = X @ B
    E = np.exp(S - S.max())
    return X.T @ (np.eye(B.shape[1])[y] - E / E.sum(axis=1, keepdims=True))
