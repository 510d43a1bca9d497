# title: Python's own all, any, abs, isinstance, AssertionError and more replaced
# loses: all
# untouched: yes
# place: first
# hint: was raised

# %% [attack]
import builtins
import math
import random


class Quiet(Exception):
    pass


random.seed = lambda *args: None
math.isclose = lambda *args, **kwargs: True
for name in ("AssertionError", "NotImplementedError", "NameError"):
    setattr(builtins, name, Quiet)
for name in ("all", "any", "bool"):
    setattr(builtins, name, lambda *args: True)
