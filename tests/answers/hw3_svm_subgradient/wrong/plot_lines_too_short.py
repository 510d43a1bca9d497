# title: the lines end at the support vectors and do not cross the range of the samples
# loses: plot_svm_visible, plot_svm_hidden
# hint: is too short

# %% plot_svm
def plot_svm(ax, w, b, X, y):
    ax.scatter(*X[y == -1].T, color="blue")
    ax.scatter(*X[y == 1].T, color="red")
    for level in (-1, 0, 1):
        foot = (level - b) * w / (w @ w)
        way = 0.5 * np.array([-w[1], w[0]]) / np.linalg.norm(w)
        ax.plot(*np.array([foot - way, foot + way]).T, "k-")
    near = y * (X @ w + b) <= 1
    ax.scatter(*X[near].T, s=99, facecolors="none", edgecolors="k")
