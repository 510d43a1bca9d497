"""The kinds of messages, and the operations that the checker may ask for, by name.

Checker to student::

    REQUEST, number, dropped, operation, arguments, keywords
    RESULT, number of the call, value
    RAISED, number of the call, name of a built-in exception, message

Student to checker::

    ANSWER, number of the request, changes, value
    ERROR, number of the request, changes, name, message, traceback
    STOP, number of the request, changes                the iterator has ended
    CALL, number, function, arguments, keywords

``dropped`` lists the objects that the checker holds no longer, and how often each had come. ``changes`` lists which
mutable arguments have changed, and what they hold now. Answers come in the reverse order of questions: a call may
arrive before an answer, and is answered first.
"""

from __future__ import annotations

import builtins
import math
import operator
from collections.abc import Callable
from enum import IntEnum
from typing import Any


class Kind(IntEnum):
    """What a message is; its first part."""

    REQUEST = 1
    RESULT = 2
    RAISED = 3
    ANSWER = 4
    ERROR = 5
    STOP = 6
    CALL = 7


#: Operators of two operands, by the name of their method. ``b.__radd__(a)`` is asked for as add(a, b).
BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "truediv": operator.truediv,
    "floordiv": operator.floordiv,
    "mod": operator.mod,
    "divmod": divmod,
    "pow": operator.pow,
    "matmul": operator.matmul,
    "and": operator.and_,
    "or": operator.or_,
    "xor": operator.xor,
    "lshift": operator.lshift,
    "rshift": operator.rshift,
}

COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    name: getattr(operator, name) for name in ("eq", "ne", "lt", "le", "gt", "ge")
}

IN_PLACE: dict[str, Callable[[Any, Any], Any]] = {
    f"i{name}": getattr(operator, f"i{name}") for name in (*BINARY,) if name != "divmod"
}

UNARY: dict[str, Callable[[Any], Any]] = {
    "neg": operator.neg,
    "pos": operator.pos,
    "abs": abs,
    "invert": operator.invert,
    "trunc": math.trunc,
    "floor": math.floor,
    "ceil": math.ceil,
}

#: Operations whose answer has to be of one type, exactly.
CONVERSIONS: dict[str, tuple[Callable[..., Any], type]] = {
    "bool": (bool, bool),
    "int": (int, int),
    "float": (float, float),
    "complex": (complex, complex),
    "index": (operator.index, int),
    "len": (len, int),
    "str": (str, str),
    "repr": (repr, str),
    "format": (format, str),
    "contains": (operator.contains, bool),
    "isinstance": (isinstance, bool),
    "issubclass": (issubclass, bool),
}


def call(function: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Call."""
    return function(*args, **kwargs)


def enter(manager: Any) -> Any:
    """Enter a context."""
    return type(manager).__enter__(manager)


def leave(manager: Any, name: str | None, message: str) -> bool:
    """Leave a context, for an exception if there is one."""
    error = None if name is None else EXCEPTIONS.get(name, RuntimeError)(message)
    return bool(type(manager).__exit__(manager, None if error is None else type(error), error, None))


def plain(x: Any) -> Any:
    """Return the value of an object whose class derives from one that crosses by value, or holds an array.

    Raises
    ------
    TypeError
        If it is no such object.
    """
    import numpy as np

    if isinstance(x, np.ma.MaskedArray):
        return x.filled(np.nan) if x.dtype.kind in "fc" else x.data
    if isinstance(x, np.ndarray):
        return np.array(x, subok=False)
    bases: tuple[Any, ...] = (bool, int, float, complex, str, dict, list, tuple)
    for base in bases:
        if isinstance(x, base):
            return base(x)
    if type(x).__module__.partition(".")[0] == "pandas":
        return x.to_numpy()
    raise TypeError(f"an object of the class {type(x).__name__} is no number and no array")


#: Everything that can be asked of an object, besides "name" and the commands of the one who runs the student's process.
OPERATIONS: dict[str, Callable[..., Any]] = {
    **BINARY,
    **COMPARISONS,
    **IN_PLACE,
    **UNARY,
    **{name: function for name, (function, _) in CONVERSIONS.items()},
    "call": call,
    "getattr": getattr,
    "setattr": setattr,
    "delattr": delattr,
    "getitem": operator.getitem,
    "setitem": operator.setitem,
    "delitem": operator.delitem,
    "round": round,
    "iter": iter,
    "reversed": reversed,
    "next": next,
    "enter": enter,
    "exit": leave,
    "plain": plain,
}

#: Exceptions that pass as themselves. StopIteration would end a loop of the checker unnoticed, as if it were its own.
EXCEPTIONS: dict[str, type[Exception]] = {
    name: kind
    for name, kind in vars(builtins).items()
    if isinstance(kind, type)
    and issubclass(kind, Exception)
    and kind.__name__ == name
    and not issubclass(kind, (StopIteration, StopAsyncIteration, Warning, BaseExceptionGroup))
}


def base_name(error: BaseException) -> str:
    """Find the nearest built-in class that an exception is an instance of."""
    for kind in type(error).__mro__:
        if EXCEPTIONS.get(kind.__name__) is kind or kind in (SystemExit, KeyboardInterrupt, BaseException):
            return kind.__name__
        if kind in (StopIteration, StopAsyncIteration):
            return "RuntimeError"
    return "BaseException"


def message_of(error: BaseException, most: int) -> str:
    """Take the message of an exception, even of one that cannot say it."""
    try:
        text = str(error.args[0]) if isinstance(error, KeyError) and len(error.args) == 1 else str(error)
    except Exception as trouble:
        text = f"(its message cannot be shown: {type(trouble).__name__})"
    return cut(text, most)


def cut(text: str, most: int) -> str:
    """Shorten a text to at most so many characters."""
    if len(text) <= most:
        return text
    mark = f" … ({len(text) - most:,} characters more)"
    return text[: max(most - len(mark), 0)] + mark[:most]
