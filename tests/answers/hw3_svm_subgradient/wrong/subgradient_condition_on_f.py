# title: the condition looks at f(x) without y
# loses: subgradient_visible, subgradient_hidden, subgradient_descent_visible, subgradient_descent_hidden
# hint: it should look at y f(x)

# %% subgradient
def subgradient(w, b, X, y, C):
    a = y * (X @ w + b) < 1
    a = X @ w + b < 1
    return w - C * y[a] @ X[a], -C * y[a].sum()
