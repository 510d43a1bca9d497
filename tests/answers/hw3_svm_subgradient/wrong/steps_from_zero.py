# title: one added to t
# loses: step_sizes_visible, step_sizes_hidden
# hint: nothing needs to be added

# %% step_sizes
def constant(eta):
    return lambda t: eta


def inverse_sqrt(eta):
    return lambda t: eta / np.sqrt(t + 1)


def inverse(eta):
    return lambda t: eta / (t + 1)
