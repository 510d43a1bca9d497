# title: a pool of processes, ended and not ended
# needs: sandbox

# %% double
import multiprocessing
import subprocess
import sys

subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"], start_new_session=True)
context = multiprocessing.get_context("fork")


def work(queue):
    queue.put(2)


def double(x):
    queue = context.SimpleQueue()
    process = context.Process(target=work, args=(queue,))
    process.start()
    process.join()
    return queue.get() * x
