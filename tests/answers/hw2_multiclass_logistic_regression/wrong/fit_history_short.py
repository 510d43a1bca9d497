# title: the loss recorded before each step only, the last one missing
# loses: fit_visible, fit_hidden
# hint: expected 3 numbers

# %% fit
def fit(X, y, K, rate, steps):
    B = np.zeros((X.shape[1], K))
    history = []
    for _ in range(steps):
        history.append(-log_likelihood(B, X, y) / len(y))
        B = B + rate * gradient(B, X, y) / len(y)
    return B, history
