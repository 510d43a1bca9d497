# title: the function of the test is called for ever
# loses: twice_test
# hint: Your code was still running after 2 s

# %% double
def double(x):
    return 2 * x

# %% twice
def twice(f, x):
    while True:
        f(x)
