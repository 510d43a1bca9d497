"""What functions of arrays ask of their arguments; every message names the argument."""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array = NDArray[Any]


def real_array(x: Any, name: str, integers_as: DTypeLike | None = np.float64) -> Array:
    """Return `x` as an array of real numbers: floats as they are, integers and booleans as `integers_as`.

    With ``integers_as=None`` integers and booleans too stay as they are.
    """
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(f"{name} must be a plain array; got a masked array, whose mask would be lost")
    try:
        array = np.asarray(x)
    except ValueError:  # nested lists that are no rectangle
        raise ValueError(f"{name} must be a rectangular array; got rows of different lengths") from None
    if array.dtype.kind == "f":
        return array
    if array.dtype.kind in "iub":
        return array if integers_as is None else array.astype(integers_as)
    raise TypeError(f"{name} must hold real numbers (floats, integers or booleans); got dtype {array.dtype}")


def nonempty_axis(array: Any, name: str, axis: Any) -> int:
    """Return `axis` as an int, which must be an axis of `array` with at least one entry."""
    try:
        place = index(axis)
    except TypeError:
        raise TypeError(f"axis must be an integer; got {axis!r}") from None
    if array.ndim == 0:
        raise ValueError(f"{name} must have at least one axis; got a single number")
    if not -array.ndim <= place < array.ndim:
        raise ValueError(
            f"axis must be in {-array.ndim}..{array.ndim - 1} for {name} of shape {tuple(array.shape)}; got {axis}"
        )
    if array.shape[place] == 0:
        raise ValueError(f"{name} must have entries along axis {axis}; got the shape {tuple(array.shape)}")
    return place


def first(mask: Array) -> tuple[int, ...]:
    """Return the index of the first true entry of `mask`."""
    return tuple(int(i) for i in np.argwhere(mask)[0])
