# title: scipy.special does the numerically delicate work, as the text allows from part 3 on

# %% softmax
def softmax(S):
    return np.exp(S - scipy.special.logsumexp(S, axis=1, keepdims=True))


# %% log_likelihood
def log_likelihood(B, X, y):
    return np.take_along_axis(scipy.special.log_softmax(X @ B, axis=1), y[:, None], axis=1).sum()


# %% gradient
def gradient(B, X, y):
    residual = -scipy.special.softmax(X @ B, axis=1)
    residual[range(len(y)), y] += 1
    return X.T @ residual


# %% mean_cross_entropy
def mean_cross_entropy(B, X, T):
    return -(T * scipy.special.log_softmax(X @ B, axis=-1)).sum(axis=-1).mean()
