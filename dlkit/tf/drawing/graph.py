"""From a graph to what is drawn of it: vertices in three bands, each after its operands.

Forward is what computes the fetches; backward are the gradients of it, and what is made of them; update are the
optimizers' steps, and what waits for these.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dlkit.tf.drawing import words
from dlkit.tf.gradients import Rule
from dlkit.tf.graph import Constant, Graph, Operation, Tensor
from dlkit.tf.plan import _needed
from dlkit.tf.shapes import written
from dlkit.tf.train.optimizers import Apply
from dlkit.tf.variables import Assign, NoOp, Variable

FORWARD, BACKWARD, UPDATE = "forward", "backward", "update"


@dataclass(eq=False)
class Vertex:
    """An input, a gate, or a word that stands for a vertex of another band.

    Attributes
    ----------
    kind : str
        "placeholder", "variable", "constant", "seed" (the 1 that gradients start from), "reference" or "gate".
    name : str
        That of the operation, or of the scope.
    ops : list of Operation
        What it stands for.
    band : str
        FORWARD, BACKWARD or UPDATE.
    symbol : str
        What is written in a gate, or in place of an input.
    phrase : str
        What a gate does, in words, with a ``{}`` for each operand.
    shape : str or None
        Of the result; None if there is none, or several.
    operands : list of Vertex
        Those that a wire comes from; behind them those that are waited for.
    waits : int
        How many of the operands are only waited for.
    ordered : bool
        Whether the order of the operands matters.
    of : Vertex or None
        The gate that this is a gradient of.
    by : list of tuple
        What the gradient is of, and by: two names.
    changes : list of str
        The variables it changes, by name.
    steps : list of (str, Vertex)
        For the optimizer's gate: variables and the gradients that they are moved along.
    uses : int
        How many wires branch off.
    runs : bool
        Whether it belongs to what is highlighted.
    """

    kind: str
    name: str
    ops: list[Operation]
    band: str = FORWARD
    symbol: str = ""
    phrase: str = ""
    shape: str | None = None
    operands: list[Vertex] = field(default_factory=list)
    waits: int = 0
    ordered: bool = True
    of: Vertex | None = None
    by: tuple[str, str] | None = None
    changes: list[str] = field(default_factory=list)
    steps: list[tuple[str, Vertex]] = field(default_factory=list)
    note: str = ""
    uses: int = 0
    runs: bool = True


@dataclass
class Found:
    """What `read` found: the vertices, and whether some of them are highlighted."""

    vertices: list[Vertex]
    highlighted: str = ""

    def band(self, name: str) -> list[Vertex]:
        """Return the vertices of a band."""
        return [v for v in self.vertices if v.band == name]


def operations(fetches: Any, graph: Graph) -> list[Operation]:
    """Return the operations of fetches: tensors, operations, their names, or lists of these."""
    if isinstance(fetches, list | tuple):
        return [op for part in fetches for op in operations(part, graph)]
    if isinstance(fetches, dict):
        return operations(list(fetches.values()), graph)
    if isinstance(fetches, str):
        return [graph.get_operation_by_name(fetches.removesuffix(":0"))]
    op = getattr(fetches, "op", fetches)
    if not isinstance(op, Operation):
        raise TypeError(f"draw takes tensors and operations of a graph, or their names; got {fetches!r}")
    return [op]


def read(
    fetches: Any, graph: Graph, fold: bool, scopes: bool | Sequence[str], run: Any, fed: Any, max_gates: int
) -> Found:
    """Return what is to be drawn; the arguments are those of `draw`."""
    targets = _ends(graph) if fetches is None else operations(fetches, graph)
    if not targets:
        raise ValueError(
            "draw: the graph is empty; add operations to it first, or pass the one you mean as graph= (was "
            "reset_default_graph called?)"
        )
    needed = _needed(targets, set())
    reader = _Reader(needed, set(targets), fold, scopes)
    gates = sum(v.kind == "gate" for v in reader.vertices)
    if gates > max_gates:
        raise ValueError(
            f"draw: the graph has {gates} gates, more than {max_gates}, too many to be read; draw only what one result "
            f"needs, as draw(loss), or each scope as one gate, scopes=True, or pass a larger max_gates="
        )
    highlighted = ""
    if run is not None:
        given = set(operations(list(fed or []), graph))
        wanted = operations(run, graph)
        carried_out = {*_needed(wanted, given), *given}
        for vertex in reader.vertices:
            vertex.runs = any(op in carried_out for op in vertex.ops)
        highlighted = words.listed([op.name for op in wanted])
    return Found(reader.vertices, highlighted)


def _ends(graph: Graph) -> list[Operation]:
    """Return the operations whose results no other one uses, except those that only give variables a first value."""
    starts = {v.initializer for v in graph.variables} | {v.op for v in graph.variables}
    initial = set(_needed([v.initializer for v in graph.variables], set()))
    initial |= {op for op in graph.operations if isinstance(op, NoOp) and op.control_inputs and
                starts.issuperset(op.control_inputs)}  # fmt: skip
    rest = [op for op in graph.operations if op not in initial]
    used = {x.op for op in rest for x in op.inputs} | {o for op in rest for o in op.control_inputs}
    return [op for op in rest if op not in used] or [v.op for v in graph.variables]


class _Reader:
    """Makes the vertices, in an order in which each comes after its operands."""

    def __init__(
        self, needed: list[Operation], targets: set[Operation], fold: bool, scopes: bool | Sequence[str]
    ) -> None:
        self.fold = fold
        self.vertices: list[Vertex] = []
        self.found: dict[Operation, Vertex] = {}
        self.bands = _bands(needed)
        self.groups = _groups(needed, scopes, self.bands)
        self.open: dict[str, list[Operation]] = {}
        for op, key in self.groups.items():
            self.open.setdefault(key, []).append(op)
        self.applied = False
        folded = self._folded(needed) - targets
        for op in needed:
            if op not in folded and op not in self.found:
                self._add(op)
        for vertex in self.vertices:
            for operand in vertex.operands:
                operand.uses += 1

    def _folded(self, needed: list[Operation]) -> set[Operation]:
        """Return the constants that are written into every gate that uses them."""
        apart: set[Operation] = set()
        seen: set[Operation] = set()
        for op in needed:
            inside = _constants(op, self.fold)
            for k, x in enumerate(op.inputs):
                if isinstance(x.op, Constant):
                    seen.add(x.op)
                    if k not in inside and not isinstance(op.formula, Rule) and op not in self.groups:
                        apart.add(x.op)
        return seen - apart

    def _add(self, op: Operation) -> Vertex:
        if op in self.found:
            return self.found[op]
        if op in self.groups:
            return self._group(self.groups[op])
        vertex = Vertex("gate", op.name, [op], self.bands[op], shape=_shape(op))
        self.found[op] = vertex
        if isinstance(op.output, Variable):
            vertex.kind, vertex.symbol = "variable", op.name
        elif op.type == "Placeholder":
            vertex.kind, vertex.symbol = "placeholder", op.name
        elif vertex.band == BACKWARD and _is_seed(op):
            vertex.kind, vertex.symbol, vertex.note = "seed", "1", op.name
        elif isinstance(op, Constant):
            vertex.kind = "constant"
            vertex.symbol = words.value(op.value) if not op.value.ndim else op.name
            vertex.note = op.name if not op.value.ndim and "/" not in op.name else ""
        else:
            self._gate(vertex, op)
        self.vertices.append(vertex)
        return vertex

    def _gate(self, vertex: Vertex, op: Operation) -> None:
        folded: dict[int, Any] = {}
        used = list(op.inputs)
        if isinstance(op.formula, Rule):
            forward, position = op.inputs[1].op, op.formula._position
            used = [op.inputs[0]]
            vertex.of = self._add(forward)
            self._add(op.inputs[0].op)
            vertex.by = (self._origin(op), forward.inputs[position].op.name)
            vertex.symbol = "∂" + (vertex.of.symbol or "")
            vertex.phrase = "{}"
        elif isinstance(op, Apply):
            self._apply(vertex, op)
            return
        else:
            folded = _constants(op, self.fold)
            vertex.symbol, vertex.phrase, vertex.ordered = words.gate(op, folded)
            if isinstance(op, Assign):
                vertex.changes = [op.variable.op.name]
            if vertex.band == BACKWARD and op.type == "AddN":
                parts = {self._add(x.op).by for x in op.inputs}
                vertex.by = parts.pop() if len(parts) == 1 else None
        sources = [self._add(x.op) for k, x in enumerate(used) if k not in folded]
        self._connect(vertex, sources, op.control_inputs)

    def _apply(self, vertex: Vertex, op: Apply) -> None:
        vertex.symbol = op.type.removeprefix("Apply")
        vertex.changes = [v.op.name for v in op.variables]
        moving = isinstance(op.rate, Tensor)
        sources = [self._add(x.op) for x in op.inputs[moving:]]
        vertex.note = f"η = {op.rate.op.name}" if moving else f"η = {words.value(op.rate)}"  # type: ignore[union-attr]
        short = op.name.rsplit("/", 1)[-1]
        if short != vertex.symbol:
            vertex.note = f"{short}, {vertex.note}"
        if self.applied:
            self._connect(vertex, sources, op.control_inputs)
        else:
            self.applied = True
            vertex.steps = list(zip(vertex.changes, sources, strict=True))
            self._connect(vertex, [], op.control_inputs)

    def _group(self, key: str) -> Vertex:
        """Make one vertex of all operations of a scope."""
        ops = self.open.pop(key)
        inner = set(ops)
        vertex = Vertex("gate", key, ops, self.bands[ops[0]], symbol=key.removeprefix("∂").rsplit("/", 1)[-1])
        for op in ops:
            if op in self.found:
                raise ValueError(f"draw: scope {key!r} needs its own result from outside, so it cannot be one gate")
        for op in ops:
            self.found[op] = vertex
        inputs: list[Operation] = []
        for op in ops:
            for x in op.inputs[:1] if isinstance(op.formula, Rule) else op.inputs:
                if x.op not in inner and x.op not in inputs and not (self.fold and isinstance(x.op, Constant)):
                    inputs.append(x.op)
        if key.startswith("∂"):
            vertex.of = self._add(ops[0].inputs[1].op)
            vertex.symbol = f"∂{vertex.symbol}"
            vertex.phrase = "{}"
        else:
            vertex.phrase = f"scope {key}, {len(ops)} operations, of " + words.listed(["{}"] * len(inputs))
        sources = [self._add(x) for x in inputs]
        if any(self._leads_to(source, vertex) for source in sources):
            raise ValueError(f"draw: scope {key!r} needs its own result from outside, so it cannot be one gate")
        unique = list(dict.fromkeys(sources))
        waits = [o for op in ops for o in op.control_inputs if o not in inner]
        self._connect(vertex, unique, list(dict.fromkeys(waits)))
        if not key.startswith("∂"):
            vertex.phrase = f"scope {key}, {len(ops)} operations, of " + words.listed(["{}"] * len(unique))
        vertex.shape = _shape(ops[-1]) if not key.startswith("∂") else None
        self.vertices.append(vertex)
        return vertex

    def _leads_to(self, source: Vertex, vertex: Vertex) -> bool:
        waiting, seen = [source], set()
        while waiting:
            v = waiting.pop()
            if v is vertex:
                return True
            if v not in seen:
                seen.add(v)
                waiting += v.operands
        return False

    def _origin(self, op: Operation) -> str:
        """Return the name of what a gradient is the gradient of; empty if that is not known."""
        before = op.inputs[0].op
        if _is_seed(before):
            self.found[before].by = (op.inputs[1].op.name,) * 2
            return op.inputs[1].op.name
        by = self.found[before].by if before in self.found else None
        return by[0] if by else ""

    def _connect(self, vertex: Vertex, sources: list[Vertex], waits: Sequence[Operation]) -> None:
        for source in [*sources, *(self._add(o) for o in waits)]:
            vertex.operands.append(source if source.band == vertex.band else self._reference(source, vertex))
        vertex.waits = len(waits)

    def _reference(self, source: Vertex, vertex: Vertex) -> Vertex:
        word = Vertex("reference", source.name, source.ops, vertex.band, symbol=source.name, shape=source.shape)
        if source.kind == "constant":
            word.symbol = source.symbol
        self.vertices.append(word)
        return word


def _constants(op: Operation, fold: bool) -> dict[int, Any]:
    """Return the one number that is written into an operation's gate, by its position, if there is one."""
    if fold and not isinstance(op.formula, Rule):
        for k, x in enumerate(op.inputs):
            if isinstance(x.op, Constant) and not x.op.value.ndim and words.can_fold(op, k):
                return {k: x.op.value}
    return {}


