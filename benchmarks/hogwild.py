"""Hogwild! on sparse data: how much sooner two processes reach a loss than one.

Logistic regression on words of a made-up language: a sample has some 40 of 20,000 features, whose frequencies fall as
1/rank, as those of words do. So some features are in most samples, and processes do collide there. One process and two
take turns on the same machine; the result is the median of the ratios of turns side by side. Run on a machine with two
free cores; the time of starting the processes is given both within and without.

    python -m benchmarks hogwild
"""

from __future__ import annotations

import os
import statistics
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from dlkit.descent import History, hogwild

SAMPLES, FEATURES, WORDS = 20_000, 20_000, 40
EPOCHS, TURNS, RATE = 8, 5, 0.5


def loss(w: Any, X: Any, y: Any) -> Any:
    """Return the mean logistic loss, for labels of ±1."""
    return np.logaddexp(0, -y * (X @ w)).mean()


def gradient(w: Any, X: Any, y: Any) -> Any:
    """Return the gradient of `loss`."""
    return X.T @ (-y / (1 + np.exp(y * (X @ w)))) / len(y)


def language(seed: int = 0) -> tuple[csr_array, np.ndarray]:
    """Return samples of norm 1 and their labels."""
    rng = np.random.default_rng(seed)
    frequency = 1 / np.arange(1, FEATURES + 1)
    words = rng.choice(FEATURES, size=(SAMPLES, WORDS), p=frequency / frequency.sum())
    rows = np.repeat(np.arange(SAMPLES), WORDS)
    X = csr_array((np.ones(rows.size), (rows, words.ravel())), shape=(SAMPLES, FEATURES))
    X.sum_duplicates()
    X = csr_array(X.multiply(1 / np.sqrt(X.power(2).sum(axis=1))[:, None]))
    return X, np.where(X @ rng.standard_normal(FEATURES) + 0.3 * rng.standard_normal(SAMPLES) > 0, 1.0, -1.0)


def measure() -> dict[str, Any]:
    """Return seconds to the same loss for one process and two, and their ratio.

    Returns
    -------
    dict
        Named in words. The ratio is the median of one/two, without the start of the processes unless it says so; the
        number of busy processes before (the load of the last minute) tells whether there were two free cores.
    """
    busy = os.getloadavg()[0]
    data = language()

    def run(workers: int, target: float | None = None) -> History:
        return hogwild(
            loss,
            np.zeros(FEATURES),
            data,
            RATE,
            epochs=2 * EPOCHS,
            rng=1,
            workers=workers,
            gradient=gradient,
            target=target,
            progress=False,
        )

    # Half-way between two epochs of one process: a little noise does not change which epoch is the first below it.
    values = run(1).values
    target = float(values[EPOCHS - 1] + values[EPOCHS]) / 2
    turns = [(run(1, target), run(2, target)) for _ in range(TURNS)]
    without, within, losses = [], [], []
    for one, two in turns:
        without.append((one.seconds[-1], two.seconds[-1]))
        within.append((one.seconds[-1] + one.startup, two.seconds[-1] + two.startup))
        losses.append(two.values[-1] / one.values[-1])
    ratios = [one / two for one, two in without]
    return {
        "work": f"logistic regression, {SAMPLES} samples, {data[0].nnz / SAMPLES:.0f} of {FEATURES} features each",
        "seconds, one process": statistics.median(one for one, _ in without),
        "seconds, two processes": statistics.median(two for _, two in without),
        "ratio": statistics.median(ratios),
        "lowest and highest ratio": f"{min(ratios):.2f} to {max(ratios):.2f}",
        "target": "≥ 1.5, on two free cores",
        "ratio with the start of processes": statistics.median(one / two for one, two in within),
        "loss reached, two over one": statistics.median(losses),
        "busy processes before": busy,
    }
