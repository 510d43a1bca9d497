"""Logistic regression for two or more classes, fitted by Newton's method.

Two classes are the softmax with two classes, one pinned: the score of class 0 is 0, that of class 1 is z, and
softmax(0, z)₁ = σ(z). So both cases take one path, and differ only in which columns of the scores are free.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from dlkit.activations import log_softmax, softmax
from dlkit.linear.solvers.newton import newton_cg
from dlkit.losses import softmax_cross_entropy

__all__ = ["LogisticRegression"]

Array = NDArray[np.float64]


class LogisticRegression(ClassifierMixin, BaseEstimator):
    """Logistic regression with an ℓ2 penalty, for two or more classes.

    Minimises ½‖W‖² + C Σᵢ lossᵢ, scikit-learn's objective: the loss is the cross entropy between sample i's class and
    the softmax of its scores xᵢW + b, and the intercept b is not penalised.

    Parameters
    ----------
    C : float, default 1.0
        Weight of the losses against the penalty, > 0. ``C=np.inf`` leaves the penalty out and minimises Σᵢ lossᵢ.
    fit_intercept : bool, default True
        Whether the scores have an intercept b.
    tol : float, default 1e-10
        Stop once, for each coefficient, the objective's derivative is at most `tol` times the largest size its loss
        term can have, C Σᵢ sᵢ abs(xᵢⱼ) with the sample weights s (and xᵢⱼ = 1 for the intercept). So `tol` means the
        same for every C, number of samples and unit of a feature. With ``C=np.inf`` it is at most 1e-10, which it takes
        to tell separable data from others.
    max_iter : int, default 100
        The largest number of Newton steps; 5 to 15 are usual.

    Attributes
    ----------
    coef_ : ndarray, shape (1, n_features) for two classes, else (n_classes, n_features)
        The weights W, transposed. With more than two classes they are not unique without a penalty (any vector may be
        added to all classes); these sum to zero over the classes.
    intercept_ : ndarray, shape (1,) or (n_classes,)
        The intercept b; zeros without one.
    classes_ : ndarray, shape (n_classes,)
        The labels, sorted.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray, shape (n_features,)
        Their names, if `X` had any.
    n_iter_ : int
        The number of Newton steps made.
    loss_curve_ : ndarray, shape (n_iter_ + 1,)
        The objective at the start, W = 0 and b = 0, and after each step. It falls, but for rounding in the last steps.

    Notes
    -----
    Computes in float64 whatever the dtype of `X`. Without a penalty a minimum exists only if no direction separates the
    classes (Albert and Anderson, 1984, *Biometrika* 71); if one does, `fit` stops with a ``ConvergenceWarning``.

    Examples
    --------
    >>> from dlkit.linear import LogisticRegression
    >>> model = LogisticRegression().fit([[-2.0], [-1.0], [1.0], [2.0]], [0, 0, 1, 1])
    >>> model.predict([[-3.0], [3.0]])
    array([0, 1])
    """

    def __init__(self, *, C: float = 1.0, fit_intercept: bool = True, tol: float = 1e-10, max_iter: int = 100) -> None:
        self.C = C
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.max_iter = max_iter

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> LogisticRegression:
        """Fit the model.

        Parameters
        ----------
        X : array_like, shape (n_samples, n_features)
            The samples; dense, finite.
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
            If a parameter has the wrong type, or `X` is sparse.
        ValueError
            If a parameter is out of its range, `X`, `y` or `sample_weight` do not fit or hold NaN, `y` has a single
            class, or all samples of a class have weight 0.
        """
        self._check_parameters()
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        self.classes_, label = np.unique(y, return_inverse=True)
        K = len(self.classes_)
        if K < 2:
            raise ValueError(f"y must hold at least 2 classes, but the data contain only one class: {self.classes_[0]}")
        present = weight > 0
        gone = np.bincount(label[present], minlength=K) == 0
        if gone.any():
            raise ValueError(
                f"sample_weight must leave some weight on every class; all samples of class "
                f"{self.classes_[gone][0]} have weight 0 (leave them out of X and y)"
            )
        X, label, weight = X[present], label[present], weight[present]

        # The intercept is the weight of a constant feature, the last one.
        design = np.column_stack([X, np.ones(len(X))]) if self.fit_intercept else X
        penalty = np.full((design.shape[1], 1), 0.0 if np.isinf(self.C) else 1.0)
        if self.fit_intercept:
            penalty[-1] = 0
        if not np.isinf(self.C):
            weight = self.C * weight
        columns = 1 if K == 2 else K
        objective_and_gradient, hessian_vector_product = _problem(design, label, weight, penalty, columns)
        scale = weight @ np.abs(design)

        def separated(w: Array) -> bool:
            return np.isinf(self.C) and _separates(_scores(design, w.reshape(-1, columns)), label)

        result = newton_cg(
            objective_and_gradient,
            hessian_vector_product,
            x0=np.zeros(design.shape[1] * columns),
            tol=(min(self.tol, 1e-10) if np.isinf(self.C) else self.tol) * np.repeat(scale, columns),
            max_iter=self.max_iter,
            give_up=separated,
        )

        W = result.x.reshape(-1, columns)
        self.coef_ = np.ascontiguousarray(W[: X.shape[1]].T)
        self.intercept_ = W[-1].copy() if self.fit_intercept else np.zeros(columns)
        self.n_iter_ = len(result.curve) - 1
        self.loss_curve_ = result.curve

        moved = np.ptp(_scores(design, result.last_step.reshape(-1, columns)), axis=1).max()
        if separated(result.x) or (np.isinf(self.C) and result.converged and moved > 0.5):
            warnings.warn(
                f"The data look linearly separable: with C={self.C} the weights would grow without bound, as larger "
                f"ones always fit better (the largest has reached {np.abs(W).max():.3g}). There is no best fit to "
                f"find; choose a finite C, such as C=1.0.",
                ConvergenceWarning,
                stacklevel=2,
            )
        elif not result.converged:
            warnings.warn(
                f"LogisticRegression stopped short of tol={self.tol}: {result.reason}. Standardise the features, "
                f"lower C, or raise max_iter or tol.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def decision_function(self, X: Any) -> Array:
        """Return the scores (logits).

        Parameters
        ----------
        X : array_like, shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray, shape (n_samples,) for two classes, else (n_samples, n_classes)
            For two classes the score of ``classes_[1]``; that of ``classes_[0]`` is 0.
        """
        scores = self._all_scores(X)
        return scores[:, 1] if len(self.classes_) == 2 else scores

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the class with the largest score, shape (n_samples,); the first one of several."""
        best = self._all_scores(X).argmax(axis=1)
        return self.classes_[best]

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class, shape (n_samples, n_classes), in the order of ``classes_``."""
        return softmax(self._all_scores(X))

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithms of the probabilities, shape (n_samples, n_classes), finite where those are 0."""
        return log_softmax(self._all_scores(X))

    def _all_scores(self, X: Any) -> Array:
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return _pinned(X @ self.coef_.T + self.intercept_)

    def _check_parameters(self) -> None:
        for name, kind in (("C", Real), ("tol", Real), ("max_iter", Integral)):
            value = getattr(self, name)
            if not isinstance(value, kind) or isinstance(value, bool):
                wanted = "an integer" if kind is Integral else "a number"
                raise TypeError(f"{name} must be {wanted}; got {value!r}")
        if not self.C > 0:
            raise ValueError(f"C must be > 0 (np.inf for no penalty); got {self.C!r}")
        if not 0 < self.tol < np.inf:
            raise ValueError(f"tol must be > 0 and finite; got {self.tol!r}")
        if self.max_iter < 1:
            raise ValueError(f"max_iter must be at least 1; got {self.max_iter!r}")
        if not isinstance(self.fit_intercept, (bool, np.bool_)):
            raise TypeError(f"fit_intercept must be True or False; got {self.fit_intercept!r}")


