# title: the logarithm of the sum instead of the sum of the logarithms
# loses: mean_cross_entropy_visible, mean_cross_entropy_hidden
# hint: instead of the sum of t·log p

# %% mean_cross_entropy
def mean_cross_entropy(B, X, T):
    return -np.mean(np.log(np.sum(T * scipy.special.softmax(X @ B, axis=1), axis=1)))
