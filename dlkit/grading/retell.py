"""What a student is told of a run, when her code may have kept what hidden tests gave to it.

Her functions see what they are called with, and whatever runs after that can say it, in words that nobody could look
for. So what comes out of her process after a hidden test is not shown. Where something did come, her cells run a
second time, in a new process that never meets a hidden test, and what they put out there is shown instead. Marks come
from the first run alone.
"""

from __future__ import annotations

import nbformat
from nbformat.notebooknode import NotebookNode

from dlkit.grading import outputs
from dlkit.grading.cells import HIDDEN, regions
from dlkit.grading.feedback import failure_of
from dlkit.grading.plan import Part, bound, used, without_hidden

FAILED_LATER = (
    "This check failed after your code had met other tests, and was not seen to fail without them. "
    "Does your code keep something from one call to the next?"
)

_FIXED = frozenset(outputs.OUR_WORDS) - {"KernelStopped"}  # which says how the process ended


def first_hidden(notebook: NotebookNode, parts: list[Part]) -> int:
    """Return the place of the first cell with a hidden test, or one behind the last cell."""
    return next((p.index for p in parts if p.kind == "test" and _hidden(notebook, p)), len(notebook.cells))


def in_doubt(notebook: NotebookNode, parts: list[Part]) -> frozenset[int]:
    """List the places of the cells of a notebook that has run whose outputs may say what hidden tests hold.

    If one of her cells puts something out, those that do not say something by that.
    """
    after = [p for p in parts if p.index >= first_hidden(notebook, parts)]
    spoke = {p.index for p in after if _speaks(notebook, p)}
    return frozenset(spoke | {p.index for p in after if spoke and p.kind != "test" and not p.idle})


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


def second(notebook: NotebookNode, parts: list[Part], doubted: frozenset[int]) -> tuple[NotebookNode, frozenset[int]]:
    """Make the notebook of the second run.

    Returns
    -------
    NotebookNode
        The same one without hidden tests.
    frozenset of int
        The places of cells that need not run: tests in plain view of which nothing is to be said and that define
        nothing for others, and what comes after the last of the doubted cells.
    """
    again = nbformat.from_dict(notebook)
    needless, needed = set(), set[str]()
    for part in reversed(parts):
        cell = again.cells[part.index]
        cell.outputs = []
        if part.kind == "test":
            cell.source = without_hidden(cell.source)
        no_words = part.kind == "test" or part.idle or part.index > max(doubted)
        if part.index not in doubted and no_words and needed.isdisjoint(bound(cell.source)):
            needless.add(part.index)
        elif part.checked:
            needed |= used(cell.source)
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
