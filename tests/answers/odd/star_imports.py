# title: from numpy import *, which hides sum, abs, round and more

# %% [imports]
from numpy import *
from math import *

# %% mean
def mean(values):
    return sum(values) / len(values)
