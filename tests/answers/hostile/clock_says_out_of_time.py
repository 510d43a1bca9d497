# title: the clock that each cell starts says that the time is up
# loses: all
# untouched: yes
# place: first

# %% [attack]
import signal

from dlkit.grading.channel.errors import OutOfTime, TooMany


def setitimer(*args):
    raise OutOfTime('the time is up')


signal.setitimer = setitimer
