"""What `datasets`, `preprocessing`, `augmentation` and `nn.initialisers` ask of their arguments; messages name them."""

from __future__ import annotations

import math
from operator import index
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from dlkit._checks import real_array


def generator(rng: Any, name: str = "rng") -> np.random.Generator:
    """Return `rng` if it is a numpy Generator, or a new one seeded with it if it is an integer ≥ 0.

    There is no default: what a function draws is always decided by its caller.
    """
    if isinstance(rng, np.random.Generator):
        return rng
    if isinstance(rng, int | np.integer) and not isinstance(rng, bool) and rng >= 0:
        return np.random.default_rng(int(rng))
    raise TypeError(
        f"{name} must be a numpy.random.Generator, as np.random.default_rng(0), or an integer seed >= 0; got {rng!r}"
    )


def floating(dtype: DTypeLike) -> np.dtype[Any]:
    """Return `dtype` as a numpy dtype, which must be one of floating-point numbers."""
    asked = None if dtype is None else np.dtype(dtype)  # numpy would take None for float64
    if asked is None or asked.kind != "f":
        raise TypeError(f"dtype must be a floating-point type, as np.float32 or np.float64; got {dtype!r}")
    return asked


def count(value: Any, name: str, least: int = 1, most: int | None = None) -> int:
    """Return `value` as an int, which must be an integer from `least` to `most`."""
    expected = f"an integer >= {least}" if most is None else f"an integer in {least}..{most}"
    try:
        number = index(value)
    except TypeError:
        raise TypeError(f"{name} must be {expected}; got {value!r}") from None
    if isinstance(value, bool | np.bool_):  # True is an integer to Python, and a slip here
        raise TypeError(f"{name} must be {expected}; got {value!r}")
    if number < least or (most is not None and number > most):
        raise ValueError(f"{name} must be {expected}; got {number}")
    return number


def number(value: Any, name: str, least: float = -math.inf, most: float = math.inf) -> float:
    """Return `value` as a float, which must be a finite number from `least` to `most`."""
    array = real_array(value, name)
    if array.ndim != 0:
        raise ValueError(f"{name} must be a single number; got an array of the shape {array.shape}")
    real = float(array)
    if not (math.isfinite(real) and least <= real <= most):
        bounds = "" if least == -math.inf and most == math.inf else f" from {least:g} to {most:g}"
        raise ValueError(f"{name} must be a finite number{bounds}; got {real:g}")
    return real
