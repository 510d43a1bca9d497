# title: the lines drawn with plt
# loses: plot_svm_visible, plot_svm_hidden
# hint: draw with the methods of ax, not with plt

# %% plot_svm
def plot_svm(ax, w, b, X, y):
    ax.scatter(*X[y == -1].T, color="blue")
    ax.scatter(*X[y == 1].T, color="red")
    for level in (-1, 0, 1):
        foot = (level - b) * w / (w @ w)
        plt.axline(foot, foot + [-w[1], w[0]], color="k")
    near = y * (X @ w + b) <= 1
    ax.scatter(*X[near].T, s=99, facecolors="none", edgecolors="k")
