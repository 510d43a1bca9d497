# title: the sum over the samples instead of the mean
# loses: mean_cross_entropy_visible, mean_cross_entropy_hidden
# hint: this is the sum over the samples; take the mean

# %% mean_cross_entropy
def mean_cross_entropy(B, X, T):
    return -np.sum(T * scipy.special.log_softmax(X @ B, axis=1))
