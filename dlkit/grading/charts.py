"""The pictures of the instructor's report, each as an SVG for an ``img`` element, with the text that describes it.

Drawn with matplotlib's objects alone, so no figure of the program around is touched; the same numbers give the same
bytes. Widths are set by hand, by counting characters: matplotlib measures letters with its own font, and the reader's
browser sets them in another.
"""

from __future__ import annotations

import base64
import contextlib
import io
import unicodedata
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import matplotlib as mpl
import matplotlib.style
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dlkit.grading.analysis import Item, bins
from dlkit.plotting.style import COLOURS

_WIDTH = 5.0  # inches: as wide as a phone shows with letters that can be read
_SIZE = 9  # points
_LETTER = 0.075  # inches: one Latin letter of that size; a Chinese one takes two
_NAME = 24  # letters of an item's name
_ROW = 0.26  # inches
_FULL, _PART, _NONE = COLOURS[0], COLOURS[5], "#E4E4E4"
_INK = "#222222"


@contextlib.contextmanager
def _own_style() -> Iterator[None]:
    """Draw with matplotlib's defaults, whatever the program around has set; name an SVG's parts the same each time."""
    settings = {"svg.hashsalt": "dlkit", "svg.fonttype": "none", "text.color": _INK, "axes.labelcolor": _INK}
    with mpl.style.context(["default", settings]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


@dataclass(frozen=True)
class Picture:
    """An image as a ``data:`` address, and what stands where it cannot be seen."""

    source: str
    alt: str


@_own_style()
def histogram(totals: list[float], most: float) -> Picture:
    """Draw how many students have how many marks."""
    counts, edges = bins(totals, most)
    whole = edges[0] < 0
    figure = Figure((_WIDTH, 2.7))
    axes = figure.add_axes((0.11, 0.2, 0.86, 0.66))
    axes.bar(edges[:-1], counts, np.diff(edges), align="edge", color=_FULL, edgecolor="white", linewidth=1)
    median = float(np.median(totals))
    axes.axvline(median, color=COLOURS[1], linewidth=1.5, linestyle=(0, (5, 2)))
    side = "left" if median <= (edges[0] + edges[-1]) / 2 else "right"
    top = axes.get_xaxis_transform()
    axes.text(median, 1.03, f"median {median:g} · 中位数", transform=top, ha=side, fontsize=_SIZE, color="#A04500")
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(0, max(counts) * 1.05)
    axes.set_xlabel(f"marks, out of {most:g} · 分数（满分 {most:g}）", fontsize=_SIZE)
    axes.set_ylabel("students · 人数", fontsize=_SIZE)
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=whole))
    axes.grid(axis="y", alpha=0.25)
    axes.set_axisbelow(True)
    _plain(axes)
    told = [
        f"{count} with {_span(left + 0.5, right - 0.5) if whole else _span(left, right)}"
        for count, left, right in zip(counts, edges, edges[1:], strict=False)
        if count
    ]
    alt = f"Histogram of {len(totals)} totals out of {most:g} marks, median {median:g}. Students: {', '.join(told)}."
    return Picture(_address(figure), alt)


@_own_style()
def item_bars(items: list[Item]) -> Picture:
    """Draw for each item how many students have all, some and none of its points, and the mean share."""
    labels = [f"{_cut(item.name, _NAME)}  {i}" for i, item in enumerate(items, start=1)]
    left = max(map(_letters, labels)) * _LETTER + 0.15
    height = _ROW * len(items) + 0.85
    figure = Figure((_WIDTH, height))
    axes = figure.add_axes((left / _WIDTH, 0.35 / height, (_WIDTH - left - 0.3) / _WIDTH, _ROW * len(items) / height))
    place = np.arange(len(items))
    parts = np.array([(item.full, item.part, item.none) for item in items], dtype=float)
    parts /= np.maximum(parts.sum(axis=1, keepdims=True), 1)
    begin = np.zeros(len(items))
    words = ("all points · 满分", "some · 部分", "none · 零分")
    for part, colour, word in zip(parts.T, (_FULL, _PART, _NONE), words, strict=True):
        axes.barh(place, part, 0.72, begin, color=colour, label=word)
        begin += part
    axes.plot(
        [item.share for item in items], place, "D", color="black", markeredgecolor="white", markersize=5.5,
        label="mean share · 平均得分率", linestyle="none", clip_on=False,
    )  # fmt: skip
    side = axes.get_yaxis_transform()
    for at, label in enumerate(labels):
        axes.text(-0.02, at, label, transform=side, ha="right", va="center", fontsize=_SIZE, parse_math=False)
    axes.set_ylim(len(items) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100 %"])
    axes.set_yticks([])
    axes.grid(axis="x", alpha=0.25)
    mean, *shares = axes.get_legend_handles_labels()[0]
    figure.legend(
        handles=[*shares, mean], loc="upper left", bbox_to_anchor=(0.0, 1.0), ncols=2, fontsize=_SIZE - 1,
        frameon=False, columnspacing=6, handlelength=1.4, borderaxespad=0.1,
    )  # fmt: skip
    _plain(axes)
    told = [
        f"{i} {item.name}: {item.full} of {item.marked} all, {item.share:.0%} on average"
        for i, item in enumerate(items, start=1)
        if item.marked
    ]
    alt = "Bars: the share of students with all, some and none of the points of each item. " + "; ".join(told) + "."
    return Picture(_address(figure), alt)


def _plain(axes: mpl.axes.Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=_SIZE, colors=_INK)


def _span(first: float, last: float) -> str:
    return f"{first:.4g}" if first == last else f"{first:.4g} to {last:.4g}"


def _letters(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _cut(text: str, most: int) -> str:
    """Shorten a name to `most` letters; its middle is what it can spare, items differ by their ends."""
    if _letters(text) <= most:
        return text
    head = tail = ""
    while True:
        longer = (text[: len(head) + 1], tail) if _letters(head) <= _letters(tail) else (head, text[-len(tail) - 1 :])
        if _letters("".join(longer)) > most - 1:
            return f"{head}…{tail}"
        head, tail = longer


def _address(figure: Figure) -> str:
    """Write a figure as an SVG whose words stay words: the browser has the Chinese letters, matplotlib has not."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
