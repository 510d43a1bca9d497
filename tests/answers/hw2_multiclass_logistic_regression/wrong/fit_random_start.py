# title: fit starts from small random numbers instead of zero
# loses: fit_visible, fit_hidden
# hint: B of fit(small_X, small_y, 3, 0.5, 0)

# %% fit
def fit(X, y, K, rate, steps):
    B = np.random.default_rng(0).normal(scale=0.01, size=(X.shape[1], K))
    history = [-log_likelihood(B, X, y) / len(y)]
    for _ in range(steps):
        B = B + rate * gradient(B, X, y) / len(y)
        history.append(-log_likelihood(B, X, y) / len(y))
    return B, history
