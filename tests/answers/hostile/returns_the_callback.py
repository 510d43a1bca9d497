# title: the function of the test is the answer
# loses: double_visible, double_hidden, twice_test

# %% double
def double(x):
    return double

# %% twice
def twice(f, x):
    return f
