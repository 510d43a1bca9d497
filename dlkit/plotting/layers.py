"""Activations: the function with its derivative, and the values that the layers of a network give out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ._arguments import axes, count, finite, reals
from ._plane import interval
from .style import COLOURS, DASHES, ON_GROUND, SMALL

_CURVE_POINTS = 1001
_WIDEST = 0.85  # of the distance between two layers' histograms


def activation_curve(
    ax: Axes | None,
    f: Callable[[np.ndarray], Any],
    derivative: Callable[[np.ndarray], Any] | None = None,
    *,
    xlim: Sequence[float] = (-5.0, 5.0),
    name: str = "f",
) -> None:
    """Draw an activation and its derivative; where the derivative jumps, its line is broken.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
        Where to draw; None stands for the current axes.
    f : callable
        Takes an array of shape (m,), returns the values there, shape (m,).
    derivative : callable, optional
        The derivative, likewise. By default central differences of `f`, as the legend then says.
    xlim : pair of float
        From where to where.
    name : str
        What to call the activation in the legend.

    Raises
    ------
    TypeError, ValueError
        If a function does not return as many finite numbers as it got, or `xlim` does not increase.
    """
    ax = axes(ax)
    left, right = interval(xlim, "xlim")
    z = np.linspace(left, right, _CURVE_POINTS)
    label = f"{name}′"
    if derivative is None:
        step = 1e-6 * (right - left)
        label += "\n(central differences)"

        def slope(z: np.ndarray) -> np.ndarray:
            return (_curve(f, "f", z + step) - _curve(f, "f", z - step)) / (2 * step)
    else:

        def slope(z: np.ndarray) -> np.ndarray:
            return _curve(derivative, "derivative", z)

    ax.axhline(0, color="#8A9197", linewidth=1, zorder=1)
    ax.axvline(0, color="#8A9197", linewidth=1, zorder=1)
    ax.plot(z, _curve(f, "f", z), color=COLOURS[0], linestyle=DASHES[0], label=name, zorder=3)
    ax.plot(*_broken(z, slope), color=COLOURS[1], linestyle=DASHES[1], label=label, zorder=3)
    ax.set(xlim=(left, right), xlabel="z")
    ax.legend(loc="best", fontsize=SMALL + 1, **ON_GROUND)


def activation_histograms(
    ax: Axes | None,
    layers: Mapping[str, Any] | Sequence[Any],
    *,
    bins: int = 50,
    limits: Sequence[float] | None = None,
) -> None:
    """Draw the histogram of each layer's values, upright and side by side, with their standard deviations below.

    All histograms have the same bins; each is scaled to its own fullest bin, so that the shape is seen at any size.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
        Where to draw; None stands for the current axes.
    layers : dict of {str: array_like of any shape}, or sequence of arrays
        The values of each layer, from the first layer to the last. The keys of a dict are the names; a sequence is
        numbered from 1.
    bins : int
        How many bins.
    limits : pair of float, optional
        The lowest and the highest value shown; values outside are not counted in the bins (but in the standard
        deviation). By default those of all layers together.

    Raises
    ------
    TypeError, ValueError
        If a layer has no values or one that is not finite.
    """
    ax = axes(ax)
    if not len(layers):
        raise ValueError("layers: expected the values of at least one layer, got none")
    if isinstance(layers, Mapping):
        values = {str(name): finite(a, f"layers[{name!r}]").ravel() for name, a in layers.items()}
    else:
        values = {str(k + 1): finite(a, f"layers[{k}]").ravel() for k, a in enumerate(layers)}
    if limits is None:
        low, high = min(a.min() for a in values.values()), max(a.max() for a in values.values())
        if low == high:  # as zero weights give: one bin in the middle holds all
            low, high = low - 0.5, high + 0.5
    else:
        low, high = interval(limits, "limits")

    edges = np.linspace(low, high, count(bins, "bins") + 1)
    for k, a in enumerate(values.values()):
        counts = np.histogram(a, edges)[0]
        ax.stairs(
            k + _WIDEST * counts / (counts.max() or 1),
            edges,
            baseline=k,
            orientation="horizontal",
            fill=True,
            color=COLOURS[0],
        )
        ax.plot([k, k], [low, high], color="#8A9197", linewidth=1, zorder=1)
    ax.set_xticks(np.arange(len(values)) + _WIDEST / 2, [f"{name}\n{_short(a.std())}" for name, a in values.items()])
    ax.tick_params(axis="x", length=0, labelsize=SMALL + 1)
    ax.set_axisbelow(True)
    ax.grid(False, axis="x")
    ax.set(xlim=(-0.1, len(values)), xlabel="layer, and the standard deviation of its values", ylabel="value")


def _short(number: float) -> str:
    """Write a number of at least 0 with two digits, in few characters."""
    if number == 0 or 0.01 <= number < 1000:
        return f"{number:.2g}" if number < 99.5 else f"{number:.0f}"
    digits, power = f"{number:.1e}".split("e")
    return f"{digits}e{int(power)}"


def _curve(f: Callable[[np.ndarray], Any], argument: str, z: np.ndarray) -> np.ndarray:
    y = reals(f(z), argument)
    if y.shape != z.shape:
        raise ValueError(f"{argument}: expected values of shape {z.shape} for as many numbers, got shape {y.shape}")
    return finite(y, argument)


def _broken(z: np.ndarray, f: Callable[[np.ndarray], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the curve with a NaN at every jump of `f`.

    Halving an interval again and again makes the rise of a continuous function in it small; a jump keeps its size.
    """
    y = f(z)
    large = 0.02 * np.ptp(y)
    steep = np.flatnonzero(np.abs(np.diff(y)) > large)
    if not len(steep):
        return z, y
    a, b = z[steep], z[steep + 1]
    for _ in range(8):
        middle = (a + b) / 2
        right = np.abs(f(b) - f(middle)) > np.abs(f(middle) - f(a))
        a, b = np.where(right, middle, a), np.where(right, b, middle)
    jumps = np.abs(f(b) - f(a)) > large
    steep = steep[jumps]
    at = np.column_stack([a, (a + b) / 2, b])[jumps]
    ys = np.column_stack([f(a), np.full(len(a), np.nan), f(b)])[jumps]
    where = np.repeat(steep + 1, 3)
    return np.insert(z, where, at.ravel()), np.insert(y, where, ys.ravel())
