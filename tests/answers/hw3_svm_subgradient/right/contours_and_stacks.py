# title: contourf under the lines, all samples at once, partial functions for the schedules, Python sums

# %% objective
def objective(w, b, X, y, C):
    scores = [float(x @ w) + b for x in X]
    return sum(wj**2 for wj in w) / 2 + C * sum(max(0.0, 1 - label * f) for f, label in zip(scores, y))


# %% subgradient
def subgradient(w, b, X, y, C):
    s = np.where(y * (X @ w + b) < 1, y, 0)
    return (w - C * X.T @ s, -C * s.sum())

# %% step_sizes
import functools
import math


def shrinking(eta, exponent, t):
    return eta * math.exp(-exponent * math.log(t))


def constant(eta):
    return functools.partial(shrinking, eta, 0)


def inverse_sqrt(eta):
    return functools.partial(shrinking, eta, 0.5)


def inverse(eta):
    return functools.partial(shrinking, eta, 1)


# %% plot_svm
def plot_svm(ax, w, b, X, y):
    x1 = np.linspace(X[:, 0].min() - 1, X[:, 0].max() + 1, 80)
    x2 = np.linspace(X[:, 1].min() - 1, X[:, 1].max() + 1, 90)
    Z = w[0] * x1[None, :] + w[1] * x2[:, None] + b
    ax.contourf(x1, x2, Z, levels=[-1e9, 0, 1e9], colors=["#DDEEFF", "#FFEEDD"])
    for level in (-1, 0, 1):
        ax.contour(x1, x2, Z, levels=[level], colors="k")
    near = y * (X @ w + b) <= 1
    ax.scatter(X[near, 0], X[near, 1], s=150, facecolors="none", edgecolors="k")
    ax.scatter(X[:, 0], X[:, 1], color=["C0" if label < 0 else "C1" for label in y])
