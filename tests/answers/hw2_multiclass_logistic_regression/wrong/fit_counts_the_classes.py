# title: the number of classes taken from the labels instead of the argument K
# loses: fit_visible, fit_hidden
# hint: the number of classes was taken from y

# %% fit
def fit(X, y, K, rate, steps):
    K = y.max() + 1
    B = np.zeros((X.shape[1], K))
    history = [-log_likelihood(B, X, y) / len(y)]
    for _ in range(steps):
        B = B + rate * gradient(B, X, y) / len(y)
        history.append(-log_likelihood(B, X, y) / len(y))
    return B, history
