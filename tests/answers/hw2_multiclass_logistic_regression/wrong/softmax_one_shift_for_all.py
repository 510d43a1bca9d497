# title: softmax shifted by the maximum of the whole array, so a row far below it underflows to 0/0
# loses: softmax_visible, softmax_hidden
# hint: one number was subtracted from the whole array

# %% softmax
def softmax(S):
    E = np.exp(S - S.max())
    return E / E.sum(axis=1, keepdims=True)


# %% gradient
def gradient(B, X, y):
    return X.T @ (np.eye(B.shape[1])[y] - scipy.special.softmax(X @ B, axis=1))
