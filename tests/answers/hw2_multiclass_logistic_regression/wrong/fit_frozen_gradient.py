# title: every step uses the gradient at the start
# loses: fit_visible, fit_hidden
# hint: every step used the gradient at B = 0

# %% fit
def fit(X, y, K, rate, steps):
    B = np.zeros((X.shape[1], K))
    G = gradient(B, X, y)
    history = [-log_likelihood(B, X, y) / len(y)]
    for _ in range(steps):
        B = B + rate * G / len(y)
        history.append(history[0])
    return B, history
