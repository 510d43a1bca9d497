"""The support vector machine for K classes that are fitted together, after Crammer and Singer.

The score of class k is fₖ = wₖ·x + bₖ, and a sample pays for the worst of its rivals only. To minimise over W and b ::

    P(W, b) = R(W) + Σᵢ cᵢ max(0, 1 + max over k ≠ yᵢ of fₖ(xᵢ) − f_yᵢ(xᵢ)),     R(W) = ½‖W‖²  or  ‖W‖₁, of all entries

The dual has a multiplier αₖᵢ ≥ 0 for each sample and each rival k ≠ yᵢ, how hard it pulls the rival's score down
and its own class's up, with Σₖ αₖᵢ ≤ cᵢ::

    D(α) = Σᵢ Σₖ αₖᵢ − R*(V),    Vₖ = Σ over yᵢ = k of (Σ over rivals l of αₗᵢ) xᵢ − Σ over yᵢ ≠ k of αₖᵢ xᵢ

and with intercepts each class has to be pulled up as much as down. R* is ½‖V‖² for ℓ2; for ℓ1 it is 0 if no entry of V
exceeds 1 in size, and else ∞. (Crammer and Singer, 2001, *On the algorithmic implementation of multiclass kernel-based
vector machines*, JMLR 2.)

Adding one vector to all wₖ, or one number to all bₖ, changes no loss. With ℓ2 the smallest W is the one whose classes
sum to 0, so W is unique; b is so up to that number, and sums to 0 here. With ℓ1 W need not be unique.

The deck's loss sums over the rivals instead of taking the worst (`dlkit.losses.multiclass_hinge`, after Weston and
Watkins). It is never the smaller one; they agree where at most one rival comes within 1, as in the deck's example:
the scores 3, −5, 2.5 of a sample of class 0 cost 0.5.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse
from scipy.sparse.csgraph import connected_components

from dlkit.linear.problem import Array, Penalty
from dlkit.linear.solvers.newton import newton_cg

__all__ = ["CrammerSingerProblem", "MulticlassSolution"]


@dataclass
class MulticlassSolution:
    """Where a solver stopped.

    Attributes
    ----------
    W : ndarray, shape (K, d)
        The weights, a row for each class.
    b : ndarray, shape (K,)
        The intercepts, which sum to 0; zeros without them.
    primal : float
        The objective there.
    alpha : ndarray, shape (K, n)
        A feasible point of the dual: how hard each sample pulls each rival down, and in the row of its own class, how
        hard it pulls that up, which is the sum of the others.
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

    W: Array
    b: Array
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


