# title: a sample near the kink is taken for one at the kink
# loses: subgradient_hidden
# hint: only y f(x) = 1 exactly is a kink

# %% subgradient
def subgradient(w, b, X, y, C):
    m = y * (X @ w + b)
    s = np.where(np.isclose(m, 1), 0.5, m < 1)
    return w - C * (s * y) @ X, -C * s @ y
