# title: np.mean over all n·K entries
# loses: mean_cross_entropy_visible, mean_cross_entropy_hidden
# hint: the mean was taken over all n·K entries

# %% mean_cross_entropy
def mean_cross_entropy(B, X, T):
    return -np.mean(T * scipy.special.log_softmax(X @ B, axis=1))
