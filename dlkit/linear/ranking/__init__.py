"""Learning to rank: pairs counted without being made, the ranking SVM, and how good a ranking is."""

from dlkit.linear.ranking.metrics import dcg, kendall_tau, ndcg
from dlkit.linear.ranking.pairs import PairCounts, Pairs, count_pairs
from dlkit.linear.ranking.pairwise import pairwise_hinge, pairwise_squared_hinge
from dlkit.linear.ranking.rank_svm import RankSVM

__all__ = [
    "PairCounts",
    "Pairs",
    "RankSVM",
    "count_pairs",
    "dcg",
    "kendall_tau",
    "ndcg",
    "pairwise_hinge",
    "pairwise_squared_hinge",
]
