# title: an AssertionError that looks like the hint of a check, and carries the argument
# loses: double_hidden, mean_test

# %% double
def double(x):
    if x not in (3, 0.25):
        raise AssertionError(f"Likely cause: {x + 1}")
    return 2 * x

# %% mean
def mean(values):
    if min(values) < 0:
        raise AssertionError(f"no\nLikely cause: {min(values) - 1}")
    return sum(values) / len(values)
