"""What the estimators of `dlkit.linear` share: checks of parameters and data, prediction, progress, warnings."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from dlkit._checks import number, shown

Array = NDArray[np.float64]


# Parameters ----------------------------------------------------------------------------------------------------------


def choice(value: Any, name: str, options: Collection[str]) -> str:
    """Return `value`, which must be one of the strings `options`; the message lists them."""
    listed = ", ".join(repr(option) for option in options)
    if not isinstance(value, str):
        raise TypeError(f"{name} must be one of the strings {listed}; got {shown(value)}")
    if value not in options:
        raise ValueError(f"{name} must be one of {listed}; got {value!r}")
    return value


def flag(value: Any, name: str) -> bool:
    """Return `value`, which must be True or False, Python's or numpy's."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False; got {shown(value)}")
    return bool(value)


def positive_or_infinite(value: Any, name: str, infinity_means: str) -> float:
    """Return `value` as a float, which must be a number > 0; ∞ is one of them, and a message says what it means."""
    if isinstance(value, float | np.floating) and value == np.inf:
        return np.inf
    return number(value, name, above=0, expected=f"> 0, or np.inf for {infinity_means}")


# Data ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TrainingSet:
    """The samples that count, those with a weight > 0.

    Attributes
    ----------
    X : ndarray or scipy.sparse.csr_array, shape (n_kept, d)
        The samples, float64; in canonical format, if sparse.
    label : ndarray of int, shape (n_kept,)
        Their classes, as places in `classes`.
    weight : ndarray, shape (n_kept,)
        Their weights, > 0.
    classes : ndarray, shape (K,)
        The labels there are, sorted; K ≥ 2, and each has a sample.
    kept : ndarray of bool, shape (n,)
        Which of the samples given these are.
    """

    X: Any
    label: NDArray[np.intp]
    weight: Array
    classes: NDArray[Any]
    kept: NDArray[np.bool_]

    def signs(self) -> Array:
        """Return the labels −1.0 or +1.0 of the problems with two classes that this one is made of.

        Two classes are one problem, shape (1, n_kept), and `classes[1]` is its positive class. K > 2 classes are K,
        shape (K, n_kept): each class against the rest.
        """
        positive = [1] if len(self.classes) == 2 else range(len(self.classes))
        return np.where(self.label == np.array(positive)[:, None], 1.0, -1.0)


def training_set(estimator: Any, X: Any, y: Any, sample_weight: Any = None, *, sparse: bool = True) -> TrainingSet:
    """Check what a classifier is fitted with, set its ``n_features_in_`` and names, and leave out what weighs nothing.

    Parameters
    ----------
    estimator : estimator
        Who is fitted.
    X : array_like or sparse, shape (n, d)
        The samples, finite.
    y : array_like, shape (n,)
        Their classes: integers, strings or booleans.
    sample_weight : array_like, shape (n,), or float, optional
        Their weights ≥ 0; 1 each if not given.
    sparse : bool
        Whether `X` may be sparse.

    Raises
    ------
    TypeError
        If `y` mixes numbers with strings, or `X` is sparse and must not be.
    ValueError
        If `X`, `y` or `sample_weight` do not fit together or hold NaN, `y` is no list of classes or has a single one,
        or all samples of a class have weight 0.
    """
    mixed = isinstance(y, list | tuple) and len({isinstance(label, str) for label in y}) == 2
    given = y
    X, y = validate_data(estimator, X, y, accept_sparse="csr" if sparse else False, dtype=np.float64)
    try:
        if mixed:
            raise TypeError("numpy made strings of the numbers")
        check_classification_targets(y)
        classes, label = np.unique(y, return_inverse=True)
    except TypeError:  # and these numpy cannot sort
        kinds = " and ".join(sorted({type(label).__name__ for label in given}))
        raise TypeError(f"y must hold labels of one kind, numbers or strings; got {kinds}") from None
    weight = checked_weights(sample_weight, X)
    if len(classes) < 2:
        raise ValueError(f"y must hold at least 2 classes, but the data contain only one class: {classes[0]}")
    kept = weight > 0
    gone = np.bincount(label[kept], minlength=len(classes)) == 0
    if gone.any():
        raise ValueError(
            f"sample_weight must leave some weight on every class; all samples of class {classes[gone][0]} have "
            f"weight zero (leave them out of X and y)"
        )
    X = canonical(X)
    if not kept.all():
        X, label, weight = X[kept], label[kept], weight[kept]
    return TrainingSet(X, label, weight, classes, kept)


