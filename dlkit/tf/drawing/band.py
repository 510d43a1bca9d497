"""Vertices laid out together from left to right: their slots, and the pieces of a picture at these places."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dlkit.autograd.drawing.layout import Slot, arrange
from dlkit.autograd.drawing.picture import (
    CLEAR,
    GATE,
    GATE_SIZE,
    GRADIENT,
    INK,
    LINE,
    NAME_SIZE,
    RADIUS,
    SIZE,
    STUB,
    VALUE,
    WIRE,
    Dot,
    Gate,
    Text,
    Wire,
    chain,
    ports,
    text_width,
    wire,
)
from dlkit.tf.drawing import words
from dlkit.tf.drawing.graph import FORWARD, Vertex

GRADIENT_GATE = "#FDF0E7"
FADED, FADED_GATE = "#A3A3A3", "#FAFAFA"
_NOTE = 12.0  # the size of the names below gates
_LEAD = 9.0  # into a gate, for the head of the arrow
_WIRE = 38.0  # out of a gate
_BETWEEN_COLUMNS = (26.0, 40.0)

Point = tuple[float, float]


@dataclass
class Pieces:
    """What a picture is made of, while it is put together."""

    wires: list[Wire] = field(default_factory=list)
    dots: list[Dot] = field(default_factory=list)
    gates: list[Gate] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)

    def moved(self, where: Callable[[float, float], Point], mirrored: bool = False) -> Pieces:
        """Return the same with every point moved; mirrored, texts begin where they ended."""
        other = {"start": "end", "end": "start", "middle": "middle"} if mirrored else {}

        def place(item: Any) -> Any:
            x, y = where(item.x, item.y)
            return replace(item, x=x, y=y)

        return Pieces(
            [
                replace(w, start=where(*w.start), steps=tuple(tuple(where(*p) for p in s) for s in w.steps))
                for w in self.wires
            ],
            [place(dot) for dot in self.dots],
            [place(gate) for gate in self.gates],
            [replace(place(text), anchor=other.get(text.anchor, text.anchor)) for text in self.texts],
        )

    def take(self, other: Pieces) -> None:
        """Add another's pieces."""
        for mine, more in zip(vars(self).values(), vars(other).values(), strict=True):
            mine += more

    def box(self) -> tuple[float, float, float, float]:
        """Return the left, top, right and bottom border of all."""
        boxes = [gate.box() for gate in self.gates] + [text.box() for text in self.texts]
        for w in self.wires:
            points = [w.start, *(p for step in w.steps for p in step)]
            boxes += [(x, y, x, y) for x, y in points]
        lefts, tops, rights, bottoms = zip(*boxes, strict=True)
        return min(lefts), min(tops), max(rights), max(bottoms)


