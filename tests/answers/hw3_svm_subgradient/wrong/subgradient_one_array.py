# title: w's and b's parts in one array
# loses: subgradient_visible, subgradient_hidden, subgradient_descent_visible, subgradient_descent_hidden
# hint: return g_w, g_b

# %% subgradient
def subgradient(w, b, X, y, C):
    a = y * (X @ w + b) < 1
    return np.append(w - C * y[a] @ X[a], -C * y[a].sum())
