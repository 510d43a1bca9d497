# title: C = 1 in the steps
# loses: subgradient_descent_visible, subgradient_descent_hidden
# hint: pass C on to subgradient

# %% subgradient_descent
def subgradient_descent(X, y, C, rate, steps):
    w, b = np.zeros(X.shape[1]), 0.0
    history = [objective(w, b, X, y, C)]
    best = (history[0], w, b)
    for t in range(1, steps + 1):
        g_w, g_b = subgradient(w, b, X, y, 1.0)
        w, b = w - rate(t) * g_w, b - rate(t) * g_b
        history.append(objective(w, b, X, y, C))
        if history[-1] < best[0]:
            best = (history[-1], w, b)
    return best[1], best[2], np.array(history)
