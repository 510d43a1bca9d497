# title: taken where the margin is satisfied
# loses: subgradient_visible, subgradient_hidden, subgradient_descent_visible, subgradient_descent_hidden
# hint: the condition is reversed

# %% subgradient
def subgradient(w, b, X, y, C):
    a = y * (X @ w + b) < 1
    a = ~a
    return w - C * y[a] @ X[a], -C * y[a].sum()
