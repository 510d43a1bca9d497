"""What goes wrong with a graph, by TensorFlow's names; each is also the error that Python has for such trouble."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

__all__ = ["FailedPreconditionError", "InvalidArgumentError", "NotFoundError", "OpError"]


class OpError(Exception):
    """An operation could not be carried out."""


class InvalidArgumentError(OpError, ValueError):
    """A value does not fit: a shape, a placeholder that was not fed."""


class FailedPreconditionError(OpError, RuntimeError):
    """Something had to happen first, as the initialisation of a variable."""


class NotFoundError(OpError, LookupError):
    """There is no such file, or nothing of that name in it."""


def not_offered(face: str, name: str, offered: Sequence[str]) -> AttributeError:
    """Return the error for a name that a part of the face, ``tf.nn``, has not; it names what comes near."""
    near = get_close_matches(name, offered, 3, 0.5)
    hint = f"; near to it are {', '.join(near)}" if near else ""
    return AttributeError(f"dlkit.tf does not offer {face}.{name}{hint}. What it offers: {', '.join(sorted(offered))}")
