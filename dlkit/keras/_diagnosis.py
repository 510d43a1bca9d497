"""Why a loss is no number: the first layer whose output is not finite, and what is wrong with it."""

from __future__ import annotations

from typing import Any

from dlkit._operands import plain
from dlkit.arrays import namespace
from dlkit.autograd import no_grad

__all__ = ["not_finite"]


def not_finite(model: Any, x: Any, loss: float, where: str) -> FloatingPointError:
    """Return the error for a loss that is not finite.

    Parameters
    ----------
    model : Sequential
        As it was when the loss was computed: no step has been made with it.
    x : array
        The batch.
    loss : float
        The loss.
    where : str
        Which step it was.
    """
    at = f" at {where}" if where else ""
    return FloatingPointError(f"the loss is {loss}{at}: {_cause(model, x)}")


def _cause(model: Any, x: Any) -> str:
    if not _finite(x):
        return "x itself holds NaN or infinity"
    rate = model.optimizer.learning_rate
    with no_grad():
        for layer in model.layers:
            x = layer.call(x, True)
            if _finite(plain(x)):
                continue
            broken = [name for name, weight in layer.parameters.items() if not _finite(weight.value)]
            reason = (
                f"its {' and '.join(broken)} was no longer finite after an earlier step" if broken else "it overflowed"
            )
            return (
                f"the first layer whose output is not finite is {layer.name!r} ({type(layer).__name__}): {reason}. A "
                f"smaller learning rate than {rate:g}, inputs of the size of 1, or clipnorm=1 in the optimizer may help"
            )
    return (
        f"all layers' outputs are finite, so it comes from the loss {model.loss.name!r} itself, or from a "
        f"regularizer; are the labels what it asks for?"
    )


def _finite(x: Any) -> bool:
    return bool(namespace(x).isfinite(x).all())
