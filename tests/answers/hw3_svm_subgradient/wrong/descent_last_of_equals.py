# title: of equal objectives the last one; and a ring at the origin, for the legend
# loses: subgradient_descent_hidden, plot_svm_visible, plot_svm_hidden
# hint: of equal values the first counts

# %% subgradient_descent
def subgradient_descent(X, y, C, rate, steps):
    w, b = np.zeros(X.shape[1]), 0.0
    history = [objective(w, b, X, y, C)]
    best = (history[0], w, b)
    for t in range(1, steps + 1):
        g_w, g_b = subgradient(w, b, X, y, C)
        w, b = w - rate(t) * g_w, b - rate(t) * g_b
        history.append(objective(w, b, X, y, C))
        if history[-1] <= best[0]:
            best = (history[-1], w, b)
    return best[1], best[2], np.array(history)

# %% plot_svm
def plot_svm(ax, w, b, X, y):
    ax.scatter(*X[y == -1].T, color="blue")
    ax.scatter(*X[y == 1].T, color="red")
    for level in (-1, 0, 1):
        foot = (level - b) * w / (w @ w)
        ax.axline(foot, foot + [-w[1], w[0]], color="k")
    near = y * (X @ w + b) <= 1
    ax.scatter(*X[near].T, s=99, facecolors="none", edgecolors="k")
    ax.scatter(0.1, 0.2, s=99, facecolors="none", edgecolors="k", label="support vector")
