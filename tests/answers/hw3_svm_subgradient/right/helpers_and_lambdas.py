# title: helper functions in a cell of their own, lambdas, the other end of the interval at the kink

# %% my helpers
margins = lambda w, b, X, y: np.multiply(y, X.dot(w) + b)
hinge = lambda m: (1 - m + np.abs(1 - m)) / 2

# %% objective
objective = lambda w, b, X, y, C: np.dot(w, w) / 2 + C * hinge(margins(w, b, X, y)).sum()

# %% subgradient
def subgradient(w, b, X, y, C):
    at_a_loss = (margins(w, b, X, y) <= 1).astype(float)
    pull = np.einsum("i,i,ij->j", at_a_loss, y, np.column_stack([X, np.ones(len(y))]))
    return w - C * pull[:-1], -C * pull[-1]

# %% step_sizes
power = lambda p: lambda eta: lambda t: eta / t**p
constant, inverse_sqrt, inverse = power(0), power(0.5), power(1)

# %% subgradient_descent
import itertools


def walk(X, y, C, rate):
    w, b = np.zeros(X.shape[1]), 0.0
    for t in itertools.count(1):
        yield objective(w, b, X, y, C), w, b
        g_w, g_b = subgradient(w, b, X, y, C)
        w, b = w - rate(t) * g_w, b - rate(t) * g_b


def subgradient_descent(X, y, C, rate, steps):
    iterates = list(itertools.islice(walk(X, y, C, rate), steps + 1))
    _, w, b = min(iterates, key=lambda iterate: iterate[0])
    return w, b, np.array([value for value, _, _ in iterates])

# %% plot_svm
def plot_svm(ax, w, b, X, y):
    ax.scatter(X[:, 0], X[:, 1], c=y, cmap="coolwarm")
    near = margins(w, b, X, y) <= 1
    ax.plot(X[near, 0], X[near, 1], linestyle="none", marker="o", fillstyle="none", markersize=15, color="black")
    for level in (-1, 0, 1):
        if w[1] != 0:
            ax.axline((0, (level - b) / w[1]), slope=-w[0] / w[1], color="grey")
        else:
            ax.axvline((level - b) / w[0], color="grey")
