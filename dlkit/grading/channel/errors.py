"""What can go wrong on the channel, by name, and the limits that make it go wrong.

None of these is a ``TypeError``, a ``ValueError`` or another built-in error: a test that expects one of those of a
student's function must not take trouble of the channel for it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """How much may cross; what is beyond is refused by a `LimitError`, by the side that sends and the one that reads.

    Attributes
    ----------
    message
        Bytes of a message.
    array
        Bytes, and entries, of an array.
    integer
        Bytes of an integer: to multiply longer ones takes the checker long.
    depth
        Levels of lists within lists.
    items
        Values in a message, those within lists and dicts counted; numbers in a range.
    keys
        Keys of a dict, or elements of a set, that may have one hash: more make a dict slow.
    text
        Characters of ``str(x)``, ``repr(x)``, of an exception's message and of a traceback.
    nesting
        Calls within calls: the checker calls a student's function that calls a function of the checker and so on.
    steps
        Items taken from one iterator.
    """

    message: int = 64 << 20
    array: int = 48 << 20
    integer: int = 1 << 16
    depth: int = 64
    items: int = 1_000_000
    keys: int = 64
    text: int = 10_000
    nesting: int = 24
    steps: int = 100_000


class ChannelError(Exception):
    """Anything that the channel itself has to say."""


class LimitError(ChannelError):
    """A limit is broken; the connection stays usable."""


class TooLarge(LimitError):  # noqa: N818
    """A message, or a text, is larger than it may be."""


class ArrayTooLarge(TooLarge):
    """An array is larger than it may be, or says that it is."""


class TooDeep(LimitError):  # noqa: N818
    """Lists within lists, or calls within calls, go deeper than they may."""


class TooMany(LimitError):  # noqa: N818
    """There are more items, equal hashes, or steps of an iterator than there may be."""


class OutOfTime(LimitError):  # noqa: N818
    """The student's process has interrupted her code after its time; it can be asked the next question."""


class NotSendable(ChannelError):  # noqa: N818
    """The checker was to send an object that neither crosses by value nor can be called."""


class NotAValue(ChannelError):  # noqa: N818
    """A test asks a student's object for something that only its value could tell: a comparison, an array."""


class NotCopiedBack(ChannelError):  # noqa: N818
    """The student's code changed an argument in a way that cannot be repeated on the checker's own object."""


class StudentStopped(ChannelError):  # noqa: N818
    """The student's code raised SystemExit, KeyboardInterrupt or another exception that is no ``Exception``."""


class StudentGone(ChannelError):  # noqa: N818
    """The student's process has ended, or the connection to it is closed."""


class StudentTimeout(ChannelError):  # noqa: N818
    """The student's process did not answer in time; the connection is closed."""


class ProtocolError(ChannelError):
    """What came is no message of this channel, or not the one whose turn it is; the connection is closed."""


#: The errors that an answer of the student's process may name.
BY_NAME: dict[str, type[LimitError]] = {
    kind.__name__: kind for kind in (TooLarge, ArrayTooLarge, TooDeep, TooMany, OutOfTime)
}
