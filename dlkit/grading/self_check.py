"""A student's own check of an exercise inside a lecture: it answers, and never stops the notebook."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def self_check(title: str, answer: Any, check: Callable[[Any], object]) -> None:
    """Print whether an answer is right, and if not, what the check has to say about it.

    Parameters
    ----------
    title : str
        Which exercise this is.
    answer : object
        The student's answer, None while there is none yet; or a function without arguments that calls the
        student's code and returns what it gives, so that an error in that code is reported and stops nothing.
    check : callable
        Takes the answer; raises AssertionError with a helpful message if it is not right, as `expect` does.
    """
    called = callable(answer)
    if called:
        try:
            answer = answer()
        except Exception as error:
            print(f"{title}: not yet · 还不对\nYour code stopped with {type(error).__name__}: {error}")
            return
    if answer is None:
        print(
            f"{title}: not answered yet · 尚未作答" + (" (or `return` is missing · 或者漏了 return)" if called else "")
        )
        return
    try:
        check(answer)
    except AssertionError as error:
        print(f"{title}: not yet · 还不对\n{error}")
    except Exception as error:
        # An answer of a kind the check cannot even look at (text for a number, say) is a wrong answer, not a crash.
        print(f"{title}: not yet · 还不对\nThe check could not use this answer: {type(error).__name__}: {error}")
    else:
        print(f"{title}: correct · 正确")
