# title: the mean log-likelihood instead of the sum
# loses: log_likelihood_visible, log_likelihood_hidden
# hint: the mean was taken instead of the sum

# %% log_likelihood
def log_likelihood(B, X, y):
    return scipy.special.log_softmax(X @ B, axis=1)[np.arange(len(y)), y].mean()


# %% fit
def fit(X, y, K, rate, steps):
    B = np.zeros((X.shape[1], K))
    history = [-log_likelihood(B, X, y)]
    for _ in range(steps):
        B = B + rate * gradient(B, X, y) / len(y)
        history.append(-log_likelihood(B, X, y))
    return B, history
