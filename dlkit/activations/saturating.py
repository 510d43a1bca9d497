"""Smooth activations of each score by itself: the sigmoid, tanh, and the softplus, whose derivative the sigmoid is."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlkit._operands import real_operand
from dlkit.autograd import operations as op

__all__ = ["log_sigmoid", "sigmoid", "softplus", "tanh"]


@np.errstate(under="ignore")
def sigmoid(x: Any) -> Any:
    """Logistic function σ(x) = 1 / (1 + e⁻ˣ) = eˣ / (1 + eˣ), elementwise.

    Parameters
    ----------
    x : array_like of real numbers, torch.Tensor or Tensor, any shape
        The scores (logits).

    Returns
    -------
    array, shape and floating dtype of `x`
        Values in [0, 1]; exactly 0 at −∞ and 1 at +∞. Its derivative is σ(x)(1 − σ(x)), at most 1/4.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers, or torch is recording it.
    """
    return op.sigmoid(real_operand(x, "x"))


def tanh(x: Any) -> Any:
    """Hyperbolic tangent tanh(x) = (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ) = 2σ(2x) − 1, elementwise.

    Parameters
    ----------
    x : array_like of real numbers, torch.Tensor or Tensor, any shape
        The scores.

    Returns
    -------
    array, shape and floating dtype of `x`
        Values in [−1, 1]; exactly −1 at −∞ and 1 at +∞. Its derivative is 1 − tanh²(x), at most 1.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers, or torch is recording it.
    """
    return op.tanh(real_operand(x, "x"))


@np.errstate(under="ignore")
def softplus(x: Any) -> Any:
    """Smooth version of max(x, 0): softplus(x) = log(1 + eˣ), elementwise (Dugas et al., 2001, NIPS 13).

    Parameters
    ----------
    x : array_like of real numbers, torch.Tensor or Tensor, any shape
        The scores.

    Returns
    -------
    array, shape and floating dtype of `x`
        Values ≥ 0; exactly 0 at −∞ and +∞ at +∞. Its derivative is ``sigmoid(x)``.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers, or torch is recording it.
    """
    return op.softplus(real_operand(x, "x"))


@np.errstate(under="ignore")
def log_sigmoid(x: Any) -> Any:
    """Logarithm of the logistic function: log σ(x) = −log(1 + e⁻ˣ) = −softplus(−x), elementwise.

    Parameters
    ----------
    x : array_like of real numbers, torch.Tensor or Tensor, any shape
        The scores (logits).

    Returns
    -------
    array, shape and floating dtype of `x`
        Values ≤ 0; −∞ at −∞ and exactly 0 at +∞. ``log(sigmoid(x))`` would be −∞ from about x = −750 on. Its
        derivative is ``sigmoid(-x)``.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers, or torch is recording it.
    """
    return op.log_sigmoid(real_operand(x, "x"))
