"""The picture of a graph: forward from left to right, gradients beneath from right to left, at the bottom the steps.

What `minimize` adds goes below what was there, and takes its places from it: each gradient stands under the gate that
it belongs to. So the forward part is drawn the same before and after.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from dlkit.autograd.drawing.layout import Slot
from dlkit.autograd.drawing.picture import (
    GRADIENT,
    MARGIN,
    NAME_SIZE,
    RADIUS,
    SIZE,
    GraphPicture,
    Wire,
    text_width,
)
from dlkit.tf.drawing import words
from dlkit.tf.drawing.band import (
    FADED,
    FADED_GATE,
    GRADIENT_GATE,
    Band,
    Pieces,
    Point,
    half_width,
    head,
    head_down,
    height_of,
)
from dlkit.tf.drawing.graph import BACKWARD, FORWARD, UPDATE, Found, Vertex

FADED_LINK = "#E4E4E4"
LINK = "#E9C9B3"  # from a gate to its gradients, which use what went into it
_BETWEEN_BANDS = 30.0
_PORT = 15.0  # between wires that enter from above
_CORNER = 9.0
_GAP = 12.0  # between columns of gradients
_LEAST = 43.0  # from the left border to where the last gradient for the optimizer turns down


def compose(found: Found, values: dict[Vertex, list[str]]) -> GraphPicture:
    """Lay out a graph and draw it."""
    forward = found.band(FORWARD)
    columns = _columns(forward)
    band = Band(forward, values, columns)
    room = _room(band, forward)
    made = Pieces()
    for slot in band.met:
        slot.x, slot.start, slot.end = slot.x + room, slot.start + room, slot.end + room
    made.take(band.draw())
    links: list[Wire] = []
    steps = next((v.steps for v in found.vertices if v.steps), [])
    backward = found.band(BACKWARD)
    exits: list[tuple[str, Point]] = []
    if backward:
        lower, exits = _beneath(backward, steps, values, band, columns, made.box()[3] + _BETWEEN_BANDS)
        made.take(lower)
        links = _links(backward, band, made)
    update = found.band(UPDATE)
    if update:
        made.take(_update(update, values, exits, band, made.box()))
    left, top, right, bottom = made.box()
    dx = MARGIN - min(left, 0.0)
    dy = MARGIN - top
    made.wires[:0] = links
    made = made.moved(lambda x, y: (x + dx, y + dy))
    return GraphPicture(
        words.describe(found, values),
        0,
        math.ceil(right + dx + MARGIN),
        math.ceil(bottom + dy + MARGIN),
        tuple(made.wires),
        tuple(made.dots),
        tuple(made.gates),
        tuple(made.texts),
    )


def _columns(vertices: Sequence[Vertex]) -> dict[Vertex, int]:
    """Return the column of each vertex: variables and placeholders in the first, a constant before its first use."""
    columns: dict[Vertex, int] = {}
    first: dict[Vertex, int] = {}
    for v in vertices:
        columns[v] = max((columns[o] + 1 for o in v.operands), default=0)
        for o in v.operands:
            first[o] = min(first.get(o, columns[v]), columns[v])
    for v in reversed(vertices):
        if not v.operands and v in first and v.kind not in ("variable", "placeholder"):
            columns[v] = first[v] - 1
    return columns


def _room(band: Band, forward: Sequence[Vertex]) -> float:
    """Return how much is left free at the left for the optimizer's arrows, needed or not: places must stay."""
    variables = [v for v in forward if v.kind == "variable" and v.ops[0].output.trainable]  # type: ignore[union-attr]
    first = [slot.x for v, slot in band.slots.items() if v.kind == "gate" and slot.column == 1]
    if not variables or not first:
        return 0.0
    ends = [v.name for v in forward if band.ending(v)]
    label = max(
        text_width(f"∂{end.rsplit('/', 1)[-1]}/∂{v.name}", SIZE, True) for v in variables for end in ends or [""]
    )
    return max(24.0, _LEAST + _PORT * (len(variables) - 1) + label + 20 + 1.5 * RADIUS - first[0])


