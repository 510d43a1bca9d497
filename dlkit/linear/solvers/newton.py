"""Newton's method whose step is found by conjugate gradients (truncated Newton).

Newton's step p solves H p = −g. Conjugate gradients need only products H v, never H itself, and may stop early: far
from the minimum a rough step is as good as an exact one. Nocedal and Wright (2006), *Numerical Optimization*, 2nd ed.:
algorithm 7.1 for the whole, 5.2 for conjugate gradients, 3.1 for the backtracking.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.linalg import norm
from numpy.typing import ArrayLike, NDArray

__all__ = ["NewtonResult", "conjugate_gradient", "newton", "newton_cg"]

Vector = NDArray[np.float64]
Objective = Callable[[Vector], tuple[float, Vector]]
Report = Callable[[int, float, Vector], object]
_EPS = float(np.finfo(np.float64).eps)
_NOISE = 32 * _EPS  # relative rounding error of an objective: a sum of n terms is good to about eps·log₂ n


@dataclass(frozen=True)
class NewtonResult:
    """Where `newton_cg` stopped, and why.

    Attributes
    ----------
    x : ndarray, shape (d,)
        The last iterate.
    last_step : ndarray, shape (d,)
        The step that led there; zeros if none was made.
    curve : ndarray, shape (steps + 1,)
        The objective at the start and after each step.
    converged : bool
        Whether the gradient is within the tolerance at `x`.
    reason : str
        Why it stopped, in words.
    """

    x: Vector
    last_step: Vector
    curve: Vector
    converged: bool
    reason: str


def newton_cg(
    objective_and_gradient: Objective,
    hessian_vector_product: Callable[[Vector, Vector], Vector],
    x0: ArrayLike,
    tol: ArrayLike,
    max_iter: int,
    give_up: Callable[[Vector], bool] = lambda x: False,
    report: Report | None = None,
    far: float | None = None,
) -> NewtonResult:
    """Minimise a smooth function by Newton's method with conjugate gradients and a backtracking line search.

    Parameters
    ----------
    objective_and_gradient : callable
        ``f, g = objective_and_gradient(x)``: the value at `x` and the gradient, shape (d,).
    hessian_vector_product : callable
        ``hessian_vector_product(x, v)``: the Hessian at `x` times the vector `v`, shape (d,).
    x0, tol, max_iter, give_up, report
        As in `newton`.
    far : float, optional
        The length of the gradient at which rough steps will do, by default that at `x0`. If `x0` is near the minimum,
        give that at a point that is not.

    Returns
    -------
    NewtonResult
        The last iterate, the objective along the way, and why it stopped.
    """

    def direction(x: Vector, g: Vector) -> Vector:
        nonlocal far
        far = far or float(norm(g))
        # A rough step far away and an ever more exact one near the minimum, for Newton's fast last steps; but none so
        # exact that conjugate gradients would work on the rounding of g.
        accuracy = np.clip(np.sqrt(norm(g) / far), 1e-3, 0.5) * norm(g)
        return conjugate_gradient(partial(hessian_vector_product, x), -g, accuracy)

    return newton(objective_and_gradient, direction, x0, tol, max_iter, give_up, report)


def newton(
    objective_and_gradient: Objective,
    direction: Callable[[Vector, Vector], Vector],
    x0: ArrayLike,
    tol: ArrayLike,
    max_iter: int,
    give_up: Callable[[Vector], bool] = lambda x: False,
    report: Report | None = None,
) -> NewtonResult:
    """Minimise a smooth function by steps of a given kind, each shortened by backtracking until it is good enough.

    Parameters
    ----------
    objective_and_gradient : callable
        ``f, g = objective_and_gradient(x)``: the value at `x` and the gradient, shape (d,).
    direction : callable
        ``direction(x, g)`` is the step p to try first, shape (d,), with g·p < 0: for Newton's method −H⁻¹g, or near it.
    x0 : array_like, shape (d,)
        Where to start; it is not changed.
    tol : float or array_like, shape (d,)
        Stop once no entry of the gradient is larger than this in size; an array gives each coordinate a tolerance of
        its own.
    max_iter : int
        The largest number of steps.
    give_up : callable, optional
        ``give_up(x)`` is asked at every iterate; stop, not converged, once it is true.
    report : callable, optional
        ``report(step, f, g)`` is called at the start and after each step.

    Returns
    -------
    NewtonResult
        The last iterate, the objective along the way, and why it stopped.
    """
    x = np.array(x0, dtype=np.float64)
    last_step = np.zeros_like(x)
    f, g = objective_and_gradient(x)
    curve = [f]

    def stop(converged: bool, reason: str) -> NewtonResult:
        return NewtonResult(x, last_step, np.array(curve), converged, reason)

    while True:
        if report is not None:
            report(len(curve) - 1, f, g)
        if np.all(np.abs(g) <= tol):
            return stop(True, "the gradient is within the tolerance")
        if give_up(x):
            return stop(False, "give_up(x) became true")
        if len(curve) > max_iter:
            return stop(False, f"max_iter={max_iter} steps were made")
        step = direction(x, g)
        slope = g @ step
        length = 1.0
        while True:
            f_new, g_new = objective_and_gradient(x + length * step)
            if -length * slope > _NOISE * abs(f):
                good = bool(f_new <= f + 1e-4 * length * slope)  # Armijo's condition
            else:  # the decrease would drown in rounding, so the gradient has to tell
                good = bool(f_new <= f + _NOISE * abs(f) and norm(g_new) < 0.9 * norm(g))
            if good:
                break
            length /= 2
            if length < _EPS:
                return stop(False, "no step lowers the objective any further")
        last_step = length * step
        x, f, g = x + last_step, f_new, g_new
        curve.append(f)


def conjugate_gradient(product: Callable[[Vector], Vector], b: Vector, accuracy: float) -> Vector:
    """Solve H p = b by conjugate gradients, until ‖b − H p‖ ≤ accuracy.

    Parameters
    ----------
    product : callable
        ``product(v)`` is H v, for a symmetric H.
    b : ndarray, shape (d,)
        The right-hand side.
    accuracy : float
        The largest residual, in the Euclidean norm.

    Returns
    -------
    ndarray, shape (d,)
        The solution; or, if a direction of no positive curvature turns up, what was reached before it (`b` itself if
        it is the first). With b = −g every such p is a descent direction.
    """
    p = np.zeros_like(b)
    residual = b.copy()
    direction = residual
    squared = residual @ residual
    for _ in range(10 * b.size):  # d suffice without rounding
        if np.sqrt(squared) <= accuracy:
            break
        h = product(direction)
        curvature = direction @ h
        if curvature <= 0:
            return p if p.any() else b
        p += squared / curvature * direction
        residual = residual - squared / curvature * h
        previous, squared = squared, residual @ residual
        direction = residual + squared / previous * direction
    return p
