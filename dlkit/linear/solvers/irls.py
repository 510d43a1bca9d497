"""Newton's method for logistic regression as the textbook has it: iteratively reweighted least squares (IRLS).

For two classes with the probabilities p = σ(Xw) a Newton step solves a least-squares problem with the weights
s = c·p(1 − p) and a working response t ::

    w ← argmin over w of ½‖w‖² + ½ Σᵢ sᵢ (tᵢ − xᵢ·w)²,     tᵢ = xᵢ·w + cᵢ(yᵢ − pᵢ)/sᵢ

that is, (XᵀSX + I) w = XᵀS t. For K classes S is a K × K matrix for each sample, diag(p) − p pᵀ, and the system has dK
rows. The matrix is made and factorised, so d and K must be small. Hastie, Tibshirani and Friedman (2009), *The Elements
of Statistical Learning*, 2nd ed., section 4.4.1; Bishop (2006), *Pattern Recognition and Machine Learning*, sections
4.3.3 and 4.3.4.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from dlkit.linear.softmax_problem import Array, SoftmaxProblem
from dlkit.linear.solvers.newton import NewtonResult, Report, newton

__all__ = ["MOST_UNKNOWNS", "irls"]

MOST_UNKNOWNS = 4000  # a matrix of 128 MB, factorised in about a second


def irls(
    problem: SoftmaxProblem,
    *,
    x0: Array,
    tol: Array,
    max_iter: int,
    give_up: Callable[[Array], bool] = lambda w: False,
    report: Report | None = None,
) -> NewtonResult:
    """Minimise by reweighted least squares; a step that does not lower the objective is halved.

    Parameters
    ----------
    problem : SoftmaxProblem
        With the ℓ2 penalty or none, and at most `MOST_UNKNOWNS` unknowns.
    x0, tol, max_iter, give_up, report
        As in `dlkit.linear.solvers.newton.newton`.

    Returns
    -------
    NewtonResult
        The last iterate, the objective along the way, and why it stopped.

    Raises
    ------
    ValueError
        If there are too many unknowns, or the matrix is singular: without a penalty, features that depend on one
        another.
    """
    if len(x0) > MOST_UNKNOWNS:
        raise ValueError(
            f"solver='irls' makes the whole Hessian and takes at most {MOST_UNKNOWNS} unknowns; got {len(x0)} "
            f"(features, and the intercept, times classes). Take solver='newton', which needs only products with it"
        )

    def direction(w: Array, g: Array) -> Array:
        H, right = normal_equations(problem, w, g)
        try:
            return cho_solve(cho_factor(H, check_finite=False), right, check_finite=False) - w
        except LinAlgError:
            raise ValueError(
                "solver='irls' met a singular Hessian: features that are constant or depend on one another, and no "
                "penalty. Leave such features out of X, choose a finite C, or take solver='newton'"
            ) from None

    return newton(problem.objective_and_gradient, direction, x0, tol, max_iter, give_up, report)


def normal_equations(problem: SoftmaxProblem, w: Array, g: Array) -> tuple[Array, Array]:
    """Return the matrix H of the least-squares problem at w, where the gradient is g, and its right-hand side H w − g.

    For K > 2 classes H is singular, as a shift common to all classes changes no score's difference. A term that is not
    0 on such shifts only makes it regular, and changes no step: steps have no part along them.
    """
    rows, columns = problem.shape
    p = problem.probabilities(w)[:, -columns:]
    H = np.empty((rows, columns, rows, columns))
    for k in range(columns):
        for m in range(k, columns):
            S = problem.weight * p[:, k] * (float(k == m) - p[:, m])
            H[:, k, :, m] = H[:, m, :, k] = problem.gram(S)
    own = np.arange(rows)
    for k in range(columns):
        H[own, k, own, k] += problem.ridge[:, 0]
    if columns > 1:
        spread = np.einsum("ikik->i", H) / columns**2  # of the size of the other curvatures of this feature
        H[own, :, own, :] += np.where(spread > 0, spread, 1.0)[:, None, None]
    flat = H.reshape(rows * columns, rows * columns)
    return flat, flat @ w - g
