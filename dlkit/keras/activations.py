"""Keras's names for activations, and the operations of `dlkit.autograd` that they stand for.

Operations take arrays and tensors alike; so does any function of one argument that is made of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dlkit.autograd import operations as op
from dlkit.keras._names import find

__all__ = [
    "deserialize",
    "elu",
    "exponential",
    "get",
    "hard_sigmoid",
    "leaky_relu",
    "linear",
    "relu",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "swish",
    "tanh",
]

sigmoid, tanh, softplus, softmax, elu, relu, exponential = (
    op.sigmoid,
    op.tanh,
    op.softplus,
    op.softmax,
    op.elu,
    op.relu,
    op.exp,
)

# Klambauer, Unterthiner, Mayr and Hochreiter (2017), *Self-normalizing neural networks*, with the digits of float64.
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def linear(x: Any) -> Any:
    """Return x: no activation."""
    return x


def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """Return x where x > 0, negative_slope·x elsewhere; Keras 3's slope is 0.2."""
    return op.leaky_relu(x, slope=negative_slope)


def selu(x: Any) -> Any:
    """Return the ELU with the scale and α that keep mean 0 and variance 1 from layer to layer."""
    return op.elu(x, alpha=_SELU_ALPHA) * _SELU_SCALE


def softsign(x: Any) -> Any:
    """Return x/(1 + |x|)."""
    return x / (1 + op.abs(x))


def silu(x: Any) -> Any:
    """Return x·σ(x), also called swish."""
    return x * op.sigmoid(x)


swish = silu


def hard_sigmoid(x: Any) -> Any:
    """Return the three straight lines of Keras 3 that follow σ: x/6 + 1/2, between 0 and 1."""
    return op.clip(x / 6 + 0.5, low=0.0, high=1.0)


_KNOWN: dict[str, Callable[..., Any]] = {
    "elu": elu,
    "exponential": exponential,
    "hard_sigmoid": hard_sigmoid,
    "leaky_relu": leaky_relu,
    "linear": linear,
    "relu": relu,
    "selu": selu,
    "sigmoid": sigmoid,
    "silu": silu,
    "softmax": softmax,
    "softplus": softplus,
    "softsign": softsign,
    "swish": silu,
    "tanh": tanh,
}


def get(identifier: Any) -> Callable[[Any], Any]:
    """Return an activation by its name; None is `linear`, and a function is itself.

    Raises
    ------
    ValueError
        If the name is not known; the message has the nearest ones.
    """
    if identifier is None:
        return linear
    if callable(identifier):
        return identifier
    return find(identifier, _KNOWN, "activation")


def serialize(activation: Callable[..., Any]) -> str:
    """Return the name of an activation, to be written to a file.

    Raises
    ------
    ValueError
        If it is a function of one's own, which has no name that a file could be read by.
    """
    for name, known in _KNOWN.items():
        if known is activation:
            return name
    shown = getattr(activation, "__name__", repr(activation))
    raise ValueError(f"activation must be one of Keras's to be written to a file; got {shown}")


deserialize = get
