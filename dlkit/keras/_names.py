"""From a name to what it stands for: ``"mse"``, ``"MeanSquaredError"`` and ``"mean_squared_error"`` are one loss."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

__all__ = ["arguments", "described", "find", "made_from", "misspelt", "nearest", "refuse", "snake"]

# What arguments were called in Keras 1 and early Keras 2.
_RENAMED = {
    "output_dim": "units",
    "init": "kernel_initializer",
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "bias": "use_bias",
    "p": "rate",
    "nb_epoch": "epochs",
}


def snake(name: str) -> str:
    """Return a class's name as a layer's name is made of it: BatchNormalization, batch_normalization."""
    return "".join(
        "_" + c if c.isupper() and i and not name[i - 1].isupper() else c for i, c in enumerate(name)
    ).lower()


def find(name: Any, table: Mapping[str, Any], what: str) -> Any:
    """Return the entry of a table by its name; upper case and underscores do not matter.

    Raises
    ------
    ValueError
        If there is none. The message has the nearest names, or all of them.
    """
    if isinstance(name, str):
        plain = _plain(name)
        for key, entry in table.items():
            if _plain(key) == plain:
                return entry
    raise ValueError(f"{what} must be one that is known; got {name!r}. {nearest(name, table)}")


def described(thing: Any, kinds: Iterable[Any], what: str) -> dict[str, Any]:
    """Return the name and the arguments of one of Keras's own, as JSON can say them.

    Raises
    ------
    ValueError
        If it is not one of Keras's.
    """
    if type(thing) not in kinds:
        shown = getattr(thing, "rule", None) or getattr(thing, "name", None) or thing
        raise ValueError(f"{what} must be one of Keras's to be written to a file; got {shown!r}")
    return {"class_name": type(thing).__name__, "config": thing.get_config()}


def made_from(description: Mapping[str, Any], table: Mapping[str, Any], what: str) -> Any:
    """Return what `described` was given."""
    return find(description.get("class_name"), table, what)(**description.get("config", {}))


def nearest(name: Any, known: Iterable[str]) -> str:
    """Return a sentence with the known names that are like `name`, or with all."""
    known = sorted(known)
    by_plain = {_plain(key): key for key in known}
    close = [by_plain[key] for key in get_close_matches(_plain(str(name)), by_plain, n=3, cutoff=0.6)]
    return f"Did you mean {' or '.join(map(repr, close))}?" if close else f"Known are {', '.join(known)}."


def arguments(function: Callable[..., Any]) -> list[str]:
    """Return the names of a function's arguments, but for ``self`` and those that take whatever is left over."""
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.name != "self" and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]


def misspelt(where: str, name: str, known: Iterable[str]) -> TypeError:
    """Return the error for an argument that there is not."""
    known = list(known)
    if name in _RENAMED and _RENAMED[name] in known:
        return TypeError(f"{where} has no argument {name!r}: Keras 2 and 3 call it {_RENAMED[name]!r}")
    return TypeError(f"{where} has no argument {name!r}. {nearest(name, known)}")


def refuse(where: str, unknown: Mapping[str, Any], known: Iterable[str]) -> None:
    """Raise if there are arguments left over."""
    for name in unknown:
        raise misspelt(where, name, known)


def _plain(name: str) -> str:
    return name.lower().replace("_", "")
