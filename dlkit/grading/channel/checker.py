"""The checker's end: asks, waits with its own clock, and believes no byte of the answer that it has not looked at."""

from __future__ import annotations

import builtins
import itertools
import signal
import socket
import threading
import time
import weakref
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Protocol, TypeVar

from dlkit.grading.channel.decoder import Decoder
from dlkit.grading.channel.encoder import Encoder
from dlkit.grading.channel.errors import (
    BY_NAME,
    ChannelError,
    LimitError,
    Limits,
    NotCopiedBack,
    NotSendable,
    ProtocolError,
    StudentGone,
    StudentStopped,
    StudentTimeout,
    TooDeep,
)
from dlkit.grading.channel.frames import Frames
from dlkit.grading.channel.messages import EXCEPTIONS, Kind, base_name, cut, message_of
from dlkit.grading.channel.remote import Handle, Remote, number_of
from dlkit.grading.channel.sharing import check_written_out, copy_back
from dlkit.grading.channel.wire import Tag

_FAR = 1 << 53
_STOPPED = ("SystemExit", "KeyboardInterrupt", "BaseException")
_Trouble = TypeVar("_Trouble", bound=ChannelError)


class Peer(Protocol):
    """The student's process, as `subprocess.Popen` is one."""

    def poll(self) -> int | None:
        """Return the exit code, minus the signal's number if one ended it, or None while it runs."""

    def kill(self) -> None:
        """End it."""


