# title: C forgotten in the sub-gradient
# loses: subgradient_visible, subgradient_hidden, subgradient_descent_visible, subgradient_descent_hidden
# hint: C is missing

# %% subgradient
def subgradient(w, b, X, y, C):
    a = y * (X @ w + b) < 1
    return w - y[a] @ X[a], -y[a].sum()
