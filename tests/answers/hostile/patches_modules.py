# title: sys.modules, linecache and numpy hold what the student put there
# loses: all
# untouched: yes
# place: first

# %% [attack]
import linecache
import sys
import types

import numpy as np

fake = types.ModuleType("dlkit.grading")
fake.expect = fake.expect_unchanged = fake.expect_raises = lambda *args, **kwargs: None
sys.modules["dlkit.grading"] = sys.modules["dlkit.grading.expect"] = sys.modules["dlkit.grading.checks"] = fake
linecache.getline = lambda *args: "pass"
linecache.cache.clear()
np.ndarray = object
np.asarray = np.array = lambda *args, **kwargs: True
np.random.seed = lambda *args: None
