# title: filled discs for rings
# loses: plot_svm_visible, plot_svm_hidden
# hint: a ring must be hollow

# %% plot_svm
def plot_svm(ax, w, b, X, y):
    ax.scatter(*X[y == -1].T, color="blue")
    ax.scatter(*X[y == 1].T, color="red")
    x1, x2 = np.meshgrid(np.linspace(X[:, 0].min(), X[:, 0].max(), 99), np.linspace(X[:, 1].min(), X[:, 1].max(), 99))
    ax.contour(x1, x2, w[0] * x1 + w[1] * x2 + b, levels=[-1, 0, 1])
    near = y * (X @ w + b) <= 1
    ax.scatter(*X[near].T, s=99, edgecolors="k")
