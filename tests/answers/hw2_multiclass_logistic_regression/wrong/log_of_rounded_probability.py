# title: the logarithm of a softmax that was rounded to zero
# loses: log_likelihood_visible, log_likelihood_hidden, mean_cross_entropy_visible, mean_cross_entropy_hidden
# hint: a probability was rounded to 0

# %% log_likelihood
def log_likelihood(B, X, y):
    return np.log(softmax(X @ B))[np.arange(len(y)), y].sum()


# %% mean_cross_entropy
def mean_cross_entropy(B, X, T):
    return -np.mean(np.sum(T * np.log(softmax(X @ B)), axis=1))
