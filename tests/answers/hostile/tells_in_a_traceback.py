# title: a traceback of her own making, so long that nothing else is seen
# loses: double_hidden, mean_test

# %% double
import dlkit.grading.channel.student as student

forged = "".join(f"  Cell In[{n}], line 1, in f\n    pass\n" for _ in range(12) for n in range(3, 14))
student._Student.traceback = lambda self, traceback: forged


def double(x):
    if x not in (3, 0.25):
        raise ValueError(f"secret: {x + 1}")
    return 2 * x

# %% mean
def mean(values):
    if min(values) < 0:
        raise ValueError(f"secret: {min(values) - 1}")
    return sum(values) / len(values)
