# title: the factor y forgotten
# loses: subgradient_visible, subgradient_hidden, subgradient_descent_visible, subgradient_descent_hidden
# hint: factor y is missing

# %% subgradient
def subgradient(w, b, X, y, C):
    a = y * (X @ w + b) < 1
    return w - C * X[a].sum(axis=0), -C * a.sum()
