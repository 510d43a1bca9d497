# title: the exponent with the opposite sign, as in a Boltzmann factor
# loses: softmax_visible, softmax_hidden
# hint: the sign of the exponent is reversed

# %% softmax
def softmax(S):
    E = np.exp(S.min(axis=1, keepdims=True) - S)
    return E / E.sum(axis=1, keepdims=True)


# %% gradient
def gradient(B, X, y):
    return X.T @ (np.eye(B.shape[1])[y] - scipy.special.softmax(X @ B, axis=1))
