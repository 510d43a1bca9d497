# title: all schedules share one global eta
# loses: step_sizes_visible, step_sizes_hidden
# hint: variable

# %% step_sizes
def constant(eta):
    global ETA
    ETA = eta
    return lambda t: ETA


def inverse_sqrt(eta):
    global ETA
    ETA = eta
    return lambda t: ETA / np.sqrt(t)


def inverse(eta):
    global ETA
    ETA = eta
    return lambda t: ETA / t
