# title: SystemExit and KeyboardInterrupt whose message is the argument
# loses: double_visible, double_hidden, mean_test
# hint: Instead of returning a value, your code raised SystemExit.

# %% double
def double(x):
    raise SystemExit(str(x))

# %% mean
def mean(values):
    raise KeyboardInterrupt(str(values))
