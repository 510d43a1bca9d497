# title: one scatter for all rings, most of them without an edge; lines that are nan outside the samples' box

# %% plot_svm
def plot_svm(ax, w, b, X, y):
    for label in (-1, 1):
        ax.plot(*X[y == label].T, "s" if label > 0 else "o", alpha=0.8)
    near = y * (X @ w + b) <= 1
    ax.scatter(*X.T, s=120, facecolors="none", edgecolors=["k" if inside else "none" for inside in near])
    low, high = X.min(axis=0), X.max(axis=0)
    k = int(abs(w[1]) < abs(w[0]))  # the coordinate to run along
    u = np.linspace(low[k], high[k], 2000)
    for level in (0, 1, -1):
        v = (level - b - w[k] * u) / w[1 - k]
        v[(v < low[1 - k]) | (v > high[1 - k])] = np.nan
        ax.plot(*((u, v) if k == 0 else (v, u)), "k-" if level == 0 else "k--")
