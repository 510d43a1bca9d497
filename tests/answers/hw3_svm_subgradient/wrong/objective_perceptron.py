# title: the corner of the hinge at 0
# loses: objective_visible, objective_hidden, subgradient_descent_visible, subgradient_descent_hidden
# hint: not at 0

# %% objective
def objective(w, b, X, y, C):
    return w @ w / 2 + C * np.maximum(0, -y * (X @ w + b)).sum()
