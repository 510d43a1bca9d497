"""What the modules of this package ask of a notebook's cells."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat
from nbformat.notebooknode import NotebookNode
from nbgrader.utils import is_grade, is_solution

from dlkit.notebooks import normalise

#: The words that begin and end a region, which are nbgrader's own.
SOLUTION = "BEGIN SOLUTION", "END SOLUTION"
HIDDEN = "BEGIN HIDDEN TESTS", "END HIDDEN TESTS"


def course_notebook(path: Path) -> NotebookNode:
    """Read a notebook of the course's own, once for all submissions: what is returned is shared, do not change it."""
    stat = path.stat()
    return _parsed(path, stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=100)
def _parsed(path: Path, *_: int) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def grade_id(cell: NotebookNode) -> str | None:
    """Return the cell's ``grade_id``, or None for a cell that is not nbgrader's."""
    meta = cell.metadata.get("nbgrader")
    found = meta.get("grade_id") if isinstance(meta, dict) else None
    return found if isinstance(found, str) and found else None


def is_test(cell: NotebookNode) -> bool:
    """Tell whether the cell holds tests: it gives marks and is not the student's to write."""
    return bool(cell.cell_type == "code" and is_grade(cell) and not is_solution(cell))


def regions(text: str, delimiters: tuple[str, str]) -> tuple[list[str], list[list[str]]]:
    """Split a cell's text at delimiter lines: the lines outside, and the lines of each region."""
    begin, end = delimiters
    outside: list[str] = []
    inside: list[list[str]] = []
    open_ = False
    for line in text.split("\n"):
        if begin in line:
            open_ = True
            inside.append([])
        elif end in line:
            open_ = False
        else:
            (inside[-1] if open_ else outside).append(line)
    return outside, inside


def write(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook in normal form: the same bytes on every system."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((nbformat.writes(normalise(notebook)) + "\n").encode())


def without_output(cell: NotebookNode) -> NotebookNode:
    """Copy a cell as if it had not been run."""
    copy = nbformat.from_dict(cell)
    if cell.cell_type == "code":
        copy.update(outputs=[], execution_count=None)
    return copy


def note_cell(title: str, notes: Iterable[str], cell_id: str) -> NotebookNode:
    """Make a markdown cell with a heading and one point for each note."""
    text = f"### {title}\n\n" + "\n".join(f"- {note}" for note in notes)
    cell = nbformat.v4.new_markdown_cell(source=text)
    cell["id"] = cell_id
    return cell


def plain_text(text: str) -> str:
    """Take the colour codes out of what a kernel printed."""
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)


def course_of(preprocessor: Any) -> Any:
    """Return nbgrader's ``CourseDirectory`` that a preprocessor works for."""
    owner = preprocessor
    while owner is not None:
        course = getattr(owner, "coursedir", None)
        if course is not None:
            return course
        owner = getattr(owner, "parent", None)
    raise RuntimeError(f"{type(preprocessor).__name__} runs only inside nbgrader, which knows the folders.")
