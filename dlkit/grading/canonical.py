"""The notebook that is graded: the course's own, with the text of the student's answers put in.

Of a submission only the source text of the answer cells counts, found by ``grade_id``. Its tests, locked cells,
tags, metadata, points, order and kernel are never looked at. The outputs of the course's own cells that are no tests
are kept, made harmless; a page shows them only where a cell does not run because no mark depends on it. What cannot
be placed without a guess is noted by name, for the student and for the instructor, and costs no other cell anything.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbformat.notebooknode import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import is_solution

from dlkit.grading import screen
from dlkit.grading.cells import course_of, grade_id, is_test, note_cell, without_output
from dlkit.grading.outputs import made, outputs_of
from dlkit.grading.plan import bound, is_long, mark
from dlkit.notebooks import normalise

HANDED_IN = "<small>as handed in, not run again · 提交时的输出，未重新运行</small>"
_MOST_OUTPUT = 500_000  # characters of a cell's outputs
NOTES_TITLE = "What the grader noticed · 阅卷备注"


@dataclass
class _Read:
    """What a submission holds: texts by answer, extra cells by the release cell they follow, and the notes."""

    answers: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    extras: dict[int, list[tuple[str, str]]] = field(default_factory=dict)
    present: set[int] = field(default_factory=set)
    outputs: dict[int, list[Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def canonical(release: NotebookNode, submission: NotebookNode) -> tuple[NotebookNode, list[str]]:
    """Put a submission's answers into the release notebook.

    Parameters
    ----------
    release
        The notebook as it was handed out.
    submission
        The notebook as it came back; it is not changed.

    Returns
    -------
    NotebookNode
        A notebook with every cell of the release in the release's order, the course's own marked (`plan.mark`). A
        copied or split answer contributes its last changed copy as the answer and the earlier ones as ordinary cells
        before it; cells the student added stand after the cell they followed in her notebook.
    list of str
        What was noticed on the way, one sentence each.
    """
    read = _read(release, submission, outputs=True)
    cells: list[NotebookNode] = []
    ours_at = set()  # where in `cells` the course's own text stands
    waiting = read.extras.get(-1, [])
    for i, ours in enumerate(release.cells):
        # Added cells wait behind answer cells that are missing: if the answer lost its metadata and is one of
        # them, it must come after the untouched stub that takes its place.
        if waiting and (i in read.present or is_test(ours)):
            cells += [_plain_cell(*extra) for extra in waiting]
            waiting = []
        cell = without_output(ours)
        if is_solution(ours):
            *earlier, (_, cell.source) = _choose(ours, read)
            cells += [_plain_cell(ours.cell_type, text) for _, text in earlier]
        else:
            ours_at.add(len(cells))
            if i in read.outputs and not is_test(ours):
                cell.outputs = read.outputs[i]
        cells.append(cell)
        waiting = waiting + read.extras.get(i, [])
    cells += [_plain_cell(*extra) for extra in waiting]
    notebook = nbformat.from_dict({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    notebook = normalise(notebook)
    for i in ours_at:
        mark(notebook.cells[i])
    return notebook, read.notes


def recognised(release: NotebookNode, submission: NotebookNode) -> int:
    """Count the cells of a submission that belong to the answers or tests of this release."""
    find = _Finder(release)
    return sum(grade_id(release.cells[i]) is not None for i in map(find, submission.cells) if i is not None)


def read_through(release: NotebookNode, submission: NotebookNode) -> list[str]:
    """Read a submission as `canonical` does, and return the notes; a damaged one raises whatever that leads to."""
    return _read(release, submission, outputs=False).notes


class _Finder:
    """Find the release cell that a submitted cell is, or was copied from: its index, or None."""

    def __init__(self, release: NotebookNode) -> None:
        self.by_name = {name: i for i, c in enumerate(release.cells) if (name := grade_id(c))}
        self.by_id = {c.get("id"): i for i, c in enumerate(release.cells)}
        # a notebook written by an older program has no cell ids: text cells are then known by their text
        self.by_text = {(c.cell_type, c.source.strip()): i for i, c in enumerate(release.cells) if not grade_id(c)}

    def __call__(self, cell: NotebookNode) -> int | None:
        name = grade_id(cell)
        if name in self.by_name:
            return self.by_name[name]
        if cell.get("id") is not None and cell.get("id") in self.by_id:
            return self.by_id[cell.id]
        return self.by_text.get((cell.cell_type, cell.source.strip()))


def _read(release: NotebookNode, submission: NotebookNode, *, outputs: bool) -> _Read:
    read, find, anchor = _Read(), _Finder(release), -1
    for cell in submission.cells:
        i = find(cell)
        ours = None if i is None else release.cells[i]
        if ours is not None and is_solution(ours):
            name = grade_id(ours)
            assert name is not None
            if grade_id(cell) != name:
                read.notes.append(f"The cell of `{name}` had lost its nbgrader metadata; found by its cell id.")
            if cell.cell_type != ours.cell_type:
                read.notes.append(f"`{name}` was handed in as a {cell.cell_type} cell; read as {ours.cell_type}.")
            if cell.get("attachments"):
                read.notes.append(f"`{name}` has pictures attached: see them in the notebook handed in.")
            read.answers.setdefault(name, []).append((cell.cell_type, _text(cell)))
        elif i is not None and ours is not None:
            if outputs and ours.cell_type == cell.cell_type == "code" and cell.source.strip() == ours.source.strip():
                read.outputs[i] = _outputs(cell)
            if grade_id(ours) and cell.source.strip() != ours.source.strip():
                read.notes.append(f"The locked cell `{grade_id(ours)}` was changed; the course's own was used.")
            elif cell.source.strip() != ours.source.strip():  # written into the course's text: kept beside it
                read.extras.setdefault(i, []).append(("markdown", _text(cell)))
        elif cell.cell_type in ("code", "markdown") and cell.source.strip():
            read.extras.setdefault(anchor, []).append((cell.cell_type, _text(cell)))
        if i is not None:
            anchor = i
            read.present.add(i)
    read.notes = list(dict.fromkeys(read.notes))
    return read


def _outputs(cell: NotebookNode) -> list[NotebookNode]:
    """Return what is harmless of a cell's outputs, under a line that says where they come from.

    HTML is left out: nothing limits the time that it takes to clean it here, where one process sees to all students.
    """
    claimed = [o for o in cell.get("outputs") or () if isinstance(o, dict) and o.get("output_type") != "error"]
    for output in claimed:
        if isinstance(output.get("data"), dict):
            output["data"] = {mime: value for mime, value in output["data"].items() if mime != "text/html"}
    kept = outputs_of(claimed, _MOST_OUTPUT)
    return [made("display_data", data={"text/html": HANDED_IN}, metadata={}), *kept] if kept else []


def _text(cell: NotebookNode) -> str:
    """Return a cell's text, without halves of characters, which no file can hold."""
    text: str = cell.source
    return text.encode("utf-8", "replace").decode()


