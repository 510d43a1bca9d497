# title: a traceback of her own making, so long that nothing else is seen
# loses: double_visible, double_hidden, mean_test

# %% double
import dlkit.grading.channel.student as student

forged = "".join(f"  Cell In[{n}], line 2, in f\n    pass\n" for n in range(2, 12) for _ in range(12))
student._Student.traceback = lambda self, traceback: forged


def double(x):
    raise ValueError(f"secret: {x}")

# %% mean
def mean(values):
    raise ValueError(f"secret: {values}")
