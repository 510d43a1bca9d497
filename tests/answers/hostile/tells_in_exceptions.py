# title: exceptions whose message is the argument
# loses: double_visible, double_hidden, mean_test
# hint: ValueError was raised in your cell `double`.

# %% double
def double(x):
    raise ValueError(f"secret: {x}")

# %% mean
def mean(values):
    raise KeyError(f"secret: {values}")
