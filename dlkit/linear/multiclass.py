"""Three ways to fit the support vector machine for K classes together; `multiclass_problem` says what they minimise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from dlkit.linear.multiclass_problem import CrammerSingerProblem, MulticlassSolution
from dlkit.linear.problem import Array, Penalty
from dlkit.linear.solvers.bundle import bundle
from dlkit.optim.schedules import Rate, as_schedule

__all__ = ["CrammerSingerProblem", "MulticlassSolution", "crammer_singer"]

Report = Callable[[int, float, float], object]


def crammer_singer(
    X: Any,
    label: NDArray[np.intp],
    c: Array,
    n_classes: int,
    *,
    penalty: Penalty = "l2",
    fit_intercept: bool = True,
    solver: Literal["bundle", "subgradient", "quadratic_program"] = "bundle",
    tol: float = 1e-3,
    max_iter: int = 1000,
    schedule: Rate | None = None,
    start: tuple[Array, Array] | None = None,
    report: Report | None = None,
) -> MulticlassSolution:
    """Fit K classes together by Crammer and Singer's hinge.

    Parameters
    ----------
    X, label, c, n_classes, penalty, fit_intercept
        As for `CrammerSingerProblem`.
    solver : {"bundle", "subgradient", "quadratic_program"}
        Cutting planes, for ℓ2 only; the deck's descent, whose gap closes slowly; or cvxpy's interior-point method, to
        some eight digits, with n·K constraints.
    tol : float
        Stop at a duality gap ≤ tol · objective.
    max_iter : int
        The largest number of iterations; the quadratic program ignores it.
    schedule : float or callable, optional
        For "subgradient", the rate η or t ↦ η; by default Polyak's, with the lower bound in place of the minimum.
    start : (W, b), optional
        Where to start; the quadratic program ignores it.
    report : callable, optional
        ``report(iteration, primal, gap)``, called as the iteration goes on.

    Returns
    -------
    MulticlassSolution
        The best point seen, and a point of the dual that proves how good it is.

    Raises
    ------
    ValueError
        If the solver is unknown, or cannot do ℓ1.
    RuntimeError
        If the solver of the quadratic program fails.
    """
    problem = CrammerSingerProblem(X, label, c, n_classes, penalty, fit_intercept)
    if solver == "bundle":
        if penalty != "l2":
            raise ValueError(f"solver='bundle' is for penalty='l2'; got {penalty!r}")
        return _by_bundle(problem, tol, max_iter, start, report)
    if solver == "subgradient":
        return _by_subgradient(problem, tol, max_iter, schedule, start, report)
    if solver == "quadratic_program":
        return _by_quadratic_program(problem, tol, report)
    raise ValueError(f"solver must be 'bundle', 'subgradient' or 'quadratic_program'; got {solver!r}")


def _by_bundle(problem: CrammerSingerProblem, tol: float, max_iter: int, start: Any, report: Any) -> MulticlassSolution:
    K, d = problem.K, problem.d
    free = np.zeros((K, d + problem.fit_intercept), dtype=bool)
    free[:, d:] = True

    def worst_at(w: Array) -> tuple[Array, NDArray[np.intp]]:
        Wb = w.reshape(K, -1)
        return problem.losses(problem.X @ Wb[:, :d].T + Wb[:, d:].sum(axis=1))

    def value_and_subgradient(w: Array) -> tuple[float, Array]:
        loss, worst = worst_at(w)
        S = problem.pulls(worst)
        slope = np.empty(free.shape)
        slope[:, :d], slope[:, d:] = -problem.combination(S), -S.sum(axis=1)[:, None]
        return float(problem.c @ loss), slope.ravel()

    first = None if start is None else np.column_stack([start[0], start[1]])[:, : free.shape[1]].ravel()
    # A little more than asked for, as the gap is taken anew below, with other roundings.
    result = bundle(
        value_and_subgradient,
        free.size,
        free=free.ravel(),
        tol=0.99 * tol,
        max_iter=max_iter,
        start=first,
        report=report,
    )
    S = csr_array((K, problem.n))
    for share, point in zip(result.shares, result.points, strict=True):
        S = S + share * problem.pulls(worst_at(point)[1])
    Wb = result.w.reshape(K, -1)
    W, b = Wb[:, :d].copy(), Wb[:, d:].sum(axis=1)
    return _solution(problem, W, b, np.abs(S.toarray()), tol, result.n_iter, result.reason, result.curve)


def _by_subgradient(
    problem: CrammerSingerProblem, tol: float, max_iter: int, schedule: Any, start: Any, report: Any
) -> MulticlassSolution:
    rate = None if schedule is None else as_schedule(schedule)
    W, b = np.zeros((problem.K, problem.d)), np.zeros(problem.K)
    if start is not None:
        W, b = np.array(start[0], dtype=np.float64), np.array(start[1], dtype=np.float64)
    mean, best = np.zeros((problem.K, problem.n)), (np.inf, W, b)
    dual, certificate, total, look = 0.0, mean, 0.0, 1
    curve: list[float] = []
    for t in range(max_iter + 1):
        loss, worst = problem.losses(problem.X @ W.T + b)
        primal = problem.size(W) + float(problem.c @ loss)
        curve.append(primal)
        if primal < best[0]:
            best = primal, W, b
        if t >= look or t == max_iter:  # a bound costs as much as some steps
            here, point = problem.dual(np.abs(mean))
            if here > dual:
                dual, certificate = here, point
            look = max(t + 1, int(1.1 * t))
        if report is not None:
            report(t, best[0], best[0] - dual)
        if best[0] - dual <= tol * best[0] or t == max_iter:
            break

        S = problem.pulls(worst)
        V = problem.combination(S)
        g = (W if problem.penalty == "l2" else np.where(W == 0, np.clip(V, -1, 1), np.sign(W))) - V
        g_b = -S.sum(axis=1) if problem.fit_intercept else np.zeros(problem.K)
        squared = float((g * g).sum() + g_b @ g_b)
        eta = rate(t + 1) if rate is not None else min(1.0, (primal - dual) / squared) if squared > 0 else 1.0
        W, b = W - eta * g, b - eta * g_b
        total += eta
        share = min(eta, 1.0) if problem.penalty == "l2" else eta / total if total > 0 else 0.0
        mean = (1 - share) * mean + share * S.toarray()

    primal, W, b = best
    reason = f"max_iter={max_iter} steps were made"
    return _solution(problem, W, b, certificate, tol, t, reason, curve)


def _by_quadratic_program(problem: CrammerSingerProblem, tol: float, report: Any) -> MulticlassSolution:
    import cvxpy as cp  # takes a second or two

    K, n, d = problem.K, problem.n, problem.d
    own = np.zeros((n, K))
    own[np.arange(n), problem.label] = 1
    W, xi = cp.Variable((K, d)), cp.Variable((n, 1))
    b = cp.Variable((1, K)) if problem.fit_intercept else np.zeros((1, K))
    scores = problem.X @ W.T + np.ones((n, 1)) @ b
    lead = cp.sum(cp.multiply(own, scores), axis=1, keepdims=True) @ np.ones((1, K)) - scores
    right = lead + xi @ np.ones((1, K)) >= 1 - own  # for the own class: ξ ≥ 0
    size = cp.sum_squares(W) / 2 if problem.penalty == "l2" else cp.sum(cp.abs(W))
    level = [cp.sum(b) == 0] if problem.fit_intercept else []
    program = cp.Problem(cp.Minimize(size + problem.c @ xi[:, 0]), [right, *level])
    fine = max(1e-2 * tol, 1e-12)
    try:
        program.solve(solver=cp.CLARABEL, tol_gap_rel=fine, tol_gap_abs=0.0, tol_feas=fine)
    except cp.error.SolverError as error:
        raise RuntimeError(f"the solver of the quadratic program failed: {error}") from error
    if program.status not in (cp.OPTIMAL, cp.OPTIMAL_INACCURATE):
        raise RuntimeError(f"the solver of the quadratic program stopped with the status {program.status!r}")
    solution = _solution(
        problem,
        np.asarray(W.value),
        np.asarray(cast(Any, b).value).ravel() if problem.fit_intercept else np.zeros(K),
        np.asarray(right.dual_value).T,
        tol,
        int(program.solver_stats.num_iters or 0),
        "the solver got no closer",
        [],
    )
    solution.curve.append(solution.primal)
    if report is not None:
        report(solution.n_iter, solution.primal, solution.gap)
    return solution


def _solution(
    problem: CrammerSingerProblem,
    W: Array,
    b: Array,
    alpha: Array,
    tol: float,
    n_iter: int,
    reason: str,
    curve: list[float],
) -> MulticlassSolution:
    b = b - b.mean()
    primal = problem.primal(W, b)
    dual, alpha = problem.dual(alpha)
    converged = primal - dual <= tol * primal
    if converged:
        reason = f"the duality gap is within tol={tol:g}"
    return MulticlassSolution(W, b, primal, alpha, dual, n_iter, converged, reason, curve)
