# title: an AssertionError that looks like the hint of a check, and carries the argument
# loses: double_visible, double_hidden, mean_test

# %% double
def double(x):
    raise AssertionError(f"no\nLikely cause: {x}")

# %% mean
def mean(values):
    raise AssertionError(f"Likely cause: {values}")
