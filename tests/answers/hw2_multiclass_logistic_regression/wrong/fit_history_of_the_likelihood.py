# title: history holds the log-likelihood, rising, instead of the loss
# loses: fit_visible, fit_hidden
# hint: this is the log-likelihood; history holds

# %% fit
def fit(X, y, K, rate, steps):
    B = np.zeros((X.shape[1], K))
    history = [log_likelihood(B, X, y)]
    for _ in range(steps):
        B = B + rate * gradient(B, X, y) / len(y)
        history.append(log_likelihood(B, X, y))
    return B, history
