# title: objects that say they are numbers, arrays and lists
# loses: double_visible, double_hidden, mean_test, shift_test, twice_test, total_test

# %% [first]
import numpy as np


class Liar:
    __class__ = property(lambda self: float)
    __array_interface__ = property(lambda self: np.zeros(3).__array_interface__)
    shape, dtype, ndim, size = (2, 3), np.dtype(float), 2, 6

    def __array__(self, *args, **kwargs):
        return np.zeros((2, 3))

    def __float__(self):
        return 5.5

    def __len__(self):
        return 10**15

    def __iter__(self):
        return iter([5.5] * 6)

    def __eq__(self, other):
        return np.ones((2, 3), bool)

    def __reduce__(self):
        return (print, ("unpickled",))

    __index__ = __int__ = lambda self: 5

# %% double
def double(x):
    return Liar()

# %% mean
def mean(values):
    return Liar()

# %% shift
def shift(x):
    return Liar()

# %% twice
def twice(f, x):
    return Liar()

# %% total
class Total:
    def add(self, x):
        pass

    @property
    def value(self):
        return Liar()
