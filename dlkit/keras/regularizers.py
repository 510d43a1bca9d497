"""Penalties on weights, which are added to the loss: l1·Σ|w| + l2·Σw²."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dlkit._checks import number
from dlkit.autograd import operations as op
from dlkit.keras._names import described, find, made_from

__all__ = ["L1", "L1L2", "L2", "deserialize", "get", "l1", "l1_l2", "l2", "serialize"]


class L1L2:
    """The penalty l1·Σ|w| + l2·Σw². There is no ½: its gradient is l1·sign(w) + 2·l2·w.

    Parameters
    ----------
    l1, l2 : float ≥ 0, default 0.0
        The factors.
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1, self.l2 = number(l1, "l1", 0), number(l2, "l2", 0)

    def __call__(self, w: Any) -> Any:
        """Return the penalty, a number or a tensor of one entry."""
        parts = []
        if self.l1:
            parts.append(op.sum(op.abs(w)) * self.l1)
        if self.l2:
            parts.append(op.sum(w * w) * self.l2)
        return sum(parts[1:], parts[0]) if parts else 0.0

    def get_config(self) -> dict[str, Any]:
        """Return the factors."""
        return {"l1": self.l1, "l2": self.l2}


class L1(L1L2):
    """The penalty l1·Σ|w|.

    Parameters
    ----------
    l1 : float ≥ 0, default 0.01
        The factor.
    """

    def __init__(self, l1: float = 0.01) -> None:
        super().__init__(l1=l1)

    def get_config(self) -> dict[str, Any]:
        """Return the factor."""
        return {"l1": self.l1}


class L2(L1L2):
    """The penalty l2·Σw².

    Parameters
    ----------
    l2 : float ≥ 0, default 0.01
        The factor.
    """

    def __init__(self, l2: float = 0.01) -> None:
        super().__init__(l2=l2)

    def get_config(self) -> dict[str, Any]:
        """Return the factor."""
        return {"l2": self.l2}


l1, l2 = L1, L2


def l1_l2(l1: float = 0.01, l2: float = 0.01) -> L1L2:
    """Return both penalties together."""
    return L1L2(l1, l2)


_KNOWN: dict[str, Any] = {"l1": L1, "l2": L2, "l1l2": L1L2}


def get(identifier: Any) -> Callable[[Any], Any] | None:
    """Return a regularizer by its name, class, or what `serialize` returned; None and functions of w are themselves.

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
        return l1_l2() if identifier.lower() == "l1_l2" else find(identifier, _KNOWN, "regularizer")()
    if isinstance(identifier, type) and issubclass(identifier, L1L2):
        return identifier()
    if callable(identifier):
        return identifier
    raise TypeError(f"regularizer must be a name, a regularizer or None; got {identifier!r}")


def serialize(regularizer: Any) -> dict[str, Any] | None:
    """Return the name and the factors, as JSON can say them.

    Raises
    ------
    ValueError
        If it is not one of Keras's.
    """
    if regularizer is None:
        return None
    return described(regularizer, _KNOWN.values(), "regularizer")


def deserialize(config: dict[str, Any]) -> Any:
    """Return what `serialize` was given."""
    return made_from(config, _KNOWN, "regularizer")
