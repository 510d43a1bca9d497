"""A bar for runs that last: nothing is drawn, or even imported, before two seconds have passed."""

from __future__ import annotations

from time import perf_counter
from types import TracebackType
from typing import Any

PATIENCE = 2.0  # seconds without a bar
_PAUSE = 0.1  # seconds between two pictures


class Bar:
    """Show on stderr how many of `total` steps are done, once the run has lasted two seconds.

    Parameters
    ----------
    what : str
        What is running.
    total : int
        The number of steps.
    show : bool or None
        None shows the bar where it can be redrawn: in a terminal or a notebook. True shows it wherever stderr goes.
    """

    def __init__(self, what: str, total: int, show: bool | None):
        self.what, self.total, self.show = what, total, show
        self.due = perf_counter() + PATIENCE if show is not False else float("inf")
        self.picture: Any = None
        self.task: Any = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.picture is not None:
            self.picture.stop()

    def at(self, done: int, note: str = "") -> None:
        """Say that `done` steps have been made."""
        now = perf_counter()
        if now < self.due:
            return
        if self.picture is None and not self._begin():
            self.due = float("inf")
            return
        self.picture.update(self.task, completed=done, note=note)
        self.picture.refresh()
        self.due = now + _PAUSE

    def _begin(self) -> bool:
        try:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
        except ImportError:
            if self.show:
                raise ImportError("progress=True needs the package rich; install it, or say progress=False") from None
            return False
        console = Console(stderr=True)
        movable = console.is_terminal or console.is_jupyter
        if not (self.show or movable):
            return False
        # Redrawn from the loop, not from a thread of its own: a process with threads is no good to fork from.
        self.picture = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
            auto_refresh=False,
            transient=movable,  # in a file, its last state is all there is to see
        )
        self.picture.start()
        self.task = self.picture.add_task(self.what, total=self.total, note="")
        return True
