"""Proximal gradient: minimise f + R with a smooth f and an R that has a kink, such as the ℓ1 penalty.

A gradient step for f, then the proximal map of R, which is the exact answer to "near here, but with a small R" ::

    x ← prox_t(x − t ∇f(x)),     prox_t(z) = argmin over x of ½‖x − z‖² + t R(x)

For R = ‖x‖₁ the map moves every entry by t towards 0 and leaves it there if it arrives. So, unlike a sub-gradient step,
it makes weights that are exactly 0. This is ISTA; with momentum it is FISTA, whose error falls with 1/k² instead of 1/k
(Beck and Teboulle, 2009, *A fast iterative shrinkage-thresholding algorithm*, SIAM J. Imaging Sciences 2). Momentum
that points uphill is dropped (O'Donoghue and Candès, 2015, *Adaptive restart for accelerated gradient schemes*,
Foundations of Computational Mathematics 15, the gradient scheme).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.linalg import norm

from dlkit.linear.margin_losses import HINGE, MarginLoss
from dlkit.linear.problem import Array, BinaryProblem, Solution

__all__ = ["ProximalResult", "l1_margin", "proximal_gradient", "soft_threshold"]

_NOISE = 32 * float(np.finfo(np.float64).eps)  # relative rounding error of f: a sum of n terms is good to eps·log₂ n
_SHARPER = 4.0  # by which the smoothing falls from one stage to the next


@dataclass(frozen=True)
class ProximalResult:
    """Where `proximal_gradient` stopped, and why.

    Attributes
    ----------
    x : ndarray, shape (d,)
        The last iterate.
    n_iter : int
        The number of iterations made.
    converged : bool
        Whether it stopped because ``stop(x)`` said so, or because no step moves x any more.
    reason : str
        Why it stopped, in words.
    curve : list of float
        The objective f + R at the start and after each iteration.
    """

    x: Array
    n_iter: int
    converged: bool
    reason: str
    curve: list[float]


def soft_threshold(x: Array, t: float | Array) -> Array:
    """Return `x` with every entry moved by `t` ≥ 0 towards 0, and 0 where it would pass it: the proximal map of t‖x‖₁.

    Parameters
    ----------
    x : ndarray
        The point.
    t : float or ndarray
        How far the entries move; an array, that fits the shape of `x`, gives each its own distance.
    """
    return np.sign(x) * np.maximum(np.abs(x) - t, 0)


def proximal_gradient(
    value_and_gradient: Callable[[Array], tuple[float, Array]],
    prox: Callable[[Array, float], Array],
    penalty: Callable[[Array], float],
    x0: Array,
    *,
    accelerate: bool = True,
    step: float | None = None,
    growth: float = 1.1,
    max_iter: int = 1000,
    stop: Callable[[Array], bool] = lambda x: False,
) -> ProximalResult:
    """Minimise f + R by ISTA, or by FISTA with restarts.

    Parameters
    ----------
    value_and_gradient : callable
        ``f, g = value_and_gradient(x)``: the smooth part at `x` and its gradient, shape (d,).
    prox : callable
        ``prox(z, t)``: the proximal map of tR at z, shape (d,); for R = α‖x‖₁ it is ``soft_threshold(z, alpha * t)``.
    penalty : callable
        ``penalty(x)``: R at `x`.
    x0 : ndarray, shape (d,)
        Where to start; it is not changed.
    accelerate : bool
        Whether to use momentum (FISTA) or none (ISTA).
    step : float, optional
        The step t to begin with, by default an estimate of 1/(curvature of f along its gradient). Steps are halved
        until f lies below its quadratic model with the curvature 1/t.
    growth : float
        By how much a step is longer than the last one before it is tried, ≥ 1. With 1 the steps never grow: the
        bounds 1/k and 1/k² are proved for these. Where f is flatter near its minimum than elsewhere, as the squared
        hinge is, growing steps have saved up to nine tenths of the iterations.
    max_iter : int
        The largest number of iterations.
    stop : callable, optional
        ``stop(x)`` is asked at the start and after each iteration, and `x` is then the last point where f was
        evaluated; such as whether a duality gap is small enough.

    Returns
    -------
    ProximalResult
        The last iterate, the objective along the way, and why it stopped.
    """
    x = np.array(x0, dtype=np.float64)
    y, momentum = x, 1.0
    f, g = value_and_gradient(y)
    curve = [f + penalty(x)]
    if stop(x):
        return ProximalResult(x, 0, True, "the start is good enough", curve)
    t = _step(value_and_gradient, x, g) if step is None else step
    for k in range(1, max_iter + 1):
        while True:
            new = prox(y - t * g, t)
            move = new - y
            f_new, g_new = value_and_gradient(new)
            above = f_new - f - float(g @ move)  # how far f lies above its tangent
            if abs(above) <= _NOISE * abs(f):  # rounding; the gradients still tell
                above = 0.5 * float((g_new - g) @ move)
            if above <= (1 + _NOISE) * float(move @ move) / (2 * t):
                break
            t /= 2
        curve.append(f_new + penalty(new))
        if stop(new):
            return ProximalResult(new, k, True, "stop(x) said so", curve)
        if not move.any():
            return ProximalResult(new, k, True, "no step moves x any more", curve)

        if accelerate and float(move @ (new - x)) < 0:  # the step turns back: the momentum was wrong
            momentum = 1.0
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2 if accelerate else 1.0
        ahead = (momentum - 1) / following
        y, f, g = new, f_new, g_new
        if ahead > 0:
            y = new + ahead * (new - x)
            f, g = value_and_gradient(y)
        x, momentum, t = new, following, growth * t
    return ProximalResult(x, max_iter, False, f"max_iter={max_iter} iterations were made", curve)


def _step(value_and_gradient: Callable[[Array], tuple[float, Array]], x: Array, g: Array) -> float:
    """Return 1/curvature of f at x in the direction of its gradient g, from the change of g along a short way."""
    size = float(norm(g))
    if size == 0:
        return 1.0
    length = 1e-6 * max(1.0, float(norm(x))) / size
    change = float(norm(value_and_gradient(x - length * g)[1] - g))
    return length * size / change if change > 0 else 1.0


def l1_margin(
    problem: BinaryProblem,
    *,
    tol: float = 1e-4,
    max_iter: int = 10_000,
    start: tuple[Array, float] | None = None,
    report: Callable[[int, float, float], object] | None = None,
) -> Solution:
    """Minimise ‖w‖₁ + Σᵢ cᵢ φ(mᵢ) by FISTA, with the best intercept at every step, until the duality gap is small.

    With b at its best, the rest is a smooth function of w, and its gradient is −v(α). The multipliers α fulfil
    Σ αᵢyᵢ = 0 by themselves, so the gap costs no product with X.

    The hinge has a kink of its own. It is smoothed: where it is max over 0 ≤ a ≤ 1 of a(1 − m), a term −μa²/2 is added,
    which changes it by at most μ/2 and bends it with the curvature 1/μ (Nesterov, 2005, *Smooth minimization of
    non-smooth functions*, Mathematical Programming 103). Its multipliers belong to the hinge's dual too, so the gap
    stays a proof for the hinge itself. μ falls in stages, each starting where the last one ended.

    Parameters
    ----------
    problem : BinaryProblem
        Any loss, finite c, and the ℓ1 penalty.
    tol : float
        Stop at a duality gap ≤ tol · objective.
    max_iter : int
        The largest number of iterations, of all stages together.
    start : (w, b), optional
        Where to start, by default w = 0. The intercept is found anew.
    report : callable, optional
        ``report(iteration, primal, gap)`` is called at every iterate, with the best objective and the gap known.

    Returns
    -------
    Solution
        The best iterate and the best dual point; the curve has the objective at every iterate.
    """
    if problem.penalty != "l1" or problem.hard:
        raise ValueError("problem must have the penalty 'l1' and finite weights c of its losses")
    mu = 1.0 if problem.loss is HINGE else 0.0
    smooth = _smoothed(problem, mu)
    best: tuple[float, Array, float] = (np.inf, np.zeros(problem.d), 0.0)
    certificate: tuple[float, Array] = (-np.inf, np.zeros(problem.n))
    curve: list[float] = []
    scores, b, alpha, v, value = np.zeros(problem.n), 0.0, np.zeros(problem.n), np.zeros(problem.d), 0.0

    def value_and_gradient(w: Array) -> tuple[float, Array]:
        nonlocal scores, b, alpha, v, value
        scores = problem.X @ w
        b, alpha = smooth.best_intercept(scores)
        v = problem.combination(alpha)
        value = float(problem.c @ smooth.loss.value(problem.y * (scores + b)))
        return value, -v

    def good_enough(w: Array) -> bool:  # and what was computed last is for this w
        nonlocal best, certificate
        own_b = problem.best_intercept(scores)[0] if mu else b
        primal = problem.primal(w, problem.y * (scores + own_b))
        curve.append(primal)
        if primal < best[0]:
            best = primal, w, own_b
        bound = problem.bound(alpha, v)
        if bound[0] > certificate[0]:
            certificate = bound
        gap = best[0] - certificate[0]
        if report is not None:
            report(len(curve) - 1, best[0], gap)
        if gap <= tol * best[0]:
            return True
        # A stage is over once its own gap is small beside what its smoothing costs.
        return mu > 0 and value + np.abs(w).sum() - smooth.bound(alpha, v)[0] <= gap / 4

    w = np.zeros(problem.d) if start is None else np.array(start[0], dtype=np.float64)
    while True:
        result = proximal_gradient(
            value_and_gradient,
            soft_threshold,
            lambda w: float(np.abs(w).sum()),
            w,
            max_iter=max_iter - len(curve),
            stop=good_enough,
        )
        converged = best[0] - certificate[0] <= tol * best[0]
        if converged or mu == 0 or len(curve) > max_iter:
            break
        w, mu = result.x, mu / _SHARPER
        smooth = _smoothed(problem, mu)
        curve.pop()  # the next stage looks at this point again
    if converged:
        reason = f"the duality gap is within tol={tol:g}"
    else:
        reason = f"max_iter={max_iter} iterations were made" if len(curve) > max_iter else result.reason
    primal, w, b = best
    return Solution(w, b, primal, certificate[1], certificate[0], len(curve) - 1, converged, reason, curve)


def _smoothed(problem: BinaryProblem, mu: float) -> BinaryProblem:
    """Return the problem with the hinge smoothed by mu > 0, or the problem itself for mu = 0."""
    if mu == 0:
        return problem

    def pull(m: Array) -> Array:
        return np.clip((1 - m) / mu, 0, 1)

    loss = MarginLoss(
        "smoothed hinge",
        value=lambda m: pull(m) * (1 - m - mu / 2 * pull(m)),
        slope=lambda m: -pull(m),
        curvature=lambda m: (np.abs(1 - m - mu / 2) < mu / 2) / mu,
        gain=lambda a: a - mu / 2 * a**2,
        most=1.0,
    )
    return BinaryProblem(problem.X, problem.y, problem.c, loss, problem.penalty, problem.fit_intercept)
