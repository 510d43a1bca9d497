# title: divided by the square of t
# loses: step_sizes_visible, step_sizes_hidden
# hint: it was divided by the square of t

# %% step_sizes
def constant(eta):
    return lambda t: eta


def inverse_sqrt(eta):
    return lambda t: eta / np.sqrt(t)


def inverse(eta):
    return lambda t: eta / t**2