def _beneath(
    backward: Sequence[Vertex],
    steps: Sequence[tuple[str, Vertex]],
    values: dict[Vertex, list[str]],
    band: Band,
    columns: dict[Vertex, int],
    top: float,
) -> tuple[Pieces, list[tuple[str, Point]]]:
    """Return the gradients, each under its gate, and where those for the optimizer leave at the left."""
    levels: dict[Vertex, float] = {}
    for v in backward:
        least = max((levels[o] + 0.5 for o in v.operands), default=-math.inf)
        if v.of is not None and v.of in columns:
            least = max(least, -float(columns[v.of]))
        levels[v] = least
    users = {o: v for v in reversed(backward) for o in v.operands}
    for v in reversed(backward):
        if levels[v] == -math.inf:
            levels[v] = levels[users[v]] - (1.0 if v.kind == "seed" else 0.5) if v in users else 0.0
    ranks = sorted(set(levels.values()))
    lower = Band(backward, values, {v: ranks.index(levels[v]) for v in backward}, steps, backward=True)
    gates = {slot.column: slot.x for v, slot in band.slots.items() if v.kind == "gate"}
    wanted = {k: -gates[int(-level)] for k, level in enumerate(ranks) if level.is_integer() and -level in gates}
    _align(lower.met, wanted, -(_LEAST + _PORT * (len(steps) - 1)) if steps else 0.0)
    height = min(slot.y - slot.up for slot in lower.met)
    pieces = lower.draw().moved(lambda x, y: (-x, y - height + top), mirrored=True)
    leaving = [(name, (-slot.start, slot.y - height + top)) for name, _, slot in lower.exits]
    return pieces, leaving


def _align(slots: Sequence[Slot], wanted: dict[int, float], limit: float) -> None:
    """Give columns the places that are wanted, or the next ones that are free, none beyond the limit."""
    columns: dict[int, list[Slot]] = {}
    for slot in slots:
        columns.setdefault(slot.column, []).append(slot)
    order = sorted(columns)
    lefts = [max(s.left for s in columns[k]) for k in order]
    rights = [max(s.right for s in columns[k]) for k in order]
    places = [wanted.get(k, -math.inf) for k in order]
    if places[0] == -math.inf:
        places[0] = wanted[order[1]] - lefts[1] - _GAP - rights[0] if len(order) > 1 and order[1] in wanted else 0.0
    for i in range(1, len(order)):
        places[i] = max(places[i], places[i - 1] + rights[i - 1] + _GAP + lefts[i])
    for i in reversed(range(len(order))):
        places[i] = min(places[i], limit - rights[i])
        limit = places[i] - lefts[i] - _GAP
    for k, left, x, right in zip(order, lefts, places, rights, strict=True):
        for slot in columns[k]:
            slot.start, slot.x, slot.end = x - left, x, x + right


def _links(backward: Sequence[Vertex], band: Band, made: Pieces) -> list[Wire]:
    """Return thin lines from gates down to their gradients, broken where something is in the way."""
    boxes = [gate.box() for gate in made.gates] + [text.box() for text in made.texts]
    links = []
    lowest: dict[Vertex, float] = {}
    runs = {v.of: v.runs for v in backward if v.of is not None}
    gates = [g for g in made.gates if g.fill in (GRADIENT_GATE, FADED_GATE)]
    for v in backward:
        if v.of is not None and v.of in band.slots:
            x = band.slots[v.of].x
            under = [g.y for g in gates if abs(g.x - x) < 1 and g.y > band.slots[v.of].y]
            if under:
                lowest[v.of] = max(under)
    others = {v: slot for v, slot in band.slots.items() if v.kind == "gate"}
    for gate, bottom in lowest.items():
        slot = band.slots[gate]
        if any(other.column == slot.column and other.y > slot.y for other in others.values()):
            continue
        y = slot.y
        for _, top, _, low in sorted((b for b in boxes if b[0] - 2 < slot.x < b[2] + 2), key=lambda b: b[1]):
            if low <= y or top >= bottom:
                continue
            if top - 3 > y + 3:
                links.append(Wire((slot.x, y + 3), (((slot.x, top - 3),),), LINK if runs[gate] else FADED_LINK))
            y = max(y, low)
    return links


