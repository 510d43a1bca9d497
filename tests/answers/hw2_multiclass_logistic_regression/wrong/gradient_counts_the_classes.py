# title: the labels written as rows of y.max() + 1 numbers, too few if the last class has no sample
# loses: gradient_visible, gradient_hidden
# hint: the number of classes was taken from y

# %% gradient
def gradient(B, X, y):
    T = np.eye(y.max() + 1)[y]
    return X.T @ (T - scipy.special.softmax(X @ B, axis=1))


# %% fit
def fit(X, y, K, rate, steps):
    T = np.eye(K)[y]
    B = np.zeros((X.shape[1], K))
    history = [mean_cross_entropy(B, X, T)]
    for _ in range(steps):
        B = B + rate * X.T @ (T - softmax(X @ B)) / len(y)
        history.append(mean_cross_entropy(B, X, T))
    return B, history
