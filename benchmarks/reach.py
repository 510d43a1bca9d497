"""Time solvers to one and the same accuracy: the loosest setting of each that reaches it, then all in turns.

How long a solver runs is decided by its tolerance, whose meaning differs from library to library. So each competitor
offers a ladder of settings, from loose to tight; the first that brings the objective within the wanted share of the
minimum is timed. Searching the ladder costs the competitor nothing.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

Fit = Callable[[], float]  # fits, and returns the objective


@dataclass
class Reached:
    """How a competitor fared.

    Attributes
    ----------
    name : str
        Who.
    setting : str
        The setting that reached the accuracy, or why none did.
    gap : float
        Its (objective − minimum)/minimum.
    seconds : list of float
        One for each round; empty if it did not get there.
    """

    name: str
    setting: str
    gap: float
    seconds: list[float]


def time_to(
    accuracy: float,
    minimum: float,
    competitors: dict[str, Sequence[tuple[str, Fit]]],
    patience: float = 20.0,
    rounds: int = 5,
) -> list[Reached]:
    """Time each competitor's loosest setting that comes within `accuracy` of `minimum`, relative to it.

    Parameters
    ----------
    accuracy : float
        The share by which the objective may be above its minimum.
    minimum : float
        The minimum; a lower bound does, if it is much closer than `accuracy`.
    competitors : dict of str to sequence of (str, callable)
        Each one's ladder of settings.
    patience : float
        Seconds that a ladder may take, as a whole; then the competitor is given up.
    rounds : int
        How often each has its turn.
    """
    runs: list[tuple[Reached, Fit | None]] = []
    for name, ladder in competitors.items():
        start, nearest = time.perf_counter(), float("inf")
        for setting, fit in ladder:
            gap = _quietly(fit) / minimum - 1
            nearest = min(nearest, gap)
            if gap <= accuracy:
                runs.append((Reached(name, setting, gap, []), fit))
                break
            if time.perf_counter() - start > patience:
                runs.append((Reached(name, f"not reached in {patience:.0f} s", nearest, []), None))
                break
        else:
            runs.append((Reached(name, "reached by no setting tried", nearest, []), None))
    for _ in range(rounds):
        for reached, fit in runs:
            if fit is not None:
                start = time.perf_counter()
                _quietly(fit)
                reached.seconds.append(time.perf_counter() - start)
    return [reached for reached, _ in runs]


def ratio(ours: Reached, theirs: Reached) -> float:
    """Return how many times as long we take: the median of the ratios within a round."""
    return median(a / b for a, b in zip(ours.seconds, theirs.seconds, strict=True))


def _quietly(fit: Fit) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a solver stopped early is what a loose setting is for
        return fit()
