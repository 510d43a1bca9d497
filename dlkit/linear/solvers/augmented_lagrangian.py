"""The fast solver for the hinge with ℓ2: an augmented Lagrangian method whose inner problems Newton's method solves.

With zᵢ = 1 − mᵢ, what each sample's margin lacks, the problem is to minimise ½‖w‖² + Σ cᵢ max(0, zᵢ). The augmented
Lagrangian keeps a guess λᵢ ∈ [0, cᵢ] of the multipliers and replaces the hinge of each sample by ::

    max over 0 ≤ α ≤ cᵢ of  α zᵢ − (α − λᵢ)²/(2k cᵢ),     attained at  αᵢ = clip(λᵢ + k cᵢ zᵢ, 0, cᵢ)

a hinge whose corner, 1/k wide, is rounded. Minimising that over (w, b) is smooth, and λ ← α is a better guess; the
corner need not become sharp. Four things make it fast:

* The gradient is piecewise linear, so Newton's method ends after a few steps; its matrix I + k Σ cᵢ xᵢxᵢᵀ runs over the
  samples on the rounded corner only, few of them.
* After a change of λ the first step takes the corner to be what it was: then most samples on it stay there.
* Samples far from their margin line have αᵢ = 0 or cᵢ and stay so: most steps look only at those near it.
* It starts from a solution on a part of the data, if there are many for their dimension.

At every look at all the data, α is a point of the dual. So the method ends by its duality gap, and no shortcut on the
way can make that claim too much.

Bertsekas (1982), *Constrained Optimization and Lagrange Multiplier Methods*; Yan and Li (2020), *An efficient augmented
Lagrangian method for support vector machine*, Optimization Methods and Software 35.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import brentq
from scipy.sparse import issparse

from dlkit.linear.problem import BinaryProblem, Solution
from dlkit.linear.solvers.newton import conjugate_gradient

__all__ = ["augmented_lagrangian"]

Array = NDArray[Any]
Report = Callable[[int, float, float], None]

_PATIENCE = 10  # Newton steps for one inner problem; usual are 2 to 8
_DIRECT = 500  # the largest dimension for which Newton's matrix is made and factorised
_STAGES = 60  # inner problems before all samples are looked at again
_WIDTH = 2.0  # how near to the margin line is near, in widths of the rounded corner
_RICH = 200  # samples for each dimension that suffice for a start


def augmented_lagrangian(
    problem: BinaryProblem,
    *,
    tol: float = 1e-4,
    max_iter: int = 1000,
    start: tuple[Array, float] | None = None,
    report: Report | None = None,
) -> Solution:
    """Minimise ½‖w‖² + Σ cᵢ max(0, 1 − mᵢ).

    Parameters
    ----------
    problem : BinaryProblem
        With the hinge and the ℓ2 penalty.
    tol : float
        Stop when the duality gap is at most `tol` times the objective.
    max_iter : int
        The largest number of Newton steps.
    start : (ndarray of shape (d,), float), optional
        Weights and intercept to start from.
    report : callable, optional
        Called with the number of Newton steps, the objective and the gap after each look at all samples.

    Returns
    -------
    Solution
        ``n_iter`` counts Newton steps on all samples or on those near their margin line.
    """
    k = 8.0
    stride = problem.n // (_RICH * problem.d) if problem.d else 0
    if start is None and stride >= 4:
        part = _every(problem, stride)
        if np.ptp(part.y) > 0:  # both classes are there
            rough = augmented_lagrangian(part, tol=1e-2, max_iter=max_iter)
            start = rough.w, rough.b
    w, b = (np.zeros(problem.d), 0.0) if start is None else (np.array(start[0]), float(start[1]))

    # The first round need not go to the end: near it, more samples can be left alone.
    cold, enough, aim = start is None, 3e-2 if start is None else 1e-3, 0.8 * tol
    margins = problem.margins(w, b) if w.any() else problem.y * b
    if cold:
        alpha, near = np.zeros(problem.n), np.arange(problem.n)
    else:
        alpha, near = problem.multipliers(margins), np.flatnonzero(np.abs(1 - margins) < 2 * _WIDTH / k)
        alpha[near] = 0  # nothing is known of them yet
    pull = _pull(problem, alpha)
    best = Solution(w, b, problem.primal(w, margins), np.zeros(problem.n), 0.0, 0, False, "")
    best.curve.append(best.primal)
    while True:
        inner = _Inner(problem, near, alpha, pull, w, b, margins, k)
        steps = inner.solve(max(aim, enough), max_iter - best.n_iter)
        best.n_iter += steps
        before = margins
        w, b, k = inner.w, inner.b, inner.k
        alpha[near] = inner.alpha
        # A sum of changes is as exact as the largest sum on its way.
        pull = inner.pull if inner.heaviest <= 100 * alpha.sum() else _pull(problem, alpha)
        margins = problem.margins(w, b)
        primal = problem.primal(w, margins)
        dual, feasible = problem.dual(alpha) if problem.fit_intercept else problem.bound(alpha.copy(), pull)
        if primal < best.primal:
            best.w, best.b, best.primal = w, b, primal
        if dual > best.dual:
            best.alpha, best.dual = feasible, dual
        best.curve.append(primal)
        if report is not None:
            report(best.n_iter, best.primal, best.gap)
        if best.gap <= tol * best.primal:
            best.converged, best.reason = True, f"the duality gap is within tol={tol:g} of the objective"
            return best
        if best.n_iter >= max_iter:
            best.reason = f"max_iter={max_iter} Newton steps were made"
            return best
        # Those near the line for the next time: by the corner's width, and by how far the margins have just moved.
        moved = 0.0 if cold else float(np.quantile(np.abs(margins - before), 0.99))
        width = max(_WIDTH / k, 2 * moved)
        near = np.flatnonzero((np.abs(1 - margins) < width) | ((margins < 1) != (alpha > 0)))
        if steps == 0 and not enough:  # well done by its own measure, which is not quite the gap's: be stricter
            aim, near = aim / 10, np.arange(problem.n)
        cold, enough = False, 0.0


def _pull(problem: BinaryProblem, alpha: Array) -> Array:
    """Return Σ αᵢ yᵢ (xᵢ, 1), or without the 1 if there is no intercept."""
    v = problem.combination(alpha) if alpha.any() else np.zeros(problem.d)
    return np.append(v, problem.y @ alpha) if problem.fit_intercept else v


class _Inner:
    """The problem on some of the samples, with the multipliers of all others as they are.

    The unknowns are u = (w, b), or w alone without an intercept. What all the samples pull at them, Σ αᵢ yᵢ (xᵢ, 1), is
    kept up to date by the changes of the multipliers of these.
    """

    def __init__(
        self,
        problem: BinaryProblem,
        near: NDArray[np.intp],
        alpha: Array,
        pull: Array,
        w: Array,
        b: float,
        margins: Array,
        k: float,
    ):
        self.X = problem.X if len(near) == problem.n else problem.X[near]
        self.y, self.c, self.alpha, self.margins = problem.y[near], problem.c[near], alpha[near], margins[near]
        self.intercept, self.k, self.pull, self.heaviest = problem.fit_intercept, k, pull, 0.0
        self.u = np.append(w, b) if self.intercept else w.copy()
        self.penalty = np.ones_like(self.u)  # the Hessian of ½‖w‖²; 0 for the intercept
        if self.intercept:
            self.penalty[-1] = 0
        self.loss_of_the_far = float(problem.c @ problem.loss.value(margins) - self.c @ np.maximum(1 - self.margins, 0))

    @property
    def w(self) -> Array:
        return self.u[:-1] if self.intercept else self.u

    @property
    def b(self) -> float:
        return float(self.u[-1]) if self.intercept else 0.0

    def solve(self, tol: float, budget: int) -> int:
        """Move u, the multipliers and k until the gap is `tol` of the objective; return the Newton steps made."""
        total = 0
        lam = self.alpha
        smoothing = not lam.any()
        for _ in range(_STAGES):
            steps, finished = self._newton(lam, tol, min(_PATIENCE, budget - total))
            total += steps
            if finished and self._gap() <= tol * self._objective():
                break
            if total >= budget:
                break
            if not finished:  # the corner is too sharp: at the end Σα ≤ 2P, so where P is far below Σc, z ≪ 1/k there
                self.k = min(self.k / 8, 8 * self._objective() / float(self.c.sum()))
                continue
            corner = int(np.count_nonzero((self.alpha > 0) & (self.alpha < self.c)))
            smoothing = smoothing and corner > 4 * len(self.u)
            if smoothing:  # far from the end, a sharper corner does more than better multipliers
                self.k *= 4
                continue
            lam = self.alpha
            if steps <= 4:
                self.k *= 2
            elif steps >= 12:
                self.k /= 2
        return total

    def _newton(self, lam: Array, tol: float, budget: int) -> tuple[int, bool]:
        """Minimise the augmented Lagrangian for the multipliers λ; return the steps made and whether it was done."""
        corner = (lam > 0) & (lam < self.c)
        for step in range(budget + 1):
            raw = lam + self.k * self.c * (1 - self.margins)
            if step == 0 and corner.any():
                # A new λ throws samples off the corner that a step will bring back: step with those on λ's own.
                self.gradient = self.penalty * self.u - self.pull - self._combination(np.where(corner, raw - lam, 0))
            else:
                alpha = np.clip(raw, 0, self.c)
                self.pull = self.pull + self._combination(alpha - self.alpha)
                self.alpha, self.heaviest = alpha, max(self.heaviest, float(alpha.sum()))
                self.gradient = self.penalty * self.u - self.pull
                if self._residual() <= max(0.1 * tol * self._objective(), 0.1 * self._corner()):
                    return step, True
                corner = (raw > 0) & (raw < self.c)
            if step < budget:
                du = self._newton_step(corner)
                dm = self.y * self._scores(self.X, du)
                t = self._line_search(raw, du, dm)
                self.u = self.u + t * du
                self.margins = self.margins + t * dm
        return budget, False

    def _scores(self, X: Any, u: Array) -> Array:
        return X @ u[:-1] + u[-1] if self.intercept else X @ u

    def _combination(self, a: Array) -> Array:
        """Return Σ aᵢ yᵢ (xᵢ, 1)."""
        rows = a != 0
        few = np.count_nonzero(rows) < 0.3 * len(rows)
        X, a = (self.X[rows], (self.y * a)[rows]) if few else (self.X, self.y * a)
        return np.append(X.T @ a, a.sum()) if self.intercept else X.T @ a

    def _newton_step(self, rows: NDArray[np.bool_]) -> Array:
        """Solve (I + k Σ cᵢ xᵢxᵢᵀ) du = −gradient, the sum over these rows; xᵢ with a 1 for the intercept."""
        weight = self.k * np.where(rows, self.c, 0)
        direct = not issparse(self.X) and len(self.u) <= _DIRECT
        X = self.X
        few = 2 * np.count_nonzero(rows) < len(rows)
        if direct or few:  # these rows alone, unless copying them costs more than it saves
            X, weight = X[rows], weight[rows]
        ridge = self.penalty.copy()
        if self.intercept:  # nothing holds b if there is no row: then it moves by 1, and the line search sees to it
            ridge[-1] = 1e-8 * self.k * self.c.sum() if rows.any() else abs(float(self.gradient[-1])) or 1.0
        if not direct:

            def product(p: Array) -> Array:
                q = weight * self._scores(X, p)
                return ridge * p + (np.append(X.T @ q, q.sum()) if self.intercept else X.T @ q)

            return conjugate_gradient(product, -self.gradient, 0.3 * float(np.linalg.norm(self.gradient)))
        if self.intercept:
            X = np.column_stack([X, np.ones(len(X))])
        H = X.T @ (weight[:, None] * X)
        H[np.diag_indices_from(H)] += ridge
        return -cho_solve(cho_factor(H, check_finite=False, overwrite_a=True), self.gradient, check_finite=False)

    def _line_search(self, raw: Array, du: Array, dm: Array) -> float:
        """Return the step along du at which the slope, an increasing function, is 0; roughly."""
        constant, linear = float(self.penalty * self.u @ du), float(self.penalty * du @ du)
        constant -= float(self.pull @ du - self.alpha @ dm)  # the pull of the other samples
        dr = self.k * self.c * dm

        def slope(t: float) -> float:
            return constant + t * linear - float(np.clip(raw - t * dr, 0, self.c) @ dm)

        now = slope(0.0)
        if now >= 0:
            return 0.0
        if abs(slope(1.0)) <= -0.5 * now:
            return 1.0
        far = 1.0
        for _ in range(10):
            if slope(far) > 0:
                return brentq(slope, 0.0, far, xtol=1e-14 * far, rtol=1e-2)
            far *= 2
        return far

    def _residual(self) -> float:
        """Return what the duality gap owes to w ≠ Σ αᵢyᵢxᵢ, and to Σ αᵢyᵢ ≠ 0."""
        free = abs(float(self.gradient[-1])) if self.intercept else 0.0
        return 0.5 * float(self.penalty * self.gradient @ self.gradient) + free

    def _corner(self) -> float:
        """Return what the duality gap owes to the rounded corner: Σ cᵢ max(0, zᵢ) − αᵢzᵢ."""
        z = 1 - self.margins
        return float(self.c @ np.maximum(z, 0) - self.alpha @ z)

    def _gap(self) -> float:
        return self._residual() + self._corner()

    def _objective(self) -> float:
        own = float(self.c @ np.maximum(1 - self.margins, 0))
        return 0.5 * float(self.penalty * self.u @ self.u) + own + self.loss_of_the_far


def _every(problem: BinaryProblem, stride: int) -> BinaryProblem:
    """Return the problem on each stride-th sample, which then stands for the others as well."""
    rows = slice(None, None, stride)
    X = problem.X[rows] if issparse(problem.X) else np.ascontiguousarray(problem.X[rows])
    return BinaryProblem(
        X, problem.y[rows], stride * problem.c[rows], problem.loss, problem.penalty, problem.fit_intercept
    )
