"""Losses of all pairs of documents of a query, as functions of the scores, with their derivatives.

A pair (i, j) with rᵢ > rⱼ has the margin sᵢ − sⱼ. Its hinge costs 1 − sᵢ + sⱼ if it is active, which is a margin below
1, and else nothing. With pᵢ active pairs in which i is the better document, and qᵢ in which it is the worse one ::

    Σ (1 − sᵢ + sⱼ) = Σ pᵢ + Σ (qᵢ − pᵢ) sᵢ

so q − p is a sub-gradient. The squares need sums of scores beside numbers: see `SquaredHinge`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dlkit.linear.ranking.pairs import Array, Pairs

__all__ = ["SquaredHinge", "hinge_of", "pairwise_hinge", "pairwise_squared_hinge"]


def pairwise_hinge(scores: Any, relevance: Any, group: Any = None) -> tuple[float, Array]:
    """Return the hinge loss of all pairs, Σ max(0, 1 − (sᵢ − sⱼ)) over rᵢ > rⱼ, and a sub-gradient in the scores.

    Parameters
    ----------
    scores : array_like of real numbers, shape (n,)
        The scores s, finite.
    relevance : array_like of real numbers, shape (n,)
        The relevance r; pairs are made of documents with different ones.
    group : array_like, shape (n,), optional
        The query of each document, in any order; by default all belong to one.

    Returns
    -------
    loss : float
        The sum.
    subgradient : ndarray, shape (n,)
        For each document the number of pairs at a loss in which it is the worse, less those in which it is the better.
        Pairs at the kink, sᵢ − sⱼ = 1, count as being at none.

    Raises
    ------
    TypeError, ValueError
        If an argument is no list of finite numbers, or their lengths differ.

    Examples
    --------
    >>> pairwise_hinge([0.0, 2.5, 2.0], relevance=[0, 1, 2])
    (1.5, array([ 0.,  1., -1.]))
    """
    return hinge_of(Pairs(relevance, group), scores)


def pairwise_squared_hinge(scores: Any, relevance: Any, group: Any = None) -> tuple[float, Array]:
    """Return Σ max(0, 1 − (sᵢ − sⱼ))² over all pairs, and its gradient in the scores; the rest as `pairwise_hinge`.

    Examples
    --------
    >>> pairwise_squared_hinge([0.0, 2.5, 2.0], relevance=[0, 1, 2])
    (2.25, array([ 0.,  3., -3.]))
    """
    here = SquaredHinge(Pairs(relevance, group), scores)
    return here.value, here.gradient


def hinge_of(pairs: Pairs, scores: Any, weight: Array | None = None) -> tuple[float, Array]:
    """Return what `pairwise_hinge` does, for pairs that are at hand; `weight` as for `SquaredHinge`."""
    as_better, as_worse = pairs.counts(scores)
    slope = (as_worse - as_better).astype(np.float64)
    total = float(as_better.sum())
    if weight is not None:
        slope, total = weight * slope, float(weight @ as_better)
    return total + float(slope @ pairs.centred(np.asarray(scores, dtype=np.float64))), slope


class SquaredHinge:
    """The squared hinge of all pairs at some scores, with its first and second derivative.

    With A the matrix of the active pairs, p and q its row and column sums, and hᵢⱼ = 1 − sᵢ + sⱼ ::

        gradient  g = 2 (q − p) + H s
        Hessian   H v = 2 ((p + q)·v − (A + Aᵀ) v)
        value     Σ hᵢⱼ² = Σ hᵢⱼ + Σ hᵢⱼ (sⱼ − sᵢ) = Σ pᵢ + Σ (qᵢ − pᵢ) sᵢ + ½ Σ gᵢ sᵢ

    Parameters
    ----------
    pairs : Pairs
        The pairs.
    scores : array_like of real numbers, shape (n,)
        The scores s, finite.
    weight : ndarray, shape (n,), optional
        What a pair counts, for each document, and the same for all documents of a query.

    Attributes
    ----------
    value : float
        The sum.
    gradient : ndarray, shape (n,)
        Its gradient in s.
    """

    def __init__(self, pairs: Pairs, scores: Any, weight: Array | None = None):
        self.active = pairs.active(scores)
        s = pairs.centred(np.asarray(scores, dtype=np.float64))
        self.weight = np.ones(len(s)) if weight is None else weight
        as_better, as_worse = pairs.counts(scores)
        self.degree = as_better + as_worse
        slope = self.weight * (as_worse - as_better)
        self.gradient = 2 * slope + self.hessian_times(s)
        self.value = float(self.weight @ as_better + slope @ s + self.gradient @ s / 2)

    def hessian_times(self, v: Array) -> Array:
        """Return H v, shape (n,). H jumps where a pair gets to the margin of 1; it is not active there."""
        return 2 * self.weight * (self.degree * v - self.active.sums(v))
