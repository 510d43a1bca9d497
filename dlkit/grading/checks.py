"""The checker's side of a run: the course's own cells, and above all its tests, run here, out of the student's reach.

A test passes if it runs to its end. What stops it is put into words that its author meant for the student, or, where
the student's process is the cause, that say what happened there; and into the lines of a traceback that tell hidden
tests from visible ones (see `dlkit.grading.feedback`).
"""

from __future__ import annotations

import contextlib
import io
import linecache
import random
import re
import signal
import traceback
from collections.abc import Iterator
from types import FrameType
from typing import Any

from nbformat.notebooknode import NotebookNode

from dlkit.grading.channel.checker import Connection, Names
from dlkit.grading.channel.errors import (
    LimitError,
    NotAValue,
    NotCopiedBack,
    OutOfTime,
    ProtocolError,
    StudentGone,
    StudentStopped,
    StudentTimeout,
)
from dlkit.grading.channel.remote import run_tests_over
from dlkit.grading.marks import asked_for
from dlkit.grading.outputs import error, made
from dlkit.grading.plan import code_of, python_of

_MOST_OUTPUT = 100_000  # characters that a cell prints here
_MOST_LINES = 60  # of a traceback

#: What stopped a test, as feedback names it, and says it: in words of ours only, since what her process says may be
#: what it saw of a hidden test.
_TOLD: tuple[tuple[type[BaseException], str, str], ...] = (
    (
        OutOfTime,
        "CellTimeoutError",
        "Your code was still running after {timeout:g} s; it was stopped. Is there a loop that does not end?",
    ),
    (StudentTimeout, "CellTimeoutError", "Your code did not come to its end in time; its process was ended."),
    (StudentGone, "KernelStopped", "The process of your code ended."),
    (StudentStopped, "CodeStopped", "Instead of returning a value, your code raised {raised}."),
    (NotAValue, "NoValue", "An object of a class of your own stands where a number, a text or an array is expected."),
    (ProtocolError, "KernelStopped", "The process of your code gave an answer that is none."),
    (LimitError, "TooLarge", "What your code returned is too large, too long or too deep for the grader ({kind})."),
    (NotCopiedBack, "NotCopiedBack", "Your code changed an argument in place, and more than its entries."),
)


class CheckTimeoutError(BaseException):
    """The test itself, not the student's code, did not come to its end in time."""


class Checker:
    """Runs cells of the course in this process.

    Parameters
    ----------
    connection
        To the student's process.
    names
        What may be asked for there.
    timeout
        Seconds of processor time that the student's code has for a cell.
    seconds
        How long a cell may take here.
    """

    def __init__(self, connection: Connection, names: frozenset[str], timeout: float, seconds: float) -> None:
        import numpy as np

        random.seed(0)
        np.random.seed(0)  # noqa: NPY002  (for courses whose cells use it; the student's process begins alike)
        self.connection, self.timeout, self.seconds = connection, timeout, seconds
        run_tests_over(connection)
        self.globals = Names(connection, {"__name__": "__main__", "get_ipython": _NoShell}, only=names)

    def run(self, source: str, number: int) -> tuple[list[NotebookNode], BaseException | None]:
        """Run a cell; return its outputs, and what stopped it."""
        printed = _Bounded()
        trouble: BaseException | None = None
        with asked_for() as points:
            try:
                code, text = code_of(source, number), python_of(source)
                linecache.cache[code.co_filename] = (len(text), None, text.splitlines(True), code.co_filename)
                with (
                    contextlib.redirect_stdout(printed),
                    contextlib.redirect_stderr(printed),
                    _alarm(self.seconds),
                    self.connection.cell(self.seconds),
                ):
                    exec(code, self.globals)
            except (Exception, SystemExit, CheckTimeoutError) as stopped:
                trouble = stopped
        outputs = []
        if printed.text():
            outputs.append(made("stream", name="stdout", text=printed.text()))
        if trouble is not None:
            outputs.append(self._told(trouble))
        elif points:  # nbgrader takes this for partial credit
            mark = {"text/plain": str(points[-1])}
            outputs.append(made("execute_result", data=mark, metadata={}, execution_count=number))
        return outputs, trouble

    def _told(self, trouble: BaseException) -> NotebookNode:
        """Say in an output what stopped a cell."""
        name, message = type(trouble).__name__, _message(trouble)
        if isinstance(trouble, CheckTimeoutError):
            name = "CellTimeoutError"
        for kind, ours, words in _TOLD:
            if isinstance(trouble, kind):
                raised = re.search(r"SystemExit|KeyboardInterrupt", message)
                told = {"timeout": self.timeout, "kind": name, "raised": raised[0] if raised else "an exception"}
                name, message = ours, words.format(**told)
                break
        return error(name, message, [*_lines(trouble), f"{name}: {message}"])


class _NoShell:
    """What ``get_ipython()`` gives to magics of the course's cells: they set up a notebook, and here is none."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


class _Bounded(io.StringIO):
    """Keeps what is printed, to a length."""

    def write(self, text: str) -> int:
        """Keep it while there is room."""
        room = _MOST_OUTPUT - self.tell()
        if room > 0:
            super().write(text[:room])
        return len(text)

    def text(self) -> str:
        """Return what was kept."""
        return self.getvalue()


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def ring(number: int, frame: FrameType | None) -> None:
        raise CheckTimeoutError(f"This check did not come to its end within {seconds:g} s.")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _message(trouble: BaseException) -> str:
    try:
        return str(trouble.args[0]) if isinstance(trouble, KeyError) and trouble.args else str(trouble)
    except Exception:
        return ""


def _lines(trouble: BaseException) -> list[str]:
    """List where it happened: first in the test, then in the student's cells."""
    lines, theirs = [], []
    for frame, number in traceback.walk_tb(trouble.__traceback__):
        file = frame.f_code.co_filename
        if file.startswith("<Cell In["):
            text = linecache.getline(file, number).strip()
            lines.append(f"{file[1:-1]}, line {number}\n----> {text}")
    if isinstance(trouble, SyntaxError) and (trouble.filename or "").startswith("<Cell"):
        lines.append(f"{(trouble.filename or '')[1:-1]}, line {trouble.lineno}")
    for note in getattr(trouble, "__notes__", ()):
        for line in note.splitlines()[1:]:
            place = re.match(r"\s*(Cell In\[\d+\], line \d+), in (.*)", line)
            theirs.append(f"{place[1]}, in {place[2]}" if place else f"----> {line.strip()}")
    # Ours tell which check it was, and so what may be shown: hers must not push them out.
    lines = lines[-_MOST_LINES:]
    return lines + theirs[-_MOST_LINES:]
