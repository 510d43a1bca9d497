# title: masked arrays with nothing masked

# %% shift
import numpy as np


def shift(x):
    return np.ma.masked_invalid(x - x.mean(axis=0))


# %% mean
def mean(values):
    return np.ma.mean(np.ma.array(values))
