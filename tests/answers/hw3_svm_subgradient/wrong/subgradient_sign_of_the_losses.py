# title: the losses' part with the wrong sign
# loses: subgradient_visible, subgradient_hidden, subgradient_descent_visible, subgradient_descent_hidden
# hint: losses' part is reversed

# %% subgradient
def subgradient(w, b, X, y, C):
    a = y * (X @ w + b) < 1
    return w + C * y[a] @ X[a], C * y[a].sum()
