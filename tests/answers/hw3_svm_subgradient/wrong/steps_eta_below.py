# title: eta below the fraction line
# loses: step_sizes_visible, step_sizes_hidden
# hint: above the fraction line

# %% step_sizes
def constant(eta):
    return lambda t: eta


def inverse_sqrt(eta):
    return lambda t: 1 / (eta * np.sqrt(t))


def inverse(eta):
    return lambda t: 1 / (eta * t)
