"""Functions of all the scores along an axis: the softmax, its logarithm, and the smooth maximum.

The identities that keep them from overflowing are in Blanchard, Higham and Higham (2021), *Accurately computing the
log-sum-exp and softmax functions*, IMA J. Numer. Anal. 41.

The largest score m is taken out first, and x − m may overflow to −∞ (1e308 beside −1e308), where e⁻∞ = 0 is right to
the last digit; ∞ − ∞ gives the NaN that the docstrings promise. Neither deserves a warning.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dlkit._checks import nonempty_axis
from dlkit._operands import real_operand
from dlkit.autograd import operations as op

__all__ = ["log_softmax", "logsumexp", "softmax"]


@np.errstate(all="ignore")
def logsumexp(x: Any, axis: int = -1, keepdims: bool = False) -> Any:
    """Smooth version of the maximum: log Σₖ exp(xₖ) along an axis.

    Parameters
    ----------
    x : array_like of real numbers, torch.Tensor or Tensor, at least one axis
        The scores.
    axis : int, default -1
        The axis to sum over; it must not be empty.
    keepdims : bool, default False
        Keep the axis, with length 1.

    Returns
    -------
    array, floating dtype of `x`
        Shape of `x` without `axis` (or with length 1 there). −∞ if all entries are −∞, +∞ if one is +∞. Its
        gradient is ``softmax(x)``.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers, torch is recording it, or `axis` is no integer.
    ValueError
        If `x` has no such axis, or no entry along it.
    """
    x = real_operand(x, "x")
    return op.logsumexp(x, axis=nonempty_axis(x, "x", axis), keepdims=keepdims)


@np.errstate(all="ignore")
def softmax(x: Any, axis: int = -1) -> Any:
    """Softmax pₖ = exp(xₖ) / Σⱼ exp(xⱼ) along an axis.

    Parameters
    ----------
    x : array_like of real numbers, torch.Tensor or Tensor, at least one axis
        The scores. Adding one number to all of them changes nothing.
    axis : int, default -1
        The axis along which the result sums to 1; it must not be empty.

    Returns
    -------
    array, shape and floating dtype of `x`
        Probabilities; exactly 0 where a score is −∞. NaN along the whole axis if all scores there are −∞ or one is
        +∞, where the limit depends on how the scores get there. The derivatives are ∂pₖ/∂xⱼ = pₖ(1[j=k] − pⱼ).

    Raises
    ------
    TypeError
        If `x` does not hold real numbers, torch is recording it, or `axis` is no integer.
    ValueError
        If `x` has no such axis, or no entry along it.
    """
    x = real_operand(x, "x")
    return op.softmax(x, axis=nonempty_axis(x, "x", axis))


@np.errstate(all="ignore")
def log_softmax(x: Any, axis: int = -1) -> Any:
    """Logarithm of the softmax: xₖ − log Σⱼ exp(xⱼ) along an axis.

    Parameters
    ----------
    x : array_like of real numbers, torch.Tensor or Tensor, at least one axis
        The scores. Adding one number to all of them changes nothing.
    axis : int, default -1
        The axis along which the probabilities sum to 1; it must not be empty.

    Returns
    -------
    array, shape and floating dtype of `x`
        Values ≤ 0; −∞ where a score is −∞, NaN where `softmax` gives NaN. The derivatives are 1[j=k] − pⱼ with the
        softmax p.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers, torch is recording it, or `axis` is no integer.
    ValueError
        If `x` has no such axis, or no entry along it.
    """
    x = real_operand(x, "x")
    return op.log_softmax(x, axis=nonempty_axis(x, "x", axis))
