# title: np.sum without axis, a number in place of a vector
# loses: subgradient_visible, subgradient_hidden, subgradient_descent_visible, subgradient_descent_hidden
# hint: np.sum without axis adds up all numbers

# %% subgradient
def subgradient(w, b, X, y, C):
    a = y * (X @ w + b) < 1
    return w - C * np.sum(y[a, None] * X[a]), -C * np.sum(y[a])
