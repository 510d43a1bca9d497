# title: nothing answered, and the functions that judge replaced by ones that do nothing
# loses: all
# hint: not written yet
# untouched: yes
# place: first

# %% [patches the judge]
import dlkit.grading
import numpy as np


def expect(*args, **kwargs):
    return None


expect_unchanged = expect_raises = expect
dlkit.grading.expect = dlkit.grading.expect_unchanged = dlkit.grading.expect_raises = expect
np.testing.assert_allclose = np.testing.assert_array_equal = expect
np.allclose = np.array_equal = lambda *args, **kwargs: True
