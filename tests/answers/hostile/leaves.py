# title: sys.exit in answer cells and in functions
# loses: mean_test
# hint: Instead of returning a value, your code raised SystemExit.

# %% double
import sys


def double(x):
    return 2 * x


sys.exit(1)

# %% mean
def mean(values):
    sys.exit('done')
