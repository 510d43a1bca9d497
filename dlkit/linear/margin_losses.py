"""The losses of a margin, as a solver needs them: φ, its slope, and what the dual problem gains by it.

A linear model with two classes pays c·φ(m) for a sample with the margin m = y(x·w + b). Three things make a solver:

* the slope φ′ (any element of the sub-differential, at a kink), for a step downhill;
* the curvature φ″, for Newton's method;
* the gain −φ*(−a), with the convex conjugate φ*(s) = max over m of (s·m − φ(m)). By the Fenchel–Young inequality
  φ(m) ≥ gain(a) − a·m for every a, so sums of gains bound the objective from below: that is the dual problem
  (Shalev-Shwartz and Zhang, 2013, *Stochastic dual coordinate ascent methods*, JMLR 14, section 1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr, expit

from dlkit.losses import hinge_loss, logistic_loss, squared_hinge_loss

__all__ = ["HINGE", "LOGISTIC", "MARGIN_LOSSES", "SQUARED_HINGE", "MarginLoss"]

Array = NDArray[Any]


@dataclass(frozen=True)
class MarginLoss:
    """A convex, decreasing loss φ of the margin; all functions are elementwise on float arrays of any shape.

    Attributes
    ----------
    name : str
        What the estimators call it.
    value : callable
        m ↦ φ(m).
    slope : callable
        m ↦ φ′(m) ≤ 0; at a kink the element of the sub-differential that is nearest to 0.
    curvature : callable
        m ↦ φ″(m) ≥ 0, where φ′ has a derivative; at its jumps, one of the two limits.
    gain : callable
        a ↦ −φ*(−a), for 0 ≤ a ≤ `most`.
    most : float
        The largest a with a finite gain: the steepest slope of φ, without its sign.
    """

    name: str
    value: Callable[[Array], Array]
    slope: Callable[[Array], Array]
    curvature: Callable[[Array], Array]
    gain: Callable[[Array], Array]
    most: float


HINGE = MarginLoss(
    "hinge",
    value=hinge_loss,  # max(0, 1 − m)
    slope=lambda m: -(m < 1).astype(m.dtype),
    curvature=np.zeros_like,
    gain=lambda a: a,
    most=1.0,
)
SQUARED_HINGE = MarginLoss(
    "squared_hinge",
    value=squared_hinge_loss,  # max(0, 1 − m)²
    slope=lambda m: -2 * np.maximum(1 - m, 0),
    curvature=lambda m: 2 * (m < 1).astype(m.dtype),
    gain=lambda a: a - a**2 / 4,
    most=np.inf,
)
LOGISTIC = MarginLoss(
    "logistic",
    value=logistic_loss,  # log(1 + e⁻ᵐ)
    slope=lambda m: -expit(-m),
    curvature=lambda m: expit(m) * expit(-m),
    gain=lambda a: entr(a) + entr(1 - a),  # entr(a) = −a log a
    most=1.0,
)
MARGIN_LOSSES = {loss.name: loss for loss in (HINGE, SQUARED_HINGE, LOGISTIC)}
