# title: a class for the schedules, a column of ones for the intercept, matrices, float32 nowhere

# %% objective
class SVM:
    def __init__(self, X, y, C):
        self.A = np.hstack([X, np.ones((len(X), 1))]) * y[:, None]
        self.C = C
        self.P = np.eye(self.A.shape[1])
        self.P[-1, -1] = 0

    def value(self, u):
        return u @ self.P @ u / 2 + self.C * np.maximum(0, 1 - self.A @ u).sum()

    def slope(self, u):
        return self.P @ u - self.C * self.A.T @ np.heaviside(1 - self.A @ u, 0.5)


def objective(w, b, X, y, C):
    return float(SVM(X, y, C).value(np.r_[w, b]))

# %% subgradient
def subgradient(w, b, X, y, C):
    *g_w, g_b = SVM(X, y, C).slope(np.r_[w, b])
    return np.array(g_w), g_b

# %% step_sizes
class Schedule:
    def __init__(self, eta, power):
        self.eta, self.power = eta, power

    def __call__(self, t):
        return self.eta / np.power(float(t), self.power)


def constant(eta):
    return Schedule(eta, 0)


def inverse_sqrt(eta):
    return Schedule(eta, 1 / 2)


def inverse(eta):
    return Schedule(eta, 1)

# %% subgradient_descent
def subgradient_descent(X, y, C, rate, steps):
    u = np.zeros((steps + 1, X.shape[1] + 1))
    for t in range(1, steps + 1):
        g_w, g_b = subgradient(u[t - 1, :-1], u[t - 1, -1], X, y, C)
        u[t] = u[t - 1] - rate(t) * np.append(g_w, g_b)
    history = np.array([objective(v[:-1], v[-1], X, y, C) for v in u])
    best = u[history.argmin()]
    return best[:-1], best[-1], history

# %% plot_svm
from matplotlib.collections import LineCollection
from matplotlib.patches import Circle


def plot_svm(ax, w, b, X, y):
    ax.scatter(*X[y == 1].T, marker="x", color="tab:red")
    ax.scatter(*X[y == -1].T, marker="+", color="tab:blue")
    for x in X[y * (X @ w + b) <= 1]:
        ax.add_patch(Circle(x, 0.15, fill=False))
    lines = []
    for c in (0, 1, -1):
        foot = (c - b) * w / (w @ w)
        way = 50 * np.array([w[1], -w[0]]) / np.sqrt(w @ w)
        lines.append([foot - way, foot + way])
    ax.add_collection(LineCollection(lines, colors="k", linestyles=["-", "--", "--"]))
    middle, half = (X.max(axis=0) + X.min(axis=0)) / 2, np.ptp(X, axis=0) / 2 + 1
    ax.set_xlim(middle[0] + half[0], middle[0] - half[0])
    ax.set_ylim(middle[1] - half[1], middle[1] + half[1])
