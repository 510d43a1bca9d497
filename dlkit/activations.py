"""Functions that turn scores into probabilities: the sigmoid, the softmax and their logarithms.

Each is written so that no finite score overflows: ``exp`` only ever sees numbers ≤ 0. It may underflow to 0, which is
then the right answer. The identities behind this are in Blanchard, Higham and Higham (2021), *Accurately computing the
log-sum-exp and softmax functions*, IMA J. Numer. Anal. 41.

All take a numpy array or whatever ``numpy.asarray`` makes an array of real numbers from, and keep its floating dtype;
integers and booleans are taken as float64. NaN gives NaN. Anything but real numbers raises a ``TypeError``. None of
them emits a floating-point warning.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from dlkit._checks import Array, nonempty_axis, real_array

__all__ = ["log_sigmoid", "log_softmax", "logsumexp", "sigmoid", "softmax", "softplus"]


@np.errstate(under="ignore")
def sigmoid(x: ArrayLike) -> Array:
    """Logistic function σ(x) = 1 / (1 + e⁻ˣ) = eˣ / (1 + eˣ), elementwise.

    Parameters
    ----------
    x : array_like of real numbers, any shape
        The scores (logits).

    Returns
    -------
    ndarray, shape and floating dtype of `x`
        Values in [0, 1]; exactly 0 at −∞ and 1 at +∞.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers.
    """
    x = real_array(x, "x")
    e = np.exp(-np.abs(x))  # of the two forms above, each x takes the one whose exponent is ≤ 0
    return np.where(x >= 0, 1, e) / (1 + e)


@np.errstate(under="ignore")
def softplus(x: ArrayLike) -> Array:
    """Smooth version of max(x, 0): softplus(x) = log(1 + eˣ), elementwise.

    Parameters
    ----------
    x : array_like of real numbers, any shape
        The scores.

    Returns
    -------
    ndarray, shape and floating dtype of `x`
        Values ≥ 0; exactly 0 at −∞ and +∞ at +∞. Its derivative is ``sigmoid(x)``.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers.
    """
    x = real_array(x, "x")
    # log(1 + eˣ) = x + log(1 + e⁻ˣ): a positive x is taken out of the exponential. log1p keeps an e⁻ˣ far below 1.
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


@np.errstate(under="ignore")
def log_sigmoid(x: ArrayLike) -> Array:
    """Logarithm of the logistic function: log σ(x) = −log(1 + e⁻ˣ) = −softplus(−x), elementwise.

    Parameters
    ----------
    x : array_like of real numbers, any shape
        The scores (logits).

    Returns
    -------
    ndarray, shape and floating dtype of `x`
        Values ≤ 0; −∞ at −∞ and exactly 0 at +∞. ``log(sigmoid(x))`` would be −∞ from about x = −750 on.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers.
    """
    x = real_array(x, "x")
    return np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x)))  # −softplus(−x), with 0 for −0


# Below, the largest entry m is taken out first, as log Σ eˣ = m + log Σ eˣ⁻ᵐ, so no exponent is above 0 and one
# is 0. x − m may overflow to −∞ (1e308 beside −1e308), where e⁻∞ = 0 is right to the last digit; ∞ − ∞ gives the NaN
# that the docstrings promise. Neither deserves a warning.


@np.errstate(all="ignore")
def logsumexp(x: ArrayLike, axis: int = -1, keepdims: bool = False) -> Array:
    """Smooth version of the maximum: log Σₖ exp(xₖ) along an axis.

    Parameters
    ----------
    x : array_like of real numbers, at least one axis
        The scores.
    axis : int, default -1
        The axis to sum over; it must not be empty.
    keepdims : bool, default False
        Keep the axis, with length 1.

    Returns
    -------
    ndarray, floating dtype of `x`
        Shape of `x` without `axis` (or with length 1 there). −∞ if all entries are −∞, +∞ if one is +∞.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers, or `axis` is no integer.
    ValueError
        If `x` has no such axis, or no entry along it.
    """
    x = real_array(x, "x")
    nonempty_axis(x, "x", axis)
    m = x.max(axis=axis, keepdims=True)
    m = np.where(np.isfinite(m), m, 0)  # nothing to take out of ±∞
    total = np.exp(x - m).sum(axis=axis, keepdims=keepdims)
    return np.log(total) + (m if keepdims else m.squeeze(axis))


@np.errstate(all="ignore")
def softmax(x: ArrayLike, axis: int = -1) -> Array:
    """Softmax pₖ = exp(xₖ) / Σⱼ exp(xⱼ) along an axis.

    Parameters
    ----------
    x : array_like of real numbers, at least one axis
        The scores. Adding one number to all of them changes nothing.
    axis : int, default -1
        The axis along which the result sums to 1; it must not be empty.

    Returns
    -------
    ndarray, shape and floating dtype of `x`
        Probabilities; exactly 0 where a score is −∞. NaN along the whole axis if all scores there are −∞ or one is
        +∞, where the limit depends on how the scores get there.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers, or `axis` is no integer.
    ValueError
        If `x` has no such axis, or no entry along it.
    """
    x = real_array(x, "x")
    nonempty_axis(x, "x", axis)
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


@np.errstate(all="ignore")
def log_softmax(x: ArrayLike, axis: int = -1) -> Array:
    """Logarithm of the softmax: xₖ − log Σⱼ exp(xⱼ) along an axis.

    Parameters
    ----------
    x : array_like of real numbers, at least one axis
        The scores. Adding one number to all of them changes nothing.
    axis : int, default -1
        The axis along which the probabilities sum to 1; it must not be empty.

    Returns
    -------
    ndarray, shape and floating dtype of `x`
        Values ≤ 0; −∞ where a score is −∞, NaN where `softmax` gives NaN.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers, or `axis` is no integer.
    ValueError
        If `x` has no such axis, or no entry along it.
    """
    x = real_array(x, "x")
    nonempty_axis(x, "x", axis)
    z = x - x.max(axis=axis, keepdims=True)  # before the sum: 1e308 − (1e308 + log 2) would be 0, not −log 2
    return z - np.log(np.exp(z).sum(axis=axis, keepdims=True))
