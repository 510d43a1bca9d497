# title: helper functions and constants in cells of her own

# %% [helper]
TWO = 2


def times(a, b):
    return a * b


# %% double
def double(x):
    return times(TWO, x)


# %% [another]
def average(a):
    return sum(a) / len(a)


# %% mean
mean = average
