"""From a tensor to the graph that is drawn: its vertices with values and gradients, oldest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np

from dlkit import arrays
from dlkit.autograd.drawing import words
from dlkit.autograd.engine import RELEASED, Node, reverse
from dlkit.autograd.operation import Operation
from dlkit.autograd.operations.shapes import sum_to
from dlkit.autograd.tensor import Tensor, seed


@dataclass(eq=False)
class Vertex:
    """An input, a constant or a gate.

    Attributes
    ----------
    value : array
        What comes out of it.
    name : str
        Empty for a gate without a name.
    gate : str
        The symbol in the gate; empty for an input or a constant.
    phrase : str
        What the gate does, in words, with a ``{}`` for each operand.
    constant : bool
        Whether no gradient flows to it.
    operands : list of Vertex
        Those drawn, in the operation's order.
    positions : list of int
        Which of the operation's operands these are.
    ordered : bool
        Whether the order of the operands matters, as for a difference.
    gradient : array or None
        Of the result by this vertex; None where there is none.
    parts : list
        What the gate sends back to each operand: a part of its gradient.
    uses : int
        How many wires branch off.
    """

    value: Any
    name: str = ""
    gate: str = ""
    phrase: str = ""
    constant: bool = False
    operands: list[Vertex] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    ordered: bool = True
    gradient: Any = None
    parts: list[Any] = field(default_factory=list)
    uses: int = 0


@dataclass
class Graph:
    """What `read` found: the vertices, every one after its operands, and those with gradients, youngest first."""

    vertices: list[Vertex]
    backward: list[Vertex]
    name: str


def read(
    root: Tensor,
    inputs: Mapping[str, Any],
    name: str,
    gradients: bool,
    gradient: Any,
    fold: bool,
    max_gates: int,
) -> Graph:
    """Return the graph of `root`; the arguments are those of `draw`."""
    if not isinstance(root, Tensor):
        kind = type(root)
        name = f"{kind.__module__}.{kind.__name__}" if kind.__name__ == "Tensor" else kind.__name__  # not ours
        raise TypeError(f"draw: expected a Tensor of dlkit.autograd, got {name}")
    if not root.requires_grad:
        raise ValueError(
            "draw: nothing is recorded of this tensor, as it depends on no tensor that requires a gradient "
            "(within no_grad() nothing is recorded)"
        )
    if root._origin is None:
        raise ValueError("draw: this tensor was given, not computed, so there is no graph to draw")
    names = _names(inputs)
    nodes = _nodes(root, max_gates)
    vertices: list[Vertex] = []
    found: dict[int, Vertex] = {}  # by the id of the node or array, which the graph keeps alive
    unnamed = 0
    for node in nodes:
        vertex = Vertex(node._value, names.pop(id(node), ""))
        found[id(node)] = vertex
        if node._origin is None:
            if not vertex.name:
                unnamed += 1
                vertex.name = f"input {unnamed}"
        else:
            operation, operands, values, options = node._origin
            _connect(vertex, operation, operands, values, options, fold, names, found, vertices)
        vertices.append(vertex)
    if names:
        raise ValueError(f"inputs: {', '.join(names.values())} not found in the graph of {name}")
    last = found[id(root)]
    for vertex in vertices:
        for operand in vertex.operands:
            operand.uses += 1
    backward = []
    if gradients and (root.size == 1 or gradient is not None):
        for node, g in reverse(root, seed(root, gradient, "draw"), range(root._number, 1)):
            vertex = found[id(node)]
            vertex.gradient = g
            backward.append(vertex)
            if node._origin is not None:
                vertex.parts = _parts(node, g, vertex.positions)
    last.name = last.name or name
    return Graph(vertices, backward, last.name)


def _names(inputs: Mapping[str, Any]) -> dict[int, str]:
    """Return the names by the id of what they name."""
    if not isinstance(inputs, Mapping):
        raise TypeError(f'inputs: expected a dict as {{"x": x}}, got {type(inputs).__name__}')
    names: dict[int, str] = {}
    for name, x in inputs.items():
        if not isinstance(x, Node) and not (arrays.is_array(x) and not isinstance(x, np.generic)):
            raise TypeError(f"inputs[{name!r}]: expected a Tensor or an array, got {type(x).__name__}")
        if id(x) in names:
            raise ValueError(f"inputs: {names[id(x)]!r} and {name!r} name the same tensor")
        names[id(x)] = str(name)
    return names


def _nodes(root: Node, max_gates: int) -> list[Node]:
    """Return the nodes with a gradient from which `root` was computed, oldest first."""
    seen = {id(root): root}
    waiting = [root]
    gates = 0
    while waiting:
        node = waiting.pop()
        if node._origin is None:
            continue
        if node._origin is RELEASED:
            raise RuntimeError(
                "draw: a backward pass has released this graph; draw it before backward(), or call "
                "backward(retain_graph=True)"
            )
        gates += 1
        if gates > max_gates:
            raise ValueError(
                f"draw: the graph has more than {max_gates} gates, too many to be read; draw a part of it, that of an "
                f"earlier result, or pass a larger max_gates="
            )
        for operand in node._origin[1]:
            if isinstance(operand, Node) and operand.requires_grad:
                if operand._number < node._number:
                    raise RuntimeError(
                        f"draw: an operand of {node._origin[0].name}, of shape {tuple(operand._value.shape)}, was "
                        f"changed after it was used; compute the value anew"
                    )
                if id(operand) not in seen:
                    seen[id(operand)] = operand
                    waiting.append(operand)
    return sorted(seen.values(), key=lambda node: -node._number)


def _connect(
    vertex: Vertex,
    operation: Operation,
    operands: tuple[Any, ...],
    values: list[Any],
    options: dict[str, Any],
    fold: bool,
    names: dict[int, str],
    found: dict[int, Vertex],
    vertices: list[Vertex],
) -> None:
    """Make the vertex a gate with its operands; new constants among these join the vertices."""
    folded: dict[int, Any] = {}
    for position, (operand, value) in enumerate(zip(operands, values, strict=True)):
        if id(operand) in found and (isinstance(operand, Node) or arrays.is_array(operand)):
            vertex.operands.append(found[id(operand)])
            vertex.positions.append(position)
            continue
        name = names.pop(id(operand), "") if isinstance(operand, Node) or arrays.is_array(operand) else ""
        number = not getattr(value, "shape", ())
        if number and not name and fold and not folded and words.can_fold(operation.name, position):
            folded[position] = value
            continue
        constant = Vertex(value, name, constant=True)
        vertices.append(constant)
        vertex.operands.append(constant)
        vertex.positions.append(position)
        if not number or isinstance(operand, Node):
            found[id(operand)] = constant
    vertex.gate, vertex.phrase = words.gate(operation, options, len(operands), folded)
    vertex.ordered = operation.name not in words.SYMMETRIC


def _parts(node: Any, g: Any, positions: list[int]) -> list[Any]:
    """Return what the rules of a node's operation send back to the operands at these positions; None to constants."""
    operation, operands, values, options = node._origin
    rules = list(islice(operation.rules, len(operands)))
    parts: list[Any] = []
    for position in positions:
        operand = operands[position]
        if isinstance(operand, Node) and operand.requires_grad:
            part = rules[position](g, node._value, *values, **options)
            parts.append(sum_to(part, tuple(operand._value.shape)))
        else:
            parts.append(None)
    return parts
