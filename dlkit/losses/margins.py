"""Losses of the margin m = y·f(x) of a sample with label y = ±1: large where the score is on the wrong side.

The table at the head of `dlkit.losses` compares them. Each takes the margins, array_like of real numbers, torch.Tensor
or Tensor of any shape, and returns a loss for each, in that shape and floating dtype; each raises a ``TypeError`` if it
is not given real numbers, or torch is recording them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dlkit._operands import real_operand
from dlkit.autograd import operations as op
from dlkit.autograd.operations import losses as formulas

__all__ = [
    "exponential_loss",
    "hinge_loss",
    "log2_logistic_loss",
    "logistic_loss",
    "modified_huber_loss",
    "modified_huber_loss_sklearn",
    "sigmoid_loss",
    "squared_hinge_loss",
    "zero_one_loss",
]


def zero_one_loss(margin: Any) -> Any:
    """0-1 loss: 1 where the margin is ≤ 0, the sample on the wrong side, and 0 where it is positive.

    A score of exactly 0 decides for neither class, and counts as a mistake; so the other losses can bound this one.
    Neither convex nor continuous.

    Parameters
    ----------
    margin : array_like of real numbers, torch.Tensor or Tensor, any shape
        The label, −1 or +1, times the score.

    Returns
    -------
    array, shape and floating dtype of `margin`
        0.0 or 1.0. A Tensor comes back as a constant: the function is flat wherever it has a derivative, so no
        gradient flows through it.

    Raises
    ------
    TypeError
        If `margin` does not hold real numbers, or torch is recording it.
    """
    return formulas.zero_one(real_operand(margin, "margin"))


def hinge_loss(margin: Any) -> Any:
    """Hinge loss max(0, 1 − m) of the support vector machine (Cortes and Vapnik, 1995, *Machine Learning* 20).

    Convex; bounds the 0-1 loss. The expected loss is smallest at m = ±1.

    Parameters
    ----------
    margin : array_like of real numbers, torch.Tensor or Tensor, any shape
        The label, −1 or +1, times the score.

    Returns
    -------
    array, shape and floating dtype of `margin`
        0 from margin 1 on. The derivative is −1 below 1 and 0 above; the subgradient taken at 1 is 0 (any number in
        [−1, 0] is one).

    Raises
    ------
    TypeError
        If `margin` does not hold real numbers, or torch is recording it.
    """
    return op.relu(1 - real_operand(margin, "margin"))


@np.errstate(over="ignore", under="ignore")
def squared_hinge_loss(margin: Any) -> Any:
    """Squared hinge loss max(0, 1 − m)² (for instance Chang, Hsieh and Lin, 2008, JMLR 9).

    Convex, once continuously differentiable; bounds the 0-1 loss. The expected loss is smallest at m = 2η − 1, with
    the probability η of the label +1.

    Parameters
    ----------
    margin : array_like of real numbers, torch.Tensor or Tensor, any shape
        The label, −1 or +1, times the score.

    Returns
    -------
    array, shape and floating dtype of `margin`
        0 from margin 1 on. The derivative is −2 max(0, 1 − m). +∞ where the square overflows.

    Raises
    ------
    TypeError
        If `margin` does not hold real numbers, or torch is recording it.
    """
    return op.relu(1 - real_operand(margin, "margin")) ** 2


@np.errstate(under="ignore")
def logistic_loss(margin: Any) -> Any:
    """Logistic loss log(1 + e⁻ᵐ), the negative log-likelihood of logistic regression with labels ±1.

    Convex, smooth; does not bound the 0-1 loss, being log 2 ≈ 0.69 at margin 0 (`log2_logistic_loss` does). The
    expected loss is smallest at the log-odds m = log(η/(1 − η)), with the probability η of the label +1 (Friedman,
    Hastie and Tibshirani, 2000, *Annals of Statistics* 28).

    Parameters
    ----------
    margin : array_like of real numbers, torch.Tensor or Tensor, any shape
        The label, −1 or +1, times the score.

    Returns
    -------
    array, shape and floating dtype of `margin`
        In natural units. The derivative is −σ(−m).

    Raises
    ------
    TypeError
        If `margin` does not hold real numbers, or torch is recording it.
    """
    return op.softplus(-real_operand(margin, "margin"))


@np.errstate(under="ignore")
def log2_logistic_loss(margin: Any) -> Any:
    """Logistic loss in bits, log₂(1 + e⁻ᵐ), as the deck has it: it passes through (0, 1).

    Convex, smooth; bounds the 0-1 loss. `logistic_loss` divided by log 2, so its minimiser is the same.

    Parameters
    ----------
    margin : array_like of real numbers, torch.Tensor or Tensor, any shape
        The label, −1 or +1, times the score.

    Returns
    -------
    array, shape and floating dtype of `margin`
        In bits. The derivative is −σ(−m) / log 2.

    Raises
    ------
    TypeError
        If `margin` does not hold real numbers, or torch is recording it.
    """
    return op.softplus(-real_operand(margin, "margin")) / math.log(2)


@np.errstate(over="ignore", under="ignore")
def modified_huber_loss(margin: Any) -> Any:
    """Huber loss, modified as on the deck: the squared hinge down to margin 0, below it the tangent there.

    1 − 2m for m ≤ 0, (1 − m)² for 0 < m ≤ 1, and 0 above: the huberised squared hinge of Rosset and Zhu (2007,
    *Annals of Statistics* 35) with its knee at 0. scikit-learn's loss of the name "modified_huber" is another one,
    `modified_huber_loss_sklearn`; from 0 on the two are equal.

    Convex, once continuously differentiable; bounds the 0-1 loss. The expected loss is smallest at
    m = (2η − 1) / max(η, 1 − η), with the probability η of the label +1.

    Parameters
    ----------
    margin : array_like of real numbers, torch.Tensor or Tensor, any shape
        The label, −1 or +1, times the score.

    Returns
    -------
    array, shape and floating dtype of `margin`
        The derivative is −2 for m ≤ 0, −2(1 − m) for 0 < m ≤ 1, and 0 above.

    Raises
    ------
    TypeError
        If `margin` does not hold real numbers, or torch is recording it.
    """
    return formulas.modified_huber(real_operand(margin, "margin"), knee=0.0)


@np.errstate(over="ignore", under="ignore")
def modified_huber_loss_sklearn(margin: Any) -> Any:
    """Huber loss, modified as in scikit-learn: the squared hinge down to margin −1, below it the tangent there.

    −4m for m ≤ −1, (1 − m)² for −1 < m ≤ 1, and 0 above (Zhang, 2004, *Solving large scale linear prediction problems
    using stochastic gradient descent algorithms*, ICML). The deck's, linear from 0 on, is `modified_huber_loss`.

    Convex, once continuously differentiable; bounds the 0-1 loss. The expected loss is smallest at m = 2η − 1, with
    the probability η of the label +1.

    Parameters
    ----------
    margin : array_like of real numbers, torch.Tensor or Tensor, any shape
        The label, −1 or +1, times the score.

    Returns
    -------
    array, shape and floating dtype of `margin`
        The derivative is −4 for m ≤ −1, −2(1 − m) for −1 < m ≤ 1, and 0 above.

    Raises
    ------
    TypeError
        If `margin` does not hold real numbers, or torch is recording it.
    """
    return formulas.modified_huber(real_operand(margin, "margin"), knee=-1.0)


@np.errstate(over="ignore", under="ignore")
def exponential_loss(margin: Any) -> Any:
    """Exponential loss e⁻ᵐ, which boosting minimises (Freund and Schapire, 1997, *J. Comput. Syst. Sci.* 55).

    Convex, smooth; bounds the 0-1 loss. The expected loss is smallest at half the log-odds, m = ½ log(η/(1 − η))
    with the probability η of the label +1 (Friedman, Hastie and Tibshirani, 2000, *Annals of Statistics* 28). A
    mislabelled sample can weigh more than all the others together.

    Parameters
    ----------
    margin : array_like of real numbers, torch.Tensor or Tensor, any shape
        The label, −1 or +1, times the score.

    Returns
    -------
    array, shape and floating dtype of `margin`
        +∞ where it exceeds the largest number, below margins of about −709 in float64 and −88 in float32: the loss is
        that large by nature, and no formula avoids it. Nothing warns of it; the derivative, −e⁻ᵐ, is −∞ there.

    Raises
    ------
    TypeError
        If `margin` does not hold real numbers, or torch is recording it.
    """
    return op.exp(-real_operand(margin, "margin"))


@np.errstate(under="ignore")
def sigmoid_loss(margin: Any) -> Any:
    """Sigmoid loss 1 / (1 + eᵐ) = σ(−m): a smooth 0-1 loss.

    Not convex; does not bound the 0-1 loss, being ½ at margin 0 (twice it does). As φ(m) + φ(−m) = 1, labels flipped
    at one rate for all samples do not move the minimum of the expected loss (Ghosh, Manwani and Sastry, 2015, *Making
    risk minimization tolerant to label noise*, Neurocomputing 160).

    Parameters
    ----------
    margin : array_like of real numbers, torch.Tensor or Tensor, any shape
        The label, −1 or +1, times the score.

    Returns
    -------
    array, shape and floating dtype of `margin`
        Values in [0, 1]. The derivative is −σ(m)σ(−m): it vanishes on both sides, so that descent does not get away
        from a bad start.

    Raises
    ------
    TypeError
        If `margin` does not hold real numbers, or torch is recording it.
    """
    return op.sigmoid(-real_operand(margin, "margin"))
