# title: w is changed in place
# loses: subgradient_visible, subgradient_hidden, subgradient_descent_visible, subgradient_descent_hidden
# hint: w was changed in place

# %% subgradient
def subgradient(w, b, X, y, C):
    a = y * (X @ w + b) < 1
    w -= C * y[a] @ X[a]
    return w, -C * y[a].sum()
