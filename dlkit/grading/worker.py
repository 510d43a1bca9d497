"""A worker process of `dlkit.grading.pool`: it runs one task after another, each in a process of its own.

The process that runs a task is forked, ready with everything imported, and leads a process group of its own. Whatever
it started is gone before the next task begins, what left its group too (on Linux: the worker is made the one to
whom orphans fall). If the worker or the run it works for is killed, what it started ends as well.

A function may need something that outlives its tasks, a warm sandbox for example: see `warmed_by`.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from time import sleep
from typing import Any, TypeVar

_Function = TypeVar("_Function", bound=Callable[..., Any])

DONE, FAILED, LOST = "done", "failed", "lost"


def warmed_by(warm_up: Callable[..., object]) -> Callable[[_Function], _Function]:
    """Decorate a function for workers: before each of its tasks, `warm_up` is called with the task's arguments.

    It is called in the worker itself, which forks the task's process afterwards. Processes that it starts live as long
    as the worker. What it raises is the outcome of the task.
    """

    def mark(function: _Function) -> _Function:
        function.warm_up = warm_up  # type: ignore[attr-defined]
        return function

    return mark


def serve(pipe: Connection, limit: float | None, preload: Sequence[str]) -> None:
    """Run what comes through `pipe` until its other end is closed.

    Parameters
    ----------
    pipe
        Gives pickled ``(function, arguments, keywords)``, takes pickled ``(DONE, value)``, ``(FAILED, exception)`` or
        ``(LOST, what happened)``.
    limit
        Seconds after which a task is given up.
    preload
        Modules to import before the first task.
    """
    os.setsid()  # an interrupt at the terminal is for the run, which ends its workers
    _take_orphans()
    signal.signal(signal.SIGTERM, lambda *_: _leave())
    for module in preload:
        importlib.import_module(module)
    while True:
        try:
            task = pipe.recv_bytes()
        except (EOFError, OSError):
            _leave()
        pipe.send_bytes(_run_apart(task, pipe, limit))


def _run_apart(task: bytes, pipe: Connection, limit: float | None) -> bytes:
    try:
        function, arguments, keywords = pickle.loads(task)
        if warm_up := getattr(function, "warm_up", None):
            warm_up(*arguments, **keywords)
    except Exception as error:
        return _failure(error)
    lasting = frozenset(_descendants(os.getpid()))
    mine, theirs = Pipe()
    if not gc.get_freeze_count():  # or the fork's collector would touch, and so copy, all that was loaded
        gc.freeze()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            mine.close()
            pipe.close()
            _be_quiet()
            os.setsid()
            threading.Thread(target=_leave_with, args=(theirs,), daemon=True).start()
            theirs.send_bytes(_answer(function, arguments, keywords))
        os._exit(0)
    theirs.close()
    try:
        ready = wait([mine, pipe], limit)
        if pipe in ready:  # nothing is sent while a task runs: its other end is gone
            _leave()
        reply = mine.recv_bytes() if ready else None
    except (EOFError, OSError):
        reply = b""
    finally:
        mine.close()
    if reply:
        _end(child, lasting)
        return reply
    what = f"it was not done after {limit:g} s" if reply is None and limit else f"its process {_ending(child)}"
    _end(child, lasting)
    return pickle.dumps((LOST, what))


def _answer(function: Callable[..., Any], arguments: Any, keywords: Any) -> bytes:
    try:
        return pickle.dumps((DONE, function(*arguments, **keywords)))
    except Exception as error:
        return _failure(error)


def _failure(error: Exception) -> bytes:
    try:
        pickle.loads(again := pickle.dumps((FAILED, error)))
    except Exception:  # an exception that does not survive the journey
        again = pickle.dumps((FAILED, RuntimeError(f"{type(error).__name__}: {error}")))
    return again


def _ending(child: int) -> str:
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return ended(code)


def ended(code: int | None) -> str:
    """Say how a process ended, from its exit code (minus the signal that killed it)."""
    if code is None:
        return "is gone"
    if code < 0:
        return f"was killed by {signal.Signals(-code).name if -code in set(signal.Signals) else f'signal {-code}'}"
    return f"ended with exit code {code}"


def _leave() -> None:
    _end(None)
    os._exit(0)


def _leave_with(link: Connection) -> None:
    """In the process of a task: end with the worker, which holds the other end and sends nothing."""
    with contextlib.suppress(EOFError, OSError):
        link.recv_bytes()
    for pid in _descendants(os.getpid()):
        _kill(pid)
    os._exit(1)


def _end(child: int | None, lasting: frozenset[int] = frozenset()) -> None:
    """Kill the task's process, its group and the descendants of this process, and wait until they are gone.

    Those that were there before the task are left alone.
    """
    if child is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)
    for _ in range(1000):
        found = [pid for pid in _descendants(os.getpid()) if pid not in lasting]
        for pid in found:
            _kill(pid)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not found:
            break
        sleep(0.002)
    if child is not None:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(child, 0)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def _descendants(root: int) -> list[int]:
    """List the living descendants of a process; on systems without /proc, none."""
    children: dict[int, list[int]] = {}
    for pid, parent in _processes():
        children.setdefault(parent, []).append(pid)
    found, new = [], [root]
    while new:
        new = [child for pid in new for child in children.get(pid, [])]
        found += new
    return found


def _processes() -> Iterator[tuple[int, int]]:
    """List the living processes, each with its parent; often called, so without the comfort of `pathlib`."""
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc"):  # noqa: PTH208
            if name.isdecimal():
                with contextlib.suppress(OSError, ValueError), open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                    state, parent = file.read().rpartition(b")")[2].split()[:2]
                    if state != b"Z":
                        yield int(name), int(parent)


def _take_orphans() -> None:
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def _be_quiet() -> None:
    """Send what the machinery prints nowhere: errors are answers, and the screen belongs to the run."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)


def answer(reply: bytes) -> tuple[str, Any]:
    """Read what a worker answered."""
    kind, value = pickle.loads(reply)
    return kind, value
