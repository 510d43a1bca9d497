"""What the rules ask of their settings; every message names the argument."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any


def chosen(rule: Any, convention: str, **given: Any) -> list[Any]:
    """Return the settings, with the convention's defaults for those that are None."""
    if convention not in rule.conventions:
        raise ValueError(f"convention must be one of {sorted(rule.conventions)}; got {convention!r}")
    defaults = rule.conventions[convention]
    missing = [name for name, value in given.items() if value is None and name not in defaults]
    if missing:
        raise TypeError(f"{type(rule).__name__} must be given {missing[0]}: {convention} has no default for it")
    return [defaults[name] if value is None else value for name, value in given.items()]


def number_in(name: str, value: Any, low: float, below: float = math.inf, *, positive: bool = False) -> float:
    """Return `value` as a float, which must be in [low, below), and greater than 0 if `positive`."""
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number; got {value!r}")
    number = float(value)
    if not low <= number < below or (positive and number == 0):
        expected = f"in [{low}, {below})" if below < math.inf else "finite and " + ("> 0" if positive else f">= {low}")
        raise ValueError(f"{name} must be {expected}; got {value}")
    return number
