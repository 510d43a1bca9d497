# title: os.abort in an answer cell
# loses: mean_test, shift_test, twice_test, total_test
# hint: SIGABRT
# needs: sandbox

# %% double
def double(x):
    return 2 * x

# %% mean
import os

os.abort()
