"""How gates are written in a picture of a graph, and the whole graph in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dlkit.autograd.drawing import words as eager
from dlkit.tf.graph import Operation
from dlkit.tf.variables import Assign, NoOp

if TYPE_CHECKING:
    from dlkit.tf.drawing.graph import Found, Vertex

# By the formula's name, or the operation's type, what the table of the eager drawing does not have.
_GATES = {
    "add_n": ("+", ""),
    "cast": ("cast", "{} cast to another type"),
    "equal": ("=", "{} equal to {}"),
    "greater": (">", "{} greater than {}"),
    "greater_equal": ("≥", "{} at least {}"),
    "identity": ("id", "{} as it is"),
    "less": ("<", "{} less than {}"),
    "less_equal": ("≤", "{} at most {}"),
    "linear": ("xW+b", "{} times {} plus {}"),
    "log": ("log", "the logarithm of {}"),
    "mean": ("mean", "the mean of {}"),
    "not_equal": ("≠", "{} unequal to {}"),
    "softmax_cross_entropy": ("cross-entropy", "the cross-entropy of softmax of {} with the labels {}"),
    "sparse_cross_entropy": ("cross-entropy", "the cross-entropy of softmax of {} with the classes {}"),
    "stop_gradient": ("stop", "{}, with no gradient through it"),
    "square": ("x²", "the square of {}"),
    "RandomUniform": ("random", "random numbers"),
    "RandomStandardNormal": ("random", "random numbers"),
    "TruncatedNormal": ("random", "random numbers"),
    "RandomShuffle": ("shuffle", "{} in random order"),
}
_ASSIGNED = {
    "Assign": ("←", "gives {} the value"),
    "AssignAdd": ("+=", "adds to {}"),
    "AssignSub": ("−=", "takes from {}"),
}
_DIGITS = 4
_LONGEST = 20


def can_fold(op: Operation, position: int) -> bool:
    """Tell whether a number at this position of an operation may be written into its gate.

    That is a number given to the operation, not a constant that was made before.
    """
    if isinstance(op, Assign):
        return True
    given = op.inputs[position].op.name.startswith(re.sub(r"_\d+$", "", op.name) + "/")
    return given and op.formula is not None and eager.can_fold(op.formula.name.strip("_"), position)


def value(x: Any) -> str:
    """Return a number as it is typeset."""
    return eager.pretty(eager.number(x, _DIGITS))


def listed(items: Sequence[str]) -> str:
    """Return "a, b and c"."""
    if len(items) < 2:
        return "".join(items) or "nothing"
    return ", ".join(items[:-1]) + " and " + items[-1]


def shortened(name: str) -> str:
    """Return a name that fits below a gate."""
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"


def gate(op: Operation, folded: dict[int, Any]) -> tuple[str, str, bool]:
    """Return the symbol of a gate, what it does in words, and whether the order of its operands matters."""
    count = len(op.inputs)
    if isinstance(op, NoOp):
        return "no-op" if not op.control_inputs else "all of", "", False
    if isinstance(op, Assign):
        symbol, phrase = _ASSIGNED[op.type]
        variable, number = op.variable.op.name, value(folded[0]) if folded else ""
        return f"{variable} {symbol} {number}".strip(), f"{phrase.format(variable)} {number or '{}'}", True
    name = op.formula.name.strip("_") if op.formula is not None else op.type
    ordered = name not in (*eager.SYMMETRIC, "add_n")
    if op.formula is not None and (folded or name not in _GATES):
        symbol, phrase = eager.gate(op.formula, op.options, count, folded)
        return symbol, phrase, ordered
    symbol, phrase = _GATES.get(name, (op.type, ""))
    of = " of " if count else ""
    return (
        symbol,
        phrase or f"the {'sum' if name == 'add_n' else op.type}{of}" + listed(["{}"] * count) * bool(count),
        ordered,
    )


def describe(found: Found, values: dict[Any, list[str]]) -> str:
    """Return the graph in words."""
    forward = found.band("forward")
    gates = [v for v in forward if v.kind == "gate"]
    run = ", not run yet" if not values else ""
    many = f"{len(gates)} operations" if len(gates) != 1 else "1 operation"
    sentences = [f"Graph of {many}{run}, read from left to right."]
    for kind, title in (("variable", "Variables"), ("placeholder", "Placeholders"), ("constant", "Constants")):
        found_here = [v for v in forward if v.kind == kind]
        if found_here:
            sentences.append(f"{title}: {', '.join(_introduced(v, values) for v in found_here)}.")
    sentences += [_said(v, values) for v in gates]
    backward = found.band("backward")
    if backward:
        sentences.append("Gradients, in orange below, read from right to left.")
        sentences += [_said(v, values) for v in backward if v.kind in ("gate", "seed")]
    sentences += [_said(v, values) for v in found.band("update") if v.kind == "gate"]
    if found.highlighted:
        runs = [v.name for v in found.vertices if v.runs and v.kind == "gate"]
        sentences.append(f"To run {found.highlighted}, the session carries out {listed(runs)}; the rest is grey.")
    return " ".join(sentences)


def _introduced(vertex: Vertex, values: dict[Any, list[str]]) -> str:
    if vertex.kind == "constant" and vertex.symbol != vertex.name:
        return f"{vertex.name} = {vertex.symbol}"
    return vertex.name + _result(vertex, values).replace(" is", " =", 1)


def _result(vertex: Vertex, values: dict[Any, list[str]]) -> str:
    if vertex in values:
        return " = " + ", ".join(line.strip() for line in values[vertex])
    if vertex.shape in (None, "?") or vertex.kind == "seed":
        return ""
    return f", shape {vertex.shape}" if vertex.kind == "gate" else f" {vertex.shape}"


def _said(vertex: Vertex, values: dict[Any, list[str]]) -> str:
    """Return the sentence about a gate."""
    direct = len(vertex.operands) - vertex.waits
    sources = [v.name if v.kind != "constant" or v.symbol == v.name else v.symbol for v in vertex.operands]
    if vertex.kind == "seed":
        text = f"{vertex.name} is 1" + (f", the gradient of {vertex.by[0]} by itself" if vertex.by else "")
    elif vertex.of is not None:
        of = f"the gradient of {vertex.by[0] or 'what follows'} by {vertex.by[1]}" if vertex.by else "gradients"
        text = f"{vertex.name} is {of}, made from {listed(sources[:direct])} at {vertex.of.name}"
    elif vertex.changes and not vertex.phrase:
        along = [(name, source.name) for name, source in vertex.steps] or zip(vertex.changes, sources, strict=False)
        moves = listed([f"{name} along {gradient}" for name, gradient in along])
        text = f"{vertex.name}, {vertex.note.rpartition(', ')[2]}, moves {moves}"
    elif not vertex.phrase:
        text = f"{vertex.name} computes nothing"
    else:
        verb = "" if vertex.changes else "is "
        text = f"{vertex.name} {verb}{vertex.phrase.format(*sources[:direct])}"
        if vertex.by and vertex.band == "backward":
            text += f", the gradient of {vertex.by[0] or 'what follows'} by {vertex.by[1]}"
    if vertex.waits:
        text += f", after {listed(sources[direct:])}"
    return text + _result(vertex, values) + "."
