"""The narrow channel between the student's process, which is not trusted, and the checker's, which is.

A test runs in the checker. A name that it uses and the checker does not define is asked for in the student's process.
Plain values cross as bytes and are rebuilt; functions and other objects stay where they are and are used by number.
Nothing that crosses is unpickled or evaluated. ``README.md`` beside this file tells authors of tests what crosses how.

``remote``
    ``Remote``, what a test holds of a student's object, ``ask``, ``student_side``. Loads without msgpack, so in a
    notebook too.
``checker``
    ``Connection`` and ``Names``: the checker's end.
``student``
    ``serve``: the student's end.
``messages``, ``frames``, ``wire``, ``encoder``, ``decoder``, ``arrays``, ``sharing``
    What is said, how it is framed, how values are written; which arguments have changed.
``errors``
    The limits, and everything that can go wrong, by name.
"""

from typing import TYPE_CHECKING, Any

from dlkit.grading.channel import errors
from dlkit.grading.channel.errors import (
    ArrayTooLarge,
    ChannelError,
    LimitError,
    Limits,
    NotAValue,
    NotCopiedBack,
    NotSendable,
    ProtocolError,
    StudentGone,
    StudentStopped,
    StudentTimeout,
    TooDeep,
    TooLarge,
    TooMany,
)
from dlkit.grading.channel.remote import Remote, ask, student_side

if TYPE_CHECKING:
    from dlkit.grading.channel.checker import Connection, Names
    from dlkit.grading.channel.student import serve

__all__ = [
    "ArrayTooLarge",
    "ChannelError",
    "Connection",
    "LimitError",
    "Limits",
    "Names",
    "NotAValue",
    "NotCopiedBack",
    "NotSendable",
    "ProtocolError",
    "Remote",
    "StudentGone",
    "StudentStopped",
    "StudentTimeout",
    "TooDeep",
    "TooLarge",
    "TooMany",
    "ask",
    "errors",
    "serve",
    "student_side",
]


def __getattr__(name: str) -> Any:
    if name in ("Connection", "Names"):
        from dlkit.grading.channel import checker

        return getattr(checker, name)
    if name == "serve":
        from dlkit.grading.channel.student import serve

        return serve
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
