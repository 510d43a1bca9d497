"""What a linear model with two classes minimises, the dual of it, and the gap between the two.

The primal problem, in the deck's form "penalty + C · loss", is to minimise over w and b ::

    P(w, b) = R(w) + Σᵢ cᵢ φ(mᵢ),     mᵢ = yᵢ (xᵢ·w + b),     R(w) = ½‖w‖²  or  ‖w‖₁

Its dual is to maximise over α ::

    D(α) = Σᵢ cᵢ gain(αᵢ/cᵢ) − R*(v),    v = Σᵢ αᵢ yᵢ xᵢ,    0 ≤ αᵢ ≤ cᵢ·most,    Σᵢ αᵢ yᵢ = 0

where the last constraint is there because b is free and not penalised (without an intercept it is not), and R*(v) is
½‖v‖² for ℓ2; for ℓ1 it is 0 if no entry of v exceeds 1 in size, and else ∞. D(α) ≤ P(w, b) always, and the two optima
are equal. So the **duality gap** P − D bounds how far P is from its minimum: whoever has a small one *knows* that they
are done. At the optimum with ℓ2, w = v: a sample with αᵢ > 0 is a support vector.

Cortes and Vapnik (1995), *Support-vector networks*, Machine Learning 20; Boyd and Vandenberghe (2004), *Convex
Optimization*, chapter 5.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from dlkit.linear.margin_losses import HINGE, MarginLoss

__all__ = ["BinaryProblem", "Penalty", "Solution"]

Array = NDArray[np.float64]
Penalty = Literal["l1", "l2"]


@dataclass
class Solution:
    """Where a solver stopped.

    Attributes
    ----------
    w : ndarray, shape (d,)
        The weights.
    b : float
        The intercept; 0 without one.
    primal : float
        The objective there.
    alpha : ndarray, shape (n,)
        A feasible point of the dual, the best one known.
    dual : float
        The dual objective there, a lower bound on the minimum.
    n_iter : int
        The number of iterations made.
    converged : bool
        Whether the gap came within the tolerance.
    reason : str
        Why it stopped, in words that end a sentence.
    curve : list of float
        The primal objective at the start and after the iterations that looked at it.
    """

    w: Array
    b: float
    primal: float
    alpha: Array
    dual: float
    n_iter: int
    converged: bool
    reason: str
    curve: list[float] = field(default_factory=list)

    @property
    def gap(self) -> float:
        """The duality gap, ≥ 0: the objective is at most this far from its minimum."""
        return max(self.primal - self.dual, 0.0)


class BinaryProblem:
    """A linear model with two classes, a margin loss and a penalty.

    Parameters
    ----------
    X : ndarray or scipy.sparse.csr_array, shape (n, d)
        The samples, float64.
    y : ndarray, shape (n,)
        Their labels, −1.0 or +1.0.
    c : ndarray, shape (n,)
        The weights of their losses, > 0: C, or C times the sample's weight. All ∞ for the hard margin, where no loss
        may be left; this asks for one of the hinges.
    loss : MarginLoss
        φ.
    penalty : {"l2", "l1"}
        R.
    fit_intercept : bool
        Whether b is free; if not, it is 0.
    """

    def __init__(self, X: Any, y: Array, c: Array, loss: MarginLoss, penalty: Penalty, fit_intercept: bool):
        self.X, self.y, self.c = X, y, c
        self.loss, self.penalty, self.fit_intercept = loss, penalty, fit_intercept
        self.n, self.d = X.shape
        self.hard = bool(np.isinf(c).all())

    def margins(self, w: Array, b: float) -> Array:
        """Return yᵢ (xᵢ·w + b), shape (n,)."""
        return self.y * (self.X @ w + b)

    def primal(self, w: Array, margins: Array) -> float:
        """Return P at the weights w and the margins that they and an intercept give."""
        size = 0.5 * float(w @ w) if self.penalty == "l2" else float(np.abs(w).sum())
        losses = self.loss.value(margins)
        if self.hard:
            return float(np.inf) if losses.any() else size  # where the product would have ∞ · 0
        return size + float(self.c @ losses)

    def multipliers(self, margins: Array) -> Array:
        """Return αᵢ = −cᵢ φ′(mᵢ), shape (n,): how hard each sample pulls on w."""
        return -self.c * self.loss.slope(margins)

    def combination(self, alpha: Array) -> Array:
        """Return v = Σᵢ αᵢ yᵢ xᵢ, shape (d,)."""
        return self.X.T @ (self.y * alpha)

    def subgradient(self, w: Array, alpha: Array) -> tuple[Array, float]:
        """Return a sub-gradient of P in w, shape (d,), and in b, for the multipliers at this point."""
        v = self.combination(alpha)
        return self.pull(w, v) - v, -float(self.y @ alpha) if self.fit_intercept else 0.0

    def pull(self, w: Array, v: Array) -> Array:
        """Return the element of the penalty's sub-differential ∂R(w) that is nearest to v, shape (d,).

        For ℓ1 this leaves a weight of 0 where it is, as long as v does not pull at it harder than the penalty.
        """
        return w if self.penalty == "l2" else np.where(w == 0, np.clip(v, -1, 1), np.sign(w))

    def best_intercept(self, scores: Array) -> tuple[float, Array]:
        """Return the b that minimises P for given scores xᵢ·w, and multipliers αᵢ ∈ −cᵢ ∂φ(mᵢ) with Σ αᵢyᵢ = 0 there.

        Without an intercept b is 0, and α the multipliers.

        The hinge of sample i has its kink, as a function of b, at yᵢ − xᵢ·w, and the slope of the whole objective grows
        there by cᵢ, from −(the weight of the positive class) on. So b is a weighted quantile of the kinks, and the
        slope is 0 once the samples in whose kink the sign changes get their fraction of cᵢ.
        """
        y = self.y
        if not self.fit_intercept:
            return 0.0, self.multipliers(y * scores)
        positive = y > 0
        weight = float(self.c[positive].sum())
        if self.loss is not HINGE:
            # Outside of these bounds one of the classes pulls harder, for any of the losses.
            balance = weight / float(self.c[~positive].sum())
            low = -scores.max() - 1 - np.log1p(2 / balance)
            high = -scores.min() + 1 + np.log1p(2 * balance)
            b = float(
                brentq(lambda b: y @ self.multipliers(y * (scores + b)), low, high, xtol=1e-14, rtol=1e-14, disp=False)
            )
            return b, self.feasible(self.multipliers(y * (scores + b)))
        kinks = y - scores
        order = np.argsort(kinks)
        k = int(np.searchsorted(np.cumsum(self.c[order]), weight * (1 - 1e-14)))  # less a rounding of the sums
        b = float(kinks[order[min(k, self.n - 1)]])
        below, tied = kinks < b, kinks == b
        share = (float(self.c[below | tied].sum()) - weight) / float(self.c[tied].sum())
        alpha = self.c * np.where(below, ~positive, positive)
        alpha[tied] = self.c[tied] * np.where(positive[tied], share, 1 - share)
        if share < 1e-12:  # the slope stays 0 up to the next kink
            b = (b + float(kinks[order[min(int((below | tied).sum()), self.n - 1)]])) / 2
        return b, np.clip(alpha, 0, self.c)

    def feasible(self, alpha: Array) -> Array:
        """Return a point of the dual near `alpha`: within the bounds, and with Σ αᵢyᵢ = 0 if there is an intercept.

        The class with the larger sum is scaled down to the other's.
        """
        alpha = np.clip(alpha, 0, self.c * self.loss.most)
        if self.fit_intercept:
            positive = self.y > 0
            above, below = alpha[positive].sum(), alpha[~positive].sum()
            if above != below:
                larger = positive if above > below else ~positive
                alpha[larger] *= min(above, below) / max(above, below)
        return alpha

    def dual(self, alpha: Array) -> tuple[float, Array]:
        """Return D at the feasible point near `alpha`, and that point.

        For ℓ1 it is scaled, moreover, so that no entry of v exceeds 1 in size.
        """
        alpha = self.feasible(alpha)
        return self.bound(alpha, self.combination(alpha))

    def bound(self, alpha: Array, v: Array) -> tuple[float, Array]:
        """Return what `dual` does, for a feasible `alpha` whose combination v is known; no product with X is made."""
        if self.penalty == "l2":
            conjugate = 0.5 * float(v @ v)
        else:
            conjugate = 0.0
            alpha = alpha / max(1.0, float(np.abs(v).max(initial=0)))
        if self.hard:
            return float(alpha.sum()) - conjugate, alpha  # c·gain(α/c) → α as c → ∞, for both hinges
        return float(self.c @ self.loss.gain(alpha / self.c)) - conjugate, alpha
