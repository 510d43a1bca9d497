# title: scipy's softmax called without axis, so the whole array sums to one
# loses: gradient_visible, gradient_hidden
# hint: is axis missing?

# %% gradient
def gradient(B, X, y):
    T = np.zeros((len(y), B.shape[1]))
    T[np.arange(len(y)), y] = 1
    return X.T @ (T - scipy.special.softmax(X @ B))


# %% fit
def fit(X, y, K, rate, steps):
    T = np.eye(K)[y]
    B = np.zeros((X.shape[1], K))
    history = [mean_cross_entropy(B, X, T)]
    for _ in range(steps):
        B = B + rate * X.T @ (T - softmax(X @ B)) / len(y)
        history.append(mean_cross_entropy(B, X, T))
    return B, history
