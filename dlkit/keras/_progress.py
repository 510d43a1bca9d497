"""Keras's progress bar: a line that grows while an epoch runs."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from dlkit._checks import count

__all__ = ["Bar", "checked_verbosity"]

WIDTH = 20
INTERVAL = 0.1  # seconds between two looks of the bar: more often, and printing would cost more than it tells


class Bar:
    """What is printed of one pass over the data.

    Where the output can be written over, on a terminal and in a notebook, the bar moves; into a file goes its end only.

    Parameters
    ----------
    steps : int
        How many batches the pass has.
    verbose : {0, 1, 2}
        Nothing, a bar, or a line at the end.
    """

    def __init__(self, steps: int, verbose: int) -> None:
        self.steps, self.verbose = steps, verbose
        self.start = self.last = time.perf_counter()
        in_a_notebook = type(sys.stdout).__module__.startswith("ipykernel")
        self.moves = verbose == 1 and (in_a_notebook or sys.stdout.isatty())
        self.width = 0

    def update(self, done: int, logs: Callable[[], Mapping[str, float]]) -> None:
        """Show how far it is, if it is time to."""
        if not self.moves:
            return
        now = time.perf_counter()
        if now - self.last < INTERVAL or done >= self.steps:
            return
        self.last = now
        each = (now - self.start) / done
        left = each * (self.steps - done)
        self._write(f"{self._bar(done)} {_clock(left)} {_duration(each)}/step{_shown(logs())}", "")

    def end(self, logs: Mapping[str, float]) -> None:
        """Show the result."""
        if self.verbose == 0:
            return
        spent = time.perf_counter() - self.start
        each = f"{_duration(spent / self.steps)}/step"
        if self.verbose == 2:
            print(f"{self.steps}/{self.steps} - {spent:.0f}s - {each}{_shown(logs)}", flush=True)
        else:
            self._write(f"{self._bar(self.steps)} {spent:.0f}s {each}{_shown(logs)}", "\n")

    def _bar(self, done: int) -> str:
        full = WIDTH * done // self.steps
        return f"{done:{len(str(self.steps))}d}/{self.steps} {'━' * full}{'─' * (WIDTH - full)}"

    def _write(self, line: str, end: str) -> None:
        back = "\r" if self.moves else ""
        print(f"{back}{line}{' ' * (self.width - len(line))}", end=end, flush=True)
        self.width = len(line)


def checked_verbosity(verbose: Any) -> int:
    """Return 0, 1 or 2; "auto" is 1."""
    return 1 if verbose == "auto" else count(int(verbose) if isinstance(verbose, bool) else verbose, "verbose", 0, 2)


def _shown(logs: Mapping[str, float]) -> str:
    return "".join(f" - {name}: {x:.4f}" if abs(x) > 1e-3 else f" - {name}: {x:.4e}" for name, x in logs.items())


def _duration(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.0f}s"
    return f"{1e3 * seconds:.0f}ms" if seconds >= 1e-3 else f"{1e6 * seconds:.0f}us"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}" if minutes else f"{rest}s"
