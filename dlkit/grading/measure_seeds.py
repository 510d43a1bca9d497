"""Whether the same answer would get the same marks if a test had drawn other random numbers.

A test that says ``np.random.default_rng(21)`` is run again with ``default_rng([21, 1])``, ``default_rng([21, 2])`` and
so on. A right answer that loses a mark at one of them was lucky, and so was a wrong one that is found out only at 21.
Where a test needs data of one kind that not every seed gives, its author looks for a seed that does, and says so on
the line of the call, which is then left alone::

    rng = np.random.default_rng(35)  # seed chosen: no sample comes near the kink

All seeds share a run. To begin one takes longer than a test, so each test is followed by its copies.
"""

from __future__ import annotations

import ast
import functools
import io
import re
import tokenize
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import nbformat
from nbformat.notebooknode import NotebookNode

from dlkit.grading.cells import grade_id, is_test, plain_text
from dlkit.grading.jobs import Job, Result
from dlkit.grading.measure_exercise import Exercise, Verdict
from dlkit.grading.plan import UNREADABLE, bound, python_of, used

SEEDS = 20  # other seeds that each verdict is compared at
_CHOSEN = re.compile(r"\bseed chosen:\s*\S")
_SEED = "measured_seed"  # in cell.metadata: which of the other seeds a copy has
_ARROW = "----> "  # before a line of code in a traceback


@dataclass(frozen=True)
class Reseeded:
    """What came of an answer at its tests' own seeds, and at others.

    Attributes
    ----------
    name
        Of the answer.
    right
        Whether it is one.
    verdict
        At the tests' own seeds.
    others : mapping of (str, int) to (str or None)
        For a test and the number of another seed why the answer lost marks; None if it did not.
    seconds
        How long the run with the other seeds took.
    """

    name: str
    right: bool
    verdict: Verdict
    others: Mapping[tuple[str, int], str | None]
    seconds: float

    def differing(self, test: str) -> dict[int, str]:
        """List the other seeds at which the verdict of a test is another, each with why marks were lost, if so."""
        lost = test in self.verdict.lost
        return {k: why or "" for (name, k), why in self.others.items() if name == test and (why is not None) != lost}


# ---- what is run ----------------------------------------------------------------------------------------------------


def at_other_seeds(graded: NotebookNode, seeds: int) -> NotebookNode | None:
    """Return a notebook in which tests with random numbers are followed by copies with other ones.

    Parameters
    ----------
    graded
        A canonical notebook with all its tests; it is not changed.
    seeds
        How many copies of each.

    Returns
    -------
    NotebookNode or None
        None if no test has a seed that may be another.
    """
    groups = {group[-1]: group for group in _groups(graded.cells)}
    if not groups:
        return None
    cells = []
    for i, cell in enumerate(graded.cells):
        cells.append(cell)
        for k in range(1, seeds + 1):
            cells += [_copy(graded.cells[j], k) for j in groups.get(i, ())]
    return nbformat.from_dict({**graded, "cells": cells})


def _groups(cells: Sequence[NotebookNode]) -> list[list[int]]:
    """Sort the places of tests with random numbers, and of tests that use what such a test defines, by what they share.

    A group is repeated as a whole: what one of its cells draws at a seed is what the next one finds.
    """
    found: list[tuple[list[int], frozenset[str]]] = []
    for i, cell in enumerate(cells):
        if not is_test(cell):
            continue
        mine = [group for group in found if not group[1].isdisjoint(used(cell.source))]
        if mine or with_seed(cell.source, 1) != cell.source:
            places = sorted(place for group in mine for place in group[0])
            names = frozenset().union(bound(cell.source), *(group[1] for group in mine))
            found = [group for group in found if group not in mine] + [([*places, i], names)]
    return [places for places, _ in found]


def _copy(cell: NotebookNode, k: int) -> NotebookNode:
    copy = nbformat.from_dict(cell)
    copy.source = with_seed(cell.source, k)
    copy.metadata[_SEED] = k
    if "id" in copy:
        copy["id"] = f"{copy['id'][:60]}-{k}"
    return copy


def at_each_seed(exercise: Exercise, job: Job, result: Result) -> tuple[dict[tuple[str, int], str | None], float]:
    """Read what came of the copies, and how long the run took, as `Reseeded` has it."""
    notebook = job.read()
    result.fill(notebook)
    others = {
        (str(grade_id(cell)), cell.metadata[_SEED]): _why(cell) if exercise.loses_marks(cell) else None
        for cell in notebook.cells
        if _SEED in cell.metadata
    }
    return others, result.resources["seconds"]


