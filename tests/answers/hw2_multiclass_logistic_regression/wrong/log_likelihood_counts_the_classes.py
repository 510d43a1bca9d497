# title: the labels written as rows of y.max() + 1 numbers, too few if the last class has no sample
# loses: log_likelihood_visible, log_likelihood_hidden
# hint: the number of classes was taken from y

# %% log_likelihood
def log_likelihood(B, X, y):
    T = np.eye(y.max() + 1)[y]
    return np.sum(T * scipy.special.log_softmax(X @ B, axis=1))


# %% fit
def fit(X, y, K, rate, steps):
    T = np.eye(K)[y]
    B = np.zeros((X.shape[1], K))
    history = [mean_cross_entropy(B, X, T)]
    for _ in range(steps):
        B = B + rate * gradient(B, X, y) / len(y)
        history.append(mean_cross_entropy(B, X, T))
    return B, history
