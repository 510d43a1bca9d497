"""`Remote`: what a test holds of an object that lives in the student's process.

What an object answers is what the student's code says. So a question that would tell her what is expected, and leave
the verdict to her, is not asked unless the test's author wants it: ``x == 5``, ``x - 5``, ``5 in x`` raise `NotAValue`
where `x` is a `Remote`, until it was wrapped by `ask`. Her values need no such care. They have crossed as plain
numbers, and the checker compares them.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, TypeVar

from dlkit.grading.channel.errors import ChannelError, NotAValue, NotSendable, TooMany
from dlkit.grading.channel.messages import BINARY, COMPARISONS, CONVERSIONS, IN_PLACE, UNARY, base_name, message_of

_Function = TypeVar("_Function", bound=Callable[..., Any])

#: Of names with two underscores on both sides only these are looked up: by others libraries ask for memory and code.
_READABLE = ("__name__", "__qualname__")


class Handle:
    """The number of an object over there, and how often it has come; its owner forgets the object when this goes."""

    __slots__ = ("__weakref__", "connection", "count", "number", "steps")

    def __init__(self, connection: Any, number: int) -> None:
        self.connection, self.number, self.count, self.steps = connection, number, 0, 0

    def __del__(self) -> None:
        self.connection.dropped.append((self.number, self.count))


class Remote:
    """An object of the student's process: each use is a question to it, and is asked anew each time.

    It can be called, iterated and entered; it has attributes, items, a length and a truth value, as far as the object
    over there has them. Operators with two operands and comparisons need `ask`. Its class is always `Remote`, which is
    callable, iterable and so on, whatever the object is; its ``__doc__`` is that of the object.
    """

    __slots__ = ("__asked", "__handle", "__weakref__")
    __array_ufunc__ = None  # numpy's arrays leave their operators to us
    __hash__ = object.__hash__
    __doc__ = property(lambda self: _request(self, "getattr", self, "__doc__"))

    def __init__(self, handle: Handle, asked: bool) -> None:
        object.__setattr__(self, "_Remote__handle", handle)
        object.__setattr__(self, "_Remote__asked", asked)

    # Uses that ask for a value, or lead to another object

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Have the student's process call it."""
        return _request(self, "call", self, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__") and name not in _READABLE:
            raise AttributeError(f"{name} of a student's object is not looked up")
        answer = _request(self, "getattr", self, name)
        if name in _READABLE and type(answer) is str:  # for messages of tests: in one line, and no more than a name
            return re.sub(r"[^\w.<>]", "?", answer[:100])
        return answer

    def __setattr__(self, name: str, value: Any) -> None:
        _refuse_special(name)
        _request(self, "setattr", self, name, value)

    def __delattr__(self, name: str) -> None:
        _refuse_special(name)
        _request(self, "delattr", self, name)

    def __getitem__(self, key: Any) -> Any:
        return _request(self, "getitem", self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        _request(self, "setitem", self, key, value)

    def __delitem__(self, key: Any) -> None:
        _request(self, "delitem", self, key)

    def __iter__(self) -> Iterator[Any]:
        return _iterator(_request(self, "iter", self))

    def __reversed__(self) -> Iterator[Any]:
        return _iterator(_request(self, "reversed", self))

    def __next__(self) -> Any:
        handle = _handle(self)
        handle.steps += 1
        most = handle.connection.limits.steps
        if handle.steps > most:
            raise handle.connection.note(TooMany(f"an iterator may be asked {most:,} times; this one has no end yet"))
        return _request(self, "next", self)

    def __enter__(self) -> Any:
        return _request(self, "enter", self)

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        """Leave the context. Whatever her ``__exit__`` returns, an exception of the test goes on."""
        text = None if error is None else base_name(error)
        _request(self, "exit", self, text, "" if error is None else message_of(error, 1000))

    # Uses whose answer has one type

    def __bool__(self) -> bool:
        return bool(_convert(self, "bool"))

    def __int__(self) -> int:
        return int(_convert(self, "int"))

    def __float__(self) -> float:
        return float(_convert(self, "float"))

    def __complex__(self) -> complex:
        return complex(_convert(self, "complex"))

    def __index__(self) -> int:
        return int(_convert(self, "index"))

    def __len__(self) -> int:
        length: int = _convert(self, "len")
        handle = _handle(self)
        most = 100 * handle.connection.limits.items  # list(x) takes memory for as many as len(x) says
        if length > most:
            raise handle.connection.note(TooMany(f"a student's object may have {most:,} items; it says {length:,}"))
        return length

    def __str__(self) -> str:
        return str(_convert(self, "str"))

    def __format__(self, spec: str) -> str:
        return str(_convert(self, "format", spec))

    def __repr__(self) -> str:
        try:
            return str(_convert(self, "repr"))
        except ChannelError as error:  # a message about other trouble may want to show this
            return f"<an object of the student's; {type(error).__name__}>"

    def __round__(self, digits: int | None = None) -> Any:
        return _request(self, "round", self, *(() if digits is None else (digits,)))

    # Uses that leave the verdict to her

    def __contains__(self, item: Any) -> bool:
        _need_ask(self, "in")
        return bool(_convert(self, "contains", item))

    def __instancecheck__(self, instance: Any) -> bool:
        _need_ask(self, "isinstance")
        return bool(_request(self, "isinstance", instance, self) is True)

    def __subclasscheck__(self, subclass: Any) -> bool:
        _need_ask(self, "issubclass")
        return bool(_request(self, "issubclass", subclass, self) is True)

    # What would need a guess

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        problem = NotAValue("expected an array or a number, got an object of a class of the student's")
        raise _handle(self).connection.note(problem)

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise _handle(self).connection.note(NotSendable("an object of the student's cannot be copied or pickled"))


def ask(x: Any) -> Any:
    """Let a student's object, and all that comes of it, answer operators and comparisons for itself.

    Parameters
    ----------
    x
        Anything. What is no object of a student's process is returned as it is, so that a test with `ask` runs in the
        student's own notebook, too.

    Examples
    --------
    ``Value = ask(Value)`` at the beginning of a test of a class with operators: then ``Value(2.0) * 3 + 1`` works. What
    is computed should still be compared as a number, ``y.data == 7``: ``y == 7`` is whatever her ``__eq__`` says.
    """
    return _handle(x).connection.remote(_handle(x).number, asked=True, came=False) if type(x) is Remote else x


def student_side(function: _Function) -> _Function:
    """Let a function of a test run where the student's objects are: to look at what she has drawn, for example.

    What her code makes of matplotlib's axes, or of another object that does not cross, can be read only there. So the
    function takes her functions and plain values, has them do their work, and returns plain values, which the test
    judges. Those are her process's word, as the values that her own functions return are.

    Parameters
    ----------
    function
        A function of a test cell's part in plain view: that part's definitions are known over there (hidden ones are
        not). It uses no other names than those of such definitions and of locked cells.

    Returns
    -------
    callable
        In the student's own notebook the function itself.

    Examples
    --------
    ``@student_side`` above ``def heights(plot, values): return [b.get_height() for b in plot(values).patches]``; then a
    test, hidden or not, may say ``expect("the bars", heights(plot_bars, [1, 2]), [1, 2], rtol=0)``.
    """
    if _checkers_connection is None:
        return function
    connection, name = _checkers_connection, function.__name__

    @functools.wraps(function)
    def there(*args: Any, **kwargs: Any) -> Any:
        return connection.request("call", (connection.request("name", (name,), {}), *args), kwargs)

    return there  # type: ignore[return-value]


_checkers_connection: Any = None


def value_of(x: Remote) -> Any:
    """Ask for the plain value of an object whose class derives from one that crosses by value.

    Raises
    ------
    TypeError
        If it has none; the message says of which class it is.
    """
    return _request(x, "plain", x)


def run_tests_over(connection: Any) -> None:
    """Tell `student_side` that tests run in this process, and the student's code at the other end of `connection`."""
    global _checkers_connection
    _checkers_connection = connection


def _handle(x: Remote) -> Handle:
    handle: Handle = object.__getattribute__(x, "_Remote__handle")
    return handle


def is_asked(x: Any) -> bool:
    """Tell whether this is a student's object that `ask` was applied to."""
    return type(x) is Remote and object.__getattribute__(x, "_Remote__asked")


def number_of(x: Remote, connection: Any) -> int:
    """Find an object's number."""
    handle = _handle(x)
    if handle.connection is not connection:
        raise NotSendable("an object of one student's process cannot be given to another's")
    return handle.number


def _request(x: Remote, operation: str, /, *args: Any, **kwargs: Any) -> Any:
    asked = is_asked(x) or any(map(is_asked, args))
    return _handle(x).connection.request(operation, args, kwargs, asked=asked)


def _convert(x: Remote, operation: str, *more: Any) -> Any:
    answer = _request(x, operation, x, *more)
    kind = CONVERSIONS[operation][1]
    if type(answer) is not kind:
        problem = f"{operation} of a student's object should be of type {kind.__name__}, got {type(answer).__name__}"
        raise _handle(x).connection.note(NotAValue(problem))
    return answer


def _iterator(answer: Any) -> Any:
    if type(answer) is not Remote:
        raise NotAValue(f"iter of a student's object should be an iterator, got {type(answer).__name__}")
    return answer


def _need_ask(x: Remote, what: str, other: Any = None) -> None:
    if not is_asked(x) and not is_asked(other):
        problem = (
            f"`{what}`: expected a value (a number, an array, text, a list of these), got an object of a class of the "
            f"student's, whose own code would give the answer. Compare what it holds, as x.data, or see "
            f"dlkit.grading.channel.ask"
        )
        raise _handle(x).connection.note(NotAValue(problem))


def _refuse_special(name: str) -> None:
    if name.startswith("__") and name.endswith("__"):
        raise AttributeError(f"{name} of a student's object is not changed")


def _operator(name: str, *, reflected: bool = False) -> Callable[[Any, Any], Any]:
    def method(self: Remote, other: Any) -> Any:
        _need_ask(self, name, other)
        return _request(self, name, *((other, self) if reflected else (self, other)))

    return method


def _unary(name: str) -> Callable[[Any], Any]:
    return lambda self: _request(self, name, self)


for _name in (*BINARY, *IN_PLACE, *COMPARISONS):
    setattr(Remote, f"__{_name}__", _operator(_name))
for _name in BINARY:
    setattr(Remote, f"__r{_name}__", _operator(_name, reflected=True))
for _name in UNARY:
    setattr(Remote, f"__{_name}__", _unary(_name))
