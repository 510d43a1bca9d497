"""Stochastic sub-gradient descent in mini-batches, with a mean of the iterates, on a linear model with two classes.

Divided by S = Σ cᵢ the objective is R(w)/S plus a weighted mean of losses, whose sub-gradient on a few samples is right
on average. Shalev-Shwartz, Singer, Srebro and Cotter (2011), *Pegasos*, Mathematical Programming 127, take the rate
S/t, which forgets the start and has the best order of convergence for ℓ2. But with a large S its first steps are far
too long, and it takes many epochs to undo them. A rate that suits the data from the start, falls slowly, and a mean of
the iterates take a few (Bottou, 2012, *Stochastic gradient descent tricks*, section 5: he too tries rates on a sample).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np
from scipy.sparse import issparse

from dlkit._arguments import generator
from dlkit._checks import count
from dlkit.linear.problem import Array, BinaryProblem, Solution
from dlkit.linear.solvers.lower_bound import lower_bound
from dlkit.linear.solvers.subgradient import DIVERGED, Report, diverged
from dlkit.optim.schedules import InverseSquareRoot, InverseTime, Rate, Schedule, as_schedule, evaluated

__all__ = ["pegasos"]

_SCOUTS = 20  # batches that a rate is tried on


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
        Samples in a batch; by default 100, or a tenth of all samples if that is less.
    schedule : "pegasos", float or callable, optional
        The rate η for the objective divided by S = Σ cᵢ, or t ↦ η with t = 1, 2, … over all batches. By default
        η₀/√(1 + (t − 1)/100), with half the η₀ that does best on 20 batches; ``"pegasos"`` is S/t.
    max_iter : int
        The largest number of epochs.
    tol : float
        Stop at a duality gap ≤ tol · objective, looked at after each epoch.
    rng : int or numpy.random.Generator
        What shuffles the samples anew for each epoch.
    start : (w, b), optional
        Where to start, by default w = 0. The intercept is found anew.
    report : callable, optional
        ``report(epoch, primal, gap)`` is called at the start and after each epoch.

    Returns
    -------
    Solution
        ``n_iter`` counts epochs; the curve has the objective of the best iterate known after each. With too large a
        rate it stops once the iterates have diverged, not converged.
    """
    rng = generator(rng)
    n = problem.n
    size = min(100, max(1, n // 10)) if batch_size is None else count(batch_size, "batch_size")
    w = np.zeros(problem.d) if start is None else np.array(start[0], dtype=np.float64)
    b, alpha = problem.best_intercept(problem.X @ w)
    best = problem.primal(w, problem.margins(w, b)), w, b
    dual, certificate = problem.dual(alpha)
    walk = _Walk(problem, size, w, b)
    if schedule is None:
        with np.errstate(over="ignore", invalid="ignore"):
            rate: Schedule = InverseSquareRoot(walk.scout(rng.permutation(n)) / 2, delay=100)
    else:
        rate = InverseTime(float(problem.c.sum())) if schedule == "pegasos" else as_schedule(schedule)

    curve, look = [best[0]], 1 if start is None else 0  # a start may be a good one
    for epoch in range(max_iter + 1):
        if epoch > 0:
            with np.errstate(over="ignore", invalid="ignore"):
                walk.through(rng.permutation(n), rate)
            offers = [_offer(problem, w) for w in (walk.w, walk.mean)]
            best = min(best, *offers, key=lambda offer: offer[0])
            curve.append(best[0])
        # The bound is as good as the iterate that it starts from, and needs no renewal at every epoch.
        if epoch in (look, max_iter) and best[0] - dual > tol * best[0]:
            value, point = lower_bound(problem, best[1], best[2], tol)
            if value > dual:
                dual, certificate = value, point
            look = max(1, 2 * look)
        gap = best[0] - dual
        if report is not None:
            report(epoch, best[0], gap)
        if gap <= tol * best[0] or diverged(walk.w):
            break

    primal, w, b = best
    converged = gap <= tol * primal
    if converged:
        reason = f"the duality gap is within tol={tol:g}"
    elif diverged(walk.w):
        reason = DIVERGED
    else:
        reason = f"max_iter={max_iter} epochs were made"
    return Solution(w, b, primal, certificate, dual, epoch, converged, reason, curve)


def _offer(problem: BinaryProblem, w: Array) -> tuple[float, Array, float]:
    """Return P, w and b for the best b; P = ∞ for weights that have diverged."""
    if diverged(w):
        return np.inf, w, 0.0
    scores = problem.X @ w
    b, _ = problem.best_intercept(scores)
    return problem.primal(w, problem.y * (scores + b)), w.copy(), b


class _Walk:
    """The iterates w, b and their mean, and the steps that they take.

    With an intercept the samples count from their mean x̄, as if each were xᵢ − x̄: else a step in w would move all
    scores at once. And b takes steps of the size that suits a constant feature of the samples' size.
    """

    def __init__(self, problem: BinaryProblem, size: int, w: Array, b: float) -> None:
        self.problem, self.size, self.total = problem, size, float(problem.c.sum())
        self.share = problem.c / self.total
        X = problem.X
        squares = X.multiply(X).sum(axis=1) if issparse(X) else np.einsum("ij,ij->i", X, X)
        self.centre = self.share @ X if problem.fit_intercept else np.zeros(problem.d)
        self.spread = float(self.share @ squares - self.centre @ self.centre)
        if not self.spread > 1e-14 * float(self.share @ squares):  # all samples are alike
            self.spread = 1.0
        self.w, self.b, self.mean, self.t = w, b + float(self.centre @ w), w.copy(), 0

    def through(self, order: Any, rate: Callable[[int], float]) -> None:
        """Step through the samples in the given order."""
        problem, shrink = self.problem, _shrink(self.problem)
        for batch, rows in self._batches(order):
            self.t += 1
            eta = evaluated(rate, self.t)
            sign = problem.y[batch]
            slope = problem.loss.slope(sign * (rows @ self.w + (self.b - self.centre @ self.w)))
            push = -sign * slope * self.share[batch] * (problem.n / len(batch))
            lean = float(push.sum()) if problem.fit_intercept else 0.0
            self.w = shrink(self.w, eta / self.total) + eta * (rows.T @ push - lean * self.centre)
            self.b += eta * self.spread * lean
            self.mean = self.mean + 4 / (self.t + 3) * (
                self.w - self.mean
            )  # weights that grow like t³ forget the start

    def _batches(self, order: Any) -> Iterator[tuple[Any, Any]]:
        # Rows of a dense matrix are best gathered batch by batch, those of a sparse one all at once.
        shuffled = self.problem.X[order] if issparse(self.problem.X) else None
        for first in range(0, len(order), self.size):
            batch = order[first : first + self.size]
            yield batch, self.problem.X[batch] if shuffled is None else shuffled[first : first + self.size]

    def scout(self, order: Any) -> float:
        """Return the rate with which the first batches of the order lead to the least objective.

        The objective is that of these samples and four times as many others, weighted to stand for all.
        """
        problem = self.problem
        few, more = order[: _SCOUTS * self.size], order[: 5 * _SCOUTS * self.size]
        c = problem.c[more] * (self.total / problem.c[more].sum())
        parts = problem.loss, problem.penalty, problem.fit_intercept
        sample = BinaryProblem(problem.X[more], problem.y[more], c, *parts)
        start = self.w, self.b, self.mean

        def tried(rate: float) -> float:
            self.through(few, lambda t: rate)
            value = min(_offer(sample, self.w)[0], _offer(sample, self.mean)[0])
            (self.w, self.b, self.mean), self.t = start, 0
            return value

        rate = 1 / self.spread
        value, doubled = tried(rate), tried(2 * rate)
        factor = 2.0 if doubled < value else 0.5
        for _ in range(100):
            further = tried(factor * rate)
            if not further < value:
                break
            rate, value = factor * rate, further
        return rate


def _shrink(problem: BinaryProblem) -> Callable[[Array, float], Array]:
    """Return the step on the penalty, (w, η) ↦ w − η s with s ∈ ∂R(w); for ℓ1, without leaping over 0."""
    if problem.penalty == "l2":
        return lambda w, eta: w * (1 - eta)
    return lambda w, eta: np.sign(w) * np.maximum(np.abs(w) - eta, 0)
