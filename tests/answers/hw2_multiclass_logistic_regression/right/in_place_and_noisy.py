# title: works in place on copies, warns and draws a progress bar on stderr, prints on stdout

# %% softmax
import sys
import warnings


def softmax(S):
    warnings.warn("softmax was called", UserWarning)
    P = S.copy()
    P -= P.max(axis=1)[:, np.newaxis]
    np.exp(P, out=P)
    P /= P.sum(axis=1)[:, np.newaxis]
    return P


# %% log_likelihood
def log_likelihood(B, X, y):
    print("n =", len(y))
    S = X.dot(B)
    S -= S.max(axis=1, keepdims=True)
    S -= np.log(np.exp(S).sum(axis=1, keepdims=True))
    return sum(S[i, label] for i, label in enumerate(y))


# %% gradient
def gradient(B, X, y):
    R = softmax(X.dot(B))
    np.subtract.at(R, (np.arange(len(y)), y), 1.0)
    R *= -1
    return np.dot(X.T, R)


# %% mean_cross_entropy
def mean_cross_entropy(B, X, T):
    with np.errstate(divide="ignore"):
        S = X.dot(B)
        S -= S.max(axis=1, keepdims=True)
        S -= np.log(np.exp(S).sum(axis=1, keepdims=True))
    return np.mean([-np.dot(t, s) for t, s in zip(T, S)])


# %% fit
def fit(X, y, K, rate, steps):
    B = np.zeros((X.shape[1], K), order="F")
    T = np.eye(K)[y]
    history = np.empty(steps + 1)
    history[0] = mean_cross_entropy(B, X, T)
    for step in range(1, steps + 1):
        B += rate / len(X) * (X.T @ (T - scipy.special.softmax(X @ B, axis=1)))
        history[step] = mean_cross_entropy(B, X, T)
        print(f"\rstep {step}/{steps}", end="", file=sys.stderr)
    return B, history


# %% plot_loss
def plot_loss(history):
    fig, axes = plt.subplots(1, 1)
    axes.plot(np.arange(len(history)), np.asarray(history), marker=".")
    axes.set_xlabel("步数")
    axes.set_ylabel("损失")
    axes.set_title("training")
    return axes
