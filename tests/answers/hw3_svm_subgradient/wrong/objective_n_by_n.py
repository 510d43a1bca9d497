# title: y as a column, X @ w as a row
# loses: objective_visible, objective_hidden, subgradient_descent_visible, subgradient_descent_hidden
# hint: an array of shape (n, n) was summed

# %% objective
def objective(w, b, X, y, C):
    losses = np.maximum(0, 1 - y.reshape(-1, 1) * (X @ w + b))
    return w @ w / 2 + C * losses.sum()
