"""The ranking SVM: a score whose order is the order of relevance, with a margin, for all pairs of all queries."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from dlkit._checks import count, number
from dlkit.linear._estimator import canonical, choice, flag, reporter, warn_not_converged
from dlkit.linear.ranking.metrics import kendall_tau
from dlkit.linear.ranking.pairs import Pairs
from dlkit.linear.ranking.pairwise import hinge_of
from dlkit.linear.solvers.bundle import bundle
from dlkit.optim.schedules import as_schedule

__all__ = ["RankSVM"]

Array = NDArray[np.float64]

_WRITTEN_OUT = 20_000  # pairs, at most, that the quadratic program is asked to take


class RankSVM(BaseEstimator):
    """Linear ranking SVM: the deck's problem 1, over all pairs of documents of a query.

    Minimises ½‖w‖² + C Σ max(0, 1 − w·(xᵢ − xⱼ)) over the pairs of documents i, j of one query with rᵢ > rⱼ (Joachims,
    2002, *Optimizing search engines using clickthrough data*, KDD). There is no intercept: it would cancel.

    Parameters
    ----------
    C : float, default 1.0
        Weight of the losses, > 0. The losses are a sum over pairs, and n documents may make n²/2 of them: for C per
        pair, divide it by ``n_pairs_`` of an earlier fit.
    solver : {"auto", "bundle", "subgradient", "quadratic_program"}, default "auto"
        "bundle", which "auto" takes: cutting planes, each found in O(n log n). "subgradient": the deck's descent.
        "quadratic_program": all pairs written out for cvxpy, up to 20,000 of them.
    tol : float, default 1e-3
        Stop once the duality gap is at most `tol` times the objective; "subgradient" knows a loose bound only.
    max_iter : int, default 1000
        The largest number of iterations.
    schedule : float or callable, optional
        For "subgradient": the rate η, or t ↦ η with t = 1, 2, …; by default Polyak's rate with the lower bound known.
    warm_start : bool, default False
        Whether `fit` starts from the weights of the last one.
    verbose : int, default 0
        1 prints the objective and the gap as the fit goes on.

    Attributes
    ----------
    coef_ : ndarray, shape (n_features,)
        The weights w.
    n_pairs_ : int
        The number of pairs.
    objective_, dual_objective_, duality_gap_ : float
        The objective at `coef_`, a lower bound on its minimum, and their difference.
    n_iter_ : int
        The iterations made.
    loss_curve_ : ndarray
        The objective at the start and after each iteration.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray, shape (n_features,)
        Their names, if `X` had any.

    Examples
    --------
    >>> from dlkit.linear import RankSVM
    >>> model = RankSVM().fit([[1.0], [2.0], [7.0], [5.0]], [0, 1, 1, 0], group=["a", "a", "b", "b"])
    >>> model.predict([[3.0], [4.0]]).argmax()
    np.int64(1)
    """

    def __init__(
        self,
        *,
        C: float = 1.0,
        solver: str = "auto",
        tol: float = 1e-3,
        max_iter: int = 1000,
        schedule: Any = None,
        warm_start: bool = False,
        verbose: int = 0,
    ) -> None:
        self.C = C
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.schedule = schedule
        self.warm_start = warm_start
        self.verbose = verbose

    def fit(self, X: Any, y: Any, group: Any = None) -> RankSVM:
        """Fit the model.

        Parameters
        ----------
        X : array_like or sparse, shape (n_documents, n_features)
            The features Φ(q, d) of the documents, finite.
        y : array_like, shape (n_documents,)
            Their relevance to their query; only its order within a query counts.
        group : array_like, shape (n_documents,), optional
            The query of each document, in any order; by default all belong to one.

        Returns
        -------
        RankSVM
            The estimator itself.

        Raises
        ------
        TypeError
            If a parameter has the wrong type.
        ValueError
            If a parameter is out of its range, `X`, `y` or `group` do not fit or hold NaN, or no query has two
            documents of different relevance.
        """
        C = number(self.C, "C", above=0)
        tol, max_iter = number(self.tol, "tol", above=0), count(self.max_iter, "max_iter")
        solver = choice(self.solver, "solver", ("auto", "bundle", "subgradient", "quadratic_program"))
        flag(self.warm_start, "warm_start")
        if self.schedule is not None and solver != "subgradient":
            raise ValueError(f"schedule is for solver='subgradient'; got it with solver={solver!r}")
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=np.float64, y_numeric=True, ensure_min_samples=2)
        X = canonical(X)
        queries = Pairs(y, group)
        self.n_pairs_ = int(queries.n_pairs.sum())
        if not self.n_pairs_:
            raise ValueError(
                "y must differ between two documents of a query at least: there is no pair to learn from, as each "
                "query has a single document or documents of equal relevance"
            )
        start = None
        if self.warm_start and hasattr(self, "coef_"):
            if len(self.coef_) != X.shape[1]:
                raise ValueError(
                    f"warm_start=True needs the {len(self.coef_)} features of the last fit; got {X.shape[1]}"
                )
            start = self.coef_

        def loss(w: Array) -> tuple[float, Array]:
            value, slope = hinge_of(queries, X @ w)
            return C * value, C * (X.T @ slope)

        report = reporter(self)
        if solver == "quadratic_program":
            self._write_out(X, queries, C)
            reason, converged = "the quadratic program is solved", True
        elif solver == "subgradient":
            reason, converged = self._descend(loss, X.shape[1], tol, max_iter, start, report)
        else:
            result = bundle(loss, X.shape[1], tol=tol, max_iter=max_iter, start=start, report=report)
            self._keep(result.w, result.value, result.bound, result.n_iter, result.curve)
            reason, converged = result.reason, result.converged
        if report is not None:
            report.end(reason)
        if not converged:
            share = self.duality_gap_ / self.objective_
            warn_not_converged(
                self,
                f"{reason}; the gap is {share:.1e} of the objective",
                "Raise max_iter or tol, lower C, or standardise the features.",
            )
        return self

    def predict(self, X: Any) -> Array:
        """Return the scores x·w, shape (n_documents,); a query's documents rank by them, the largest first."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=False)
        return X @ self.coef_

    def score(self, X: Any, y: Any, group: Any = None) -> float:
        """Return the mean over the queries of Kendall's τ_b between the relevance `y` and the scores."""
        return float(kendall_tau(y, self.predict(X), group))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.required = True
        tags.target_tags.one_d_labels = False
        return tags

    def _keep(self, w: Array, primal: float, dual: float, n_iter: int, curve: list[float]) -> None:
        self.coef_, self.n_iter_, self.loss_curve_ = w, int(n_iter), np.array(curve)
        self.objective_, self.dual_objective_ = float(primal), float(dual)
        self.duality_gap_ = max(self.objective_ - self.dual_objective_, 0.0)

    def _descend(
        self, loss: Any, d: int, tol: float, max_iter: int, start: Array | None, report: Any
    ) -> tuple[str, bool]:
        """Descend by sub-gradients and keep the best iterate.

        The dual point is a mean of the pairs at a loss, as each step is; its value is known from the planes that touch
        the loss at the iterates: L(w) ≥ L(wₜ) + gₜ·(w − wₜ).
        """
        rate = None if self.schedule is None else as_schedule(self.schedule)
        w = np.zeros(d) if start is None else start.copy()
        slope, height = np.zeros(d), 0.0  # the mean of the planes: L(v) ≥ height + slope·v
        best, bound, curve = (np.inf, w), 0.0, []
        for t in range(max_iter + 1):
            value, g = loss(w)
            primal = 0.5 * float(w @ w) + value
            curve.append(primal)
            best = min(best, (primal, w), key=lambda pair: pair[0])
            bound = max(bound, height - 0.5 * float(slope @ slope))  # the least of ½‖v‖² + height + slope·v
            if report is not None:
                report(t, best[0], best[0] - bound)
            if best[0] - bound <= tol * best[0] or t == max_iter:
                break
            step = w + g
            eta = rate(t + 1) if rate is not None else min(1.0, (primal - bound) / float(step @ step))
            share = min(max(eta, 0.0), 1.0)
            slope, height = (1 - share) * slope + share * g, (1 - share) * height + share * (value - float(g @ w))
            w = w - eta * step
        self._keep(best[1], best[0], bound, t, curve)
        return (f"max_iter={max_iter} steps were made", False) if t == max_iter else ("the gap is within tol", True)

    def _write_out(self, X: Any, queries: Pairs, C: float) -> None:
        """Solve the deck's quadratic program, pair by pair."""
        import cvxpy as cp

        if self.n_pairs_ > _WRITTEN_OUT:
            raise ValueError(
                f"solver='quadratic_program' writes out all pairs, at most {_WRITTEN_OUT:,}; got {self.n_pairs_:,}. "
                f"solver='bundle' never does"
            )
        better, worse = (np.concatenate(side) for side in zip(*map(self._pairs, _members(queries)), strict=True))
        w, xi = cp.Variable(X.shape[1]), cp.Variable(len(better), nonneg=True)
        apart = (X[better] - X[worse]) @ w >= 1 - xi
        program = cp.Problem(cp.Minimize(cp.sum_squares(w) / 2 + C * cp.sum(xi)), [apart])
        program.solve(solver=cp.CLARABEL)
        alpha = np.clip(apart.dual_value, 0, C)
        v = (X[better] - X[worse]).T @ alpha
        weights = np.asarray(w.value)
        value, _ = hinge_of(queries, X @ weights)
        primal = 0.5 * float(weights @ weights) + C * value
        iterations = program.solver_stats.num_iters or 1
        self._keep(weights, primal, float(alpha.sum() - 0.5 * v @ v), iterations, [primal])

    @staticmethod
    def _pairs(member: tuple[NDArray[np.intp], NDArray[np.intp]]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        rows, level = member
        better, worse = np.nonzero(level[:, None] > level[None, :])
        return rows[better], rows[worse]


def _members(queries: Pairs) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    rows = [np.flatnonzero(queries.query == q) for q in range(len(queries.size))]
    return [(r, queries._rank[r]) for r in rows]
