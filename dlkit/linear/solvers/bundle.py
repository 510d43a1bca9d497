"""Cutting planes: a convex loss is learnt from its tangents, and the tangents prove how far one has come.

The problem is to minimise P(w) = ½‖w‖² + L(w) for a convex L, known by its value and a sub-gradient at any point.
Each look at a point gives a plane below L; the greatest of them is a model of L, and the minimum of the model's
objective is a lower bound on that of P, and the next point to look at. So the gap between the best value seen and that
bound is a certificate, and L may be anything: a sum over 10¹⁰ pairs, or a maximum over classes.

Teo, Vishwanathan, Smola and Le (2010), *Bundle methods for regularized risk minimization*, JMLR 11, algorithm 1; the
look back along the step is after Franc and Sonnenburg (2009), *Optimized cutting plane algorithm for large-scale risk
minimization*, JMLR 10, whose exact line search it replaces by one secant.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

__all__ = ["BundleResult", "bundle"]

Array = NDArray[np.float64]
Oracle = Callable[[Array], tuple[float, Array]]
Report = Callable[[int, float, float], object]

_PATIENCE = 20  # a plane that has not carried the model for so many rounds is forgotten
_CARRIES = 1e-6  # of the largest share; an interior-point solution has no zeros
_TRUST = 3  # proposals that may fail
_BALANCED = 1e-9  # of the largest free slope
_EPS = float(np.finfo(np.float64).eps)


@dataclass
class BundleResult:
    """Where `bundle` stopped.

    Attributes
    ----------
    w : ndarray, shape (d,)
        The best point seen.
    value : float
        The objective there.
    bound : float
        A lower bound on the minimum of the objective.
    points : ndarray, shape (m, d)
        Where the planes behind the bound touch the loss.
    shares : ndarray, shape (m,)
        How much each of them carries: ≥ 0, and at most 1 together; the rest is the loss's least value. The bound's own
        point is the mean of the sub-gradients with these shares, with the sign changed.
    n_iter : int
        The number of quadratic programs solved.
    n_looks : int
        How often the loss was evaluated.
    converged : bool
        Whether the gap came within the tolerance.
    reason : str
        Why it stopped, in words that end a sentence.
    curve : list of float
        The best objective at the start and after each iteration.
    """

    w: Array
    value: float
    bound: float
    points: Array
    shares: Array
    n_iter: int
    n_looks: int
    converged: bool
    reason: str
    curve: list[float] = field(default_factory=list)


def bundle(
    value_and_subgradient: Oracle,
    d: int,
    *,
    free: NDArray[np.bool_] | None = None,
    least: float = 0.0,
    tol: float = 1e-3,
    max_iter: int = 1000,
    start: Array | None = None,
    propose: Callable[[Array, Array], Array] | None = None,
    report: Report | None = None,
) -> BundleResult:
    """Minimise ½‖w‖² + L(w) by cutting planes, over the coordinates of w that are not `free` in the norm.

    Parameters
    ----------
    value_and_subgradient : callable
        ``L, g = value_and_subgradient(w)``: the loss, a float, and a sub-gradient of it, shape (d,).
    d : int
        The number of coordinates.
    free : ndarray of bool, shape (d,), optional
        Which of them the norm leaves out, such as intercepts. The loss must have a minimum over them.
    least : float
        A number that L never falls below; for losses, 0.
    tol : float
        Stop at a gap ≤ tol · objective.
    max_iter : int
        The largest number of iterations, each a small quadratic program and one or two looks at the loss.
    start : ndarray, shape (d,), optional
        Where to look first, by default at 0.
    propose : callable, optional
        ``propose(w, g)``, for the best point and the sub-gradient of L there, is where one who knows the curvature of L
        would look next: for a loss that is nearly smooth, Newton's point. The model's own points take its place once
        three looks have failed to halve the gradient of P.
    report : callable, optional
        ``report(iteration, objective, gap)`` is called in each iteration.

    Returns
    -------
    BundleResult
        The best point, and the bound with what it stands on.

    Notes
    -----
    The dual of the model's problem, over the shares λ ≥ 0, Σ λ = 1 of planes with slopes aₜ and heights bₜ at 0, is to
    maximise Σ λₜbₜ − ½‖Σ λₜaₜ‖². It has as many unknowns as planes, whatever d is. Free coordinates add the constraint
    that their part of Σ λₜaₜ is 0. But a model of few planes may fall for ever along them, or have its minimum far out.
    So each round they may move by a *reach* from the best point only, which doubles whenever a round makes use of all
    of it; the constraint holds, and the bound is one, as soon as it does not.
    """
    free = np.zeros(d, dtype=bool) if free is None else np.asarray(free, dtype=bool)
    penalised = ~free
    best = np.zeros(d) if start is None else np.array(start, dtype=np.float64)
    planes = _Planes(d, least)
    looks = 0

    def look(w: Array) -> tuple[float, Array]:
        """Return P(w) and a sub-gradient of P, and remember the plane."""
        nonlocal looks
        looks += 1
        loss, slope = value_and_subgradient(w)
        planes.add(w, slope, loss - float(slope @ w))
        own = np.where(penalised, w, 0.0)
        return 0.5 * float(own @ own) + float(loss), own + slope

    value, gradient = look(best)
    curve, bound, reach = [value], -np.inf, 1.0
    carried = planes.points[:0], np.zeros(0)
    reason = f"max_iter={max_iter} iterations were made"
    trust = 0 if propose is None else _TRUST
    for t in range(max_iter + 1):
        centre = best[free]
        shares, move = _master(planes.slopes, planes.heights, free, centre, reach, tol)
        slope = shares @ planes.slopes
        here = float(shares @ planes.heights) - 0.5 * float(slope[penalised] @ slope[penalised])
        # With a reach too short the free part is not 0, and this is no bound: the loss may fall on beyond it. What
        # rounding leaves of the free part counts as if the minimum were a thousand times as far as anything seen.
        left = float(np.abs(slope[free]).sum())
        if left > _BALANCED * float(np.abs(planes.slopes[:, free]).max(initial=0)):
            here = -np.inf
        here -= 1e3 * max(reach, float(np.abs(centre).max(initial=0))) * left
        if here > bound:
            bound = here
            carried = planes.points[1:][shares[1:] > 0], shares[1:][shares[1:] > 0]
        if report is not None:
            report(t, value, max(value - bound, 0.0))
        if value - bound <= tol * value or t == max_iter:
            break
        planes.forget(shares)

        if propose is not None and trust:
            w = propose(best, gradient - np.where(penalised, best, 0.0))
            ahead, uphill = look(w)
            halved = bool(np.linalg.norm(uphill) <= np.linalg.norm(gradient) / 2)
            if ahead < value:
                best, value, gradient = w, ahead, uphill
            if halved:
                curve.append(value)
                continue
            trust -= 1  # and on with the model's point, as without a proposal

        w = np.empty(d)
        w[penalised] = -slope[penalised]
        w[free] = centre + move
        if np.abs(move).max(initial=0) > 0.99 * reach:
            reach *= 2
        step = w - best
        if np.abs(step).max() <= 4 * _EPS * np.abs(best).max():
            reason = "the model has its minimum at the best point, to rounding"
            break
        ahead, uphill = look(w)
        before, after = float(gradient @ step), float(uphill @ step)
        better = ahead < value
        if not better and after > 0:  # too far: look where the slope along the step would be 0, if it grew linearly
            share = -before / (after - before) if after > before else 0.5
            between = best + min(max(share, 0.1), 0.9) * step
            ahead, uphill = look(between)
            w, better = between, ahead < value
        if better:
            best, value, gradient = w, ahead, uphill
        curve.append(value)

    converged = value - bound <= tol * value
    if converged:
        reason = f"the duality gap is within tol={tol:g}"
    return BundleResult(best, value, bound, *carried, t, looks, converged, reason, curve)


class _Planes:
    """The planes below the loss, slope · w + height each; the first is the loss's least value."""

    def __init__(self, d: int, least: float):
        self.points, self.slopes = np.zeros((1, d)), np.zeros((1, d))
        self.heights, self.idle = np.array([float(least)]), np.zeros(1, dtype=int)

    def add(self, point: Array, slope: Array, height: float) -> None:
        self.points, self.slopes = np.vstack([self.points, point]), np.vstack([self.slopes, slope])
        self.heights, self.idle = np.append(self.heights, height), np.append(self.idle, 0)

    def forget(self, shares: Array) -> None:
        self.idle = np.where(shares > _CARRIES * shares.max(), 0, self.idle + 1)
        kept = self.idle <= _PATIENCE
        kept[0] = True
        self.points, self.slopes = self.points[kept], self.slopes[kept]
        self.heights, self.idle = self.heights[kept], self.idle[kept]


