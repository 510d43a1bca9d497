"""Losses against the epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from numpy.typing import ArrayLike

from ._arguments import axes, choice, count, reals
from .style import COLOURS, DASHES


def loss_curves(
    ax: Axes | None,
    curves: Mapping[str, ArrayLike],
    *,
    x: ArrayLike | Mapping[str, ArrayLike] | None = None,
    log: bool = False,
    smooth: int | Mapping[str, int] = 1,
    labels: str = "ends",
    xlabel: str = "epoch",
    ylabel: str = "loss",
) -> None:
    """Draw the losses of training and validation, or any curves, each in its own colour and dashes.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
        Where to draw; None stands for the current axes.
    curves : dict of {str: array_like of shape (n,)}
        The values by name, at most 7 curves, of any lengths. NaN and infinite values are gaps.
    x : array_like of shape (n,), or dict of {str: array_like}, optional
        Where the values belong: for all curves, or by name, say where one loss is known per step and another per
        epoch. By default (and for a curve that the dict does not name) 1, 2, …, n.
    log : bool
        Whether the axis of the losses is logarithmic.
    smooth : int, or dict of {str: int}
        Draw the mean of each value and those before it, so many together (fewer at the beginning), for all curves
        or by name. The label says so, and the values themselves stay in the picture, pale.
    labels : {"ends", "legend"}
        Write the names at the ends of the curves, kept apart, or in a legend. For ``"ends"``, set what else there is
        to set about the axes (limits, other curves) before this call.
    xlabel, ylabel : str
        The names of the axes.

    Raises
    ------
    TypeError, ValueError
        If a curve is not a series of numbers, has nothing finite, does not match its `x`, or is to be drawn on a
        logarithmic axis and not positive.
    """
    ax = axes(ax)
    choice(labels, "labels", ("ends", "legend"))
    if not isinstance(curves, Mapping):
        raise TypeError(f"curves: expected a dict of values by name, got {type(curves).__name__}")
    if not 1 <= len(curves) <= len(COLOURS):
        raise ValueError(f"curves: expected 1 to {len(COLOURS)}, as many as there are colours, got {len(curves)}")
    _only_names_of(curves, x, "x")
    _only_names_of(curves, smooth, "smooth")

    ends: list[tuple[float, float, str, str]] = []
    for k, (name, values) in enumerate(curves.items()):
        y = _curve(values, f"curves[{name!r}]", log)
        at = _places(x, name, len(y))
        width = count(smooth.get(name, 1) if isinstance(smooth, Mapping) else smooth, "smooth")
        label = str(name)
        colour = COLOURS[k]
        if width > 1:
            ax.plot(at, y, color=colour, alpha=0.3, linewidth=1, label="_nolegend_")
            y, label = _trailing_mean(y, width), f"{name}\n(mean of last {width})"
        ax.plot(at, y, color=colour, linestyle=DASHES[k % len(DASHES)], label=label)
        last = np.flatnonzero(np.isfinite(y))[-1]
        ends.append((at[last], y[last], label, colour))
    ax.set(xlabel=xlabel, ylabel=ylabel)
    if log:
        ax.set_yscale("log")
    if labels == "legend":
        ax.legend(loc="best")
    else:
        _label_ends(ax, ends)


def _curve(values: ArrayLike, argument: str, log: bool) -> np.ndarray:
    y = reals(values, argument)
    if y.ndim != 1:
        raise ValueError(f"{argument}: expected one series of numbers, shape (n,), got shape {y.shape}")
    y = np.where(np.isfinite(y), y, np.nan)
    if np.isnan(y).all():
        raise ValueError(f"{argument}: expected at least one finite number, got none among {len(y)}")
    if log and (y <= 0).any():
        where = int(np.flatnonzero(y <= 0)[0])
        raise ValueError(f"{argument}: expected numbers above 0 for a logarithmic axis, got {y[where]} at {where}")
    return y


def _places(x: Any, name: str, n: int) -> np.ndarray:
    argument = "x"
    if isinstance(x, Mapping):
        argument, x = f"x[{name!r}]", x.get(name)
    if x is None:
        return np.arange(1, n + 1, dtype=float)
    at = reals(x, argument)
    if at.shape != (n,):
        raise ValueError(f"{argument}: expected shape ({n},) as curves[{name!r}] has, got shape {at.shape}")
    return at


def _only_names_of(curves: Mapping[str, Any], by_name: Any, argument: str) -> None:
    if isinstance(by_name, Mapping) and not by_name.keys() <= curves.keys():
        raise ValueError(f"{argument}: expected names of curves, {list(curves)}, got {list(by_name)}")


def _trailing_mean(y: np.ndarray, width: int) -> np.ndarray:
    """Return the mean of each value and the up to ``width - 1`` before it; of the gaps among them, none."""
    known = np.isfinite(y)
    window = np.ones(width)
    total = np.convolve(np.where(known, y, 0), window)[: len(y)]
    counted = np.convolve(known, window)[: len(y)]
    return np.where(known, total / np.maximum(counted, 1), np.nan)


def _label_ends(ax: Axes, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Write each label behind the end of its curve, moved up or down as far as the others need."""
    ax.get_xlim(), ax.get_ylim()  # bring the limits up to date with what has been drawn
    pixels = ax.transData.transform([(x, y) for x, y, _, _ in ends])[:, 1]
    points = pixels * 72 / ax.figure.dpi
    size = float(ax.xaxis.label.get_fontsize())
    heights = np.array([1.3 * size * len(label.splitlines()) for _, _, label, _ in ends])
    for (x, y, label, colour), move in zip(ends, _spread(points, heights) - points, strict=True):
        ax.annotate(
            label,
            (x, y),
            xytext=(6, move),
            textcoords="offset points",
            color=tuple(0.7 * part for part in to_rgb(colour)),  # words need more contrast than lines
            fontsize=size,
            verticalalignment="center",
            annotation_clip=False,
        )


def _spread(places: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Return the middles of boxes that do not overlap, nearest to the given places in least squares, in their order.

    Without the gaps due before it, each place may equal the one before: that is isotonic regression, which pools
    neighbours that violate the order into their mean.
    """
    order = np.argsort(places, kind="stable")
    tall = heights[order]
    due = np.concatenate([[0], np.cumsum((tall[1:] + tall[:-1]) / 2)])
    pools: list[list[float]] = []
    for place in places[order] - due:
        pool = [float(place)]
        while pools and np.mean(pools[-1]) > np.mean(pool):
            pool = pools.pop() + pool
        pools.append(pool)
    apart = np.empty_like(places)
    apart[order] = np.concatenate([np.full(len(pool), np.mean(pool)) for pool in pools]) + due
    return apart
