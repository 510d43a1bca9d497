"""Pairs of documents of a query: counted, and summed over, in O(n log n), and never made.

A pair (i, j) is two documents of one query of which i is the more relevant one, rᵢ > rⱼ. There may be n²/2 of them. The
better one should score higher by a margin, say 1; a pair that does not have it, sᵢ − sⱼ < 1, is *active*. All that
losses and gradients ask for is in how many active pairs each document is, as the better and as the worse one, or sums
of scores in place of these numbers.

Sort by score. Then the active partners of i are the less relevant ones of all documents from a certain place on. Write
the relevances of a query as ranks 0, 1, 2, … in binary: of two different ones, the first bit in which they differ tells
the larger. So go through the bits. At each, the documents stand in groups whose higher bits agree, each sorted by
score; a document with a 1 counts the 0s of its group from its place on; then all are split by the bit, and the places
are carried over. That is a pass over n numbers for each bit: O(n log n) even where all relevances differ, and less with
a few levels. The layout is that of a wavelet matrix (Claude, Navarro and Ordóñez, 2015, *The wavelet matrix*,
Information Systems 47).

Joachims (2006), *Training linear SVMs in linear time*, KDD, takes a pass for each level of relevance; Lee and Lin
(2014), *Large-scale linear RankSVM*, Neural Computation 26, a search tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlkit._checks import real_array

__all__ = ["ActivePairs", "PairCounts", "Pairs", "count_pairs"]

Array = NDArray[np.float64]
Integers = NDArray[np.intp]


class Pairs:
    """All pairs (i, j) of documents of one query with rᵢ > rⱼ.

    Parameters
    ----------
    relevance : array_like of real numbers, shape (n,)
        How relevant each document is, n ≥ 1; only the order within a query counts.
    group : array_like, shape (n,), optional
        The query of each document, a number or a string, in any order; all are of one query if not given.

    Attributes
    ----------
    query : ndarray of int, shape (n,)
        The queries, numbered 0 … n_queries − 1 in the order of their sorted names.
    size : ndarray of int, shape (n_queries,)
        How many documents each query has.
    n_pairs : ndarray of int, shape (n_queries,)
        How many pairs.
    in_order, begin, below : ndarrays of int, shape (n,)
        The documents by query and by relevance; for each place in that order, where its query begins there, and how
        many documents of the query are less relevant, which are the first ones of it.

    Raises
    ------
    TypeError
        If `relevance` does not hold real numbers.
    ValueError
        If it is not finite, or `group` has another length or holds NaN.
    """

    def __init__(self, relevance: Any, group: Any = None):
        r = numbers(relevance, "relevance")
        n = len(r)
        self.query = _queries(group, n)
        self.size = np.bincount(self.query)
        # The documents by query and relevance. A rank counts the different relevances of the query that are lower.
        order = np.argsort(r, kind="stable")
        if len(self.size) > 1:
            order = order[np.argsort(_short(self.query[order], len(self.size)), kind="stable")]
        level, query = r[order], self.query[order]
        begin = np.repeat(np.cumsum(self.size) - self.size, self.size)
        new = np.ones(n, dtype=bool)
        new[1:] = (np.diff(query) != 0) | (np.diff(level) != 0)
        rank = np.cumsum(new)
        rank -= rank[begin]
        self._bits = int(rank.max()).bit_length()
        self._rank: NDArray[np.integer[Any]] = np.empty(n, dtype=np.uint8 if self._bits <= 8 else np.int32)
        self._rank[order] = rank
        runs = np.flatnonzero(new)
        self.in_order, self.begin = order, begin
        self.below = np.repeat(runs, np.diff(runs, append=n)) - begin
        self.n_pairs = np.add.reduceat(self.below, np.cumsum(self.size) - self.size)

    def counts(self, scores: Any, margin: float = 1.0, touching: bool = False) -> tuple[Integers, Integers]:
        """Count the active pairs of each document, those with sᵢ − sⱼ < margin.

        Parameters
        ----------
        scores : array_like of real numbers, shape (n,)
            The scores s, finite.
        margin : float
            How far the better document should be ahead; 0 counts swapped pairs.
        touching : bool
            Whether pairs with sᵢ − sⱼ = margin count as well.

        Returns
        -------
        as_better, as_worse : ndarrays of int, shape (n,)
            In how many active pairs a document is the more, and the less relevant one. Their sums are equal.
        """
        order, place = self._sorted(self._checked(scores), margin, touching)
        as_better, as_worse = np.zeros(len(order), dtype=np.intp), np.zeros(len(order), dtype=np.intp)
        for split, zeros, zeros_before, ones_before in self._levels(order, place):
            order, as_better, as_worse = order.take(split), as_better.take(split), as_worse.take(split)
            as_better[zeros:] += zeros_before[1] - zeros_before[0]
            as_worse[:zeros] += ones_before[1] - ones_before[0]
        counts = np.empty((2, len(order)), dtype=np.intp)
        counts[:, order] = as_better, as_worse
        return counts[0], counts[1]

    def active(self, scores: Any, margin: float = 1.0) -> ActivePairs:
        """Return the active pairs, for sums over them; `scores`, shape (n,), and `margin` as in `counts`."""
        order, place = self._sorted(self._checked(scores), margin, False)
        return ActivePairs(order, list(self._levels(order, place)))

    def sample(self, size: int, rng: np.random.Generator, weight: Array | None = None) -> tuple[Integers, Integers]:
        """Draw `size` pairs (i, j) with replacement, each as likely as the other, or by the `weight` of document i."""
        up_to = np.cumsum(self.below if weight is None else self.below * weight[self.in_order])
        better = np.searchsorted(up_to, up_to[-1] * rng.random(size), "right")
        worse = self.begin[better] + (self.below[better] * rng.random(size)).astype(np.intp)
        return self.in_order[better], self.in_order[worse]

    def centred(self, scores: Array) -> Array:
        """Return the scores less the mean of their query: no margin changes, and sums lose no digits to an offset."""
        return scores - (np.bincount(self.query, scores) / self.size)[self.query]

    def _checked(self, scores: Any) -> Array:
        s = numbers(scores, "scores").astype(np.float64, copy=False)
        if len(s) != len(self.query):
            raise ValueError(f"scores and relevance must be as long as each other; got {len(s)} and {len(self.query)}")
        return s

    def _sorted(self, s: Array, margin: float, touching: bool) -> tuple[Integers, Integers]:
        """Return the documents by query and score, and for each how many places stand before its first active partner.

        Both runs that are joined below are sorted, so that a stable sort has only to merge them. One comparison decides
        for both sides of a pair, whatever is rounded in it.
        """
        n = len(s)
        order = np.argsort(s)
        ascending = s[order]
        runs = [ascending - margin, ascending] if touching else [ascending, ascending - margin]  # the first wins ties
        merged = np.argsort(np.concatenate(runs), kind="stable")
        is_document = (merged >= n) == touching
        merged[merged >= n] -= n
        if len(self.size) > 1:
            by_query = np.argsort(_short(self.query, len(self.size))[order[merged]], kind="stable")
            merged, is_document = merged[by_query], is_document[by_query]
        return order[merged[is_document]], np.flatnonzero(~is_document) - np.arange(n)

    def _levels(self, order: Integers, place: Integers) -> Iterator[_Level]:
        """Go through the bits, from the highest one, and split the documents at each.

        Yields
        ------
        split : ndarray of int, shape (n,)
            The new order, as places in the old one: all documents with a 0 at this bit, then those with a 1.
        zeros : int
            How many have a 0.
        zeros_before : two ndarrays of int, shape (number of ones,)
            For each document with a 1: how many of all 0s stand before its first active partner among those of its
            group, and how many before the end of its group.
        ones_before : two ndarrays of int, shape (number of zeros,)
            For each document with a 0: how many of all 1s stand before the begin of its group, and how many before the
            first that is not an active partner.
        """
        rank: NDArray[Any] = self._rank[order]
        n = len(order)
        group = np.append(np.cumsum(self.size) - self.size, n)  # where the groups begin, and the end
        for bit in range(self._bits - 1, -1, -1):
            one = (rank >> bit) & 1 != 0
            ones = np.zeros(n + 1, dtype=np.intp)
            np.cumsum(one, out=ones[1:])
            zeros = n - int(ones[-1])
            split = np.concatenate([np.flatnonzero(~one), np.flatnonzero(one)])
            ones_there = ones.take(place).take(split)
            place, rank = place.take(split), rank.take(split)
            place[:zeros] -= ones_there[:zeros]
            active_from = place[zeros:] - ones_there[zeros:]
            active_up_to = np.cumsum(np.bincount(active_from, minlength=zeros + 1)[:zeros])
            place[zeros:] = ones_there[zeros:] + zeros

            ones_in = ones[group]
            zeros_in = group - ones_in
            ends = np.repeat(zeros_in[1:], np.diff(ones_in))
            begins = np.repeat(ones_in[:-1], np.diff(zeros_in))
            yield split, zeros, (active_from, ends), (begins, active_up_to)
            group = np.concatenate([zeros_in, ones_in[1:] + zeros])
            group = group[np.diff(group, prepend=-1) > 0]  # without those that are empty


_Level = tuple[Integers, int, tuple[Integers, Integers], tuple[Integers, Integers]]


class ActivePairs:
    """The active pairs as a matrix A of n × n zeros and ones, Aᵢⱼ = 1 if (i, j) is active, which is never made.

    `Pairs.active` makes it. It takes 24 n bytes for each bit of the ranks.
    """

    def __init__(self, order: Integers, levels: list[_Level]):
        self._order, self._levels = order, levels

    def sums(self, v: Array) -> Array:
        """Return (A + Aᵀ) v, shape (n,): the sum of v over all active partners of each document."""
        order, total = self._order, np.zeros(len(v))
        v = v[order]
        for split, zeros, zeros_before, ones_before in self._levels:
            order, v, total = order.take(split), v.take(split), total.take(split)
            for mine, partners, before in (
                (slice(zeros, None), v[:zeros], zeros_before),
                (slice(zeros), v[zeros:], ones_before),
            ):
                up_to = np.concatenate([[0.0], np.cumsum(partners)])
                total[mine] += up_to[before[1]] - up_to[before[0]]
        result = np.empty(len(v))
        result[order] = total
        return result


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
    scores : array_like of real numbers, shape (n,)
        The scores, finite.
    relevance, group
        As in `Pairs`. What is returned has the queries in sorted order.

    Examples
    --------
    >>> count_pairs([3.0, 1.0, 2.0], relevance=[2, 1, 0])
    PairCounts(concordant=array([2]), discordant=array([1]), tied_scores=array([0]), tied_relevance=array([0]))
    """
    pairs = Pairs(relevance, group)
    swapped, not_better = (
        np.add.reduceat(pairs.counts(scores, 0.0, touching)[0][pairs.in_order], np.cumsum(pairs.size) - pairs.size)
        for touching in (False, True)
    )
    return PairCounts(
        concordant=pairs.n_pairs - not_better,
        discordant=swapped,
        tied_scores=not_better - swapped,
        # The pairs of different scores are those above and those of equal relevance.
        tied_relevance=Pairs(scores, pairs.query).n_pairs - (pairs.n_pairs - not_better) - swapped,
    )


def numbers(values: Any, name: str) -> NDArray[Any]:
    """Return `values` as an array of finite real numbers with one axis and an entry at least."""
    array = real_array(values, name, None)
    if array.ndim != 1 or not array.size:
        raise ValueError(f"{name} must be a list of numbers, at least one; got the shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite; got {array[~np.isfinite(array)][0]}")
    return array


def _queries(group: Any, n: int) -> Integers:
    """Return the queries of n documents, numbered by their sorted names."""
    if group is None:
        return np.zeros(n, dtype=np.intp)
    array = np.asarray(group)
    if array.shape != (n,):
        raise ValueError(f"group must hold one query id for each of the {n} documents; got the shape {array.shape}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError("group must hold query ids; got NaN or infinity among them")
    return np.unique(array, return_inverse=True)[1]


def _short(values: Integers, end: int) -> NDArray[Any]:
    """Return integers below `end` with 16 bits if these do: such ones numpy sorts in a fixed number of passes."""
    return values.astype(np.uint16) if end <= 1 << 16 else values
