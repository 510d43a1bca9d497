# title: the largest score is taken out only where it is positive
# loses: mean_cross_entropy_visible, mean_cross_entropy_hidden
# hint: every exponential of the row near -1000

# %% mean_cross_entropy
def mean_cross_entropy(B, X, T):
    S = X @ B
    S = S - np.maximum(S.max(axis=1, keepdims=True), 0)
    log_P = S - np.log(np.exp(S).sum(axis=1, keepdims=True))
    return -np.sum(T * log_P) / len(T)
