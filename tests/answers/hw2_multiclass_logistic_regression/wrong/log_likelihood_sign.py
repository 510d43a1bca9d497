# title: the negative log-likelihood, the loss, returned as the log-likelihood
# loses: log_likelihood_visible, log_likelihood_hidden
# hint: is never positive

# %% log_likelihood
def log_likelihood(B, X, y):
    return -scipy.special.log_softmax(X @ B, axis=1)[np.arange(len(y)), y].sum()


# %% fit
def fit(X, y, K, rate, steps):
    B = np.zeros((X.shape[1], K))
    history = [log_likelihood(B, X, y) / len(y)]
    for _ in range(steps):
        B = B + rate * gradient(B, X, y) / len(y)
        history.append(log_likelihood(B, X, y) / len(y))
    return B, history
