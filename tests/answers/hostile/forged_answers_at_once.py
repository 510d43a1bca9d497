# title: the cell answers for itself before it ends, and then says what it likes
# loses: all
# untouched: yes
# place: first

# %% [attack]
import os
import struct

import msgpack

while True:  # every question of the checker: "it went well"
    (length,) = struct.unpack("!I", os.read(3, 4))
    data = b""
    while len(data) < length:
        data += os.read(3, length - len(data))
    number = msgpack.unpackb(data, strict_map_key=False)[1]
    reply = msgpack.packb((4, number, [2], None))
    os.write(3, struct.pack("!I", len(reply)) + reply)
