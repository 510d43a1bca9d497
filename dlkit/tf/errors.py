"""What goes wrong with a graph, by TensorFlow's names; each is also the error that Python has for such trouble."""

from __future__ import annotations

__all__ = ["FailedPreconditionError", "InvalidArgumentError", "NotFoundError", "OpError"]


class OpError(Exception):
    """An operation could not be carried out."""


class InvalidArgumentError(OpError, ValueError):
    """A value does not fit: a shape, a placeholder that was not fed."""


class FailedPreconditionError(OpError, RuntimeError):
    """Something had to happen first, as the initialisation of a variable."""


class NotFoundError(OpError, LookupError):
    """There is no such file, or nothing of that name in it."""
