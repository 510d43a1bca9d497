# title: the targets and the probabilities change places
# loses: mean_cross_entropy_visible, mean_cross_entropy_hidden
# hint: t and p are swapped

# %% mean_cross_entropy
def mean_cross_entropy(B, X, T):
    return -np.sum(scipy.special.softmax(X @ B, axis=1) * np.log(T)) / len(T)
