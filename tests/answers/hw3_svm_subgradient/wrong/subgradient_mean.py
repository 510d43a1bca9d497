# title: divided by n
# loses: subgradient_visible, subgradient_hidden, subgradient_descent_visible, subgradient_descent_hidden
# hint: divided by n

# %% subgradient
def subgradient(w, b, X, y, C):
    a = y * (X @ w + b) < 1
    return w - C * y[a] @ X[a] / len(y), -C * y[a].sum() / len(y)
