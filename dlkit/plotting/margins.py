"""The picture of a support vector machine in the plane: its boundary, its margin lines, its support vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ._arguments import axes, finite
from ._plane import frame, plane_points
from .classes import scatter_classes
from .style import ON_GROUND

__all__ = ["margin_lines", "plot_margin"]


def margin_lines(
    ax: Axes | None,
    w: Any,
    b: float,
    *,
    margins: bool = True,
    colour: str = "black",
    style: Any = "solid",
    label: str | None = None,
) -> None:
    """Draw the line w·x + b = 0 and, dashed and thin, the lines where it is −1 and 1.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
        Where to draw, across its present limits; None stands for the current axes.
    w : array_like, shape (2,)
        The weights; not both 0.
    b : float
        The intercept.
    margins : bool, default True
        Whether to draw the two lines beside the boundary. They are 2/‖w‖ apart.
    colour, style : optional
        Of the boundary, as matplotlib takes them.
    label : str, optional
        What to call the boundary in a legend.

    Raises
    ------
    TypeError, ValueError
        If `w` and `b` are not real and finite, or give no line.
    """
    ax = axes(ax)
    w, offset = finite(w, "w"), finite(b, "b")
    if w.shape != (2,):
        raise ValueError(f"w: expected two weights, shape (2,), got shape {w.shape}")
    if offset.shape != ():
        raise ValueError(f"b: expected a number, got shape {offset.shape}")
    if not w.any():
        raise ValueError("w: expected a vector other than 0: without weights the score is b everywhere")
    ax.set(xlim=ax.get_xlim(), ylim=ax.get_ylim())  # the lines fill the picture, they do not widen it
    along = np.array([-w[1], w[0]]) / np.hypot(*w)
    for level in (-1, 0, 1) if margins else (0,):
        nearest = (level - offset) * w / (w @ w)  # the point of this line that is nearest to the origin
        boundary = level == 0
        ax.axline(
            nearest,
            nearest + along,
            color=colour,
            linestyle=style if boundary else "dashed",
            linewidth=1.8 if boundary else 1.1,
            label=label if boundary else None,
            zorder=2,
        )


def plot_margin(
    ax: Axes | None,
    X: Any,
    y: Any,
    w: Any,
    b: float,
    *,
    support: Any = None,
    names: Sequence[str] | None = None,
) -> None:
    """Draw the points of two classes with a boundary, its margin lines, and rings around the support vectors.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
        Where to draw; its limits are set around the points. None stands for the current axes.
    X : array_like, shape (n, 2)
        The points.
    y : array_like, shape (n,)
        Their classes: two values of any type; the larger one is the side where w·x + b is positive.
    w : array_like, shape (2,)
        The weights of the boundary.
    b : float
        Its intercept.
    support : array_like of integers, optional
        Indices of the points to ring.
    names : sequence of str, optional
        What to call the classes in the legend, the smaller value first; no legend without it.

    Raises
    ------
    TypeError, ValueError
        If the arguments do not fit together, or `w` gives no line.
    """
    ax = axes(ax)
    X, y = plane_points(X), np.asarray(y)
    finite(X, "X")
    if y.shape != (len(X),):
        raise ValueError(f"y: expected a class for each of the {len(X)} points, got shape {y.shape}")
    classes = np.unique(y)
    if len(classes) != 2:
        raise ValueError(f"y: expected two classes, got {len(classes)}")
    if names is not None and len(names) != 2:
        raise ValueError(f"names: expected one for each of the two classes, got {len(names)}")
    ring = np.asarray([] if support is None else support)
    if ring.size and (ring.ndim != 1 or ring.dtype.kind not in "iu"):
        raise TypeError(f"support: expected indices, integers of shape (m,), got {ring.dtype} of shape {ring.shape}")
    if ring.size and (ring.min() < 0 or ring.max() >= len(X)):
        raise ValueError(f"support: expected indices from 0 to {len(X) - 1}, got {ring.min()} to {ring.max()}")
    frame(ax, X)
    margin_lines(ax, w, b)
    scatter_classes(ax, X, (y == classes[1]).astype(int), names)
    if ring.size:
        crowded = ring.size > 30  # then smaller and thinner, so that rings do not cover the points
        ax.scatter(
            X[ring, 0],
            X[ring, 1],
            s=45 if crowded else 100,
            facecolor="none",
            edgecolor="black",
            linewidth=0.8 if crowded else 1.2,
            zorder=4,
            label="support vector",
        )
    if names is not None:
        ax.legend(loc="best", handletextpad=0.3, **ON_GROUND)
