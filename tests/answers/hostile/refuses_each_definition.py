# title: the command that defines what tests show in plain view says that it is too deep
# loses: all
# untouched: yes
# place: first

# %% [attack]
import gc

from dlkit.grading.channel.errors import TooDeep
from dlkit.grading.channel.student import _Student


def deep(*args, **kwargs):
    raise TooDeep("too deep")


for found in gc.get_objects():
    if type(found) is _Student:
        found.operations.update(define=deep, name=deep, plain=deep)
