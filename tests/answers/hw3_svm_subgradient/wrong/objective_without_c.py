# title: C forgotten in the objective
# loses: objective_visible, objective_hidden, subgradient_descent_visible, subgradient_descent_hidden
# hint: C is missing

# %% objective
def objective(w, b, X, y, C):
    losses = np.maximum(0, 1 - y * (X @ w + b))
    return w @ w / 2 + losses.sum()
