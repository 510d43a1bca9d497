"""Initialisers and penalties of variables, by the names that they had in ``tf.contrib.layers``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dlkit.autograd import operations as op
from dlkit.tf import nn
from dlkit.tf.building import add_formula, convert_to_tensor
from dlkit.tf.collections import GraphKeys, get_collection
from dlkit.tf.dtypes import float32
from dlkit.tf.errors import not_offered
from dlkit.tf.graph import Tensor, name_scope
from dlkit.tf.mathematics import abs, add_n, multiply, reduce_sum
from dlkit.tf.random import variance_scaling_initializer as scaled
from dlkit.tf.random import zeros_initializer
from dlkit.tf.scopes import get_variable, variable_scope
from dlkit.tf.shapes import written
from dlkit.tf.shaping import constant

__all__ = [
    "apply_regularization",
    "fully_connected",
    "l1_regularizer",
    "l2_regularizer",
    "variance_scaling_initializer",
    "xavier_initializer",
]

Regularizer = Callable[[Any], Tensor | None]


def xavier_initializer(uniform: bool = True, seed: int | None = None, dtype: Any = float32) -> Any:
    """Return Glorot's initialiser, with the variance 2/(n_in + n_out).

    Parameters
    ----------
    uniform : bool, default True
        Draw uniformly, or else from the normal distribution cut at two standard deviations.
    seed : int, optional
        That of the numbers.
    dtype : DType
        Their type.
    """
    return scaled(1.0, "fan_avg", "uniform" if uniform else "truncated_normal", seed, dtype)


def variance_scaling_initializer(
    factor: float = 2.0, mode: str = "FAN_IN", uniform: bool = False, seed: int | None = None, dtype: Any = float32
) -> Any:
    """Return the initialiser with the variance factor/n: He's, for ReLU, by default.

    Parameters
    ----------
    factor : float
        How large the variance is.
    mode : {"FAN_IN", "FAN_OUT", "FAN_AVG"}
        What n is.
    uniform : bool, default False
        Draw uniformly, or else from the normal distribution cut at two standard deviations.
    seed, dtype : object
        As for `xavier_initializer`.
    """
    if mode not in ("FAN_IN", "FAN_OUT", "FAN_AVG"):
        raise ValueError(f"mode must be 'FAN_IN', 'FAN_OUT' or 'FAN_AVG'; got {mode!r}")
    return scaled(factor, mode.lower(), "uniform" if uniform else "truncated_normal", seed, dtype)


def l1_regularizer(scale: float, scope: str | None = None) -> Regularizer:
    """Return the penalty scale · Σ |w|, a function of the variable w; none for the scale 0.

    Parameters
    ----------
    scale : float
        At least 0.
    scope : str, optional
        That of the operations.
    """
    return _penalty(scale, scope or "l1_regularizer", lambda w: reduce_sum(abs(w)))


def l2_regularizer(scale: float, scope: str | None = None) -> Regularizer:
    """Return the penalty scale · ½ Σ w², a function of the variable w; none for the scale 0.

    Parameters
    ----------
    scale : float
        At least 0.
    scope : str, optional
        That of the operations.
    """
    return _penalty(scale, scope or "l2_regularizer", nn.l2_loss)


def _penalty(scale: Any, scope: str, of: Callable[[Any], Tensor]) -> Regularizer:
    if isinstance(scale, bool) or not isinstance(scale, int | float) or not scale >= 0:
        raise ValueError(f"scale must be a number >= 0; got {scale!r}")
    if scale == 0:
        return lambda weights: None

    def penalty(weights: Any) -> Tensor:
        with name_scope(scope):
            return multiply(of(weights), float(scale))

    return penalty


def apply_regularization(regularizer: Regularizer, weights_list: Sequence[Any] | None = None) -> Tensor:
    """Return the sum of the penalties of several variables, which `tf.losses.get_total_loss` adds from then on.

    Parameters
    ----------
    regularizer : callable
        From a variable to its penalty.
    weights_list : list of Variable, optional
        All trainable ones by default.
    """
    weights = get_collection(GraphKeys.TRAINABLE_VARIABLES) if weights_list is None else list(weights_list)
    if not weights:
        raise ValueError("weights_list must hold variables; got none")
    found = [p for p in map(regularizer, weights) if p is not None]
    total = add_n(found) if found else constant(0.0)
    total.graph.collections.setdefault(GraphKeys.REGULARIZATION_LOSSES, []).append(total)
    return total


def fully_connected(
    inputs: Any,
    num_outputs: int,
    activation_fn: Callable[[Any], Tensor] | None = nn.relu,
    weights_initializer: Any = None,
    weights_regularizer: Regularizer | None = None,
    biases_initializer: Any = zeros_initializer,
    biases_regularizer: Regularizer | None = None,
    reuse: Any = None,
    trainable: bool = True,
    scope: str | None = None,
) -> Tensor:
    """Return activation_fn(x W + b), a dense layer with ReLU by default; later it was `tf.layers.dense`.

    Parameters
    ----------
    inputs : Tensor of shape (…, n)
        x, floats; n must be known.
    num_outputs : int
        How many numbers come out for each row.
    activation_fn : callable or None
        None for a linear layer.
    weights_initializer, biases_initializer : callable, optional
        What W and b start with: `xavier_initializer` and zeros. None for `biases_initializer` leaves b out.
    weights_regularizer, biases_regularizer : callable, optional
        Penalties.
    reuse : bool, optional
        Take the variables that are there.
    trainable : bool, default True
        Whether optimizers change them.
    scope : str, optional
        The name; ``fully_connected``, ``fully_connected_1`` and so on by default.
    """
    x = convert_to_tensor(inputs)
    if not x.dtype.is_floating or not x._shape or x._shape[-1] is None:
        raise ValueError(
            f"inputs must be floats with a known last dimension; {x.name} is {x.dtype.name} of shape "
            f"{written(x._shape)}"
        )
    with variable_scope(scope, "fully_connected", reuse=reuse):
        start = weights_initializer or xavier_initializer()
        shape = (x._shape[-1], int(num_outputs))
        W = get_variable("weights", shape, x.dtype, start, weights_regularizer, trainable)
        if biases_initializer is None:
            result = add_formula(op.matmul, (x, W), name="MatMul")
        else:
            b = get_variable("biases", shape[1:], x.dtype, biases_initializer, biases_regularizer, trainable)
            result = add_formula(op.linear, (x, W, b), name="BiasAdd")
        return result if activation_fn is None else activation_fn(result)


def __getattr__(name: str) -> Any:
    """Say what there is when something is asked for that there is not."""
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    raise not_offered("tf.contrib.layers", name, __all__)