class Band:
    """Vertices that are laid out together, from left to right; those backward are mirrored in the end.

    Parameters
    ----------
    vertices : list of Vertex
        All of the band, each after its operands.
    values : dict
        Lines to write in place of shapes.
    columns : dict
        The column of each vertex.
    steps : sequence of (str, Vertex)
        Variables and the gradients that leave the band for the optimizer.
    backward : bool
        Whether it is one of gradients.
    """

    def __init__(
        self,
        vertices: Sequence[Vertex],
        values: dict[Vertex, list[str]],
        columns: dict[Vertex, int],
        steps: Sequence[tuple[str, Vertex]] = (),
        backward: bool = False,
    ) -> None:
        self.vertices, self.values, self.backward = vertices, values, backward
        self.leaving = dict.fromkeys(v for _, v in steps)
        last = 1 + max(columns.values())
        # A gradient that leaves is labelled behind its gate, in the next column, if its wire passes one.
        self.labels = {v: Slot(0) for v in self.leaving if not v.uses and columns[v] + 1 < last and _partial(v)}
        self.slots: dict[Vertex, Slot] = {v: self._slot(v, columns[v]) for v in vertices}
        self.exits = [(name, v, Slot(last, right=4, up=7, down=7, passing=True, ordered=False)) for name, v in steps]
        self.met: list[Slot] = []
        self._join()
        arrange(self.met, _BETWEEN_COLUMNS)
        _straighten(self.met)

    def _slot(self, vertex: Vertex, column: int) -> Slot:
        above, below = self._above(vertex), self._below(vertex)
        half, high = half_width(vertex), height_of(vertex) / 2
        name = text_width(_name_below(vertex, self.ending(vertex)), _NOTE) / 2
        stub = max(
            STUB if self.backward else _WIRE,
            12 + max((text_width(t, SIZE, bold) for t, bold in (*above, *below)), default=0.0),
        )
        slot = Slot(column, ordered=vertex.ordered)
        if vertex.kind == "gate":
            slot.left = max(half + _LEAD * self.backward, name)
            if not vertex.uses and not self.ending(vertex) and vertex not in self.leaving:
                stub = 0.0
        else:
            slot.left = 6 + text_width(vertex.symbol, NAME_SIZE, True)
            slot.left = max(slot.left, 6 + text_width(vertex.symbol, NAME_SIZE) / 2 + name)
        end = self.ending(vertex)
        slot.right = max(half + stub + (20 + text_width(end, NAME_SIZE, True) if end else 0.0), name)
        slot.up = max(high, CLEAR + LINE * len(above) - 3)
        slot.down = max(high + (_NOTE + 4 if name else 0.0), CLEAR + LINE * len(below) - 1)
        return slot

    def ending(self, vertex: Vertex) -> str:
        """Return what stands behind the arrow of a vertex that nothing in the band uses."""
        if vertex.uses or vertex in self.leaving or vertex.steps or vertex.kind != "gate":
            return ""
        if vertex.changes:
            return ", ".join(vertex.changes)
        if vertex.shape is None:
            return ""
        return _partial(vertex) or vertex.name

    def _above(self, vertex: Vertex) -> list[tuple[str, bool]]:
        """Return the lines above the wire, and whether they are bold."""
        if vertex in self.labels:
            return []
        if vertex in self.leaving and _partial(vertex):
            return [(_partial(vertex), True)]
        if vertex in self.values:
            return [(line, True) for line in self.values[vertex]]
        number = vertex.kind == "constant" and vertex.symbol != vertex.name
        return [(vertex.shape, False)] if vertex.shape and not number and vertex.kind != "seed" else []

    def _below(self, vertex: Vertex) -> list[tuple[str, bool]]:
        known = vertex.shape and vertex in self.leaving and vertex not in self.labels
        return [(str(vertex.shape), False)] if known and _partial(vertex) else []

    def _join(self) -> None:
        """Join the slots by wires; list all in the order in which they are met from the ends backwards."""
        seen = set()
        waiting: list[Vertex | Slot] = [v for v in reversed(self.vertices) if not v.uses]  # from its end on
        for _, vertex, slot in reversed(self.exits):
            slot.ports = [0.0]
            passed = chain(self.slots[vertex], slot)
            if vertex in self.labels:
                self.labels[vertex] = passed[0]
                for part in passed[:2]:  # in two columns there is more room
                    part.right = (12 + text_width(_partial(vertex), SIZE, True)) / len(passed[:2])
                    part.up, part.down = CLEAR + LINE - 3, CLEAR + LINE - 1
            waiting += reversed([slot, *passed, vertex])
        while waiting:
            item = waiting.pop()
            if isinstance(item, Slot):
                self.met.append(item)
                continue
            if item in seen:
                continue
            seen.add(item)
            slot = self.slots[item]
            self.met.append(slot)
            following: list[Vertex | Slot] = []
            for operand in item.operands:
                following += [*chain(self.slots[operand], slot), operand]
            slot.ports = ports(len(slot.sources))
            waiting += reversed(following)

    def draw(self) -> Pieces:
        """Return the pieces at the places of the slots."""
        made, backward = Pieces(), self.backward
        for vertex in self.vertices:
            self._vertex(vertex, made, backward)
        for vertex in self.vertices:
            slot = self.slots[vertex]
            plain = _wire_colour(vertex, backward)
            order = _ordered(slot, vertex, self.slots)
            for port, source, operand in zip(slot.ports, slot.sources, order, strict=True):
                colour = plain if operand.runs else FADED
                dashed = operand in vertex.operands[len(vertex.operands) - vertex.waits :]
                drawn = replace(wire(source, slot, port, half_width(vertex)), colour=colour, dashed=dashed)
                made.wires.append(drawn)
                if backward:
                    made.wires.append(head(drawn.steps[-1][-1], colour))
                while source.passing:
                    made.wires.append(replace(wire(source.sources[0], source, 0.0), colour=colour, dashed=dashed))
                    source = source.sources[0]
        ends = [slot for _, _, slot in self.exits]
        for vertex, slot in self.labels.items():
            x, ink = (
                (slot.start + (slot if slot.targets[0] in ends else slot.targets[0]).end) / 2,
                _ink(vertex, backward),
            )
            made.texts.append(Text(x, slot.y - CLEAR, _partial(vertex), colour=ink, bold=True))
            if vertex.shape:
                made.texts.append(Text(x, slot.y + CLEAR + 0.74 * SIZE, vertex.shape, colour=ink))
        for _, vertex, slot in self.exits:
            colour = _wire_colour(vertex, backward)
            while slot.passing:
                made.wires.append(replace(wire(slot.sources[0], slot, 0.0), colour=colour))
                slot = slot.sources[0]
        return made

    def _vertex(self, vertex: Vertex, made: Pieces, backward: bool) -> None:
        slot = self.slots[vertex]
        ink = _ink(vertex, backward)
        half = half_width(vertex)
        end = self.ending(vertex)
        if vertex.kind == "gate":
            fill = (GRADIENT_GATE if backward else GATE) if vertex.runs else FADED_GATE
            made.gates.append(Gate(slot.x, slot.y, 2 * half, height_of(vertex), fill, ink))
            made.texts.append(
                Text(
                    slot.x,
                    slot.y + 0.36 * GATE_SIZE,
                    vertex.symbol,
                    colour=ink,
                    size=GATE_SIZE,
                )
            )
        else:
            bold = vertex.kind in ("variable", "placeholder")
            made.texts.append(Text(slot.x - 6, slot.y + 0.36 * NAME_SIZE, vertex.symbol, "end", ink, NAME_SIZE, bold))
        name = _name_below(vertex, end)
        if name:
            x = slot.x if vertex.kind == "gate" else slot.x - 6 - text_width(vertex.symbol, NAME_SIZE) / 2
            y = slot.y + height_of(vertex) / 2 + 2 + 0.8 * _NOTE
            made.texts.append(Text(x, y, name, colour=_quiet(vertex, backward), size=_NOTE))
        begin, middle = slot.x + half, (slot.x + half + slot.end) / 2
        colour = _wire_colour(vertex, backward)
        waited = all(op.output is None for op in vertex.ops)
        if end:
            stop = slot.end - 12 - text_width(end, NAME_SIZE, True)
            middle = (begin + stop - 8) / 2
            made.wires.append(Wire((begin, slot.y), (((stop, slot.y),),), colour, waited))
            made.wires.append(head((stop, slot.y), colour))
            made.texts.append(Text(stop + 7, slot.y + 0.36 * NAME_SIZE, end, "start", ink, NAME_SIZE, True))
        elif vertex.uses or vertex in self.leaving or vertex.kind != "gate":
            made.wires.append(Wire((begin, slot.y), (((slot.end, slot.y),),), colour, waited))
        if vertex.uses > 1 or (vertex.uses and vertex in self.leaving):
            made.dots.append(Dot(slot.end, slot.y, colour))
        above = self._above(vertex)
        valued = VALUE if vertex in self.values and vertex.runs else _quiet(vertex, backward)
        for k, (line, bold) in enumerate(above):
            y = slot.y - CLEAR - LINE * (len(above) - 1 - k)
            made.texts.append(Text(middle, y, line, colour=ink if bold and backward else valued, bold=bold))
        for line, _ in self._below(vertex):
            y = slot.y + CLEAR + 0.74 * SIZE
            made.texts.append(Text(middle, y, line, colour=_quiet(vertex, backward)))


