"""Stochastic sub-gradient descent in mini-batches, with a mean of the iterates, on a linear model with two classes.

Divided by S = Σ cᵢ the objective is R(w)/S plus a mean of losses, whose sub-gradient on a few samples is right on
average. Shalev-Shwartz, Singer, Srebro and Cotter (2011), *Pegasos*, Mathematical Programming 127, take the rate
S/t, which forgets the start and has the best order of convergence for ℓ2. But with a large S its first steps are far
too long. A rate of the size of 1/E‖x‖² that falls slowly, and a mean of the iterates, take an epoch or two instead
(Bottou, 2012, *Stochastic gradient descent tricks*, section 5, on both).
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from scipy.sparse import issparse

from dlkit._arguments import generator
from dlkit.linear.problem import Array, BinaryProblem, Solution
from dlkit.linear.solvers.subgradient import Report
from dlkit.optim.schedules import InverseSquareRoot, InverseTime, Rate, as_schedule

__all__ = ["pegasos"]


def pegasos(
    problem: BinaryProblem,
    *,
    batch_size: int | None = None,
    schedule: Rate | Literal["pegasos"] | None = None,
    max_iter: int = 50,
    tol: float = 1e-4,
    rng: int | np.random.Generator,
    start: tuple[Array, float] | None = None,
    report: Report | None = None,
) -> Solution:
    """Minimise by steps against the sub-gradient on a mini-batch; return the best of the last and the mean iterates.

    Parameters
    ----------
    problem : BinaryProblem
        Any loss and penalty; finite c.
    batch_size : int, optional
        Samples in a batch; by default 100, or fewer for n < 1000.
    schedule : "pegasos", float or callable, optional
        The rate η of the objective divided by S = Σ cᵢ, or t ↦ η with t = 1, 2, … over all batches. By default
        η₀/√(1 + t/100) with η₀ = 1/E‖x − E x‖²; ``"pegasos"`` is S/t.
    max_iter : int
        The largest number of epochs.
    tol : float
        Stop at a duality gap ≤ tol · objective, looked at after each epoch.
    rng : int or numpy.random.Generator
        What shuffles the samples anew for each epoch.
    start : (w, b), optional
        Where to start, by default w = 0 with the best intercept.
    report : callable, optional
        ``report(epoch, primal, gap)`` is called at the start and after each epoch.

    Returns
    -------
    Solution
        ``n_iter`` counts epochs; the curve has the best objective after each.
    """
    rng = generator(rng)
    n, d, y, l2 = problem.n, problem.d, problem.y, problem.penalty == "l2"
    size = batch_size or min(100, max(1, n // 10))
    total = float(problem.c.sum())
    share = problem.c / total
    # With an intercept the samples are taken from their mean, so that a step in w does not move all scores at once.
    squares = problem.X.multiply(problem.X).sum(axis=1) if issparse(problem.X) else (problem.X**2).sum(axis=1)
    mean = share @ problem.X if problem.fit_intercept else np.zeros(d)
    spread = max(float(share @ squares - mean @ mean), np.finfo(float).tiny)
    if schedule == "pegasos":
        rate: Any = InverseTime(total)
    else:
        rate = InverseSquareRoot(1 / spread, delay=100) if schedule is None else as_schedule(schedule)

    w = np.zeros(d) if start is None else np.array(start[0], dtype=np.float64)
    best, dual, certificate = (np.inf, w, 0.0), -np.inf, np.zeros(n)

    def look(w: Array) -> float:
        nonlocal best, dual, certificate
        scores = problem.X @ w
        b, alpha = problem.best_intercept(scores)
        primal = problem.primal(w, y * (scores + b))
        if primal < best[0]:
            best = primal, w.copy(), b
        here, point = problem.dual(alpha)
        if here > dual:
            dual, certificate = here, point
        return b

    b = look(w) + float(mean @ w)  # the intercept of samples taken from their mean
    average, curve, t, epoch = w.copy(), [best[0]], 0, 0
    while True:
        gap = best[0] - dual
        if report is not None:
            report(epoch, best[0], gap)
        if gap <= tol * best[0] or epoch == max_iter:
            break
        epoch += 1
        order = rng.permutation(n)
        X, labels, weights = problem.X[order], y[order], share[order]
        for first in range(0, n, size):
            batch = slice(first, first + size)
            t += 1
            eta = float(rate(t))
            rows, sign = X[batch], labels[batch]
            slope = problem.loss.slope(sign * (rows @ w + (b - mean @ w)))
            push = -sign * weights[batch] * slope * (n / len(sign))
            lean = float(push.sum()) if problem.fit_intercept else 0.0
            w = w * (1 - eta / total) if l2 else w - eta / total * np.sign(w)
            w = w + eta * (rows.T @ push - lean * mean)
            b += eta * spread * lean
            average += 4 / (t + 3) * (w - average)  # weights that grow like t³ forget the start
        look(w)
        look(average)
        curve.append(best[0])

    primal, w, b = best
    converged = gap <= tol * primal
    reason = f"the duality gap is within tol={tol:g}" if converged else f"max_iter={max_iter} epochs were made"
    return Solution(w, b, primal, certificate, dual, epoch, converged, reason, curve)
