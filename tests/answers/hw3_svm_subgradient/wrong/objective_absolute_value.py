# title: the absolute value in place of the maximum with 0
# loses: objective_visible, objective_hidden, subgradient_descent_visible, subgradient_descent_hidden
# hint: the absolute value of 1 - y f(x)

# %% objective
def objective(w, b, X, y, C):
    return w @ w / 2 + C * np.abs(1 - y * (X @ w + b)).sum()