def _pinned(Z: Array) -> Array:
    """Return the scores of all classes: a single column is class 1's, and class 0's is pinned at 0."""
    return np.column_stack([np.zeros(len(Z)), Z]) if Z.shape[1] == 1 else Z


def _scores(X: Array, W: Array) -> Array:
    return _pinned(X @ W)


def _problem(
    X: Array, label: NDArray[np.intp], weight: Array, penalty: Array, columns: int
) -> tuple[Callable[[Array], tuple[float, Array]], Callable[[Array, Array], Array]]:
    """Return ½ Σ penalty·W² + Σᵢ weightᵢ lossᵢ with its gradient, and its Hessian times a vector, for flat W."""
    Y = np.eye(max(columns, 2))[label]

    def flat(G: Array) -> Array:
        # Scores count up to a shift common to all classes, so the columns of W and of all derivatives sum to 0.
        # Rounding must not add to that sum: nothing in the objective would ever take it away again.
        return (G if columns == 1 else G - G.mean(axis=1, keepdims=True)).ravel()

    def objective_and_gradient(w: Array) -> tuple[float, Array]:
        W = w.reshape(-1, columns)
        scores = _scores(X, W)
        f = 0.5 * np.sum(penalty * W**2) + weight @ softmax_cross_entropy(scores, label)
        G = X.T @ (weight[:, None] * (softmax(scores) - Y))[:, -columns:] + penalty * W
        return float(f), flat(G)

    def hessian_vector_product(w: Array, v: Array) -> Array:
        V = v.reshape(-1, columns)
        P = softmax(_scores(X, w.reshape(-1, columns)))
        dZ = _scores(X, V)  # how the scores move along V, and then the probabilities: dP = P·(dZ − mean of dZ under P)
        dP = P * (dZ - np.sum(P * dZ, axis=1, keepdims=True))
        return flat(X.T @ (weight[:, None] * dP)[:, -columns:] + penalty * V)

    return objective_and_gradient, hessian_vector_product


# Without a penalty, is there a minimum at all? None exists if some direction U keeps every sample on the right side:
# its scores a = xU have mₖ = a_y − aₖ ≥ 0 for all classes k of all samples, not all 0. Two signs give it away:
# - All samples are on the right side of W, strictly: then W is such a direction itself.
# - Newton's step p keeps moving the scores, however small the gradient is. Let δₖ = d_y − dₖ be the moves d = xp of a
#   sample's scores, and E the mean under its softmax. U'Hp = −U'g reads Σᵢ E[m (δ − Eδ)] = Σᵢ E[m], so some sample
#   has δₖ − Eδ ≥ 1: two of its scores move apart by 1 or more. Where there is a minimum, the steps shrink to nothing
#   on the way to it. (`fit` asks for half of 1, as conjugate gradients leave the step inexact.)


def _separates(scores: Array, label: NDArray[np.intp]) -> bool:
    rows = np.arange(len(label))
    own = scores[rows, label]
    others = scores.copy()
    others[rows, label] = -np.inf
    return bool((own > others.max(axis=1)).all())
