# title: C weighs the norm instead of the losses
# loses: objective_visible, objective_hidden, subgradient_descent_visible, subgradient_descent_hidden
# hint: C multiplies the squared norm

# %% objective
def objective(w, b, X, y, C):
    losses = np.maximum(0, 1 - y * (X @ w + b))
    return C * w @ w / 2 + losses.sum()
