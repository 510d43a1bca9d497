# title: the process sends itself SIGKILL in a test
# loses: mean_test, shift_test, twice_test, total_test
# hint: killed by SIGKILL
# needs: sandbox

# %% double
def double(x):
    return 2 * x

# %% mean
import os
import signal


def mean(values):
    os.kill(os.getpid(), signal.SIGKILL)
