"""The ranking SVM: the time of a look at all pairs against n, and a whole fit beside LIBLINEAR on sampled pairs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import warnings
from statistics import median
from typing import Any

import numpy as np
from sklearn.svm import LinearSVC

from benchmarks.harness import ROOT, THREAD_VARIABLES
from dlkit.linear import RankSVM
from dlkit.linear.ranking import kendall_tau
from dlkit.linear.ranking.pairs import Pairs
from dlkit.linear.ranking.pairwise import hinge_of

SIZES = (10**3, 10**4, 10**5, 10**6)


def documents(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Make n documents of one query with 20 features, and their relevance from 0 to 4."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 20))
    w = np.random.default_rng(99).standard_normal(20)
    return X, np.digitize(X @ w + 2 * rng.standard_normal(n), [-4, 0, 4, 8])


def look(n: int, levels: int, rounds: int = 5) -> float:
    """Return the median seconds of the loss of all pairs and its sub-gradient."""
    rng = np.random.default_rng(0)
    queries, scores = Pairs(rng.integers(0, levels, n)), rng.standard_normal(n)
    spent = []
    for _ in range(rounds):
        start = time.perf_counter()
        hinge_of(queries, scores)
        spent.append(time.perf_counter() - start)
    return median(spent)


def fits(n: int = 10**5, rounds: int = 7) -> dict[str, Any]:
    """Time RankSVM on all pairs of n documents and LinearSVC on n differences of sampled pairs, in turn.

    Both losses weigh as much together, C times the pairs = 1000, and τ is that of 10,000 other documents.
    """
    X, r = documents(n)
    rng = np.random.default_rng(1)
    i, j = rng.integers(0, n, (2, 3 * n))
    keep = np.flatnonzero(r[i] != r[j])[:n]
    sign = np.sign(r[i[keep]] - r[j[keep]])
    differences = X[i[keep]] - X[j[keep]]
    n_pairs = int(Pairs(r).n_pairs.sum())
    ours = RankSVM(C=1000 / n_pairs, tol=1e-3)
    settings = {"C": 1000 / n, "loss": "hinge", "fit_intercept": False, "random_state": 0}
    theirs = {"LinearSVC": LinearSVC(**settings), "LinearSVC, tol=1e-3": LinearSVC(**settings, tol=1e-3)}
    runs = {"dlkit": lambda: ours.fit(X, r)}
    runs |= {name: (lambda model=model: model.fit(differences, sign)) for name, model in theirs.items()}
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    held_out, relevance = documents(10_000, seed=5)
    faster = [min(seconds[name][k] for name in theirs) for k in range(rounds)]
    return {
        "seconds": {name: median(spent) for name, spent in seconds.items()},
        "ratio": median(a / b for a, b in zip(seconds["dlkit"], faster, strict=True)),
        "gap": ours.duality_gap_ / ours.objective_,
        "tau": {"dlkit": kendall_tau(relevance, ours.predict(held_out))}
        | {name: kendall_tau(relevance, held_out @ model.coef_[0]) for name, model in theirs.items()},
    }


def exponent(spent: dict[str, float]) -> float:
    """Return p of the law n^p that fits the seconds best; n log₂ n has 1.08 between 10³ and 10⁶."""
    return float(np.polyfit(np.log([int(n) for n in spent]), np.log(list(spent.values())), 1)[0])


def in_a_process() -> dict[str, Any]:
    """Do all of it on one core and thread."""
    environment = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, "1")}
    command = [sys.executable, "-m", "benchmarks.ranking"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=True)
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # LinearSVC at its default settings need not have converged
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    looks = {f"{n}": {"5 levels": look(n, 5), "all distinct": look(n, n)} for n in SIZES}
    print(json.dumps({"looks": looks, "fits": fits()}))
