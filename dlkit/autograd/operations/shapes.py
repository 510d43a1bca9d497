"""Operations that move entries about and compute nothing: each derivative moves the gradient back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dlkit.arrays import namespace
from dlkit.autograd.operation import operation

Shape = tuple[int, ...]


@operation
def sum_to(x: Any, *, shape: Shape) -> Any:
    """Return x summed over the axes along which an array of the given shape was repeated to get x's shape."""
    extra = len(x.shape) - len(shape)
    if extra >= 0 and shape in ((), (1,)):  # everything is summed, as a bias of length 1 is: the shortest way
        return x.sum().reshape(shape)
    lengths = list(zip(shape, x.shape[extra:], strict=extra >= 0))
    if extra < 0 or any(1 != n != m for n, m in lengths):
        raise ValueError(f"the shape {tuple(x.shape)} does not come from {tuple(shape)} by broadcasting")
    repeated = (*range(extra), *(extra + k for k, (n, m) in enumerate(lengths) if n != m))
    xp = namespace(x)
    return xp.reshape(xp.sum(x, axis=repeated), shape)


sum_to.derivatives(x=lambda g, z, x, shape: broadcast_to(g, x.shape))


@operation
def broadcast_to(x: Any, *, shape: Shape) -> Any:
    """Return x repeated to the given shape, as numpy's broadcasting does; the engine sums the gradient again."""
    return namespace(x).broadcast_to(x, shape)


broadcast_to.derivatives(x=lambda g, z, x, shape: g)


@operation
def reshape(x: Any, *, shape: Shape | int) -> Any:
    """Return the entries of x, row by row, in another shape; one length may be −1."""
    return namespace(x).reshape(x, shape if isinstance(shape, tuple) else tuple(_as_sequence(shape)))


reshape.derivatives(x=lambda g, z, x, shape: reshape(g, x.shape))


@operation
def transpose(x: Any, *, axes: Shape | None = None) -> Any:
    """Return x with its axes in another order; in reverse order by default."""
    if axes is None:
        return x.T if len(x.shape) == 2 else namespace(x).permute_dims(x, tuple(reversed(range(len(x.shape)))))
    return namespace(x).permute_dims(x, tuple(axes))


transpose.derivatives(x=lambda g, z, x, axes: transpose(g, axes=axes and inverse(axes)))


def inverse(axes: Shape) -> Shape:
    """Return the order of axes that undoes another."""
    axes = tuple(axis % len(axes) for axis in axes)
    return tuple(axes.index(k) for k in range(len(axes)))


@operation
def matrix_transpose(x: Any) -> Any:
    """Return x with its last two axes exchanged."""
    rank = len(x.shape)
    return x.T if rank == 2 else namespace(x).permute_dims(x, (*range(rank - 2), rank - 1, rank - 2))


matrix_transpose.derivatives(x=lambda g, z, x: matrix_transpose(g))


@operation
def expand_dims(x: Any, *, axis: int) -> Any:
    """Return x with a new axis of length 1."""
    return namespace(x).expand_dims(x, axis=axis)


expand_dims.derivatives(x=lambda g, z, x, axis: reshape(g, x.shape))


@operation
def squeeze(x: Any, *, axis: int | Shape) -> Any:
    """Return x without the given axes, which must be of length 1."""
    return namespace(x).squeeze(x, axis=axis)


squeeze.derivatives(x=lambda g, z, x, axis: reshape(g, x.shape))


@operation
def getitem(x: Any, *, key: Any) -> Any:
    """Return x[key], for any key that numpy takes: numbers, slices, ``...``, None, arrays of integers or booleans.

    An entry that is picked several times gets the sum of its gradients.
    """
    return x[key]


getitem.derivatives(x=lambda g, z, x, key: scatter(g, key=key, shape=x.shape))


@operation
def scatter(x: Any, *, key: Any, shape: Shape) -> Any:
    """Return zeros of the given shape with x added at [key]; what goes to one place several times is summed."""
    return namespace(x).scatter_add(x, key, tuple(shape))


scatter.derivatives(x=lambda g, z, x, key, shape: getitem(g, key=key))


for _looks in (broadcast_to, expand_dims, getitem, matrix_transpose, reshape, squeeze, transpose):
    _looks.view = True


def concatenate(arrays: Sequence[Any], axis: int = 0) -> Any:
    """Return arrays joined along an axis that they have.

    Parameters
    ----------
    arrays : sequence of array or Tensor
        At least one; their shapes agree except along `axis`.
    axis : int, default 0
        Along which they follow each other.
    """
    return _concatenate(*_several(arrays), axis=axis)


def stack(arrays: Sequence[Any], axis: int = 0) -> Any:
    """Return arrays joined along a new axis.

    Parameters
    ----------
    arrays : sequence of array or Tensor
        At least one, all of one shape.
    axis : int, default 0
        Where the new axis stands in the result.
    """
    return _stack(*_several(arrays), axis=axis)


@operation
def _concatenate(*arrays: Any, axis: int) -> Any:
    return namespace(*arrays).concat(arrays, axis=axis)


def _part(position: int, g: Any, z: Any, *arrays: Any, axis: int) -> Any:
    start = sum(x.shape[axis] for x in arrays[:position])
    key = [slice(None)] * len(z.shape)
    key[axis] = slice(start, start + arrays[position].shape[axis])
    return getitem(g, key=tuple(key))


_concatenate.derivatives(arrays=_part)


@operation
def _stack(*arrays: Any, axis: int) -> Any:
    return namespace(*arrays).stack(arrays, axis=axis)


def _layer(position: int, g: Any, z: Any, *arrays: Any, axis: int) -> Any:
    key: list[Any] = [slice(None)] * len(z.shape)
    key[axis] = position
    return getitem(g, key=tuple(key))


_stack.derivatives(arrays=_layer)


def _several(arrays: Sequence[Any]) -> list[Any]:
    arrays = list(arrays)
    if not arrays:
        raise ValueError("arrays: expected at least one array; got none")
    return arrays


def _as_sequence(shape: Any) -> Sequence[int]:
    return (shape,) if isinstance(shape, int) else shape