class Connection:
    """The checker's end of the channel.

    Parameters
    ----------
    sock
        The checker's end of a socket pair; the student's process serves the other one.
    seconds
        How long an answer may take, with all calls back in between.
    limits
        What may cross.
    peer
        The student's process, to say how it ended and to end it when it hangs; else only the connection is closed.

    Attributes
    ----------
    seconds
        How long the next answers may take; to be changed at any time, as for a command that runs a whole cell.
    trouble
        The first `ChannelError` that came up, or None. A test that catches exceptions may have swallowed it; so a test
        has passed only if it ran to its end and this is None (see `cell`).
    """

    def __init__(
        self, sock: socket.socket, *, seconds: float = 10.0, limits: Limits | None = None, peer: Peer | None = None
    ) -> None:
        self.limits = limits or Limits()
        self.seconds, self.peer = seconds, peer
        self.trouble: ChannelError | None = None
        self.dropped: list[tuple[int, int]] = []  # objects that are held no longer, and how often they had come
        self._frames = Frames(sock, self.limits)
        self._closed: str | None = None
        self._counter = itertools.count(1)
        self._turn = threading.RLock()
        self._deadlines: list[float] = []  # of the requests that wait for their answers, the innermost last
        self._until: float | None = None  # the end of the cell's time
        self._handles: weakref.WeakValueDictionary[int, Handle] = weakref.WeakValueDictionary()
        self._remotes: weakref.WeakValueDictionary[tuple[int, bool], Remote] = weakref.WeakValueDictionary()
        self._functions: list[Callable[..., Any]] = []
        self._function_numbers: dict[int, int] = {}

    def close(self, reason: str = "it was closed by the checker") -> None:
        """Close the connection; every later question is answered by `StudentGone` with the reason."""
        if self._closed is None:
            self._closed = reason
            self._frames.close()

    @contextmanager
    def cell(self, seconds: float) -> Iterator[None]:
        """Bound the time of all questions of a test cell together, and let it swallow no trouble.

        Raises
        ------
        ChannelError
            At the end, if there was one that the cell caught.
        """
        outer, self._until, self.trouble = self._until, time.monotonic() + seconds, None
        try:
            yield
        finally:
            self._until = outer
        if self.trouble is not None:
            raise self.trouble

    def command(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        """Call one of the commands that the student's process was started with."""
        return self.request(name, args, kwargs)

    def note(self, trouble: _Trouble) -> _Trouble:
        """Remember the first trouble, and return this one."""
        if self.trouble is None:
            self.trouble = trouble
        return trouble

    # Asking

    def request(self, operation: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], *, asked: bool = False) -> Any:
        """Have an operation carried out over there, and return its value or raise what it raised.

        Parameters
        ----------
        operation
            A name of `messages.OPERATIONS`, ``"name"``, or a command.
        args, kwargs
            What it is given; mutable ones hold afterwards what they were made to hold.
        asked
            Whether objects that come may be used with operators (see `remote.ask`).
        """
        with self._turn:
            if self._closed is not None:
                raise self.note(StudentGone(f"the connection to the student's process is closed: {self._closed}"))
            if len(self._deadlines) >= self.limits.nesting:
                raise self.note(TooDeep(f"calls may be nested {self.limits.nesting} deep between the two processes"))
            number, shared, dropped = next(self._counter), list[Any](), tuple(self.dropped)
            encoder = Encoder(self.limits, self._handle, shared, grow=True)
            try:
                message = encoder.message(Kind.REQUEST, number, dropped, operation, args, tuple(kwargs.items()))
            except ChannelError as trouble:
                self.note(trouble)
                raise
            del self.dropped[: len(dropped)]
            ends = [time.monotonic() + self.seconds, *self._deadlines[-1:]]
            self._deadlines.append(min(ends if self._until is None else [*ends, self._until]))
            try:
                value, error = self._exchange(number, message, shared, asked, stops=operation == "next")
            except ChannelError as trouble:
                self.note(trouble)
                raise
            except BaseException:
                self.close("the checker was interrupted while it waited for an answer")
                raise
            finally:
                self._deadlines.pop()
        if error is not None:
            raise error
        return value

    def _exchange(
        self, number: int, message: memoryview, shared: list[Any], asked: bool, *, stops: bool
    ) -> tuple[Any, None] | tuple[None, Exception]:
        """Send a request, answer calls until its answer comes, and return its value, or the exception to raise."""
        failed: list[Exception] = []
        with self._watching():
            self._frames.send(message, self._deadlines[-1])
        while True:
            with self._watching():
                frame = self._frames.receive(self._deadlines[-1])
            with self._watching():
                decoder = Decoder(frame, self.limits, lambda n: self.remote(n, asked=asked), self._function, shared)
                parts = decoder.header(3, 6)
                kind, of = Kind(decoder.integer(Kind.ANSWER, Kind.CALL)), decoder.integer(0, _FAR)
                if kind != Kind.CALL and of != number and not (kind == Kind.ERROR and of == 0):
                    raise ProtocolError(f"expected the answer to question {number}, got one to {of}")
                if kind == Kind.STOP and not stops:  # a StopIteration out of a call would end a loop of the test's
                    raise ProtocolError("only an iterator can be at its end")
                if parts != {Kind.ANSWER: 4, Kind.ERROR: 6, Kind.STOP: 3, Kind.CALL: 5}[kind]:
                    raise ProtocolError(f"a message of kind {kind.name} with {parts} parts")
            if kind == Kind.CALL:
                self._call_back(of, decoder, failed)
                continue
            with self._watching():
                changes = decoder.value()
                outcome = self._outcome(kind, decoder)
                decoder.end()
                self._copy_back(changes, shared)
                if decoder.pointed:
                    check_written_out([outcome[0], *shared], self.limits)
            return (None, failed[0]) if failed else outcome

    def _outcome(self, kind: Kind, decoder: Decoder) -> tuple[Any, None] | tuple[None, Exception]:
        if kind == Kind.ANSWER:
            return decoder.value(), None
        if kind == Kind.STOP:
            return None, StopIteration()
        error = _exception(decoder.text(), cut(decoder.text(), self.limits.text))
        traceback = cut(decoder.text(), self.limits.text)
        if isinstance(error, ChannelError):
            self.note(error)
        if traceback:
            error.add_note(f"In the student's code:\n{traceback}")
        return None, error

    def _copy_back(self, changes: Any, shared: list[Any]) -> None:
        if type(changes) is not tuple or len(changes) % 2:
            raise ProtocolError("the changes of arguments are pairs of a number and what the argument holds now")
        for k, new in zip(changes[::2], changes[1::2], strict=True):
            if type(k) is not int or not 0 <= k < len(shared):
                raise ProtocolError(f"{len(shared)} arguments can change, got the change of another")
            try:
                copy_back(shared[k], new)
            except ChannelError:
                raise
            except Exception as error:  # it can be no leaf, or not resized
                raise NotCopiedBack(f"an argument was changed in a way that cannot be copied back: {error}") from None

    def _call_back(self, number: int, decoder: Decoder, failed: list[Exception]) -> None:
        """Call a function of ours for the student's code, and send what comes of it."""
        with self._watching():
            try:
                function = self._function(decoder.integer(0, _FAR))
                args, named = decoder.value(), decoder.value()
                decoder.end()
            except LimitError as error:
                self._answer(Kind.RAISED, number, "RuntimeError", f"{type(error).__name__}: {error}")
                return
            if type(args) is not tuple or not _are_keywords(named):
                raise ProtocolError("a call has a tuple of arguments, and pairs of a name and an argument")
        try:
            message = self._encoder().message(Kind.RESULT, number, function(*args, **dict(named)))
        except Exception as error:
            if self._closed is not None:
                raise
            text = message_of(error, self.limits.text)
            if isinstance(error, (AssertionError, ChannelError)):
                failed.append(error)  # whatever her code makes of it, the test has failed
                text = "a check of the test has failed"  # its own words may tell what it expected
            message = self._encoder().message(Kind.RAISED, number, base_name(error), text)
        with self._watching():
            self._frames.send(message, self._deadlines[-1])

    def _answer(self, *parts: Any) -> None:
        self._frames.send(self._encoder().message(*parts), self._deadlines[-1])

    @contextmanager
    def _watching(self) -> Iterator[None]:
        """Give trouble of the connection its name, and close it where it cannot go on."""
        try:
            yield
        except ProtocolError as error:
            self._end(f"what it sent was no message: {error}")
            raise
        except TimeoutError:
            self._end("it did not answer in time")
            raise StudentTimeout(
                f"the student's code was still running after its time (at most {self.seconds:g} s for a call)"
            ) from None
        except (EOFError, OSError):
            fate = self._fate()
            self._end(fate)
            raise StudentGone(f"the student's process is gone: {fate}") from None

    def _end(self, reason: str) -> None:
        self.close(reason)
        if self.peer is not None:
            with suppress(OSError):  # it has ended by itself
                self.peer.kill()

    def _fate(self) -> str:
        if self.peer is None:
            return "it closed the connection"
        patience = time.monotonic() + 0.5  # the connection closes a moment before the process has ended
        while (code := self.peer.poll()) is None:
            if time.monotonic() > patience:
                return "it closed the connection, and still runs"
            time.sleep(0.002)
        if code >= 0:
            return f"it ended with exit code {code}"
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return f"killed by {name}" + (" (often: out of memory)" if name == "SIGKILL" else "")

    # Objects by number

    def remote(self, number: int, *, asked: bool, came: bool = True) -> Remote:
        """Return what stands for the student's object of this number."""
        handle = self._handles.get(number)
        if handle is None:
            handle = self._handles[number] = Handle(self, number)
        handle.count += came
        remote = self._remotes.get((number, asked))
        if remote is None:
            remote = self._remotes[number, asked] = Remote(handle, asked)
        return remote

    def _encoder(self) -> Encoder:
        return Encoder(self.limits, self._handle, [])

    def _handle(self, x: Any) -> tuple[Tag, int]:
        if type(x) is Remote:
            return Tag.YOURS, number_of(x, self)
        if not callable(x):
            what = f"an array of dtype {x.dtype}" if type(x).__name__ == "ndarray" else f"an object of {type(x)}"
            raise NotSendable(
                f"only plain values and functions can be given to a student's code, got {what}. Values are of exactly "
                f"a built-in type, so make dict(x), list(x) or float(x) of what derives from one"
            )
        number = self._function_numbers.get(id(x))
        if number is None:
            number = self._function_numbers[id(x)] = len(self._functions)
            self._functions.append(x)
        return Tag.MINE, number

    def _function(self, number: int) -> Callable[..., Any]:
        if number >= len(self._functions):
            raise ProtocolError(f"the student was given {len(self._functions)} functions, got number {number}")
        return self._functions[number]


