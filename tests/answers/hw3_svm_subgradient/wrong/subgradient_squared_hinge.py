# title: each sample weighted by its loss
# loses: subgradient_visible, subgradient_hidden, subgradient_descent_visible, subgradient_descent_hidden
# hint: squared hinge

# %% subgradient
def subgradient(w, b, X, y, C):
    a = y * (X @ w + b) < 1
    s = np.maximum(0, 1 - y * (X @ w + b))
    return w - C * (s * y) @ X, -C * (s * y).sum()
