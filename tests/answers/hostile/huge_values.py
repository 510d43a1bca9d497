# title: integers, texts, lists within lists and ranges that are endless or nearly so
# loses: double_visible, double_hidden, mean_test, shift_test, twice_test, total_test
# hint: too large, too long or too deep for the grader

# %% double
def double(x):
    return 10**10**6

# %% mean
def mean(values):
    deep = 3
    for _ in range(10**5):
        deep = [deep]
    return deep

# %% shift
def shift(x):
    return range(10**18)

# %% twice
def twice(f, x):
    return 'x' * 10**8

# %% total
class Total:
    def __init__(self):
        self.value = []
        self.value.append(self.value)

    def add(self, x):
        pass
