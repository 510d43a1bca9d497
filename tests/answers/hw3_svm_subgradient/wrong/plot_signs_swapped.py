# title: the normal drawn as the boundary
# loses: plot_svm_visible, plot_svm_hidden
# hint: w is normal to it, not along it

# %% plot_svm
def plot_svm(ax, w, b, X, y):
    ax.scatter(*X[y == -1].T, color="blue")
    ax.scatter(*X[y == 1].T, color="red")
    u = np.array([-9.0, 9.0])
    for c in (-1, 0, 1):
        ax.plot(u, (c - b + w[1] * u) / (w[0] or 1))
    near = y * (X @ w + b) <= 1
    ax.scatter(*X[near].T, s=99, facecolors="none", edgecolors="k")
