# title: eta forgotten
# loses: step_sizes_visible, step_sizes_hidden
# hint: eta is missing

# %% step_sizes
def constant(eta):
    return lambda t: eta


def inverse_sqrt(eta):
    return lambda t: 1 / np.sqrt(t)


def inverse(eta):
    return lambda t: 1 / t
