# title: each column of the probabilities sums to one
# loses: log_likelihood_visible, log_likelihood_hidden
# hint: the probabilities of each column sum to one

# %% log_likelihood
def log_likelihood(B, X, y):
    return scipy.special.log_softmax(X @ B, axis=0)[np.arange(len(y)), y].sum()


# %% fit
def fit(X, y, K, rate, steps):
    T = np.eye(K)[y]
    B = np.zeros((X.shape[1], K))
    history = [mean_cross_entropy(B, X, T)]
    for _ in range(steps):
        B = B + rate * gradient(B, X, y) / len(y)
        history.append(mean_cross_entropy(B, X, T))
    return B, history
