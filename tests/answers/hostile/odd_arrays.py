# title: arrays of objects and records, of text, with imaginary parts, with not-a-number in a box
# loses: double_visible, double_hidden, mean_test, shift_test, twice_test, total_test

# %% double
import numpy as np


def double(x):
    return np.array(2 * x, dtype=object)

# %% mean
def mean(values):
    return np.array([complex(3, 1)])[0]

# %% shift
def shift(x):
    return np.full(x.shape, np.frombuffer(bytes.fromhex('deadbeef0000fc7f'), float)[0])

# %% twice
def twice(f, x):
    return np.array(str(f(f(x))))

# %% total
class Total:
    value = np.zeros(3, dtype=[('a', float)])

    def add(self, x):
        pass
