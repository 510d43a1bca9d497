"""An assignment as it is measured: its items, and the runs of whole answers or of what one changed cell can reach.

An *item* is an answer cell with the tests that follow it. A run is a job like those of a class: the canonical notebook
of what would have been handed in, with all tests; see `dlkit.grading.canonical`. Nothing here knows the gradebook.
"""

from __future__ import annotations

import functools
import tempfile
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat.notebooknode import NotebookNode
from nbgrader.utils import determine_grade, is_solution

from dlkit.errors import CourseError
from dlkit.grading.bank import Answer, hand_in, without_markers
from dlkit.grading.canonical import canonical
from dlkit.grading.cells import SOLUTION, grade_id, is_test, regions
from dlkit.grading.course import Course
from dlkit.grading.feedback import Failure, failures
from dlkit.grading.jobs import Job, Result
from dlkit.grading.plan import bound, parts_of, used
from dlkit.grading.recall import RunJob, read_files


@dataclass(frozen=True)
class Item:
    """An answer cell and the tests that follow it.

    Attributes
    ----------
    name
        The ``grade_id`` of the answer cell.
    tests
        Those of the test cells.
    """

    name: str
    tests: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """What came of a run.

    Attributes
    ----------
    lost : frozenset of str
        The tests that did not give full marks.
    failures : tuple of Failure
        What the student reads about them.
    seconds : float
        How long it took, when it was run.
    """

    lost: frozenset[str]
    failures: tuple[Failure, ...]
    seconds: float


class Exercise:
    """An assignment as it is measured.

    Parameters
    ----------
    course, name
        The course, and which of its assignments. It must have been released.
    """

    def __init__(self, course: Course, name: str) -> None:
        self.course, self.name = course, name
        self.bank = course.root / "tests" / "answers" / name
        self.source_path = next(course.source(name).glob("*.ipynb"))
        self.release_path = course.release(name) / self.source_path.name
        if not self.release_path.is_file():
            raise CourseError(f"{name} has not been released. Run dlkit release {name}.")
        self.source = nbformat.read(self.source_path, as_version=4)
        self.release = nbformat.read(self.release_path, as_version=4)
        self.answers = {str(grade_id(c)): c.source for c in self.source.cells if _is_answer(c)}
        self.items = _items(self.source)
        self.tests = frozenset(test for item in self.items for test in item.tests)
        self.names = frozenset().union(*map(bound, self.answers.values()))
        self._files = read_files([course.source(name)], course.dirs.ignore)

    def item_of(self, test: str) -> Item:
        """Return the item that a test belongs to."""
        return next(item for item in self.items if test in item.tests)

    # ---- what is run ------------------------------------------------------------------------------------------------

    def handed_in(self, answer: Answer) -> tuple[NotebookNode, frozenset[str]]:
        """Return the notebook that is graded for an answer of the bank, and the tests that its header gives up.

        Tests that what it writes cannot reach are left out.
        """
        with tempfile.TemporaryDirectory(prefix="measure-") as folder:
            path = Path(folder) / self.source_path.name
            lost = hand_in(answer, self.source_path, self.release_path, path)
            notebook = self.graded(nbformat.read(path, as_version=4))
        written = {title for title, _ in answer.cells}
        if not answer.untouched and written <= self.answers.keys():
            reached = frozenset().union(*map(self.reach, written)) or self.tests
            notebook = cut(notebook, self.names, reached)
        return notebook, frozenset(lost) & self.tests

    def graded(self, submission: NotebookNode) -> NotebookNode:
        """Return the canonical notebook of a submission, with all tests, without the cells that only draw and train."""
        notebook, _ = canonical(self.release, submission)
        hidden = {grade_id(c): c.source for c in self.source.cells if is_test(c)}
        for cell in filter(is_test, notebook.cells):
            cell.source = hidden.get(grade_id(cell), cell.source)
        notebook.metadata["dlkit"] = {"names": sorted(self.names)}
        return cut(notebook, self.names, self.tests)

    def with_cell(self, cell: str, text: str, tests: frozenset[str]) -> NotebookNode:
        """Return the reference solution with another text in one cell, with these tests and what they need."""
        notebook = nbformat.from_dict(self.reference)
        next(c for c in notebook.cells if grade_id(c) == cell).source = text
        return cut(notebook, self.names, tests)

    def reach(self, cell: str) -> frozenset[str]:
        """List the tests that an answer cell can change the outcome of; see `reach`."""
        return reach(self.reference, cell)

    def job(self, notebook: NotebookNode, timeout: int | None = None) -> Job:
        """Make the job that runs a notebook.

        Parameters
        ----------
        notebook
            From one of the methods above.
        timeout
            Seconds of processor time of a cell, if not what the course gives it.
        """
        runner = RunJob(config=self.course.config)
        runner.retell = False  # nobody is to be kept from learning what hidden tests hold
        if timeout is not None:
            runner.timeout = min(timeout, runner.timeout)
        return runner.job(notebook, self._files)

    def verdict(self, job: Job, result: Result) -> Verdict:
        """Read what came of a job."""
        notebook = job.read()
        result.fill(notebook)
        lost = frozenset(str(grade_id(c)) for c in notebook.cells if is_test(c) and self.loses_marks(c))
        return Verdict(lost, tuple(failures(notebook)), result.resources["seconds"])

    def loses_marks(self, test: NotebookNode) -> bool:
        """Tell whether a test with its outputs does not give full marks."""
        score, points = determine_grade(test, self.course.log)
        return score is None or bool(score < points)

    @functools.cached_property
    def reference(self) -> NotebookNode:
        """The canonical notebook of the course's own answers."""
        notebook = nbformat.from_dict(self.release)
        solved = {grade_id(c): without_markers(c.source) for c in self.source.cells if is_solution(c)}
        for cell in filter(is_solution, notebook.cells):
            cell.source = solved[grade_id(cell)]
        return self.graded(notebook)

    # ---- what must not be shown -------------------------------------------------------------------------------------

    @functools.cached_property
    def secrets(self) -> frozenset[str]:
        """The lines of the solutions, of ten characters or more, that a student sees nowhere in the notebook."""
        view = "\n".join(c.source for c in self.release.cells)
        lines = {
            line.strip() for text in self.answers.values() for region in regions(text, SOLUTION)[1] for line in region
        }
        return frozenset(line for line in lines if len(line) >= 10 and line not in view)


