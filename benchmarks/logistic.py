"""Multinomial logistic regression on 60,000 made images: the time to a given gap, beside scikit-learn's lbfgs.

The data stand for MNIST, which no benchmark may download: 28 × 28 smooth blobs, five shapes for each of ten classes,
dark at the rim (a fifth of the pixels is always 0), with values clipped to [0, 1].

What counts is how hard they are for a method that sees gradients only. They are easier than MNIST, not by much: on
10,000 images scikit-learn's lbfgs needed some 35 and 75 iterations to a relative gap of 1e-3 and 1e-6 with the
regularisation λ = 1/(Cn) = 1e-2, and 50 and 110 on as many of MNIST's; 60 and 120 with 1e-3, and 70 and 165 there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import warnings
from statistics import median
from typing import Any
from unittest import mock

import numpy as np

from benchmarks.harness import ROOT, THREAD_VARIABLES

N = 60_000
GAPS = (1e-3, 1e-6)


def images(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return n made images, shape (n, 784), and their classes, 0 … 9."""
    rng = np.random.default_rng(seed)
    pixel, frequency = np.arange(28), np.arange(16)
    waves = np.cos(np.pi * np.outer(pixel + 0.5, frequency) / 28)
    modes = np.einsum("ik,jl->klij", waves, waves).reshape(256, 784)
    size = 1 / (1 + np.add.outer(frequency**2, frequency**2).ravel() / 16)  # fine waves are weak
    y = rng.integers(0, 10, n)
    shapes = rng.standard_normal((50, 256)) * size
    X = (shapes[5 * y + rng.integers(0, 5, n)] + 0.6 * rng.standard_normal((n, 256)) * size) @ modes
    X /= X.std(axis=0)
    rim = np.add.outer((pixel - 13.5) ** 2, (pixel - 13.5) ** 2).ravel() / 49
    X += 0.5 - rim
    X *= 3
    return np.clip(X, 0, 1, out=X), y


def measure(threads: int, strength: float, rounds: int = 3) -> dict[str, Any]:
    """Time dlkit and scikit-learn, in turn, in one process with so many threads.

    Parameters
    ----------
    threads : int
        Cores and threads.
    strength : float
        λ = 1/(C n).
    rounds : int
        How often each has its turn.

    Returns
    -------
    dict
        ``dlkit`` and ``lbfgs``: for each gap of `GAPS`, the median seconds and the iterations; ``ratio``: for each gap
        the median over the rounds of dlkit's seconds over lbfgs's; ``proof``: the duality gap of the reference minimum,
        relative.
    """
    environment = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(threads))}
    command = [sys.executable, "-m", "benchmarks.logistic", str(threads), str(strength), str(rounds)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=True)
    return json.loads(done.stdout.splitlines()[-1])


class _Reached(dict):
    """When lbfgs reached which gap: a callback that knows the minimum and stops at the last gap."""

    def __init__(self, minimum: float):
        self.minimum, self.iterations, self.begin = minimum, 0, time.perf_counter()

    def __call__(self, intermediate_result: Any) -> None:
        self.iterations += 1
        for gap in GAPS:
            if gap not in self and intermediate_result.fun <= self.minimum * (1 + gap):
                self[gap] = time.perf_counter() - self.begin, self.iterations
        if GAPS[-1] in self:
            raise StopIteration


def lbfgs(X: np.ndarray, y: np.ndarray, strength: float, minimum: float) -> dict[float, tuple[float, int]]:
    """Return seconds and iterations of scikit-learn's lbfgs to each gap.

    It gets the best possible stopping rule, the gap itself, and the seconds count to the moment it is there.
    """
    from scipy import optimize
    from sklearn.linear_model import LogisticRegression

    reached = _Reached(minimum * strength)  # scikit-learn's solver sees the objective divided by Cn
    plain = optimize.minimize
    with mock.patch.object(optimize, "minimize", lambda *a, **k: plain(*a, **k | {"callback": reached})):
        model = LogisticRegression(C=1 / (strength * len(y)), solver="lbfgs", tol=1e-12, max_iter=10_000)
        model.fit(X, y)
    return dict(reached)


def dlkit(X: np.ndarray, y: np.ndarray, strength: float, iterations: int) -> float:
    """Return the seconds of dlkit's fit with so many iterations."""
    from dlkit.linear import LogisticRegression

    begin = time.perf_counter()
    LogisticRegression(C=1 / (strength * len(y)), solver="subsampled_newton", tol=1e-12, max_iter=iterations).fit(X, y)
    return time.perf_counter() - begin


def work(threads: int, strength: float, rounds: int) -> dict[str, Any]:
    """Do what `measure` promises, in this process."""
    from dlkit.linear import LogisticRegression

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    warnings.simplefilter("ignore")  # a fit that is stopped at a gap has not converged
    X, y = images(N)
    exact = LogisticRegression(C=1 / (strength * N), solver="subsampled_newton", tol=1e-7).fit(X, y)
    minimum = exact.objective_
    needed = {gap: int(np.argmax(exact.loss_curve_ <= minimum * (1 + gap))) for gap in GAPS}
    ours: dict[float, list[float]] = {gap: [] for gap in GAPS}
    theirs: dict[float, list[float]] = {gap: [] for gap in GAPS}
    for _ in range(rounds):
        reached = lbfgs(X, y, strength, minimum)
        for gap in GAPS:
            ours[gap].append(dlkit(X, y, strength, max(1, needed[gap])))
            theirs[gap].append(reached[gap][0])
    return {
        "dlkit": [(median(ours[gap]), needed[gap]) for gap in GAPS],
        "lbfgs": [(median(theirs[gap]), reached[gap][1]) for gap in GAPS],
        "ratio": [median(a / b for a, b in zip(ours[gap], theirs[gap], strict=True)) for gap in GAPS],
        "proof": exact.duality_gap_ / minimum,
    }


if __name__ == "__main__":
    print(json.dumps(work(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))))
