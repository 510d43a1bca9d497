"""What the ranking SVM minimises, and the methods for it: short functions, chosen by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import issparse

from dlkit.linear.ranking.pairs import Array, Integers, Pairs
from dlkit.linear.ranking.pairwise import SquaredHinge, hinge_of
from dlkit.linear.ranking.sampled import SampledPairs
from dlkit.linear.solvers.bundle import bundle
from dlkit.linear.solvers.newton import newton_cg
from dlkit.optim.schedules import Rate, as_schedule

__all__ = ["RankProblem", "RankSolution", "by_bundle", "by_newton", "by_quadratic_program", "by_subgradient"]

Report = Callable[[int, float, float], object]

WRITTEN_OUT = 20_000  # pairs, at most, that the quadratic program is asked to take
FEW = 5_000  # pairs, of which no sample is drawn: their sum has kinks that matter
_SAMPLE = 10_000  # pairs at least, and 200 a feature …
_SAMPLE_ENTRIES = 20_000_000  # … but no more numbers than these


@dataclass
class RankSolution:
    """Where a solver stopped: `dlkit.linear.problem.Solution` without an intercept and a multiplier for each pair."""

    w: Array
    primal: float
    dual: float
    n_iter: int
    converged: bool
    reason: str
    curve: list[float]


class RankProblem:
    """Minimise ½‖w‖² + Σ cᵢⱼ ℓ(w·(xᵢ − xⱼ)) over the pairs, with ℓ the hinge or its square.

    Parameters
    ----------
    X : ndarray or scipy.sparse.csr_array, shape (n, d)
        The documents.
    pairs : Pairs
        The pairs.
    c : ndarray, shape (n,)
        What the loss of a pair counts, for each document, and the same for all documents of a query.
    squared : bool
        Whether ℓ is the squared hinge.
    """

    def __init__(self, X: Any, pairs: Pairs, c: Array, squared: bool):
        self.X, self.pairs, self.c, self.squared = X, pairs, c, squared
        self.d = X.shape[1]

    def loss(self, w: Array) -> tuple[float, Array]:
        """Return the losses' sum and a sub-gradient of it, shape (d,)."""
        scores = self.X @ w
        if self.squared:
            here = SquaredHinge(self.pairs, scores, self.c)
            return here.value, self.X.T @ here.gradient
        value, slope = hinge_of(self.pairs, scores, self.c)
        return value, self.X.T @ slope


