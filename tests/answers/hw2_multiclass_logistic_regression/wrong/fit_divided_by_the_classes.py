# title: the gradient divided by the number of classes instead of samples
# loses: fit_visible, fit_hidden
# hint: the gradient was divided by K instead of n

# %% fit
def fit(X, y, K, rate, steps):
    B = np.zeros((X.shape[1], K))
    history = [-log_likelihood(B, X, y) / len(y)]
    for _ in range(steps):
        B = B + rate * gradient(B, X, y) / K
        history.append(-log_likelihood(B, X, y) / len(y))
    return B, history
