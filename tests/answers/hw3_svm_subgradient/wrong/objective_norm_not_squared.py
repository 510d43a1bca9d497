# title: the norm itself instead of its square
# loses: objective_visible, objective_hidden, subgradient_descent_visible, subgradient_descent_hidden
# hint: the norm of w was not squared

# %% objective
def objective(w, b, X, y, C):
    losses = np.maximum(0, 1 - y * (X @ w + b))
    return np.linalg.norm(w) / 2 + C * losses.sum()
