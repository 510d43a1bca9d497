# title: extra helper cells, lambdas instead of defs, einsum, keyword arguments

# %% my_helpers
one_hot = lambda labels, count: (np.asarray(labels)[:, None] == np.arange(count)).astype(float)
log_sum_exp = lambda S: S.max(1) + np.log(np.exp(S - S.max(1)[:, None]).sum(1))

# %% softmax
softmax = lambda S: np.exp(S - log_sum_exp(S)[:, None])

# %% log_likelihood
log_likelihood = lambda B, X, y: float(np.einsum("ik,ik->", one_hot(y, B.shape[1]), X @ B) - log_sum_exp(X @ B).sum())

# %% gradient
gradient = lambda B, X, y: np.einsum("ij,ik->jk", X, one_hot(y, B.shape[1]) - softmax(X @ B))

# %% mean_cross_entropy
mean_cross_entropy = lambda B, X, T: np.mean(log_sum_exp(X @ B) - np.einsum("ik,ik->i", T, X @ B))


# %% step_helper
def one_step(B, X, y, rate):
    return B + gradient(B=B, X=X, y=y) * (rate / X.shape[0])


# %% fit
def fit(X, y, K, rate, steps):
    T = one_hot(y, K)
    path = [np.zeros((X.shape[1], K))]
    while len(path) <= steps:
        path.append(one_step(path[-1], X, y, rate))
    return path[-1], tuple(mean_cross_entropy(B, X, T) for B in path)