class Names(dict[str, Any]):
    """The globals of a test: the checker's own names, and behind them those of the student's notebook.

    Parameters
    ----------
    connection
        Where the student's names are asked for, anew each time one is used.
    given
        The checker's own names, which win; so do Python's built-in ones.
    only
        The names that may be asked for. Without it any may: then a test that forgets to import numpy takes the
        student's ``np``, and her ``np.allclose``, if she has one.

    Examples
    --------
    ``exec(test, Names(connection, {"np": numpy, "expect": expect}, only={"softmax"}))``
    """

    def __init__(
        self,
        connection: Connection,
        given: Mapping[str, Any] | None = None,
        *,
        only: Container[str] | None = None,
    ) -> None:
        super().__init__(given or {})
        self._connection, self._only = connection, only

    def __missing__(self, name: str) -> Any:
        special = name.startswith("__") and name.endswith("__")
        if special or hasattr(builtins, name) or (self._only is not None and name not in self._only):
            raise KeyError(name)
        try:
            return self._connection.request("name", (name,), {})
        except NameError:
            raise KeyError(name) from None


def _exception(name: str, message: str) -> Exception:
    """Make the exception that an answer names.

    No line of it but the first begins with her words, and the first one not where it would pass for a check's own: what
    a test says to a student in lines of its own, as the likely cause of a mistake, must be the test's.
    """
    message = "\n  ".join(message.splitlines())
    if name == "AssertionError":
        message = f"Your code raised AssertionError: {message}".removesuffix(": ")
    if name in BY_NAME:
        return BY_NAME[name](message)
    if name in _STOPPED:
        return StudentStopped(f"the student's code raised {name}" + (f": {message}" if message else ""))
    if name not in EXCEPTIONS:
        raise ProtocolError(f"expected the name of an exception, got {name[:60]!r}")
    for kind in EXCEPTIONS[name].__mro__:
        try:
            error = kind(message)
        except TypeError:  # UnicodeDecodeError wants more than a message; ValueError does not
            continue
        assert isinstance(error, Exception)
        return error
    raise AssertionError("Exception takes a message")


def _are_keywords(named: Any) -> bool:
    return type(named) is tuple and all(
        type(pair) is tuple and len(pair) == 2 and type(pair[0]) is str for pair in named
    )
