"""Classes in the plane: their points, the regions a model gives them, and the boundaries between the regions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb

from ._arguments import axes, choice, finite
from ._plane import frame, grid, plane_points
from .style import COLOURS, MARKERS, ON_GROUND

_RESPONSES = ("predict_proba", "decision_function", "predict")


def scatter_classes(ax: Axes, X: np.ndarray, y: np.ndarray, names: Sequence[str] | None = None) -> None:
    """Draw points of the plane, each class in its own colour and marker.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    X : ndarray of shape (n, 2)
        The points.
    y : ndarray of shape (n,)
        Their classes: integers from 0.
    names : sequence of str, optional
        What to call the classes in the legend; no legend without it.
    """
    X = plane_points(X)
    for k in np.unique(y):
        here = y == k
        ax.scatter(
            X[here, 0],
            X[here, 1],
            s=26,
            color=COLOURS[k],
            marker=MARKERS[k],
            edgecolor="white",
            linewidth=0.5,
            label=None if names is None else names[k],
            zorder=3,
        )
    if names is not None:
        ax.legend(loc="best", handletextpad=0.3)


def probability_map(
    ax: Axes, probability: Callable[[np.ndarray], np.ndarray], levels: Sequence[float] = (0.1, 0.5, 0.9)
) -> None:
    """Shade the plane by the probability of class 1 and draw the lines on which it takes the given values.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw; its present limits are filled.
    probability : callable
        Takes points of shape (m, 2), returns the probability of class 1 at each, shape (m,).
    levels : sequence of float
        The probabilities whose lines are drawn and labelled; the line at 0.5, the decision boundary, is solid.
    """
    first, second, points = grid(ax)
    p = np.asarray(probability(points)).reshape(first.shape)
    shades = LinearSegmentedColormap.from_list("classes", [COLOURS[0], "white", COLOURS[1]])
    ax.pcolormesh(first, second, p, cmap=shades, vmin=0, vmax=1, alpha=0.35, shading="auto", rasterized=True)
    levels = [level for level in levels if p.min() < level < p.max()]  # matplotlib warns where it finds no line
    if not levels:
        return
    styles = ["solid" if level == 0.5 else "dashed" for level in levels]
    lines = ax.contour(first, second, p, levels=levels, colors="black", linestyles=styles, linewidths=1.5)
    # Each label three quarters along its line, so that the edge of the picture cuts none off.
    corners = [np.asarray(path.vertices) for path in lines.get_paths()]
    middles = [line[len(line) * 3 // 4] for line in corners if len(line)]
    ax.clabel(lines, fmt="%.2g", fontsize=10, manual=middles)


def class_regions(ax: Axes, scores: Callable[[np.ndarray], np.ndarray]) -> None:
    """Shade the plane by the class with the largest score and draw the boundaries between the regions.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw; its present limits are filled.
    scores : callable
        Takes points of shape (m, 2), returns a score or a probability for each of K >= 2 classes, shape (m, K).
    """
    first, second, points = grid(ax)
    s = np.asarray(scores(points))
    region = s.argmax(axis=1).reshape(first.shape)
    ax.imshow(
        np.array([to_rgb(colour) for colour in COLOURS])[region],
        extent=(first[0, 0], first[0, -1], second[0, 0], second[-1, 0]),
        origin="lower",
        aspect="auto",
        alpha=0.22,
        zorder=0,
    )
    for k in range(s.shape[1]):
        # Zero where class k ties with the best of the others: a smooth line, not the staircase of the regions' pixels.
        lead = (s[:, k] - np.delete(s, k, axis=1).max(axis=1)).reshape(first.shape)
        if lead.min() < 0 < lead.max():
            ax.contour(first, second, lead, levels=[0], colors="black", linewidths=1.5)


def decision_boundary(
    ax: Axes | None,
    model: Any,
    X: np.ndarray,
    y: np.ndarray,
    *,
    response: str = "auto",
    names: Sequence[str] | None = None,
    margins: bool = False,
    xlim: Sequence[float] | None = None,
    ylim: Sequence[float] | None = None,
) -> None:
    """Draw points of the plane by class, over what a model says of the plane: its regions and their boundaries.

    Probabilities of two classes are drawn by `probability_map`, everything else by `class_regions`.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
        Where to draw; None stands for the current axes.
    model : estimator or callable
        A fitted classifier with ``predict_proba``, ``decision_function`` or ``predict``; or a function that takes
        points of shape (m, 2) and returns a score for each of K classes, shape (m, K), or for two classes one
        score, shape (m,) or (m, 1), above 0 for the second class. (For a probability p, that is p − 1/2.)
    X : ndarray of shape (n, 2)
        The points.
    y : ndarray of shape (n,)
        Their classes, of any type; at most 7. The columns of scores belong to ``model.classes_``; without that, to
        the sorted values of `y`, or to 0, 1, …, K − 1 if these hold all values of `y`.
    response : {"auto", "predict_proba", "decision_function", "predict"}
        What to ask an estimator for. ``"auto"`` takes the first of the three that it has and that agrees with
        its ``predict`` at all points of `X`: the probabilities of scikit-learn's ``SVC``, for one, need not.
    names : sequence of str, optional
        What to call the classes in the legend; their values by default.
    margins : bool
        Whether to draw, for two classes and one score, the dashed lines where it is −1 and 1: a support vector
        machine's margin.
    xlim, ylim : pair of float, optional
        The limits; by default around the points.

    Raises
    ------
    TypeError, ValueError
        If `X`, `y` and the scores do not fit together, if `model` lacks the method asked for, or if `margins` is
        asked for where there is no single score.
    """
    ax = axes(ax)
    X = plane_points(X)
    finite(X, "X")
    y = np.asarray(y)
    if y.shape != (len(X),):
        raise ValueError(f"y: expected a class for each of the {len(X)} points, got shape {y.shape}")
    choice(response, "response", ("auto", *_RESPONSES))

    method = _method(model, X, response)
    answer = model if method is None else getattr(model, method)
    what = "model" if method is None else f"model.{method}"
    at_X = np.asarray(answer(X))
    classes = _classes(model, y, at_X)
    _scores(at_X, len(X), classes, what)  # trouble shows here, before anything is drawn
    if names is not None and len(names) != len(classes):
        raise ValueError(f"names: expected one for each of the {len(classes)} classes, got {len(names)}")
    names = [str(k) for k in classes] if names is None else names

    def scores(points: np.ndarray) -> np.ndarray:
        return _scores(answer(points), len(points), classes, what)

    if margins and (method in ("predict_proba", "predict") or at_X.size != len(X)):
        raise ValueError(f"margins: expected a model with one score for two classes, got {what}, which gives no such")
    frame(ax, X, xlim, ylim)
    if method == "predict_proba" and len(classes) == 2:
        probability_map(ax, lambda points: scores(points)[:, 1])
    else:
        class_regions(ax, scores)
    if margins:
        first, second, points = grid(ax)
        lead = scores(points)[:, 1].reshape(first.shape)
        at = [level for level in (-1, 1) if lead.min() < level < lead.max()]
        if at:
            ax.contour(first, second, lead, levels=at, colors="black", linestyles="dashed", linewidths=1.5)
    ax.grid(False)
    scatter_classes(ax, X, (y[:, None] == classes).argmax(axis=1), names)
    ax.legend(loc="best", handletextpad=0.3, **ON_GROUND)


def _method(model: Any, X: np.ndarray, response: str) -> str | None:
    """Return the name of the method to ask, None for a function."""
    if response != "auto":
        if not hasattr(model, response):
            raise ValueError(f"response: expected a method of {type(model).__name__}, got {response!r}")
        return response
    has = [method for method in _RESPONSES if hasattr(model, method)]
    if not has:
        if not callable(model):
            raise TypeError(
                f"model: expected an estimator with {', '.join(_RESPONSES[:-1])} or {_RESPONSES[-1]}, or a function of "
                f"points, got {type(model).__name__}"
            )
        return None
    if has[-1] == "predict" and hasattr(model, "classes_"):
        predicted = np.asarray(model.predict(X))
        for method in has[:-1]:
            s = np.asarray(getattr(model, method)(X))
            if s.ndim == 1 or s.shape[1] == len(model.classes_):
                best = (s > 0).astype(int) if s.ndim == 1 else s.argmax(axis=1)
                if np.array_equal(np.asarray(model.classes_)[best], predicted):
                    return method
        return "predict"
    return has[0]


def _classes(model: Any, y: np.ndarray, answer: np.ndarray) -> np.ndarray:
    """Return the classes in the order of the scores' columns."""
    present = np.unique(y)
    known = getattr(model, "classes_", None)
    columns = answer.shape[1] if answer.ndim == 2 else 0
    if known is not None:
        classes = np.asarray(known)
    elif columns > len(present) and np.isin(present, np.arange(columns)).all():
        classes = np.arange(columns)
    else:
        classes = present
    if not 2 <= len(classes) <= len(COLOURS):
        raise ValueError(f"y: expected 2 to {len(COLOURS)} classes, as many as there are colours, got {len(classes)}")
    strange = np.setdiff1d(present, classes)
    if len(strange):
        raise ValueError(f"y: expected only classes of the model, {classes.tolist()}, got also {strange.tolist()}")
    return classes


def _scores(answer: Any, m: int, classes: np.ndarray, what: str) -> np.ndarray:
    """Return a score for each class, shape (m, K), from scores of two classes in one, from labels, or as they are."""
    s = np.asarray(answer)
    if what == "model.predict" and s.shape == (m,):
        return (s[:, None] == classes).astype(float)
    s = finite(s, what)
    if what == "model.predict" and s.shape == (m, 1):
        raise ValueError(
            f"{what}: expected classes, shape ({m},), got shape {s.shape}; pass a function whose values are above 0 "
            f"for the second class"
        )
    if s.shape in ((m,), (m, 1)) and len(classes) == 2:
        return np.column_stack([-s.reshape(m), s.reshape(m)])
    if s.shape != (m, len(classes)):
        allowed = f"({m}, {len(classes)})" + f" or ({m},)" * (len(classes) == 2)
        raise ValueError(f"{what}: expected shape {allowed} for {m} points and {len(classes)} classes, got {s.shape}")
    return s
