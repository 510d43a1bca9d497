"""A lower bound on the minimum, found near given weights: the certificate for methods that have no good one.

Cheap methods find good weights long before they find a good point of the dual. Where S = Σ cᵢ is large, v(α) = w asks
for sums of n terms to cancel to a small part of their size, and a mean of multipliers gets there at the rate of 1/√t or
1/t. So the proof is looked for by other means. A Newton step p of the primal objective at w has H p = −∇P(w). Let α be
the multipliers at the margins as they would change along p, were the losses quadratic. Then v(α) = w + p exactly, and
Σ αᵢyᵢ = 0 as well. What the bounds 0 ≤ αᵢ ≤ cᵢ·most cut off of α is all that is lost, and that shrinks with p.

The hinge has no curvature. It is replaced by a quadratic in a band around its kink, whose multipliers are within the
same bounds, and the band is narrowed from step to step (as in Chapelle, 2007, *Training a support vector machine in the
primal*, Neural Computation 19, section 2.3).
"""

from __future__ import annotations

import numpy as np

from dlkit.linear.margin_losses import HINGE
from dlkit.linear.problem import Array, BinaryProblem
from dlkit.linear.solvers.newton import conjugate_gradient

__all__ = ["lower_bound"]

_STEPS = 20  # each narrows the band to half, so these suffice for bands of a millionth


def lower_bound(problem: BinaryProblem, w: Array, b: float, tol: float) -> tuple[float, Array]:
    """Return the best value of the dual that some Newton steps from w and b find, and the point it has there.

    Parameters
    ----------
    problem : BinaryProblem
        With ℓ2 and finite c.
    w, b : ndarray, shape (d,), and float
        Weights and intercept near the optimum, or not: the steps are longer then, and the bound comes out worse.
    tol : float
        Stop once a step raises the bound by less than tol/10 times its size.
    """
    y, X, c = problem.y, problem.X, problem.c
    dual, best = 0.0, np.zeros(problem.n)
    margins = problem.margins(w, b)
    distance = np.abs(1 - margins)
    width = 2 * float(np.partition(distance, problem.n // 4)[problem.n // 4]) or 1.0

    def smoothed(w: Array, margins: Array, width: float) -> float:
        if problem.loss is not HINGE:
            return problem.primal(w, margins)
        ramp = np.clip((1 - margins) / width + 0.5, 0, None)
        losses = np.where(ramp < 1, width / 2 * ramp**2, 1 - margins)
        return 0.5 * float(w @ w) + float(c @ losses)

    for _ in range(_STEPS):
        if problem.loss is HINGE:
            alpha = c * np.clip((1 - margins) / width + 0.5, 0, 1)
            curvature = np.where((alpha > 0) & (alpha < c), c / width, 0.0)
        else:
            alpha, curvature = problem.multipliers(margins), c * problem.loss.curvature(margins)
        curved = np.flatnonzero(curvature)
        rows, h = X[curved], curvature[curved]

        # b enters through the mean of the curved samples: taken from it, the steps in w and b are apart.
        weight = float(h.sum())
        centred = problem.fit_intercept and weight > 0
        mean = h @ rows / weight if centred else np.zeros(problem.d)
        g, g_b = problem.subgradient(w, alpha)

        def hessian(p: Array, rows=rows, h=h, mean=mean) -> Array:  # type: ignore[no-untyped-def]
            z = h * (rows @ p - mean @ p)
            return p + rows.T @ z - mean * z.sum()

        accuracy = np.sqrt(0.1 * tol * max(dual, tol * problem.primal(w, margins)))  # ½‖v − w − p‖² is lost by it
        p = conjugate_gradient(hessian, mean * g_b - g, accuracy)
        p_b = -g_b / weight - float(mean @ p) if centred else 0.0
        alpha[curved] -= h * y[curved] * (rows @ p + p_b)
        here, point = problem.dual(alpha)
        # The step itself is halved until the objective, with the hinge's band, falls by a share of what its slope says.
        along = y * (X @ p + p_b)
        slope, length = float(g @ p) + g_b * p_b, 1.0
        before = smoothed(w, margins, width)
        while (
            length > 1e-6 and smoothed(w + length * p, margins + length * along, width) > before + 1e-4 * length * slope
        ):
            length /= 2
        w, b, margins = w + length * p, b + length * p_b, margins + length * along
        enough = here > dual and here - dual < 0.1 * tol * here
        if here > dual:
            dual, best = here, point
        if enough:
            break
        if length == 1:
            width /= 2
    return dual, best
