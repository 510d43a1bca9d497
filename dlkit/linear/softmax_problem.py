"""What logistic regression minimises, for two or more classes, with its derivatives, its dual and the gap to it.

The problem is to minimise over W, shape (d, K), and b ::

    P(W, b) = R(W) + Σᵢ cᵢ (log Σₖ exp zᵢₖ − zᵢ,yᵢ),     zᵢ = xᵢW + b,     R(W) = ½‖W‖², Σ|W| or nothing

and its dual to maximise over one distribution πᵢ on the classes for each sample ::

    D(π) = Σᵢ cᵢ entropy(πᵢ) − R*(V),    V = Σᵢ cᵢ xᵢ (e_yᵢ − πᵢ),    Σᵢ cᵢ (e_yᵢ − πᵢ) = 0

where the last constraint is there because b is not penalised, and R*(V) is ½‖V‖² for ℓ2; for ℓ1 it is 0 if no entry of
V exceeds 1 in size, and else ∞ (Yu, Huang and Lin, 2011, *Dual coordinate descent methods for logistic regression and
maximum entropy models*, Machine Learning 85, section 5). At the optimum πᵢ = softmax(zᵢ).

Two classes are the softmax with two classes, one pinned: the score of class 0 is 0, that of class 1 is z, and
softmax(0, z)₁ = σ(z). So both cases take one path, and differ only in which columns of the scores are free.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from scipy.special import entr

from dlkit.activations import softmax
from dlkit.losses import softmax_cross_entropy

__all__ = ["SoftmaxProblem", "pinned"]

Array = NDArray[np.float64]
Labels = NDArray[np.intp]


def pinned(Z: Array) -> Array:
    """Return the scores of all classes: a single column is class 1's, and class 0's is pinned at 0."""
    return np.column_stack([np.zeros(len(Z)), Z]) if Z.shape[1] == 1 else Z


class SoftmaxProblem:
    """A linear model with the cross entropy of its softmax as loss; its smooth part, and the dual of the whole.

    The unknowns are one flat vector w, of an array of the shape (d, columns), or (d + 1, columns) with the intercept as
    last row; `columns` is 1 for two classes, else K.

    Parameters
    ----------
    X : ndarray or scipy.sparse.csr_array, shape (n, d)
        The samples, float64.
    label : ndarray of int, shape (n,)
        Their classes, 0 … K − 1.
    weight : ndarray, shape (n,)
        The weights c of their losses, > 0: C, or C times the sample's weight.
    n_classes : int
        K ≥ 2.
    penalty : {"l2", "l1", "none"}
        R. Value and derivatives have it only if it is smooth, without ℓ1.
    fit_intercept : bool
        Whether b is free; if not, it is 0.
    """

    def __init__(
        self,
        X: Any,
        label: Labels,
        weight: Array,
        n_classes: int,
        penalty: Literal["l2", "l1", "none"],
        fit_intercept: bool,
    ):
        self.X, self.label, self.weight, self.n_classes = X, label, weight, n_classes
        self.penalty, self.fit_intercept = penalty, fit_intercept
        self.n, self.d = X.shape
        self.columns = 1 if n_classes == 2 else n_classes
        self.shape = (self.d + fit_intercept, self.columns)
        self.ridge = np.full((self.shape[0], 1), float(penalty == "l2"))  # the Hessian of R
        self.ridge[self.d :] = 0
        self._last: tuple[Array, float, Array, Array] | None = None

    def part(self, rows: Any) -> SoftmaxProblem:
        """Return the problem on some of the samples, an index of any kind, which then stand for the others as well."""
        X, weight = self.X[rows], self.weight[rows] * (self.n / len(self.label[rows]))
        return SoftmaxProblem(X, self.label[rows], weight, self.n_classes, self.penalty, self.fit_intercept)

    def scores(self, w: Array) -> Array:
        """Return the scores of all classes, shape (n, K)."""
        W = w.reshape(self.shape)
        Z = self.X @ W[: self.d]
        if self.fit_intercept:
            Z += W[-1]
        return pinned(Z)

    def combination(self, A: Array) -> Array:
        """Return Σᵢ xᵢ aᵢ over the samples for A of the shape (n, K), pinned columns left out: the shape of W and b."""
        A = A[:, -self.columns :]
        G = np.empty(self.shape)
        G[: self.d] = self.X.T @ A
        if self.fit_intercept:
            G[-1] = A.sum(axis=0)
        return G

    def _flat(self, G: Array) -> Array:
        # Scores count up to a shift common to all classes, so the columns of all derivatives sum to 0 (with ℓ2 those of
        # W as well). Rounding must not add to that sum: nothing in the objective would ever take it away again.
        return (G if self.columns == 1 else G - G.mean(axis=1, keepdims=True)).ravel()

    def _at(self, w: Array) -> tuple[Array, float, Array, Array]:
        """Return w, the objective, its gradient and the probabilities, which are kept for the next call."""
        if self._last is None or not np.array_equal(self._last[0], w):
            W, scores = w.reshape(self.shape), self.scores(w)
            f = 0.5 * float(np.sum(self.ridge * W**2)) + float(self.weight @ softmax_cross_entropy(scores, self.label))
            probabilities = softmax(scores)
            residual = probabilities.copy()
            residual[np.arange(self.n), self.label] -= 1
            residual *= self.weight[:, None]
            self._last = w.copy(), f, self._flat(self.combination(residual) + self.ridge * W), probabilities
        return self._last

    def objective_and_gradient(self, w: Array) -> tuple[float, Array]:
        """Return the smooth part of P at w, and its gradient."""
        _, f, g, _ = self._at(w)
        return f, g.copy()

    def hessian_vector_product(self, w: Array, v: Array) -> Array:
        """Return the Hessian of the smooth part at w, times v."""
        probabilities = self._at(w)[3]
        # How the scores move along v, and then the probabilities p: dp = p·(dz − mean of dz under p).
        dZ = self.scores(v)
        dZ -= np.einsum("ik,ik->i", probabilities, dZ)[:, None]
        dZ *= probabilities
        dZ *= self.weight[:, None]
        return self._flat(self.combination(dZ) + self.ridge * v.reshape(self.shape))

    def probabilities(self, w: Array) -> Array:
        """Return the softmax of the scores at w, shape (n, K)."""
        return self._at(w)[3]

    def squares(self) -> Array:
        """Return Σᵢ cᵢ xᵢⱼ² for each feature, and the intercept: the diagonal of ``gram(weight)``."""
        squares = self.weight @ (self.X * self.X if not issparse(self.X) else self.X.multiply(self.X).tocsr())
        return np.append(squares, self.weight.sum()) if self.fit_intercept else squares

    def gram(self, weight: Array) -> Array:
        """Return Σᵢ weightᵢ xᵢᵀxᵢ, the intercept's 1 included, shape (d + 1, d + 1), or (d, d) without."""
        XtX = self.X.T @ (self.X * weight[:, None] if not issparse(self.X) else self.X.multiply(weight[:, None]))
        G = np.empty((self.shape[0], self.shape[0]))
        G[: self.d, : self.d] = XtX.toarray() if issparse(XtX) else XtX
        if self.fit_intercept:
            G[-1, :-1] = G[:-1, -1] = self.X.T @ weight
            G[-1, -1] = weight.sum()
        return G

    def term_sizes(self) -> Array:
        """Return, for each coordinate of w, the largest size the losses' derivative can have: Σᵢ cᵢ|xᵢⱼ|."""
        sizes = np.zeros(self.d)
        block = max(1, 100_000 // max(1, self.d))  # numbers that stay in a core's cache
        for first in range(0, self.n, self.n if issparse(self.X) else block):
            rows = slice(first, None if issparse(self.X) else first + block)
            sizes += self.weight[rows] @ abs(self.X[rows])
        return np.repeat(np.append(sizes, self.weight.sum()) if self.fit_intercept else sizes, self.columns)

    def primal(self, w: Array) -> float:
        """Return P at w, all penalties included."""
        return self._at(w)[1] + (float(np.abs(w.reshape(self.shape)[: self.d]).sum()) if self.penalty == "l1" else 0.0)

    def dual(self, w: Array) -> float:
        """Return D at a feasible point near the probabilities at w: a lower bound on the minimum of P.

        Without a penalty it is −∞, as no such point is near by.
        """
        if self.penalty == "none":
            return -np.inf
        own = np.eye(self.n_classes)[self.label]
        pi = self._at(w)[3]
        if self.fit_intercept:
            mass, due = self.weight @ pi, self.weight @ own
            lack = np.maximum(due - mass, 0)
            if lack.any():  # classes with too much give of theirs, and those with too little share it
                given = pi * (np.maximum(mass - due, 0) / np.where(mass > 0, mass, 1))
                pi = pi - given + given.sum(axis=1, keepdims=True) * (lack / lack.sum())
        V = self.combination(self.weight[:, None] * (own - pi))[: self.d]
        conjugate = 0.5 * float(np.sum(V**2))
        if self.penalty == "l1":
            shrink = 1 / max(1.0, float(np.abs(V).max(initial=0)))
            pi, conjugate = own + shrink * (pi - own), 0.0
        return float(self.weight @ entr(np.maximum(pi, 0)).sum(axis=1)) - conjugate

    # Without a penalty, is there a minimum at all? None exists if some direction U keeps every sample on the right
    # side: its scores a = xU have mₖ = a_y − aₖ ≥ 0 for all classes k of all samples, not all 0. Two signs tell:
    # - All samples are on the right side of W, strictly: then W is such a direction itself.
    # - Newton's step p keeps moving the scores, however small the gradient is. Let δₖ = d_y − dₖ be the moves d = xp of
    #   a sample's scores, and E the mean under its softmax. U'Hp = −U'g reads Σᵢ E[m (δ − Eδ)] = Σᵢ E[m], so some
    #   sample has δₖ − Eδ ≥ 1: two of its scores move apart by 1 or more. Where there is a minimum, the steps shrink to
    #   nothing on the way to it. (Half of 1 is asked for, as conjugate gradients leave the step inexact.)

    def separated(self, w: Array) -> bool:
        """Tell whether w gives every sample's own class the largest score, strictly."""
        scores = self.scores(w)
        rows = np.arange(self.n)
        own = scores[rows, self.label]
        scores[rows, self.label] = -np.inf
        return bool((own > scores.max(axis=1)).all())

    def keeps_moving(self, step: Array) -> bool:
        """Tell whether Newton's last step moves two scores of a sample apart, though the gradient is next to 0."""
        return bool(np.ptp(self.scores(step), axis=1).max() > 0.5)
