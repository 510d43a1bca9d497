# title: objective without the factor 1/2
# loses: objective_visible, objective_hidden, subgradient_descent_visible, subgradient_descent_hidden
# hint: factor 1/2

# %% objective
def objective(w, b, X, y, C):
    losses = np.maximum(0, 1 - y * (X @ w + b))
    return w @ w + C * losses.sum()
