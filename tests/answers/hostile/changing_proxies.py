# title: objects and names that are something else each time they are asked for
# loses: double_visible, double_hidden, mean_test, shift_test, twice_test, total_test

# %% [first]
import itertools

count = itertools.count()


class Changing:
    def __getattribute__(self, name):
        return next(count)

    def __float__(self):
        return float(next(count))

    def __call__(self, *args):
        return next(count)


class Namespace(dict):
    def __getitem__(self, name):
        return Changing()

    def __contains__(self, name):
        return True


get_ipython().user_ns = Namespace(get_ipython().user_ns)

# %% double
def double(x):
    return Changing()

# %% mean
def mean(values):
    return Changing()

# %% shift
def shift(x):
    return Changing()

# %% twice
def twice(f, x):
    return Changing()

# %% total
class Total:
    def add(self, x):
        pass

    @property
    def value(self):
        return Changing()
