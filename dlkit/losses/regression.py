"""Losses of a prediction and its target."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlkit._operands import real_operands
from dlkit.autograd import operations as op
from dlkit.losses._shapes import same_shape

__all__ = ["squared_error"]


@np.errstate(over="ignore", under="ignore", invalid="ignore")
def squared_error(prediction: Any, y: Any) -> Any:
    """Squared error (prediction − y)², without a factor ½ (Gauss and Legendre's least squares).

    Convex in the prediction, smooth. With labels y = ±1 it is (1 − m)² of the margin m = y·f(x), which bounds the 0-1
    loss, though it grows again for margins above 1.

    Parameters
    ----------
    prediction : array_like of real numbers, torch.Tensor or Tensor, any shape
        What the model says.
    y : array_like of real numbers, torch.Tensor or Tensor, shape of `prediction`
        What was observed. Nothing is broadcast: (n,) beside (n, 1) would make n² differences.

    Returns
    -------
    array, shape of `prediction`
        The derivative by the prediction is 2(prediction − y), that by y its negative. +∞ where the square overflows.

    Raises
    ------
    TypeError
        If an argument does not hold real numbers, torch is recording it, or library, device or dtype differ.
    ValueError
        If the shapes differ.
    """
    prediction, y = real_operands("squared_error", prediction=prediction, y=y)
    same_shape(y, "y", prediction, "prediction")
    return op.subtract(prediction, y) ** 2
