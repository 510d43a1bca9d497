"""What the pictures of a plane share: its points, its limits, and the grid on which a function is evaluated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from ._arguments import reals

GRID_POINTS = 201  # per axis of a map: finer than a projector shows, coarse enough to stay quick

_MARGIN = 0.12  # of the points' extent, on each side


def grid(ax: Axes, per_axis: int = GRID_POINTS) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coordinates that fill the axes, as two arrays of shape (m, m) and as points of shape (m * m, 2)."""
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    ax.set(xlim=(left, right), ylim=(low, high))
    first, second = np.meshgrid(np.linspace(left, right, per_axis), np.linspace(low, high, per_axis))
    return first, second, np.column_stack([first.ravel(), second.ravel()])


def plane_points(X: np.ndarray, name: str = "X") -> np.ndarray:
    """Return `X` as an array of shape (n, 2), or raise."""
    X = np.asarray(X)
    if X.ndim != 2 or X.shape[1] != 2:
        raise ValueError(f"{name}: expected points of the plane, shape (n, 2), got shape {X.shape}")
    return X


def frame(
    ax: Axes, points: np.ndarray | None, xlim: Sequence[float] | None = None, ylim: Sequence[float] | None = None
) -> None:
    """Set the limits of the axes: as given; where not given, around the points; without points, leave them.

    Points on a vertical or horizontal line get a quarter of their length as room across it, so that a picture is
    never a slit.
    """
    if points is not None:
        low, high = points.min(axis=0), points.max(axis=0)
        extent = np.maximum(high - low, (high - low).max() / 4)
        if not extent.any():  # all points are one: the plane has no scale of its own
            extent = np.ones(2)
        middle, half = (low + high) / 2, extent * (0.5 + _MARGIN)
        ax.set(xlim=(middle[0] - half[0], middle[0] + half[0]), ylim=(middle[1] - half[1], middle[1] + half[1]))
    if xlim is not None:
        ax.set_xlim(*interval(xlim, "xlim"))
    if ylim is not None:
        ax.set_ylim(*interval(ylim, "ylim"))


def interval(limits: Sequence[float], name: str) -> tuple[float, float]:
    ends = reals(limits, name)
    if ends.shape != (2,) or not np.isfinite(ends).all() or not ends[0] < ends[1]:
        raise ValueError(f"{name}: expected two finite numbers, the smaller first, got {limits!r}")
    return float(ends[0]), float(ends[1])
