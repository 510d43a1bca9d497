# title: one step more than asked for
# loses: fit_visible, fit_hidden
# hint: expected 3 numbers

# %% fit
def fit(X, y, K, rate, steps):
    B = np.zeros((X.shape[1], K))
    history = [-log_likelihood(B, X, y) / len(y)]
    for _ in range(steps + 1):
        B = B + rate * gradient(B, X, y) / len(y)
        history.append(-log_likelihood(B, X, y) / len(y))
    return B, history
