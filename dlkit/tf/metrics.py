"""Means over all batches of a test set (``tf.metrics``).

A metric is a pair: its value so far, and an operation that takes a batch in. What it counts with are local variables,
which `tf.local_variables_initializer` sets to 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dlkit.tf.building import convert_to_tensor
from dlkit.tf.collections import GraphKeys
from dlkit.tf.errors import not_offered
from dlkit.tf.graph import Tensor, get_default_graph
from dlkit.tf.mathematics import cast, equal, reduce_sum, where
from dlkit.tf.scopes import variable_scope
from dlkit.tf.shapes import may_agree, written
from dlkit.tf.shaping import constant, reshape, zeros_like
from dlkit.tf.variables import Variable, assign_add

__all__ = ["accuracy", "mean"]

_KEYS = [GraphKeys.LOCAL_VARIABLES, GraphKeys.METRIC_VARIABLES]


def mean(
    values: Any,
    weights: Any = None,
    metrics_collections: Sequence[str] | None = None,
    updates_collections: Sequence[str] | None = None,
    name: str | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the mean of all values that were taken in, and the operation that takes a batch in.

    Parameters
    ----------
    values : Tensor
        Those of a batch, in any shape.
    weights : float or Tensor, optional
        What each counts; broadcast to the values.
    metrics_collections, updates_collections : list of str, optional
        Where to put the mean and the operation aside.
    name : str, optional
        The scope of the operations and variables, ``mean`` by default.

    Returns
    -------
    value : Tensor
        The mean so far; 0 before the first batch.
    update_op : Tensor
        Takes the batch in, and is the mean with it.
    """
    with variable_scope(name, "mean"):
        x = cast(convert_to_tensor(values), "float32")
        total, count = (Variable(0.0, trainable=False, name=label, collections=_KEYS) for label in ("total", "count"))
        each = constant(1.0) if weights is None else cast(convert_to_tensor(weights, like=x), "float32")
        summed = assign_add(total, reduce_sum(x if weights is None else x * each))
        counted = assign_add(count, reduce_sum(each + zeros_like(x)))
        update = _ratio(summed, counted, "update_op")
        value = _ratio(total, count, "value")
    for keys, tensor in ((metrics_collections, value), (updates_collections, update)):
        for key in keys or ():
            get_default_graph().collections.setdefault(key, []).append(tensor)
    return value, update


def accuracy(
    labels: Any,
    predictions: Any,
    weights: Any = None,
    metrics_collections: Sequence[str] | None = None,
    updates_collections: Sequence[str] | None = None,
    name: str | None = None,
) -> tuple[Tensor, Tensor]:
    """Return how often the predictions were the labels, and the operation that takes a batch in.

    Parameters
    ----------
    labels, predictions : Tensor
        Classes, of one shape; (n, 1) is taken for (n,). Scores go through ``tf.argmax`` first.
    weights, metrics_collections, updates_collections : object
        As for `mean`.
    name : str, optional
        The scope of the operations and variables, ``accuracy`` by default.

    Returns
    -------
    value, update_op : Tensor
        As for `mean`.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    y, p = _column(convert_to_tensor(labels)), _column(convert_to_tensor(predictions))
    if not may_agree(y._shape, p._shape):
        raise ValueError(
            f"labels and predictions must have the same shape; got {written(y._shape)} and {written(p._shape)} "
            f"(tf.argmax(scores, 1) makes classes of scores)"
        )
    p = p if p.dtype is y.dtype else cast(p, y.dtype)
    return mean(equal(p, y), weights, metrics_collections, updates_collections, name or "accuracy")


def _column(x: Tensor) -> Tensor:
    return reshape(x, (-1,)) if x._shape is not None and len(x._shape) == 2 and x._shape[1] == 1 else x


def _ratio(total: Tensor, count: Tensor, name: str) -> Tensor:
    none = equal(count, 0.0)
    return where(none, 0.0, total / where(none, 1.0, count), name=name)


def __getattr__(name: str) -> Any:
    """Say what there is when something is asked for that there is not."""
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    raise not_offered("tf.metrics", name, __all__)
