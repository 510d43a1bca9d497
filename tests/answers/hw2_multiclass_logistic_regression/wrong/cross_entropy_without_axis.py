# title: log_softmax called without axis, so the whole array sums to one
# loses: mean_cross_entropy_visible, mean_cross_entropy_hidden
# hint: is axis missing?

# %% mean_cross_entropy
def mean_cross_entropy(B, X, T):
    return -np.sum(T * scipy.special.log_softmax(X @ B)) / len(T)
