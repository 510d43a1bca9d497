# title: the clock that each cell starts raises SystemExit
# loses: all
# untouched: yes
# place: first

# %% [attack]
import signal

from dlkit.grading.channel.errors import OutOfTime, TooMany


def setitimer(*args):
    raise SystemExit()


signal.setitimer = setitimer
