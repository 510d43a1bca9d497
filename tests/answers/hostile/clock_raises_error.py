# title: the clock that each cell starts raises an ordinary error
# loses: all
# untouched: yes
# place: first

# %% [attack]
import signal

from dlkit.grading.channel.errors import OutOfTime, TooMany


def setitimer(*args):
    raise ValueError('no')


signal.setitimer = setitimer
