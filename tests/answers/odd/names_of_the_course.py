# title: variables of her own called np, expect and double_visible

# %% double
import numpy as numpy_of_mine

np = 3
expect = "a text"
secret = [np, expect]


def double(x):
    return 2 * x


# %% shift
def shift(x):
    return x - numpy_of_mine.mean(x, axis=0)
