# title: the root over eta as well
# loses: step_sizes_visible, step_sizes_hidden
# hint: root was taken of the whole

# %% step_sizes
def constant(eta):
    return lambda t: eta


def inverse_sqrt(eta):
    return lambda t: np.sqrt(eta / t)


def inverse(eta):
    return lambda t: eta / t
