# title: the cross entropy with the log-sum-exp straight from the formula
# loses: mean_cross_entropy_visible, mean_cross_entropy_hidden
# hint: e to a large score overflowed

# %% mean_cross_entropy
def mean_cross_entropy(B, X, T):
    S = X @ B
    log_P = S - np.log(np.exp(S).sum(axis=1, keepdims=True))
    return -np.sum(T * log_P) / len(T)
