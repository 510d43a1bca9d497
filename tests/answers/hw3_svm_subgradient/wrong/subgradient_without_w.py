# title: the derivative of the norm forgotten
# loses: subgradient_visible, subgradient_hidden, subgradient_descent_visible, subgradient_descent_hidden
# hint: squared norm is missing

# %% subgradient
def subgradient(w, b, X, y, C):
    a = y * (X @ w + b) < 1
    return -C * y[a] @ X[a], -C * y[a].sum()
