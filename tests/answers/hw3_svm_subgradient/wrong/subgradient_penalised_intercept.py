# title: b is penalised in the sub-gradient
# loses: subgradient_visible, subgradient_hidden, subgradient_descent_visible, subgradient_descent_hidden
# hint: b is penalised

# %% subgradient
def subgradient(w, b, X, y, C):
    a = y * (X @ w + b) < 1
    return w - C * y[a] @ X[a], b - C * y[a].sum()
