"""Checks for test cells whose message teaches: what was called, what came, what was expected, which mistake it is.

A check never calls a method of the value it was given: the value is copied to a plain numpy array first, so an
object that claims to equal everything is judged by its numbers, or refused because it has none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from dlkit.grading.channel.remote import Remote, value_of

#: How a line begins that names the mistake behind a wrong value; feedback of hidden tests keeps only these lines.
HINT = "Likely cause:"

_NOT_IT = "The hint above the cell may help. · 可以看看上面的提示。"
_NOT_FINITE = "It is not a finite number (nan or inf). · 结果不是有限的数（nan 或 inf）。"
_SMALL = 12  # an array of up to this many entries is shown whole
_FIRST = 3  # of a larger one, this many differences
_NUMBERS = {bool, int, float, complex, *np.sctypeDict.values()}  # exact types: a subclass may redefine anything


def expect(
    call: str,
    got: Any,
    want: Any,
    *,
    rtol: float,
    atol: float = 0.0,
    mistakes: Mapping[str, Any] | None = None,
    reveal: bool = True,
) -> None:
    """Pass silently if `got` equals `want` up to a tolerance; otherwise say what is wrong.

    Parameters
    ----------
    call
        What was computed, as the student should read it: ``"softmax(Z) for Z of shape (3, 4)"``.
    got
        The student's value: a real number, or an array, list or tuple of real numbers.
    want
        The expected value; it may be a function without arguments that returns it.
    rtol, atol
        Every entry must satisfy ``|got - want| <= atol + rtol * |want|``.
    mistakes
        ``{hint: value}``: the value that a known mistake gives (or a function that returns it, called only when
        the check has failed). The hint of the first one that equals `got` is added to the message, after
        "Likely cause:".
    reveal
        Whether the message may show the expected value. If not, as for an exercise that its reader is to solve, a wrong
        value is answered with the hint of its mistake or a pointer to the text; what is wrong with its kind or shape is
        said all the same.

    Raises
    ------
    AssertionError
        With the call in its first line and the reason in the lines below.
    """
    expected = _expected(want)
    found, complaint = _plain(got)
    if found is None:
        raise AssertionError(f"{call}\n{complaint}")
    difference = _difference(found, expected, rtol, atol)
    if difference is None:
        return
    lines = [call, difference] if reveal or found.shape != expected.shape else [f"{call}: this is not it."]
    for hint, value in (mistakes or {}).items():
        with suppress(Exception):  # a mistake that cannot be computed here is not the one that was made
            if _difference(found, _expected(value), rtol, atol) is None:
                lines.append(f"{HINT} {hint}")
                break
    if len(lines) == 1:  # nothing was revealed, and no mistake recognised
        lines.append(_NOT_IT if np.isfinite(found).all() else _NOT_FINITE)
    raise AssertionError("\n".join(lines))


def expect_raises(
    call: str, exception: type[BaseException], function: Callable[..., Any], *args: Any, **kwargs: Any
) -> BaseException:
    """Pass if ``function(*args, **kwargs)`` raises `exception`; otherwise say what it did instead.

    Returns
    -------
    BaseException
        What was raised, for a test that looks at its message.
    """
    try:
        value = function(*args, **kwargs)
    except exception as error:
        # NotImplementedError is a RuntimeError: an answer not yet written must not pass for one that refuses
        if type(error) is NotImplementedError and exception is not NotImplementedError:
            raise AssertionError(f"{call}\nThere is no answer here yet (NotImplementedError).") from error
        return error
    except Exception as error:
        raise AssertionError(
            f"{call}\nShould raise {exception.__name__}, but raised {type(error).__name__}: {error}"
        ) from error
    raise AssertionError(f"{call}\nShould raise {exception.__name__}, but raised nothing and returned {_name(value)}.")


def expect_unchanged(name: str, before: Any, after: Any) -> None:
    """Pass if the argument called `name` still equals the copy `before` taken of it before the call.

    Raises
    ------
    AssertionError
        If shape, data type or any entry differs.
    """
    old = _expected(before)
    new, complaint = _plain(after)
    advice = "Compute with a new array, for example start from a copy."
    if new is None:
        raise AssertionError(f"{name} was changed in place.\n{complaint}\n{advice}")
    if old.shape != new.shape or old.dtype != new.dtype:
        change = f"It was {old.dtype} of shape {old.shape} and is now {new.dtype} of shape {new.shape}."
    else:
        changed = np.argwhere(~_same(new, old, 0.0, 0.0))
        if len(changed) == 0:
            return
        index = tuple(changed[0])
        change = f"{name}{_subscript(index)} was {_number(old[index])} and is now {_number(new[index])}."
    raise AssertionError(f"{name} was changed in place.\n{change}\n{advice}")


def _expected(want: Any) -> np.ndarray:
    """Take the author's value, or call the function that makes it."""
    value, complaint = _plain(want() if callable(want) else want)
    if value is None:
        raise TypeError(f"expect: the expected value must be numbers. {complaint}")
    return value


