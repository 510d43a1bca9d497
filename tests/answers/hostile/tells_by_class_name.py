# title: an object whose class has a name that looks like a hint, and carries the argument
# loses: double_visible, double_hidden, mean_test

# %% double
def double(x):
    return type(f"no\nLikely cause: {x + 1}", (), {})()

# %% mean
class Sly(Exception):
    pass


def mean(values):
    Sly.__name__ = Sly.__qualname__ = f"Likely cause: {min(values) - 1}"
    raise Sly(values)