def _straighten(slots: Sequence[Slot]) -> None:
    """Give a wire that passes columns one height in all of them, where there is the room."""
    columns: dict[int, list[Slot]] = {}
    for slot in slots:
        columns.setdefault(slot.column, []).append(slot)
    for column in columns.values():
        column.sort(key=lambda slot: slot.y)

    def fits(slot: Slot, y: float) -> bool:
        column = columns[slot.column]
        k = column.index(slot)
        above = k == 0 or column[k - 1].y + column[k - 1].down + 4 <= y - slot.up
        below = k == len(column) - 1 or y + slot.down + 4 <= column[k + 1].y - column[k + 1].up
        return above and below

    for target in slots:
        if target.passing and target.targets:
            continue
        for port, source in zip(target.ports, target.sources, strict=True):
            passed = [target] if target.passing else []
            while source.passing:
                passed.append(source)
                source = source.sources[0]
            for y in (source.y, target.y + port):
                if all(fits(slot, y) for slot in passed):
                    for slot in passed:
                        slot.y = y
                    break


def _partial(vertex: Vertex) -> str:
    """Return how a gradient is written: "∂Sum/∂W"."""
    if not vertex.by or vertex.kind != "gate":
        return ""
    return f"∂{vertex.by[0].rsplit('/', 1)[-1]}/∂{vertex.by[1]}"


