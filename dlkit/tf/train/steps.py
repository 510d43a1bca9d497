"""The variable that counts the training steps of a graph: one, named ``global_step``."""

from __future__ import annotations

from typing import Any

from dlkit.tf.collections import GraphKeys
from dlkit.tf.dtypes import int64
from dlkit.tf.graph import Graph, Tensor, _set, get_default_graph
from dlkit.tf.variables import Variable

__all__ = ["create_global_step", "get_global_step", "get_or_create_global_step", "global_step"]


def create_global_step(graph: Graph | None = None) -> Variable:
    """Return a new variable that counts the steps from 0, for ``minimize(loss, global_step)``.

    Parameters
    ----------
    graph : Graph, optional
        Where; the default graph.

    Raises
    ------
    ValueError
        If the graph has one.
    """
    graph = graph or get_default_graph()
    if get_global_step(graph) is not None:
        raise ValueError('"global_step" already exists; get_or_create_global_step() returns it')
    keys = [GraphKeys.GLOBAL_VARIABLES, GraphKeys.GLOBAL_STEP]
    with graph.as_default(), _set(graph, scope=""):
        return Variable(0, trainable=False, name="global_step", dtype=int64, collections=keys)


def get_global_step(graph: Graph | None = None) -> Variable | None:
    """Return the variable that counts the steps of a graph, the default one by default; None if there is none.

    It is that of `create_global_step`, or else a variable of integers that was given the name ``global_step``.
    """
    graph = graph or get_default_graph()
    found = graph.get_collection(GraphKeys.GLOBAL_STEP)
    found = found or [v for v in graph.variables if v.name == "global_step:0" and v.dtype.is_integer]
    return found[0] if found else None


def get_or_create_global_step(graph: Graph | None = None) -> Variable:
    """Return the variable that counts the steps of a graph, the default one by default; a new one if there is none."""
    found = get_global_step(graph)
    return create_global_step(graph) if found is None else found


def global_step(sess: Any, global_step_tensor: Tensor) -> int:
    """Return the number of steps made in a session.

    Parameters
    ----------
    sess : Session
        The session.
    global_step_tensor : Variable
        What counts the steps in it.
    """
    if not isinstance(global_step_tensor, Tensor):
        raise TypeError(f"global_step_tensor must be a tensor of the graph; got {global_step_tensor!r}")
    return int(sess.run(global_step_tensor))
