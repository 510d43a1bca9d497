# title: log_softmax called without axis, so the whole array sums to one
# loses: log_likelihood_visible, log_likelihood_hidden
# hint: is axis missing?

# %% log_likelihood
def log_likelihood(B, X, y):
    log_p = scipy.special.log_softmax(X @ B)
    total = 0.0
    for i in range(len(y)):
        total += log_p[i, y[i]]
    return total


# %% fit
def fit(X, y, K, rate, steps):
    T = np.eye(K)[y]
    B = np.zeros((X.shape[1], K))
    history = [mean_cross_entropy(B, X, T)]
    for _ in range(steps):
        B = B + rate * gradient(B, X, y) / len(y)
        history.append(mean_cross_entropy(B, X, T))
    return B, history
