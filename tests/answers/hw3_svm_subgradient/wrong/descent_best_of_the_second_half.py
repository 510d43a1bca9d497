# title: the best of the start and the second half
# loses: subgradient_descent_hidden
# hint: from the start to the last one, each counts

# %% subgradient_descent
def subgradient_descent(X, y, C, rate, steps):
    w, b = np.zeros(X.shape[1]), 0.0
    history, points = [objective(w, b, X, y, C)], [(w, b)]
    for t in range(1, steps + 1):
        g_w, g_b = subgradient(w, b, X, y, C)
        w, b = w - rate(t) * g_w, b - rate(t) * g_b
        history.append(objective(w, b, X, y, C))
        points.append((w, b))
    candidates = [0, *range((steps + 1) // 2, steps + 1)]
    best = min(candidates, key=lambda k: history[k])
    return *points[best], np.array(history)
