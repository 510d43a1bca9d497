# title: the margin lines drawn 1 above and below the boundary
# loses: plot_svm_visible, plot_svm_hidden
# hint: shifted straight up or sideways by a fixed length

# %% plot_svm
def plot_svm(ax, w, b, X, y):
    ax.scatter(*X[y == -1].T, color="blue")
    ax.scatter(*X[y == 1].T, color="red")
    u = np.linspace(X[:, 0].min(), X[:, 0].max(), 50)
    for shift in (-1, 0, 1):
        if w[1] != 0:
            ax.plot(u, -(w[0] * u + b) / w[1] + shift)
        else:
            ax.axvline(-b / w[0] + shift)
    near = y * (X @ w + b) <= 1
    ax.scatter(*X[near].T, s=99, facecolors="none", edgecolors="k")
