# title: the kink counts for w and not for b
# loses: subgradient_visible, subgradient_hidden
# hint: do not treat

# %% subgradient
def subgradient(w, b, X, y, C):
    a = y * (X @ w + b) < 1
    k = y * (X @ w + b) <= 1
    return w - C * y[k] @ X[k], -C * y[a].sum()
