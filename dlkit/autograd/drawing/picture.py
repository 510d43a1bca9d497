"""The picture: wires, gates and texts at their places; as SVG, or as a figure of matplotlib."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from dlkit.autograd.drawing import words
from dlkit.autograd.drawing.graph import Graph, Vertex
from dlkit.autograd.drawing.layout import Slot, arrange

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.path import Path

# The deck's green and red, darkened until they stand out from white (contrast 6.7 and 5.2), the one bluish and the
# other towards orange, so that they stay apart for colour-blind readers; values are bold besides, and above the wire.
VALUE = "#00694D"
GRADIENT = "#BF4500"
INK = "#1A1A1A"
WIRE = "#6B6B6B"
GATE = "#EAF1F8"

FONT = "DejaVu Sans, Verdana, Geneva, sans-serif"
SIZE, GATE_SIZE, NAME_SIZE = 14.0, 15.0, 16.0  # pixels; 14 are the 10 points that the last row reads
LINE = 17.0  # from one line of a label to the next
CLEAR = 5.0  # between a wire and a label
RADIUS = 17.0  # of a gate
STUB = 26.0  # the wire out of a gate, at the least
MARGIN = 12.0
_DASHES = (4.0, 3.0)
_FEW_COLUMNS = 4  # an input is in the first column, unless that is farther than this from its first use


@dataclass(frozen=True)
class Text:
    """A text; `x` is its left end, middle or right end, by `anchor`; `y` is its base line."""

    x: float
    y: float
    text: str
    anchor: str = "middle"
    colour: str = INK
    size: float = SIZE
    bold: bool = False

    def box(self) -> tuple[float, float, float, float]:
        """Return the left, top, right and bottom border."""
        width = text_width(self.text, self.size, self.bold)
        left = self.x - {"start": 0.0, "middle": 0.5, "end": 1.0}[self.anchor] * width
        return left, self.y - 0.76 * self.size, left + width, self.y + 0.24 * self.size


@dataclass(frozen=True)
class Gate:
    """A gate: a circle, or as long as its name needs, with round ends."""

    x: float
    y: float
    width: float
    height: float
    fill: str = GATE
    edge: str = INK

    def box(self) -> tuple[float, float, float, float]:
        """Return the left, top, right and bottom border."""
        return (
            self.x - self.width / 2,
            self.y - self.height / 2,
            self.x + self.width / 2,
            self.y + self.height / 2,
        )


@dataclass(frozen=True)
class Wire:
    """A wire: a point to begin with, then points to go to, straight (one) or on a Bézier curve (three)."""

    start: tuple[float, float]
    steps: tuple[tuple[tuple[float, float], ...], ...]
    colour: str = WIRE
    dashed: bool = False


@dataclass(frozen=True)
class Dot:
    """Where a wire branches."""

    x: float
    y: float
    colour: str = WIRE


@dataclass(frozen=True)
class GraphPicture:
    """A computational graph, drawn; a notebook shows it as the value of a cell.

    Attributes
    ----------
    svg : str
        The picture as SVG, the same text for the same graph.
    alt : str
        The whole picture in words.
    steps : int
        How many gradients there are to show, one after the other.
    width, height : float
        In pixels.
    wires, dots, gates, texts : tuple
        What the picture is made of.
    """

    alt: str
    steps: int
    width: float
    height: float
    wires: tuple[Wire, ...]
    dots: tuple[Dot, ...]
    gates: tuple[Gate, ...]
    texts: tuple[Text, ...]

    @property
    def svg(self) -> str:
        """The picture as SVG."""
        width, height = _digits(self.width), _digits(self.height)
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
            f'style="max-width:100%" role="img" aria-label="{escape(self.alt)}" font-family="{FONT}">',
            f'<rect width="{width}" height="{height}" fill="white"/>',
            f'<g fill="none" stroke="{WIRE}" stroke-width="1.6">',
            *(f'<path d="{_path(wire)}"{_stroke(wire)}/>' for wire in self.wires),
            "</g>",
            *(f'<circle cx="{_digits(d.x)}" cy="{_digits(d.y)}" r="3" fill="{d.colour}"/>' for d in self.dots),
            f'<g fill="{GATE}" stroke="{INK}" stroke-width="1.4">',
        ]
        for gate in self.gates:
            left, top, _, _ = gate.box()
            fill = f' fill="{gate.fill}"' if gate.fill != GATE else ""
            edge = f' stroke="{gate.edge}"' if gate.edge != INK else ""
            parts.append(
                f'<rect x="{_digits(left)}" y="{_digits(top)}" width="{_digits(gate.width)}" '
                f'height="{_digits(gate.height)}" rx="{_digits(RADIUS)}"{fill}{edge}/>'
            )
        parts.append("</g>")
        for text in self.texts:
            bold = ' font-weight="bold"' if text.bold else ""
            parts.append(
                f'<text x="{_digits(text.x)}" y="{_digits(text.y)}" font-size="{_digits(text.size)}" '
                f'text-anchor="{text.anchor}" fill="{text.colour}"{bold}>{escape(text.text)}</text>'
            )
        return "\n".join([*parts, "</svg>", ""])

    def figure(self) -> Figure:
        """Return the picture as a figure of matplotlib."""
        import matplotlib.pyplot as plt
        from matplotlib.patches import Circle, PathPatch
        from matplotlib.path import Path

        dpi = 100
        figure = plt.figure(figsize=(self.width / dpi, self.height / dpi), dpi=dpi, layout="none", facecolor="white")
        ax = figure.add_axes((0, 0, 1, 1))
        ax.set(xlim=(0, self.width), ylim=(self.height, 0))
        ax.axis("off")
        point = 72 / dpi
        for wire in self.wires:
            points: list[Any] = [wire.start]
            codes: list[Any] = [Path.MOVETO]
            for step in wire.steps:
                points += step
                codes += [Path.LINETO if len(step) == 1 else Path.CURVE4] * len(step)
            style = (0, _DASHES) if wire.dashed else "solid"
            ax.add_patch(
                PathPatch(
                    Path(points, codes), fill=False, edgecolor=wire.colour, linewidth=1.6 * point, linestyle=style
                )
            )
        for dot in self.dots:
            ax.add_patch(Circle((dot.x, dot.y), 3, facecolor=dot.colour, edgecolor="none"))
        for gate in self.gates:
            outline = _outline(gate)
            ax.add_patch(PathPatch(outline, facecolor=gate.fill, edgecolor=gate.edge, linewidth=1.4 * point, zorder=2))
        for text in self.texts:
            ax.text(
                text.x,
                text.y,
                text.text,
                ha={"start": "left", "middle": "center", "end": "right"}[text.anchor],
                va="baseline",
                color=text.colour,
                fontsize=text.size * point,
                fontweight="bold" if text.bold else "normal",
                fontfamily="DejaVu Sans",
                parse_math=False,
                zorder=3,
            )
        return figure

    def show(self, alt: str | None = None) -> None:
        """Show the picture as PNG with its text, as all figures of the course are stored.

        Parameters
        ----------
        alt : str, optional
            What to say instead of ``picture.alt``.
        """
        from dlkit.plotting import show

        show(self.alt if alt is None else alt, self.figure())

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"image/svg+xml": self.svg, "text/plain": self.alt}

    def __repr__(self) -> str:
        return self.alt


def compose(graph: Graph, digits: int, steps: int | None, parts: bool) -> GraphPicture:
    """Lay out a graph and draw it; the arguments are those of `draw`."""
    shown = {id(vertex) for vertex in graph.backward[:steps]}
    places, slots = _slots(graph, digits, parts)
    width, height = arrange(slots)
    for slot in slots:
        slot.x, slot.start, slot.end = slot.x + MARGIN, slot.start + MARGIN, slot.end + MARGIN
        slot.y += MARGIN
    width += 2 * MARGIN
    height += 2 * MARGIN

    wires, dots, gates, texts = [], [], [], []
    for vertex, slot in places:
        half = _half(vertex)
        if vertex.gate:
            gates.append(Gate(slot.x, slot.y, 2 * half, _gate_height(vertex)))
            texts.append(Text(slot.x, slot.y + 0.36 * GATE_SIZE, vertex.gate, size=GATE_SIZE))
        else:
            y = slot.y + 0.36 * NAME_SIZE
            title = _title(vertex, digits)
            texts.append(Text(slot.x - 6, y, title, "end", size=NAME_SIZE, bold=not vertex.constant))
        begin = slot.x + half
        middle = (begin + slot.end) / 2
        last = vertex is graph.vertices[-1]
        if last:
            end = slot.end - 12 - text_width(graph.name, NAME_SIZE, True)
            middle = (begin + end - 8) / 2
            wires.append(Wire((begin, slot.y), (((end, slot.y),),)))
            wires.append(Wire((end - 7, slot.y - 5), (((end, slot.y),), ((end - 7, slot.y + 5),))))
            texts.append(Text(end + 7, slot.y + 0.36 * NAME_SIZE, graph.name, "start", size=NAME_SIZE, bold=True))
        else:
            wires.append(Wire((begin, slot.y), (((slot.end, slot.y),),)))
        if vertex.uses > 1:
            dots.append(Dot(slot.end, slot.y))
        above = _above(vertex, digits, last)
        for k, line in enumerate(above):
            y = slot.y - CLEAR - LINE * (len(above) - 1 - k)
            texts.append(Text(middle, y, line, colour=VALUE, bold=True))
        if id(vertex) in shown:
            texts += _below(middle, slot.y, _lines(vertex.gradient, digits))
    for slot in slots:
        if slot.passing and slot.label and id(slot.label[0]) in shown and id(slot.label[1]) in shown:
            texts += _below((slot.start + slot.end) / 2, slot.y, slot.label[2])
        for port, source in zip(slot.ports, slot.sources, strict=True):
            wires.append(wire(source, slot, port))
    return GraphPicture(
        words.describe(graph, digits, shown),
        len(graph.backward),
        math.ceil(width),
        math.ceil(height),
        tuple(wires),
        tuple(dots),
        tuple(gates),
        tuple(texts),
    )


def _slots(graph: Graph, digits: int, parts: bool) -> tuple[list[tuple[Vertex, Slot]], list[Slot]]:
    """Return a slot for every vertex, and all slots with those of the passing wires, in the order they are met."""
    columns = _columns(graph, parts)
    slots = {}
    for vertex in graph.vertices:
        last = vertex is graph.vertices[-1]
        half = _half(vertex)
        above, below = _above(vertex, digits, last), _gradient_lines(vertex, digits)
        stub = max(STUB, 12 + max(_width(above, True), _width(below, False)))
        slot = Slot(columns[id(vertex)], left=half, right=half + stub, ordered=vertex.ordered)
        if last:
            slot.right += 20 + text_width(graph.name, NAME_SIZE, True)
        if not vertex.gate:
            slot.left = 6 + text_width(_title(vertex, digits), NAME_SIZE, True)
        least = _gate_height(vertex) / 2 if vertex.gate else 0.6 * NAME_SIZE
        slot.up = max(least, CLEAR + LINE * len(above) - 3)
        slot.down = max(least, CLEAR + LINE * len(below) - 1)
        slots[id(vertex)] = slot
    met: list[Slot] = []
    seen = set()
    # From the result back, operands in their order: a first order from the top that follows the expression.
    waiting: list[Vertex | Slot] = [graph.vertices[-1]]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Slot):
            met.append(item)
            continue
        if id(item) in seen:
            continue
        seen.add(id(item))
        slot = slots[id(item)]
        met.append(slot)
        following: list[Vertex | Slot] = []
        item_parts = item.parts or [None] * len(item.operands)
        for operand, part in zip(item.operands, item_parts, strict=True):
            passed = chain(slots[id(operand)], slot)
            if passed and part is not None and parts and operand.uses > 1:
                text = _lines(part, digits)
                passed[0].label = (operand, item, text)
                passed[0].right = 12 + _width(text, False)
                passed[0].down = CLEAR + LINE * len(text) - 1
            following += [*passed, operand]
        slot.ports = ports(len(slot.sources))
        waiting += reversed(following)
    return [(vertex, slots[id(vertex)]) for vertex in graph.vertices], met


def _columns(graph: Graph, parts: bool) -> dict[int, int]:
    """Return the column of each vertex by its id: a longest path away from the inputs."""

    def steps(vertex: Vertex) -> int:
        return 2 if parts and vertex.uses > 1 and vertex.gradient is not None else 1

    columns: dict[int, int] = {}
    users: dict[int, list[Vertex]] = {}
    for vertex in graph.vertices:
        columns[id(vertex)] = max((columns[id(v)] + steps(v) for v in vertex.operands), default=0)
        for operand in vertex.operands:
            users.setdefault(id(operand), []).append(vertex)
    for vertex in graph.vertices:
        if not vertex.operands and id(vertex) in users:
            first = min(columns[id(user)] for user in users[id(vertex)]) - steps(vertex)
            if not vertex.name or first > _FEW_COLUMNS:
                columns[id(vertex)] = first
    return columns


def chain(source: Slot, target: Slot) -> list[Slot]:
    """Join two slots by a wire; return the slots in the columns that it passes."""
    passed = [
        Slot(column, right=4, up=7, down=7, passing=True, ordered=False)
        for column in range(source.column + 1, target.column)
    ]
    for one, other in zip([source, *passed], [*passed, target], strict=True):
        one.targets.append(other)
        other.sources.append(one)
    for slot in passed:
        slot.ports = [0.0]
    return passed


def ports(n: int) -> list[float]:
    """Return the heights at which n wires enter a gate."""
    step = 14.0 if n == 2 else 11.0
    return [step * (k - (n - 1) / 2) for k in range(n)]


def _gate_height(vertex: Vertex) -> float:
    return max(2 * RADIUS, 11.0 * len(vertex.operands) + 8)


def _half(vertex: Vertex) -> float:
    """Return half the width of a gate; 0 for what has none."""
    return max(RADIUS, text_width(vertex.gate, GATE_SIZE) / 2 + 9) if vertex.gate else 0.0


def wire(source: Slot, slot: Slot, port: float, half: float | None = None) -> Wire:
    """Return the wire from the end of one slot to its port of another, half as wide as that reaches, or through it."""
    x, y = slot.start, slot.y + port
    bend = (x - source.end) / 2
    curve = ((source.end + bend, source.y), (x - bend, y), (x, y))
    if slot.passing:
        return Wire((source.end, source.y), (curve, ((slot.end, y),)))
    # Straight on to the gate's left border, which is a half circle at the ends.
    beyond = max(0.0, abs(port) - (max(slot.ports) - min(slot.ports) + 22) / 2 + RADIUS) if len(slot.ports) > 2 else 0
    beyond = abs(port) if len(slot.ports) <= 2 else min(beyond, RADIUS)
    half = slot.left if half is None else half
    return Wire((source.end, source.y), (curve, ((slot.x - half + RADIUS - math.sqrt(RADIUS**2 - beyond**2), y),)))


def _title(vertex: Vertex, digits: int) -> str:
    """Return what stands before the wire of an input or constant: its name, or a number's or array's value."""
    if vertex.name:
        return vertex.name
    text = words.lines(vertex.value, digits)
    return words.pretty(text[0] if len(text) == 1 else str(tuple(vertex.value.shape)))


def _above(vertex: Vertex, digits: int, last: bool) -> list[str]:
    """Return the lines above the wire."""
    if vertex.constant and not vertex.name:
        return []
    text = _lines(vertex.value, digits)
    if vertex.gate and vertex.name and not last:
        text[0] = f"{vertex.name} = {text[0]}"
    return text


def _below(x: float, y: float, text: list[str]) -> list[Text]:
    return [Text(x, y + CLEAR + LINE * k + 0.74 * SIZE, line, colour=GRADIENT) for k, line in enumerate(text)]


def _gradient_lines(vertex: Vertex, digits: int) -> list[str]:
    return [] if vertex.gradient is None else _lines(vertex.gradient, digits)


def _lines(value: Any, digits: int) -> list[str]:
    return [words.pretty(line) for line in words.lines(value, digits)]


def _width(text: list[str], bold: bool) -> float:
    return max((text_width(line, SIZE, bold) for line in text), default=0.0)


def text_width(text: str, size: float, bold: bool = False) -> float:
    """Return about how wide a text is, rather too wide: the picture must not depend on the fonts that are there."""
    width = 0.0
    for character in text:
        if unicodedata.east_asian_width(character) in "WF":
            width += 1.0
        elif character in ".,:;'|()[] ijlftrI":
            width += 0.42
        elif character in "mwMW@%×−+=÷∞Σ":
            width += 0.92
        elif unicodedata.combining(character):
            continue
        else:
            width += 0.66
    return width * size * (1.1 if bold else 1.0)


def _outline(gate: Gate) -> Path:
    """Return the border of a gate as a path of matplotlib: a quarter of a circle at each corner."""
    from matplotlib.path import Path

    across, along = gate.width / 2 - RADIUS, gate.height / 2 - RADIUS
    points: list[Any] = []
    codes: list[Any] = []
    for quarter, (right, down) in enumerate([(1, 1), (-1, 1), (-1, -1), (1, -1)]):
        arc = Path.arc(90 * quarter, 90 * quarter + 90)
        points += [
            (gate.x + right * across + RADIUS * x, gate.y + down * along + RADIUS * y)
            for x, y in np.asarray(arc.vertices)
        ]
        codes += [Path.LINETO, *(Path.CURVE4 for _ in points[len(codes) + 1 :])]
    return Path([*points, points[0]], [Path.MOVETO, *codes[1:], Path.CLOSEPOLY])


def _stroke(wire: Wire) -> str:
    """Return what sets a wire apart from a plain one."""
    colour = f' stroke="{wire.colour}"' if wire.colour != WIRE else ""
    return colour + (f' stroke-dasharray="{" ".join(map(_digits, _DASHES))}"' if wire.dashed else "")


def _path(wire: Wire) -> str:
    """Return a wire in SVG's language of paths."""
    text = f"M{_digits(wire.start[0])} {_digits(wire.start[1])}"
    for step in wire.steps:
        text += ("L" if len(step) == 1 else "C") + " ".join(f"{_digits(x)} {_digits(y)}" for x, y in step)
    return text


def _digits(x: float) -> str:
    return f"{round(x, 1) + 0:g}"
