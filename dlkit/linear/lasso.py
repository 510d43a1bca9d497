"""The LASSO: least squares with an ℓ1 penalty, which leaves many weights at exactly 0.

Tibshirani (1996), *Regression shrinkage and selection via the lasso*, J. Royal Statistical Society B 58.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from dlkit._checks import count, number, real_array
from dlkit.linear._estimator import canonical, checked_weights, choice, flag, reporter, warn_not_converged
from dlkit.linear.problem import Solution
from dlkit.linear.solvers.coordinate_descent import LeastSquares, coordinate_descent
from dlkit.linear.solvers.proximal import proximal_gradient, soft_threshold

__all__ = ["Lasso", "alpha_max", "lasso_path"]

Array = NDArray[np.float64]

_ABOVE_ZERO = "finite and > 0 (0 would be least squares: numpy.linalg.lstsq)"


class Lasso(RegressorMixin, BaseEstimator):
    """Linear regression with an ℓ1 penalty.

    Minimises 1/(2S) Σᵢ sᵢ (yᵢ − xᵢ·w − b)² + α‖w‖₁ with the sample weights sᵢ and their sum S, as scikit-learn does. In
    the deck's form, ‖w‖₁ + C Σᵢ sᵢ (…)², that is C = 1/(2Sα). The intercept b is not penalised.

    Parameters
    ----------
    alpha : float, default 1.0
        Weight α of the penalty, > 0. From `alpha_max` on all weights are 0.
    fit_intercept : bool, default True
        Whether there is a b; if not, it is 0.
    solver : {"coordinate", "fista", "ista"}, default "coordinate"
        Coordinate descent, or proximal gradient steps with or without momentum.
    tol : float, default 1e-4
        Stop once the duality gap is at most `tol` times the objective. (scikit-learn compares the gap with ‖y‖²/n.)
    max_iter : int, default 10000
        The largest number of sweeps, or of steps.
    warm_start : bool, default False
        Whether `fit` starts from the weights of the last one, as for a path of α.
    verbose : int, default 0
        1 prints the objective and the gap as the fit goes on.

    Attributes
    ----------
    coef_ : ndarray, shape (n_features,)
        The weights w.
    intercept_ : float
        The intercept b; 0.0 without one.
    objective_, dual_objective_, duality_gap_ : float
        The objective at the solution, a lower bound on its minimum, and their difference.
    n_iter_ : int
        The sweeps or steps made; 0 if a warm start was good enough.
    loss_curve_ : ndarray, shape (n_iter_ + 1,)
        The objective at the start and after each of them.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray, shape (n_features,)
        Their names, if `X` had any.

    Examples
    --------
    >>> from dlkit.linear import Lasso
    >>> Lasso(alpha=0.5).fit([[0.0, 1.0], [1.0, -1.0], [2.0, 0.0]], [0.0, 1.0, 2.0]).coef_
    array([0.25, 0.  ])
    """

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        fit_intercept: bool = True,
        solver: str = "coordinate",
        tol: float = 1e-4,
        max_iter: int = 10_000,
        warm_start: bool = False,
        verbose: int = 0,
    ) -> None:
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.verbose = verbose

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Lasso:
        """Fit the model.

        Parameters
        ----------
        X : array_like or sparse, shape (n_samples, n_features)
            The samples, finite.
        y : array_like, shape (n_samples,)
            Their targets, finite.
        sample_weight : array_like, shape (n_samples,), optional
            Weights sᵢ ≥ 0, not all 0; 1 each if not given.

        Returns
        -------
        Lasso
            The estimator itself.

        Raises
        ------
        TypeError
            If a parameter has the wrong type.
        ValueError
            If a parameter is out of its range, or `X`, `y` or `sample_weight` do not fit or hold NaN.
        """
        alpha = number(self.alpha, "alpha", above=0, expected=_ABOVE_ZERO)
        tol = number(self.tol, "tol", above=0)
        max_iter = count(self.max_iter, "max_iter")
        solver = choice(self.solver, "solver", ("coordinate", "fista", "ista"))
        warm = flag(self.warm_start, "warm_start")
        problem = _squares(self, X, y, sample_weight, flag(self.fit_intercept, "fit_intercept"))
        start: Array | None = getattr(self, "coef_", None) if warm else None
        if start is not None and len(start) != self.n_features_in_:
            raise ValueError(
                f"warm_start=True needs the {len(start)} features of the last fit; got {self.n_features_in_}"
            )
        report = reporter(self)
        if solver == "coordinate":
            result = coordinate_descent(problem, alpha, tol=tol, max_iter=max_iter, start=start, report=report)
        else:
            result = _proximal(problem, alpha, solver == "fista", tol, max_iter, start, report)
        if report is not None:
            report.end(result.reason)
        if not result.converged:
            warn_not_converged(
                self,
                f"{result.reason}; the gap is {result.gap / result.primal:.1e} of the objective",
                "Standardise the features, raise max_iter, tol or alpha.",
            )
        self.coef_, self.intercept_ = result.w, float(result.b)
        self.objective_, self.dual_objective_, self.duality_gap_ = result.primal, result.dual, result.gap
        self.n_iter_, self.loss_curve_ = result.n_iter, np.array(result.curve)
        return self

    def predict(self, X: Any) -> Array:
        """Return x·w + b, shape (n_samples,)."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=False)
        return X @ self.coef_ + self.intercept_

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def alpha_max(X: Any, y: Any, sample_weight: Any = None, *, fit_intercept: bool = True) -> float:
    """Return the least α with which all weights are 0: the largest |Σᵢ sᵢ(yᵢ − ȳ)xᵢⱼ|/S over the features.

    Parameters
    ----------
    X, y, sample_weight, fit_intercept
        As for `Lasso`.
    """
    problem = _squares(Lasso(), X, y, sample_weight, flag(fit_intercept, "fit_intercept"))
    return float(np.abs(problem.correlation(problem.target)).max(initial=0))


