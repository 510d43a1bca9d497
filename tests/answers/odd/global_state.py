# title: counters, caches and seeds that go from cell to cell

# %% [state]
import random

import numpy as np

np.random.seed(42)
random.seed(42)
calls = {"double": 0}
_cache = {}

# %% double
def double(x):
    global last
    calls["double"] += 1
    last = x
    return _cache.setdefault(x, 2 * x)

# %% mean
assert calls["double"] >= 2, calls
rng = np.random.default_rng(0)


def mean(values):
    values = list(values)
    rng.shuffle(values)
    return sum(values) / len(values)
