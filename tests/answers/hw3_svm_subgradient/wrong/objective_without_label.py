# title: the hinge of f(x) without y
# loses: objective_visible, objective_hidden, subgradient_descent_visible, subgradient_descent_hidden
# hint: the label y is missing

# %% objective
def objective(w, b, X, y, C):
    return w @ w / 2 + C * np.maximum(0, 1 - (X @ w + b)).sum()
