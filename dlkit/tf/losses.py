"""Losses by one call (``tf.losses``): each returns one number for a batch, and is put aside for `get_total_loss`.

The number is the sum of the losses times their weights, divided by how many of the weights are not 0: with the weight
1, as by default, the mean. Weights are a number, or a tensor that has the axes of the losses, with length 1 where they
are the same for all. Everything is computed in the type of the predictions.
"""

from __future__ import annotations

from typing import Any

from dlkit.autograd import operations as op
from dlkit.tf import nn
from dlkit.tf.building import add_formula, convert_to_tensor
from dlkit.tf.collections import GraphKeys, get_collection
from dlkit.tf.errors import not_offered
from dlkit.tf.graph import Tensor, name_scope
from dlkit.tf.mathematics import abs, add_n, cast, equal, log, minimum, not_equal, reduce_mean, reduce_sum
from dlkit.tf.mathematics import where as choose
from dlkit.tf.shapes import may_agree, written
from dlkit.tf.shaping import constant, identity, reshape, stop_gradient, zeros_like

__all__ = [
    "Reduction",
    "absolute_difference",
    "add_loss",
    "compute_weighted_loss",
    "get_losses",
    "get_regularization_loss",
    "get_regularization_losses",
    "get_total_loss",
    "hinge_loss",
    "huber_loss",
    "log_loss",
    "mean_squared_error",
    "sigmoid_cross_entropy",
    "softmax_cross_entropy",
    "sparse_softmax_cross_entropy",
]


class Reduction:
    """How the losses of a batch become one number.

    Attributes
    ----------
    NONE : str
        Not at all: the losses times the weights are returned.
    SUM : str
        Their sum.
    MEAN : str
        The sum divided by that of the weights.
    SUM_OVER_BATCH_SIZE : str
        The sum divided by the number of losses.
    SUM_BY_NONZERO_WEIGHTS, SUM_OVER_NONZERO_WEIGHTS : str
        The sum divided by the number of weights that are not 0.
    """

    NONE = "none"
    SUM = "weighted_sum"
    MEAN = "weighted_mean"
    SUM_OVER_BATCH_SIZE = "weighted_sum_over_batch_size"
    SUM_BY_NONZERO_WEIGHTS = SUM_OVER_NONZERO_WEIGHTS = "weighted_sum_by_nonzero_weights"

    @classmethod
    def all(cls) -> tuple[str, ...]:
        """Return all of them."""
        return cls.NONE, cls.SUM, cls.MEAN, cls.SUM_OVER_BATCH_SIZE, cls.SUM_BY_NONZERO_WEIGHTS


_USUAL = Reduction.SUM_BY_NONZERO_WEIGHTS


def compute_weighted_loss(
    losses: Any,
    weights: Any = 1.0,
    scope: str | None = None,
    loss_collection: str | None = GraphKeys.LOSSES,
    reduction: str = _USUAL,
) -> Tensor:
    """Return one number for the losses of a batch, and put it aside.

    Parameters
    ----------
    losses : Tensor
        One for each sample, or for each entry.
    weights : float or Tensor, default 1
        What each counts.
    scope : str, optional
        That of the operations.
    loss_collection : str or None
        Under which name to put it aside; None does not.
    reduction : str
        One of `Reduction`.

    Raises
    ------
    ValueError
        If the weights do not have the axes of the losses, or there is no such reduction.
    """
    with name_scope(scope, "weighted_loss"):
        return _reduced(convert_to_tensor(losses), weights, loss_collection, reduction)


