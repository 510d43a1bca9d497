# title: each column of the probabilities sums to one
# loses: mean_cross_entropy_visible, mean_cross_entropy_hidden
# hint: the probabilities of each column sum to one

# %% mean_cross_entropy
def mean_cross_entropy(B, X, T):
    return -np.sum(T * scipy.special.log_softmax(X @ B, axis=0), axis=1).mean()
