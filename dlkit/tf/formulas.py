"""Operations that only a graph needs, for an array has them by itself: comparisons, casts, shapes, indices.

They stand here as the table's operations do, with a rule where there is a derivative; most are flat or whole-numbered,
and no gradient flows through them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dlkit.arrays import namespace
from dlkit.autograd import operation
from dlkit.autograd import operations as op
from dlkit.autograd.operations.shapes import scatter


def _flat(forward: Any) -> Any:
    """Make an operation through which no gradient flows."""
    made = operation(forward)
    made.constant = True
    return made


@_flat
def less(x: Any, y: Any) -> Any:
    """Tell where x < y."""
    return x < y


@_flat
def less_equal(x: Any, y: Any) -> Any:
    """Tell where x ≤ y."""
    return x <= y


@_flat
def greater(x: Any, y: Any) -> Any:
    """Tell where x > y."""
    return x > y


@_flat
def greater_equal(x: Any, y: Any) -> Any:
    """Tell where x ≥ y."""
    return x >= y


@_flat
def equal(x: Any, y: Any) -> Any:
    """Tell where x = y."""
    return x == y


@_flat
def not_equal(x: Any, y: Any) -> Any:
    """Tell where x ≠ y."""
    return x != y


@_flat
def logical_not(x: Any) -> Any:
    """Turn True and False around."""
    return ~x


@_flat
def logical_and(x: Any, y: Any) -> Any:
    """Tell where both hold."""
    return x & y


@_flat
def logical_or(x: Any, y: Any) -> Any:
    """Tell where one holds."""
    return x | y


@_flat
def floor_divide(x: Any, y: Any) -> Any:
    """Return x / y rounded down."""
    return x // y


@_flat
def floor_mod(x: Any, y: Any) -> Any:
    """Return what floor_divide leaves of x, with the sign of y."""
    return x % y


@_flat
def floor(x: Any) -> Any:
    """Return x rounded down."""
    return (x // 1).astype(x.dtype) if namespace(x).name == "numpy" else x.floor()


@_flat
def ceil(x: Any) -> Any:
    """Return x rounded up."""
    return -(-x // 1).astype(x.dtype) if namespace(x).name == "numpy" else x.ceil()


@_flat
def round(x: Any) -> Any:
    """Return x rounded to the nearest whole number, to the even one of two."""
    return x.round()


@_flat
def argmax(x: Any, *, axis: int) -> Any:
    """Return where along an axis the largest entry stands, the first of several."""
    return x.argmax(axis)


@_flat
def argmin(x: Any, *, axis: int) -> Any:
    """Return where along an axis the smallest entry stands, the first of several."""
    return x.argmin(axis)


@_flat
def stop_gradient(x: Any) -> Any:
    """Return x, but let no gradient through."""
    return x


@operation
def relu6(x: Any) -> Any:
    """Return x between 0 and 6, the nearer end elsewhere. The derivative taken at both ends is 0."""
    return op.clip.forward(x, low=0.0, high=6.0)


relu6.derivatives(x=lambda g, z, x: op.gate(op.gate(g, x), 6.0 - x))


@operation
def reverse(x: Any, *, axes: tuple[int, ...]) -> Any:
    """Return x with its entries in the opposite order along these axes."""
    return np.flip(x, axes) if namespace(x).name == "numpy" else x.flip(axes)


reverse.derivatives(x=lambda g, z, x, axes: reverse(g, axes=axes))


@_flat
def zeros_like(x: Any) -> Any:
    """Return zeros in the shape of x."""
    return namespace(x).zeros_like(x)


@operation
def identity(x: Any) -> Any:
    """Return x."""
    return x


identity.derivatives(x=lambda g, z, x: g)


@operation
def cast(x: Any, *, dtype: str) -> Any:
    """Return x with entries of another type."""
    return _as(x, dtype)


cast.derivatives(x=lambda g, z, x, dtype: cast(g, dtype=str(x.dtype).removeprefix("torch.")))


def _as(x: Any, dtype: str) -> Any:
    if namespace(x).name == "numpy":
        return x.astype(dtype)
    import torch

    return x.to(getattr(torch, dtype))


@operation
def gather(x: Any, indices: Any, *, axis: int = 0) -> Any:
    """Return the parts of x, along an axis, that the indices name; a part that is named twice gets both gradients."""
    return x[(*(slice(None),) * axis, indices)]


gather.derivatives(
    x=lambda g, z, x, indices, axis: scatter(g, key=(*(slice(None),) * axis, indices), shape=x.shape),
)


@operation
def add_n(*xs: Any) -> Any:
    """Return the sum of several arrays of one shape."""
    total = xs[0] + xs[1] if len(xs) > 1 else xs[0]
    for x in xs[2:]:
        total = total + x
    return total


add_n.derivatives(xs=lambda i, g, z, *xs: g)


@_flat
def one_hot(indices: Any, *, depth: int, on: float, off: float, dtype: str) -> Any:
    """Return rows of length `depth`: `on` at the index, `off` elsewhere."""
    xp = namespace(indices)
    classes = xp.arange(depth) if xp.name == "numpy" else xp.arange(depth, device=indices.device)
    hot = _as(indices[..., None] == classes, dtype)
    return hot if (on, off) == (1, 0) else _as(hot * (on - off) + off, dtype)


@_flat
def all_true(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    """Tell whether all entries are True."""
    return namespace(x).all(x, axis=axis, keepdims=keepdims)


@_flat
def any_true(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    """Tell whether an entry is True."""
    return namespace(x).any(x, axis=axis, keepdims=keepdims)


stop_gradient.view = identity.view = cast.view = add_n.view = True  # add_n of one array, a cast to its own type
