"""What the marks of a class say about its items: how hard each is, which tells the students apart, which misleads.

The measures are those of classical test theory. An item is held against the *rest*: a student's share of the points
of all other items of the assignment, so that no item vouches for itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from dlkit.grading.expect import HINT
from dlkit.grading.report import Result

UPPER = 0.27  # of the class, by the rest: the group that Kelley (1939) found best for judging an item
WELL = 0.6  # of the points of the rest, at least: the best of a class that did badly are not a strong group
STRONG = 5  # students, at least: of fewer nothing can be said
HARD = 0.25  # of the strong group may fail an item that is just hard
LEVEL = 0.05  # how often an assignment without a bad item may have one named all the same
ENOUGH = 10  # students, at least, for a correlation to be shown


@dataclass
class Item:
    """How a class did on one item; students whose answer waits to be marked by hand are left out.

    Attributes
    ----------
    full, part, none : int
        Students with all its points, with some, and with nothing.
    share : float
        The mean share of its points; nan if nobody was marked, or it has no points.
    correlation : float
        Pearson's, of the share of the item with the share of the rest; nan if either is the same for everybody.
    strong, strong_failed : int
        The size of the strong group, and how many of it got less than half of the item's points.
    chance : float
        How likely that many failures, or more, are if each of the group fails with probability `HARD`.
    """

    name: str
    points: float
    waiting: int = 0
    full: int = 0
    part: int = 0
    none: int = 0
    share: float = math.nan
    correlation: float = math.nan
    strong: int = 0
    strong_failed: int = 0
    chance: float = 1.0
    suspicious: bool = False

    @property
    def marked(self) -> int:
        """How many students have marks for it."""
        return self.full + self.part + self.none


@dataclass
class Cause:
    """One reason why marks were lost, and who lost them for it."""

    text: str
    known: bool  # the failed check itself named the mistake
    items: list[str] = field(default_factory=list)
    students: list[Result] = field(default_factory=list)


def analyse_items(results: Iterable[Result]) -> list[Item]:
    """Describe every item of one assignment, in the order of the notebook.

    An item is `suspicious` if more than half of the strong group fail it, and so many that chance does not explain
    it. *Strong* are, for this item, the upper 27 % by the rest (Kelley 1939, "The selection of upper and lower groups
    for the validation of test items", Journal of Educational Psychology 30; equals of the last one included) who
    have at least 60 % of the rest's points; there must be five of them. *Failed* means less than half of the points.
    *Chance*: if an item is merely hard, a quarter of the strong may fail it; the probability of what was seen, or
    worse, by the binomial distribution, must be below 5 % divided by the number of items (Bonferroni), so that in at
    most one of twenty assignments a sound item is named.

    Parameters
    ----------
    results
        Of one assignment; those that were not graded are left out.
    """
    graded = [r for r in results if not r.trouble]
    items = {name: Item(name, most) for r in graded for name, (_, most) in r.marks.items()}
    got = np.full((len(graded), len(items)), np.nan)
    most = np.array([item.points for item in items.values()])
    for row, result in zip(got, graded, strict=True):
        for column, (name, item) in enumerate(items.items()):
            if name in result.by_hand:
                item.waiting += 1
            elif name in result.marks:
                row[column] = result.marks[name][0]
    for column, item in enumerate(items.values()):
        if item.points > 0:
            _describe(item, got, most, column)
    judged = sum(item.strong >= STRONG for item in items.values())
    for item in items.values():
        item.suspicious = 2 * item.strong_failed > item.strong >= STRONG and item.chance < LEVEL / judged
    return list(items.values())


def _describe(item: Item, got: np.ndarray, most: np.ndarray, column: int) -> None:
    """Fill in what the class did on the item of this column."""
    rows = ~np.isnan(got[:, column])
    share = got[rows, column] / item.points
    if not len(share):
        return
    item.full = int((share >= 1).sum())
    item.none = int((share <= 0).sum())
    item.part = len(share) - item.full - item.none
    item.share = float(share.mean())
    others = np.delete(got[rows], column, axis=1)
    possible = np.where(np.isnan(others), 0.0, np.delete(most, column)).sum(axis=1)
    share, rest = share[possible > 0], np.nansum(others, axis=1)[possible > 0] / possible[possible > 0]
    if len(rest) >= ENOUGH and np.ptp(share) > 0 and np.ptp(rest) > 0:
        item.correlation = float(np.corrcoef(share, rest)[0, 1])
    if len(rest):
        last = np.sort(rest)[::-1][math.ceil(UPPER * len(rest)) - 1]
        strong = share[rest >= max(last, WELL) - 1e-9]  # sums of the same marks may differ in the last digit
        item.strong = len(strong)
        item.strong_failed = int((strong < 0.5).sum())
        item.chance = _at_least(item.strong_failed, item.strong, HARD)


def _at_least(k: int, n: int, p: float) -> float:
    """Return the probability of `k` or more successes among `n`, each of probability `p`."""
    # as sums of logarithms: the coefficients of a large class do not fit into a float
    log = [math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) for i in range(k, n + 1)]
    terms = [math.exp(c + i * math.log(p) + (n - i) * math.log1p(-p)) for i, c in enumerate(log, start=k)]
    return min(1.0, math.fsum(terms))


def causes(results: Iterable[Result], order: Sequence[str] = ()) -> list[Cause]:
    """List why marks were lost, the commonest first; a student counts once for each reason.

    The reason is the mistake that the failed check recognised, or else the first line of its message. The same mistake
    behind several items is one reason.

    Parameters
    ----------
    results
        Of one assignment.
    order
        The items, as they are to be listed; others, such as cells of the students' own, follow by name.
    """
    found: dict[str, Cause] = {}
    for result in results:
        for failure in result.lost:
            lines = [line.strip() for line in failure.text.splitlines() if line.strip()] or ["(no message)"]
            hint = next((line.removeprefix(HINT).strip() for line in lines if line.startswith(HINT)), "")
            cause = found.setdefault(hint or lines[0], Cause(hint or lines[0], bool(hint)))
            cause.known = cause.known or bool(hint)
            if failure.item not in cause.items:
                cause.items.append(failure.item)
            if not cause.students or cause.students[-1] is not result:
                cause.students.append(result)
    place = {item: i for i, item in enumerate(order)}
    for cause in found.values():
        cause.items.sort(key=lambda item: (place.get(item, len(place)), item))
    return sorted(found.values(), key=lambda cause: (-len(cause.students), cause.text))


def bins(totals: list[float], most: float) -> tuple[list[int], list[float]]:
    """Count totals for a histogram.

    If all totals are whole, each bar holds the same number of whole marks, and its edges lie halfway between marks;
    there are up to 26 bars. Else there are 10 bars of the same width, or 20 for a class of fifty.

    Returns
    -------
    counts, edges
        One edge more than counts; the last bar takes its right edge in.
    """
    highest = max([most, *totals, 1e-9])
    if all(float(total).is_integer() for total in totals):
        width = math.ceil((math.floor(highest) + 1) / 26)
        edges = np.arange(0, math.floor(highest) + 1 + width, width) - 0.5
    else:
        edges = np.linspace(0, highest, 21 if len(totals) >= 50 else 11)
    counts, _ = np.histogram(np.round(np.maximum(totals, 0), 9), np.round(edges, 9))
    return counts.tolist(), edges.tolist()


def slowest(results: Iterable[Result], seconds: Callable[[Result], float], count: int) -> list[Result]:
    """Return the `count` submissions that took longest, of those that took any time."""
    ran = [r for r in results if seconds(r) > 0]
    return sorted(ran, key=lambda r: (-seconds(r), r.student))[:count]
