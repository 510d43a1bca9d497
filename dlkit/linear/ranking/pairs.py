"""Sums over all pairs of documents of a query, in O(n log n) and without making a pair.

A pair (i, j) is two documents of one query of which i is the more relevant one, rᵢ > rⱼ. There may be n²/2 of them. But
their hinge loss and its sub-gradient in the scores need only two numbers of each document: how many less relevant ones
come too near to its score from below, and to how many more relevant ones it comes too near itself. Such numbers, "how
many among these have a relevance below r", are counted bit by bit: the documents in the order of their scores, with the
relevance as a whole number, form a wavelet tree, and each bit of that number halves the work left (Claude, Navarro and
Ordóñez, 2015, *The wavelet matrix*, Information Systems 47). With L levels of relevance this takes O(n log L) after the
sorting.

Joachims (2006), *Training linear SVMs in linear time*, KDD, counts in O(L n); Lee and Lin (2014), *Large-scale linear
RankSVM*, Neural Computation 26, compare ways to do without the L.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlkit._checks import real_array

__all__ = ["PairCounts", "count_pairs", "pairwise_hinge"]

Array = NDArray[np.float64]
Integers = NDArray[np.intp]


class Queries:
    """Documents sorted by query and relevance once, to be counted for many scores.

    Parameters
    ----------
    relevance : ndarray, shape (n,)
        How relevant each document is to its query.
    group : ndarray, shape (n,), or None
        The query of each document; None if there is one only.
    """

    def __init__(self, relevance: Array, group: NDArray[Any] | None):
        n = len(relevance)
        self.query = np.zeros(n, dtype=np.intp) if group is None else np.unique(group, return_inverse=True)[1]
        self.level = np.unique(relevance, return_inverse=True)[1]
        self.bits = int(self.level.max(initial=0)).bit_length()
        self.size = np.bincount(self.query)
        self.end = np.cumsum(self.size)
        self.begin = self.end - self.size
        # pairs of equal relevance in each query: Σ over its levels of m(m − 1)/2
        cells, count = np.unique(self.query * (self.level.max(initial=0) + 1) + self.level, return_counts=True)
        within = np.bincount(cells // (self.level.max(initial=0) + 1), count * (count - 1) // 2, len(self.size))
        self.equally_relevant = within
        self.n_pairs = (self.size * (self.size - 1) // 2 - within).astype(np.int64)

    def spread(self, scores: Array) -> Array:
        """Return the scores moved, query by query, so far apart that no two queries come within 2 of each other."""
        if len(self.size) == 1:
            return scores
        low, high = np.full(len(self.size), np.inf), np.full(len(self.size), -np.inf)
        np.minimum.at(low, self.query, scores)
        np.maximum.at(high, self.query, scores)
        width = high - low + 4
        return scores + (np.cumsum(width) - width - low)[self.query]

    def too_near(self, scores: Array, margin: float, touching: bool = False) -> tuple[Integers, Integers]:
        """Return for each document the number of pairs with sᵢ < sⱼ + margin of which it is the better, or the worse.

        With `touching` those with sᵢ = sⱼ + margin count too. Both have shape (n,).
        """
        s = self.spread(scores)
        order = np.argsort(s, kind="stable")
        ascending, level, query = s[order], self.level[order], self.query[order]
        begin, end = self.begin[query], self.end[query]
        # Document j is too near to those before place below[j], and so i to those j with below[j] beyond its own place:
        # one comparison for both sides of a pair, whatever is rounded in it.
        below = np.searchsorted(ascending, ascending + margin, "right" if touching else "left")
        above = np.searchsorted(below, np.arange(len(s)), "right")
        below, above = np.clip(below, begin, end), np.clip(above, begin, end)
        as_better, as_worse = np.empty_like(self.level), np.empty_like(self.level)
        as_better[order] = self._lower(level, above, end, level)
        as_worse[order] = below - begin - self._lower(level, begin, below, level + 1)
        return as_better, as_worse

    def _lower(self, levels: Integers, low: Integers, high: Integers, bound: Integers) -> Integers:
        """Return how many of levels[low], …, levels[high − 1] are below `bound`, for many such ranges at once."""
        count = np.where(bound >> self.bits > 0, high - low, 0)  # a bound beyond all levels takes them all …
        active = np.where(bound >> self.bits > 0, 0, 1)  # … and needs no look at its bits
        for bit in range(self.bits - 1, -1, -1):
            one = (levels >> bit) & 1
            zeros = np.concatenate([[0], np.cumsum(1 - one)])
            low0, high0 = zeros[low], zeros[high]
            up = ((bound >> bit) & 1).astype(bool)
            count += np.where(up, (high0 - low0) * active, 0)  # a 0 where the bound has a 1: below it
            low = np.where(up, zeros[-1] + low - low0, low0)
            high = np.where(up, zeros[-1] + high - high0, high0)
            levels = np.concatenate([levels[one == 0], levels[one == 1]])
        return count


def pairwise_hinge(scores: Any, relevance: Any, group: Any = None) -> tuple[float, Array]:
    """Return the hinge loss of all pairs, Σ max(0, 1 − (sᵢ − sⱼ)) over rᵢ > rⱼ, and a sub-gradient in the scores.

    Parameters
    ----------
    scores : array_like, shape (n,)
        The scores s, finite.
    relevance : array_like, shape (n,)
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
    >>> loss, slope = pairwise_hinge([0.5, 0.0, 2.0], relevance=[2, 1, 1])
    >>> loss, slope.tolist()
    (3.0, [-2.0, 1.0, 1.0])
    """
    s, queries = _checked(scores, relevance, group)
    return hinge_of(queries, s)


def hinge_of(queries: Queries, scores: Array) -> tuple[float, Array]:
    """Return what `pairwise_hinge` does, for queries that are sorted already."""
    as_better, as_worse = queries.too_near(scores, 1.0)
    slope = (as_worse - as_better).astype(np.float64)
    # Each pair at a loss adds 1 − sᵢ + sⱼ. Scores count up to a shift of each query; near 0 they cancel least.
    middle = np.bincount(queries.query, scores) / queries.size
    return float(as_better.sum() + slope @ (scores - middle[queries.query])), slope


@dataclass(frozen=True)
class PairCounts:
    """Pairs of documents, by query.

    Attributes
    ----------
    concordant : ndarray of int, shape (n_queries,)
        Pairs that the scores put into the order of the relevance.
    discordant : ndarray of int, shape (n_queries,)
        Swapped pairs.
    tied_scores : ndarray of int, shape (n_queries,)
        Pairs of different relevance and equal scores.
    tied_relevance : ndarray of int, shape (n_queries,)
        Pairs of equal relevance and different scores.
    """

    concordant: Integers
    discordant: Integers
    tied_scores: Integers
    tied_relevance: Integers


def count_pairs(scores: Any, relevance: Any, group: Any = None) -> PairCounts:
    """Count the pairs of each query that the scores order as the relevance does, swap, or leave tied; O(n log n).

    Parameters
    ----------
    scores, relevance, group
        As in `pairwise_hinge`. The queries are in sorted order in what is returned.

    Examples
    --------
    >>> count_pairs([3.0, 1.0, 2.0], relevance=[2, 1, 0])
    PairCounts(concordant=array([2]), discordant=array([1]), tied_scores=array([0]), tied_relevance=array([0]))
    """
    s, queries = _checked(scores, relevance, group)
    # Whole numbers in place of the scores: to be equal is then to be equal, wherever a query is moved to.
    rank = np.unique(s, return_inverse=True)[1].astype(np.float64)
    swapped = np.bincount(queries.query, queries.too_near(rank, 0.0)[0]).astype(np.int64)
    not_better = np.bincount(queries.query, queries.too_near(rank, 0.0, touching=True)[0]).astype(np.int64)
    both = Queries(rank * (queries.level.max() + 1) + queries.level, queries.query)  # equal in both
    return PairCounts(
        concordant=queries.n_pairs - not_better,
        discordant=swapped,
        tied_scores=not_better - swapped,
        tied_relevance=(queries.equally_relevant - both.equally_relevant).astype(np.int64),
    )


def _checked(scores: Any, relevance: Any, group: Any) -> tuple[Array, Queries]:
    arrays = []
    for name, value in (("scores", scores), ("relevance", relevance)):
        array = np.asarray(real_array(value, name), dtype=np.float64)
        if array.ndim != 1 or not array.size:
            raise ValueError(f"{name} must be a list of numbers, at least one; got the shape {array.shape}")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} must be finite; got {array[~np.isfinite(array)][0]}")
        arrays.append(array)
    if len(arrays[0]) != len(arrays[1]):
        raise ValueError(
            f"scores and relevance must be as long as each other; got {len(arrays[0])} and {len(arrays[1])}"
        )
    return arrays[0], Queries(arrays[1], checked_group(group, len(arrays[1])))


def checked_group(group: Any, n: int) -> NDArray[Any] | None:
    """Return the queries of n documents as an array, or None."""
    if group is None:
        return None
    array = np.asarray(group)
    if array.shape != (n,):
        raise ValueError(f"group must hold one query id for each of the {n} documents; got the shape {array.shape}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError("group must hold query ids; got NaN or infinity among them")
    return array
