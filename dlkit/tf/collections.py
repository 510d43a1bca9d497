"""What a graph puts aside under a name, to be found again: losses, summaries, what must run beside a training step."""

from __future__ import annotations

import re
from typing import Any

from dlkit.tf.graph import Operation, get_default_graph
from dlkit.tf.variables import Variable, trainable_variables, variables_initializer

__all__ = ["GraphKeys", "add_to_collection", "get_collection", "local_variables", "local_variables_initializer"]


class GraphKeys:
    """The names under which the package itself puts things aside (``tf.GraphKeys``).

    Attributes
    ----------
    GLOBAL_VARIABLES, TRAINABLE_VARIABLES, LOCAL_VARIABLES, METRIC_VARIABLES : str
        Variables: all that a checkpoint keeps; those that optimizers change; those that count, as a metric's.
    LOSSES, REGULARIZATION_LOSSES : str
        What `tf.losses.get_total_loss` adds up.
    UPDATE_OPS : str
        Operations that must run beside each training step: the moving averages of `tf.layers.batch_normalization`.
    SUMMARIES : str
        What `tf.summary.merge_all` merges.
    GLOBAL_STEP : str
        The variable that counts the training steps.
    """

    GLOBAL_VARIABLES = "variables"
    TRAINABLE_VARIABLES = "trainable_variables"
    LOCAL_VARIABLES = "local_variables"
    METRIC_VARIABLES = "metric_variables"
    LOSSES = "losses"
    REGULARIZATION_LOSSES = "regularization_losses"
    UPDATE_OPS = "update_ops"
    SUMMARIES = "summaries"
    GLOBAL_STEP = "global_step"


def add_to_collection(name: str, value: Any) -> None:
    """Put something aside in the default graph.

    Parameters
    ----------
    name : str
        Under which name; `GraphKeys` has those that the package uses.
    value : object
        What, a tensor as a rule.

    Raises
    ------
    TypeError
        If `name` is no string.
    ValueError
        If it is the name of the graph's variables, which add themselves.
    """
    if not isinstance(name, str):
        raise TypeError(f"name must be a string, as tf.GraphKeys.LOSSES; got {name!r}")
    if name in (GraphKeys.GLOBAL_VARIABLES, GraphKeys.TRAINABLE_VARIABLES):
        raise ValueError(f"name must not be {name!r}: variables are added to it as they are made, and nothing else is")
    get_default_graph().collections.setdefault(name, []).append(value)


def get_collection(key: str, scope: str | None = None) -> list[Any]:
    """Return what was put aside under a name in the default graph, oldest first.

    Parameters
    ----------
    key : str
        The name.
    scope : str, optional
        Only what has a name that begins with this regular expression.
    """
    if not isinstance(key, str):
        raise TypeError(f"key must be a string, as tf.GraphKeys.LOSSES; got {key!r}")
    graph = get_default_graph()
    if key == GraphKeys.GLOBAL_VARIABLES:
        found = list(graph.variables)
    elif key == GraphKeys.TRAINABLE_VARIABLES:
        found = trainable_variables()
    else:
        found = graph.get_collection(key)
    return found if scope is None else [x for x in found if re.match(scope, getattr(x, "name", ""))]


def local_variables(scope: str | None = None) -> list[Variable]:
    """Return the variables that only count something and that no checkpoint keeps; see `get_collection`."""
    return get_collection(GraphKeys.LOCAL_VARIABLES, scope)


def local_variables_initializer() -> Operation:
    """Return the operation that gives all local variables made so far their initial values."""
    return variables_initializer(local_variables(), name="init_local")
