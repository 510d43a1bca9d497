"""A guess at the next point from a sample of the pairs, for a method that looks at all of them and needs few looks.

A sum over millions of pairs is nearly smooth, even of hinges, and some thousand of the pairs know its curvature well.
So let Lₛ be the loss of a sample, scaled up, with the kinks of the hinge rounded off. It is minimised in a moment. At
w, where all pairs together have the sub-gradient g, the guess is the minimum of ::

    ½‖v‖² + Lₛ(v) + (g − ∇Lₛ(w))·v

whose gradient at w is that of the whole problem. Each guess comes closer by a factor that is as small as the sample's
curvature is close to the whole's (Shamir, Srebro and Zhang, 2014, *Communication-efficient distributed optimization
using an approximate Newton-type method*, ICML).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dlkit.linear.margin_losses import SQUARED_HINGE, MarginLoss
from dlkit.linear.ranking.pairs import Array, Pairs
from dlkit.linear.solvers.newton import newton_cg

__all__ = ["ROUNDED_HINGE", "SampledPairs"]

_WIDTH = 0.5  # the kink is a parabola for margins from 1 − _WIDTH to 1 + _WIDTH


def _short_of(margin: Array) -> Array:
    return np.clip(1 + _WIDTH - margin, 0, 2 * _WIDTH)


ROUNDED_HINGE = MarginLoss(
    "rounded_hinge",
    value=lambda m: np.where(m < 1 - _WIDTH, 1 - m, _short_of(m) ** 2 / (4 * _WIDTH)),
    slope=lambda m: -_short_of(m) / (2 * _WIDTH),
    curvature=lambda m: (np.abs(1 - m) < _WIDTH) / (2 * _WIDTH),
    gain=lambda a: a + _WIDTH * a * (1 - a),
    most=1.0,
)


class SampledPairs:
    """Guesses from a sample of the pairs.

    Parameters
    ----------
    X : ndarray or scipy.sparse.csr_array, shape (n, d)
        The documents.
    pairs : Pairs
        All pairs.
    c : ndarray, shape (n,)
        What the loss of a pair counts, for each document, and the same for all documents of a query.
    squared : bool
        Whether it is the squared hinge.
    size : int
        How many pairs to draw.
    rng : numpy.random.Generator
        What draws them.
    """

    def __init__(self, X: Any, pairs: Pairs, c: Array, squared: bool, size: int, rng: np.random.Generator):
        better, worse = pairs.sample(size, rng, c)
        self.differences = X[better] - X[worse]
        self.loss = SQUARED_HINGE if squared else ROUNDED_HINGE
        first = np.cumsum(pairs.size) - pairs.size
        self.each = float(c[pairs.in_order[first]] @ pairs.n_pairs) / size
        self._at: Array | None = None

    def start(self) -> Array:
        """Return the minimum of ½‖v‖² + Lₛ(v), roughly, shape (d,)."""
        nowhere = np.zeros(self.differences.shape[1])
        return self._minimum(nowhere, nowhere, 1e-2 * float(np.abs(self._gradient(nowhere)).max()))

    def __call__(self, w: Array, g: Array) -> Array:
        """Return the guess, for the sub-gradient g of the whole loss at w; shapes (d,)."""
        return self._minimum(w, g - self._gradient(w), 1e-2 * float(np.abs(w + g).max()))

    def _gradient(self, w: Array) -> Array:
        return self.each * (self.differences.T @ self.loss.slope(self.differences @ w))

    def _minimum(self, start: Array, tilt: Array, tol: float) -> Array:
        def objective_and_gradient(v: Array) -> tuple[float, Array]:
            margins = self.differences @ v
            value = 0.5 * float(v @ v) + self.each * float(self.loss.value(margins).sum()) + float(tilt @ v)
            return value, v + self.each * (self.differences.T @ self.loss.slope(margins)) + tilt

        return newton_cg(objective_and_gradient, self._hessian_times, start, tol=tol, max_iter=50).x

    def _hessian_times(self, w: Array, v: Array) -> Array:
        if w is not self._at:  # many products are asked for at one point
            curvature = self.loss.curvature(self.differences @ w)
            curved = curvature > 0
            self._at, self._curved, self._curvature = w, self.differences[curved], self.each * curvature[curved]
        return v + self._curved.T @ (self._curvature * (self._curved @ v))
