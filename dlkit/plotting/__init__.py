"""One style for every figure of the course, and for every figure a text that says what it shows.

A figure ends with ``show(alt)`` instead of ``plt.show()``: the picture goes out with its alternative text, which
screen readers speak, which nbconvert writes into the page, and which stands where a picture cannot.

Every other function draws into the axes it is given:

``scatter_classes``, ``probability_map``, ``class_regions``, ``decision_boundary``
    Points of the plane by class, and what a model says of the plane around them.
``margin_lines``, ``plot_margin``
    The boundary of a support vector machine with its margin lines, and rings around the support vectors.
``contours``
    A function of the plane by its level lines, with descent trajectories on it.
``loss_curves``
    Losses of training and validation against the epochs.
``filters``
    Weights or patches as small images.
``activation_curve``, ``activation_histograms``
    An activation with its derivative; the values that come out of each layer of a network.

Colours are those of Okabe and Ito (2008, *Color Universal Design*), which stay apart for colour-blind readers; classes
and trajectories differ by marker as well, curves by dashes: a figure survives a grey print and a pale projector.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from .classes import class_regions, decision_boundary, probability_map, scatter_classes
from .curves import loss_curves
from .images import filters
from .landscape import contours
from .layers import activation_curve, activation_histograms
from .margins import margin_lines, plot_margin
from .style import COLOURS, MARKERS, use_style

__all__ = [
    "COLOURS",
    "MARKERS",
    "activation_curve",
    "activation_histograms",
    "class_regions",
    "contours",
    "control",
    "decision_boundary",
    "filters",
    "loss_curves",
    "margin_lines",
    "plot_margin",
    "probability_map",
    "scatter_classes",
    "show",
    "use_style",
]


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
