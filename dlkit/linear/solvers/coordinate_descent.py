"""Coordinate descent for the LASSO: minimise ½ Σᵢ sᵢ (yᵢ − xᵢ·w − b)² + α‖w‖₁, with weights sᵢ that sum to 1.

With all other weights held, the best wⱼ is a soft threshold of how far feature j goes with what is left of y. So one
sweep over the features costs little where most weights stay 0 (Friedman, Hastie and Tibshirani, 2010, *Regularization
paths for generalized linear models via coordinate descent*, Journal of Statistical Software 33). Python would be slow
at n operations for each coordinate; three things make it quick:

* A sweep works on correlations alone. It needs the matrix of inner products of features, and of those only the rows of
  features that have been of use so far: the others have |correlation| ≤ α and stay at 0.
* The best weights with given signs solve a linear system. Once a sweep leaves all signs as they are, and every few
  sweeps besides, steps go there; a weight that reaches 0 on the way stays there for the next step (Lee, Battle,
  Raina and Ng, 2007, *Efficient sparse coding algorithms*, NIPS 19).
* The duality gap says when it is enough. For the residual r and any κ with |κ Σᵢ sᵢrᵢxᵢ| ≤ α in every entry, the
  numbers κ sᵢrᵢ are a point of the dual.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.sparse import csc_array, issparse

from dlkit.linear.problem import Array, Solution

__all__ = ["LeastSquares", "coordinate_descent"]

_EPS = float(np.finfo(np.float64).eps)
_PATIENCE = 5  # sweeps, at most, between two steps to the solution for the signs
_AT_ONCE = 20  # as many features, or as there are already, are taken in at a time


class LeastSquares:
    """The squares ½ Σᵢ sᵢ (yᵢ − xᵢ·w − b)² = ½‖t − Aw‖², with b at its best: all means are taken away from A and t.

    Parameters
    ----------
    X : ndarray or scipy.sparse.csr_array, shape (n, d)
        The samples. Sparse ones stay sparse: the means are taken away from the products with A.
    y : ndarray, shape (n,)
        The targets.
    weight : ndarray, shape (n,)
        The weights of the samples, > 0, of any sum.
    fit_intercept : bool
        Whether there is an intercept b; if not, it is 0, and nothing is taken away.
    """

    def __init__(self, X: Any, y: Array, weight: Array, fit_intercept: bool):
        s = weight / weight.sum()
        self.root = np.sqrt(s)
        self.x_mean = np.asarray(s @ X) if fit_intercept else np.zeros(X.shape[1])
        self.y_mean = float(s @ y) if fit_intercept else 0.0
        self.target = self.root * (y - self.y_mean)
        self.sparse = issparse(X)
        if self.sparse:
            self.columns = csc_array(X.multiply(self.root[:, None]))
            size = np.asarray(self.columns.power(2).sum(axis=0))
            variance, rounding = size - self.x_mean**2, 32 * _EPS
        else:
            self.columns = np.asfortranarray(self.root[:, None] * (X - self.x_mean))
            variance = np.einsum("ij,ij->j", self.columns, self.columns)
            size, rounding = variance + self.x_mean**2, (32 * _EPS) ** 2
        self.constant = variance <= rounding * size  # what is left of such a feature is rounding

    def residual(self, w: Array) -> Array:
        """Return t − Aw, shape (n,)."""
        used = np.flatnonzero(w)
        product = self.columns[:, used] @ w[used] if 4 * used.size < w.size else self.columns @ w
        if self.sparse:
            product -= self.root * float(self.x_mean @ w)
        return self.target - product

    def correlation(self, r: Array) -> Array:
        """Return Aᵀr, shape (d,)."""
        product = self.columns.T @ r
        if self.sparse:
            product -= self.x_mean * float(self.root @ r)
        product[self.constant] = 0
        return product

    def gram(self, left: Any, right: Any) -> Array:
        """Return the entries AᵀA of the features `left` with the features `right`."""
        product = self.columns[:, left].T @ self.columns[:, right]
        return product.toarray() - np.outer(self.x_mean[left], self.x_mean[right]) if self.sparse else product

    def intercept(self, w: Array) -> float:
        """Return the best b for the weights w."""
        return self.y_mean - float(self.x_mean @ w)

    def solution(
        self, w: Array, alpha: float, n_iter: int, converged: bool, reason: str, curve: list[float]
    ) -> Solution:
        """Return the weights w with their objective and a point of the dual, κ sᵢrᵢ."""
        r = self.residual(w)
        primal, gap, scale = _gap(w, self.correlation(r), float(r @ r), alpha)
        return Solution(
            w, self.intercept(w), primal, scale * self.root * r, primal - gap, n_iter, converged, reason, curve
        )


def _gap(w: Array, correlation: Array, squares: float, alpha: float) -> tuple[float, float, float]:
    """Return the objective, the duality gap, and the κ that makes it smallest, given Aᵀr and ‖r‖²."""
    largest = float(np.abs(correlation).max(initial=0))
    fit = float(w @ correlation)
    size = alpha * float(np.abs(w).sum())
    scale = 1 + fit / squares if squares > 0 else np.inf
    scale = min(max(scale, 0.0), alpha / largest) if largest > 0 else 1.0
    # ‖t‖² is not in this form of the gap: nothing large cancels.
    return 0.5 * squares + size, max(0.5 * (1 - scale) ** 2 * squares + size - scale * fit, 0.0), scale


def coordinate_descent(
    problem: LeastSquares,
    alpha: float,
    *,
    tol: float = 1e-4,
    max_iter: int = 1000,
    start: Array | None = None,
    report: Callable[[int, float, float], object] | None = None,
) -> Solution:
    """Minimise ½‖t − Aw‖² + α‖w‖₁.

    Parameters
    ----------
    problem : LeastSquares
        The squares.
    alpha : float
        α > 0.
    tol : float
        Stop at a duality gap ≤ tol · objective.
    max_iter : int
        The largest number of sweeps.
    start : ndarray, shape (d,), optional
        Where to start, by default w = 0.
    report : callable, optional
        ``report(sweep, primal, gap)`` is called at the start and each time features may be taken in.

    Returns
    -------
    Solution
        ``n_iter`` counts sweeps; the curve has the objective at the start and after each. ``alpha`` there is the point
        of the dual.
    """
    w = np.zeros(len(problem.x_mean)) if start is None else np.array(start, dtype=np.float64)
    w[problem.constant] = 0
    known = np.zeros(0, dtype=np.intp)
    gram = np.zeros((0, 0))
    curve: list[float] = []
    while True:
        r = problem.residual(w)
        correlation, squares = problem.correlation(r), float(r @ r)
        primal, gap, _ = _gap(w, correlation, squares, alpha)
        curve = curve or [primal]
        sweeps = len(curve) - 1
        if report is not None:
            report(sweeps, primal, gap)
        if gap <= tol * primal:
            return problem.solution(w, alpha, sweeps, True, f"the duality gap is within tol={tol:g}", curve)
        if sweeps >= max_iter:
            return problem.solution(w, alpha, sweeps, False, f"max_iter={max_iter} sweeps were made", curve)

        pull = np.where(w != 0, np.inf, np.abs(correlation))
        pull[known] = 0
        new = np.flatnonzero(pull > alpha)
        most = max(_AT_ONCE, known.size, int(np.count_nonzero(pull == np.inf)))
        if new.size > most:
            new = new[np.argpartition(-pull[new], most)[:most]]
        if new.size:
            cross = problem.gram(known, new)
            gram = np.block([[gram, cross], [cross.T, problem.gram(new, new)]])
            known = np.concatenate([known, new])
        before = w[known]
        w[known] = _sweeps(gram, before, correlation[known], squares, alpha, 0.3 * tol, max_iter, curve)
        if not new.size and np.array_equal(w[known], before):
            reason = "no sweep lowers the objective any further"
            return problem.solution(w, alpha, len(curve) - 1, False, reason, curve)


def _sweeps(
    gram: Array,
    start: Array,
    at_start: Array,
    squares: float,
    alpha: float,
    tol: float,
    max_iter: int,
    curve: list[float],
) -> Array:
    """Return the weights after sweeps over the features with the inner products `gram`, one sweep at least.

    Their correlations and ‖r‖² are known at the start. The objective after each sweep is added to `curve`.
    """
    w, correlation = start.copy(), at_start.copy()
    own = gram.diagonal().tolist()
    signs = np.sign(w)
    while len(curve) <= max_iter:
        for j in np.flatnonzero((w != 0) | (np.abs(correlation) > alpha)).tolist():
            old = float(w[j])
            pull = float(correlation[j]) + own[j] * old
            new = (pull - alpha if pull > alpha else pull + alpha if pull < -alpha else 0.0) / own[j]
            if new != old:
                w[j] = new
                correlation -= (new - old) * gram[j]
        if np.array_equal(np.sign(w), signs) or len(curve) % _PATIENCE == 0:
            while _solve_for_signs(gram, w, correlation, alpha):
                pass
        signs = np.sign(w)
        change = w - start
        primal, gap, _ = _gap(w, correlation, max(squares - float(change @ (correlation + at_start)), 0.0), alpha)
        curve.append(primal)
        if gap <= tol * primal or not change.any():
            break
    return w


def _solve_for_signs(gram: Array, w: Array, correlation: Array, alpha: float) -> bool:
    """Move w towards the best weights with the signs it has, in place; return whether one came to 0 before."""
    used = np.flatnonzero(w)
    rest = correlation[used] - alpha * np.sign(w[used])  # what a change of w must explain; 0 at the best
    # Features that depend on one another make the system singular. Lifted a little, by what is rounding to it anyway,
    # it gives a long step, downhill still, along which the objective falls until a weight reaches 0.
    system = gram[np.ix_(used, used)]
    system.flat[:: used.size + 1] += 32 * _EPS * np.trace(system)
    try:
        step = cho_solve(cho_factor(system), rest)
    except LinAlgError:
        return False
    if not rest @ step > 0:
        return False
    shares = np.where(step * w[used] < 0, -w[used] / np.where(step == 0, 1, step), np.inf)
    first = int(shares.argmin())
    share = min(1.0, float(shares[first]))
    w[used] += share * step
    if share < 1:
        w[used[first]] = 0
    correlation -= share * (gram[:, used] @ step)
    return share < 1