def _choose(ours: NotebookNode, read: _Read) -> list[tuple[str, str]]:
    """Order the copies of one answer: the last is the answer, those before it become ordinary cells."""
    name, stub = grade_id(ours) or "", ours.source.strip()
    copies = read.answers.get(name, [])
    names = bound(ours.source) if ours.cell_type == "code" and not copies else frozenset()
    if names and names <= _defined(read):
        read.notes.append(f"The cell of `{name}` was missing; another answer cell defines what it should.")
        return [(ours.cell_type, "")]
    if not copies:
        read.notes.append(f"The cell of `{name}` was missing; the untouched one was put back.")
        return [(ours.cell_type, ours.source)]
    changed = [copy for copy in copies if copy[1].strip() != stub]
    changed = [copy for n, copy in enumerate(changed) if copy not in changed[n + 1 :]]
    if len(copies) > 1:
        what = "the last changed one is the answer, run after the others" if changed[1:] else "one text was used"
        read.notes.append(f"`{name}` was there {len(copies)} times; {what}.")
    return changed or copies[:1]


def _defined(read: _Read) -> frozenset[str]:
    """List what the answers that are there define; an added cell runs after the one that is missing in any case."""
    texts = [text for copies in read.answers.values() for kind, text in copies if kind == "code"]
    return frozenset().union(*(bound(text) for text in texts if not is_long(text)))


def _plain_cell(cell_type: str, text: str) -> NotebookNode:
    make = nbformat.v4.new_code_cell if cell_type == "code" else nbformat.v4.new_markdown_cell
    cell = make(source=text)
    del cell["id"]  # a random one; the normal form makes one from the text
    return cell


class Canonicalise(NbGraderPreprocessor):
    """First of ``Autograde.sanitize_preprocessors``: replace the submission by its canonical notebook.

    The notes stand in a cell at the top; notes and warnings (see ``screen``) are also kept in the notebook's own
    metadata under ``dlkit``, with the names that the answers are to define: those that the course's own answers define.
    nbgrader's ``OverwriteCells``, which follows, brings back the hidden tests.
    """

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        """Return the canonical notebook of the submission `nb`."""
        names = resources["nbgrader"]
        course = course_of(self)
        places = (course.release_directory, course.source_directory)
        folders = [Path(course.format_path(place, ".", names["assignment"])) for place in places]
        paths = [folder / f"{names['notebook']}.ipynb" for folder in folders]
        release, defined, watched = _known(*((path, _changed(path)) for path in paths))
        notebook, notes = canonical(release, nb)
        warnings = screen.look(watched, notebook)
        notebook.metadata["dlkit"] = {"notes": notes, "warnings": warnings, "names": list(defined)}
        if notes:
            notebook.cells.insert(0, note_cell(NOTES_TITLE, notes, "grader-notes"))
        return notebook, resources


def _changed(path: Path) -> int | None:
    return path.stat().st_mtime_ns if path.is_file() else None


@functools.lru_cache(maxsize=16)
def _known(
    release: tuple[Path, int | None], source: tuple[Path, int | None]
) -> tuple[NotebookNode, tuple[str, ...], screen.Watched]:
    """Read once for a class what all submissions of a notebook are compared with.

    Returns
    -------
    tuple
        The notebook as it was handed out, which nobody may change; the names that the course's own answers define, or
        the released stubs where there is no source; what to look for.
    """
    notebook = nbformat.read(release[0], as_version=4)
    solved = notebook if source[1] is None else nbformat.read(source[0], as_version=4)
    answers = [c.source for c in solved.cells if c.cell_type == "code" and is_solution(c)]
    return notebook, tuple(sorted(frozenset().union(*map(bound, answers)))), screen.watched(notebook)
