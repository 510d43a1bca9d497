# title: fit subtracts the gradient of the log-likelihood
# loses: fit_visible, fit_hidden
# hint: the sign of the update, or of your gradient, is reversed

# %% fit
def fit(X, y, K, rate, steps):
    B = np.zeros((X.shape[1], K))
    history = [-log_likelihood(B, X, y) / len(y)]
    for _ in range(steps):
        B = B - rate * gradient(B, X, y) / len(y)
        history.append(-log_likelihood(B, X, y) / len(y))
    return B, history
