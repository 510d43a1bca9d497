"""Part of a test cell's points, said by the test itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

_asked: list[list[float]] = []  # of the test cells that run in this process, the innermost last


def award(points: float) -> None:
    """Give this many of the test cell's points, if the cell runs to its end without an error.

    Without a call the cell earns all its points or none. In a student's own notebook it prints the points.

    Parameters
    ----------
    points
        From 0; more than the cell's maximum counts as the maximum. The last call in a cell counts.

    Raises
    ------
    ValueError
        If it is no finite number from 0.

    Examples
    --------
    >>> award(2.5)
    Points: 2.5
    """
    if isinstance(points, bool) or not isinstance(points, (int, float)) or not 0 <= points < float("inf"):
        raise ValueError(f"points must be a finite number from 0, but {points!r} was given.")
    if _asked:
        _asked[-1].append(float(points))
    else:
        print(f"Points: {points:g}")


@contextmanager
def asked_for() -> Iterator[list[float]]:
    """Collect what is awarded meanwhile, for the one who runs a test cell."""
    _asked.append([])
    try:
        yield _asked[-1]
    finally:
        _asked.pop()