def by_bundle(
    problem: RankProblem,
    tol: float,
    max_iter: int,
    start: Array | None,
    report: Report | None,
    rng: np.random.Generator,
) -> RankSolution:
    """Cutting planes; where pairs are many, at points that a sample of them proposes."""
    X, d, propose = problem.X, problem.d, None
    width = max(1, X.nnz // X.shape[0] if issparse(X) else d)
    size = min(max(_SAMPLE, 200 * d), _SAMPLE_ENTRIES // width)
    if problem.pairs.n_pairs.sum() > FEW:
        propose = SampledPairs(X, problem.pairs, problem.c, problem.squared, size, rng)
        start = propose.start() if start is None else start
    result = bundle(problem.loss, d, tol=tol, max_iter=max_iter, start=start, propose=propose, report=report)
    return RankSolution(
        result.w, result.value, result.bound, result.n_iter, result.converged, result.reason, result.curve
    )


def by_newton(
    problem: RankProblem, tol: float, max_iter: int, start: Array | None, report: Report | None
) -> RankSolution:
    """Newton's method with conjugate gradients, for the squared hinge.

    The objective P curves by 1 at least in any direction, so that it falls by ½‖∇P(w)‖² at most: that is the gap. It is
    the duality gap, too, with what each pair pays at w for its multiplier.
    """
    at: Array | None = None
    here: SquaredHinge
    best = (np.inf, np.zeros(problem.d), -np.inf)
    count = -1

    def look(w: Array) -> SquaredHinge:
        nonlocal at, here
        if at is None or not np.array_equal(at, w):
            at, here = w.copy(), SquaredHinge(problem.pairs, problem.X @ w, problem.c)
        return here

    def objective_and_gradient(w: Array) -> tuple[float, Array]:
        point = look(w)
        return 0.5 * float(w @ w) + point.value, w + problem.X.T @ point.gradient

    def hessian_times(w: Array, v: Array) -> Array:
        return v + problem.X.T @ look(w).hessian_times(problem.X @ v)

    def certain(w: Array) -> bool:
        """Keep the point, and tell whether the gap is small enough. Newton's method asks at each iterate."""
        nonlocal best, count
        count += 1
        value, gradient = objective_and_gradient(w)
        bound = max(value - 0.5 * float(gradient @ gradient), best[2])
        best = (*min(best[:2], (value, w.copy()), key=lambda point: point[0]), bound)
        if report is not None:
            report(count, best[0], best[0] - bound)
        return best[0] - bound <= tol * best[0]

    result = newton_cg(
        objective_and_gradient,
        hessian_times,
        np.zeros(problem.d) if start is None else start,
        tol=0.0,
        max_iter=max_iter,
        give_up=certain,
    )
    converged = best[0] - best[2] <= tol * best[0] or certain(result.x)
    reason = f"the duality gap is within tol={tol:g}" if converged else result.reason
    return RankSolution(best[1], best[0], best[2], len(result.curve) - 1, converged, reason, list(result.curve))


def by_subgradient(
    problem: RankProblem,
    tol: float,
    max_iter: int,
    start: Array | None,
    report: Report | None,
    schedule: Rate | None,
) -> RankSolution:
    """Descend by sub-gradients and keep the best iterate.

    Each step makes w a mean of the old one and of a sub-gradient's negative. The same mean of the planes that touch the
    loss at the iterates, L(v) ≥ L(wₜ) + gₜ·(v − wₜ), is a plane below L, and ½‖v‖² and that plane have a minimum.
    """
    rate = None if schedule is None else as_schedule(schedule)
    w = np.zeros(problem.d) if start is None else start.copy()
    slope, height = np.zeros(problem.d), 0.0
    best, bound = (np.inf, w), 0.0
    curve: list[float] = []
    for t in range(max_iter + 1):
        value, g = problem.loss(w)
        primal = 0.5 * float(w @ w) + value
        curve.append(primal)
        best = min(best, (primal, w), key=lambda point: point[0])
        bound = max(bound, height - 0.5 * float(slope @ slope))
        if report is not None:
            report(t, best[0], best[0] - bound)
        if best[0] - bound <= tol * best[0] or t == max_iter:
            break
        step = w + g
        eta = rate(t + 1) if rate is not None else min(1.0, (primal - bound) / float(step @ step))
        share = min(max(eta, 0.0), 1.0)
        slope, height = (1 - share) * slope + share * g, (1 - share) * height + share * (value - float(g @ w))
        w = w - eta * step
    converged = best[0] - bound <= tol * best[0]
    reason = f"the duality gap is within tol={tol:g}" if converged else f"max_iter={max_iter} steps were made"
    return RankSolution(best[1], best[0], bound, t, converged, reason, curve)


def by_quadratic_program(problem: RankProblem, tol: float) -> RankSolution:
    """Write out the deck's quadratic program, pair by pair, for cvxpy's interior-point method."""
    import cvxpy as cp  # takes a second or two

    better, worse = written_out(problem.pairs)
    differences, c = problem.X[better] - problem.X[worse], problem.c[better]
    w, xi = cp.Variable(problem.d), cp.Variable(len(better), nonneg=True)
    apart = differences @ w >= 1 - xi
    losses = cp.square(xi) if problem.squared else xi
    program = cp.Problem(cp.Minimize(cp.sum_squares(w) / 2 + c @ losses), [apart])
    try:
        program.solve(solver=cp.CLARABEL)
    except cp.error.SolverError as error:
        raise RuntimeError(f"the solver of the quadratic program failed: {error}") from error
    if program.status not in (cp.OPTIMAL, cp.OPTIMAL_INACCURATE):
        raise RuntimeError(f"the solver of the quadratic program stopped with the status {program.status!r}")
    weights = np.asarray(w.value)
    primal = 0.5 * float(weights @ weights) + problem.loss(weights)[0]
    alpha = np.clip(apart.dual_value, 0, np.inf if problem.squared else c)
    v = differences.T @ alpha
    gain = alpha - alpha**2 / (4 * c) if problem.squared else alpha
    dual = float(gain.sum() - 0.5 * v @ v)
    converged = primal - dual <= tol * primal
    reason = f"the duality gap is within tol={tol:g}" if converged else "the solver got no closer"
    return RankSolution(weights, primal, dual, int(program.solver_stats.num_iters or 0), converged, reason, [primal])


def written_out(pairs: Pairs) -> tuple[Integers, Integers]:
    """Return all pairs, as the better and the worse documents; ValueError if they are too many."""
    total = int(pairs.n_pairs.sum())
    if total > WRITTEN_OUT:
        raise ValueError(
            f"solver='quadratic_program' writes out all pairs, at most {WRITTEN_OUT:,}; got {total:,}. "
            f"solver='bundle' never does"
        )
    better = np.repeat(np.arange(len(pairs.below)), pairs.below)
    nth = np.arange(total) - np.repeat(np.cumsum(pairs.below) - pairs.below, pairs.below)
    return pairs.in_order[better], pairs.in_order[pairs.begin[better] + nth]