def _master(
    slopes: Array, heights: Array, free: NDArray[np.bool_], centre: Array, reach: float, tol: float
) -> tuple[Array, Array]:
    """Return the shares λ that maximise the dual of the model's problem, and how the free coordinates should move.

    A reach ρ around `centre` makes the constraint on the free part f(λ) of the slope a cost ρ‖f(λ)‖₁, written with the
    positive and the negative part of f; the move is the multiplier of f = f⁺ − f⁻.
    """
    import clarabel  # a part of cvxpy

    m, p = len(heights), int(free.sum())
    own, other = slopes[:, ~free], slopes[:, free]
    at_centre = heights + other @ centre
    gram = own @ own.T
    # In units in which the numbers are about 1: of the objective, and of the free slopes.
    unit = max(float(np.abs(at_centre).max()), float(np.sqrt(gram.diagonal().max())), 1e-300)
    unit_free = max(float(np.abs(other).max(initial=0)), 1e-300)
    cost = np.concatenate([-at_centre / unit, np.full(2 * p, reach * unit_free / unit)])
    quadratic = sparse.block_diag([sparse.csc_matrix(np.triu(gram / unit)), sparse.csc_matrix((2 * p, 2 * p))], "csc")
    total = sparse.csc_matrix(np.concatenate([np.ones(m), np.zeros(2 * p)])[None])
    balance = sparse.hstack([sparse.csc_matrix(other.T / unit_free), -sparse.eye(p), sparse.eye(p)])
    matrix = sparse.vstack([total, balance, -sparse.eye(m + 2 * p)], "csc")
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_rel = settings.tol_gap_abs = settings.tol_feas = min(1e-9, max(1e-2 * tol, 1e-13))
    cones = [clarabel.ZeroConeT(1 + p), clarabel.NonnegativeConeT(m + 2 * p)]
    right = np.concatenate([[1.0], np.zeros(p + m + 2 * p)])
    solution = clarabel.DefaultSolver(quadratic, cost, matrix, right, cones, settings).solve()

    shares = np.array(solution.x[:m])
    shares = np.where(shares > 1e-9 * shares.max(), shares, 0.0)
    shares /= shares.sum()
    if p:  # sharpen the balance where it is meant to hold
        held = shares > 0
        rows = np.vstack([other[held].T / unit_free, np.ones(held.sum())])
        error = rows @ shares[held] - np.append(np.zeros(p), 1.0)
        if np.abs(error).max() < 1e-5:
            shares[held] = np.maximum(shares[held] - np.linalg.lstsq(rows, error, rcond=1e-10)[0], 0)
            shares /= shares.sum()
    return shares, -np.array(solution.z[1 : 1 + p]) * unit / unit_free
