# title: each question is answered, but only after a while

# %% double
import time


def double(x):
    time.sleep(0.7)
    return 2 * x
