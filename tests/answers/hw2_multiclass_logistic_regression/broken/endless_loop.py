# title: fit never ends; it is stopped, and the other parts keep their marks
# loses: fit_visible, fit_hidden
# hint: fit

# %% fit
def fit(X, y, K, rate, steps):
    B = np.zeros((X.shape[1], K))
    while True:
        B = B + rate * gradient(B, X, y) / len(y)
    return B, []
