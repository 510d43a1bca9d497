"""A lower bound on the minimum, found near given weights: the certificate for methods that have no good one.

Cheap methods find good weights long before they find a good point of the dual. Where S = Σ cᵢ is large, v(α) = w asks
for sums of n terms to cancel to a small part of their size, and a mean of multipliers gets there at the rate of 1/√t or
1/t. So the proof is looked for by other means. A Newton step p of the primal objective at w has H p = −∇P(w). Let α be
the multipliers at the margins as they would change along p, were the losses quadratic. Then v(α) = w + p exactly, and
Σ αᵢyᵢ = 0 as well. What the bounds 0 ≤ αᵢ ≤ cᵢ·most cut off of α is all that is lost, and that shrinks with p.

The hinge has no curvature, and neither has ℓ1. Each is replaced by a quadratic in a band around its kink, whose slopes
are within the same bounds, and the bands are narrowed from step to step (for the hinge as in Chapelle, 2007, *Training
a support vector machine in the primal*, Neural Computation 19, section 2.3).

This never changes the weights that it judges. That its own would be better ones is the case for Newton's method.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.linalg import norm

from dlkit.linear.margin_losses import HINGE
from dlkit.linear.problem import Array, BinaryProblem
from dlkit.linear.solvers.newton import conjugate_gradient

__all__ = ["lower_bound"]

_STEPS = 20  # most of them narrow the bands to half, so these suffice for a hundred-thousandth of the first ones


def lower_bound(problem: BinaryProblem, w: Array, b: float, tol: float) -> tuple[float, Array]:
    """Return the best value of the dual that some Newton steps from w and b find, and the point it has there.

    Parameters
    ----------
    problem : BinaryProblem
        With finite c.
    w, b : ndarray, shape (d,), and float
        Weights and intercept near the optimum, or not: then the bound may be far below the minimum, but it is one.
    tol : float
        Stop once a step raises the bound by less than tol/10 of its size.
    """
    y, X = problem.y, problem.X
    dual, best = 0.0, np.zeros(problem.n)
    margins = problem.margins(w, b)
    smooth = _Smoothed(problem, w, margins)
    for _ in range(_STEPS):
        alpha, curvature = smooth.multipliers(margins)
        v = problem.combination(alpha)
        slope, ridge = smooth.penalty_slope(w)
        g, g_b = slope - v, -float(y @ alpha) if problem.fit_intercept else 0.0

        # b enters through the mean of the curved samples: taken from it, the steps in w and b are apart.
        curved = np.flatnonzero(curvature)
        rows, h = X[curved], curvature[curved]
        weight = float(h.sum())
        centred = problem.fit_intercept and weight > 0
        mean = h @ rows / weight if centred else np.zeros(problem.d)

        def hessian(p: Array, rows: Any = rows, h: Array = h, mean: Array = mean, ridge: Array = ridge) -> Array:
            z = h * (rows @ p - mean @ p)
            return ridge * p + rows.T @ z - mean * z.sum()

        # With ℓ2, ½‖v − w − p‖² is lost by a rough solution; with ℓ1, a share of the size of the largest error. Far
        # from the optimum more is lost by other things.
        loss = tol * max(dual, tol * problem.primal(w, margins))
        accuracy = np.sqrt(0.1 * loss) if problem.penalty == "l2" else 0.1 * tol
        right = mean * g_b - g
        p = conjugate_gradient(hessian, right, max(accuracy, 0.02 * float(norm(right))))
        p_b = -g_b / weight - float(mean @ p) if centred else 0.0
        alpha[curved] -= h * y[curved] * (rows @ p + p_b)
        here, point = problem.dual(alpha)

        # The step itself is halved until the smoothed objective falls by a share of what its slope says.
        along = y * (X @ p + p_b)
        descent, before, length = float(g @ p) + g_b * p_b, smooth.primal(w, margins), 1.0
        while smooth.primal(w + length * p, margins + length * along) > before + 1e-4 * length * descent:
            length /= 2
            if length < 1e-6:
                break
        w, b, margins = w + length * p, b + length * p_b, margins + length * along
        enough = here > dual and here - dual < 0.1 * tol * here
        if here > dual:
            dual, best = here, point
        if enough:
            break
        if length == 1:
            smooth.narrow()
    return dual, best


class _Smoothed:
    """The problem with quadratics in bands around the kinks: of the hinge, ``width`` wide, and of ℓ1, 2·``band``."""

    def __init__(self, problem: BinaryProblem, w: Array, margins: Array) -> None:
        self.problem, self.l2, self.hinge = problem, problem.penalty == "l2", problem.loss is HINGE
        quarter = problem.n // 4
        self.width = 2 * float(np.partition(np.abs(1 - margins), quarter)[quarter]) or 1.0  # a quarter is in the band
        self.band = float(np.abs(w).max(initial=0)) or 1.0

    def narrow(self) -> None:
        self.width /= 2
        self.band /= 2

    def multipliers(self, margins: Array) -> tuple[Array, Array]:
        """Return the multipliers and how fast they fall as the margins grow, both of shape (n,)."""
        c, loss = self.problem.c, self.problem.loss
        if not self.hinge:
            return self.problem.multipliers(margins), c * loss.curvature(margins)
        ramp = (1 - margins) / self.width + 0.5
        return c * np.clip(ramp, 0, 1), np.where((ramp > 0) & (ramp < 1), c / self.width, 0.0)

    def penalty_slope(self, w: Array) -> tuple[Array, Array]:
        """Return the penalty's gradient and the diagonal of its Hessian, both of shape (d,)."""
        if self.l2:
            return w, np.ones_like(w)
        # Beyond the band there is no curvature. A thousandth keeps the steps from running off.
        return np.clip(w / self.band, -1, 1), np.where(np.abs(w) < self.band, 1.0, 1e-3) / self.band

    def primal(self, w: Array, margins: Array) -> float:
        """Return the smoothed objective."""
        size = np.abs(w)
        penalty = w**2 / 2 if self.l2 else np.where(size < self.band, size**2 / (2 * self.band), size - self.band / 2)
        if not self.hinge:
            losses = self.problem.loss.value(margins)
        else:
            ramp = np.maximum((1 - margins) / self.width + 0.5, 0)
            losses = np.where(ramp < 1, self.width / 2 * ramp**2, 1 - margins)
        return float(penalty.sum()) + float(self.problem.c @ losses)
