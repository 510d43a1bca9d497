"""Newton's method for logistic regression on many samples: few passes over all of them.

A pass over the data, the two products with X that make a gradient, is what costs. Three ideas save passes:

* **Curvature from a sample.** The gradient comes from all samples, and so is exact; the Hessian, which only shapes the
  step, from some of them (Byrd, Chin, Neveitt and Nocedal, 2011, *On the use of stochastic Hessian information in
  optimization methods for machine learning*, SIAM J. Optim. 21). If a step does not halve the gradient, the sample
  speaks for too few, and is doubled.
* **Whitened features.** The Hessian is nearly Σ cᵢ q xᵢxᵢᵀ + I for each class, with one number q for p(1 − p): its
  value where all classes are alike. With that matrix as LLᵀ and V = LᵀW it is nearly the identity in V, and conjugate
  gradients need 3 to 10 iterations instead of tens or hundreds.
* **A start from a sample.** The minimum on a sixteenth of the samples, which costs next to nothing, is near that on
  all of them.
"""

from __future__ import annotations

import numpy as np
from numpy.linalg import norm
from scipy.linalg import cholesky, solve_triangular

from dlkit.linear.softmax_problem import Array, SoftmaxProblem
from dlkit.linear.solvers.newton import NewtonResult, Report, conjugate_gradient, newton

__all__ = ["Whitening", "subsampled_newton"]

_ACCURACY = 0.2  # of the conjugate gradients; a sampled Hessian does not deserve more
_LARGEST_GRAM = 2000  # features; with more they are scaled only


def subsampled_newton(
    problem: SoftmaxProblem,
    *,
    x0: Array | None,
    tol: float,
    max_iter: int,
    rng: np.random.Generator,
    report: Report | None = None,
) -> NewtonResult:
    """Minimise by Newton's method, with the curvature of a sample.

    Parameters
    ----------
    problem : SoftmaxProblem
        With the ℓ2 penalty.
    x0 : ndarray, optional
        Where to start; by default at the minimum on a part of the samples, if there are many.
    tol : float
        Stop once no entry of the gradient is larger than `tol` times ``problem.term_sizes()``.
    max_iter : int
        The largest number of steps on all samples.
    rng : numpy.random.Generator
        What draws the samples.
    report : callable, optional
        ``report(step, f, g)`` is called at the start and after each step on all samples.

    Returns
    -------
    NewtonResult
        The last iterate, the objective along the way on all samples, and why it stopped.
    """
    n, unknowns = problem.n, problem.shape[0]
    order = rng.permutation(n)
    few = max(n // 16, 2 * unknowns)
    if x0 is None and few <= n // 4:
        part = problem.part(np.sort(order[:few]))  # a sorted index walks through the memory once
        x0 = subsampled_newton(part, x0=None, tol=max(tol, 1e-3), max_iter=max_iter, rng=rng).x
    elif x0 is None:
        x0 = np.zeros(unknowns * problem.columns)

    def sample(size: int) -> SoftmaxProblem:
        return problem if size >= n else problem.part(np.sort(order[:size]))

    curved = sample(max(n // 4, 16 * unknowns))
    white = Whitening(sample(8 * unknowns))
    before = np.inf

    def direction(w: Array, g: Array) -> Array:
        nonlocal curved, before
        g = white.gradient(g)
        size = float(norm(g))
        if size > 0.5 * before and curved.n < n:
            curved = sample(2 * curved.n)
        before = size

        def product(v: Array) -> Array:
            return white.gradient(curved.hessian_vector_product(w, white.step(v)))

        return white.step(conjugate_gradient(product, -g, _ACCURACY * size))

    return newton(problem.objective_and_gradient, direction, x0, tol * problem.term_sizes(), max_iter, report=report)


class Whitening:
    """New coordinates V = LᵀW in which the Hessian of a problem, where all classes are alike, is nearly the identity.

    Parameters
    ----------
    problem : SoftmaxProblem
        Its samples make the matrix LLᵀ = Σ cᵢ q xᵢxᵢᵀ + R″, q = (1 − 1/K)/K. With very many features, L is diagonal.
    """

    def __init__(self, problem: SoftmaxProblem):
        q = (1 - 1 / problem.n_classes) / problem.n_classes
        self.shape = problem.shape
        self.diagonal = problem.d > _LARGEST_GRAM
        if self.diagonal:
            self.L = np.sqrt(q * problem.squares()[:, None] + problem.ridge)
        else:
            H = q * problem.gram(problem.weight)
            H[np.diag_indices_from(H)] += problem.ridge[:, 0] + 1e-12 * H.diagonal()  # of full rank, rounded
            self.L = cholesky(H, lower=True, overwrite_a=True, check_finite=False)

    def gradient(self, g: Array) -> Array:
        """Return the gradient with respect to V, from that with respect to W: L⁻¹G."""
        return self._solve(g, 0)

    def step(self, v: Array) -> Array:
        """Return the step in W, from that in V: L⁻ᵀV."""
        return self._solve(v, 1)

    def _solve(self, v: Array, transposed: int) -> Array:
        V = v.reshape(self.shape)
        if self.diagonal:
            return (V / self.L).ravel()
        return solve_triangular(self.L, V, trans=transposed, lower=True, check_finite=False).ravel()