def _reduced(losses: Tensor, weights: Any, collection: str | None, reduction: str) -> Tensor:
    """Return the losses as one number, named ``value`` within the scope that is open."""
    if reduction not in Reduction.all():
        raise ValueError(f"reduction must be one of {', '.join(Reduction.all())}; got {reduction!r}")
    if isinstance(weights, int | float) and weights == 1 and reduction in (_USUAL, Reduction.SUM_OVER_BATCH_SIZE):
        value = reduce_mean(losses, name="value")
    else:
        weights = _weights(weights, losses)
        weighted = losses * weights
        if reduction == Reduction.NONE:
            value = identity(weighted, "value")
        elif reduction == Reduction.SUM:
            value = reduce_sum(weighted, name="value")
        elif reduction == Reduction.SUM_OVER_BATCH_SIZE:
            value = reduce_mean(weighted, name="value")
        else:
            each = weights if reduction == Reduction.MEAN else cast(not_equal(weights, 0.0), losses.dtype)
            total = reduce_sum(each + zeros_like(losses), name="num_present")
            none = equal(total, 0.0)  # then the value is 0, and not 0/0
            value = choose(none, 0.0, reduce_sum(weighted) / choose(none, 1.0, total), name="value")
    if collection:
        value.graph.collections.setdefault(collection, []).append(value)
    return value


def _weights(weights: Any, losses: Tensor) -> Tensor:
    found = cast(convert_to_tensor(weights, like=losses), losses.dtype)
    mine, theirs = found._shape, losses._shape
    alike = None if mine is None or theirs is None else [(n, m) for n, m in zip(mine, theirs, strict=False) if n != 1]
    if mine == () or alike is None:
        return found
    if len(mine) != len(theirs) or not all(None in pair or pair[0] == pair[1] for pair in alike):  # type: ignore[arg-type]
        raise ValueError(
            f"weights must be a number or have the axes of the losses, with their length or 1; the losses have the "
            f"shape {written(theirs)}, the weights {written(mine)}"
        )
    return found


def mean_squared_error(
    labels: Any,
    predictions: Any,
    weights: Any = 1.0,
    scope: str | None = None,
    loss_collection: str | None = GraphKeys.LOSSES,
    reduction: str = _USUAL,
) -> Tensor:
    """Return the mean of (p − y)².

    Parameters
    ----------
    labels, predictions : Tensor
        y and p, of the same shape.
    weights : float or Tensor, default 1
        What each entry counts; see the head of this module.
    scope : str, optional
        That of the operations.
    loss_collection : str or None
        Under which name the loss is put aside; None does not.
    reduction : str
        One of `Reduction`.

    Raises
    ------
    ValueError
        If the shapes differ: (n,) and (n, 1) would make (n, n) losses.
    """
    with name_scope(scope, "mean_squared_error"):
        y, p = _pair(labels, predictions, "predictions")
        return _reduced(add_formula(op.square, (p - y,), name="SquaredDifference"), weights, loss_collection, reduction)


def absolute_difference(
    labels: Any,
    predictions: Any,
    weights: Any = 1.0,
    scope: str | None = None,
    loss_collection: str | None = GraphKeys.LOSSES,
    reduction: str = _USUAL,
) -> Tensor:
    """Return the mean of |p − y|; the arguments are those of `mean_squared_error`."""
    with name_scope(scope, "absolute_difference"):
        y, p = _pair(labels, predictions, "predictions")
        return _reduced(abs(p - y), weights, loss_collection, reduction)


def huber_loss(
    labels: Any,
    predictions: Any,
    weights: Any = 1.0,
    delta: float = 1.0,
    scope: str | None = None,
    loss_collection: str | None = GraphKeys.LOSSES,
    reduction: str = _USUAL,
) -> Tensor:
    """Return the mean of ½ e² where |e| ≤ δ and of δ |e| − ½ δ² elsewhere, for e = p − y (Huber, 1964).

    Parameters
    ----------
    labels, predictions, weights, scope, loss_collection, reduction : object
        As for `mean_squared_error`.
    delta : float, default 1
        δ, where the square becomes a line.
    """
    with name_scope(scope, "huber_loss"):
        y, p = _pair(labels, predictions, "predictions")
        error = abs(p - y)
        square = minimum(error, delta)
        return _reduced(square * square * 0.5 + (error - square) * delta, weights, loss_collection, reduction)


