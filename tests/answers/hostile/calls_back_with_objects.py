# title: the function of the test gets objects that raise, and itself, deeper and deeper
# loses: twice_test

# %% double
def double(x):
    return 2 * x

# %% twice
class Trap:
    def __getattr__(self, name):
        raise SystemExit(name)

    def __mul__(self, other):
        return twice(later[0], self)

    __rmul__ = __add__ = __radd__ = __mul__


later = []


def twice(f, x):
    later.append(f)
    return f(Trap())
