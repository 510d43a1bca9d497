# title: the clock that each cell starts says that there is too much
# loses: all
# untouched: yes
# place: first

# %% [attack]
import signal

from dlkit.grading.channel.errors import OutOfTime, TooMany


def setitimer(*args):
    raise TooMany('too many')


signal.setitimer = setitimer
