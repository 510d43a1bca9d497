# title: the gradient divided by n, though the log-likelihood is a sum
# loses: gradient_visible, gradient_hidden
# hint: the gradient was divided by n

# %% gradient
def gradient(B, X, y):
    return X.T @ (np.eye(B.shape[1])[y] - softmax(X @ B)) / len(y)


# %% fit
def fit(X, y, K, rate, steps):
    B = np.zeros((X.shape[1], K))
    history = [-log_likelihood(B, X, y) / len(y)]
    for _ in range(steps):
        B = B + rate * gradient(B, X, y)
        history.append(-log_likelihood(B, X, y) / len(y))
    return B, history
