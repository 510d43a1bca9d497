"""Operations of neural networks: activations, the softmax, and its cross entropy.

None overflows for a finite input: ``exp`` only sees numbers ≤ 0. At the far ends derivatives such as g·z·(1 − z) round
to 0.
"""

from __future__ import annotations

from typing import Any

from dlkit.arrays import namespace
from dlkit.autograd.operation import operation
from dlkit.autograd.operations.elementwise import exp, where
from dlkit.autograd.operations.reductions import sum
from dlkit.autograd.operations.shapes import expand_dims


@operation
def sigmoid(x: Any) -> Any:
    """Return σ(x) = 1 / (1 + e⁻ˣ)."""
    xp = namespace(x)
    e = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, 1.0, e) / (1 + e)  # = eˣ / (1 + eˣ) for a negative x


sigmoid.derivatives(x=lambda g, z, x: g * z * (1 - z))


@operation
def softplus(x: Any) -> Any:
    """Return log(1 + eˣ), the smooth version of max(x, 0)."""
    xp = namespace(x)
    return xp.maximum(x, 0) + xp.log1p(xp.exp(-xp.abs(x)))


softplus.derivatives(x=lambda g, z, x: g * sigmoid(x))


@operation
def log_sigmoid(x: Any) -> Any:
    """Return log σ(x) = −log(1 + e⁻ˣ)."""
    xp = namespace(x)
    return xp.minimum(x, 0) - xp.log1p(xp.exp(-xp.abs(x)))


log_sigmoid.derivatives(x=lambda g, z, x: g * sigmoid(-x))


@operation
def relu(x: Any) -> Any:
    """Return max(x, 0). The subgradient taken at 0 is 0; any number in [0, 1] would do."""
    return namespace(x).maximum(x, 0)


relu.derivatives(x=lambda g, z, x: gate(g, z))


@operation
def gate(x: Any, y: Any) -> Any:
    """Return x where y > 0 and 0 elsewhere: the gate is open or shut. It is flat in y wherever it has a derivative."""
    return namespace(x).gate(x, y)


gate.derivatives(x=lambda g, z, x, y: gate(g, y), y=lambda g, z, x, y: g * 0.0)


@operation
def leaky_relu(x: Any, *, slope: float = 0.1) -> Any:
    """Return x where x > 0, slope·x elsewhere. At 0 the slope is taken, a subgradient for slope ≤ 1."""
    xp = namespace(x)
    return xp.maximum(x, 0) + slope * xp.minimum(x, 0)


leaky_relu.derivatives(x=lambda g, z, x, slope: where(x > 0, g, slope * g))


@operation
def elu(x: Any, *, alpha: float = 1.0) -> Any:
    """Return x where x > 0, α(eˣ − 1) elsewhere. The derivative taken at 0 is α (for α = 1, the derivative)."""
    xp = namespace(x)
    return xp.maximum(x, 0) + alpha * xp.expm1(xp.minimum(x, 0))


elu.derivatives(x=lambda g, z, x, alpha: where(x > 0, g, g * alpha * exp(where(x > 0, 0.0, x))))


@operation
def softmax(x: Any, *, axis: int = -1) -> Any:
    """Return the softmax eˣ / Σ eˣ along an axis."""
    xp = namespace(x)
    e = xp.exp(x - xp.max(x, axis=axis, keepdims=True))
    return e / xp.sum(e, axis=axis, keepdims=True)


softmax.derivatives(x=lambda g, z, x, axis: z * (g - sum(g * z, axis=axis, keepdims=True)))


@operation
def log_softmax(x: Any, *, axis: int = -1) -> Any:
    """Return the logarithm of the softmax, x − log Σ eˣ along an axis."""
    xp = namespace(x)
    shifted = x - xp.max(x, axis=axis, keepdims=True)
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=axis, keepdims=True))


log_softmax.derivatives(x=lambda g, z, x, axis: g - exp(z) * sum(g, axis=axis, keepdims=True))


@operation
def softmax_cross_entropy(scores: Any, *, y: Any) -> Any:
    """Return −log softmax(scores)_y for every row of scores; the same as the two steps, with a shorter derivative.

    `scores` has the shape (n, K); `y` holds the class of each row, integers of shape (n,), or a distribution for
    each row, shape (n, K). The derivative of a row's loss by its scores is softmax(scores) − y, with y one-hot.
    """
    xp = namespace(scores)
    shifted = scores - xp.max(scores, axis=1, keepdims=True)
    log_total = xp.log(xp.sum(xp.exp(shifted), axis=1))
    if len(y.shape) == 2:
        return xp.sum(xp.where(y == 0, 0.0, y * (log_total[:, None] - shifted)), axis=1)  # no loss is −0
    return log_total - xp.take_along_axis(shifted, y[:, None], axis=1)[:, 0]


softmax_cross_entropy.derivatives(
    scores=lambda g, z, scores, y: expand_dims(g, axis=1) * (softmax(scores) - _one_hot(y, scores)),
)


def _one_hot(y: Any, scores: Any) -> Any:
    if len(y.shape) == 2:
        return y
    xp = namespace(y)
    classes = xp.arange(scores.shape[1]) if xp.name == "numpy" else xp.arange(scores.shape[1], device=y.device)
    return xp.astype(classes == y[:, None], scores.dtype)
