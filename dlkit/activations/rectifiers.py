"""Activations made of linear pieces, or nearly so: ReLU, leaky ReLU, ELU, and maxout, which learns its pieces.

At a kink any number between the slopes on either side is a subgradient; each function says which one it takes.
"""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np

from dlkit._checks import nonempty_axis, number
from dlkit._operands import real_operand
from dlkit.autograd import operations as op

__all__ = ["elu", "leaky_relu", "maxout", "relu"]


def relu(x: Any) -> Any:
    """Rectified linear unit max(x, 0), elementwise (Nair and Hinton, 2010, ICML).

    Parameters
    ----------
    x : array_like of real numbers, torch.Tensor or Tensor, any shape
        The scores.

    Returns
    -------
    array, shape and floating dtype of `x`
        Values ≥ 0. The derivative is 1 where the *input* is positive and 0 where it is negative; the subgradient
        taken at 0 is 0 (any number in [0, 1] is one).

    Raises
    ------
    TypeError
        If `x` does not hold real numbers, or torch is recording it.
    """
    return op.relu(real_operand(x, "x"))


@np.errstate(under="ignore", invalid="ignore")
def leaky_relu(x: Any, slope: float = 0.1) -> Any:
    """Leaky ReLU: x where x > 0 and slope·x elsewhere, elementwise (Maas, Hannun and Ng, 2013).

    For slopes from 0 to 1 that is max(x, slope·x).

    Parameters
    ----------
    x : array_like of real numbers, torch.Tensor or Tensor, any shape
        The scores.
    slope : float, default 0.1
        Of the line for negative scores; finite. Torch's own default is 0.01, that of Keras 0.3.

    Returns
    -------
    array, shape and floating dtype of `x`
        The derivative is 1 where x > 0 and the slope where x < 0; the subgradient taken at 0 is the slope (any number
        between the two is one). With slope 0, −∞ gives NaN.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers, torch is recording it, or `slope` is no number.
    ValueError
        If `slope` is not finite.
    """
    return op.leaky_relu(real_operand(x, "x"), slope=number(slope, "slope", expected="finite"))


@np.errstate(under="ignore")
def elu(x: Any, alpha: float = 1.0) -> Any:
    """Exponential linear unit: x where x > 0 and α(eˣ − 1) elsewhere, elementwise (Clevert et al., 2016, ICLR).

    Parameters
    ----------
    x : array_like of real numbers, torch.Tensor or Tensor, any shape
        The scores.
    alpha : float, default 1.0
        α ≥ 0: for negative scores the value goes to −α.

    Returns
    -------
    array, shape and floating dtype of `x`
        Values > −α but for rounding. The derivative is 1 where x > 0 and αeˣ where x < 0; at 0 it is taken as α, which
        for α = 1 is the derivative there, and for any other a subgradient.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers, torch is recording it, or `alpha` is no number.
    ValueError
        If `alpha` is negative or not finite.
    """
    return op.elu(real_operand(x, "x"), alpha=number(alpha, "alpha", 0, expected="finite and >= 0"))


def maxout(x: Any, pieces: int = 2, axis: int = -1) -> Any:
    """Maxout: the largest of each group of linear pieces, max(w₁ᵀx + b₁, …, wₖᵀx + bₖ) (Goodfellow et al., 2013, ICML).

    A layer of m maxout units with k pieces each has m·k linear outputs, and these are what it takes: the first k
    belong to unit 1, the next k to unit 2, and so on.

    Parameters
    ----------
    x : array_like of real numbers, torch.Tensor or Tensor, shape (…, m·k) for the default axis
        The values of the linear pieces.
    pieces : int, default 2
        k ≥ 1.
    axis : int, default -1
        The axis of the pieces.

    Returns
    -------
    array, floating dtype of `x`, shape (…, m)
        The derivative by a piece is 1 where it is the largest of its group and 0 where another is larger. Pieces that
        tie share it equally, 1/t for each of t: a subgradient, the one in the middle.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers, torch is recording it, or `pieces` or `axis` is no integer.
    ValueError
        If `x` has no such axis, `pieces` is below 1, or the length of the axis is no multiple of it.

    Examples
    --------
    >>> from dlkit.activations import maxout
    >>> maxout([1.0, -2.0, 0.5, 3.0])
    array([1., 3.])
    """
    x = real_operand(x, "x")
    k = nonempty_axis(x, "x", axis) % x.ndim
    try:
        pieces = index(pieces)
    except TypeError:
        raise TypeError(f"pieces must be an integer; got {pieces!r}") from None
    n = x.shape[k]
    if pieces < 1 or n % pieces:
        raise ValueError(
            f"pieces must be at least 1 and divide the length of axis {axis} of x, which is {n}; got {pieces}"
        )
    groups = op.reshape(x, shape=(*x.shape[:k], n // pieces, pieces, *x.shape[k + 1 :]))
    return op.max(groups, axis=k + 1)
