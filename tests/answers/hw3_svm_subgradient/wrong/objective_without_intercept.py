# title: b forgotten in f(x)
# loses: objective_visible, objective_hidden, subgradient_descent_visible, subgradient_descent_hidden
# hint: b is missing

# %% objective
def objective(w, b, X, y, C):
    return w @ w / 2 + C * np.maximum(0, 1 - y * (X @ w)).sum()
