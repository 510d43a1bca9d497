"""What a descent leaves behind: where it went, what it cost and why it stopped."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["History", "NonFiniteError"]

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(repr=False, eq=False)
class History:
    """The record of one descent.

    The arrays have one entry per recorded point, the start among them; ``values[i]`` is f after ``steps[i]`` steps.
    Where the descent had several parameters, each x is a list of arrays; otherwise it is one array.

    Attributes
    ----------
    method : str
        The name of the loop.
    reason : str
        Why it stopped, in words.
    x : ndarray or list of ndarray
        The last iterate.
    best_x : ndarray or list of ndarray
        The iterate with the lowest value seen. A sub-gradient or stochastic step need not descend, so it can be
        better than the last.
    best_value : float
        Its value.
    best_step : int
        The number of steps after which it was reached.
    average_x : ndarray, list of ndarray or None
        The mean of the iterates, if one was kept.
    values : ndarray, shape (m,)
        The values of f.
    average_values : ndarray, shape (m,), or None
        The values of f at the mean of the iterates so far, if one was kept.
    steps : ndarray of int, shape (m,)
        How many steps had been made.
    gradients : ndarray of int, shape (m,)
        How many gradients it took to get there: of f itself, or of single samples where f is a mean over samples.
    epochs : ndarray, shape (m,)
        How many passes over the data those gradients amount to.
    seconds : ndarray, shape (m,)
        Wall time of the method itself: without starting processes, and without values that only the record needs.
    startup : float
        Seconds spent on starting processes; 0 where there were none.
    iterates : ndarray, shape (m, *shape of x), list of lists of ndarray, or None
        The iterates themselves, if asked for.
    """

    method: str
    reason: str
    x: Any
    best_x: Any
    best_value: float
    best_step: int
    values: Floats
    steps: Counts
    gradients: Counts
    epochs: Floats
    seconds: Floats
    average_x: Any = None
    average_values: Floats | None = None
    iterates: Any = None
    startup: float = field(default=0.0)

    def __repr__(self) -> str:
        if not len(self.values):
            return f"<History of {self.method}: {self.reason}>"
        return (
            f"<History of {self.method}: {_count(int(self.steps[-1]), 'step')}, "
            f"{_count(int(self.gradients[-1]), 'gradient')}, {self.seconds[-1]:.2g} s; "
            f"f from {self.values[0]:.6g} to {self.values[-1]:.6g}, best {self.best_value:.6g} at step "
            f"{self.best_step}; {self.reason}>"
        )

    def first_below(self, value: float) -> int | None:
        """Return the first recorded point at which f is at most `value`, as an index into the arrays.

        ``history.seconds[history.first_below(v)]`` is the time to the value v.

        Parameters
        ----------
        value : float
            The value to reach.

        Returns
        -------
        int or None
            The index; None if no recorded value is that low.
        """
        below = np.flatnonzero(self.values <= value)
        return int(below[0]) if len(below) else None

    def plot(
        self,
        ax: Axes | None = None,
        *,
        against: Literal["steps", "gradients", "epochs", "seconds"] = "steps",
        above: float = 0.0,
        log: Literal["", "x", "y", "xy"] = "",
        average: bool = False,
        **style: Any,
    ) -> Axes:
        """Draw the recorded values as a curve.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure by default.
        against : {"steps", "gradients", "epochs", "seconds"}, default "steps"
            What runs along the horizontal axis.
        above : float, default 0
            Draw f − `above` instead of f: with the known minimum, a logarithmic axis shows the rate of convergence.
        log : {"", "x", "y", "xy"}, default ""
            Which axes are logarithmic. A logarithmic axis leaves out what is not positive: the start, for `x`.
        average : bool, default False
            Draw the values at the averaged iterate instead.
        **style
            For ``Axes.plot``; the label is the method unless one is given.

        Returns
        -------
        matplotlib.axes.Axes
            The axes that were drawn on.

        Raises
        ------
        ValueError
            If `against` or `log` is none of those named, or no average was kept.
        """
        if against not in ("steps", "gradients", "epochs", "seconds"):
            raise ValueError(f"against must be 'steps', 'gradients', 'epochs' or 'seconds'; got {against!r}")
        if log not in ("", "x", "y", "xy"):
            raise ValueError(f"log must be '', 'x', 'y' or 'xy'; got {log!r}")
        if average and self.average_values is None:
            raise ValueError("average must be False here: this descent kept no average (average_from=0 keeps one)")
        import matplotlib.pyplot as plt

        if ax is None:
            from dlkit.plotting import COLOURS

            ax = plt.subplots()[1]
            ax.set_prop_cycle(color=COLOURS)
        values = self.average_values if average else self.values
        style.setdefault("label", f"{self.method}, averaged" if average else self.method)
        # A lone point has no line to show it.
        style.setdefault("marker", "o" if len(self.values) == 1 else None)
        ax.plot(getattr(self, against), np.asarray(values) - above, **style)
        ax.set_xlabel(against)
        ax.set_ylabel(f"f − {above:.6g}" if above else "f")
        if "x" in log:
            ax.set_xscale("log")
        if "y" in log:
            ax.set_yscale("log")
        return ax


class NonFiniteError(FloatingPointError):
    """A descent met a value or a gradient that is NaN or infinite.

    Attributes
    ----------
    history : History
        The record up to there; ``history.x`` is the point at which it happened.
    """

    history: History

    def __init__(self, message: str, history: History):
        super().__init__(message)
        self.history = history


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
