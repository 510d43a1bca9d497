"""What functions ask of their arguments, arrays and numbers; every message names the argument."""

from __future__ import annotations

import math
from numbers import Real
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


def is_number(value: Any) -> bool:
    """Tell whether `value` is a real number, Python's or numpy's. True, False and the like are slips here."""
    return isinstance(value, Real) and not isinstance(value, bool)


def number(
    value: Any,
    name: str,
    least: float = -math.inf,
    most: float = math.inf,
    *,
    above: float = -math.inf,
    below: float = math.inf,
    expected: str | None = None,
) -> float:
    """Return `value` as a float, which must be a finite number from `least` to `most`, `above` and `below` excluded.

    An array without axes is a number too. A message says of a number outside what is `expected`, by default the bounds.
    """
    given = value
    if isinstance(value, np.ndarray | list | tuple):
        array = real_array(value, name, None)
        if array.ndim != 0:
            raise ValueError(f"{name} must be a single number; got an array of the shape {array.shape}")
        value = array[()]
    if not is_number(value):
        raise TypeError(f"{name} must be a number; got {shown(given)}")
    real = float(value)
    if not (math.isfinite(real) and least <= real <= most and above < real < below):
        raise ValueError(f"{name} must be {expected or _interval(least, most, above, below)}; got {value}")
    return real


def count(value: Any, name: str, least: int = 1, most: int | None = None, *, expected: str | None = None) -> int:
    """Return `value` as an int, which must be an integer from `least` to `most`.

    A message says of an integer outside what is `expected`, by default the bounds.
    """
    bounded = f"an integer >= {least}" if most is None else f"an integer in {least}..{most}"
    try:
        integer = index(value)
    except TypeError:
        integer = None
    if integer is None or isinstance(value, bool | np.bool_):  # True is an integer to Python, and a slip here
        raise TypeError(f"{name} must be {'an integer' if expected else bounded}; got {shown(value)}")
    if integer < least or (most is not None and integer > most):
        raise ValueError(f"{name} must be {expected or bounded}; got {integer}")
    return integer


def shown(value: Any) -> str:
    """Return a value of a wrong type as it is to be printed."""
    return f"{value!r}, of type {type(value).__name__}"


def _interval(least: float, most: float, above: float, below: float) -> str:
    if above == -math.inf and below == math.inf:
        return "a finite number" + ("" if least == -math.inf and most == math.inf else f" from {least:g} to {most:g}")
    if most == below == math.inf:
        return f"finite and > {above:g}"
    low = f"[{least:g}" if least > above else f"({above:g}"
    high = f"{most:g}]" if most < below else f"{below:g})"
    return f"in {low}, {high}"


def first(mask: Array) -> tuple[int, ...]:
    """Return the index of the first true entry of `mask`."""
    return tuple(int(i) for i in np.argwhere(mask)[0])
