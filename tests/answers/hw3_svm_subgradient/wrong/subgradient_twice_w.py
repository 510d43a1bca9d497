# title: 2 w for the derivative of half the squared norm
# loses: subgradient_visible, subgradient_hidden, subgradient_descent_visible, subgradient_descent_hidden
# hint: the derivative of (1/2)|w|² is w, not 2 w

# %% subgradient
def subgradient(w, b, X, y, C):
    a = y * (X @ w + b) < 1
    return 2 * w - C * y[a] @ X[a], -C * y[a].sum()
