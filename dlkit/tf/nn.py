"""Networks' functions (``tf.nn``): activations, cross entropies, dropout, batch normalization."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dlkit.autograd import operations as op
from dlkit.autograd.operation import operation
from dlkit.tf import formulas
from dlkit.tf.building import add_formula, convert_to_tensor
from dlkit.tf.classes import in_top_k
from dlkit.tf.errors import not_offered
from dlkit.tf.graph import Tensor, name_scope
from dlkit.tf.mathematics import cast, reduce_mean, reduce_sum
from dlkit.tf.random import RandomOperation, uniform
from dlkit.tf.shapes import written
from dlkit.tf.shaping import identity, stop_gradient
from dlkit.tf.shaping import shape as shape_of

__all__ = [
    "batch_normalization",
    "bias_add",
    "dropout",
    "elu",
    "in_top_k",
    "l2_loss",
    "l2_normalize",
    "leaky_relu",
    "log_softmax",
    "moments",
    "relu",
    "relu6",
    "sigmoid",
    "sigmoid_cross_entropy_with_logits",
    "softmax",
    "softmax_cross_entropy_with_logits",
    "softmax_cross_entropy_with_logits_v2",
    "softplus",
    "sparse_softmax_cross_entropy_with_logits",
    "tanh",
    "xw_plus_b",
]


# ---- activations ----------------------------------------------------------------------------------------------------


def relu(features: Any, name: str = "Relu") -> Tensor:
    """Return max(x, 0)."""
    return add_formula(op.relu, (convert_to_tensor(features),), name=name)


def relu6(features: Any, name: str = "Relu6") -> Tensor:
    """Return x between 0 and 6, the nearer end elsewhere."""
    return add_formula(formulas.relu6, (convert_to_tensor(features),), name=name)


def leaky_relu(features: Any, alpha: float = 0.2, name: str = "LeakyRelu") -> Tensor:
    """Return x where x > 0, αx elsewhere."""
    return add_formula(op.leaky_relu, (convert_to_tensor(features),), {"slope": alpha}, name)


def elu(features: Any, name: str = "Elu") -> Tensor:
    """Return x where x > 0, eˣ − 1 elsewhere."""
    return add_formula(op.elu, (convert_to_tensor(features),), {"alpha": 1.0}, name)


def sigmoid(x: Any, name: str = "Sigmoid") -> Tensor:
    """Return 1/(1 + e⁻ˣ)."""
    return add_formula(op.sigmoid, (convert_to_tensor(x),), name=name)


def tanh(x: Any, name: str = "Tanh") -> Tensor:
    """Return the hyperbolic tangent."""
    return add_formula(op.tanh, (convert_to_tensor(x),), name=name)


def softplus(features: Any, name: str = "Softplus") -> Tensor:
    """Return log(1 + eˣ)."""
    return add_formula(op.softplus, (convert_to_tensor(features),), name=name)


def softmax(logits: Any, axis: int | None = None, name: str = "Softmax", dim: int | None = None) -> Tensor:
    """Return eˣ/Σeˣ along an axis, the last by default; ``dim`` is the older name of `axis`."""
    return add_formula(op.softmax, (convert_to_tensor(logits),), {"axis": _axis(axis, dim)}, name)


def log_softmax(logits: Any, axis: int | None = None, name: str = "LogSoftmax", dim: int | None = None) -> Tensor:
    """Return the logarithm of the softmax, computed without it."""
    return add_formula(op.log_softmax, (convert_to_tensor(logits),), {"axis": _axis(axis, dim)}, name)


def _axis(axis: int | None, dim: int | None) -> int:
    return -1 if axis is None and dim is None else int(dim if axis is None else axis)  # type: ignore[arg-type]


# ---- cross entropies ------------------------------------------------------------------------------------------------


@operation
def _softmax_cross_entropy(logits: Any, labels: Any) -> Any:
    return op.softmax_cross_entropy(logits, y=labels)


_softmax_cross_entropy.derivatives(
    logits=lambda g, z, logits, labels: op.softmax_cross_entropy.rules[0](g, z, logits, y=labels),
    labels=lambda g, z, logits, labels: -op.expand_dims(g, axis=1) * op.log_softmax(logits),
)


def softmax_cross_entropy_with_logits_v2(
    _sentinel: Any = None,
    labels: Any = None,
    logits: Any = None,
    dim: int = -1,
    name: str | None = None,
    axis: int = -1,
) -> Tensor:
    """Return −Σ y log softmax(logits) for each row, with labels y that are one-hot or probabilities.

    Parameters
    ----------
    labels : Tensor of shape (n, K)
        A distribution for each row. Gradients flow to it too; the older form without ``_v2`` takes it as constant.
    logits : Tensor of shape (n, K)
        The scores before the softmax.
    dim, axis : int
        The axis of the classes, which must be the last.
    name : str, optional
        That of the operation.

    Returns
    -------
    Tensor of shape (n,)

    Raises
    ------
    ValueError
        If an argument is not named, or the shapes differ.
    """
    return _cross_entropy(_sentinel, labels, logits, (dim, axis), name or "softmax_cross_entropy_with_logits", True)


def softmax_cross_entropy_with_logits(
    _sentinel: Any = None, labels: Any = None, logits: Any = None, dim: int = -1, name: str | None = None
) -> Tensor:
    """Return −Σ y log softmax(logits) for each row; no gradient flows to the labels. See the form with ``_v2``."""
    return _cross_entropy(_sentinel, labels, logits, (dim,), name or "softmax_cross_entropy_with_logits", False)


def _cross_entropy(
    sentinel: Any, labels: Any, logits: Any, axes: Sequence[int], name: str, through_labels: bool
) -> Tensor:
    _by_name(name, sentinel, labels, logits)
    logits = convert_to_tensor(logits)
    labels = convert_to_tensor(labels, like=logits)
    for axis in axes:
        if axis not in (-1, 1):
            raise ValueError(f"{name}: the classes must be along the last axis; got {axis}")
    for x, what in ((labels, "labels"), (logits, "logits")):
        if x._shape is not None and len(x._shape) != 2:
            hint = ": for class numbers there is sparse_softmax_cross_entropy_with_logits" if what == "labels" else ""
            raise ValueError(f"{name}: {what} must have the shape (n, K); got {written(x._shape)}{hint}")
    if labels.dtype is not logits.dtype:
        labels = cast(labels, logits.dtype)
    if not through_labels:
        labels = stop_gradient(labels)
    classes = {x._shape[1] for x in (labels, logits) if x._shape}
    if len(classes - {None}) > 1:
        raise ValueError(
            f"{name}: logits and labels must have the same shape; got {written(logits._shape)} and "
            f"{written(labels._shape)}"
        )
    return add_formula(_softmax_cross_entropy, (logits, labels), name=name)


@operation
def _sparse_cross_entropy(logits: Any, labels: Any) -> Any:
    return op.softmax_cross_entropy(logits, y=labels)


_sparse_cross_entropy.derivatives(
    logits=lambda g, z, logits, labels: op.softmax_cross_entropy.rules[0](g, z, logits, y=labels)
)


def sparse_softmax_cross_entropy_with_logits(
    _sentinel: Any = None, labels: Any = None, logits: Any = None, name: str = "SparseSoftmaxCrossEntropyWithLogits"
) -> Tensor:
    """Return −log softmax(logits) at the class of each row.

    Parameters
    ----------
    labels : Tensor of integers, shape (n,)
        The class of each row, 0 … K − 1.
    logits : Tensor of shape (n, K)
        The scores before the softmax.
    name : str
        That of the operation.
    """
    _by_name(name, _sentinel, labels, logits)
    labels, logits = convert_to_tensor(labels), convert_to_tensor(logits)
    if not labels.dtype.is_integer:
        raise TypeError(f"{name}: labels must be integers, the number of each row's class; got {labels!r}")
    if labels._shape is not None and len(labels._shape) != 1:
        raise ValueError(
            f"{name}: labels must have the shape (n,), the class of each row; got {written(labels._shape)} (one-hot "
            f"labels go to softmax_cross_entropy_with_logits)"
        )
    return add_formula(_sparse_cross_entropy, (logits, cast(labels, "int64")), name=name)  # torch takes no other


@operation
def _sigmoid_cross_entropy(logits: Any, labels: Any) -> Any:
    return op.relu(logits) - logits * labels + op.softplus(-abs(logits))


_sigmoid_cross_entropy.derivatives(
    logits=lambda g, z, logits, labels: g * (op.sigmoid(logits) - labels),
    labels=lambda g, z, logits, labels: -g * logits,
)


def sigmoid_cross_entropy_with_logits(
    _sentinel: Any = None, labels: Any = None, logits: Any = None, name: str = "logistic_loss"
) -> Tensor:
    """Return −y log σ(x) − (1 − y) log(1 − σ(x)), entry by entry, for logits x and labels y: log(1 + eˣ) − x y.

    Computed as max(x, 0) − x y + log(1 + e^−|x|), for the small loss of a large logit would be lost in a difference.
    """
    _by_name(name, _sentinel, labels, logits)
    logits = convert_to_tensor(logits)
    labels = convert_to_tensor(labels, like=logits)
    return add_formula(_sigmoid_cross_entropy, (logits, labels), name=name)


def _by_name(where: str, sentinel: Any, labels: Any, logits: Any) -> None:
    if sentinel is not None or labels is None or logits is None:
        raise ValueError(
            f"Only call `{where}` with named arguments (labels=..., logits=...): they are easily taken for each other"
        )


# ---- regularisation, normalisation ----------------------------------------------------------------------------------


@operation
def _dropped(x: Any, kept: Any) -> Any:
    return x * kept


_dropped.derivatives(x=lambda g, z, x, kept: g * kept)


def dropout(
    x: Any,
    keep_prob: Any = None,
    noise_shape: Any = None,
    seed: int | None = None,
    name: str = "dropout",
    rate: Any = None,
) -> Tensor:
    """Return the tensor with each entry kept with a probability, and divided by it, or set to 0.

    Parameters
    ----------
    x : Tensor
        Of floats.
    keep_prob : float or Tensor
        The probability to keep an entry, in (0, 1]. Feed 1 for a test.
    noise_shape : sequence of int, optional
        The shape of the mask, which is broadcast.
    seed : int, optional
        That of the mask.
    name : str
        The scope of the operations.
    rate : float or Tensor, optional
        1 − keep_prob, in its place.

    Raises
    ------
    ValueError
        If a probability is not in (0, 1], or none is given.
    """
    x = convert_to_tensor(x)
    if keep_prob is None and rate is None:
        raise ValueError("keep_prob must be given: the probability to keep an entry")
    keep = keep_prob if keep_prob is not None else 1 - rate
    if isinstance(keep, int | float):
        if not 0 < keep <= 1:
            raise ValueError(f"keep_prob must be in (0, 1]; got {keep}")
        if keep == 1:
            return identity(x, name)
    with name_scope(name):
        probability = convert_to_tensor(keep, like=x, name="keep_prob")
        dims = noise_shape if noise_shape is not None else shape_of(x)
        drawn = RandomOperation("RandomUniform", dims, x.dtype, uniform, seed, "random_uniform").output
        assert drawn is not None
        # In one operation: 1/keep where the number drawn is below keep, 0 elsewhere.
        mask = add_formula(_mask, (drawn, probability), name="mask", shape=drawn._shape, dtype=x.dtype)
        return add_formula(_dropped, (x, mask), name="mul", shape=x._shape, dtype=x.dtype)


@operation
def _mask(drawn: Any, keep: Any) -> Any:
    return (drawn < keep) * (1 / keep)


_mask.constant = True


def moments(x: Any, axes: Any, keep_dims: bool = False, name: str = "moments", keepdims: bool | None = None) -> Any:
    """Return mean and variance along axes (the variance divided by n)."""
    x = convert_to_tensor(x)
    keep = bool(keep_dims or keepdims)
    with name_scope(name):
        mean = reduce_mean(x, axes, True, name="mean")
        variance = reduce_mean(add_formula(op.square, (x - stop_gradient(mean),)), axes, keep, name="variance")
        return (mean if keep else reduce_mean(x, axes, name="mean")), variance


def batch_normalization(
    x: Any, mean: Any, variance: Any, offset: Any, scale: Any, variance_epsilon: float, name: str = "batchnorm"
) -> Tensor:
    """Return γ (x − μ)/√(σ² + ε) + β (Ioffe and Szegedy, 2015); `offset` is β, `scale` is γ, either may be None."""
    x = convert_to_tensor(x)
    with name_scope(name):
        factor = 1 / add_formula(op.sqrt, (variance + variance_epsilon,))
        factor = factor * scale if scale is not None else factor
        result = (x - mean) * factor
        return result + offset if offset is not None else identity(result)


def l2_loss(t: Any, name: str = "L2Loss") -> Tensor:
    """Return ½ Σ t²."""
    with name_scope(name):
        return reduce_sum(add_formula(op.square, (convert_to_tensor(t),))) * 0.5


def l2_normalize(
    x: Any, axis: Any = None, epsilon: float = 1e-12, name: str = "l2_normalize", dim: Any = None
) -> Tensor:
    """Return x divided by its norm along an axis, or by √ε where that is smaller."""
    x = convert_to_tensor(x)
    with name_scope(name):
        total = reduce_sum(add_formula(op.square, (x,)), dim if axis is None else axis, True)
        return x / add_formula(op.sqrt, (add_formula(op.maximum, (total, epsilon)),))


def bias_add(value: Any, bias: Any, name: str = "BiasAdd", **_: Any) -> Tensor:
    """Return the sum of a tensor and a vector as long as its last axis."""
    value = convert_to_tensor(value)
    bias = convert_to_tensor(bias, like=value)
    if bias._shape is not None and len(bias._shape) != 1:
        raise ValueError(f"{name}: bias must be a vector; got {written(bias._shape)}")
    return add_formula(op.add, (value, bias), name=name)


def xw_plus_b(x: Any, weights: Any, biases: Any, name: str = "xw_plus_b") -> Tensor:
    """Return x W + b."""
    return add_formula(op.linear, (convert_to_tensor(x), weights, biases), name=name)


def __getattr__(name: str) -> Any:
    """Say what there is when something is asked for that there is not."""
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    raise not_offered("tf.nn", name, __all__)
