# title: the two schedules swapped
# loses: step_sizes_visible, step_sizes_hidden
# hint: values of inverse

# %% step_sizes
def constant(eta):
    return lambda t: eta


def inverse_sqrt(eta):
    return lambda t: eta / t


def inverse(eta):
    return lambda t: eta / np.sqrt(t)
