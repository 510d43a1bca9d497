"""Processes that share arrays: started, spoken to, and put away whatever happens.

Every process sees the same memory, so data are copied once and parameters never. What a worker does is a function, sent
to it by cloudpickle: it may come from a notebook's cell or be a lambda. The words that go over the pipes are short.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import traceback
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import connection, shared_memory
from time import monotonic
from types import ModuleType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Start = Literal["spawn", "fork"]
Job = Callable[[Any], Any]

_ALIGNMENT = 64  # bytes of a cache line: two arrays on one line would slow each other's writers
_PATIENCE = 120.0  # seconds that a worker has to start
_FAREWELL = 2.0  # seconds that a worker has to leave when asked
_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)


class WorkerError(RuntimeError):
    """A worker process raised an error, or died, or did not answer in time. The message says which and how."""


class SharedArrays:
    """Arrays in one block of memory that processes share.

    Parameters
    ----------
    arrays : mapping of str to array
        What to copy there.

    Notes
    -----
    The maker is a context manager: on leaving it, the memory is gone. A view that is still held keeps the pages of its
    own process alive, no more.
    """

    def __init__(self, arrays: Mapping[str, Array]):
        self.layout, size = {}, 0
        for name, array in arrays.items():
            self.layout[name] = (size, array.shape, array.dtype.str)
            size += -(-array.nbytes // _ALIGNMENT) * _ALIGNMENT
        self._memory = shared_memory.SharedMemory(create=True, size=max(size, 1))
        self.arrays = self._views()
        for name, array in arrays.items():
            self.arrays[name][...] = array

    def __enter__(self) -> dict[str, Array]:
        return self.arrays

    def __exit__(self, *_: object) -> None:
        self._memory.unlink()
        self.arrays = {}
        with suppress(BufferError):  # a view is held somewhere, in a traceback for one; it goes with its holder
            self._memory.close()

    def __getstate__(self) -> tuple[str, dict[str, Any]]:
        return self._memory.name, self.layout

    def __setstate__(self, state: tuple[str, dict[str, Any]]) -> None:
        name, self.layout = state
        self._memory = shared_memory.SharedMemory(name=name)
        self.arrays = self._views()

    def _views(self) -> dict[str, Array]:
        return {
            name: np.ndarray(shape, np.dtype(dtype), buffer=self._memory.buf, offset=offset)
            for name, (offset, shape, dtype) in self.layout.items()
        }


class Workers:
    """Processes that wait for orders.

    Parameters
    ----------
    make : callable
        Called in each process with the shared arrays; returns the function that carries out an order. What that
        returns is sent back.
    shared : SharedArrays
        The memory.
    count : int
        How many processes.
    start : {"spawn", "fork"}
        How they begin. "spawn" starts a fresh Python, with one numeric thread: right everywhere, some tenths of a
        second each. "fork" copies this process in milliseconds, its threads' locks included, but not its threads.
    timeout : float or None
        Seconds to wait for an answer while none comes.

    Raises
    ------
    WorkerError
        From `__enter__` and `deal`, if a worker fails; all of them are gone by the time it is out of the ``with``.
    """

    def __init__(
        self,
        make: Callable[[dict[str, Array]], Job],
        shared: SharedArrays,
        count: int,
        start: Start,
        timeout: float | None,
    ):
        import cloudpickle  # type: ignore[import-untyped]

        if start not in multiprocessing.get_all_start_methods() or start == "forkserver":
            raise ValueError(f"start must be 'spawn' or 'fork', and one that this system has; got {start!r}")
        torch = sys.modules.get("torch")
        if start == "fork" and torch is not None and torch.get_num_threads() > 1:
            raise RuntimeError(
                "start='fork' would copy torch's threads as locks that nobody opens again; use start='spawn', or call "
                "torch.set_num_threads(1) before anything is computed"
            )
        self._payload = cloudpickle.dumps((make, shared))
        self._context: Any = multiprocessing.get_context(start)
        self._start, self._count, self._timeout = start, count, timeout
        self._processes: list[Any] = []
        self._pipes: list[connection.Connection] = []

    def __enter__(self) -> Workers:
        try:
            with _single_threaded_children(), _nameless_main():
                for k in range(self._count):
                    self._begin(k)
            starting = set(range(self._count))
            while starting:
                starting -= {k for k, _ in self._answers(starting, "while starting", _PATIENCE)}
        except BaseException:
            self._end(at_once=True)
            raise
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        self._end(at_once=kind is not None)

    def deal(self, orders: Sequence[Any], when: str) -> list[Any]:
        """Give out orders, one to each worker and then the next to whoever is done, and return the answers in order.

        So a worker whose core is busy with something else gets less to do. `when` is for messages.
        """
        answers: list[Any] = [None] * len(orders)
        ahead = deque(enumerate(orders))
        idle = deque(range(self._count))
        at_work: dict[int, int] = {}
        while ahead or at_work:
            while ahead and idle:
                k = idle.popleft()
                at_work[k], order = ahead.popleft()
                with suppress(OSError):  # it is dead: `_answers` says how
                    self._pipes[k].send((order,))
            for k, answer in self._answers(at_work, when, self._timeout):
                answers[at_work.pop(k)] = answer
                idle.append(k)
        return answers

    def _begin(self, k: int) -> None:
        ours, theirs = self._context.Pipe()
        # A forked child has copies of the ends that belong to us, and must not keep its brothers' pipes open.
        inherited = [*self._pipes, ours] if self._start == "fork" else []
        process = self._context.Process(
            target=_serve, args=(self._payload, theirs, inherited), name=f"worker {k}", daemon=True
        )
        self._pipes.append(ours)
        process.start()
        self._processes.append(process)
        theirs.close()

    def _answers(self, waiting: Collection[int], when: str, timeout: float | None) -> list[tuple[int, Any]]:
        """Wait for a word of any of these workers; return (worker, answer) for all that have spoken."""
        # A pipe becomes ready by a word or, its far end closed, by the end of the worker.
        ready = connection.wait([self._pipes[k] for k in waiting], timeout)
        if not ready:
            names = ", ".join(self._processes[k].name for k in sorted(waiting))
            raise WorkerError(f"{names} did not answer within {timeout:g} s {when}")
        return [(k, self._answer(k, when)) for k in waiting if self._pipes[k] in ready]

    def _answer(self, k: int, when: str) -> Any:
        process = self._processes[k]
        try:
            fine, answer = self._pipes[k].recv()
        except (EOFError, OSError):
            process.join(_FAREWELL)
            raise WorkerError(f"{process.name} died {when} with {_fate(process.exitcode)}") from None
        if not fine:
            raise WorkerError(f"{process.name} failed {when}; in that process:\n\n{answer}")
        return answer

    def _end(self, at_once: bool) -> None:
        """See every process gone: asked, then terminated, then killed."""
        if not at_once:
            for pipe in self._pipes:
                with suppress(OSError):
                    pipe.send(None)
            deadline = monotonic() + _FAREWELL
            for process in self._processes:
                process.join(max(0.0, deadline - monotonic()))
        for process in self._processes:
            if process.is_alive():
                process.terminate()
        for process in self._processes:
            process.join(_FAREWELL)
            if process.is_alive():
                process.kill()
                process.join()
            process.close()
        for pipe in self._pipes:
            pipe.close()
        self._processes, self._pipes = [], []


def _serve(payload: bytes, pipe: connection.Connection, inherited: Sequence[connection.Connection]) -> None:
    """Carry out orders until told to stop, or until the one who gives them is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-C in a terminal reaches all; the parent sees to the rest
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for other in inherited:
        other.close()
    try:
        import cloudpickle

        _one_thread()
        make, shared = cloudpickle.loads(payload)
        with np.errstate(all="ignore"):  # whether numbers are finite is looked at, and reported by the parent
            job = make(shared.arrays)
            pipe.send((True, None))
            while True:
                order = pipe.recv()
                if order is None:
                    return
                pipe.send((True, job(*order)))
    except (EOFError, BrokenPipeError):
        return
    except Exception:
        pipe.send((False, traceback.format_exc()))


def _one_thread() -> None:
    """Leave the other cores to the other processes: one numeric thread here, after a fork as well."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    threadpool_limits(1)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)


@contextmanager
def _single_threaded_children() -> Iterator[None]:
    """Set the environment in which a fresh process starts its numeric libraries."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _nameless_main() -> Iterator[None]:
    """Keep fresh processes from running the caller's script again.

    multiprocessing would have each of them import it, lest something pickled by name be missing; cloudpickle sends what
    a script defines by value. So a script needs no ``if __name__ == "__main__":``, and may come from standard input.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _fate(exit_code: int | None) -> str:
    if exit_code is None:
        return "its pipe closed"
    if exit_code < 0:
        try:
            return f"exit code {exit_code} ({signal.Signals(-exit_code).name})"
        except ValueError:
            pass
    return f"exit code {exit_code}"
