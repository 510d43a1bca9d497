"""The support vector machine for K classes that are fitted together, after Crammer and Singer.

The score of class k is fₖ = wₖ·x + bₖ, and a sample pays for the worst of its rivals only. To minimise over W and b ::

    P(W, b) = R(W) + Σᵢ cᵢ max(0, 1 + max over k ≠ yᵢ of fₖ(xᵢ) − f_yᵢ(xᵢ)),     R(W) = ½‖W‖²  or  ‖W‖₁, of all entries

The dual has a multiplier αₖᵢ ≥ 0 for each sample and each rival k ≠ yᵢ, how hard it pulls the rival's score down
and its own class's up, with Σₖ αₖᵢ ≤ cᵢ::

    D(α) = Σᵢ Σₖ αₖᵢ − R*(V),    Vₖ = Σ over yᵢ = k of (Σ over rivals l of αₗᵢ) xᵢ − Σ over yᵢ ≠ k of αₖᵢ xᵢ

and with intercepts each class has to be pulled up as much as down. R* is ½‖V‖² for ℓ2; for ℓ1 it is 0 if no entry of V
exceeds 1 in size, and else ∞. (Crammer and Singer, 2001, *On the algorithmic implementation of multiclass kernel-based
vector machines*, JMLR 2.)

Adding one vector to all wₖ, or one number to all bₖ, changes no loss. With ℓ2 the smallest W is the one whose classes
sum to 0, so W is unique; b is so up to that number, and sums to 0 here. With ℓ1 W need not be unique.

The deck's loss sums over the rivals instead of taking the worst (`dlkit.losses.multiclass_hinge`, after Weston and
Watkins). It is never the smaller one; they agree where at most one rival comes within 1, as in the deck's example:
the scores 3, −5, 2.5 of a sample of class 0 cost 0.5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse
from scipy.sparse.csgraph import connected_components

from dlkit.linear.problem import Array, Penalty
from dlkit.linear.solvers.bundle import bundle
from dlkit.linear.solvers.newton import newton_cg
from dlkit.optim.schedules import Rate, as_schedule

__all__ = ["CrammerSingerProblem", "MulticlassSolution", "crammer_singer"]

Report = Callable[[int, float, float], object]


@dataclass
class MulticlassSolution:
    """Where a solver stopped.

    Attributes
    ----------
    W : ndarray, shape (K, d)
        The weights, a row for each class.
    b : ndarray, shape (K,)
        The intercepts, which sum to 0; zeros without them.
    primal : float
        The objective there.
    alpha : ndarray, shape (K, n)
        A feasible point of the dual: how hard each sample pulls each rival down, and in the row of its own class, how
        hard it pulls that up, which is the sum of the others.
    dual : float
        The dual objective there, a lower bound on the minimum.
    n_iter : int
        The number of iterations made.
    converged : bool
        Whether the gap came within the tolerance.
    reason : str
        Why it stopped, in words that end a sentence.
    curve : list of float
        The primal objective at the start and after the iterations that looked at it.
    """

    W: Array
    b: Array
    primal: float
    alpha: Array
    dual: float
    n_iter: int
    converged: bool
    reason: str
    curve: list[float] = field(default_factory=list)

    @property
    def gap(self) -> float:
        """The duality gap, ≥ 0: the objective is at most this far from its minimum."""
        return max(self.primal - self.dual, 0.0)


class CrammerSingerProblem:
    """A linear model with K classes, the hinge of the worst rival, and a penalty.

    Parameters
    ----------
    X : ndarray or scipy.sparse.csr_array, shape (n, d)
        The samples, float64.
    label : ndarray of int, shape (n,)
        Their classes, 0 … K−1.
    c : ndarray, shape (n,)
        The weights of their losses, > 0 and finite.
    n_classes : int
        K ≥ 2.
    penalty : {"l2", "l1"}
        R.
    fit_intercept : bool
        Whether b is free; if not, it is 0.
    """

    def __init__(
        self, X: Any, label: NDArray[np.intp], c: Array, n_classes: int, penalty: Penalty, fit_intercept: bool
    ):
        self.X, self.label, self.c, self.K = X, label, c, n_classes
        self.penalty, self.fit_intercept = penalty, fit_intercept
        self.n, self.d = X.shape
        self._rows = np.arange(self.n)

    def losses(self, scores: Array) -> tuple[Array, NDArray[np.intp]]:
        """Return the loss of each sample, shape (n,), and its worst rival, or its own class where it pays nothing.

        `scores` has the shape (n, K).
        """
        lead = scores + 1
        lead[self._rows, self.label] -= 1
        worst = lead.argmax(axis=1)
        loss = lead[self._rows, worst] - scores[self._rows, self.label]
        return loss, np.where(loss > 0, worst, self.label)

    def primal(self, W: Array, b: Array) -> float:
        """Return P."""
        loss, _ = self.losses(self.X @ W.T + b)
        return self.size(W) + float(self.c @ loss)

    def size(self, W: Array) -> float:
        """Return R(W)."""
        return 0.5 * float((W * W).sum()) if self.penalty == "l2" else float(np.abs(W).sum())

    def pulls(self, worst: NDArray[np.intp]) -> csr_array:
        """Return the signed multipliers S, shape (K, n), of samples that pay for `worst`: −cᵢ for it, cᵢ for their own.

        −S @ X is then a sub-gradient of the losses in W, and −S.sum(axis=1) in b.
        """
        paying = np.flatnonzero(worst != self.label)
        c = self.c[paying]
        rows = np.concatenate([self.label[paying], worst[paying]])
        return csr_array((np.concatenate([c, -c]), (rows, np.tile(paying, 2))), shape=(self.K, self.n))

    def combination(self, S: Any) -> Array:
        """Return V = S X, shape (K, d), for signed multipliers."""
        V = S @ self.X
        return V.toarray() if issparse(V) else V

    def signed(self, alpha: Array) -> Array:
        """Return S, shape (K, n), for multipliers: αᵢ of the own class, −αₖᵢ of the rivals."""
        S = -alpha
        S[self.label, self._rows] *= -1
        return S

    def feasible(self, alpha: Array) -> Array:
        """Return a point of the dual near `alpha`, shape (K, n), whose rows of the own classes are not looked at.

        With intercepts, let F be the K × K matrix of how hard the samples of class k pull down class l. Its row sums
        must equal its column sums, and there are numbers tₖ > 0 for which those of tₖ Fₖₗ / tₗ do: to balance a matrix,
        Osborne (1960), *On pre-conditioning of matrices*, J. ACM 7. A class that only pulls, or is only pulled, has no
        part in that.
        """
        alpha = np.maximum(alpha, 0)
        alpha[self.label, self._rows] = 0
        if self.fit_intercept:
            pull = np.array([alpha[:, self.label == k].sum(axis=1) for k in range(self.K)])
            ratio = _balanced(pull)
            alpha *= ratio[self.label].T
        excess = np.minimum(1.0, self.c / np.maximum(alpha.sum(axis=0), 1e-300))
        alpha *= excess.min() if self.fit_intercept else excess  # one factor for all keeps the balance
        alpha[self.label, self._rows] = alpha.sum(axis=0)
        return alpha

    def dual(self, alpha: Array) -> tuple[float, Array]:
        """Return D at the feasible point near `alpha`, and that point. For ℓ1 no entry of V exceeds 1."""
        alpha = self.feasible(alpha)
        V = self.combination(self.signed(alpha))
        if self.penalty == "l2":
            conjugate = 0.5 * float((V * V).sum())
        else:
            conjugate = 0.0
            alpha = alpha / max(1.0, float(np.abs(V).max(initial=0)))
        return float(alpha[self.label, self._rows].sum()) - conjugate, alpha


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


def _balanced(pull: Array) -> Array:
    """Return tₖ/tₗ, shape (K, K), with which the row sums of tₖFₖₗ/tₗ equal its column sums; 0 where it cannot be.

    tₖ = exp(xₖ) for the x that minimises the convex function Σ Fₖₗ exp(xₖ − xₗ): its derivatives are the differences.
    """
    _, part = connected_components(pull > 0, connection="strong")
    together = part[:, None] == part
    F = np.where(together, pull, 0.0)
    scale = max(float(F.sum()), 1e-300)
    F = F / scale

    def weighted(x: Array) -> Array:
        with np.errstate(over="ignore"):
            return F * np.exp(x[:, None] - x)

    def value_and_gradient(x: Array) -> tuple[float, Array]:
        G = weighted(x)
        return float(G.sum()), G.sum(axis=1) - G.sum(axis=0)

    def hessian_times(x: Array, v: Array) -> Array:
        G = weighted(x)
        G = G + G.T
        return G.sum(axis=1) * v - G @ v

    x = newton_cg(value_and_gradient, hessian_times, np.zeros(len(F)), tol=1e-15, max_iter=100).x
    return np.where(together, np.exp(x[:, None] - x), 0.0)