def lasso_path(
    X: Any, y: Any, *, alphas: Any = None, n_alphas: int = 100, eps: float = 1e-3, tol: float = 1e-4
) -> tuple[Array, Array]:
    """Return the weights for many α, each started from those before.

    Parameters
    ----------
    X, y
        As for `Lasso`, which has an intercept here.
    alphas : array_like, shape (n_alphas,), optional
        The α > 0, in any order; by default `n_alphas` of them in equal ratios from `alpha_max` down to `eps` times it.
    n_alphas : int, default 100
        How many, if `alphas` is not given.
    eps : float, default 1e-3
        The smallest one, as a share of the largest.
    tol : float, default 1e-4
        As for `Lasso`.

    Returns
    -------
    alphas : ndarray, shape (n_alphas,)
        The α, falling.
    coefs : ndarray, shape (n_features, n_alphas)
        The weights.

    Warns
    -----
    ConvergenceWarning
        If 10,000 sweeps were not enough for some α; the largest is named.
    """
    tol = number(tol, "tol", above=0)
    if alphas is None:
        largest = alpha_max(X, y)
        if largest == 0 or np.ptp(y) == 0:
            raise ValueError("alphas must be given for a y that no feature says anything about: all weights are 0")
        steps = count(n_alphas, "n_alphas", 2)
        alphas = np.geomspace(largest, largest * number(eps, "eps", above=0, below=1), steps)
    alphas = real_array(alphas, "alphas").astype(np.float64)
    if alphas.ndim != 1 or alphas.size == 0:
        raise ValueError(f"alphas must be a list of numbers, one or more; got an array of the shape {alphas.shape}")
    for alpha in alphas:
        number(float(alpha), "alphas", above=0, expected=f"all {_ABOVE_ZERO}")
    falling = np.sort(alphas)[::-1]
    problem = _squares(Lasso(), X, y, None, True)
    w, coefs, late = None, [], ""
    for alpha in falling:
        result = coordinate_descent(problem, float(alpha), tol=tol, max_iter=10_000, start=w)
        w = result.w
        coefs.append(w)
        late = late or ("" if result.converged else f"at alpha={alpha:.3g}, {result.reason}")
    if late:
        warn_not_converged("lasso_path", late, "Standardise the features, raise tol, or leave out the least alphas.")
    return falling, np.array(coefs).T


def _squares(estimator: Any, X: Any, y: Any, sample_weight: Any, intercept: bool) -> LeastSquares:
    X, y = validate_data(estimator, X, y, accept_sparse="csr", dtype=np.float64, y_numeric=True)
    weight = checked_weights(sample_weight, X)
    kept = weight > 0
    if not kept.any():
        raise ValueError("sample_weight must not be zero for all samples")
    X, y = canonical(X), np.asarray(y, dtype=np.float64)
    return LeastSquares(X[kept], y[kept], weight[kept], intercept)


def _proximal(
    problem: LeastSquares,
    alpha: float,
    accelerate: bool,
    tol: float,
    max_iter: int,
    start: Array | None,
    report: Callable[[int, float, float], object] | None,
) -> Solution:
    """Minimise ½‖t − Aw‖² + α‖w‖₁ by ISTA or FISTA."""
    steps = 0

    def value_and_gradient(w: Array) -> tuple[float, Array]:
        r = problem.residual(w)
        return 0.5 * float(r @ r), -problem.correlation(r)

    def stop(w: Array) -> bool:
        nonlocal steps
        at = problem.solution(w, alpha, steps, False, "", [])
        if report is not None:
            report(steps, at.primal, at.gap)
        steps += 1
        return at.gap <= tol * at.primal

    result = proximal_gradient(
        value_and_gradient,
        lambda z, t: soft_threshold(z, alpha * t),
        lambda w: alpha * float(np.abs(w).sum()),
        np.zeros(len(problem.x_mean)) if start is None else start,
        accelerate=accelerate,
        max_iter=max_iter,
        stop=stop,
    )
    end = problem.solution(result.x, alpha, result.n_iter, True, f"the duality gap is within tol={tol:g}", result.curve)
    return end if end.gap <= tol * end.primal else replace(end, converged=False, reason=result.reason)
