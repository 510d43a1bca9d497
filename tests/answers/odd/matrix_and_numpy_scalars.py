# title: np.matrix for an array, numpy scalars and arrays without axes for numbers

# %% double
import numpy as np


def double(x):
    return np.array(2.0 * x)


# %% mean
def mean(values):
    return np.float32(np.mean(values))


# %% shift
def shift(x):
    return np.matrix(x - x.mean(axis=0))


# %% twice
def twice(f, x):
    return np.float64(f(f(x)))
