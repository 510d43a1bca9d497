# title: the list that is given is put into itself
# loses: mean_test

# %% double
def double(x):
    return 2 * x

# %% mean
def mean(values):
    values[:] = [values, values]
    return values
