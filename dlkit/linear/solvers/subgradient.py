"""Sub-gradient descent on a linear model with two classes, with a proof of how far it has come.

The deck's step is w ← w − η g, with g any sub-gradient. Here g = w − v(a), where v(a) = Σ aᵢyᵢxᵢ and aᵢ ∈ −cᵢ ∂φ(mᵢ) is
how hard sample i pulls. So the step is a mean, w ← (1 − η) w + η v(a), and the same mean of multipliers,
α ← (1 − η) α + η a, is a feasible point of the dual with v(α) = w: descent in the primal *is* a conditional-gradient
method in the dual (Bach, 2015, *Duality between subgradient and conditional gradient methods*, SIAM J. Optim. 25). Its
duality gap costs no product with X.

The intercept is not penalised and has a unit of its own. So it takes no steps: b is always the best one for w, and g a
sub-gradient of min over b of P(w, b). That also makes Σ aᵢyᵢ = 0, as the dual asks for.

This is the loop of ``dlkit.descent.subgradient_descent`` but for the gap, which needs the multipliers within a step.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dlkit.linear.problem import Array, BinaryProblem, Solution
from dlkit.linear.solvers.lower_bound import lower_bound
from dlkit.optim.schedules import Rate, as_schedule, evaluated

__all__ = ["DIVERGED", "Report", "diverged", "subgradient"]

Report = Callable[[int, float, float], object]
DIVERGED = "the iterates diverge, as the rate is too large"


def diverged(w: Array) -> bool:
    """Tell whether the weights are beyond all measure, so that their squares would soon be beyond float64, or NaN."""
    return not float(np.abs(w).max(initial=0)) < 1e100


def subgradient(
    problem: BinaryProblem,
    *,
    schedule: Rate | None = None,
    max_iter: int = 1000,
    tol: float = 1e-4,
    start: tuple[Array, float] | None = None,
    report: Report | None = None,
) -> Solution:
    """Minimise by sub-gradient descent, with the best intercept at every step; return the best iterate.

    Parameters
    ----------
    problem : BinaryProblem
        Any loss and penalty; finite c.
    schedule : float or callable, optional
        The rate η, or t ↦ η with t = 1, 2, …, such as those of ``dlkit.optim``. By default the rate is Polyak's,
        (P(w) − P*)/‖g‖², with the best lower bound known in place of the minimum P*, and at most 1. It has no scale
        to choose.
    max_iter : int
        The largest number of steps.
    tol : float
        Stop at a duality gap ≤ tol · objective.
    start : (w, b), optional
        Where to start, by default w = 0. The intercept is found anew.
    report : callable, optional
        ``report(iteration, primal, gap)`` is called at every iterate, with the best objective and the gap known.

    Returns
    -------
    Solution
        ``n_iter`` counts steps; the curve has the objective at every iterate. With too large a rate it stops once the
        iterates have diverged, not converged.
    """
    rate = None if schedule is None else as_schedule(schedule)
    w = np.zeros(problem.d) if start is None else np.array(start[0], dtype=np.float64)
    alpha, v = np.zeros(problem.n), np.zeros(problem.d)
    best, dual, certificate = (np.inf, w, 0.0), 0.0, alpha
    curve: list[float] = []
    total, look = 0.0, 8 if start is None else 0  # a start may be a good one
    for t in range(max_iter + 1):
        scores = problem.X @ w
        b, a = problem.best_intercept(scores)
        primal = problem.primal(w, problem.y * (scores + b))
        curve.append(primal)
        if primal < best[0]:
            best = primal, w, b
        offers = [problem.bound(alpha, v)]
        if t in (look, max_iter) and best[0] - dual > tol * best[0]:
            offers.append(lower_bound(problem, best[1], best[2], tol))
            look = max(8, 2 * look)
        for value, point in offers:
            if value > dual:
                dual, certificate = value, point
        if report is not None:
            report(t, best[0], best[0] - dual)
        converged = best[0] - dual <= tol * best[0]
        if converged or t == max_iter:
            break

        pulled = problem.combination(a)
        g = problem.pull(w, pulled) - pulled
        squared = float(g @ g)
        polyak = min(1.0, (primal - dual) / squared) if squared > 0 else 1.0
        eta = polyak if rate is None else evaluated(rate, t + 1)
        w = w - eta * g
        if diverged(w):
            break
        # With ℓ1 there is no such mean behind w. But the mean of all multipliers, weighted by the rates, has
        # |v(α)ⱼ| ≤ 1 + |w − w₀|ⱼ/Ση, as each step changed w by η(v(a) − s) with |sⱼ| ≤ 1. So it becomes feasible.
        total += eta
        share = min(eta, 1.0) if problem.penalty == "l2" else eta / total if total > 0 else 0.0
        alpha = alpha + share * (a - alpha)
        v = v + share * (pulled - v)

    primal, w, b = best
    dual, certificate = problem.dual(certificate)  # without the rounding of v
    if converged:
        reason = f"the duality gap is within tol={tol:g}"
    else:
        reason = f"max_iter={max_iter} steps were made" if t == max_iter else DIVERGED
    return Solution(w, b, primal, certificate, dual, t, converged, reason, curve)
