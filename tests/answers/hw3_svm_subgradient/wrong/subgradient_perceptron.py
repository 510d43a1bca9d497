# title: only misclassified samples contribute
# loses: subgradient_visible, subgradient_hidden, subgradient_descent_visible, subgradient_descent_hidden
# hint: perceptron's condition

# %% subgradient
def subgradient(w, b, X, y, C):
    a = y * (X @ w + b) < 1
    a = y * (X @ w + b) < 0
    return w - C * y[a] @ X[a], -C * y[a].sum()
