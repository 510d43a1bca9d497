# title: C multiplies w as well
# loses: subgradient_visible, subgradient_hidden, subgradient_descent_visible, subgradient_descent_hidden
# hint: C multiplies w as well

# %% subgradient
def subgradient(w, b, X, y, C):
    a = y * (X @ w + b) < 1
    return C * (w - y[a] @ X[a]), -C * y[a].sum()
