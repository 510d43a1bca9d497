"""The owner's side: a sandbox with the libraries loaded, from which a process for each submission is forked."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from time import monotonic
from types import TracebackType
from typing import Any

from dlkit.errors import CourseError
from dlkit.grading.sandbox import bubblewrap
from dlkit.grading.sandbox.inside import START
from dlkit.grading.sandbox.limits import Limits
from dlkit.grading.sandbox.wire import BEGIN_CELL, END_CELL, INTERRUPT, KILL, Job, receive_block

PRELOAD = ("numpy", "matplotlib.pyplot", "torch", "dlkit", "dlkit.grading")
RUN_SOURCE = "dlkit.grading.sandbox.keeper:run_source"
_SPARE = 10.0  # seconds beyond the notebook's own time after which a keeper that says nothing is given up


class SandboxLost(CourseError):  # noqa: N818
    """The sandbox ended without a report, through no known fault of the submission: worth another try, never a zero."""


@dataclass(frozen=True)
class Report:
    """How a submission's process ended, and what it used.

    Attributes
    ----------
    exit_code, signal, limit, killed
        How it ended; exactly one of them is set: it ended by itself, a signal ended it, it went beyond the field of
        `Limits` that is named, or its owner killed it.
    leftover
        Processes of it that were still running then, and were killed.
    cpu_seconds
        CPU time of all its processes.
    wall_seconds
        Time from its start to its end.
    peak_memory
        The most bytes that one of its processes held beyond what the zygote had loaded.
    scratch_bytes
        Bytes of the files that it left in its scratch folder, its ``/tmp`` and ``/dev/shm``.
    output
        What it wrote to standard output and standard error, to the limit.
    """

    exit_code: int | None
    signal: int | None
    limit: str | None
    killed: bool
    leftover: int
    cpu_seconds: float
    wall_seconds: float
    peak_memory: int
    scratch_bytes: int
    output: bytes

    def __str__(self) -> str:
        """Say in words how it ended."""
        if self.limit:
            return f"it went beyond the limit {self.limit} and was stopped"
        if self.killed:
            return "it was stopped"
        if self.signal is not None:
            known = self.signal in set(signal.Signals)
            return f"its process was ended by {signal.Signals(self.signal).name if known else f'signal {self.signal}'}"
        return "it ran to its end" if self.exit_code == 0 else f"its process ended with exit code {self.exit_code}"


class Zygote:
    r"""A warm sandbox; `fork` runs a submission in it.

    It starts at the first use, again when it has died, and at the latest ends with the thread that started it. Several
    submissions may run at the same time, each without sight of the others. A fork of the process that started it may
    use it too, but not start it again.

    Parameters
    ----------
    mode
        ``"bubblewrap"``, or ``"none"``, which warns and protects from mistakes, not from malice.
    preload
        Modules that it imports, in this order; those that are not installed are passed over. Of ``"module:function"``
        the function is called as well.
    readable
        Files and folders that submissions may read, at their own paths, besides the system and Python's packages.
    start_seconds
        Time that starting it may take.

    Examples
    --------
    >>> with Zygote() as zygote, zygote.fork(RUN_SOURCE, "print(6 * 7)") as child:  # doctest: +SKIP
    ...     child.wait().output
    b'42\n'
    """

    def __init__(
        self,
        *,
        mode: str = "bubblewrap",
        preload: Sequence[str] = PRELOAD,
        readable: Iterable[Path | str] = (),
        start_seconds: float = 120,
    ):
        if mode not in bubblewrap.MODES:
            raise ValueError(f"mode must be one of {', '.join(bubblewrap.MODES)}, but {mode!r} was given.")
        self.mode, self.preload, self.readable = mode, tuple(preload), tuple(readable)
        self.start_seconds = start_seconds
        self.starts = 0
        self.ready: dict[str, Any] = {}  # what it said of itself: loaded, missing, threads, memory, user
        self._owner = os.getpid()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Zygote:
        with self._lock:
            self._running()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def fork(
        self,
        program: str,
        argument: str = "",
        *,
        channel: socket.socket | None = None,
        files: Mapping[str, bytes] | None = None,
        limits: Limits | None = None,
    ) -> Child:
        """Start a submission's process.

        Parameters
        ----------
        program
            ``"module:function"``; called with the channel's file descriptor (or ``None``) and `argument`. What it
            returns, or passes to `sys.exit`, is the exit code.
        argument
            Text for the program.
        channel
            The program's end of the channel; the caller's copy may be closed afterwards.
        files
            Contents of files by their paths relative to the scratch folder, where the program starts.
        limits
            What it may use; the defaults of `Limits` if not given.

        Raises
        ------
        SandboxMissing
            If this machine cannot make the sandbox.
        SandboxLost
            If the zygote dies again and again.
        ValueError
            If the program is no ``module:function``, a path of `files` leads out of the scratch folder, or they do
            not fit into it.
        """
        if program.count(":") != 1:
            raise ValueError(f"program must be 'module:function', but {program!r} was given.")
        for name in files or {}:
            path = PurePosixPath(name)
            if not path.name or path.is_absolute() or ".." in path.parts or "\0" in name:
                raise ValueError(f"files: {name!r} must be a path inside the scratch folder.")
        job = Job(program, argument, limits or Limits(), dict(files or {}))
        size = sum(map(len, job.files.values()))
        if size > job.limits.scratch // 2:
            raise ValueError(
                f"files: {size} bytes were given, but scratch={job.limits.scratch} must have room for twice as many."
            )
        for _ in range(3):
            mine, theirs = socket.socketpair()
            mine.settimeout(self.start_seconds)
            try:
                with theirs:
                    self._hand_over(theirs, channel)
                job.send(mine)
                return Child(mine, job.limits)
            except OSError as error:  # it has died; another one is started for the next try
                mine.close()
                reason = error
            except BaseException:
                mine.close()
                raise
        raise SandboxLost(f"The zygote ended whenever a submission was to start: {reason}")

    def _hand_over(self, reins: socket.socket, channel: socket.socket | None) -> None:
        with self._lock:
            control = self._running()
            try:
                socket.send_fds(control, [b"fork"], [s.fileno() for s in (reins, channel) if s is not None])
            except OSError:
                self._forget()
                raise

    def close(self) -> None:
        """End it, and every submission that still runs."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None and os.getpid() == self._owner:
            self._process.kill()
            self._process.wait()
        self._control = self._process = None

    def _running(self) -> socket.socket:
        """Return the control socket of a living zygote."""
        if os.getpid() != self._owner:
            if self._control is None:
                raise SandboxLost("The zygote has ended, and only the process that started it can start it again.")
            return self._control
        if self._process is not None and self._process.poll() is not None:
            self._forget()
        if self._control is None:
            self._start()
        assert self._control is not None
        return self._control

    def _start(self) -> None:
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        package = str(Path(__file__).parents[3])
        isolated = self.mode != "none"
        places = [str(place) for place in bubblewrap.visible(self.readable)] if isolated else []
        settings = {"preload": self.preload, "isolated": isolated, "places": places}
        python = [sys.executable, "-I", "-X", "utf8", "-c", START, str(theirs.fileno()), package]
        with tempfile.TemporaryFile() as errors, theirs:
            self._process = bubblewrap.start(
                python, keep=[theirs.fileno()], readable=self.readable, mode=self.mode, errors=errors
            )
            theirs.close()
            mine.settimeout(self.start_seconds)
            try:
                mine.send(json.dumps(settings).encode())
                answer = mine.recv(1 << 16)
            except TimeoutError:
                answer, reason = b"", f"it took more than {self.start_seconds} s"
            except OSError as error:
                answer, reason = b"", str(error)
            else:
                reason = ""
            if not answer:
                mine.close()
                self._forget()
                errors.seek(0)
                text = errors.read().decode(errors="replace")[-2000:]
                raise bubblewrap.SandboxMissing(bubblewrap.explain(text or reason))
        if isolated:
            self._rehearse(mine)
        mine.settimeout(None)
        self._control, self.ready, self.starts = mine, json.loads(answer), self.starts + 1
        hidden = [name for name in self.ready["missing"] if importlib.util.find_spec(re.split("[.:]", name)[0])]
        if hidden:
            self._forget()
            raise CourseError(
                f"{', '.join(hidden)}: installed here, but not to be seen in the sandbox, which has the folders "
                f"{', '.join(map(str, bubblewrap.python_environment()))}: name theirs in readable."
            )
        if self.ready["threads"] != 1:
            self._forget()
            raise CourseError(
                f"The zygote must have one thread before it forks, but has {self.ready['threads']} after importing "
                f"{', '.join(self.ready['loaded'])}: leave out of preload what starts threads when it is imported."
            )

    def _rehearse(self, control: socket.socket) -> None:
        """Fork once, so that a machine where that fails is found out before there is a submission."""
        reins, theirs = socket.socketpair()
        reins.settimeout(self.start_seconds)
        try:
            with reins, theirs:
                socket.send_fds(control, [b"fork"], [theirs.fileno()])
                theirs.close()
                Job(RUN_SOURCE, "", Limits(), {}).send(reins)
                trouble = json.loads(receive_block(reins)).get("trouble")
        except (OSError, EOFError) as error:
            trouble = str(error)
        if trouble:
            control.close()
            self._forget()
            raise bubblewrap.SandboxMissing(bubblewrap.explain(trouble))