def _plain(value: Any) -> tuple[np.ndarray | None, str]:
    """Copy `value` to a base numpy array of real numbers; else return None and say why that is impossible."""
    if type(value) is Remote:  # of the student's process: a matrix, a list of her own kind
        try:
            value = value_of(value)
        except (TypeError, ValueError) as error:
            return None, " ".join(f"Expected a number or an array: {error}".split())[:300] + "."
    kind = type(value)
    if value is None:
        return None, "Got None: did you forget `return`?"
    if issubclass(kind, np.ndarray):
        array = np.array(value, copy=True, subok=False)  # numpy reads the buffer of a subclass, not its methods
    elif kind in _NUMBERS:
        array = np.asarray(value)
    elif kind in (list, tuple):
        parts = []
        for i, entry in enumerate(value):
            part, complaint = _plain(entry)
            if part is None:
                return None, f"Entry {i} of the {kind.__name__}: {complaint}"
            parts.append(part)
        if len({part.shape for part in parts}) > 1:
            return None, f"Got a {kind.__name__} whose entries have different shapes."
        array = np.array(parts) if parts else np.zeros(0)
    else:
        return None, f"Expected a number or an array, got {_name(value)}."
    if array.dtype.kind == "c":
        return None, "Expected real numbers, got complex ones."
    if array.dtype.kind not in "biuf":
        return None, f"Expected numbers, got an array of dtype {array.dtype}."
    return array, ""


def _name(value: Any) -> str:
    if type(value) is Remote:
        return "an object of a class of your own"
    return "None" if value is None else f"a value of type {type(value).__name__}"


def _same(got: np.ndarray, want: np.ndarray, rtol: float, atol: float) -> np.ndarray:
    a, b = got.astype(np.float64), want.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        near = np.isfinite(a) & np.isfinite(b) & (abs(a - b) <= atol + rtol * abs(b))
    return near | (a == b) | (np.isnan(a) & np.isnan(b))


def _difference(got: np.ndarray, want: np.ndarray, rtol: float, atol: float) -> str | None:
    """Say how `got` differs from `want`, or return None if it does not."""
    if got.shape != want.shape:
        return _shapes(got, want)
    same = _same(got, want, rtol, atol)
    if same.all():
        return None
    strange = np.argwhere(~np.isfinite(got) & np.isfinite(want))
    if len(strange):
        index = tuple(strange[0])
        where = f" at {_subscript(index)}" if index else ""
        return f"Got {_number(got[index])}{where}, expected {_number(want[index])}, a finite number."
    if got.ndim == 0:
        return f"Expected {_number(want[()])}, got {_number(got[()])}.{_gap(got, want)}"
    wrong = np.argwhere(~same)
    count = f"{len(wrong)} of {got.size} entries {'differs' if len(wrong) == 1 else 'differ'}"
    if got.size <= _SMALL:
        return f"{count}.\nExpected:\n{_array(want)}\nGot:\n{_array(got)}{_gap(got, want)}"
    lines = [
        f"  {_subscript(i)}: expected {_number(want[i])}, got {_number(got[i])}" for i in map(tuple, wrong[:_FIRST])
    ]
    title = "the first" if len(wrong) <= _FIRST else f"the first {_FIRST}"
    return f"{count}; {title}:\n" + "\n".join(lines) + _gap(got, want)


def _shapes(got: np.ndarray, want: np.ndarray) -> str:
    def named(a: np.ndarray) -> str:
        return "a single number" if a.ndim == 0 else f"shape {a.shape}"

    text = f"Expected {named(want)}, got {named(got)}."
    if got.ndim == want.ndim and got.T.shape == want.shape:
        return text + " The transpose would have the right shape."
    if got.squeeze().shape == want.squeeze().shape:
        if got.ndim < want.ndim:
            return text + " An axis of length 1 is missing: see keepdims=True."
        return text + " An axis of length 1 is too many: was it left by keepdims=True or by slicing?"
    return text


def _gap(got: np.ndarray, want: np.ndarray) -> str:
    """Show the difference itself where six digits of both numbers hide it."""
    a, b = got.astype(np.float64), want.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        largest = np.nanmax(abs(a - b), initial=0.0)
    if largest == 0 or not np.isfinite(largest) or largest > 1e-4 * np.nanmax(abs(b)):
        return ""
    return f"\nThe largest difference is {largest:.2g}: close, and still too far."


def _number(value: Any) -> str:
    return f"{value:.6g}" if value.dtype.kind == "f" else str(value)


def _array(a: np.ndarray) -> str:
    return np.array2string(a, precision=6, suppress_small=False, separator=", ")


def _subscript(index: tuple[Any, ...]) -> str:
    return f"[{', '.join(str(int(i)) for i in index)}]"
