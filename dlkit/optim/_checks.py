"""What the rules ask of their settings; every message names the argument."""

from __future__ import annotations

from typing import Any


def chosen(rule: Any, convention: str, **given: Any) -> list[Any]:
    """Return the settings, with the convention's defaults for those that are None."""
    if convention not in rule.conventions:
        raise ValueError(f"convention must be one of {sorted(rule.conventions)}; got {convention!r}")
    defaults = rule.conventions[convention]
    missing = [name for name, value in given.items() if value is None and name not in defaults]
    if missing:
        raise TypeError(f"{type(rule).__name__} must be given {missing[0]}: {convention} has no default for it")
    return [defaults[name] if value is None else value for name, value in given.items()]
