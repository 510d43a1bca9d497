"""One style for every figure of the course, and for every figure a text that says what it shows.

A figure ends with ``show(alt)`` instead of ``plt.show()``: the picture goes out with its alternative text, which
screen readers speak, which nbconvert writes into the page, and which stands where a picture cannot.

Colours are those of Okabe and Ito (2008, *Color Universal Design*), which stay apart for colour-blind readers; classes
differ by marker as well, so that a figure survives a grey print and a pale projector.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure

__all__ = [
    "COLOURS",
    "MARKERS",
    "class_regions",
    "control",
    "probability_map",
    "scatter_classes",
    "show",
    "use_style",
]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "^", "s", "D", "v", "P", "X")

_GRID_POINTS = 201  # per axis of a map: finer than a projector shows, coarse enough to stay quick


def use_style() -> None:
    """Set the style of the course for all figures that follow."""
    plt.rcParams.update(
        {
            "axes.grid": True,
            "axes.prop_cycle": cycler(color=COLOURS),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlesize": 13,
            "figure.constrained_layout.use": True,
            "figure.dpi": 100,
            "figure.figsize": (7.0, 4.0),
            "font.size": 12,
            "grid.alpha": 0.25,
            "legend.frameon": False,
            "lines.linewidth": 2.2,
            "lines.markersize": 6,
        }
    )


def show(alt: str, figure: Figure | None = None) -> None:
    """Show a figure together with the text that describes it, and close it.

    Parameters
    ----------
    alt : str
        What the figure shows, for a reader who cannot see it: the axes, the curves, the point it makes.
    figure : matplotlib.figure.Figure, optional
        The figure; the current one by default.

    Raises
    ------
    ValueError
        If `alt` is empty.
    """
    _check_alt(alt)
    figure = figure or plt.gcf()
    if _in_notebook():
        _publish(_png(figure), alt)
        plt.close(figure)
    else:
        plt.show()


def control(draw: Callable[..., Figure], alt: str, **controls: Any) -> None:
    """Show a picture under sliders that redraw it.

    The output holds the live controls for a notebook with a kernel and, beside them, the picture for the first
    values: that is what GitHub, a printed page, or a notebook that has not been run yet shows.

    Parameters
    ----------
    draw : callable
        Takes the controls' values by name and returns a figure.
    alt : str
        What the picture shows, as for `show`.
    **controls : ipywidgets widgets
        One for each argument of `draw`, with the value to begin with.

    Raises
    ------
    ValueError
        If `alt` is empty.
    """
    _check_alt(alt)
    box = _controlled(draw, controls)
    if _in_notebook():
        _publish(bytes(box.children[-1].value), alt, box._repr_mimebundle_())


def _controlled(draw: Callable[..., Figure], controls: dict[str, Any]) -> Any:
    """Return the controls with the picture, a widget, below them; moving one draws the picture anew."""
    import ipywidgets

    def picture() -> bytes:
        figure = draw(**{name: widget.value for name, widget in controls.items()})
        png = _png(figure)
        plt.close(figure)
        return png

    # Without align_self the box stretches the picture to the width of the page.
    image = ipywidgets.Image(value=picture(), format="png", layout={"align_self": "flex-start"})

    def redraw(_: object) -> None:
        image.value = picture()

    for widget in controls.values():
        widget.observe(redraw, names="value")
    return ipywidgets.VBox([*controls.values(), image])


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
    X = _plane_points(X)
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
    first, second, points = _grid(ax)
    p = np.asarray(probability(points)).reshape(first.shape)
    shades = LinearSegmentedColormap.from_list("classes", [COLOURS[0], "white", COLOURS[1]])
    ax.pcolormesh(first, second, p, cmap=shades, vmin=0, vmax=1, alpha=0.35, shading="auto", rasterized=True)
    styles = ["solid" if level == 0.5 else "dashed" for level in levels]
    lines = ax.contour(first, second, p, levels=list(levels), colors="black", linestyles=styles, linewidths=1.5)
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
    first, second, points = _grid(ax)
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


def _grid(ax: Axes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coordinates that fill the axes, as two arrays of shape (m, m) and as points of shape (m * m, 2)."""
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    ax.set(xlim=(left, right), ylim=(low, high))
    first, second = np.meshgrid(np.linspace(left, right, _GRID_POINTS), np.linspace(low, high, _GRID_POINTS))
    return first, second, np.column_stack([first.ravel(), second.ravel()])


def _plane_points(X: np.ndarray) -> np.ndarray:
    X = np.asarray(X)
    if X.ndim != 2 or X.shape[1] != 2:
        raise ValueError(f"X: expected points of the plane, shape (n, 2), got shape {X.shape}")
    return X


def _check_alt(alt: str) -> None:
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError(f"alt: expected a sentence that says what the figure shows, got {alt!r}")


def _png(figure: Figure) -> bytes:
    """Return the figure as PNG bytes, the same bytes for the same figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _in_notebook() -> bool:
    """Tell whether a Jupyter kernel is there to take a picture."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and hasattr(shell, "kernel")


def _publish(png: bytes, alt: str, bundle: dict[str, Any] | None = None) -> None:
    """Send a picture, its description and perhaps a livelier form of the same to the notebook."""
    from IPython.display import display

    data = {**(bundle or {}), "image/png": base64.b64encode(png).decode("ascii"), "text/plain": alt}
    display(data, metadata={"image/png": {"alt": alt}}, raw=True)