class CrammerSingerProblem:
    """A linear model with K classes, the hinge of the worst rival, and a penalty.

    Parameters
    ----------
    X : ndarray or scipy.sparse.csr_array, shape (n, d)
        The samples, float64.
    label : ndarray of int, shape (n,)
        Their classes, 0 … K−1.
    c : ndarray, shape (n,)
        The weights of their losses, > 0 and finite.
    n_classes : int
        K ≥ 2.
    penalty : {"l2", "l1"}
        R.
    fit_intercept : bool
        Whether b is free; if not, it is 0.
    """

    def __init__(
        self, X: Any, label: NDArray[np.intp], c: Array, n_classes: int, penalty: Penalty, fit_intercept: bool
    ):
        self.X, self.label, self.c, self.K = X, label, c, n_classes
        self.penalty, self.fit_intercept = penalty, fit_intercept
        self.n, self.d = X.shape
        self._rows = np.arange(self.n)

    def losses(self, scores: Array) -> tuple[Array, NDArray[np.intp]]:
        """Return the loss of each sample, shape (n,), and its worst rival, or its own class where it pays nothing.

        `scores` has the shape (n, K).
        """
        lead = scores + 1
        lead[self._rows, self.label] -= 1
        worst = lead.argmax(axis=1)
        loss = lead[self._rows, worst] - scores[self._rows, self.label]
        return loss, np.where(loss > 0, worst, self.label)

    def primal(self, W: Array, b: Array) -> float:
        """Return P."""
        loss, _ = self.losses(self.X @ W.T + b)
        return self.size(W) + float(self.c @ loss)

    def size(self, W: Array) -> float:
        """Return R(W)."""
        return 0.5 * float((W * W).sum()) if self.penalty == "l2" else float(np.abs(W).sum())

    def pulls(self, worst: NDArray[np.intp]) -> csr_array:
        """Return the signed multipliers S, shape (K, n), of samples that pay for `worst`: −cᵢ for it, cᵢ for their own.

        −S @ X is then a sub-gradient of the losses in W, and −S.sum(axis=1) in b.
        """
        paying = np.flatnonzero(worst != self.label)
        c = self.c[paying]
        rows = np.concatenate([self.label[paying], worst[paying]])
        return csr_array((np.concatenate([c, -c]), (rows, np.tile(paying, 2))), shape=(self.K, self.n))

    def combination(self, S: Any) -> Array:
        """Return V = S X, shape (K, d), for signed multipliers."""
        V = S @ self.X
        return V.toarray() if issparse(V) else V

    def signed(self, alpha: Array) -> Array:
        """Return S, shape (K, n), for multipliers: αᵢ of the own class, −αₖᵢ of the rivals."""
        S = -alpha
        S[self.label, self._rows] *= -1
        return S

    def feasible(self, alpha: Array) -> Array:
        """Return a point of the dual near `alpha`, shape (K, n), whose rows of the own classes are not looked at.

        With intercepts, let F be the K × K matrix of how hard the samples of class k pull down class l. Its row sums
        must equal its column sums, and there are numbers tₖ > 0 for which those of tₖ Fₖₗ / tₗ do: to balance a matrix,
        Osborne (1960), *On pre-conditioning of matrices*, J. ACM 7. A class that only pulls, or is only pulled, has no
        part in that.
        """
        alpha = np.maximum(alpha, 0)
        alpha[self.label, self._rows] = 0
        if self.fit_intercept:
            pull = np.array([alpha[:, self.label == k].sum(axis=1) for k in range(self.K)])
            ratio = _balanced(pull)
            alpha *= ratio[self.label].T
        excess = np.minimum(1.0, self.c / np.maximum(alpha.sum(axis=0), 1e-300))
        alpha *= excess.min() if self.fit_intercept else excess  # one factor for all keeps the balance
        alpha[self.label, self._rows] = alpha.sum(axis=0)
        return alpha

    def dual(self, alpha: Array) -> tuple[float, Array]:
        """Return D at the feasible point near `alpha`, and that point. For ℓ1 no entry of V exceeds 1."""
        alpha = self.feasible(alpha)
        V = self.combination(self.signed(alpha))
        if self.penalty == "l2":
            conjugate = 0.5 * float((V * V).sum())
        else:
            conjugate = 0.0
            alpha = alpha / max(1.0, float(np.abs(V).max(initial=0)))
        return float(alpha[self.label, self._rows].sum()) - conjugate, alpha


def _balanced(pull: Array) -> Array:
    """Return tₖ/tₗ, shape (K, K), with which the row sums of tₖFₖₗ/tₗ equal its column sums; 0 where it cannot be.

    tₖ = exp(xₖ) for the x that minimises the convex function Σ Fₖₗ exp(xₖ − xₗ): its derivatives are the differences.
    """
    _, part = connected_components(pull > 0, connection="strong")
    together = part[:, None] == part
    F = np.where(together, pull, 0.0)
    scale = max(float(F.sum()), 1e-300)
    F = F / scale

    def weighted(x: Array) -> Array:
        with np.errstate(over="ignore"):
            return F * np.exp(x[:, None] - x)

    def value_and_gradient(x: Array) -> tuple[float, Array]:
        G = weighted(x)
        return float(G.sum()), G.sum(axis=1) - G.sum(axis=0)

    def hessian_times(x: Array, v: Array) -> Array:
        G = weighted(x)
        G = G + G.T
        return G.sum(axis=1) * v - G @ v

    x = newton_cg(value_and_gradient, hessian_times, np.zeros(len(F)), tol=1e-15, max_iter=100).x
    return np.where(together, np.exp(x[:, None] - x), 0.0)
