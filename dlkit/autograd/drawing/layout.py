"""Where everything goes: columns from left to right, an order within each, and places.

Sugiyama, Tagawa and Toda (1981, *Methods for visual understanding of hierarchical system structures*, IEEE Transactions
on Systems, Man, and Cybernetics 11) as this picture needs it. Every vertex is in a column to the right of its
operands. A wire that passes a column gets a slot of its own there, so that between columns there are only wires and
in a column no wire meets a gate or a text. The order within a column is that of the mean places of the neighbours,
swept to and fro, and the order with the fewest crossings is kept. Heights then minimise the squared distances to the
neighbours at given distances within the column: an isotonic regression.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

SWEEPS = 12
HEIGHT_SWEEPS = 100
_GAP = 9.0  # between slots of a column, at the least
_BETWEEN_COLUMNS = (26.0, 90.0)


@dataclass(eq=False)
class Slot:
    """A place in a column: of a vertex, or of a wire that passes.

    Attributes
    ----------
    column : int
        Which one.
    left, right, up, down : float
        How far it reaches from its centre.
    sources : list of Slot
        Where its wires come from, in the order of its ports, from the top.
    targets : list of Slot
        Where its wires lead.
    ordered : bool
        Whether the ports keep their order.
    label : tuple
        What a passing wire carries.
    x, y, end : float
        The centre, and the right border of the column.
    rank : int
        The place in the column, from the top.
    passing : bool
        Whether it is only a wire.
    """

    column: int
    left: float = 0.0
    right: float = 0.0
    up: float = 0.0
    down: float = 0.0
    ordered: bool = True
    passing: bool = False
    label: tuple[Any, ...] = ()
    sources: list[Slot] = field(default_factory=list)
    targets: list[Slot] = field(default_factory=list)
    ports: list[float] = field(default_factory=list)
    x: float = 0.0
    y: float = 0.0
    start: float = 0.0
    end: float = 0.0
    rank: int = 0


def arrange(slots: list[Slot], between: tuple[float, float] = _BETWEEN_COLUMNS) -> tuple[float, float]:
    """Give every slot its place, from (0, 0) on; return the width and the height of all.

    The slots come in a first order from the top, which stands where there is nothing to gain by another. `between`
    columns there is so much at the least, and at the most where wires climb.
    """
    columns: list[list[Slot]] = [[] for _ in range(1 + max(slot.column for slot in slots))]
    for slot in slots:
        columns[slot.column].append(slot)
    _order(columns)
    _heights(columns)
    top = min(slot.y - slot.up for slot in slots)
    for slot in slots:
        slot.y = float(round(slot.y - top))
    return _widths(columns, between), max(slot.y + slot.down for slot in slots)


def _order(columns: list[list[Slot]]) -> None:
    """Order every column so that few wires cross; then the ports of gates for which that is allowed."""
    best = [list(column) for column in columns]
    _rank(columns)
    fewest = _crossings(columns)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        forwards = sweep % 2 == 1
        for column in columns if forwards else reversed(columns):
            places = {id(slot): _mean_place(slot, forwards) for slot in column}
            column.sort(key=lambda slot: places[id(slot)])
            _rank([column])
        _exchange(columns)
        crossings = _crossings(columns)
        if crossings < fewest:
            fewest = crossings
            best = [list(column) for column in columns]
    for column, kept in zip(columns, best, strict=True):
        column[:] = kept
    _rank(columns)
    for column in columns:
        for slot in column:
            if not slot.ordered:
                slot.sources.sort(key=lambda source: source.rank)


def _rank(columns: list[list[Slot]]) -> None:
    for column in columns:
        for rank, slot in enumerate(column):
            slot.rank = rank


def _mean_place(slot: Slot, forwards: bool) -> float:
    """Return the mean rank of the neighbours on one side; its own where there is none."""
    if forwards:
        places = [float(source.rank) for source in slot.sources]
    else:
        places = [target.rank + _port_share(slot, target) for target in slot.targets]
    return sum(places) / len(places) if places else float(slot.rank)


def _port_share(source: Slot, target: Slot) -> float:
    """Return where between one rank and the next the wire arrives, for a gate whose ports keep their order."""
    return target.sources.index(source) / len(target.sources) if target.ordered else 0.0


def _wires(column: list[Slot]) -> list[tuple[float, float]]:
    """Return the wires that arrive in a column, as pairs of places, sorted by the first."""
    return sorted((source.rank, slot.rank + _port_share(source, slot)) for slot in column for source in slot.sources)


def _crossings(columns: list[list[Slot]]) -> int:
    """Count the wires that cross: the inversions between the orders in which they leave and arrive."""
    crossings = 0
    for column in columns:
        arrived: list[float] = []
        for _, place in _wires(column):
            crossings += len(arrived) - bisect_right(arrived, place)
            insort(arrived, place)
    return crossings


def _exchange(columns: list[list[Slot]]) -> None:
    """Exchange neighbours in a column as long as that takes crossings away."""
    for k, column in enumerate(columns):
        around = columns[k : k + 2]
        fewest = _crossings(around)
        for i in range(len(column) - 1):
            if not fewest:
                break
            column[i], column[i + 1] = column[i + 1], column[i]
            _rank([column])
            crossings = _crossings(around)
            if crossings < fewest:
                fewest = crossings
            else:
                column[i], column[i + 1] = column[i + 1], column[i]
                _rank([column])


def _heights(columns: list[list[Slot]]) -> None:
    """Set every y: near the neighbours, in order, not too close."""
    for column in columns:
        y = 0.0
        for slot in column:
            slot.y = y + slot.up
            y = slot.y + slot.down + _GAP
        for slot in column:
            slot.y -= y / 2
    for sweep in range(HEIGHT_SWEEPS):
        backwards = sweep % 2 == 0
        for column in reversed(columns) if backwards else columns:
            wanted, weights = [], []
            for slot in column:
                pulls = []
                if backwards or not slot.sources or sweep > SWEEPS:
                    pulls += [(t.y + t.ports[t.sources.index(slot)], _pull(slot, t)) for t in slot.targets]
                if not backwards or not slot.targets or sweep > SWEEPS:
                    pulls += [(s.y - p, _pull(s, slot)) for s, p in zip(slot.sources, slot.ports, strict=True)]
                pulls = pulls or [(slot.y, 1.0)]  # joined to nothing
                weight = sum(w for _, w in pulls)
                wanted.append(sum(y * w for y, w in pulls) / weight)
                weights.append(weight)
            _settle(column, wanted, weights)


def _pull(source: Slot, target: Slot) -> float:
    """Return how much a wire wants to be straight: a long one more, and one into a gate of one operand."""
    return 1.0 + 4.0 * source.passing + 4.0 * target.passing + 4.0 * (len(target.sources) == len(source.targets) == 1)


def _settle(column: list[Slot], wanted: list[float], weights: list[float]) -> None:
    """Set the heights of a column as near to those wanted as the distances allow, in the sense of least squares."""
    offsets = [0.0]
    for above, below in pairwise(column):
        offsets.append(offsets[-1] + above.down + below.up + _GAP)
    blocks: list[list[float]] = []  # of slots that touch: their height less the offset, their weight, their number
    for y, offset, weight in zip(wanted, offsets, weights, strict=True):
        blocks.append([y - offset, weight, 1])
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            height, more, n = blocks.pop()
            block = blocks[-1]
            block[0] = (block[0] * block[1] + height * more) / (block[1] + more)
            block[1] += more
            block[2] += n
    heights = [height for height, _, n in blocks for _ in range(int(n))]
    for slot, height, offset in zip(column, heights, offsets, strict=True):
        slot.y = height + offset


def _widths(columns: list[list[Slot]], between: tuple[float, float]) -> float:
    """Set every x; return the right border of the last column."""
    x = 0.0
    least, most = between
    for k, column in enumerate(columns):
        if not column:
            continue
        if k:
            climb = max((abs(s.y - slot.y) for slot in column for s in slot.sources), default=0.0)
            x += min(most, max(least, 0.3 * climb))
        left = max(slot.left for slot in column)
        right = max(slot.right for slot in column)
        for slot in column:
            slot.start, slot.x, slot.end = x, x + left, x + left + right
        x += left + right
    return x
