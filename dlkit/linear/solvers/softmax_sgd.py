"""Stochastic gradient descent in mini-batches for logistic regression, with a mean of the iterates.

Divided by S = Σ cᵢ the objective is R(W)/S plus a mean of losses, and its gradient on a few samples is right on average
(Robbins and Monro, 1951). The rate is of the size of one over the curvature, and falls; the mean of the iterates evens
out their noise (Polyak and Juditsky, 1992; Bottou, 2012, *Stochastic gradient descent tricks*, section 5). The first
epochs come far, the last digits take for ever.
"""

from __future__ import annotations

import numpy as np

from dlkit.linear.softmax_problem import Array, SoftmaxProblem
from dlkit.linear.solvers.newton import NewtonResult, Report
from dlkit.optim.schedules import InverseSquareRoot, Rate, as_schedule

__all__ = ["softmax_sgd"]


def softmax_sgd(
    problem: SoftmaxProblem,
    *,
    x0: Array,
    tol: Array,
    max_iter: int,
    rng: np.random.Generator,
    batch_size: int | None = None,
    schedule: Rate | None = None,
    report: Report | None = None,
) -> NewtonResult:
    """Minimise by steps against the gradient on a mini-batch; return the best of the means after each epoch.

    Parameters
    ----------
    problem : SoftmaxProblem
        With the ℓ2 penalty.
    x0 : ndarray
        Where to start.
    tol : float or ndarray
        Stop once no entry of the gradient at the mean, looked at after each epoch, is larger than this in size.
    max_iter : int
        The largest number of epochs.
    rng : numpy.random.Generator
        What shuffles the samples anew for each epoch.
    batch_size : int, optional
        Samples in a batch; by default 100, or fewer for n < 1000.
    schedule : float or callable, optional
        The rate η of the objective divided by S, or t ↦ η with t = 1, 2, … over all batches. By default
        η₀/√(1 + t/100) with η₀ = 1/(½E‖x‖² + 1/S), where x has the intercept's 1: the curvature is nowhere larger.
    report : callable, optional
        ``report(epoch, f, g)`` is called at the start and after each epoch, with what is known at the best mean.

    Returns
    -------
    NewtonResult
        The best mean, the objective there after each epoch, and why it stopped.
    """
    n, total = problem.n, float(problem.weight.sum())
    size = min(batch_size or min(100, max(1, n // 10)), n)
    default = InverseSquareRoot(total / (float(problem.squares().sum()) / 2 + 1), delay=100)
    rate = default if schedule is None else as_schedule(schedule)

    w, mean, best = x0.copy(), x0.copy(), x0.copy()
    f, g = problem.objective_and_gradient(best)
    curve, t = [f], 0
    for epoch in range(max_iter + 1):
        if report is not None:
            report(epoch, f, g)
        if np.all(np.abs(g) <= tol):
            return NewtonResult(best, np.zeros_like(w), np.array(curve), True, "the gradient is within the tolerance")
        if epoch == max_iter:
            break
        shuffled = problem.part(rng.permutation(n))
        with np.errstate(over="ignore", invalid="ignore"):  # looked for below
            for first in range(0, n, size):
                t += 1
                _, slope = shuffled.part(slice(first, first + size)).objective_and_gradient(w)
                w = w - float(rate(t)) / total * slope
                mean += 4 / (t + 3) * (w - mean)  # weights that grow like t³ forget the start
            f_new, g_new = problem.objective_and_gradient(mean)
        if not np.isfinite(f_new):
            return NewtonResult(
                best, np.zeros_like(w), np.array(curve), False, "the iterates diverge, as the rate is too large"
            )
        if f_new < f:
            best, f, g = mean.copy(), f_new, g_new
        curve.append(f)
    return NewtonResult(best, np.zeros_like(w), np.array(curve), False, f"max_iter={max_iter} epochs were made")
