"""Losses that are no mere composition of the other operations, one value for each entry.

`dlkit.losses` checks the arguments and says what each loss is good for; here are the formulas.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dlkit.arrays import namespace
from dlkit.autograd.operation import operation
from dlkit.autograd.operations.elementwise import clip, log, where
from dlkit.autograd.operations.networks import sigmoid, softplus


@operation
def zero_one(margin: Any) -> Any:
    """Return 1 where m ≤ 0, 0 where m > 0. It is flat wherever it has a derivative, so no gradient flows through it."""
    xp = namespace(margin)
    return 1 - xp.maximum(xp.sign(margin), 0)


zero_one.constant = True


@operation
def modified_huber(margin: Any, *, knee: float) -> Any:
    """Return (1 − m)² between the knee and 1, its tangent at the knee below it, and 0 above 1.

    With h = max(1 − m, 0) and the part c of it up to the knee, that is c(2h − c), and the derivative is −2c.
    """
    xp = namespace(margin)
    h = xp.maximum(1 - margin, 0)
    c = xp.minimum(h, 1 - knee)
    return c * (2 * h - c)


modified_huber.derivatives(margin=lambda g, z, margin, knee: -2 * g * clip(1 - margin, low=0.0, high=1 - knee))


@operation
def binary_cross_entropy(score: Any, *, y: Any) -> Any:
    """Return −y log σ(s) − (1 − y) log(1 − σ(s)) of the score s; y in [0, 1], in the shape of s.

    −log σ(s) = softplus(−s) and −log(1 − σ(s)) = softplus(s). As softplus(s) − y·s the small loss of a sample far on
    the right side would be the difference of two large numbers, and so its derivative as σ(s) − y.
    """
    return _expected(y, softplus(-score)) + _expected(1 - y, softplus(score))


def _expected(y: Any, surprise: Any) -> Any:
    """Return y·surprise with 0·∞ = 0: what has probability zero costs nothing, however surprising it would be."""
    return where(y == 0, 0.0, y * surprise)


binary_cross_entropy.derivatives(
    score=lambda g, z, score, y: g * ((1 - y) * sigmoid(score) - y * sigmoid(-score)),
)


@operation
def surprise(p: Any, q: Any) -> Any:
    """Return −p log q, entry by entry, with 0·log 0 = 0: the parts of the cross entropy.

    The derivative by p is −log q, and that by q is −p/q; where p = q = 0, both are taken as 0, and so are theirs.
    """
    xp = namespace(p, q)
    return xp.where(p == 0, 0.0, -p * xp.log(q))


@np.errstate(divide="ignore")
def _surprise_by_p(g: Any, z: Any, p: Any, q: Any) -> Any:
    return -g * log(where((p == 0) & (q == 0), 1.0, q))


@np.errstate(divide="ignore")
def _surprise_by_q(g: Any, z: Any, p: Any, q: Any) -> Any:
    both = (p == 0) & (q == 0)
    return where(both, 0.0, -g * p / where(both, 1.0, q))


surprise.derivatives(p=_surprise_by_p, q=_surprise_by_q)
