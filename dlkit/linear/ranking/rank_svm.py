"""The ranking SVM: a score whose order is the order of relevance, with a margin, for all pairs of all queries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from dlkit._arguments import generator
from dlkit._checks import count, number
from dlkit.linear._estimator import canonical, checked_weights, choice, flag, reporter, warn_not_converged
from dlkit.linear.ranking.metrics import kendall_tau
from dlkit.linear.ranking.pairs import Pairs
from dlkit.linear.ranking.solvers import (
    FEW,
    RankProblem,
    RankSolution,
    by_bundle,
    by_newton,
    by_quadratic_program,
    by_subgradient,
)

__all__ = ["RankSVM"]

Array = NDArray[np.float64]

_SOLVERS: dict[str, Callable[..., RankSolution]] = {
    "bundle": by_bundle,
    "newton": by_newton,
    "subgradient": by_subgradient,
}


class RankSVM(BaseEstimator):
    """Linear ranking SVM: the deck's problem 1, over all pairs of documents of a query.

    Minimises ½‖w‖² + C Σ loss(w·(xᵢ − xⱼ)) over the pairs of documents i, j of one query with rᵢ > rⱼ (Joachims,
    2002, *Optimizing search engines using clickthrough data*, KDD). There is no intercept: it would cancel.

    Parameters
    ----------
    C : float, default 1.0
        Weight of the losses, > 0. The losses are a sum over pairs, and n documents may make n²/2 of them: for C per
        pair, divide it by ``n_pairs_`` of an earlier fit.
    loss : {"hinge", "squared_hinge"}, default "hinge"
        The loss of a pair, max(0, 1 − m) with m = w·(xᵢ − xⱼ), or its square.
    solver : {"auto", "bundle", "newton", "subgradient", "quadratic_program"}, default "auto"
        "bundle": cutting planes; a sample of the pairs says where to look next. "newton": Newton's method, for the
        squared hinge. "subgradient": the deck's descent. All these count pairs in O(n log n). "quadratic_program": all
        pairs written out for cvxpy, up to 20,000 of them. "auto" takes "bundle", or "newton" where it can and there are
        few pairs.
    tol : float, default 1e-3
        Stop once the duality gap is at most `tol` times the objective; "subgradient" knows a loose bound only.
    max_iter : int, default 1000
        The largest number of iterations.
    schedule : float or callable, optional
        For "subgradient": the rate η, or t ↦ η with t = 1, 2, …; by default Polyak's rate with the lower bound known.
    random_state : int or numpy.random.Generator, default 0
        For "bundle": what draws the sample of pairs. What is fitted does not depend on it, up to `tol`.
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
        loss: str = "hinge",
        solver: str = "auto",
        tol: float = 1e-3,
        max_iter: int = 1000,
        schedule: Any = None,
        random_state: Any = 0,
        warm_start: bool = False,
        verbose: int = 0,
    ) -> None:
        self.C = C
        self.loss = loss
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.schedule = schedule
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose

    def fit(self, X: Any, y: Any, group: Any = None, query_weight: Any = None) -> RankSVM:
        """Fit the model.

        Parameters
        ----------
        X : array_like or sparse, shape (n_documents, n_features)
            The features Φ(q, d) of the documents, finite.
        y : array_like, shape (n_documents,)
            Their relevance to their query; only its order within a query counts.
        group : array_like, shape (n_documents,), optional
            The query of each document, in any order; by default all belong to one.
        query_weight : array_like, shape (n_documents,), optional
            How often the query of each document counts, ≥ 0 and the same for all documents of a query: 2 is as if it
            were there twice. A query has as many pairs as the square of its size, so that large ones rule; a weight of
            1/(its number of pairs) makes all count alike.

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
        settings = self._checked()
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=np.float64, y_numeric=True, ensure_min_samples=2)
        X = canonical(X)
        if query_weight is not None:
            X, y, group, query_weight = _weighted(X, y, group, query_weight)
        pairs = Pairs(y, group)
        self.n_pairs_ = int(pairs.n_pairs.sum())
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
        c = self.C * (np.ones(len(y)) if query_weight is None else query_weight)
        problem = RankProblem(X, pairs, c, self.loss == "squared_hinge")
        report = reporter(self)
        name = self.solver
        if name == "auto":
            name, settings = ("newton", {}) if problem.squared and self.n_pairs_ <= FEW else ("bundle", settings)
        if name == "quadratic_program":
            solution = by_quadratic_program(problem, max(self.tol, 1e-6))
        else:
            solution = _SOLVERS[name](problem, float(self.tol), int(self.max_iter), start, report, **settings)
        if report is not None:
            report.end(solution.reason)
        self.coef_: Array = solution.w
        self.n_iter_, self.loss_curve_ = int(solution.n_iter), np.array(solution.curve)
        self.objective_, self.dual_objective_ = float(solution.primal), float(solution.dual)
        self.duality_gap_ = max(self.objective_ - self.dual_objective_, 0.0)
        if not solution.converged:
            share = self.duality_gap_ / self.objective_
            warn_not_converged(
                self,
                f"{solution.reason}; the gap is {share:.1e} of the objective",
                "Raise max_iter or tol, lower C, or standardise the features.",
            )
        return self

    def _checked(self) -> dict[str, Any]:
        """Check the parameters; return the settings that the solver listens to."""
        number(self.C, "C", above=0)
        number(self.tol, "tol", above=0)
        count(self.max_iter, "max_iter")
        choice(self.loss, "loss", ("hinge", "squared_hinge"))
        solver = choice(self.solver, "solver", ("auto", *_SOLVERS, "quadratic_program"))
        flag(self.warm_start, "warm_start")
        rng = generator(self.random_state, "random_state")
        if self.schedule is not None and solver != "subgradient":
            raise ValueError(f"schedule is for solver='subgradient'; got it with solver={solver!r}")
        if solver == "newton" and self.loss != "squared_hinge":
            raise ValueError(f"solver='newton' is for loss='squared_hinge'; got loss={self.loss!r}")
        if solver in ("auto", "bundle"):
            return {"rng": rng}
        return {"schedule": self.schedule} if solver == "subgradient" else {}

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


def _weighted(X: Any, y: Any, group: Any, query_weight: Any) -> tuple[Any, Any, Any, Array]:
    """Check the weights, and leave out the documents that weigh nothing."""
    weight = checked_weights(query_weight, X)
    query = Pairs(y, group).query
    of_query = np.zeros(query.max() + 1)
    of_query[query] = weight
    if (of_query[query] != weight).any():
        one = query == query[np.argmax(of_query[query] != weight)]
        raise ValueError(
            f"query_weight must be the same for all documents of a query; got {weight[one].min():g} and "
            f"{weight[one].max():g} in one"
        )
    if not weight.any():
        raise ValueError("query_weight must be > 0 for a query at least; it is 0 for all")
    kept = weight > 0
    return X[kept], y[kept], query[kept], weight[kept]
