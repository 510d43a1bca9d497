# title: solves for the second feature, which fails for a vertical line
# loses: plot_svm_visible, plot_svm_hidden
# hint: one of the weights is 0, the boundary is vertical: do not divide by it

# %% plot_svm
def plot_svm(ax, w, b, X, y):
    ax.scatter(*X[y == -1].T, color="blue")
    ax.scatter(*X[y == 1].T, color="red")
    u = np.array([X[:, 0].min(), X[:, 0].max()])
    for c in (-1, 0, 1):
        ax.plot(u, (c - b - w[0] * u) / w[1])
    near = y * (X @ w + b) <= 1
    ax.scatter(*X[near].T, s=99, facecolors="none", edgecolors="k")
