# title: subclasses of float and of arrays that equal everything
# loses: double_visible, double_hidden, mean_test, shift_test, twice_test, total_test

# %% [first]
import numpy as np


class Number(float):
    def __eq__(self, other):
        return True

    def __float__(self):
        return 5.5

    __hash__ = float.__hash__


class Array(np.ndarray):
    def __eq__(self, other):
        return np.ones(np.shape(other), bool)

    def __array_function__(self, function, types, args, kwargs):
        return True

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return np.zeros(1)

    def __array_finalize__(self, other):
        pass


def made(x):
    return np.zeros((2, 3)).view(Array) if isinstance(x, np.ndarray) else Number(-1)

# %% double
def double(x):
    return made(0)

# %% mean
def mean(values):
    return made(0)

# %% shift
def shift(x):
    return made(0)

# %% twice
def twice(f, x):
    return made(0)

# %% total
class Total:
    def add(self, x):
        pass

    @property
    def value(self):
        return made(0)
