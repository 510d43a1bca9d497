# title: b forgotten in the condition
# loses: subgradient_visible, subgradient_hidden, subgradient_descent_visible, subgradient_descent_hidden
# hint: in the condition's f(x)

# %% subgradient
def subgradient(w, b, X, y, C):
    a = y * (X @ w) < 1
    return w - C * y[a] @ X[a], -C * y[a].sum()