def _is_seed(op: Operation) -> bool:
    return op.type in ("OnesLike", "Const") and re.search(r"(^|/)grad_ys_\d+$", op.name) is not None


def _bands(needed: list[Operation]) -> dict[Operation, str]:
    """Tell of each operation which band it is in."""
    seeds = {op.inputs[0].op for op in needed if isinstance(op.formula, Rule)}
    bands: dict[Operation, str] = {}
    for op in needed:
        before = {bands[x.op] for x in op.inputs} | {bands[o] for o in op.control_inputs}
        if isinstance(op, Apply) or UPDATE in before:
            bands[op] = UPDATE
        elif isinstance(op.formula, Rule) or BACKWARD in before or (op in seeds and _is_seed(op)):
            bands[op] = BACKWARD
        else:
            bands[op] = FORWARD
    users: dict[Operation, set[str]] = {}
    for op in needed:
        for x in op.inputs[:1] if isinstance(op.formula, Rule) else op.inputs:
            users.setdefault(x.op, set()).add(bands[op])
    for op, where in users.items():
        if isinstance(op, Constant) and len(where) == 1:
            bands[op] = where.pop()
    return bands


def _groups(needed: list[Operation], scopes: bool | Sequence[str], bands: dict[Operation, str]) -> dict[Operation, str]:
    """Tell of each operation that is drawn as part of its scope which scope that is; "∂…" for its gradients."""
    if isinstance(scopes, str):
        scopes = [scopes]
    if not scopes:
        return {}
    groups: dict[Operation, str] = {}
    for op in needed:
        inside = op.name.rpartition("/")[0]
        if isinstance(op.formula, Rule):
            forward = groups.get(op.inputs[1].op)
            if forward is not None:
                groups[op] = f"∂{forward.removeprefix('∂')}"
        elif inside and bands[op] == FORWARD and op.inputs:
            if scopes is True:
                groups[op] = inside.split("/", 1)[0]
            else:
                known = [s.rstrip("/") for s in scopes if f"{inside}/".startswith(s.rstrip("/") + "/")]
                if known:
                    groups[op] = min(known, key=len)
    if scopes is not True:
        missing = [s for s in scopes if s.rstrip("/") not in groups.values()]
        if missing:
            raise ValueError(f"scopes: no operation that is drawn is in {words.listed(missing)}")
    return groups


def _shape(op: Operation) -> str | None:
    if op.output is None:
        return None
    return "?" if op.output._shape is None else written(op.output._shape)
