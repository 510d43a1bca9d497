# title: an answer that is defined, found wrong, and defined again

# %% double
def double(x):
    return x**2


def double(x):
    return 2 * x


# %% mean
def mean(values):
    return 0


try:
    assert mean([1, 3]) == 2
except AssertionError:
    def mean(values):
        return sum(values) / len(values)
