"""A function of the plane as a map of its heights, and the paths that descents take on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from ._arguments import axes, count, finite, reals
from ._plane import GRID_POINTS, frame, grid, plane_points
from .style import COLOURS, MARKERS, ON_GROUND, SMALL

_POINTWISE_GRID_POINTS = 121  # per axis, where every point costs a call
_MARKED_STEPS = 60  # a path of more steps has about so many of them marked
_HEIGHTS = LinearSegmentedColormap.from_list("heights", ["white", "#C4C9CE"])  # pale: the paths are the figure


def contours(
    ax: Axes | None,
    f: Callable[[np.ndarray], Any],
    trajectories: Mapping[str, ArrayLike] | Sequence[ArrayLike] | np.ndarray | None = None,
    *,
    pointwise: bool = False,
    xlim: Sequence[float] | None = None,
    ylim: Sequence[float] | None = None,
    levels: int | Sequence[float] = 12,
    fill: bool = True,
    values: bool = False,
) -> None:
    """Draw the level lines of a function of the plane, and the trajectories of descents on it.

    Each trajectory has a colour and a marker of its own; a white dot is its start, a star its end. All steps are
    marked, or about 60 evenly chosen ones of a longer trajectory.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
        Where to draw; None stands for the current axes.
    f : callable
        The function. It takes points of shape (m, 2) and returns their values, shape (m,); with ``pointwise=True``
        it takes one point of shape (2,) and returns a number. Where it is infinite or NaN, nothing is drawn.
    trajectories : dict of {str: array_like of shape (k, 2)}, sequence of such arrays, or one of them, optional
        The iterates from first to last, at most 7 trajectories. The keys of a dict are the names in the legend;
        a sequence is numbered from 1.
    pointwise : bool
        Whether `f` takes one point at a time. The grid is then coarser, as every point costs a call.
    xlim, ylim : pair of float, optional
        The limits. By default they show every trajectory whole; without trajectories, the axes' present ones are
        filled. A trajectory that leaves the given limits is cut off at them.
    levels : int or increasing sequence of float
        The values whose lines are drawn, or how many to choose. Chosen levels bound equal shares of the picture's
        area; around a minimum inside the picture they lie denser, so that the rings of a quadratic function are evenly
        spaced. With `values`, levels are chosen at round numbers instead. A function constant on the whole picture
        has no lines.
    fill : bool
        Whether to shade the bands between the lines, darker where the function is larger.
    values : bool
        Whether to write on each line the value of `f` there.

    Raises
    ------
    TypeError, ValueError
        If `f` does not return as many numbers as it got points or is nowhere finite, if a trajectory is not a
        series of finite points of the plane, or if limits or levels do not increase.
    """
    ax = axes(ax)
    paths = _paths(trajectories)
    frame(ax, np.concatenate([path for _, path in paths]) if paths else None, xlim, ylim)
    first, second, points = grid(ax, _POINTWISE_GRID_POINTS if pointwise else GRID_POINTS)
    heights = np.ma.masked_invalid(_heights(f, points, pointwise).reshape(first.shape))
    if heights.mask.all():
        raise ValueError("f: expected finite values somewhere in the picture, got none")

    at = _levels(heights, levels, round_numbers=values)
    if fill and len(at) > 1:
        ax.contourf(first, second, heights, levels=at, extend="both", cmap=_HEIGHTS, zorder=0)
    if len(at):
        lines = ax.contour(first, second, heights, levels=at, colors="#8A9197", linestyles="solid", linewidths=1)
        if values:
            ax.clabel(lines, fmt="%.3g", fontsize=SMALL, colors="black", manual=_label_places(ax, lines.get_paths()))
    ax.grid(False)
    _draw_paths(ax, paths)


def _paths(trajectories: Any) -> list[tuple[str | None, np.ndarray]]:
    """Return (name, points) for each trajectory; the only one of a plain array has no name."""
    if trajectories is None or not len(trajectories):
        return []
    named: list[tuple[str | None, Any, str]]  # with what an error calls it
    if isinstance(trajectories, Mapping):
        named = [(str(name), path, f"trajectories[{name!r}]") for name, path in trajectories.items()]
    elif np.ndim(trajectories[0]) < 2:  # its first entry is a point
        named = [(None, trajectories, "trajectories")]
    else:
        named = [(str(k + 1), path, f"trajectories[{k}]") for k, path in enumerate(trajectories)]
    if len(named) > len(COLOURS):
        raise ValueError(
            f"trajectories: expected at most {len(COLOURS)}, as many as there are colours, got {len(named)}"
        )
    return [(name, plane_points(finite(path, argument), argument)) for name, path, argument in named]


def _heights(f: Callable[[np.ndarray], Any], points: np.ndarray, pointwise: bool) -> np.ndarray:
    if pointwise:
        z = reals([np.asarray(f(point)) for point in points], "f")
        if z.shape != (len(points),):
            raise ValueError(f"f: expected a number for a point of shape (2,), got shape {z.shape[1:]}")
        return z
    # First a few: x @ x.T, meant for one point, would fill the memory with the products of all pairs of points.
    for some in (points[:5], points):
        z = reals(f(some), "f")
        if z.shape != (len(some),):
            raise ValueError(
                f"f: expected values of shape (m,) for points of shape (m, 2), got shape {z.shape} for m = {len(some)};"
                f" pass pointwise=True if f takes one point at a time"
            )
    return z


def _levels(heights: np.ma.MaskedArray, levels: int | Sequence[float], round_numbers: bool) -> np.ndarray:
    if np.ndim(levels):
        at = finite(levels, "levels")
        if at.ndim != 1 or (np.diff(at) <= 0).any():
            raise ValueError(f"levels: expected increasing numbers, got {levels!r}")
    elif round_numbers:
        at = np.asarray(MaxNLocator(count(levels, "levels")).tick_values(heights.min(), heights.max()))
    else:
        n = count(levels, "levels")
        share = np.arange(1, n + 1) / (n + 1)
        everywhere = heights.filled(np.inf)
        border = np.concatenate([everywhere[0], everywhere[-1], everywhere[:, 0], everywhere[:, -1]])
        if everywhere[1:-1, 1:-1].min() < border.min():
            # Near a smooth minimum area grows as height, and both as the square of the distance.
            share = share**2
        at = np.unique(np.quantile(heights.compressed(), share))
    return at[(heights.min() < at) & (at < heights.max())]


def _label_places(ax: Axes, lines: Sequence[Path]) -> list[np.ndarray]:
    """Return a point on each level line for its label, on none that is too short to hold it.

    A third along the line's longest piece the edge of the picture cuts none off, and the axes of symmetry, which
    descents like to follow, are clear.
    """
    picture = np.array([np.ptp(ax.get_xlim()), np.ptp(ax.get_ylim())])
    places = []
    for line in lines:
        vertices = np.asarray(line.vertices)
        pieces = np.split(vertices, np.flatnonzero(np.asarray(line.codes) == Path.MOVETO)[1:])
        longest = max(pieces, key=len)
        if len(longest) and (np.ptp(longest, axis=0) > 0.1 * picture).any():
            places.append(longest[len(longest) // 3])
    return places


def _draw_paths(ax: Axes, paths: list[tuple[str | None, np.ndarray]]) -> None:
    for (name, path), colour, marker in zip(paths, COLOURS, MARKERS, strict=False):
        ax.plot(
            *path.T,
            color=colour,
            linewidth=1.8,
            marker=marker,
            markersize=4.5,
            markevery=max(1, round(len(path) / _MARKED_STEPS)),
            label=name,
            zorder=4,
        )
    # The ends above all paths; their entries in the legend come once, after the names, and in no path's colour.
    for (_, path), colour in zip(paths, COLOURS, strict=False):
        ax.plot(*path[0], "o", color="white", markeredgecolor="black", markersize=7, zorder=5)
        ax.plot(*path[-1], "*", color=colour, markeredgecolor="black", markeredgewidth=0.8, markersize=15, zorder=6)
    if paths:
        ax.plot([], [], "o", color="white", markeredgecolor="black", markersize=7, label="start")
        ax.plot([], [], "*", color="white", markeredgecolor="black", markersize=13, label="end")
        ax.legend(loc="best", fontsize=SMALL + 1, **ON_GROUND).set_zorder(7)
