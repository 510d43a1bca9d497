"""What the figures ask of their arguments; every message names the argument, what was given, what was expected."""

from __future__ import annotations

from operator import index
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes


def axes(ax: Axes | None) -> Axes:
    """Return the axes to draw into: those given, or the current ones for None."""
    if ax is None:
        return plt.gca()
    if not isinstance(ax, Axes):
        raise TypeError(f"ax: expected axes of matplotlib, or None for the current ones, got {type(ax).__name__}")
    return ax


def reals(x: Any, name: str) -> np.ndarray:
    """Return `x` as an array of float64."""
    try:
        array = np.asarray(x)
    except ValueError:  # nested lists that are no rectangle
        raise ValueError(f"{name}: expected an array of numbers, got rows of different lengths") from None
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name}: expected real numbers, got {array.dtype} values")
    return array.astype(np.float64)


def finite(x: Any, name: str) -> np.ndarray:
    """Return `x` as an array of float64 with at least one entry, all of them finite."""
    array = reals(x, name)
    if not array.size:
        raise ValueError(f"{name}: expected at least one number, got shape {array.shape}")
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        where = tuple(int(i) for i in bad[0])
        raise ValueError(f"{name}: expected finite numbers, got {array[where]} at index {where}")
    return array


def count(n: Any, name: str, least: int = 1) -> int:
    """Return `n` as an integer of at least `least`."""
    try:
        number = index(n)
    except TypeError:
        raise TypeError(f"{name}: expected an integer, got {n!r}") from None
    if number < least:
        raise ValueError(f"{name}: expected an integer of at least {least}, got {n!r}")
    return number


def choice(value: Any, name: str, allowed: tuple[str, ...]) -> None:
    """Raise unless `value` is one of those allowed."""
    if value not in allowed:
        raise ValueError(f"{name}: expected one of {', '.join(map(repr, allowed))}, got {value!r}")
