# title: the second feature is horizontal
# loses: plot_svm_visible, plot_svm_hidden
# hint: the two features are swapped

# %% plot_svm
def plot_svm(ax, w, b, X, y):
    ax.scatter(X[y == -1, 1], X[y == -1, 0], color="blue")
    ax.scatter(X[y == 1, 1], X[y == 1, 0], color="red")
    for level in (-1, 0, 1):
        foot = (level - b) * w[::-1] / (w @ w)
        ax.axline(foot, foot + [w[0], -w[1]], color="k")
    near = y * (X @ w + b) <= 1
    ax.scatter(X[near, 1], X[near, 0], s=99, facecolors="none", edgecolors="k")
