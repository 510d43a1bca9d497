# title: subclasses of arrays, floats and lists with nothing up their sleeves

# %% double
class Metres(float):
    def __repr__(self):
        return f"{float(self)} m"


def double(x):
    return Metres(2 * x)


# %% mean
import enum
import fractions


def mean(values):
    return float(fractions.Fraction(sum(values)) / len(values))


# %% shift
import numpy as np


class Table(np.ndarray):
    pass


def shift(x):
    return (x - x.mean(axis=0)).view(Table)


# %% twice
class Whole(enum.IntEnum):
    ONE = 1


def twice(f, x):
    return f(f(Whole.ONE * x))
