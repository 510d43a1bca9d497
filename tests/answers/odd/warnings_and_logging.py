# title: warnings, log lines and a progress bar on stderr

# %% double
import logging
import sys
import warnings

logging.basicConfig(level=logging.DEBUG)


def double(x):
    warnings.warn("doubling", stacklevel=2)
    logging.getLogger(__name__).warning("doubled %s", x)
    for percent in range(0, 101, 20):
        print(f"\r{percent} %", end="", file=sys.stderr, flush=True)
    return 2 * x


# %% mean
import numpy as np

np.log(0.0)


def mean(values):
    np.divide(1.0, np.zeros(2))
    return np.mean(values)
