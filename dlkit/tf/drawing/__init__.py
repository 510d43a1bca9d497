r"""The graph as a picture, before it is run: what was defined, and what `minimize` adds to it.

>>> import dlkit.tf as tf
>>> with tf.Graph().as_default():
...     x = tf.placeholder(tf.float32, [None, 2], name="x")
...     W = tf.Variable([[1.0], [2.0]], name="W")
...     picture = tf.draw(tf.reduce_sum(tf.matmul(x, W)))
>>> print(picture.alt.replace(". ", ".\n"))
Graph of 2 operations, not run yet, read from left to right.
Variables: W (2, 1).
Placeholders: x (?, 2).
MatMul is the matrix product of x and W, shape (?, 1).
Sum is the sum of the entries of MatMul, shape ().

``graph``
    Reads the graph: which operations are drawn, as what, and in which of three bands.
``words``
    How a gate is written, and the whole graph in words.
``band``
    Lays out the vertices of a band with `dlkit.autograd.drawing.layout`, and draws them.
``picture``
    Puts the bands one beneath the other, and joins them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dlkit.autograd.drawing import words as eager
from dlkit.autograd.drawing.picture import GraphPicture
from dlkit.tf.drawing.graph import Vertex, operations, read
from dlkit.tf.drawing.picture import compose
from dlkit.tf.graph import Graph, get_default_graph

__all__ = ["draw"]


def draw(
    fetches: Any = None,
    graph: Graph | None = None,
    *,
    values: Mapping[Any, Any] | None = None,
    fold: bool = True,
    scopes: bool | Sequence[str] = (),
    run: Any = None,
    fed: Any = (),
    digits: int = 3,
    max_gates: int = 60,
) -> GraphPicture:
    """Draw a graph that need not have been run.

    Placeholders, variables and constants are at the left, a gate for each operation follows, with its name below and
    the shape of its result on the wire ("?" where it is not known before the run). A dashed wire is a control
    dependency. What `gradients` and `minimize` add is orange: the gradients from right to left beneath, each under the
    gate that it belongs to and joined to it by a thin line, for it uses what went into that gate; then the optimizer's
    step, with arrows to the variables that it changes. The rest keeps its places, so that a picture after `minimize`
    can follow one from before.

    Parameters
    ----------
    fetches : Tensor, Operation, str or list, optional
        Draw what these need. By default everything that leads to a result; the operations that give variables their
        first values are left out then.
    graph : Graph, optional
        That of `fetches`, or the default one.
    values : dict of {Tensor or str: array}, optional
        Values to write on the wires in place of shapes, as ``session.run`` gave them.
    fold : bool
        Whether a number is written into the gate that uses it, such as "×3"; otherwise it is drawn as a constant.
    scopes : bool or list of str
        The name scopes that are drawn as one gate each; True for all of the outermost ones.
    run : Tensor, Operation, str or list, optional
        Leave only those operations in colour that ``session.run`` of this carries out; the others turn grey.
    fed : list of Tensor, optional
        What is fed in that run: what leads only to these is not carried out.
    digits : int
        How many significant digits of the values to write.
    max_gates : int
        Refuse a graph with more gates than this.

    Returns
    -------
    GraphPicture
        A notebook shows it as the value of a cell; ``picture.show()`` stores it as PNG with its description instead.

    Raises
    ------
    TypeError
        If one of `fetches` or `run` is neither a tensor nor an operation of a graph.
    KeyError
        If the graph has no operation of that name.
    ValueError
        If the graph is empty or has more than `max_gates` gates, a scope is not drawn or cannot be one gate, or a value
        is given of what is not drawn.
    """
    graph = graph or _graph_of(fetches) or get_default_graph()
    found = read(fetches, graph, fold, scopes, run, fed, max_gates)
    return compose(found, _lines(found.vertices, values or {}, graph, digits))


def _graph_of(fetches: Any) -> Graph | None:
    """Return the graph of the first tensor or operation."""
    while isinstance(fetches, list | tuple | dict) and fetches:
        fetches = next(iter(fetches.values() if isinstance(fetches, dict) else fetches))
    found = getattr(fetches, "graph", None)
    return found if isinstance(found, Graph) else None


def _lines(vertices: Sequence[Vertex], values: Mapping[Any, Any], graph: Graph, digits: int) -> dict[Vertex, list[str]]:
    """Return the values as lines of text, by the vertices that they belong to."""
    import numpy as np

    drawn = {op: v for v in vertices if v.kind != "reference" and len(v.ops) == 1 for op in v.ops}
    lines = {}
    for key, value in values.items():
        op = operations(key, graph)[0]
        if op not in drawn:
            raise ValueError(f"values: {op.name} is not drawn")
        lines[drawn[op]] = [eager.pretty(line) for line in eager.lines(np.asarray(value), digits)]
    return lines
