"""The linear support vector machine: dlkit, LIBLINEAR and stochastic gradients to the same objective.

Without an intercept all of them minimise ½‖w‖² + C Σ max(0, 1 − yᵢ xᵢ·w). SGDClassifier's alpha is 1/(C n); it is 1e-4,
its default, or 1/n, which is C = 1, the default of the others. The minimum is known from dlkit's duality gap at 1e-9.

dlkit is timed twice. "dlkit" has tol = the accuracy: its time includes a proof that it got there, which the others do
not give. "dlkit, loosest" is treated as they are: the first of a ladder of tolerances to come that near is timed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import product
from typing import Any

import numpy as np
from scipy.sparse import diags_array, random_array
from scipy.sparse.linalg import norm
from sklearn.linear_model import SGDClassifier
from sklearn.svm import LinearSVC

from benchmarks.harness import ROOT, THREAD_VARIABLES
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


def measure(name: str, alpha: float | None, accuracy: float) -> tuple[list[Reached], float, float]:
    """Time all on one problem, with C = 1/(alpha n) or 1; return also the minimum and how far it is certain.

    The first two are dlkit with its proof and without.
    """
    X, y = PROBLEMS[name]()
    C = 1.0 if alpha is None else 1 / (alpha * len(y))
    exact = LinearSVM(C=C, fit_intercept=False, tol=1e-9, max_iter=10_000).fit(X, y)
    tolerances = [(f"tol={t * accuracy:g}", t * accuracy) for t in (10, 5, 3, 2, 1)]
    ours = [(name, _fit(LinearSVM(C=C, fit_intercept=False, tol=tol), X, y)) for name, tol in tolerances]
    competitors = {
        "dlkit": ours[-1:],
        "dlkit, loosest": ours,
        "LinearSVC": list(_liblinear(X, y, C)),
        "SGDClassifier": list(_sgd(X, y, C)),
    }
    if accuracy >= 1e-3 and alpha is not None:
        competitors |= {
            "dlkit, pegasos": list(_stochastic(X, y, C)),
            "dlkit, the deck's descent, tuned": list(_descent(X, y, C)),
        }
    return time_to(accuracy, exact.dual_objective_, competitors), exact.objective_, exact.duality_gap_


def _fit(model: Any, X: Any, y: np.ndarray) -> Fit:
    C = 1 / (model.alpha * len(y)) if isinstance(model, SGDClassifier) else model.C

    def fit() -> float:
        w = model.fit(X, y).coef_[0]
        return 0.5 * float(w @ w) + C * float(np.maximum(0, 1 - y * (X @ w)).sum())

    return fit


def _liblinear(X: Any, y: np.ndarray, C: float) -> Iterator[tuple[str, Fit]]:
    for steps in (5, 10, 20, 30, 50, 100, 200, 300, 500, 1000, 3000, 10_000, 100_000):
        for tol in (0.3, 0.1, 1e-2) if steps <= 100 else (1e-3, 1e-4):  # the tolerance may stop it before
            model = LinearSVC(C=C, loss="hinge", fit_intercept=False, tol=tol, max_iter=steps, random_state=0)
            yield f"max_iter={steps}, tol={tol:g}", _fit(model, X, y)


def _sgd(X: Any, y: np.ndarray, C: float) -> Iterator[tuple[str, Fit]]:
    rates = [("optimal", 0.01), *product(["constant", "invscaling"], [1e-3, 3e-3, 1e-2, 3e-2])]
    for epochs in (1, 2, 3, 5, 10, 20, 50):
        for average, (schedule, eta) in product((True, False), rates):
            model = SGDClassifier(
                loss="hinge", alpha=1 / (C * len(y)), fit_intercept=False, average=average, learning_rate=schedule,
                eta0=eta, max_iter=epochs, tol=None, random_state=0,
            )  # fmt: skip
            yield f"{epochs} epochs, {schedule} {eta:g}, average={average}", _fit(model, X, y)


def _stochastic(X: Any, y: np.ndarray, C: float) -> Iterator[tuple[str, Fit]]:
    for epochs in (1, 2, 5, 10, 20, 50, 100):
        model = LinearSVM(C=C, solver="pegasos", fit_intercept=False, tol=1e-12, max_iter=epochs)
        yield f"{epochs} epochs", _fit(model, X, y)


def _descent(X: Any, y: np.ndarray, C: float) -> Iterator[tuple[str, Fit]]:
    schedules = [
        (f"{eta:g}/{form}", schedule(eta))
        for eta in (1.0, 0.1, 1e-2, 1e-3, 1e-4)
        for form, schedule in (("t", InverseTime), ("√t", InverseSquareRoot))
    ]
    for steps in (30, 100, 300, 1000):
        for name, schedule in schedules:
            model = LinearSVM(
                C=C, solver="subgradient", schedule=schedule, fit_intercept=False, tol=1e-12, max_iter=steps
            )
            yield f"{steps} steps, η = {name}", _fit(model, X, y)


def in_a_process(name: str, alpha: float | None, accuracy: float) -> tuple[list[Reached], float, float]:
    """Do what `measure` does, on one core and thread."""
    environment = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, "1")}
    command = [sys.executable, "-m", "benchmarks.svm", name, str(alpha or ""), str(accuracy)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=True)
    reached, minimum, gap = json.loads(done.stdout.splitlines()[-1])
    return [Reached(**r) for r in reached], minimum, gap


if __name__ == "__main__":
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    reached, minimum, gap = measure(sys.argv[1], float(sys.argv[2]) if sys.argv[2] else None, float(sys.argv[3]))
    print(json.dumps(([asdict(r) for r in reached], minimum, gap)))
