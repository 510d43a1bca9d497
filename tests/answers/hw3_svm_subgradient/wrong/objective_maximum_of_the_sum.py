# title: the maximum with 0 is taken of the sum
# loses: objective_visible, objective_hidden, subgradient_descent_visible, subgradient_descent_hidden
# hint: maximum with 0

# %% objective
def objective(w, b, X, y, C):
    return w @ w / 2 + C * max(0, np.sum(1 - y * (X @ w + b)))
