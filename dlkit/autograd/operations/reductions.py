"""Operations that make one number of many, along one axis, several or all."""

from __future__ import annotations

from math import inf
from typing import Any

from dlkit.arrays import namespace
from dlkit.autograd.operation import operation
from dlkit.autograd.operations import elementwise
from dlkit.autograd.operations.elementwise import exp, ones_like, sign, where
from dlkit.autograd.operations.shapes import broadcast_to, concatenate, inverse, reshape, transpose

Axis = int | tuple[int, ...] | None


def kept(x: Any, like: Any, axis: Axis) -> Any:
    """Return a reduction's result, or its gradient, in a shape that is broadcast to that of `like`.

    That is the shape with ``keepdims=True``; one number needs no shape for it.
    """
    return x if axis is None else reshape(x, shape=_kept_shape(like.shape, axis))


def _kept_shape(shape: tuple[int, ...], axis: Axis) -> tuple[int, ...]:
    if axis is None:
        return (1,) * len(shape)
    axes = {a % len(shape) for a in (axis if isinstance(axis, tuple) else (axis,))}
    return tuple(1 if k in axes else n for k, n in enumerate(shape))


def _count(shape: tuple[int, ...], axis: Axis) -> int:
    count = 1
    for n, m in zip(shape, _kept_shape(shape, axis), strict=True):
        count *= n if m == 1 else 1
    return count


@operation
def sum(x: Any, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the sum of the entries; 0 for none."""
    return namespace(x).sum(x, axis=axis, keepdims=keepdims)


sum.derivatives(x=lambda g, z, x, axis, keepdims: broadcast_to(kept(g, x, axis), shape=x.shape))


@operation
def mean(x: Any, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the mean of the entries."""
    return namespace(x).mean(x, axis=axis, keepdims=keepdims)


mean.derivatives(
    x=lambda g, z, x, axis, keepdims: broadcast_to(kept(g / _count(x.shape, axis), x, axis), shape=x.shape),
)


def var(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the variance, the mean squared distance from the mean (divided by n, as numpy does)."""
    return mean((x - mean(x, axis=axis, keepdims=True)) ** 2, axis=axis, keepdims=keepdims)


@operation
def prod(x: Any, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the product of the entries; 1 for none. No derivative divides, so all are right at zeros as well."""
    return namespace(x).prod(x, axis=axis, keepdims=keepdims)


def _product_of_the_others(g: Any, z: Any, x: Any, axis: Axis, keepdims: bool) -> Any:
    stay = [k for k, n in enumerate(_kept_shape(x.shape, axis)) if n == x.shape[k]]
    order = (*(k for k in range(len(x.shape)) if k not in stay), *stay)  # the axes that are multiplied in front
    first = transpose(x, axes=order)
    rows = reshape(first, shape=(_count(x.shape, axis), *(x.shape[k] for k in stay)))
    others = transpose(reshape(_others(rows), shape=first.shape), axes=inverse(order))
    return kept(g, x, axis) * others


def _others(x: Any) -> Any:
    """Return, for each entry along the first axis, the product of the others: of the other pairs, and its partner."""
    n = x.shape[0]
    if n <= 1:
        return ones_like(x)
    half = n // 2
    a, b, single = x[:half], x[half : 2 * half], x[2 * half :]
    pairs = _others(concatenate([a * b, single]))
    return concatenate([pairs[:half] * b, pairs[:half] * a, pairs[half:]])


prod.derivatives(x=_product_of_the_others)


@operation
def max(x: Any, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the largest entry. Entries that tie for it share the gradient equally."""
    return namespace(x).max(x, axis=axis, keepdims=keepdims)


@operation
def min(x: Any, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the smallest entry. Entries that tie for it share the gradient equally."""
    return namespace(x).min(x, axis=axis, keepdims=keepdims)


def _to_the_winners(g: Any, z: Any, x: Any, axis: Axis, keepdims: bool) -> Any:
    wins = where(x == kept(z, x, axis), ones_like(x), 0.0)
    return kept(g, x, axis) * (wins / sum(wins, axis=axis, keepdims=True))


max.derivatives(x=_to_the_winners)
min.derivatives(x=_to_the_winners)


@operation
def logsumexp(x: Any, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return log Σ eˣ, the smooth maximum; no finite entry is too large for it.

    The largest entry m is taken out first, as log Σ eˣ = m + log Σ eˣ⁻ᵐ (Blanchard, Higham and Higham, 2021,
    *Accurately computing the log-sum-exp and softmax functions*, IMA J. Numer. Anal. 41). −∞ if all entries are, +∞
    if one is.
    """
    xp = namespace(x)
    m = xp.max(x, axis=axis, keepdims=True)
    m = xp.where(xp.isfinite(m), m, 0.0)  # nothing to take out of ±∞
    total = xp.log(xp.sum(xp.exp(x - m), axis=axis, keepdims=True)) + m
    return total if keepdims else xp.sum(total, axis=axis)  # of one entry each: only the shape changes


logsumexp.derivatives(x=lambda g, z, x, axis, keepdims: kept(g, x, axis) * exp(x - kept(z, x, axis)))


def norm(x: Any, ord: float = 2, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the norm (Σ|x|ᵖ)^(1/p) of the entries, p = `ord`.

    Parameters
    ----------
    x : array or Tensor
        The entries; a matrix counts as the vector of its entries (for p = 2, the Frobenius norm).
    ord : float, default 2
        p ≥ 1; ``math.inf`` gives the largest |x|.
    axis : int, tuple of int or None
        Along which; all by default.
    keepdims : bool, default False
        Keep the axes, with length 1.

    Returns
    -------
    array or Tensor
        The subgradient taken at 0 is 0; for p = ∞, entries that tie for the largest share it equally.

    Raises
    ------
    ValueError
        If `ord` is below 1: that is no norm, as the triangle inequality fails.
    """
    if not ord >= 1:
        raise ValueError(f"ord must be at least 1, below it the triangle inequality fails; got {ord}")
    if ord == inf:
        return max(elementwise.abs(x), axis=axis, keepdims=keepdims)
    return _norm(x, p=ord, axis=axis, keepdims=keepdims)


@operation
def _norm(x: Any, *, p: float, axis: Axis, keepdims: bool) -> Any:
    xp = namespace(x)
    if p == 2:
        return xp.sqrt(xp.sum(x * x, axis=axis, keepdims=keepdims))
    return xp.sum(xp.abs(x) ** p, axis=axis, keepdims=keepdims) ** (1 / p)


def _unit_ball_normal(g: Any, z: Any, x: Any, p: float, axis: Axis, keepdims: bool) -> Any:
    z = kept(z, x, axis)
    ratio = x / where(z == 0, 1.0, z)
    return kept(g, x, axis) * (ratio if p == 2 else sign(x) * elementwise.abs(ratio) ** (p - 1))


_norm.derivatives(x=_unit_ball_normal)
