# title: plain Python loops over samples and coordinates, lists for arrays

# %% objective
def objective(w, b, X, y, C):
    total = 0.0
    for wj in w:
        total += wj * wj / 2
    for i in range(len(y)):
        score = b
        for j in range(len(w)):
            score += w[j] * X[i][j]
        loss = 1 - y[i] * score
        if loss > 0:
            total += C * loss
    return total

# %% subgradient
def subgradient(w, b, X, y, C):
    g_w = [float(wj) for wj in w]
    g_b = 0
    for xi, yi in zip(X, y):
        score = b + sum(wj * xj for wj, xj in zip(w, xi))
        if yi * score < 1:
            for j in range(len(g_w)):
                g_w[j] -= C * yi * xi[j]
            g_b -= C * yi
    return g_w, g_b

# %% step_sizes
def constant(eta):
    def rate(t):
        return eta
    return rate


def inverse_sqrt(eta):
    def rate(t):
        return eta * t ** -0.5
    return rate


def inverse(eta):
    def rate(t):
        return eta * (1 / t)
    return rate

# %% subgradient_descent
def subgradient_descent(X, y, C, rate, steps):
    w, b = [0.0] * X.shape[1], 0.0
    points = [(list(w), b)]
    for t in range(1, steps + 1):
        g_w, g_b = subgradient(w, b, X, y, C)
        size = rate(t)
        w = [wj - size * gj for wj, gj in zip(w, g_w)]
        b = b - size * g_b
        points.append((list(w), b))
    history = [objective(np.array(w), b, X, y, C) for w, b in points]
    k = history.index(min(history))
    return [*points[k], history]

# %% plot_svm
def plot_svm(ax, w, b, X, y):
    for xi, yi in zip(X, y):
        ax.plot([xi[0]], [xi[1]], "bs" if yi > 0 else "ro")
        if yi * (xi[0] * w[0] + xi[1] * w[1] + b) <= 1:
            ax.plot([xi[0]], [xi[1]], "o", markersize=14, markerfacecolor="none", markeredgecolor="k")
    for level, style in ((0, "k-"), (1, "k--"), (-1, "k--")):
        far = 100.0
        start = -(b - level) * np.array(w) / np.dot(w, w)
        way = np.array([-w[1], w[0]]) / np.hypot(*w) * far
        (x0, y0), (x1, y1) = start - way, start + way
        ax.plot([x0, x1], [y0, y1], style)
    ax.set_xlim(X[:, 0].min() - 1, X[:, 0].max() + 1)
    ax.set_ylim(X[:, 1].min() - 1, X[:, 1].max() + 1)
