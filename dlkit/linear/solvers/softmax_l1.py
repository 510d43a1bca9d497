"""Logistic regression with the ℓ1 penalty, by the accelerated proximal gradient method."""

from __future__ import annotations

import numpy as np

from dlkit.linear.softmax_problem import Array, SoftmaxProblem
from dlkit.linear.solvers.newton import NewtonResult, Report
from dlkit.linear.solvers.proximal import proximal_gradient, soft_threshold

__all__ = ["least_subgradient", "softmax_l1"]


def least_subgradient(w: Array, g: Array, kink: Array) -> Array:
    """Return the sub-gradient of f + Σ kinkⱼ|wⱼ| that is nearest to 0, where g is the gradient of f at w.

    It is 0 at the minimum and only there: gⱼ = −kinkⱼ sign(wⱼ) where wⱼ ≠ 0, and |gⱼ| ≤ kinkⱼ where wⱼ = 0.
    """
    return np.where(w == 0, soft_threshold(g, kink), g + kink * np.sign(w))


def softmax_l1(
    problem: SoftmaxProblem, *, x0: Array, tol: Array, max_iter: int, report: Report | None = None
) -> NewtonResult:
    """Minimise Σ|W| + Σᵢ cᵢ lossᵢ by FISTA, in units in which each feature has the same mean square.

    Other units change the problem's curvature, and so the speed; the answer they leave as it is, since each weight
    keeps its own threshold.

    Parameters
    ----------
    problem : SoftmaxProblem
        With the ℓ1 penalty.
    x0 : ndarray
        Where to start.
    tol : ndarray
        Stop once no entry of the sub-gradient nearest to 0 is larger than this in size.
    max_iter : int
        The largest number of iterations.
    report : callable, optional
        ``report(iteration, objective, that sub-gradient)`` is called at the start and after each iteration.

    Returns
    -------
    NewtonResult
        The last iterate, the objective after each iteration, and why it stopped.
    """
    unit = np.sqrt(np.repeat(problem.squares(), problem.columns))
    unit[unit == 0] = 1
    kink = np.ones(problem.shape)
    kink[problem.d :] = 0  # the intercept
    kink = kink.ravel()
    looked = 0

    def value_and_gradient(u: Array) -> tuple[float, Array]:
        f, g = problem.objective_and_gradient(u / unit)
        return f, g / unit

    def done(u: Array) -> bool:
        nonlocal looked
        w = u / unit
        f, g = problem.objective_and_gradient(w)
        g = least_subgradient(w, g, kink)
        if report is not None:
            report(looked, f + float(kink @ np.abs(w)), g)
        looked += 1
        return bool(np.all(np.abs(g) <= tol))

    result = proximal_gradient(
        value_and_gradient,
        prox=lambda u, t: soft_threshold(u, t * kink / unit),
        penalty=lambda u: float(kink / unit @ np.abs(u)),
        x0=x0 * unit,
        max_iter=max_iter,
        stop=done,
    )
    reason = "the sub-gradient is within the tolerance" if result.converged else result.reason
    return NewtonResult(result.x / unit, np.zeros_like(x0), np.array(result.curve), result.converged, reason)
