# title: the scores of the labels added up, without their normaliser
# loses: log_likelihood_visible, log_likelihood_hidden
# hint: the scores of the labels alone were summed

# %% log_likelihood
def log_likelihood(B, X, y):
    return np.sum((X @ B)[np.arange(len(y)), y])


# %% fit
def fit(X, y, K, rate, steps):
    T = np.eye(K)[y]
    B = np.zeros((X.shape[1], K))
    history = [mean_cross_entropy(B, X, T)]
    for _ in range(steps):
        B = B + rate * gradient(B, X, y) / len(y)
        history.append(mean_cross_entropy(B, X, T))
    return B, history
