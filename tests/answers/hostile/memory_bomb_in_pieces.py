# title: all the memory that there is, piece by piece and in several processes
# loses: mean_test, shift_test, twice_test, total_test
# hint: more than 256 MB of memory
# needs: sandbox

# %% double
def double(x):
    return 2 * x

# %% mean
import os
import time


def mean(values):
    for _ in range(8):
        if os.fork() == 0:
            break
    held = []
    while True:
        try:
            held.append(b"x" * 10**7)
        except MemoryError:
            time.sleep(10)
