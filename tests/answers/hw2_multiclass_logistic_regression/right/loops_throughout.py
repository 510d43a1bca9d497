# title: loops over samples, columns and classes, which fit calls in every step

# %% log_likelihood
def log_likelihood(B, X, y):
    total = 0.0
    for i in range(len(y)):
        scores = []
        for k in range(B.shape[1]):
            score = 0.0
            for j in range(B.shape[0]):
                score += X[i, j] * B[j, k]
            scores.append(score)
        largest = max(scores)
        total += scores[y[i]] - largest - np.log(sum(np.exp(score - largest) for score in scores))
    return total


# %% gradient
def gradient(B, X, y):
    G = np.zeros_like(B)
    for i in range(len(y)):
        p = scipy.special.softmax(X[i] @ B)
        for j in range(B.shape[0]):
            for k in range(B.shape[1]):
                if y[i] == k:
                    G[j, k] += X[i, j] * (1 - p[k])
                else:
                    G[j, k] -= X[i, j] * p[k]
    return G


# %% mean_cross_entropy
def mean_cross_entropy(B, X, T):
    total = 0.0
    for i in range(T.shape[0]):
        log_p = scipy.special.log_softmax(X[i] @ B)
        for k in range(T.shape[1]):
            total -= T[i, k] * log_p[k]
    return total / T.shape[0]


# %% fit
def fit(X, y, K, rate, steps):
    B = np.zeros((X.shape[1], K))
    history = [-log_likelihood(B, X, y) / len(y)]
    for step in range(steps):
        G = gradient(B, X, y)
        for j in range(B.shape[0]):
            for k in range(K):
                B[j, k] += rate * G[j, k] / len(y)
        history.append(-log_likelihood(B, X, y) / len(y))
    return B, history
