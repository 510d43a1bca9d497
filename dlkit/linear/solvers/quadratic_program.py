"""The support vector machine as the quadratic program that it was born as, for a solver that takes it as it is written.

Cortes and Vapnik (1995), *Support-vector networks*, Machine Learning 20, sections 2 and 3. cvxpy states it, and an
interior-point method solves it to many digits in some ten iterations, whatever C and the scale of the data; each takes
a factorisation, so this is for thousands of samples rather than millions. With ℓ1 and the hinge it is a linear program.
"""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np
from scipy.sparse import issparse

from dlkit.linear.margin_losses import HINGE, LOGISTIC
from dlkit.linear.problem import Array, BinaryProblem, Solution

__all__ = ["quadratic_program"]

_EPS = float(np.finfo(np.float64).eps)


def quadratic_program(
    problem: BinaryProblem,
    *,
    tol: float = 1e-8,
    solver: str | None = None,
    form: Literal["primal", "dual"] = "primal",
) -> Solution:
    """Minimise a hinge or squared hinge by the quadratic program.

    Parameters
    ----------
    problem : BinaryProblem
        With a hinge; c all finite, or all ∞ for the hard margin. Then w and b are scaled for the least margin to be 1.
    tol : float
        The duality gap aimed at, relative to the objective.
    solver : str, optional
        The name of one of cvxpy's solvers, which runs with its own tolerances; by default Clarabel, with `tol`.
    form : {"primal", "dual"}
        Which of the two to hand to the solver; α or w comes from the dual values.

    Returns
    -------
    Solution
        ``n_iter`` counts the iterations of the solver.

    Raises
    ------
    ValueError
        If `form` or `solver` is not as described, the loss is the logistic one, c is ∞ for some samples only, or the
        margin is hard and no hyperplane separates the classes.
    RuntimeError
        If the solver fails.
    """
    import cvxpy as cp  # takes a second or two

    if problem.loss is LOGISTIC:
        raise ValueError("loss must be 'hinge' or 'squared_hinge' for a quadratic program; got 'logistic'")
    if np.isinf(problem.c).any() and not problem.hard:
        raise ValueError("C must be finite for all samples, or np.inf for all of them; got both")

    if form not in ("primal", "dual"):
        raise ValueError(f"form must be 'primal' or 'dual'; got {form!r}")
    if solver is not None and solver not in cp.installed_solvers():
        raise ValueError(f"solver must be one of cvxpy's, {', '.join(cp.installed_solvers())}; got {solver!r}")

    # Solvers have tolerances that are absolute in part, so the units matter. Samples of size 1 suit most problems. With
    # a small C, or a large one and classes that overlap, the αᵢ are of the size of C, and want units in which that is
    # 1. With a large C and classes that do not overlap, they come nowhere near C, and a hinge may as well have a bound
    # that the solver does not stumble at. What of these is the case is not known before; the gap tells.
    power = 2 if problem.penalty == "l2" else 1
    size = float(np.sqrt((problem.X.multiply(problem.X) if issparse(problem.X) else problem.X**2).sum() / problem.n))
    size = size or 1.0
    of_weights = size if problem.hard else float(problem.c.mean()) ** (-1 / power)
    solution: Solution | None = None
    failure = RuntimeError()
    tries = [(size, 1e6 if problem.loss is HINGE else np.inf), (size, np.inf), (of_weights, np.inf)]
    for unit, most in dict.fromkeys(tries):  # each once
        try:
            attempt = _attempt(cp, problem, unit, power, most, form, tol, solver)
        except RuntimeError as error:
            failure = error
            continue
        if solution is None or attempt.gap < solution.gap:
            solution = attempt
        if solution.converged:
            break
    if solution is None:
        raise failure
    return solution


def _attempt(
    cp: Any, problem: BinaryProblem, unit: float, power: int, most: float, form: str, tol: float, solver: str | None
) -> Solution:
    """Solve the same problem for z = x/unit.

    With w = u/unit the margins are the same, and the penalty is that of u divided by unit^power. Multiplied by this,
    the objective is the one for z with c·unit^power, and so are the multipliers.
    """
    parts = problem.loss, problem.penalty, problem.fit_intercept
    c = problem.c * unit**power if problem.hard else np.minimum(problem.c * unit**power, most)
    scaled = BinaryProblem(problem.X / unit, problem.y, c, *parts)
    program, w_of, alpha_of = (_primal if form == "primal" else _dual)(cp, scaled)
    _solve(cp, program, problem, tol, solver)
    dual, alpha = problem.dual(np.asarray(alpha_of()) / unit**power)
    primal, w, b = _finish(problem, np.asarray(w_of()) / unit)
    if not np.isfinite(primal):
        raise RuntimeError("the solver stopped at weights that do not separate the classes; try another solver")
    converged = primal - dual <= tol * primal
    reason = f"the duality gap is within tol={tol:g}" if converged else "the solver got no closer"
    iterations = program.solver_stats.num_iters
    return Solution(w, b, primal, alpha, dual, int(iterations or 0), converged, reason, [primal])


