# title: the sign within the hinge reversed
# loses: objective_visible, objective_hidden, subgradient_descent_visible, subgradient_descent_hidden
# hint: sign inside the hinge is reversed

# %% objective
def objective(w, b, X, y, C):
    return w @ w / 2 + C * np.maximum(0, 1 + y * (X @ w + b)).sum()
