# title: return stands inside the loop over the samples
# loses: objective_visible, objective_hidden, subgradient_descent_visible, subgradient_descent_hidden
# hint: does `return` stand inside the loop?

# %% objective
def objective(w, b, X, y, C):
    total = w @ w / 2
    for x, label in zip(X, y):
        total += C * max(0, 1 - label * (w @ x + b))
        return total
