"""Losses of scores beside labels 0 … K−1, or beside probabilities of the classes.

The cross entropies go from the score to the logarithm of the probability directly, since log(softmax(…)) loses
everything once a probability underflows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dlkit import arrays
from dlkit._checks import first, nonempty_axis
from dlkit._operands import constant, distribution, entry, is_floating, plain, real_operand, real_operands
from dlkit.autograd import operations as op
from dlkit.autograd.operations import losses as formulas
from dlkit.losses._shapes import same_shape

__all__ = ["binary_cross_entropy", "multiclass_hinge", "softmax_cross_entropy"]


@np.errstate(under="ignore", invalid="ignore")
def binary_cross_entropy(score: Any, y: Any) -> Any:
    """Cross entropy −y log σ(s) − (1 − y) log(1 − σ(s)) = softplus(s) − y·s of the score s.

    Convex in the score, smooth: `logistic_loss` for labels 0 and 1 instead of −1 and +1, and for what lies between.

    Parameters
    ----------
    score : array_like of real numbers, torch.Tensor or Tensor, any shape
        The logit s, not the probability σ(s).
    y : array_like of numbers in [0, 1] or torch.Tensor, shape of `score`
        The label 0 or 1, or the probability of class 1.

    Returns
    -------
    array, shape of `score`
        One loss per sample, in natural units. Its derivative with respect to the score is σ(s) − y.

    Raises
    ------
    TypeError
        If an argument does not hold real numbers, torch is recording it, library, device or dtype differ, or `y` is a
        Tensor that asks for a gradient.
    ValueError
        If the shapes differ, or a `y` is NaN or outside [0, 1].
    """
    score, y = real_operands("binary_cross_entropy", score=score, y=y)
    y = constant(y, "y")
    same_shape(y, "y", score, "score")
    outside = ~((y >= 0) & (y <= 1))
    if outside.any():
        where = first(arrays.to_numpy(outside))
        hint = " (labels -1 and +1 go with logistic_loss(y * score))" if (abs(y) == 1).all() else ""
        raise ValueError(f"y must lie in [0, 1]; got {entry(y, where)} at index {where}{hint}")
    return formulas.binary_cross_entropy(score, y=y)


@np.errstate(all="ignore")
def softmax_cross_entropy(scores: Any, y: Any) -> Any:
    """Cross entropy −Σₖ yₖ log softmax(s)ₖ of the scores of K classes.

    Convex in the scores, smooth. Divided by log 2 it bounds the 0-1 loss, 1 where another class scores as high as y.

    Parameters
    ----------
    scores : array_like of real numbers, torch.Tensor or Tensor, shape (n, K)
        The logits, a row per sample. A score of −∞ rules a class out.
    y : array_like of integers, shape (n,), or of probabilities, shape (n, K), or torch.Tensor
        The class 0 … K−1 of each sample; or a row of probabilities per sample, one-hot rows among them.

    Returns
    -------
    array, shape (n,)
        One loss per sample, in natural units. Its gradient with respect to a row of scores is softmax(s) − y, with y
        one-hot.

    Raises
    ------
    TypeError
        If an argument does not hold real numbers, torch is recording it, labels are not integers, or `y` is a Tensor
        that asks for a gradient; for probabilities also if library, device or dtype differ.
    ValueError
        If a shape does not fit, a label is not in 0 … K−1, or a row of `y` is no distribution.
    """
    scores = _rows(scores)
    labels = constant(real_operand(y, "y", None), "y")
    if tuple(labels.shape) == tuple(scores.shape):
        scores, p = real_operands("softmax_cross_entropy", scores=scores, y=y)
        p = plain(p)
        distribution(p, "y", 1)
        return op.softmax_cross_entropy(scores, y=p)
    return op.softmax_cross_entropy(scores, y=_classes(labels, scores, or_probabilities=True))


@np.errstate(over="ignore", under="ignore", invalid="ignore")
def multiclass_hinge(scores: Any, y: Any) -> Any:
    """Hinge loss of K classes: Σ max(0, sⱼ − s_y + 1) over the classes j other than y.

    Each class that comes within 1 of the right one costs as much as it is too close (Weston and Watkins, 1999,
    *Support vector machines for multi-class pattern recognition*, ESANN). Convex in the scores; bounds the 0-1 loss, 1
    where another class scores as high as y. For more than two classes not Fisher consistent: where no class is more
    likely than all others together, the scores that minimise the expected loss may put another class level with the
    likeliest (Tewari and Bartlett, 2007, *On the consistency of multiclass classification methods*, JMLR 8). For two
    classes it is `hinge_loss` of the difference of the scores.

    Parameters
    ----------
    scores : array_like of real numbers, torch.Tensor or Tensor, shape (n, K)
        A row per sample. A score of −∞ rules a class out that is not the right one.
    y : array_like of integers or torch.Tensor, shape (n,)
        The class 0 … K−1 of each sample.

    Returns
    -------
    array, shape (n,)
        One loss per sample. The gradient is +1 for each other class j with sⱼ > s_y − 1, minus their number for y; the
        subgradient taken at sⱼ = s_y − 1 is 0. Not divided by K, unlike torch's ``multi_margin_loss``.

    Raises
    ------
    TypeError
        If an argument does not hold real numbers, torch is recording it, or labels are not integers.
    ValueError
        If a shape does not fit, or a label is not in 0 … K−1.

    Examples
    --------
    >>> from dlkit.losses import multiclass_hinge
    >>> multiclass_hinge([[3.0, -5.0, 2.5]], [0])
    array([0.5])
    """
    scores = _rows(scores)
    labels = _classes(constant(real_operand(y, "y", None), "y"), scores)
    n, K = scores.shape
    device = arrays.device_of(labels)
    rows, columns = arrays.array(np.arange(n), device=device), arrays.array(np.arange(K), device=device)
    own = op.getitem(scores, key=(rows, labels))
    gaps = op.relu(scores - op.expand_dims(own, axis=1) + 1)
    return op.sum(op.where(columns == labels[:, None], 0.0, gaps), axis=1)


def _rows(scores: Any) -> Any:
    scores = real_operand(scores, "scores")
    if scores.ndim != 2:
        raise ValueError(f"scores must have the shape (n, K), a row per sample; got {tuple(scores.shape)}")
    nonempty_axis(scores, "scores", 1)
    return scores


def _classes(y: Any, scores: Any, or_probabilities: bool = False) -> Any:
    """Return labels as integers beside the scores, whatever library and device they came from."""
    n, K = scores.shape
    shape = tuple(y.shape)
    if shape != (n,):
        raise ValueError(
            f"y must hold a class per row of scores, shape {(n,)}"
            + (f", or a row of probabilities, shape {(n, K)}" if or_probabilities else "")
            + f"; got {shape}"
            + (" (use y.ravel())" if shape == (n, 1) else "")
        )
    if is_floating(y):
        convert = "y.long()" if arrays.is_torch(y) else "y.astype(int)"
        labels = "labels with NaN among them" if (y != y).any() else f"floats ({convert} makes integers)"
        raise TypeError(f"y must hold classes 0..{K - 1} as integers; got {labels}, dtype {y.dtype}")
    unknown = (y < 0) | (y >= K)
    if unknown.any():
        where = first(arrays.to_numpy(unknown))
        raise ValueError(
            f"y must hold classes 0..{K - 1}, as scores has {K} columns; got {entry(y, where)} at index {where}"
        )
    device = arrays.device_of(plain(scores))
    if device == "numpy" and isinstance(y, np.ndarray):  # the usual case, without the detour
        return y.astype(np.int64, copy=False)
    return arrays.array(y, "int64", device)
