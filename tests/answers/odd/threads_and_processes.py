# title: threads and processes that end, exit handlers, temporary files

# %% double
import atexit
import concurrent.futures
import tempfile

atexit.register(print, "the end")


def double(x):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return sum(pool.map(float, [x, x]))


# %% mean
import multiprocessing


def mean(values):
    with tempfile.TemporaryDirectory() as folder, open(f"{folder}/values.txt", "w+") as file:
        file.write(" ".join(map(str, values)))
        file.seek(0)
        numbers = [float(word) for word in file.read().split()]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return sum(pool.map(abs, [0, 0])) + sum(numbers) / len(numbers)
