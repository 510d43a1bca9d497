# title: t**1/2 for the root; and rings without an edge
# loses: step_sizes_visible, step_sizes_hidden, plot_svm_visible, plot_svm_hidden
# hint: t**1/2 is (t**1)/2

# %% step_sizes
def constant(eta):
    return lambda t: eta


def inverse_sqrt(eta):
    return lambda t: eta / t**1/2


def inverse(eta):
    return lambda t: eta / t

# %% plot_svm
def plot_svm(ax, w, b, X, y):
    ax.scatter(*X[y == -1].T, color="blue")
    ax.scatter(*X[y == 1].T, color="red")
    for level in (-1, 0, 1):
        foot = (level - b) * w / (w @ w)
        ax.axline(foot, foot + [-w[1], w[0]], color="k")
    near = y * (X @ w + b) <= 1
    ax.scatter(*X[near].T, s=99, facecolors="none")
