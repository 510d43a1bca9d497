"""The student's end: carries out what the checker asks, one request after another.

It runs in the student's process, where her code can change everything, this module too. So nothing here protects
anybody; it makes an honest student's functions testable, and the checker believes none of it.
"""

from __future__ import annotations

import itertools
import linecache
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any

from dlkit.grading.channel.decoder import Decoder
from dlkit.grading.channel.encoder import Contents, Encoder
from dlkit.grading.channel.errors import BY_NAME, LimitError, Limits, ProtocolError
from dlkit.grading.channel.frames import Frames
from dlkit.grading.channel.messages import EXCEPTIONS, OPERATIONS, Kind, base_name, cut, message_of
from dlkit.grading.channel.sharing import Watch
from dlkit.grading.channel.wire import Tag

_FIRST, _LAST = 3, 7  # of a long traceback, this many calls of her own
_FAR = 1 << 53


def serve(
    sock: socket.socket,
    namespace: dict[str, Any],
    *,
    limits: Limits | None = None,
    own: Callable[[str], bool] | None = None,
    commands: Mapping[str, Callable[..., Any]] | None = None,
    around: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> None:
    """Answer the checker until it closes the connection.

    Parameters
    ----------
    sock
        The student's end of a socket pair.
    namespace
        The names of the student's notebook.
    limits
        What may cross; those of the checker.
    own
        Tells from a file's name whether a traceback may show its lines: the student's cells. By default names as
        ``<cell softmax>``, which are no files.
    commands
        What the checker's `Connection.command` may ask for besides, as ``{"run_cell": run_cell}``.
    around
        Makes the context in which each request is carried out. It may turn what is raised in it into a `LimitError`,
        `OutOfTime` for example, which reaches the checker as such.

    Raises
    ------
    ProtocolError
        If what comes is no request.
    """
    _Student(sock, namespace, limits or Limits(), own or _is_cell, commands or {}, around).serve()


class Callback:
    """A function of the checker, as the student's code gets it: it can be called."""

    __slots__ = ("__number", "__student")

    def __init__(self, student: _Student, number: int) -> None:
        self.__student, self.__number = student, number

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Have the checker call it."""
        return self.__student.call(self.__number, args, kwargs)

    def __repr__(self) -> str:
        return f"<function {self.__number} of the test>"


class _Student:
    def __init__(
        self,
        sock: socket.socket,
        namespace: dict[str, Any],
        limits: Limits,
        own: Callable[[str], bool],
        commands: Mapping[str, Callable[..., Any]],
        around: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self.around = around
        self.frames, self.namespace, self.limits, self.own = Frames(sock, limits), namespace, limits, own
        self.operations = {**commands, **OPERATIONS, "name": self.name}
        self.objects: dict[int, list[Any]] = {}  # number: object, how often it was sent
        self.numbers: dict[int, int] = {}  # id of an object there: its number
        self.functions: dict[int, Callback] = {}
        self.counter = itertools.count(1)
        # Held by the thread that talks. It is free while code of hers runs for a request, so that her threads can call.
        self.turn = threading.RLock()

    def serve(self) -> None:
        """Answer until the checker closes the connection."""
        with self.turn:
            while True:
                try:
                    decoder = self.decoder(frame := self.frames.receive())
                    if self.kind(frame)[0] == Kind.REQUEST:
                        self.answer(decoder, outermost=True)
                    # else the result of a call that was interrupted while it waited for it
                except LimitError as error:  # we cannot know which request it was
                    self.frames.send(self.encoder([]).message(Kind.ERROR, 0, (), type(error).__name__, str(error), ""))
                except (EOFError, OSError):
                    return

    def kind(self, frame: bytearray) -> tuple[int, int, Decoder]:
        """Tell which kind of message it is, of which number; and give what reads the rest of it."""
        decoder = self.decoder(frame)
        decoder.header(3, 6)
        return decoder.integer(1, 7), decoder.integer(1, _FAR), decoder

    # What is asked of her

    def answer(self, decoder: Decoder, *, outermost: bool = False) -> None:
        """Carry out the request in `decoder`, and send the answer."""
        decoder.header(6, 6)
        if decoder.integer(1, 7) != Kind.REQUEST:
            raise ProtocolError("expected a request")
        number, decoder.grow = decoder.integer(1, _FAR), True
        try:
            for k in decoder.value():
                self.drop(*k)
            operation, args, kwargs = decoder.text(), decoder.value(), decoder.value()
            decoder.end()
        except LimitError as error:
            reply = self.encoder([]).message(Kind.ERROR, number, (), type(error).__name__, str(error), "")
        else:
            watches = [Watch(x) for x in decoder.shared]
            kind, *parts = self.outcome(operation, args, dict(kwargs), outermost)
            reply = self.reply(kind, number, decoder.shared, watches, parts)
        self.frames.send(reply)

    def outcome(self, operation: str, args: Any, kwargs: Any, outermost: bool) -> tuple[Any, ...]:
        if outermost:
            self.turn.release()
        try:
            with self.around():
                result = self.operations[operation](*args, **kwargs)
            if type(result) is str and operation in ("str", "repr", "format"):
                result = cut(result, self.limits.text)
            return Kind.ANSWER, result
        except BaseException as error:
            if operation == "next" and isinstance(error, StopIteration):
                return (Kind.STOP,)
            if isinstance(error, LimitError) and type(error).__name__ in BY_NAME:
                return Kind.ERROR, type(error).__name__, str(error), self.traceback(error.__traceback__)
            return Kind.ERROR, *self.described(error)
        finally:
            if outermost:
                self.turn.acquire()

    def reply(self, kind: Kind, number: int, shared: list[Any], watches: list[Watch], parts: list[Any]) -> memoryview:
        encoder = self.encoder(shared)
        try:
            changes = [part for k, w in enumerate(watches) if w.changed() for part in (k, Contents(w.value))]
            return encoder.message(kind, number, tuple(changes), *parts)
        except BaseException as error:
            for sent in encoder.handle.sent:  # type: ignore[attr-defined]
                self.drop(sent, 1)
            if isinstance(error, LimitError):
                parts = [type(error).__name__, str(error), ""]
            else:
                parts = list(self.described(error))
            return self.encoder([]).message(Kind.ERROR, number, (), *parts)

    def name(self, name: str) -> Any:
        """Look a name of the notebook up."""
        if name not in self.namespace:
            raise NameError(f"name {name!r} is not defined")
        return self.namespace[name]

    def described(self, error: BaseException) -> tuple[str, str, str]:
        """Say what was raised: the built-in class, the message, the way there through her own cells."""
        try:
            return base_name(error), message_of(error, self.limits.text), self.traceback(error.__traceback__)
        except BaseException as trouble:  # a class whose attributes are traps
            return "Exception", f"(it cannot be shown: {type(trouble).__name__})", ""

    def traceback(self, traceback: TracebackType | None) -> str:
        lines = []
        while traceback is not None:
            code = traceback.tb_frame.f_code
            if self.own(code.co_filename):
                lines.append((code.co_filename.strip("<>"), traceback.tb_lineno, code.co_name, code.co_filename))
            traceback = traceback.tb_next
        left_out = len(lines) - _FIRST - _LAST
        texts = [
            f"  {name}, line {line}, in {function}\n    {linecache.getline(file, line).strip()}".rstrip()
            for name, line, function, file in (lines if left_out <= 0 else lines[:_FIRST] + lines[-_LAST:])
        ]
        if left_out > 0:
            texts.insert(_FIRST, f"  … {left_out} calls more …")
        return cut("\n".join(texts), self.limits.text)

    # What she asks

    def call(self, function: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a function of the checker, and serve it meanwhile."""
        _headroom(60)  # not to run out of levels between the question and its answer
        with self.turn:
            number = next(self.counter)
            named = tuple(kwargs.items())
            self.frames.send(self.encoder([]).message(Kind.CALL, number, function, args, named))
            while True:
                frame = self.frames.receive()
                decoder = self.decoder(frame)
                kind, of, again = self.kind(frame)
                if kind == Kind.REQUEST:
                    self.answer(decoder)
                    continue
                if kind not in (Kind.RESULT, Kind.RAISED) or of > number:
                    raise ProtocolError("expected the answer to a call")
                if of < number:  # of one that was interrupted
                    continue
                if kind == Kind.RESULT:
                    return again.value()
                name, message = again.text(), again.text()
                raise EXCEPTIONS.get(name, RuntimeError)(message)

    # Objects by number

    def encoder(self, shared: list[Any]) -> Encoder:
        return Encoder(self.limits, _Sending(self), shared)

    def decoder(self, frame: bytearray) -> Decoder:
        return Decoder(frame, self.limits, self.function, lambda number: self.objects[number][0], [])

    def function(self, number: int) -> Callback:
        return self.functions.setdefault(number, Callback(self, number))

    def drop(self, number: int, times: int) -> None:
        """Forget an object, unless it was sent more often than the checker knew when it let it go."""
        entry = self.objects.get(number)
        if entry is not None:
            entry[1] -= times
            if entry[1] <= 0:
                del self.objects[number], self.numbers[id(entry[0])]


class _Sending:
    """Gives numbers to the objects of one message."""

    def __init__(self, student: _Student) -> None:
        self.student, self.sent = student, list[int]()

    def __call__(self, x: Any) -> tuple[Tag, int]:
        student = self.student
        if type(x) is Callback and x._Callback__student is student:  # type: ignore[attr-defined]
            return Tag.YOURS, x._Callback__number  # type: ignore[attr-defined]
        number = student.numbers.get(id(x))
        if number is None:
            number = student.numbers[id(x)] = next(student.counter)
            student.objects[number] = [x, 0]
        student.objects[number][1] += 1
        self.sent.append(number)
        return Tag.MINE, number


def _is_cell(file: str) -> bool:
    return file.startswith("<") and not file.startswith(("<frozen", "<__array_function__"))


def _headroom(levels: int) -> None:
    """Raise RecursionError now if there is no room for so many calls."""
    if levels:
        _headroom(levels - 1)
