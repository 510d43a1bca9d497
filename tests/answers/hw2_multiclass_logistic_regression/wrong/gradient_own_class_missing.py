# title: the derivative of the label's own score forgotten
# loses: gradient_visible, gradient_hidden, fit_visible, fit_hidden
# hint: the derivative of the label's own score is missing

# %% gradient
def gradient(B, X, y):
    return -X.T @ softmax(X @ B)
