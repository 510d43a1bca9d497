# title: divided by the number of samples with a loss
# loses: subgradient_visible, subgradient_hidden, subgradient_descent_visible, subgradient_descent_hidden
# hint: divided by the number of losses above 0

# %% subgradient
def subgradient(w, b, X, y, C):
    a = y * (X @ w + b) < 1
    count = max(a.sum(), 1)
    return w - C * y[a] @ X[a] / count, -C * y[a].sum() / count