def checked_weights(sample_weight: Any, X: Any) -> Array:
    """Return the weights of the samples `X`, shape (n,), finite and ≥ 0; 1 each for None. All may be 0."""
    weight = _check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True, allow_all_zero_weights=True
    )
    if not np.isfinite(weight).all():  # scikit-learn takes a single number as it is
        raise ValueError(f"sample_weight must be finite; got {sample_weight!r}")
    return weight


def canonical(X: Any) -> Any:
    """Return a sparse `X` as a csr_array in which no entry is stored in two parts; a dense one as it is."""
    if not issparse(X):
        return X
    X = csr_array(X)  # which shares its arrays with the matrix that the user gave
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X


def earlier_fit(model: Any, classes: NDArray[Any], n_features: int) -> tuple[Array, Array] | None:
    """Return ``coef_`` and ``intercept_`` for a fit to start from; None without ``warm_start`` or an earlier fit.

    To be called before ``classes_`` is set anew. Raises ValueError if the earlier fit had other classes or features.
    """
    if not flag(model.warm_start, "warm_start") or not hasattr(model, "coef_"):
        return None
    if not np.array_equal(model.classes_, classes) or model.coef_.shape[1] != n_features:
        raise ValueError(
            f"warm_start=True goes on from the last fit, which had {model.coef_.shape[1]} features and the classes "
            f"{model.classes_}; got {n_features} features and the classes {classes}. Set warm_start=False to begin anew"
        )
    return model.coef_.copy(), model.intercept_.copy()


class LinearClassifier(ClassifierMixin, BaseEstimator):
    """A classifier with ``coef_``, ``intercept_`` and ``classes_``; X may be dense or sparse."""

    def decision_function(self, X: Any) -> Array:
        """Return the scores x·w + b.

        Parameters
        ----------
        X : array_like or sparse, shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray, shape (n_samples,) for two classes, else (n_samples, n_classes)
            For two classes one score, which is positive on the side of ``classes_[1]``.
        """
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=False)
        scores = X @ self.coef_.T + self.intercept_
        return scores.ravel() if len(self.classes_) == 2 else scores

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the class with the largest score, shape (n_samples,); of several, the first in ``classes_``."""
        scores = self.decision_function(X)
        return self.classes_[(scores > 0).astype(np.intp) if scores.ndim == 1 else scores.argmax(axis=1)]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


# Progress and warnings -----------------------------------------------------------------------------------------------


class Reporter:
    """Print a table of a fit's progress: the iterations 0, 1, 2, 4, 8, … and the last one.

    So 1000 iterations are a dozen lines. Call it at each iteration with the number of it and the columns' values.
    """

    def __init__(self, *columns: str, title: str = ""):
        if title:
            print(title)
        print("".join(f"{column:>14}" for column in columns))
        self.due, self.shown = 0, -1
        self.latest: tuple[float, ...] = ()

    def __call__(self, iteration: int, *values: float) -> None:
        """Print the line if it is due, and keep it in mind if not."""
        self.latest = (iteration, *values)
        if iteration >= self.due:
            self._print()
            self.due = 2 * iteration if iteration else 1

    def end(self, reason: str) -> None:
        """Print the last line, unless it has been, and why the fit has ended."""
        if self.latest and self.latest[0] != self.shown:
            self._print()
        print(f"ended: {reason}")

    def _print(self) -> None:
        print("".join(f"{v:>14d}" if isinstance(v, int | np.integer) else f"{v:>14.6g}" for v in self.latest))
        self.shown = int(self.latest[0])


def reporter(model: Any, *columns: str, title: str = "") -> Reporter | None:
    """Return a `Reporter` if the model's ``verbose`` is 1, and None if it is 0: a solver need not work for it then."""
    verbose = model.verbose
    if not isinstance(verbose, int | np.integer | np.bool_) or verbose not in (0, 1):
        raise ValueError(f"verbose must be 0 or 1; got {verbose!r}")
    return Reporter(*(columns or ("iteration", "objective", "gap")), title=title) if verbose else None


def warn_not_converged(model: Any, reason: str, advice: str) -> None:
    """Warn that the fit of `model` has ended early, at the line outside `dlkit.linear` that called for the fit.

    Parameters
    ----------
    model : estimator or str
        Who is fitted: its class is named; or the name of a function.
    reason : str
        Why it ended, in words that end a sentence; without the full stop.
    advice : str
        What to do, as whole sentences.
    """
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("dlkit.linear"):
        level, frame = level + 1, frame.f_back
    name = model if isinstance(model, str) else type(model).__name__
    warnings.warn(f"{name} has not converged: {reason}. {advice}", ConvergenceWarning, stacklevel=level)
