# title: the mean of the iterates
# loses: subgradient_descent_visible, subgradient_descent_hidden
# hint: mean of the iterates

# %% subgradient_descent
def subgradient_descent(X, y, C, rate, steps):
    w, b = np.zeros(X.shape[1]), 0.0
    points, history = [np.append(w, b)], [objective(w, b, X, y, C)]
    for t in range(1, steps + 1):
        g_w, g_b = subgradient(w, b, X, y, C)
        w, b = w - rate(t) * g_w, b - rate(t) * g_b
        points.append(np.append(w, b))
        history.append(objective(w, b, X, y, C))
    mean = np.mean(points, axis=0)
    return mean[:-1], mean[-1], history
