# title: the parent, the first process and the process group are sent SIGKILL
# place: first
# needs: sandbox

# %% [attack]
import os
import signal

for pid in (os.getppid(), 1):
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP, signal.SIGINT):
        try:
            os.kill(pid, number)
        except OSError as error:
            print(error)
