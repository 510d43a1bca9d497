# title: central differences of the objective
# loses: subgradient_hidden
# hint: a finite difference or a tolerance mixes both sides

# %% subgradient
def subgradient(w, b, X, y, C):
    h = 2.0**-13  # about 1e-4
    g_w = np.zeros(len(w))
    for j in range(len(w)):
        e = np.zeros(len(w))
        e[j] = h
        g_w[j] = (objective(w + e, b, X, y, C) - objective(w - e, b, X, y, C)) / (2 * h)
    return g_w, (objective(w, b + h, X, y, C) - objective(w, b - h, X, y, C)) / (2 * h)
