"""Losses between distributions: how badly q describes what is distributed as p.

Both are recorded for p and for q. Where p is 0, q does not matter, and so the derivative by q is 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dlkit._operands import distribution, real_operands
from dlkit.autograd import operations as op
from dlkit.autograd.operations.losses import surprise

__all__ = ["cross_entropy", "kl_divergence"]


@np.errstate(divide="ignore", invalid="ignore", under="ignore")
def cross_entropy(p: Any, q: Any, axis: int = -1) -> Any:
    """Cross entropy H(p, q) = −Σₖ pₖ log qₖ between distributions.

    Convex in q, linear in p; for a given p smallest at q = p, where it is the entropy of p (Gibbs' inequality).

    Parameters
    ----------
    p, q : array_like of probabilities, torch.Tensor or Tensor, both of one shape
        Distributions along `axis`: no entry negative, each sum 1 but for rounding. Scores are better given to
        `softmax_cross_entropy`: a probability that has underflowed to 0 has lost its logarithm.
    axis : int, default -1
        The axis of the outcomes.

    Returns
    -------
    array, shape of `p` without `axis`
        In nats (natural logarithm). 0·log 0 counts as 0, and H is +∞ where q calls impossible what p does not. The
        derivatives are −pₖ/qₖ by qₖ and −log qₖ by pₖ, each taken as 0 where pₖ = qₖ = 0.

    Raises
    ------
    TypeError
        If an argument does not hold real numbers, torch is recording it, library, device or dtype differ, or `axis`
        is no integer.
    ValueError
        If the shapes differ, or an argument is not a distribution along `axis`.
    """
    p, q = _distributions("cross_entropy", p, q, axis)
    return op.sum(surprise(p, q), axis=axis)


@np.errstate(divide="ignore", invalid="ignore", under="ignore")
def kl_divergence(p: Any, q: Any, axis: int = -1) -> Any:
    """Kullback–Leibler divergence D(p‖q) = Σₖ pₖ log(pₖ/qₖ) between distributions.

    The cross entropy of p and q less the entropy of p (Kullback and Leibler, 1951, *Annals of Mathematical Statistics*
    22). Convex in p and q together; 0 for p = q and positive otherwise. Not symmetric: D(p‖q) ≠ D(q‖p).

    Parameters
    ----------
    p, q : array_like of probabilities, torch.Tensor or Tensor, both of one shape
        Distributions along `axis`: no entry negative, each sum 1 but for rounding. p comes first, unlike in
        ``torch.nn.functional.kl_div``, which takes (log q, p).
    axis : int, default -1
        The axis of the outcomes.

    Returns
    -------
    array, shape of `p` without `axis`
        In nats. Terms with pₖ = 0 count as 0, and D is +∞ where q calls impossible what p does not. Exactly 0 for
        p = q; where they are close, rounding may leave it a few eps below 0. The derivatives are −pₖ/qₖ by qₖ and
        log(pₖ/qₖ) + 1 by pₖ; where pₖ = 0 that by pₖ, which is −∞, is taken as −log qₖ.

    Raises
    ------
    TypeError
        If an argument does not hold real numbers, torch is recording it, library, device or dtype differ, or `axis`
        is no integer.
    ValueError
        If the shapes differ, or an argument is not a distribution along `axis`.
    """
    p, q = _distributions("kl_divergence", p, q, axis)
    return op.sum(surprise(p, q) - surprise(p, p), axis=axis)


def _distributions(where: str, p: Any, q: Any, axis: int) -> list[Any]:
    p, q = real_operands(where, p=p, q=q)
    if p.shape != q.shape:
        raise ValueError(f"p and q must have one shape; got {tuple(p.shape)} and {tuple(q.shape)}")
    distribution(p, "p", axis)
    distribution(q, "q", axis)
    return [p, q]
