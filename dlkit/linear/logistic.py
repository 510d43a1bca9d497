"""Logistic regression for two or more classes, with the solver of one's choice."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.exceptions import ConvergenceWarning

from dlkit._arguments import generator
from dlkit._checks import count, number
from dlkit.activations import log_softmax, softmax
from dlkit.linear._estimator import (
    LinearClassifier,
    choice,
    earlier_fit,
    flag,
    positive_or_infinite,
    reporter,
    training_set,
    warn_not_converged,
)
from dlkit.linear.softmax_problem import Array, SoftmaxProblem, pinned
from dlkit.linear.solvers.irls import irls
from dlkit.linear.solvers.newton import NewtonResult, newton_cg
from dlkit.linear.solvers.softmax_l1 import softmax_l1
from dlkit.linear.solvers.softmax_sgd import softmax_sgd
from dlkit.linear.solvers.subsampled_newton import subsampled_newton
from dlkit.optim.schedules import as_schedule

__all__ = ["LogisticRegression"]


@dataclass(frozen=True)
class _Solver:
    """What a solver minimises, where it stops unless told, and what to do if it does not get there."""

    penalty: str
    tol: float
    max_iter: int
    advice: str = "Standardise the features, lower C, or raise max_iter or tol."


_SLOW = (
    "Stochastic steps are slow near the end: raise max_iter or tol, change the schedule, or leave the solver to 'auto'."
)
_SOLVERS = {
    "newton": _Solver("l2", 1e-10, 100),
    "irls": _Solver("l2", 1e-10, 100),
    "subsampled_newton": _Solver("l2", 1e-5, 100),
    "proximal": _Solver("l1", 1e-8, 10_000),
    "sgd": _Solver("l2", 1e-2, 50, _SLOW),
}


class LogisticRegression(LinearClassifier):
    """Logistic regression for two or more classes.

    Minimises penalty(W) + C Σᵢ sᵢ lossᵢ, scikit-learn's objective: the loss is the cross entropy between sample i's
    class and the softmax of its scores xᵢW + b, the sᵢ are sample weights, and the intercept b is not penalised.

    Parameters
    ----------
    C : float, default 1.0
        Weight of the losses against the penalty, > 0. ``C=np.inf`` leaves the penalty out and minimises Σᵢ sᵢ lossᵢ.
    penalty : {"l2", "l1"}, default "l2"
        ½‖W‖², or Σ|W| over all features and classes, which leaves many weights at 0.
    solver : str, default "auto"
        One of the table below. "auto" takes "proximal" for ℓ1; for ℓ2 "subsampled_newton" if `X` is dense and so large
        that it pays (a product of n_samples, n_features and n_classes above 3e7, and at least 32 samples for each
        feature), else "newton".
    fit_intercept : bool, default True
        Whether the scores have an intercept b.
    tol : float, optional
        Stop once, for each coefficient, the objective's derivative is at most `tol` times the largest size its loss
        term can have, C Σᵢ sᵢ abs(xᵢⱼ) with the sample weights s (and xᵢⱼ = 1 for the intercept). So `tol` means the
        same for every C, number of samples and unit of a feature. For ℓ1 it is the sub-derivative nearest to 0. By
        default what the table says. With ``C=np.inf`` it is at most 1e-10, which it takes to tell separable data from
        others.
    max_iter : int, optional
        The largest number of iterations, by default what the table says: Newton steps (5 to 15 are usual), proximal
        steps, or epochs.
    schedule : float or callable, optional
        For "sgd": the rate η of the objective divided by C Σᵢ sᵢ, or t ↦ η with t = 1, 2, …, such as those of
        ``dlkit.optim``. By default it falls like 1/√t, and its start suits the mean square of the samples.
    batch_size : int, optional
        For "sgd": samples in a batch, by default 100, or fewer for less than 1000 samples.
    random_state : int or numpy.random.Generator, default 0
        For "sgd" and "subsampled_newton": what draws the samples.
    warm_start : bool, default False
        Whether `fit` starts from the solution of the last one, as for a path of C.
    verbose : int, default 0
        1 prints, as the fit goes on, the objective and the largest derivative in units of `tol`.

    Attributes
    ----------
    coef_ : ndarray, shape (1, n_features) for two classes, else (n_classes, n_features)
        The weights W, transposed. With more than two classes they are not unique without a penalty (any vector may be
        added to all classes); these sum to zero over the classes, as those with ℓ2 do. With ℓ1 and an even number of
        classes a small vector may leave Σ|W| as it is, and then they are not unique either.
    intercept_ : ndarray, shape (1,) or (n_classes,)
        The intercept b; zeros without one.
    classes_ : ndarray, shape (n_classes,)
        The labels, sorted.
    objective_ : float
        The objective at the solution.
    dual_objective_ : float
        A lower bound on the minimum: the objective of the dual problem at probabilities near the predicted ones;
        −∞ with ``C=np.inf``, where none is known.
    duality_gap_ : float
        Their difference, ≥ 0: the objective is at most this far above its minimum.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray, shape (n_features,)
        Their names, if `X` had any.
    n_iter_ : int
        The number of iterations made; for "subsampled_newton" those on all samples.
    loss_curve_ : ndarray, shape (n_iter_ + 1,)
        The objective at the start and after each iteration. The start is W = 0 and b = 0, or the last fit with
        `warm_start`, or what a part of the samples gave "subsampled_newton". It falls, but for rounding in the last
        steps; with "proximal" it may rise for a few.

    Notes
    -----
    =================  =======  ======  ======  ========  ============================================================
    solver             penalty  C=∞     tol     max_iter  when to take it
    =================  =======  ======  ======  ========  ============================================================
    newton             l2       yes     1e-10   100       any size; exact: Newton's method with conjugate gradients
    irls               l2       yes     1e-10   100       few features: reweighted least squares, up to 4000 unknowns
    subsampled_newton  l2       no      1e-5    100       many dense samples: curvature from a part of them, whitened
    proximal           l1       no      1e-8    10 000    sparse weights: accelerated proximal gradient
    sgd                l2       no      1e-2    50        to see mini-batches at work; two digits
    =================  =======  ======  ======  ========  ============================================================

    Computes in float64 whatever the dtype of `X`, and keeps a sparse `X` sparse. Without a penalty a minimum exists
    only if no direction separates the classes (Albert and Anderson, 1984, *Biometrika* 71); if one does, `fit` stops
    with a ``ConvergenceWarning``.

    Examples
    --------
    >>> from dlkit.linear import LogisticRegression
    >>> model = LogisticRegression().fit([[-2.0], [-1.0], [1.0], [2.0]], [0, 0, 1, 1])
    >>> model.predict([[-3.0], [3.0]])
    array([0, 1])
    """

    def __init__(
        self,
        *,
        C: float = 1.0,
        penalty: str = "l2",
        solver: str = "auto",
        fit_intercept: bool = True,
        tol: float | None = None,
        max_iter: int | None = None,
        schedule: Any = None,
        batch_size: int | None = None,
        random_state: Any = 0,
        warm_start: bool = False,
        verbose: int = 0,
    ) -> None:
        self.C = C
        self.penalty = penalty
        self.solver = solver
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.max_iter = max_iter
        self.schedule = schedule
        self.batch_size = batch_size
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> LogisticRegression:
        """Fit the model.

        Parameters
        ----------
        X : array_like or sparse, shape (n_samples, n_features)
            The samples, finite.
        y : array_like, shape (n_samples,)
            Their classes: integers, strings or booleans, two or more different ones.
        sample_weight : array_like, shape (n_samples,), optional
            Weights sᵢ ≥ 0 of the losses; 1 each if not given. Weight 2 counts as the sample twice, 0 as not at all.

        Returns
        -------
        LogisticRegression
            The estimator itself.

        Raises
        ------
        TypeError
            If a parameter has the wrong type.
        ValueError
            If a parameter is out of its range or the solver cannot do what is asked; or if `X`, `y` or `sample_weight`
            do not fit or hold NaN, `y` has a single class, or all samples of a class have weight 0.
        """
        self._check_parameters()
        data = training_set(self, X, y, sample_weight)
        earlier = earlier_fit(self, data.classes, data.X.shape[1])
        K, free = len(data.classes), np.isinf(self.C)
        weight = data.weight if free else self.C * data.weight
        problem = SoftmaxProblem(
            data.X, data.label, weight, K, "none" if free else self.penalty, bool(self.fit_intercept)  # type: ignore[arg-type]
        )  # fmt: skip
        name = self._automatic(problem) if self.solver == "auto" else self.solver
        tol = _SOLVERS[name].tol if self.tol is None else self.tol
        result = self._solve(problem, name, min(tol, 1e-10) if free else tol, earlier)

        W = result.x.reshape(problem.shape)
        self.classes_ = data.classes
        self.coef_ = np.ascontiguousarray(W[: problem.d].T)
        self.intercept_ = W[-1].copy() if self.fit_intercept else np.zeros(problem.columns)
        self.n_iter_ = len(result.curve) - 1
        self.loss_curve_ = result.curve
        self.objective_, self.dual_objective_ = problem.primal(result.x), problem.dual(result.x)
        self.duality_gap_ = max(self.objective_ - self.dual_objective_, 0.0)

        moving = free and result.converged and problem.keeps_moving(result.last_step)
        if moving or (free and problem.separated(result.x)):
            warnings.warn(
                f"The data look linearly separable: with C={self.C} the weights would grow without bound, as larger "
                f"ones always fit better (the largest has reached {np.abs(W).max():.3g}). There is no best fit to "
                f"find; choose a finite C, such as C=1.0.",
                ConvergenceWarning,
                stacklevel=2,
            )
        elif not result.converged:
            warn_not_converged(self, f"{result.reason}, short of tol={tol:g}", _SOLVERS[name].advice)
        return self

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class, shape (n_samples, n_classes), in the order of ``classes_``."""
        return softmax(self._all_scores(X))

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithms of the probabilities, shape (n_samples, n_classes), finite where those are 0."""
        return log_softmax(self._all_scores(X))

    def _all_scores(self, X: Any) -> Array:
        scores = self.decision_function(X)
        return pinned(scores[:, None] if scores.ndim == 1 else scores)

    def _automatic(self, problem: SoftmaxProblem) -> str:
        if problem.penalty == "l1":
            return "proximal"
        many = problem.n * problem.d * problem.n_classes > 3e7 and problem.n >= 32 * problem.d
        return "subsampled_newton" if problem.penalty == "l2" and many and not issparse(problem.X) else "newton"

    def _solve(
        self, problem: SoftmaxProblem, name: str, tol: float, earlier: tuple[Array, Array] | None
    ) -> NewtonResult:
        """Start where the fit is to start, and call the solver."""
        x0 = np.zeros(problem.shape)
        if earlier is not None:
            x0[: problem.d] = earlier[0].T
            if self.fit_intercept:
                x0[-1] = earlier[1]
            if problem.columns > 1 and problem.penalty != "l1":  # a shift common to all classes would stay for ever
                x0 -= x0.mean(axis=1, keepdims=True)
        sizes = problem.term_sizes()
        table = reporter(self, "iteration", "objective", "derivative", title=f"LogisticRegression, solver={name!r}")

        def report(iteration: int, f: float, g: Array) -> None:
            assert table is not None
            table(iteration, f, float(np.max(np.abs(g) / np.where(sizes > 0, sizes, 1), initial=0)))

        options: dict[str, Any] = {"max_iter": self.max_iter or _SOLVERS[name].max_iter}
        if table is not None:
            options["report"] = report
        if name in ("newton", "irls"):
            options["give_up"] = lambda w: problem.penalty == "none" and problem.separated(w)
        if name == "subsampled_newton":
            rng = generator(self.random_state, "random_state")
            start = None if earlier is None else x0.ravel()
            result = subsampled_newton(problem, x0=start, tol=tol, rng=rng, **options)
        else:
            options |= {"x0": x0.ravel(), "tol": tol * sizes}
            if name == "newton":
                if earlier is not None:
                    options["far"] = float(np.linalg.norm(problem.objective_and_gradient(np.zeros(x0.size))[1]))
                result = newton_cg(problem.objective_and_gradient, problem.hessian_vector_product, **options)
            elif name == "sgd":
                rng = generator(self.random_state, "random_state")
                options |= {"batch_size": self.batch_size, "schedule": self.schedule}
                result = softmax_sgd(problem, rng=rng, **options)
            else:
                solve: Callable[..., NewtonResult] = {"irls": irls, "proximal": softmax_l1}[name]
                result = solve(problem, **options)
        if table is not None:
            table.end(result.reason)
        return result

    def _check_parameters(self) -> None:
        C = positive_or_infinite(self.C, "C", "no penalty")
        penalty = choice(self.penalty, "penalty", ("l2", "l1"))
        solver = choice(self.solver, "solver", ("auto", *_SOLVERS))
        flag(self.fit_intercept, "fit_intercept")
        if self.tol is not None:
            number(self.tol, "tol", above=0)
        if self.max_iter is not None:
            count(self.max_iter, "max_iter")
        if solver != "auto":
            able = [name for name, s in _SOLVERS.items() if s.penalty == penalty]
            if np.isinf(C):
                able = ["newton", "irls"]
            if solver not in able:
                asked = "C=np.inf (no penalty)" if np.isinf(C) else f"penalty={penalty!r}"
                raise ValueError(
                    f"solver={solver!r} does not offer {asked}; those that do: {', '.join(map(repr, able))}, and 'auto'"
                )
        for name, value, by in (("schedule", self.schedule, "sgd"), ("batch_size", self.batch_size, "sgd")):
            if value is not None and solver != by:
                raise ValueError(f"{name} is for solver={by!r} only; got {name}={value!r} with solver={solver!r}")
        if self.batch_size is not None:
            count(self.batch_size, "batch_size")
        if self.schedule is not None:
            as_schedule(self.schedule)
        generator(self.random_state, "random_state")