def _primal(cp: Any, problem: BinaryProblem) -> Any:
    """Minimise R(w) + Σ cᵢξᵢ (or cᵢξᵢ²) subject to yᵢ(xᵢ·w + b) ≥ 1 − ξᵢ, ξᵢ ≥ 0; no ξ for the hard margin."""
    w = cp.Variable(problem.d)
    b = cp.Variable() if problem.fit_intercept else 0.0
    size = cp.sum_squares(w) / 2 if problem.penalty == "l2" else cp.norm1(w)
    margins = cp.multiply(problem.y, problem.X @ w + b)
    if problem.hard:
        right = margins >= 1
        program = cp.Problem(cp.Minimize(size), [right])
    else:
        xi = cp.Variable(problem.n, nonneg=True)
        right = margins >= 1 - xi
        losses = xi if problem.loss is HINGE else cp.square(xi)
        program = cp.Problem(cp.Minimize(size + problem.c @ losses), [right])
    return program, lambda: w.value, lambda: right.dual_value


def _dual(cp: Any, problem: BinaryProblem) -> Any:
    """Maximise Σ αᵢ − R*(Σ αᵢyᵢxᵢ) subject to 0 ≤ αᵢ ≤ cᵢ and Σ αᵢyᵢ = 0.

    The squared hinge has − αᵢ²/4cᵢ in the objective in place of the upper bound, the hard margin neither.
    """
    alpha = cp.Variable(problem.n, nonneg=True)
    v = cp.Variable(problem.d)
    gain = cp.sum(alpha)
    combined = v == problem.X.T @ cp.multiply(problem.y, alpha)
    constraints = [combined]
    if problem.fit_intercept:
        constraints.append(problem.y @ alpha == 0)
    if not problem.hard and problem.loss is HINGE:
        constraints.append(alpha <= problem.c)
    elif not problem.hard:
        gain -= cp.sum(cp.multiply(1 / (4 * problem.c), cp.square(alpha)))
    if problem.penalty == "l2":
        gain -= cp.sum_squares(v) / 2
    else:
        constraints += [v <= 1, v >= -1]
    program = cp.Problem(cp.Maximize(gain), constraints)
    # The multiplier of v = Σ αᵢyᵢxᵢ says what a change of v is worth, which is −w.
    return program, lambda: -combined.dual_value, lambda: alpha.value


def _solve(cp: Any, program: Any, problem: BinaryProblem, tol: float, solver: str | None) -> None:
    options: dict[str, Any] = {"solver": solver}
    if solver is None or solver == cp.CLARABEL:
        fine = max(1e-2 * tol, 1e-12)
        options = {"solver": cp.CLARABEL, "tol_gap_rel": fine, "tol_gap_abs": 0.0, "tol_feas": fine}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # "may be inaccurate": the gap will tell
            program.solve(**options)
    except cp.error.SolverError as error:
        raise RuntimeError(f"the solver of the quadratic program failed: {error}") from error
    if problem.hard and program.status.startswith(("infeasible", "unbounded")):
        raise ValueError(
            "The data are not linearly separable, so no hyperplane has all samples on their side and C=np.inf (the "
            "hard margin) has no solution; choose a finite C, such as C=1.0"
        )
    if program.status not in (cp.OPTIMAL, cp.OPTIMAL_INACCURATE):
        raise RuntimeError(f"the solver of the quadratic program stopped with the status {program.status!r}")


def _finish(problem: BinaryProblem, w: Array) -> tuple[float, Array, float]:
    """Return P, w and b with the best b for w; for the hard margin, w scaled for the least margin to be 1."""
    scores = problem.X @ w
    if not problem.hard:
        b, _ = problem.best_intercept(scores)
        return problem.primal(w, problem.y * (scores + b)), w, b
    lowest, highest = scores[problem.y > 0].min(initial=np.inf), scores[problem.y < 0].max(initial=-np.inf)
    b = -(lowest + highest) / 2 if problem.fit_intercept else 0.0
    least = float((problem.y * (scores + b)).min())
    if not least > 0:
        return np.inf, w, b
    # The least margin is to be 1, and not 1 less a rounding, which grows with the scores.
    slack = _EPS
    while True:
        scale = (1 + slack) / least
        primal = problem.primal(w * scale, problem.margins(w * scale, b * scale))
        if np.isfinite(primal) or slack > 1e-6:
            return primal, w * scale, b * scale
        slack *= 4