def log_loss(
    labels: Any,
    predictions: Any,
    weights: Any = 1.0,
    epsilon: float = 1e-7,
    scope: str | None = None,
    loss_collection: str | None = GraphKeys.LOSSES,
    reduction: str = _USUAL,
) -> Tensor:
    """Return the mean of −y log(p + ε) − (1 − y) log(1 − p + ε), for probabilities p.

    Parameters
    ----------
    labels, predictions, weights, scope, loss_collection, reduction : object
        As for `mean_squared_error`.
    epsilon : float, default 1e-7
        ε. For logits there is `sigmoid_cross_entropy`, which needs none.
    """
    with name_scope(scope, "log_loss"):
        y, p = _pair(labels, predictions, "predictions")
        return _reduced(-y * log(p + epsilon) - (1 - y) * log(1 - p + epsilon), weights, loss_collection, reduction)


def hinge_loss(
    labels: Any,
    logits: Any,
    weights: Any = 1.0,
    scope: str | None = None,
    loss_collection: str | None = GraphKeys.LOSSES,
    reduction: str = _USUAL,
) -> Tensor:
    """Return the mean of max(0, 1 − y f) for scores f, y being −1 for the label 0 and 1 for the label 1.

    Parameters
    ----------
    labels : Tensor
        0 or 1.
    logits : Tensor
        The scores, of the same shape.
    weights, scope, loss_collection, reduction : object
        As for `mean_squared_error`.
    """
    with name_scope(scope, "hinge_loss"):
        y, f = _pair(labels, logits, "logits")
        return _reduced(nn.relu(1 - (2 * y - 1) * f), weights, loss_collection, reduction)


def sigmoid_cross_entropy(
    multi_class_labels: Any,
    logits: Any,
    weights: Any = 1.0,
    label_smoothing: float = 0,
    scope: str | None = None,
    loss_collection: str | None = GraphKeys.LOSSES,
    reduction: str = _USUAL,
) -> Tensor:
    """Return the mean of −y log σ(f) − (1 − y) log(1 − σ(f)) for logits f.

    Parameters
    ----------
    multi_class_labels : Tensor
        y, 0 or 1 or between.
    logits : Tensor
        f, of the same shape.
    label_smoothing : float
        λ: y (1 − λ) + ½ λ takes the place of y.
    weights, scope, loss_collection, reduction : object
        As for `mean_squared_error`.
    """
    with name_scope(scope, "sigmoid_cross_entropy_loss"):
        y, f = _pair(multi_class_labels, logits, "logits", "multi_class_labels")
        if label_smoothing:
            y = y * (1 - label_smoothing) + 0.5 * label_smoothing
        losses = nn.sigmoid_cross_entropy_with_logits(labels=y, logits=f, name="xentropy")
        return _reduced(losses, weights, loss_collection, reduction)


def softmax_cross_entropy(
    onehot_labels: Any,
    logits: Any,
    weights: Any = 1.0,
    label_smoothing: float = 0,
    scope: str | None = None,
    loss_collection: str | None = GraphKeys.LOSSES,
    reduction: str = _USUAL,
) -> Tensor:
    """Return the mean of −Σ y log softmax(f), one for each row.

    Parameters
    ----------
    onehot_labels : Tensor of shape (n, K)
        y, one-hot or probabilities.
    logits : Tensor of shape (n, K)
        f, the scores.
    weights : float or Tensor of shape (n,)
        What each row counts.
    label_smoothing : float
        λ: y (1 − λ) + λ/K takes the place of y.
    scope, loss_collection, reduction : object
        As for `mean_squared_error`.
    """
    with name_scope(scope, "softmax_cross_entropy_loss"):
        y, f = _pair(onehot_labels, logits, "logits", "onehot_labels")
        if label_smoothing:
            if not f._shape or f._shape[-1] is None:
                raise ValueError(f"label_smoothing needs a known number of classes; {f.name} is {written(f._shape)}")
            y = y * (1 - label_smoothing) + label_smoothing / f._shape[-1]
        losses = nn.softmax_cross_entropy_with_logits_v2(labels=stop_gradient(y), logits=f, name="xentropy")
        return _reduced(losses, weights, loss_collection, reduction)


