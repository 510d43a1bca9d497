r"""The computational graph of an expression as a picture: values forward, gradients backward.

>>> from dlkit.autograd import Tensor, draw
>>> x, y, z = Tensor(-2.0), Tensor(5.0), Tensor(-4.0)
>>> picture = draw((x + y) * z, {"x": x, "y": y, "z": z})
>>> print(picture.alt.replace(". ", ".\n"))
Computational graph of f, read from left to right.
Inputs: x = -2, y = 5, z = -4.
Gate 1: x plus y is 3.
Gate 2: gate 1 times z is -12; this is f.
Backward: the gradient of f by f is 1; by gate 1 is -4; by z is 3; by y is -4; by x is -4.

``graph``
    Reads the recorded graph and finds the gradients at all its nodes.
``words``
    How a gate, a number, an array is written in the picture, and the whole graph in words.
``layout``
    Columns, an order within them with few crossings, and places.
``picture``
    Wires, gates and texts at these places, as SVG or as a figure of matplotlib.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dlkit.autograd.drawing.graph import read
from dlkit.autograd.drawing.picture import GraphPicture, compose
from dlkit.autograd.tensor import Tensor

__all__ = ["GraphPicture", "draw"]


def draw(
    root: Tensor,
    inputs: Mapping[str, Any] | None = None,
    *,
    name: str = "f",
    gradients: bool = True,
    gradient: Any = None,
    steps: int | None = None,
    parts: bool = True,
    fold: bool = True,
    digits: int = 3,
    max_gates: int = 60,
) -> GraphPicture:
    """Draw how a tensor was computed: inputs on the left, a round gate for each operation, the result on the right.

    On the wire out of every input and gate stand its value, above, and the gradient of the result by it, below. Where
    a wire branches, the part of the gradient that comes back along each branch stands there too: their sum is the
    gradient. The gradients are computed for the picture alone; ``grad`` of the inputs stays as it is, and `backward`
    can follow.

    Parameters
    ----------
    root : Tensor
        The result. Draw it before ``backward()``, which releases what was recorded, or after
        ``backward(retain_graph=True)``.
    inputs : dict of {str: Tensor or array}, optional
        What to call the inputs; results on the way can be named too. Without a name they are "input 1", "input 2", …
        in the order in which they were made.
    name : str
        What to call the result.
    gradients : bool
        Whether to draw the gradients. There are none if `root` is not one number and `gradient` is not given.
    gradient : array, optional
        The gradient of a later quantity by `root`, in its shape; 1 by default.
    steps : int, optional
        Show only so many gradients, youngest node first: the order in which the backward pass finds them. 0 shows
        none, 1 that of the result itself. Everything keeps its place, so that the pictures can follow one another on a
        projector. ``picture.steps`` is the number that shows all.
    parts : bool
        Whether to draw the parts of a gradient on the branches.
    fold : bool
        Whether a number is written into the gate that uses it, such as "+1" or "1/x"; otherwise it is drawn as an
        input of its own.
    digits : int
        How many significant digits of the numbers to write.
    max_gates : int
        Refuse a graph with more gates than this.

    Returns
    -------
    GraphPicture
        A notebook shows it as the value of a cell; ``picture.show()`` stores it as PNG with its description instead.

    Raises
    ------
    TypeError
        If `root` is not a Tensor, or one of `inputs` is neither a Tensor nor an array.
    ValueError
        If the graph has more than `max_gates` gates, `root` was given and not computed, or not recorded, one of
        `inputs` is not part of the graph, or `gradient` has another shape than `root`.
    RuntimeError
        If a backward pass has released the graph, or a tensor was changed after it was used.
    """
    if digits < 1:
        raise ValueError(f"digits: expected at least 1, got {digits}")
    if steps is not None and steps < 0:
        raise ValueError(f"steps: expected at least 0, got {steps}")
    graph = read(root, inputs or {}, name, gradients, gradient, fold, max_gates)
    return compose(graph, digits, steps, parts)