def _is_answer(cell: NotebookNode) -> bool:
    return bool(cell.cell_type == "code" and is_solution(cell))


def _items(notebook: NotebookNode) -> tuple[Item, ...]:
    found: list[tuple[str, list[str]]] = []
    for cell in notebook.cells:
        if _is_answer(cell):
            found.append((str(grade_id(cell)), []))
        elif is_test(cell) and found:
            found[-1][1].append(str(grade_id(cell)))
    return tuple(Item(name, tuple(tests)) for name, tests in found if tests)


def reach(notebook: NotebookNode, cell: str) -> frozenset[str]:
    """List the tests whose outcome may depend on an answer cell: they use what it defines, or what is made of that.

    What a test cell itself defines is taken for the course's own, whatever it called to make it.
    """
    changed: set[str] = set()
    found = set()
    for other in notebook.cells:
        if other.cell_type != "code":
            continue
        if grade_id(other) == cell:
            changed |= bound(other.source)
        elif not changed.isdisjoint(used(other.source)):
            if is_test(other):
                found.add(str(grade_id(other)))
            else:
                changed |= bound(other.source)
    return frozenset(found)


def cut(notebook: NotebookNode, names: frozenset[str], tests: frozenset[str]) -> NotebookNode:
    """Leave out of a canonical notebook what these tests do not need.

    That is the text, the other tests unless one defines what is needed, and the course's cells that only use the
    answers, to draw and to train: they are most of the time that a run takes.

    Parameters
    ----------
    notebook
        A canonical notebook; it is not changed.
    names
        What answers define.
    tests
        The test cells to keep.
    """
    parts = {part.index: part for part in parts_of(notebook, names)}
    wanted: set[str] = set()
    kept = []
    for index in sorted(parts, reverse=True):
        cell, part = notebook.cells[index], parts[index]
        always = grade_id(cell) in tests or part.kind == "answer" or (part.kind == "course" and not part.touches)
        if always or not wanted.isdisjoint(bound(cell.source)):
            wanted |= used(cell.source)
            kept.append(cell)
    return nbformat.from_dict({**notebook, "cells": kept[::-1]})
