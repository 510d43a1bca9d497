# title: threads that compute for ever beside right answers
# place: first

# %% [attack]
import threading


def work():
    while True:
        sum(range(1000))


for _ in range(2):
    threading.Thread(target=work).start()
