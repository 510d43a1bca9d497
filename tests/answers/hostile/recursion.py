# title: functions that call themselves without end
# loses: double_visible, double_hidden, twice_test
# hint: RecursionError

# %% double
def double(x):
    return double(x)

# %% twice
def twice(f, x):
    return f(twice(f, x))
