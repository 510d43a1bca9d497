# title: the objective in single precision
# loses: objective_visible, objective_hidden, subgradient_descent_visible, subgradient_descent_hidden
# hint: float32 has 7

# %% objective
def objective(w, b, X, y, C):
    X, w = X.astype(np.float32), w.astype(np.float32)
    losses = np.maximum(0, 1 - y * (X @ w + np.float32(b))).astype(np.float32)
    return 0.5 * w @ w + np.float32(C) * losses.sum()
