# title: contourf under the lines, matrix of all samples at once, tuples from the start

# %% subgradient
def subgradient(w, b, X, y, C):
    s = np.where(y * (X @ w + b) < 1, y, 0)
    return (w - C * X.T @ s, -C * s.sum())

# %% plot_svm
def plot_svm(ax, w, b, X, y):
    x1 = np.linspace(X[:, 0].min() - 1, X[:, 0].max() + 1, 80)
    x2 = np.linspace(X[:, 1].min() - 1, X[:, 1].max() + 1, 90)
    Z = w[0] * x1[None, :] + w[1] * x2[:, None] + b
    ax.contourf(x1, x2, Z, levels=[-1e9, 0, 1e9], colors=["#DDEEFF", "#FFEEDD"])
    for level in (-1, 0, 1):
        ax.contour(x1, x2, Z, levels=[level], colors="k")
    near = y * (X @ w + b) <= 1
    ax.scatter(X[near, 0], X[near, 1], s=150, facecolors="none", edgecolors="k")
    ax.scatter(X[:, 0], X[:, 1], color=["C0" if label < 0 else "C1" for label in y])
