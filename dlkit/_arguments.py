"""What `datasets`, `augmentation` and `nn.initialisers` ask of a source of random numbers and of a dtype."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike


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