def _why(cell: NotebookNode) -> str:
    """Say in a line why a test failed; if it has no message, by the line that failed."""
    for error in (output for output in cell.outputs if output.output_type == "error"):
        message = [line.strip() for line in plain_text(error.evalue).splitlines() if line.strip()]
        code = [
            line.removeprefix(_ARROW)
            for text in error.traceback
            for line in plain_text(text).splitlines()
            if line.startswith(_ARROW)
        ]
        return " — ".join([error.ename, *(message[:3] or code[-1:])])
    return "no marks were given"


# ---- the seeds of a test --------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=1000)
def with_seed(source: str, k: int) -> str:
    """Return a test with other random numbers: for each ``default_rng(s)`` it has ``default_rng([s, k])``.

    Parameters
    ----------
    source
        The test. A call is left alone if ``# seed chosen:`` and a reason stand in its line.
    k
        Which of the other seeds.
    """
    varied, _ = _calls(source)
    if not varied:
        return source
    text = python_of(source).encode()  # as ast counts: in bytes
    starts = [0]
    for line in text.split(b"\n"):
        starts.append(starts[-1] + len(line) + 1)
    edits = []
    for seed in varied:
        assert seed.end_lineno is not None and seed.end_col_offset is not None
        edits.append((starts[seed.end_lineno - 1] + seed.end_col_offset, f", {k}]".encode()))
        edits.append((starts[seed.lineno - 1] + seed.col_offset, b"["))
    for place, added in sorted(edits, reverse=True):
        text = text[:place] + added + text[place:]
    return text.decode()


def seeds_chosen(notebook: NotebookNode) -> int:
    """Count the seeds in tests that are left alone, because a reason stands beside them."""
    return sum(len(_calls(cell.source)[1]) for cell in notebook.cells if is_test(cell))


def _calls(source: str) -> tuple[list[ast.expr], list[ast.expr]]:
    """List the seeds that ``default_rng`` is called with in a cell: those to be varied, and those that were chosen."""
    try:
        text = python_of(source)
        tree = ast.parse(text)
    except UNREADABLE:
        return [], []
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    marked = {t.start[0] for t in tokens if t.type == tokenize.COMMENT and _CHOSEN.search(t.string)}
    varied: list[ast.expr] = []
    chosen: list[ast.expr] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) == "default_rng":
            seeds = [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg)]
            lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            (varied if marked.isdisjoint(lines) else chosen).extend(seeds)
    return varied, chosen


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


# ---- what is to be done ---------------------------------------------------------------------------------------------

_CHOOSE = "or, if the data must be of one kind, choose a seed and say why on its line: # seed chosen: REASON"
_KINDS = {  # whether the answer is right, and whether it loses marks at the test's own seed
    (True, False): (
        "right answers lose it at other seeds",
        f"Widen a tolerance that is too narrow, draw data that keep away from the edge, {_CHOOSE}.",
    ),
    (True, True): (
        "right answers lose it at its own seed and not at others",
        "It asks for something of its data that its own do not have.",
    ),
    (False, True): (
        "wrong answers get away at other seeds",
        f"It finds them by luck: give it more data, or a case in which they must differ, {_CHOOSE}.",
    ),
    (False, False): (
        "wrong answers lose it at other seeds and not at its own",
        "It overlooks them by bad luck, or an assertion about its own data fails: give it a case in which they must "
        f"differ, draw data that keep away from the edge, {_CHOOSE}.",
    ),
}


def problems_at_seeds(answers: Sequence[Reseeded]) -> list[str]:
    """List the tests whose verdict depends on their seed, each with what to do."""
    found = []
    for test in dict.fromkeys(test for answer in answers for test, _ in answer.others):
        for (right, lost), (what, advice) in _KINDS.items():
            mine = [a for a in answers if a.right == right and (test in a.verdict.lost) == lost]
            differing = {a.name: seeds for a in mine if (seeds := a.differing(test))}
            if differing:
                names = "; ".join(f"{name} at {', '.join(map(str, seeds))}" for name, seeds in differing.items())
                why = next(iter(next(iter(differing.values())).values()))
                found.append(f"{test}: {what}: {names}.{f' First: {why}.' if why else ''} {advice}")
    return found
