"""The linear support vector machine: dlkit, LIBLINEAR and stochastic gradients to the same objective.

Without an intercept all of them minimise ½‖w‖² + C Σ max(0, 1 − yᵢ xᵢ·w), with C = 1; SGDClassifier's alpha is 1/(C n).
The minimum is known from dlkit's duality gap at 1e-9.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np
from scipy.sparse import diags_array, random_array
from scipy.sparse.linalg import norm
from sklearn.linear_model import SGDClassifier
from sklearn.svm import LinearSVC

from benchmarks.reach import Fit, Reached, time_to
from dlkit.linear import LinearSVM
from dlkit.optim import InverseSquareRoot, InverseTime

Data = tuple[Any, np.ndarray]


def dense(n: int, d: int) -> Data:
    """Make standard normal features and labels of a logistic model, about one in eight of them on the wrong side."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d))
    w = 2 * rng.standard_normal(d) / np.sqrt(d)
    return X, np.sign(X @ w + 0.5 * rng.logistic(size=n))


def sparse(n: int, d: int, density: float) -> Data:
    """Make rows of length 1 with a few positive entries, as in texts, and labels of a logistic model."""
    rng = np.random.default_rng(0)
    X = random_array(
        (n, d), density=density, format="csr", rng=rng, data_sampler=lambda size: np.abs(rng.standard_normal(size))
    )
    X = (diags_array(1 / np.maximum(norm(X, axis=1), 1e-9)) @ X).tocsr()
    X.sort_indices()
    return X, np.sign(X @ (6 * rng.standard_normal(d)) + 0.3 * rng.logistic(size=n))


PROBLEMS: dict[str, Callable[[], Data]] = {
    "dense, n = 20,000, d = 100": lambda: dense(20_000, 100),
    "dense, n = 200,000, d = 50": lambda: dense(200_000, 50),
    "sparse, n = 100,000, d = 20,000, 0.2 % non-zero": lambda: sparse(100_000, 20_000, 0.002),
}


def measure(name: str, accuracy: float) -> tuple[list[Reached], float, float]:
    """Time all on one problem; return also the minimum and the objective's certified gap there."""
    X, y = PROBLEMS[name]()
    exact = LinearSVM(fit_intercept=False, tol=1e-9, max_iter=10_000).fit(X, y)
    competitors = {
        "dlkit": [(f"tol={accuracy:g}", _fit(LinearSVM(fit_intercept=False, tol=accuracy), X, y))],
        "LinearSVC": list(_liblinear(X, y)),
        "SGDClassifier": list(_sgd(X, y)),
    }
    if accuracy >= 1e-3:
        competitors |= {
            "dlkit, pegasos": list(_stochastic(X, y)),
            "dlkit, the deck's descent, tuned": list(_descent(X, y)),
        }
    return time_to(accuracy, exact.dual_objective_, competitors), exact.objective_, exact.duality_gap_


def _fit(model: Any, X: Any, y: np.ndarray) -> Fit:
    def fit() -> float:
        w = model.fit(X, y).coef_[0]
        return 0.5 * float(w @ w) + float(np.maximum(0, 1 - y * (X @ w)).sum())

    return fit


def _liblinear(X: Any, y: np.ndarray) -> Iterator[tuple[str, Fit]]:
    for steps, tol in ((5, 0.3), (10, 0.3), (20, 0.1), (30, 0.1), (50, 0.03), (100, 1e-2), (200, 1e-3), (1000, 1e-4)):
        model = LinearSVC(loss="hinge", fit_intercept=False, tol=tol, max_iter=steps, random_state=0)
        yield f"max_iter={steps}, tol={tol:g}", _fit(model, X, y)
    for steps, tol in ((10_000, 1e-5), (100_000, 1e-6)):
        model = LinearSVC(loss="hinge", fit_intercept=False, tol=tol, max_iter=steps, random_state=0)
        yield f"max_iter={steps}, tol={tol:g}", _fit(model, X, y)


def _sgd(X: Any, y: np.ndarray) -> Iterator[tuple[str, Fit]]:
    rates = [("optimal", 0.01), *product(["constant", "invscaling"], [3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1])]
    for epochs in (1, 2, 3, 5, 10, 20, 50):
        for average, (schedule, eta) in product((True, False), rates):
            model = SGDClassifier(
                loss="hinge", alpha=1 / len(y), fit_intercept=False, average=average, learning_rate=schedule,
                eta0=eta, max_iter=epochs, tol=None, random_state=0,
            )  # fmt: skip
            yield f"{epochs} epochs, {schedule} {eta:g}, average={average}", _fit(model, X, y)


def _stochastic(X: Any, y: np.ndarray) -> Iterator[tuple[str, Fit]]:
    for epochs in (1, 2, 5, 10, 20, 50, 100):
        model = LinearSVM(solver="pegasos", fit_intercept=False, tol=1e-12, max_iter=epochs)
        yield f"{epochs} epochs", _fit(model, X, y)


def _descent(X: Any, y: np.ndarray) -> Iterator[tuple[str, Fit]]:
    schedules = [
        (f"{eta:g}/{form}", schedule(eta))
        for eta in (1.0, 0.1, 1e-2, 1e-3, 1e-4)
        for form, schedule in (("t", InverseTime), ("√t", InverseSquareRoot))
    ]
    for steps in (30, 100, 300, 1000):
        for name, schedule in schedules:
            model = LinearSVM(solver="subgradient", schedule=schedule, fit_intercept=False, tol=1e-12, max_iter=steps)
            yield f"{steps} steps, η = {name}", _fit(model, X, y)
