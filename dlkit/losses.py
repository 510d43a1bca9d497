"""Losses of classification, one value per sample: the caller writes ``.mean()`` or ``.sum()``.

They are one loss in several dresses: the cross entropy H(p, q) = −Σ p log q between what was observed, p, and what the
model says, q. `cross_entropy` takes q itself; the others take the scores (logits) from which the model makes q, and go
from the score to log q directly, since log(softmax(…)) loses everything once a probability underflows.

The arguments are numpy arrays or whatever ``numpy.asarray`` makes an array of real numbers from; floats keep their
dtype (two different ones meet as in numpy). A NaN among scores gives NaN for that sample; a NaN among labels or
probabilities is an error.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from dlkit._checks import Array, distribution, first, nonempty_axis, real_array
from dlkit.activations import log_softmax, softplus

__all__ = ["binary_cross_entropy", "cross_entropy", "logistic_loss", "softmax_cross_entropy"]


def logistic_loss(margin: ArrayLike) -> Array:
    """Logistic loss log(1 + e⁻ᵐ) of the margin m = y·f(x), with y = ±1.

    Parameters
    ----------
    margin : array_like of real numbers, any shape
        The label, −1 or +1, times the score: positive where the sample is on the right side.

    Returns
    -------
    ndarray, shape and floating dtype of `margin`
        One loss per margin, in natural units; log 2 at margin 0. (Divided by log 2 it bounds the 0-1 loss.)

    Raises
    ------
    TypeError
        If `margin` does not hold real numbers.
    """
    return softplus(-real_array(margin, "margin"))


def binary_cross_entropy(score: ArrayLike, y: ArrayLike) -> Array:
    """Cross entropy −y log σ(s) − (1 − y) log(1 − σ(s)) = softplus(s) − y·s of the score s.

    Parameters
    ----------
    score : array_like of real numbers, any shape
        The logit s, not the probability σ(s).
    y : array_like of numbers in [0, 1], shape of `score`
        The label 0 or 1, or the probability of class 1.

    Returns
    -------
    ndarray, shape of `score`
        One loss per sample, in natural units. Its derivative with respect to the score is σ(s) − y.

    Raises
    ------
    TypeError
        If an argument does not hold real numbers.
    ValueError
        If the shapes differ, or a `y` is NaN or outside [0, 1].
    """
    score = real_array(score, "score")
    y = real_array(y, "y", integers_as=score.dtype)
    if y.shape != score.shape:
        raise ValueError(
            f"y must have the shape of score, {score.shape}; got {y.shape}"
            + (" (y.ravel() and score.ravel() are of one shape)" if y.size == score.size else "")
        )
    outside = ~((y >= 0) & (y <= 1))
    if outside.any():
        hint = " (labels -1 and +1 go with logistic_loss(y * score))" if (np.abs(y) == 1).all() else ""
        raise ValueError(f"y must lie in [0, 1]; got {y[first(outside)]} at index {first(outside)}{hint}")
    # −log σ(s) = softplus(−s) and −log(1 − σ(s)) = softplus(s). As softplus(s) − y·s the small loss of a sample far on
    # the right side would be the difference of two large numbers.
    return _expected(y, softplus(-score)) + _expected(1 - y, softplus(score))


def softmax_cross_entropy(scores: ArrayLike, y: ArrayLike) -> Array:
    """Cross entropy −Σₖ yₖ log softmax(s)ₖ of the scores of K classes.

    Parameters
    ----------
    scores : array_like of real numbers, shape (n, K)
        The logits, a row per sample. A score of −∞ rules a class out.
    y : array_like of integers, shape (n,), or of probabilities, shape (n, K)
        The class 0 … K−1 of each sample; or a row of probabilities per sample, one-hot rows among them.

    Returns
    -------
    ndarray, shape (n,)
        One loss per sample, in natural units. Its gradient with respect to a row of scores is softmax(s) − y, with y
        one-hot.

    Raises
    ------
    TypeError
        If an argument does not hold real numbers, or labels are not integers.
    ValueError
        If a shape does not fit, a label is not in 0 … K−1, or a row of `y` is no distribution.
    """
    scores = real_array(scores, "scores")
    if scores.ndim != 2:
        raise ValueError(f"scores must have the shape (n, K), a row per sample; got {scores.shape}")
    nonempty_axis(scores, "scores", 1)
    n, K = scores.shape
    y = real_array(y, "y", integers_as=None)
    if y.shape == (n, K):
        p = real_array(y, "y", integers_as=scores.dtype)
        distribution(p, "y", 1)
        return _expected(p, -log_softmax(scores)).sum(axis=1)
    if y.shape != (n,):
        raise ValueError(
            f"y must hold a class per row of scores, shape {(n,)}, or a row of probabilities, shape {(n, K)}; "
            f"got {y.shape}" + (" (use y.ravel())" if y.shape == (n, 1) else "")
        )
    if y.dtype.kind == "f":
        labels = "labels with NaN among them" if np.isnan(y).any() else "floats (y.astype(int) makes integers)"
        raise TypeError(f"y must hold classes 0..{K - 1} as integers; got {labels}, dtype {y.dtype}")
    unknown = (y < 0) | (y >= K)
    if unknown.any():
        raise ValueError(
            f"y must hold classes 0..{K - 1}, as scores has {K} columns; got {y[first(unknown)]} at index "
            f"{first(unknown)}"
        )
    log_p = np.take_along_axis(log_softmax(scores), y.astype(np.intp)[:, None], axis=1)[:, 0]
    return 0 - log_p  # rather than −log_p: a loss of nothing prints as 0, not as −0


@np.errstate(divide="ignore")
def cross_entropy(p: ArrayLike, q: ArrayLike, axis: int = -1) -> Array:
    """Cross entropy H(p, q) = −Σₖ pₖ log qₖ between distributions.

    Parameters
    ----------
    p, q : array_like of probabilities, both of one shape
        Distributions along `axis`: no entry negative, each sum 1 but for rounding.
    axis : int, default -1
        The axis of the outcomes.

    Returns
    -------
    ndarray, shape of `p` without `axis`
        In nats (natural logarithm). 0·log 0 counts as 0, and H is +∞ where q calls impossible what p does not.

    Raises
    ------
    TypeError
        If an argument does not hold real numbers, or `axis` is no integer.
    ValueError
        If the shapes differ, or an argument is not a distribution along `axis`.
    """
    q = real_array(q, "q")
    p = real_array(p, "p", integers_as=q.dtype)
    if p.shape != q.shape:
        raise ValueError(f"p and q must have one shape; got {p.shape} and {q.shape}")
    distribution(p, "p", axis)
    distribution(q, "q", axis)
    return _expected(p, -np.log(q)).sum(axis=axis)


@np.errstate(invalid="ignore", under="ignore")
def _expected(p: Array, surprise: Array) -> Array:
    """p·surprise with 0·∞ = 0: what has probability zero costs nothing, however surprising it would be."""
    return np.where(p == 0, 0, p * surprise)
