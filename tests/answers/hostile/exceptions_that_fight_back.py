# title: exceptions whose text raises, is huge, or is no text
# loses: double_visible, double_hidden, mean_test, shift_test, twice_test, total_test

# %% double
class Raises(Exception):
    def __str__(self):
        raise self

    __repr__ = __str__


def double(x):
    raise Raises

# %% mean
class Huge(ValueError):
    def __str__(self):
        return "x" * 10**8


def mean(values):
    raise Huge

# %% shift
class NoText(KeyError):
    args = property(lambda self: 3)
    __str__ = lambda self: 3


def shift(x):
    raise NoText(x)

# %% twice
class Group(ExceptionGroup):
    pass


def twice(f, x):
    raise Group("\ud800", [StopIteration(x), ValueError()])

# %% total
class Total:
    def add(self, x):
        raise StopIteration(x)
