"""How gates, numbers and arrays are written in a picture, and the whole graph in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from dlkit import arrays
from dlkit.autograd.operation import Operation

if TYPE_CHECKING:
    from dlkit.autograd.drawing.graph import Graph, Vertex

SYMMETRIC = ("add", "multiply", "maximum", "minimum")  # the order of their operands does not matter

# The symbol in the gate, and what the gate does to its operands.
_GATES = {
    "abs": ("|x|", "the absolute value of {}"),
    "add": ("+", "{} plus {}"),
    "divide": ("÷", "{} divided by {}"),
    "matmul": ("@", "the matrix product of {} and {}"),
    "matrix_transpose": ("xᵀ", "the transpose of {}"),
    "maximum": ("max", "the larger of {} and {}"),
    "minimum": ("min", "the smaller of {} and {}"),
    "multiply": ("×", "{} times {}"),
    "negative": ("−x", "minus {}"),
    "norm": ("‖x‖", "the norm of {}"),
    "power": ("xʸ", "{} to the power {}"),
    "prod": ("Π", "the product of the entries of {}"),
    "relu": ("ReLU", "ReLU of {}"),
    "sigmoid": ("σ", "sigmoid of {}"),
    "sqrt": ("√", "the square root of {}"),
    "subtract": ("−", "{} minus {}"),
    "sum": ("Σ", "the sum of the entries of {}"),
    "transpose": ("xᵀ", "the transpose of {}"),
}

# The gate with a number in it, by the operation and the number's position.
_FOLDED = {
    ("add", 0): "+{}",
    ("add", 1): "+{}",
    ("divide", 0): "{}/x",
    ("divide", 1): "÷{}",
    ("maximum", 0): "max(x, {})",
    ("maximum", 1): "max(x, {})",
    ("minimum", 0): "min(x, {})",
    ("minimum", 1): "min(x, {})",
    ("multiply", 0): "×{}",
    ("multiply", 1): "×{}",
    ("power", 0): "{}ˣ",
    ("subtract", 0): "{}−x",
    ("subtract", 1): "−{}",
}

_SUPERSCRIPTS = str.maketrans("-−0123456789", "⁻⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_FEW = 3  # an array with no more rows and columns is written out
_DIGITS_IN_A_GATE = 4


def can_fold(operation: str, position: int) -> bool:
    """Tell whether a number at this position of an operation may be written into its gate."""
    return (operation, position) in _FOLDED


def gate(operation: Operation, options: dict[str, Any], count: int, folded: dict[int, Any]) -> tuple[str, str]:
    """Return the symbol of a gate, and what it does in words, with ``{}`` for each operand that is drawn."""
    name = operation.name.strip("_")
    if name == "power_of":
        exponent = options["exponent"]
        power = number(exponent, _DIGITS_IN_A_GATE)
        symbol = "x" + power.translate(_SUPERSCRIPTS) if float(exponent).is_integer() else f"x^{pretty(power)}"
        return symbol, f"{{}} to the power {power}"
    symbol, phrase = _GATES.get(name, (name, ""))
    if not phrase:
        phrase = f"{_escape(name)} of " + _listed(["{}"] * count)
    for position, value in folded.items():
        text = number(value, _DIGITS_IN_A_GATE)
        written = f"({pretty(text)})" if text.startswith("-") else pretty(text)
        symbol = _FOLDED[name, position].format(written)
        slots = ["{}"] * count
        slots[position] = text
        phrase = phrase.format(*slots)
    chosen = [
        f"{key} {value}"
        for key, value in options.items()
        if key in operation.options and value is not operation.options[key] and _is_short(value)
    ]
    if chosen:
        phrase += _escape(f" ({', '.join(chosen)})")
    return symbol, phrase


def number(value: Any, digits: int) -> str:
    """Return a number rounded to so many significant digits, in plain characters."""
    x = float(value)
    if not math.isfinite(x):
        return str(x).replace("inf", "infinity")
    if x == 0:
        return "0"
    rounded = abs(float(f"{x:.{digits - 1}e}"))
    if not 1e-4 <= rounded < 1e6:
        mantissa, exponent = f"{x:.{digits - 1}e}".split("e")
        return f"{mantissa.rstrip('0').rstrip('.') if '.' in mantissa else mantissa}e{int(exponent)}"
    return f"{x:.0f}" if rounded >= 10**digits else f"{x:.{digits}g}"


def pretty(text: str) -> str:
    """Return a plain number as it is typeset: a true minus, a power of ten, the sign for infinity."""
    mantissa, e, exponent = text.partition("e")
    if e and exponent.lstrip("-").isdigit():
        text = f"{mantissa}×10{exponent.translate(_SUPERSCRIPTS)}"
    return text.replace("-", "−").replace("infinity", "∞")


def lines(value: Any, digits: int) -> list[str]:
    """Return a value as lines of plain text: a number, a small array row by row, or else the shape of the array."""
    shape = tuple(int(n) for n in getattr(value, "shape", ()))
    if not shape:
        return [number(value, digits)]
    if len(shape) > 2 or not all(0 < n <= _FEW for n in shape):
        return [str(shape)]
    rows = np.asarray(arrays.to_numpy(value)).reshape(-1, shape[-1])
    text = ["[" + ", ".join(number(x, digits) for x in row) + "]" for row in rows]
    if len(shape) == 2:
        text = ["[" + text[0], *(" " + row for row in text[1:])]
        text[-1] += "]"
    return text


def spoken(value: Any, digits: int) -> str:
    """Return a value as it is read out."""
    text = lines(value, digits)
    if text[0].startswith("("):
        return f"an array of shape {text[0]}"
    return ", ".join(line.strip() for line in text)


def describe(graph: Graph, digits: int, shown: set[int]) -> str:
    """Return the graph in words; of the gradients, those of the vertices whose ids are in `shown`."""
    called: dict[int, str] = {}
    gates = 0
    forward = []
    for vertex in graph.vertices:
        if not vertex.gate:
            called[id(vertex)] = vertex.name or spoken(vertex.value, digits)
            continue
        gates += 1
        own = f"gate {gates}"
        called[id(vertex)] = vertex.name or own
        what = vertex.phrase.format(*(called[id(operand)] for operand in vertex.operands))
        this = f"; this is {vertex.name}" if vertex.name else ""
        forward.append(f"Gate {gates}: {what} is {spoken(vertex.value, digits)}{this}.")
    inputs = [v for v in graph.vertices if not v.gate and v.name]
    sentences = [f"Computational graph of {graph.name}, read from left to right."]
    if inputs:
        sentences.append("Inputs: " + ", ".join(f"{v.name} = {spoken(v.value, digits)}" for v in inputs) + ".")
    sentences += forward
    backward = [v for v in graph.backward if id(v) in shown]
    if backward:
        found = [f"by {called[id(v)]} is {_summed(v, graph, digits)}" for v in backward]
        sentences.append(f"Backward: the gradient of {graph.name} " + "; ".join(found) + ".")
    missing = len(graph.backward) - len(backward)
    if missing:
        sentences.append(f"{missing} gradients are not shown yet." if missing > 1 else "1 gradient is not shown yet.")
    return " ".join(sentences)


def _summed(vertex: Vertex, graph: Graph, digits: int) -> str:
    """Return the gradient of a vertex, with the parts it is the sum of, where there are several numbers."""
    text = spoken(vertex.gradient, digits)
    if vertex.uses > 1 and not vertex.gradient.shape:
        parts = [
            number(part, digits)
            for v in reversed(graph.vertices)
            for operand, part in zip(v.operands, v.parts, strict=False)
            if operand is vertex
        ]
        text += f", the sum of {_listed(parts)}"
    return text


def _listed(items: list[str]) -> str:
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]


def _escape(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _is_short(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return len(value) <= 4 and all(map(_is_short, value))
    return isinstance(value, bool | int | float | str)
