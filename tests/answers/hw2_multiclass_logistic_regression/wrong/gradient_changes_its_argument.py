# title: the columns of X are centred in place before use
# loses: gradient_visible, gradient_hidden, fit_visible, fit_hidden
# hint: was changed in place

# %% gradient
def gradient(B, X, y):
    T = np.eye(B.shape[1])[y]
    P = softmax(X @ B)
    X *= 1.0
    X += 0.5
    return (X - 0.5).T @ (T - P)
