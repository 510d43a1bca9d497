# title: recursion, generators, decorators, closures, walrus, match

# %% double
import functools
import time


def timed(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        start = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            wrapper.seconds = time.perf_counter() - start

    return wrapper


@timed
@functools.cache
def double(x):
    return x if x == 0 else x + x


# %% mean
def halves(values):
    yield from values


def length(values):
    match values:
        case []:
            return 0
        case [_, *rest]:
            return 1 + length(rest)


def mean(values):
    return total / n if (n := length(values)) and (total := sum(halves(values))) else 0.0


# %% twice
def repeated(n, f):
    return (lambda x: x) if n == 0 else lambda x: f(repeated(n - 1, f)(x))


def twice(f, x):
    return repeated(2, f)(x)
