# title: a segmentation fault by way of ctypes
# loses: mean_test, shift_test, twice_test, total_test
# hint: its process ended
# needs: sandbox

# %% double
def double(x):
    return 2 * x

# %% mean
import ctypes


def mean(values):
    return ctypes.string_at(0)
