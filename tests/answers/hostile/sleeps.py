# title: a function that sleeps for ever
# loses: mean_test
# hint: Your code was still running after 2 s

# %% double
def double(x):
    return 2 * x

# %% mean
import time


def mean(values):
    time.sleep(10**6)
