# title: the process ends with the argument as its exit code
# loses: double_hidden, mean_test, shift_test, twice_test, total_test
# hint: the kernel stopped while this cell ran

# %% double
import os


def double(x):
    if x not in (3, 0.25):
        os._exit(x % 256)
    return 2 * x
