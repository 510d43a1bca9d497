# title: a list of a million entries, a million times in one list
# loses: mean_test

# %% double
def double(x):
    return 2 * x

# %% mean
def mean(values):
    values.extend(range(300_000))
    return [values] * 300_000
