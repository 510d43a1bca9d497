# title: works in place on copies, warns, prints, draws a progress bar on stderr

# %% objective
import sys
import warnings


def objective(w, b, X, y, C):
    warnings.warn("objective was called")
    losses = X @ w
    losses += b
    losses *= -y
    losses += 1
    losses[losses < 0] = 0
    return C * losses.sum() + np.linalg.norm(w) ** 2 / 2

# %% subgradient
def subgradient(w, b, X, y, C):
    print("a sub-gradient at", w, b)
    g_w = w.copy()
    g_b = 0.0
    for i in np.nonzero((X @ w + b) * y < 1)[0]:
        g_w -= C * y[i] * X[i]
        g_b -= C * y[i]
    return g_w, g_b

# %% subgradient_descent
def subgradient_descent(X, y, C, rate, steps):
    w, b = np.zeros(X.shape[1]), 0.0
    history = np.empty(steps + 1)
    history[0] = objective(w, b, X, y, C)
    best = (w.copy(), b)
    for t in range(1, steps + 1):
        g_w, g_b = subgradient(w, b, X, y, C)
        w -= rate(t) * np.asarray(g_w)
        b -= rate(t) * g_b
        history[t] = objective(w, b, X, y, C)
        if history[t] < history[:t].min():
            best = (w.copy(), b)
        sys.stderr.write(f"\rstep {t}")
    return best[0], best[1], history

# %% plot_svm
def plot_svm(ax, w, b, X, y):
    print("plotting", len(y), "samples")
    ax.plot(X[y > 0, 0], X[y > 0, 1], "^", label="+1")
    ax.plot(X[y < 0, 0], X[y < 0, 1], "v", label="-1")
    near = y * (X @ w + b) <= 1
    ax.scatter(X[:, 0], X[:, 1], s=np.where(near, 200, 0), facecolors="none", edgecolors="green", linewidths=2)
    u = np.linspace(-20, 20, 500)
    for c in (-1, 0, 1):
        if abs(w[1]) > abs(w[0]):
            ax.plot(u, (c - b - w[0] * u) / w[1])
        else:
            ax.plot((c - b - w[1] * u) / w[0], u)
    ax.legend()
    return ax
