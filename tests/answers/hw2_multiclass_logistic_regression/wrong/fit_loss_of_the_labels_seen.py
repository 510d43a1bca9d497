# title: the loss computed with as many columns of labels as y has classes
# loses: fit_visible, fit_hidden
# hint: as many columns as y has classes

# %% fit
def fit(X, y, K, rate, steps):
    T = np.eye(y.max() + 1)[y]
    B = np.zeros((X.shape[1], K))
    history = [mean_cross_entropy(B, X, T)]
    for _ in range(steps):
        B = B + rate * gradient(B, X, y) / len(y)
        history.append(mean_cross_entropy(B, X, T))
    return B, history
