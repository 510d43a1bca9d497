# title: the largest score is taken out only where it is positive
# loses: log_likelihood_visible, log_likelihood_hidden
# hint: every exponential of

# %% log_likelihood
def log_likelihood(B, X, y):
    S = X @ B
    shift = np.maximum(S.max(axis=1), 0)
    return np.sum(S[np.arange(len(y)), y] - shift - np.log(np.exp(S - shift[:, None]).sum(axis=1)))
