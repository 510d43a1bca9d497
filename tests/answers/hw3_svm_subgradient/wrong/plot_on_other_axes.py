# title: draws on new axes
# loses: plot_svm_visible, plot_svm_hidden
# hint: draw with the methods of ax, not with plt

# %% plot_svm
def plot_svm(ax, w, b, X, y):
    _, own = plt.subplots()
    own.scatter(*X[y == -1].T, color="blue")
    own.scatter(*X[y == 1].T, color="red")
    x1, x2 = np.meshgrid(np.linspace(X[:, 0].min(), X[:, 0].max(), 99), np.linspace(X[:, 1].min(), X[:, 1].max(), 99))
    own.contour(x1, x2, w[0] * x1 + w[1] * x2 + b, levels=[-1, 0, 1])
    near = y * (X @ w + b) <= 1
    own.scatter(*X[near].T, s=99, facecolors="none", edgecolors="k")
