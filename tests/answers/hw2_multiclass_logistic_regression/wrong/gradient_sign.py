# title: the gradient of the loss instead of that of the log-likelihood; fit is consistent with it
# loses: gradient_visible, gradient_hidden
# hint: it points downhill

# %% gradient
def gradient(B, X, y):
    return X.T @ (softmax(X @ B) - np.eye(B.shape[1])[y])


# %% fit
def fit(X, y, K, rate, steps):
    B = np.zeros((X.shape[1], K))
    history = [-log_likelihood(B, X, y) / len(y)]
    for _ in range(steps):
        B = B - rate * gradient(B, X, y) / len(y)
        history.append(-log_likelihood(B, X, y) / len(y))
    return B, history
