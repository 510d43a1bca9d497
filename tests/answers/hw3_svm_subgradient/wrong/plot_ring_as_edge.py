# title: a ring drawn as the edge of the filled marker
# loses: plot_svm_visible, plot_svm_hidden
# hint: an edge of the sample's own filled marker is no ring

# %% plot_svm
def plot_svm(ax, w, b, X, y):
    near = y * (X @ w + b) <= 1
    for label, colour in ((-1, "tab:blue"), (1, "tab:red")):
        edges = ["k" if inside else colour for inside in near[y == label]]
        ax.scatter(*X[y == label].T, s=60, c=colour, edgecolors=edges, linewidths=2)
    for level in (-1, 0, 1):
        foot = (level - b) * w / (w @ w)
        ax.axline(foot, foot + [-w[1], w[0]], color="k")
