# title: the labels turned into 0 and 1
# loses: objective_visible, objective_hidden, subgradient_descent_visible, subgradient_descent_hidden
# hint: the hinge needs -1 and +1

# %% objective
def objective(w, b, X, y, C):
    t = (y + 1) // 2
    return w @ w / 2 + C * np.maximum(0, 1 - t * (X @ w + b)).sum()
