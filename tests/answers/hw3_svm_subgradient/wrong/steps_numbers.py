# title: numbers instead of functions
# loses: step_sizes_visible, step_sizes_hidden
# hint: return a function

# %% step_sizes
def constant(eta):
    return eta


def inverse_sqrt(eta):
    return eta


def inverse(eta):
    return eta
