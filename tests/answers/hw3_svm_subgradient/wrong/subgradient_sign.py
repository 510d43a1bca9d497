# title: the negative sub-gradient
# loses: subgradient_visible, subgradient_hidden, subgradient_descent_visible, subgradient_descent_hidden
# hint: the sign is reversed

# %% subgradient
def subgradient(w, b, X, y, C):
    a = y * (X @ w + b) < 1
    return -w + C * y[a] @ X[a], C * y[a].sum()
