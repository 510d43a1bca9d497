# title: the margin lines drawn at distance 1 from the boundary
# loses: plot_svm_visible, plot_svm_hidden
# hint: at the distance 1/|w| from the boundary

# %% plot_svm
def plot_svm(ax, w, b, X, y):
    ax.scatter(*X[y == -1].T, color="blue")
    ax.scatter(*X[y == 1].T, color="red")
    for level in (-1, 0, 1):
        foot = -b * w / (w @ w) + level * w / np.linalg.norm(w)
        ax.axline(foot, foot + [-w[1], w[0]], color="k")
    near = y * (X @ w + b) <= 1
    ax.scatter(*X[near].T, s=99, facecolors="none", edgecolors="k")
