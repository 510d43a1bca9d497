# title: plain Python loops and the math module, no vectorised step

# %% softmax
import math


def softmax(S):
    rows = []
    for row in S:
        largest = max(row)
        weights = [math.exp(score - largest) for score in row]
        total = sum(weights)
        rows.append([weight / total for weight in weights])
    return np.array(rows)


# %% log_likelihood
def log_likelihood(B, X, y):
    total = 0.0
    for i in range(len(y)):
        scores = [sum(X[i, j] * B[j, k] for j in range(X.shape[1])) for k in range(B.shape[1])]
        largest = max(scores)
        total += scores[y[i]] - largest - math.log(sum(math.exp(score - largest) for score in scores))
    return total


# %% gradient
def gradient(B, X, y):
    G = np.zeros(B.shape)
    for i in range(len(y)):
        p = softmax((X[i] @ B)[None, :])[0]
        for k in range(B.shape[1]):
            for j in range(B.shape[0]):
                G[j, k] += ((1.0 if y[i] == k else 0.0) - p[k]) * X[i, j]
    return G


# %% mean_cross_entropy
def mean_cross_entropy(B, X, T):
    total = 0.0
    for i in range(len(T)):
        scores = X[i] @ B
        largest = max(scores)
        log_sum = largest + math.log(sum(math.exp(score - largest) for score in scores))
        for k in range(len(scores)):
            total -= T[i, k] * (scores[k] - log_sum)
    return total / len(T)


# %% fit
def fit(X, y, K, rate, steps):
    B = np.zeros((X.shape[1], K))
    T = np.zeros((len(y), K))
    for i in range(len(y)):
        T[i, y[i]] = 1
    history = []
    for _ in range(steps):
        history.append(float(-np.log(scipy.special.softmax(X @ B, axis=1))[T == 1].mean()))
        B = B + rate * X.T @ (T - scipy.special.softmax(X @ B, axis=1)) / len(y)
    history.append(float(-np.log(scipy.special.softmax(X @ B, axis=1))[T == 1].mean()))
    return B, history


# %% plot_loss
def plot_loss(history):
    fig = plt.figure()
    ax = fig.add_subplot(111)
    xs, ys = [], []
    for step, loss in enumerate(history):
        xs.append(step)
        ys.append(loss)
    ax.plot(xs, ys, "r--o")
    plt.xlabel("iteration")
    plt.ylabel("loss")
    return ax