def sparse_softmax_cross_entropy(
    labels: Any,
    logits: Any,
    weights: Any = 1.0,
    scope: str | None = None,
    loss_collection: str | None = GraphKeys.LOSSES,
    reduction: str = _USUAL,
) -> Tensor:
    """Return the mean of −log softmax(f) at each row's class.

    Parameters
    ----------
    labels : Tensor of integers, shape (n,) or (n, 1)
        The class of each row, 0 … K − 1.
    logits : Tensor of shape (n, K)
        f, the scores.
    weights : float or Tensor of shape (n,)
        What each row counts.
    scope, loss_collection, reduction : object
        As for `mean_squared_error`.
    """
    with name_scope(scope, "sparse_softmax_cross_entropy_loss"):
        y = convert_to_tensor(labels)
        if y._shape is not None and len(y._shape) == 2 and y._shape[1] == 1:
            y = reshape(y, (-1,))
        losses = nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits, name="xentropy")
        return _reduced(losses, weights, loss_collection, reduction)


def _pair(labels: Any, predictions: Any, name: str, of_labels: str = "labels") -> tuple[Tensor, Tensor]:
    """Return labels and predictions as tensors of one type and, as far as is known, one shape."""
    if labels is None or predictions is None:
        raise ValueError(f"{of_labels if labels is None else name} must not be None.")
    p = convert_to_tensor(predictions, like=labels if isinstance(labels, Tensor) and labels.dtype.is_floating else None)
    p = p if p.dtype.is_floating else cast(p, "float32")
    y = cast(convert_to_tensor(labels, like=p), p.dtype)
    if not may_agree(y._shape, p._shape):
        raise ValueError(
            f"{of_labels} and {name} must have the same shape; got {written(y._shape)} and {written(p._shape)}"
        )
    return y, p


# ---- all losses of a graph ------------------------------------------------------------------------------------------


def add_loss(loss: Tensor, loss_collection: str | None = GraphKeys.LOSSES) -> None:
    """Put a loss of your own aside for `get_total_loss`.

    Parameters
    ----------
    loss : Tensor
        One number.
    loss_collection : str or None
        Under which name; None does nothing.
    """
    if not isinstance(loss, Tensor):
        raise TypeError(f"loss must be a tensor of the graph; got {loss!r}")
    if loss_collection:
        loss.graph.collections.setdefault(loss_collection, []).append(loss)


def get_losses(scope: str | None = None, loss_collection: str = GraphKeys.LOSSES) -> list[Tensor]:
    """Return the losses that were put aside, those within a scope if it is given."""
    return get_collection(loss_collection, scope)


def get_regularization_losses(scope: str | None = None) -> list[Tensor]:
    """Return the penalties of variables, those within a scope if it is given."""
    return get_collection(GraphKeys.REGULARIZATION_LOSSES, scope)


def get_regularization_loss(scope: str | None = None, name: str = "total_regularization_loss") -> Tensor:
    """Return the sum of all penalties of variables; 0 if there are none."""
    found = get_regularization_losses(scope)
    return add_n(found, name=name) if found else constant(0.0, name=name)


def get_total_loss(
    add_regularization_losses: bool = True, name: str = "total_loss", scope: str | None = None
) -> Tensor:
    """Return the sum of all losses that were put aside.

    Parameters
    ----------
    add_regularization_losses : bool, default True
        With the penalties of variables.
    name : str
        That of the sum.
    scope : str, optional
        Only those within it.

    Raises
    ------
    ValueError
        If there are none.
    """
    found = get_losses(scope) + (get_regularization_losses(scope) if add_regularization_losses else [])
    if not found:
        raise ValueError("there are no losses to be added: tf.losses' functions and add_loss put them aside")
    return add_n(found, name=name)


def __getattr__(name: str) -> Any:
    """Say what there is when something is asked for that there is not."""
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    raise not_offered("tf.losses", name, __all__)
