# title: threads until there can be no more, left running
# place: first
# needs: sandbox

# %% [attack]
import threading
import time

for _ in range(10_000):
    try:
        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
    except RuntimeError:
        break
