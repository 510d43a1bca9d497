# title: one cell does not parse; the others are right and keep their marks
# loses: step_sizes_visible, step_sizes_hidden
# hint: inverse_sqrt

# %% step_sizes
def constant(eta):
    return lambda t: eta

def inverse_sqrt(eta)
    return lambda t: eta / np.sqrt(t)
