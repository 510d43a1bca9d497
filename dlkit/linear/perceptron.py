"""The perceptron: at each mistake, a step towards the sample.

Rosenblatt (1958), *The perceptron: a probabilistic model for information storage and organization in the brain*,
Psychological Review 65.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlkit._arguments import generator
from dlkit._checks import count
from dlkit.linear._estimator import LinearClassifier, earlier_fit, flag, reporter, training_set, warn_not_converged

__all__ = ["Perceptron"]

Array = NDArray[np.float64]

_SHORTEST, _LONGEST = 16, 4096  # how many samples are looked at, at once, for the next mistake


class Perceptron(LinearClassifier):
    """Perceptron for two or more classes; more than two are each separated from the rest.

    Goes through the samples; at each that is not strictly on its own side, yᵢ(xᵢ·w + b) ≤ 0 with yᵢ = ±1, it sets
    w ← w + sᵢyᵢxᵢ and b ← b + sᵢyᵢ, with the sample's weight sᵢ. It ends after an epoch without a mistake.

    Parameters
    ----------
    fit_intercept : bool, default True
        Whether there is a b; if not, it is 0.
    max_iter : int, default 1000
        The largest number of epochs.
    shuffle : bool, default True
        Whether each epoch goes through the samples in an order of its own, rather than as they are given.
    averaged : bool, default False
        Whether to return the mean of (w, b) over all samples looked at, instead of the last (Freund and Schapire, 1999,
        *Large margin classification using the perceptron algorithm*, Machine Learning 37). On data that are not
        separable the last (w, b) is whatever the last mistake made of it; the mean is a sound choice.
    random_state : int or numpy.random.Generator, default 0
        What shuffles. Another order may end at another boundary.
    warm_start : bool, default False
        Whether `fit` starts from the solution of the last one; not with ``averaged=True``.
    verbose : int, default 0
        1 prints the mistakes as the epochs go by.

    Attributes
    ----------
    coef_ : ndarray, shape (1, n_features) for two classes, else (n_classes, n_features)
        The weights w.
    intercept_ : ndarray, shape (1,) or (n_classes,)
        The intercept b; zeros without one.
    classes_ : ndarray, shape (n_classes,)
        The labels, sorted. With two, ``classes_[1]`` is the positive one.
    n_iter_ : int
        The epochs made, the largest number over the classes.
    n_mistakes_ : ndarray of int, shape (n_iter_,), or list of n_classes such arrays
        The mistakes in each epoch; 0 in the last one, if it has converged.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray, shape (n_features,)
        Their names, if `X` had any.

    Notes
    -----
    Novikoff (1962, *On convergence proofs on perceptrons*): put x̃ᵢ = (xᵢ, 1). If some (w, b) of length 1 has
    yᵢ(xᵢ·w + b) ≥ γ > 0 for all samples, and ‖x̃ᵢ‖ ≤ R, at most (R/γ)² mistakes are made from w = 0, in any order, with
    weights of 1. If none does, the perceptron never ends.

    Examples
    --------
    >>> from dlkit.linear import Perceptron
    >>> model = Perceptron().fit([[-2.0], [-1.0], [1.0], [2.0]], [0, 0, 1, 1])
    >>> model.score([[-2.0], [-1.0], [1.0], [2.0]], [0, 0, 1, 1])
    1.0
    """

    def __init__(
        self,
        *,
        fit_intercept: bool = True,
        max_iter: int = 1000,
        shuffle: bool = True,
        averaged: bool = False,
        random_state: Any = 0,
        warm_start: bool = False,
        verbose: int = 0,
    ) -> None:
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.averaged = averaged
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Perceptron:
        """Fit the model.

        Parameters
        ----------
        X : array_like or sparse, shape (n_samples, n_features)
            The samples, finite.
        y : array_like, shape (n_samples,)
            Their classes: integers, strings or booleans, two or more different ones.
        sample_weight : array_like, shape (n_samples,), optional
            Weights sᵢ ≥ 0 of the steps; 1 each if not given. Samples of weight 0 are left out.

        Returns
        -------
        Perceptron
            The estimator itself.

        Raises
        ------
        TypeError
            If a parameter has the wrong type.
        ValueError
            If a parameter is out of its range; if `X`, `y` or `sample_weight` do not fit or hold NaN; or if `y` has a
            single class.
        """
        epochs = count(self.max_iter, "max_iter")
        for name in ("fit_intercept", "shuffle", "averaged", "warm_start"):
            flag(getattr(self, name), name)
        if self.averaged and self.warm_start:
            raise ValueError("warm_start must be False with averaged=True: a mean is no point to go on from; got True")
        rng = generator(self.random_state, "random_state")
        data = training_set(self, X, y, sample_weight)
        start = earlier_fit(self, data.classes, data.X.shape[1])
        runs = []
        for k, signs in enumerate(data.signs()):
            rest = f"class {data.classes[k]} against the rest" if len(data.classes) > 2 else ""
            report = reporter(self, "epoch", "mistakes", title=rest)
            run = _Run(
                np.zeros(data.X.shape[1]) if start is None else start[0][k], 0.0 if start is None else start[1][k]
            )
            for _ in range(epochs):
                order = rng.permutation(len(signs)) if self.shuffle else np.arange(len(signs))
                run.epoch(data.X[order], signs[order], data.weight[order], bool(self.fit_intercept))
                if report is not None:
                    report(len(run.mistakes), run.mistakes[-1])
                if run.mistakes[-1] == 0:
                    break
            else:
                reason = f"epoch {epochs} made {run.mistakes[-1]} mistakes" + (f" on {rest}" if rest else "")
                warn_not_converged(
                    self,
                    reason,
                    "Perhaps no hyperplane separates the data, and then it never ends: raise max_iter, use "
                    "averaged=True, or fit a LinearSVM.",
                )
            if report is not None:
                report.end("an epoch without a mistake" if run.mistakes[-1] == 0 else f"max_iter={epochs} epochs")
            runs.append(run)
        points = [run.mean() if self.averaged else (run.w, run.b) for run in runs]
        self.classes_ = data.classes
        self.coef_ = np.array([w for w, _ in points])
        self.intercept_ = np.array([b for _, b in points])
        mistakes = [np.array(run.mistakes) for run in runs]
        self.n_mistakes_ = mistakes[0] if len(mistakes) == 1 else mistakes
        self.n_iter_ = max(map(len, mistakes))
        return self


@dataclass
class _Run:
    """A perceptron on its way. Its mean is w − (Σ over the steps, of when it was made times the step)/(all looks)."""

    w: Array
    b: float

    def __post_init__(self) -> None:
        self.mistakes: list[int] = []
        self.looks = 0
        self.late_w, self.late_b = np.zeros_like(self.w), 0.0

    def epoch(self, X: Any, y: Array, weight: Array, intercept: bool) -> None:
        """Go through the samples once, in this order.

        Between two mistakes w and b stay as they are, so the next mistake can be looked for among many at once: the
        steps are those of a loop over the samples.
        """
        at, stretch, mistakes = 0, _SHORTEST, 0
        while at < len(y):
            wrong = y[at : at + stretch] * (X[at : at + stretch] @ self.w + self.b) <= 0
            first = int(wrong.argmax())
            if not wrong[first]:
                at, stretch = at + len(wrong), min(2 * stretch, _LONGEST)
                continue
            i = at + first
            step = weight[i] * y[i]
            x = X[[i]].toarray()[0] if hasattr(X, "toarray") else X[i]
            self.w = self.w + step * x
            self.late_w += (self.looks + i) * step * x
            if intercept:
                self.b += step
                self.late_b += (self.looks + i) * step
            mistakes += 1
            at, stretch = i + 1, max(_SHORTEST, 2 * first)
        self.looks += len(y)
        self.mistakes.append(mistakes)

    def mean(self) -> tuple[Array, float]:
        """Return the mean of (w, b) after each look at a sample."""
        return self.w - self.late_w / self.looks, self.b - self.late_b / self.looks
