# title: no maximum with 0 in the hinge
# loses: objective_visible, objective_hidden, subgradient_descent_visible, subgradient_descent_hidden
# hint: a loss is never negative

# %% objective
def objective(w, b, X, y, C):
    return w @ w / 2 + C * np.sum(1 - y * (X @ w + b))
