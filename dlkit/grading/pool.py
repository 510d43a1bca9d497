"""Where jobs run: executors in the shape of ``concurrent.futures``, in this process or in worker processes.

Anything else of that shape does as well, a cluster's for example: nothing here is known to those who submit.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import pickle
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from multiprocessing import get_context
from types import TracebackType
from typing import Any

from dlkit.grading.jobs import InfrastructureError
from dlkit.grading.worker import DONE, LOST, answer, ended, serve

_GRACE = 30.0  # seconds that a worker has to say that a task ran too long


class WorkerLost(InfrastructureError):  # noqa: N818  (it says what happened)
    """The process that ran a task is gone, or did not answer any more."""


def cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def open_executor(workers: int | None = None, limit: float | None = None, preload: Sequence[str] = ()) -> Executor:
    """Return an executor on this machine.

    Parameters
    ----------
    workers
        How many worker processes; by default as many as there are cores.
    limit, preload
        See `LocalPool`.

    Raises
    ------
    ValueError
        If `workers` is less than 1.
    """
    if workers is not None and workers < 1:
        raise ValueError(f"There must be at least one worker; got {workers}.")
    return LocalPool(workers or cores(), limit, preload)


@functools.cache
def own_worker() -> LocalPool:
    """Return this process's own pool of one worker, for tasks that come one at a time: it stays warm until the end."""
    pool = LocalPool(1)
    atexit.register(pool.shutdown, cancel_futures=True)
    return pool


class InThisProcess(Executor):
    """Run each task at once, when it is submitted."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run it; what it raises is in the future that is returned."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class LocalPool(Executor):
    """A pool of worker processes on this machine; see `dlkit.grading.worker`.

    A worker that is lost takes down nothing but its task, whose future raises `WorkerLost`, and is replaced. A worker
    starts when there is a task for it.

    Parameters
    ----------
    workers
        How many.
    limit
        Seconds after which a task counts as lost; by default never.
    preload
        Modules that a worker imports before its first task, so that tasks find them ready.
    """

    def __init__(self, workers: int, limit: float | None = None, preload: Sequence[str] = ()) -> None:
        self.limit, self.preload = limit, tuple(preload)
        self._tasks: queue.SimpleQueue[tuple[Future[Any], bytes] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = self._abandoned = False
        self._processes: set[Any] = set()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Queue a call of `fn`, which must pickle with its arguments, for the next free worker."""
        task = pickle.dumps((fn, args, kwargs))
        future: Future[Any] = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError("The pool has been shut down: it takes no task.")
            self._tasks.put((future, task))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more tasks; with `cancel_futures`, end those that wait and those that run."""
        with self._lock:
            closed_before, self._closed = self._closed, True
            self._abandoned |= cancel_futures
            if cancel_futures:
                with contextlib.suppress(queue.Empty):
                    while True:
                        task = self._tasks.get_nowait()
                        if task is not None:
                            task[0].cancel()
                for process in self._processes:
                    process.terminate()
            if cancel_futures or not closed_before:
                for _ in self._threads:
                    self._tasks.put(None)
        if wait:
            for thread in self._threads:
                thread.join()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for what was submitted, unless something went wrong, an interrupt for example: then end it."""
        self.shutdown(cancel_futures=kind is not None)

    def _work(self) -> None:
        """Look after one worker: one thread each."""
        process: Any = None
        pipe: Any = None
        while (task := self._tasks.get()) is not None:
            future, data = task
            if not future.set_running_or_notify_cancel():
                continue
            try:
                if process is None:
                    process, pipe = self._start()
                pipe.send_bytes(data)
                if not pipe.poll(None if self.limit is None else self.limit + _GRACE):
                    raise TimeoutError
                kind, value = answer(pipe.recv_bytes())
            except (EOFError, OSError) as error:  # TimeoutError is an OSError
                late = isinstance(error, TimeoutError)
                code = self._stop(process, pipe, kill=late)
                process = None
                future.set_exception(WorkerLost(f"the worker {'did not answer in time' if late else ended(code)}"))
            except Exception as error:
                future.set_exception(error)
            else:
                if kind == DONE:
                    future.set_result(value)
                else:
                    future.set_exception(WorkerLost(value) if kind == LOST else value)
        if process is not None:
            self._stop(process, pipe)

    def _start(self) -> tuple[Any, Any]:
        context = get_context("spawn")
        mine, theirs = context.Pipe()
        process = context.Process(target=serve, args=(theirs, self.limit, self.preload), daemon=True)
        with self._lock:
            if self._abandoned:
                raise EOFError
            process.start()
            self._processes.add(process)
        theirs.close()
        return process, mine

    def _stop(self, process: Any, pipe: Any, kill: bool = False) -> int | None:
        if process is None:
            return None
        pipe.close()
        if kill:
            process.kill()
        process.join(10)
        if process.is_alive():
            process.kill()
            process.join()
        with self._lock:
            self._processes.discard(process)
        return process.exitcode
