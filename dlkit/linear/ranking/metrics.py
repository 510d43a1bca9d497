"""How good a ranking is: Kendall's τ and the discounted cumulative gain, query by query."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlkit._checks import count
from dlkit.linear._estimator import choice
from dlkit.linear.ranking.pairs import Pairs, count_pairs, numbers

__all__ = ["dcg", "kendall_tau", "ndcg"]

Array = NDArray[np.float64]


def kendall_tau(relevance: Any, scores: Any, group: Any = None) -> float:
    """Return Kendall's τ_b between relevance and scores, the mean over the queries (Kendall, 1945, *Biometrika* 33).

    τ_b = (P − Q)/√((P + Q + S)(P + Q + R)) with P pairs in order, Q swapped, S tied in the scores only and R in the
    relevance only. Without ties that is the share of pairs in order less the share of swapped ones.

    Parameters
    ----------
    relevance : array_like, shape (n,)
        The relevance of the documents.
    scores : array_like, shape (n,)
        The scores of a model.
    group : array_like, shape (n,), optional
        The query of each document; by default all belong to one.

    Returns
    -------
    float
        In [−1, 1]. A query in which all scores are equal counts as 0: it is no ranking. Queries without two documents
        of different relevance have no τ and are left out.

    Raises
    ------
    ValueError
        If no query has two documents of different relevance, or an argument is not as described.

    Examples
    --------
    >>> round(kendall_tau([2, 1, 0], [3.0, 1.0, 2.0]), 3)
    0.333
    """
    pairs = count_pairs(scores, relevance, group)
    ordered = pairs.concordant + pairs.discordant
    able = ordered + pairs.tied_scores > 0
    if not able.any():
        raise ValueError("relevance must differ between two documents of a query at least; it is constant in each")
    difference = (pairs.concordant - pairs.discordant)[able].astype(float)
    size = np.sqrt((ordered + pairs.tied_scores)[able].astype(float) * (ordered + pairs.tied_relevance)[able])
    return float(np.mean(np.divide(difference, size, out=np.zeros_like(size), where=size > 0)))


def ndcg(relevance: Any, scores: Any, group: Any = None, *, k: int | None = None, gain: str = "exponential") -> float:
    """Return the normalised discounted cumulative gain, the mean over the queries: `dcg` over the largest possible.

    Parameters
    ----------
    relevance, scores, group, k, gain
        As in `dcg`; the relevance must be ≥ 0.

    Returns
    -------
    float
        In [0, 1]. Queries without a relevant document (all gains 0) say nothing and are left out.

    Raises
    ------
    ValueError
        If no query has a relevant document, or an argument is not as described.
    """
    r = np.asarray(relevance, dtype=np.float64)
    if r.size and r.min() < 0:
        raise ValueError(f"relevance must be >= 0 for a gain; got {r.min()}")
    got, best = (dcg(relevance, by, group, k=k, gain=gain) for by in (scores, relevance))
    able = best > 0
    if not able.any():
        raise ValueError("relevance must be > 0 for one document at least; it is 0 for all")
    return float(np.mean(got[able] / best[able]))


def dcg(relevance: Any, scores: Any, group: Any = None, *, k: int | None = None, gain: str = "exponential") -> Array:
    """Return Σ gain(r)/log₂(1 + place) for each query, with the documents in the order of falling scores.

    Järvelin and Kekäläinen (2002), *Cumulated gain-based evaluation of IR techniques*, ACM TOIS 20; the exponential
    gain is that of Burges et al. (2005), *Learning to rank using gradient descent*, ICML.

    Parameters
    ----------
    relevance : array_like, shape (n,)
        The relevance of the documents.
    scores : array_like, shape (n,)
        The scores of a model. Documents with equal scores share their places: each counts with the mean gain of them.
    group : array_like, shape (n,), optional
        The query of each document; by default all belong to one.
    k : int, optional
        Only the first k places count.
    gain : {"exponential", "linear"}
        2ʳ − 1, or r.

    Returns
    -------
    ndarray, shape (n_queries,)
        The queries are in sorted order.
    """
    pairs, s = Pairs(relevance, group), numbers(scores, "scores").astype(np.float64)
    if len(s) != len(pairs.query):
        raise ValueError(f"scores and relevance must be as long as each other; got {len(s)} and {len(pairs.query)}")
    choice(gain, "gain", ("exponential", "linear"))
    places = len(s) if k is None else count(k, "k")
    r = np.asarray(relevance, dtype=np.float64)
    gains = r if gain == "linear" else np.exp2(r) - 1
    order = np.lexsort((-s, pairs.query))
    query, s, gains = pairs.query[order], s[order], gains[order]
    place = np.arange(len(s)) - (np.cumsum(pairs.size) - pairs.size)[query] + 1
    discount = np.where(place <= places, 1 / np.log2(1 + place), 0)
    new = np.concatenate([[True], (np.diff(s) != 0) | (np.diff(query) != 0)])
    tie = np.cumsum(new) - 1
    mean = np.bincount(tie, gains) / np.bincount(tie)
    return np.bincount(query, mean[tie] * discount).astype(np.float64)
