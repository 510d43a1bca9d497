# title: a step that goes up is taken back
# loses: subgradient_descent_visible, subgradient_descent_hidden
# hint: a step that goes up is taken too

# %% subgradient_descent
def subgradient_descent(X, y, C, rate, steps):
    w, b = np.zeros(X.shape[1]), 0.0
    history = [objective(w, b, X, y, C)]
    for t in range(1, steps + 1):
        g_w, g_b = subgradient(w, b, X, y, C)
        new_w, new_b = w - rate(t) * g_w, b - rate(t) * g_b
        value = objective(new_w, new_b, X, y, C)
        if value < history[-1]:
            w, b = new_w, new_b
            history.append(value)
        else:
            history.append(history[-1])
    return w, b, np.array(history)