class Child:
    """A submission that runs; to be closed, or used in ``with``, which ends it."""

    def __init__(self, reins: socket.socket, limits: Limits):
        self.limits = limits
        self._reins = reins
        self._started = monotonic()
        self._cell_began = monotonic()
        self._report: Report | None = None

    def __enter__(self) -> Child:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def begin_cell(self) -> None:
        """Start the clock of a cell: after ``limits.cell_seconds`` it is interrupted, and 2 s later killed."""
        self._cell_began = monotonic()
        self._order(BEGIN_CELL)

    def end_cell(self) -> bool:
        """Stop the clock of the cell; return whether the cell was in time.

        The interrupt of a cell that ends at the last moment may arrive after its end: the program that runs cells has
        to expect a `KeyboardInterrupt` between them.
        """
        self._order(END_CELL)
        return monotonic() - self._cell_began < self.limits.cell_seconds

    def interrupt(self) -> None:
        """Raise `KeyboardInterrupt` in the program."""
        self._order(INTERRUPT)

    def kill(self) -> None:
        """Kill all processes of the submission; `wait` still reports."""
        self._order(KILL)

    def wait(self, timeout: float | None = None) -> Report:
        """Wait for the end and return the report.

        Parameters
        ----------
        timeout
            Seconds to wait; by default what the notebook has left, and some.

        Raises
        ------
        SandboxLost
            If there is no report by then, or the sandbox has died; all its processes are killed.
        """
        if self._report is not None:
            return self._report
        left = self._started + self.limits.notebook_seconds + _SPARE - monotonic()
        self._reins.settimeout(max(0.01, left) if timeout is None else timeout)
        try:
            report = json.loads(receive_block(self._reins))
            if "trouble" in report:
                raise SandboxLost(f"A submission could not be started: {report['trouble']}")
            self._report = Report(output=receive_block(self._reins), **report)
        except (OSError, EOFError, ValueError) as error:
            reason = "it did not answer in time" if isinstance(error, TimeoutError) else str(error)
            raise SandboxLost(f"The sandbox of a submission was lost without a report: {reason}.") from error
        finally:
            self.close()
        return self._report

    def close(self) -> None:
        """End it; nothing is reported any more."""
        self._reins.close()

    def _order(self, order: int) -> None:
        try:
            self._reins.send(bytes([order]))
        except OSError:  # it has ended; wait() tells how
            if self._reins.fileno() == -1 and self._report is None:
                raise ValueError("This submission's process was closed.") from None
