"""Newton's method for a margin loss without kinks in its slope's way: the squared hinge, the logistic loss.

The Hessian is I + Σ cᵢ φ″(mᵢ) xᵢxᵢᵀ, and conjugate gradients need only its product with a vector (Keerthi and DeCoste,
2005, *A modified finite Newton method for fast solution of large scale linear SVMs*, JMLR 6).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dlkit.linear.problem import Array, BinaryProblem, Solution
from dlkit.linear.solvers.newton import newton_cg

__all__ = ["newton_margin"]


def newton_margin(
    problem: BinaryProblem,
    *,
    tol: float = 1e-4,
    max_iter: int = 100,
    start: tuple[Array, float] | None = None,
    report: Callable[[int, float, float], object] | None = None,
) -> Solution:
    """Minimise ½‖w‖² + Σ cᵢ φ(mᵢ) for a loss φ with a continuous slope.

    Parameters
    ----------
    problem : BinaryProblem
        With the squared hinge or the logistic loss, and the ℓ2 penalty.
    tol : float
        Stop when the duality gap is at most `tol` times the objective.
    max_iter : int
        The largest number of Newton steps.
    start : (w, b), optional
        Where to start, by default w = 0 and b = 0.
    report : callable, optional
        ``report(iteration, primal, gap)`` is called at every iterate.

    Returns
    -------
    Solution
        ``n_iter`` counts Newton steps; the curve has the objective at every iterate.
    """
    d, c, loss = problem.d, problem.c, problem.loss
    free = problem.fit_intercept  # the unknowns are (w, b), or w alone
    best = Solution(np.zeros(d), 0.0, np.inf, np.zeros(problem.n), -np.inf, 0, False, "")

    def split(u: Array) -> tuple[Array, float]:
        return (u[:-1], float(u[-1])) if free else (u, 0.0)

    def objective_and_gradient(u: Array) -> tuple[float, Array]:
        w, b = split(u)
        margins = problem.margins(w, b)
        g, g_b = problem.subgradient(w, problem.multipliers(margins))
        return problem.primal(w, margins), np.append(g, g_b) if free else g

    def hessian_vector_product(u: Array, p: Array) -> Array:
        w, b = split(u)
        q, q_b = split(p)
        bend = c * loss.curvature(problem.margins(w, b)) * (problem.X @ q + q_b)
        Hq = q + problem.X.T @ bend
        return np.append(Hq, bend.sum()) if free else Hq

    def done(u: Array) -> bool:
        w, b = split(u)
        margins = problem.margins(w, b)
        primal, (dual, alpha) = problem.primal(w, margins), problem.dual(problem.multipliers(margins))
        if primal < best.primal:
            best.w, best.b, best.primal = w.copy(), b, primal
        if dual > best.dual:
            best.alpha, best.dual = alpha, dual
        best.n_iter = len(best.curve)
        best.curve.append(primal)
        if report is not None:
            report(best.n_iter, best.primal, best.gap)
        best.converged = best.gap <= tol * best.primal
        return best.converged

    w, b = (np.zeros(d), 0.0) if start is None else start
    result = newton_cg(
        objective_and_gradient,
        hessian_vector_product,
        x0=np.append(w, b) if free else w,
        tol=0.0,
        max_iter=max_iter,
        give_up=done,
    )
    if not best.converged and result.converged:  # a gradient of 0, at which it did not ask
        done(result.x)
    best.reason = f"the duality gap is within tol={tol:g} of the objective" if best.converged else result.reason
    return best
