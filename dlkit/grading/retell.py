"""What a student is told of a run, when her code may have kept what hidden tests gave to it.

Her functions see what they are called with, and whatever runs after that can say it, in words that nobody could look
for. So what comes out of her process after a hidden test is not shown. Where something did come, her cells run a
second time, in a new process that never meets a hidden test, and what they put out there is shown instead. Marks come
from the first run alone.
"""

from __future__ import annotations

import ast

import nbformat
from nbformat.notebooknode import NotebookNode

from dlkit.grading import outputs
from dlkit.grading.cells import HIDDEN, regions
from dlkit.grading.feedback import failure_of
from dlkit.grading.plan import UNREADABLE, Part, python_of

FAILED_LATER = (
    "This check passes by itself; here it failed, after your code had met other tests. "
    "Does your code keep something from one call to the next?"
)

_FIXED = frozenset(outputs.OUR_WORDS) - {"KernelStopped"}  # which says how the process ended


def first_hidden(notebook: NotebookNode, parts: list[Part]) -> int:
    """Return the place of the first cell with a hidden test, or one behind the last cell."""
    return next((p.index for p in parts if p.kind == "test" and _hidden(notebook, p)), len(notebook.cells))


def in_doubt(notebook: NotebookNode, parts: list[Part]) -> frozenset[int]:
    """List the places of the cells of a notebook that has run whose outputs may say what hidden tests hold."""
    first = first_hidden(notebook, parts)
    return frozenset(p.index for p in parts if p.index >= first and _speaks(notebook, p))


def _hidden(notebook: NotebookNode, part: Part) -> bool:
    return bool(regions(notebook.cells[part.index].source, HIDDEN)[1])


def _speaks(notebook: NotebookNode, part: Part) -> bool:
    cell = notebook.cells[part.index]
    if part.kind != "test":
        return bool(cell.outputs)
    failed = [o.ename for o in cell.outputs if o.output_type == "error"]
    if not failed or failed[0] in _FIXED:
        return False
    failure = failure_of(cell, {})  # of a hidden one the page shows the title and the hint
    return failure is not None and failure.hidden is None and bool(without_hidden(cell.source).strip())


def without_hidden(source: str) -> str:
    """Return the part of a test in plain view, every line in its place; an empty text if it does nothing by itself."""
    begin, end = HIDDEN
    kept, inside = [], False
    for line in source.split("\n"):
        inside = (inside or begin in line) and end not in line
        kept.append("" if inside or end in line else line)
    text = "\n".join(kept)
    try:
        return text if ast.parse(python_of(text)).body else ""
    except UNREADABLE:
        return ""


def second(notebook: NotebookNode, parts: list[Part], doubted: frozenset[int]) -> tuple[NotebookNode, frozenset[int]]:
    """Make the notebook of the second run.

    Returns
    -------
    NotebookNode
        The same one without hidden tests.
    frozenset of int
        The places of cells that need not run: tests in plain view of which nothing is to be said, and what comes after
        the last of the doubted cells.
    """
    again = nbformat.from_dict(notebook)
    needless = set()
    for part in parts:
        cell = again.cells[part.index]
        if part.kind == "test":
            cell.source = without_hidden(cell.source)
        if part.index not in doubted and (part.kind == "test" or part.idle or part.index > max(doubted)):
            needless.add(part.index)
    return again, frozenset(needless)


def join(
    first: NotebookNode, parts: list[Part], doubted: frozenset[int], again: NotebookNode, stop: int | None
) -> None:
    """Put into the notebook of the first run what may be shown of the second.

    Parameters
    ----------
    first, again
        The notebook after each of the two runs.
    parts, doubted
        Its cells, and the places of those that `again` is to speak for.
    stop
        The place of the cell in which the first run came to its end early, if it did; its last output says so.
    """
    for part in parts:
        if part.index not in doubted:
            continue
        cell, made = first.cells[part.index], again.cells[part.index].outputs
        if part.kind == "test":
            failed = any(o.output_type == "error" for o in made)
            cell.outputs = made if failed else [outputs.ours("FailedLater", FAILED_LATER)]
        else:
            said = any(o.output_type == "error" for o in made)
            cell.outputs = made + (cell.outputs[-1:] if part.index == stop and not said else [])
            cell.execution_count = part.number