def _update(
    update: Sequence[Vertex],
    values: dict[Vertex, list[str]],
    exits: Sequence[tuple[str, Point]],
    band: Band,
    box: tuple[float, float, float, float],
) -> Pieces:
    """Return the optimizer's gate, what waits for it, and the arrows to and from it."""
    columns: dict[Vertex, int] = {}
    for v in update:
        columns[v] = max((columns[o] + 1 for o in v.operands), default=0)
    row = Band(update, values, columns, backward=True)
    apply = next((v for v in update if v.steps), None)
    pieces = row.draw()
    if apply is None:
        return pieces.moved(lambda x, y: (x, y + box[3] + _BETWEEN_BANDS))
    slot = row.slots[apply]
    exits = sorted(exits, key=lambda e: e[1][1])  # the highest turns down farthest to the left
    last = min((x for _, (x, _) in exits), default=60.0) - _CORNER
    first = last - _PORT * (len(exits) - 1)
    half = max(half_width(apply), (last - first) / 2 + 20)
    left = first - 20
    top = box[3] + 22
    dx = left + half_width(apply) - slot.x
    dy = top + height_of(apply) / 2 - slot.y
    pieces = pieces.moved(lambda x, y: (x + dx, y + dy))
    y = slot.y + dy
    if half > half_width(apply):  # wider, for its wires
        pieces = _widened(pieces, left, y, 2 * (half - half_width(apply)))
    colour = GRADIENT if apply.runs else FADED
    for k, (_, (x, height)) in enumerate(exits):
        port = first + _PORT * k
        bend = ((port, height), (port, height), (port, height + _CORNER))
        pieces.wires.append(Wire((x, height), (((port + _CORNER, height),), bend, ((port, top),)), colour))
        pieces.wires.append(head_down((port, top), colour))
    titles = [s.x - 6 - text_width(v.symbol, NAME_SIZE, True) for v, s in band.slots.items() if s.column == 0]
    targets = [(s.y, s.x - 6 - text_width(v.symbol, NAME_SIZE, True) - 4) for v, s in band.slots.items()
               if v.kind == "variable" and v.name in apply.changes]  # fmt: skip
    if targets:
        rail = min(left - 14, min(titles) - 20)
        highest = min(height for height, _ in targets)
        pieces.wires.append(
            Wire(
                (left, y),
                (((rail + _CORNER, y),), ((rail, y), (rail, y), (rail, y - _CORNER)), ((rail, highest + _CORNER),)),
                colour,
            )
        )
        for height, x in targets:
            bend = ((rail, height), (rail, height), (rail + _CORNER, height))
            pieces.wires.append(Wire((rail, height + _CORNER), (bend, ((x, height),)), colour))
            pieces.wires.append(head((x, height), colour))
    return pieces


def _widened(pieces: Pieces, left: float, y: float, more: float) -> Pieces:
    """Return the row with its first gate wider, and all behind it moved."""
    moved = pieces.moved(lambda x, y: (x + more, y))
    for k, gate in enumerate(moved.gates):
        if abs(gate.box()[0] - left - more) < 1 and abs(gate.y - y) < 1:
            moved.gates[k] = replace(gate, x=gate.x - more / 2, width=gate.width + more)
            moved.texts = [replace(t, x=gate.x - more / 2) if abs(t.x - gate.x) < 1 else t for t in moved.texts]
    return moved
