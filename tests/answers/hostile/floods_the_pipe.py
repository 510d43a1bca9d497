# title: output past Python, straight to the descriptors
# loses: mean_test, shift_test, twice_test, total_test
# hint: too much to the standard output
# needs: sandbox

# %% double
def double(x):
    return 2 * x

# %% mean
import os

while True:
    os.write(1, b'flood ' * 10_000)
    os.write(2, b'flood ' * 10_000)
