"""Sets that weights are brought back to after each step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dlkit._checks import number
from dlkit.arrays import namespace
from dlkit.keras._names import described, find, made_from

__all__ = ["MaxNorm", "NonNeg", "UnitNorm", "deserialize", "get", "maxnorm", "serialize"]

_TINY = 1e-7  # Keras's ε: no norm is divided by 0


class MaxNorm:
    """No column of a kernel, the weights into one unit, is longer than `max_value` (Srebro and Shraibman, 2005).

    Parameters
    ----------
    max_value : float ≥ 0, default 2.0
        The length.
    axis : int, default 0
        Along which lengths are taken.
    """

    def __init__(self, max_value: float = 2.0, axis: int = 0) -> None:
        self.max_value, self.axis = number(max_value, "max_value", 0), axis

    def __call__(self, w: Any) -> Any:
        """Return the weights, shortened where they are too long."""
        norms = _norms(w, self.axis)
        return w * (namespace(w).minimum(norms, self.max_value) / (_TINY + norms))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return {"max_value": self.max_value, "axis": self.axis}


class NonNeg:
    """No weight is negative."""

    def __call__(self, w: Any) -> Any:
        """Return the weights, 0 in place of negative ones."""
        return namespace(w).maximum(w, 0)

    def get_config(self) -> dict[str, Any]:
        """Return nothing: there are no arguments."""
        return {}


class UnitNorm:
    """Every column of a kernel has the length 1.

    Parameters
    ----------
    axis : int, default 0
        Along which lengths are taken.
    """

    def __init__(self, axis: int = 0) -> None:
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        """Return the weights, of length 1."""
        return w / (_TINY + _norms(w, self.axis))

    def get_config(self) -> dict[str, Any]:
        """Return the argument."""
        return {"axis": self.axis}


def _norms(w: Any, axis: int) -> Any:
    xp = namespace(w)
    return xp.sqrt(xp.sum(w * w, axis=axis, keepdims=True))


maxnorm, max_norm, nonneg, unitnorm = MaxNorm, MaxNorm, NonNeg, UnitNorm

_KNOWN: dict[str, Any] = {"MaxNorm": MaxNorm, "NonNeg": NonNeg, "UnitNorm": UnitNorm}


def get(identifier: Any) -> Callable[[Any], Any] | None:
    """Return a constraint by its name, class, or what `serialize` returned; None and functions of w are themselves.

    Raises
    ------
    ValueError
        If the name is not known.
    TypeError
        If it is none of these.
    """
    if identifier is None:
        return None
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, str):
        return find(identifier, _KNOWN, "constraint")()
    if isinstance(identifier, type):
        return identifier()
    if callable(identifier):
        return identifier
    raise TypeError(f"constraint must be a name, a constraint or None; got {identifier!r}")


def serialize(constraint: Any) -> dict[str, Any] | None:
    """Return the name and the arguments, as JSON can say them.

    Raises
    ------
    ValueError
        If it is not one of Keras's.
    """
    if constraint is None:
        return None
    return described(constraint, _KNOWN.values(), "constraint")


def deserialize(config: dict[str, Any]) -> Any:
    """Return what `serialize` was given."""
    return made_from(config, _KNOWN, "constraint")
