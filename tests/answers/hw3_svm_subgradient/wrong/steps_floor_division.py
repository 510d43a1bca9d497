# title: // for /
# loses: step_sizes_visible, step_sizes_hidden
# hint: // rounds down to an integer

# %% step_sizes
def constant(eta):
    return lambda t: eta


def inverse_sqrt(eta):
    return lambda t: eta // np.sqrt(t)


def inverse(eta):
    return lambda t: eta // t
