# title: the minus sign forgotten
# loses: mean_cross_entropy_visible, mean_cross_entropy_hidden
# hint: the sign is missing

# %% mean_cross_entropy
def mean_cross_entropy(B, X, T):
    return np.mean(np.sum(T * scipy.special.log_softmax(X @ B, axis=1), axis=1))
