"""Answers as plain Python files, and notebooks handed in with them.

An answer is a file in percent format under ``tests/answers/ASSIGNMENT/KIND/``. It begins with comment lines
``# key: value``; each cell ``# %% NAME`` holds the text for the answer cell with that ``grade_id`` (for a written
answer ``# %% [markdown] NAME``), and an answer cell that is left out gets the reference solution. A cell with any other
title is one the student added: it comes before the next named cell. The keys:

``title``
    What the answer is, in a few words.
``loses``
    The items that lose marks, separated by commas; ``all``, or ``after`` for those after the last added cell.
``hint``
    A piece of text that the student's feedback must hold.
``untouched``
    ``yes`` if cells left out stay as they were released.
``place``
    ``first``, ``middle`` or ``last`` (which is the default): where among the answer cells the added cells go that no
    named cell follows.
``needs``
    What a machine must have to grade it: ``sandbox``, since it would do harm without one, or a module's name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbformat.notebooknode import NotebookNode
from nbgrader.utils import is_solution

from dlkit.errors import CourseError
from dlkit.grading.cells import SOLUTION, grade_id, is_test, write

_KEYS = ("title", "loses", "hint", "untouched", "place", "needs")


@dataclass(frozen=True)
class Answer:
    """An answer file: its header, and its cells in order as (title, text)."""

    name: str
    kind: str
    title: str
    loses: tuple[str, ...]
    hint: str
    untouched: bool
    place: str
    cells: tuple[tuple[str, str], ...]
    needs: str = ""


def read_answer(path: Path) -> Answer:
    """Read an answer file.

    Raises
    ------
    CourseError
        If the file is missing or its header is not as described above.
    """
    if not path.is_file():
        raise CourseError(f"There is no answer {path}.")
    text = path.read_text(encoding="utf-8")
    header = dict(re.findall(r"^# (\w+):[ \t]*(.*)$", text.partition("# %%")[0], re.MULTILINE))
    unknown = [key for key in header if key not in _KEYS]
    if unknown or not header.get("title"):
        complaint = f"unknown key {unknown[0]!r}" if unknown else "no title"
        raise CourseError(f"{path}: {complaint} in the lines at the top; they may say {', '.join(_KEYS)}.")
    if header.get("place", "last") not in ("first", "middle", "last"):
        raise CourseError(f"{path}: place must be first, middle or last, got {header['place']!r}.")
    cells = [(c.metadata["title"], c.source) for c in jupytext.reads(text, "py:percent").cells if "title" in c.metadata]
    return Answer(
        name=path.stem,
        kind=path.parent.name,
        title=header["title"],
        loses=tuple(item.strip() for item in header.get("loses", "").split(",") if item.strip()),
        hint=header.get("hint", ""),
        untouched=header.get("untouched") == "yes",
        place=header.get("place", "last"),
        cells=tuple(cells),
        needs=header.get("needs", ""),
    )


def hand_in(answer: Answer, source_notebook: Path, release_notebook: Path, path: Path) -> set[str]:
    """Write the notebook that a student with this answer hands in.

    Parameters
    ----------
    answer
        What to put into the answer cells.
    source_notebook, release_notebook
        The assignment with its solutions, and as it was handed out.
    path
        Where the notebook goes.

    Returns
    -------
    set of str
        The test items that lose marks, as the answer's header has it.
    """
    source = nbformat.read(source_notebook, as_version=4)
    notebook = nbformat.read(release_notebook, as_version=4)
    slots = {str(grade_id(c)): c for c in notebook.cells if is_solution(c)}
    solved = {str(grade_id(c)): without_markers(c.source) for c in source.cells if is_solution(c)}
    if not answer.untouched:
        for name, cell in slots.items():
            cell.source = solved[name]
    waiting: list[str] = []
    before: dict[str, list[str]] = {}
    for title, text in answer.cells:
        if title not in slots:
            waiting.append(text)
            continue
        slots[title].source = text
        before[title], waiting = waiting, []
    names = list(slots)
    at = {"first": 0, "middle": len(names) // 2, "last": len(names)}[answer.place]
    if waiting and at < len(names):
        before[names[at]] = waiting + before.get(names[at], [])
        waiting = []
    cells: list[NotebookNode] = []
    last_added = 0
    for cell in notebook.cells:
        added = before.get(str(grade_id(cell)), []) if is_solution(cell) else []
        cells += map(_added, added)
        last_added = len(cells) if added else last_added
        cells.append(cell)
    notebook.cells = cells + [_added(text) for text in waiting]
    write(notebook, path)
    return _losses(answer, notebook, last_added)


def without_markers(text: str) -> str:
    """Return a solution without the lines that mark where it begins and ends."""
    return "\n".join(line for line in text.split("\n") if not any(word in line for word in SOLUTION))


def _added(text: str) -> NotebookNode:
    cell = nbformat.v4.new_code_cell(source=text)
    del cell["id"]
    return cell


def _losses(answer: Answer, notebook: NotebookNode, last_added: int) -> set[str]:
    every = {str(grade_id(c)) for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade")}
    tests = {str(grade_id(c)): i for i, c in enumerate(notebook.cells) if is_test(c)}
    lost: set[str] = set()
    for item in answer.loses:
        if item == "all":
            lost |= set(tests)
        elif item == "after":
            lost |= {name for name, i in tests.items() if i >= last_added}
        elif item in every:
            lost.add(item)
        else:
            raise CourseError(f"{answer.kind}/{answer.name}: loses {item!r}, but the items are {', '.join(tests)}.")
    return lost


@dataclass(frozen=True)
class Student:
    """One student of a sample class."""

    id: str
    first_name: str
    last_name: str
    answer: str
    submitted: str
    file: str | None = None
    expect_ungraded: bool = False


def read_class(table: Mapping[str, Any], where: Path) -> tuple[str, list[Student]]:
    """Read what a ``class.toml`` holds: ``due``, and a list ``student`` with the fields of `Student`.

    Raises
    ------
    CourseError
        If a field is missing or unknown.
    """
    try:
        students = [Student(**{**entry, "submitted": str(entry["submitted"])}) for entry in table["student"]]
        return str(table["due"]), students
    except (KeyError, TypeError) as error:
        fields = ", ".join(Student.__dataclass_fields__)
        raise CourseError(f"{where}: expected `due` and, for each [[student]], {fields}. ({error})") from error
