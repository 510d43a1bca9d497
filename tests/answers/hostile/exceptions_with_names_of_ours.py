# title: exceptions with the names of the engine's own
# loses: double_visible, double_hidden, mean_test, shift_test, twice_test

# %% double
class CellTimeoutError(BaseException):
    pass


def double(x):
    raise CellTimeoutError(f"secret: {x}")

# %% mean
class KernelStopped(Exception):
    pass


def mean(values):
    raise KernelStopped(f"secret: {values}")

# %% shift
from dlkit.grading.channel.errors import NotAValue, TooMany


def shift(x):
    raise TooMany(f"secret: {x}")

# %% twice
def twice(f, x):
    raise NotAValue(f"secret: {x}")