def _name_below(vertex: Vertex, end: str) -> str:
    """Return what is written below a gate: its name, unless it stands elsewhere."""
    if vertex.kind == "constant" or vertex.steps or vertex.note:
        return words.shortened(vertex.note)
    if vertex.kind != "gate" or vertex.of is not None or end == vertex.name:
        return ""
    name = vertex.name if vertex.band == FORWARD else vertex.name.rsplit("/", 1)[-1]
    return "" if name.lower() == vertex.symbol.lower() else words.shortened(name)


def half_width(vertex: Vertex) -> float:
    """Return half the width of a gate; 0 for what has none."""
    border = 9 if vertex.of is None else 5
    return max(RADIUS, text_width(vertex.symbol, GATE_SIZE) / 2 + border) if vertex.kind == "gate" else 0.0


def height_of(vertex: Vertex) -> float:
    """Return the height of a gate, or of the title of an input."""
    return max(2 * RADIUS, 11.0 * len(vertex.operands) + 8) if vertex.kind == "gate" else NAME_SIZE


def _ink(vertex: Vertex, backward: bool) -> str:
    return FADED if not vertex.runs else GRADIENT if backward and vertex.kind != "reference" else INK


def _quiet(vertex: Vertex, backward: bool) -> str:
    return FADED if not vertex.runs else GRADIENT if backward and vertex.kind != "reference" else WIRE


def _wire_colour(vertex: Vertex, backward: bool) -> str:
    return FADED if not vertex.runs else GRADIENT if backward else WIRE


def head(at: Point, colour: str) -> Wire:
    """Return the head of an arrow that points to the right."""
    x, y = at
    return Wire((x - 7, y - 5), (((x, y),), ((x - 7, y + 5),)), colour)


def head_down(at: Point, colour: str) -> Wire:
    """Return the head of an arrow that points down."""
    x, y = at
    return Wire((x - 5, y - 7), (((x, y),), ((x + 5, y - 7),)), colour)


def _ordered(slot: Slot, vertex: Vertex, slots: dict[Vertex, Slot]) -> list[Vertex]:
    """Return the operands in the order in which their wires arrive, which may have been changed."""
    by_slot = {id(slots[v]): v for v in vertex.operands}
    order = []
    for source in slot.sources:
        while source.passing:
            source = source.sources[0]
        order.append(by_slot[id(source)])
    return order
