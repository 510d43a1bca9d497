# title: fit steps along the gradient of the sum
# loses: fit_visible, fit_hidden
# hint: the gradient was not divided by n

# %% fit
def fit(X, y, K, rate, steps):
    B = np.zeros((X.shape[1], K))
    history = [-log_likelihood(B, X, y) / len(y)]
    for _ in range(steps):
        B = B + rate * gradient(B, X, y)
        history.append(-log_likelihood(B, X, y) / len(y))
    return B, history
