"""Predicted classes and true ones: whether they are among the best k, and which are taken for which."""

from __future__ import annotations

from typing import Any

from dlkit.arrays import namespace
from dlkit.autograd.operation import operation
from dlkit.tf.building import add_formula, convert_to_tensor
from dlkit.tf.dtypes import as_dtype, int32
from dlkit.tf.errors import InvalidArgumentError
from dlkit.tf.formulas import cast as cast_array
from dlkit.tf.graph import Tensor
from dlkit.tf.mathematics import cast
from dlkit.tf.shapes import written
from dlkit.tf.shaping import ones_like

__all__ = ["confusion_matrix", "in_top_k"]


@operation
def _in_top_k(predictions: Any, targets: Any, *, k: int) -> Any:
    xp = namespace(predictions)
    own = predictions[xp.arange(len(targets)), targets][:, None]
    return ((predictions > own).sum(-1) < k) & xp.isfinite(own[:, 0])


_in_top_k.constant = True


def in_top_k(predictions: Any, targets: Any, k: int, name: str = "InTopK") -> Tensor:
    """Tell for each row whether fewer than k classes have a higher score than the true one.

    Parameters
    ----------
    predictions : Tensor of shape (n, K)
        The scores.
    targets : Tensor of integers, shape (n,)
        The true classes.
    k : int
        At least 1.
    name : str
        That of the operation.

    Returns
    -------
    Tensor of bool, shape (n,)
    """
    scores, classes = convert_to_tensor(predictions), convert_to_tensor(targets)
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise ValueError(f"k must be an integer >= 1; got {k!r}")
    if not classes.dtype.is_integer:
        raise TypeError(f"targets must be integers, the class of each row; got {classes!r}")
    for x, what, rank in ((scores, "predictions", 2), (classes, "targets", 1)):
        if x._shape is not None and len(x._shape) != rank:
            wanted = "(n, K)" if rank == 2 else "(n,)"
            raise ValueError(f"{what} must have the shape {wanted}; got {written(x._shape)}")
    return add_formula(_in_top_k, (scores, classes), {"k": k}, name)


@operation
def _confusion(labels: Any, predictions: Any, weights: Any, *, classes: int | None) -> Any:
    size = classes or 1 + max((int(x.max()) for x in (labels, predictions) if len(x)), default=-1)
    for x, name in ((labels, "labels"), (predictions, "predictions")):
        if len(x) and not (int(x.min()) >= 0 and int(x.max()) < size):
            raise InvalidArgumentError(f"{name} must be 0 … {size - 1}; got {int(x.min())} … {int(x.max())}")
    index = tuple(cast_array.forward(x, dtype="int64") for x in (labels, predictions))
    return namespace(weights).scatter_add(weights, index, (size, size))


_confusion.constant = True


def confusion_matrix(
    labels: Any,
    predictions: Any,
    num_classes: int | None = None,
    dtype: Any = int32,
    name: str = "confusion_matrix",
    weights: Any = None,
) -> Tensor:
    """Return how often each class, the row, was taken for each, the column.

    Parameters
    ----------
    labels, predictions : Tensor of integers, shape (n,)
        The true classes and the predicted ones.
    num_classes : int, optional
        How many there are; one more than the largest by default.
    dtype : DType
        That of the result.
    name : str
        That of the operation.
    weights : Tensor of shape (n,), optional
        What each row counts; 1 by default.

    Returns
    -------
    Tensor of shape (num_classes, num_classes)

    Raises
    ------
    InvalidArgumentError
        When the graph is run, if a class is negative or too large.
    """
    y, p = convert_to_tensor(labels), convert_to_tensor(predictions)
    for x, what in ((y, "labels"), (p, "predictions")):
        if not x.dtype.is_integer or (x._shape is not None and len(x._shape) != 1):
            raise ValueError(f"{what} must be integers of shape (n,), classes; got {x!r}")
    if num_classes is not None and (isinstance(num_classes, bool) or int(num_classes) < 1):
        raise ValueError(f"num_classes must be an integer >= 1; got {num_classes!r}")
    size = None if num_classes is None else int(num_classes)
    each = ones_like(y, "float64") if weights is None else cast(convert_to_tensor(weights), "float64")
    found = add_formula(_confusion, (y, p, each), {"classes": size}, name, shape=(size, size))
    wanted = as_dtype(dtype)
    return add_formula(cast_array, (found,), {"dtype": wanted.name}, f"{name}/Cast")
