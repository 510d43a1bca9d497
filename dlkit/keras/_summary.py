"""The table of a model's layers, in the layout of Keras 3."""

from __future__ import annotations

from typing import Any

__all__ = ["summary"]

_COLUMNS = ("Layer (type)", "Output Shape", "Param #")


def summary(model: Any, line_length: int | None = None) -> str:
    """Return the table as text.

    Parameters
    ----------
    model : Sequential
        The model.
    line_length : int, optional
        How wide; 76 by default.
    """
    length = 76 if line_length is None else line_length
    if length < 40:
        raise ValueError(f"line_length must be at least 40, to leave room for three columns; got {length}")
    inner = [(length - 4) * part // 72 - 2 for part in (33, 24)]  # the widths that Keras comes to on 76
    inner.append(length - 4 - sum(inner) - 3 * 2)
    lines = [f'Model: "{model.name}"', _rule("┏━┳┓", inner), _row("┃", _COLUMNS, inner), _rule("┡━╇┩", inner)]
    for k, layer in enumerate(model.layers):
        if k:
            lines.append(_rule("├─┼┤", inner))
        shape = str(layer.output_shape) if layer.built else "?"
        count = f"{layer.count_params():,}" if layer.built else "0 (unbuilt)"
        lines += [
            _row("│", cells, inner) for cells in _wrapped(f"{layer.name} ({type(layer).__name__})", shape, count, inner)
        ]
    lines.append(_rule("└─┴┘", inner))
    trained = sum(w.size for w in model.trainable_weights)
    total = sum(layer.count_params() for layer in model.layers)
    for name, number in (("Total", total), ("Trainable", trained), ("Non-trainable", total - trained)):
        lines.append(f" {name} params: {number:,} ({_memory(4 * number)})")
    return "\n".join(lines)


def _rule(marks: str, inner: list[int]) -> str:
    left, line, middle, right = tuple(marks)
    return left + middle.join(line * (width + 2) for width in inner) + right


def _row(bar: str, cells: Any, inner: list[int]) -> str:
    name, shape, count = cells
    return f"{bar} {name:<{inner[0]}} {bar} {shape:<{inner[1]}} {bar} {count:>{inner[2]}} {bar}"


def _wrapped(name: str, shape: str, count: str, inner: list[int]) -> list[tuple[str, str, str]]:
    """Return the rows of a layer: a long name goes on in the next."""
    pieces = [name[k : k + inner[0]] for k in range(0, len(name), inner[0])]
    if len(pieces) > 1 and " (" in name:
        head, _, tail = name.partition(" ")
        if max(len(head), len(tail)) <= inner[0]:
            pieces = [head, tail]
    return [(piece, "" if k else shape, "" if k else count) for k, piece in enumerate(pieces)]


def _memory(size: float) -> str:
    units = ["B", "KB", "MB", "GB"]
    while size >= 1024 and len(units) > 1:
        size /= 1024
        del units[0]
    return f"{size:.2f} {units[0]}"
