"""Marks into the gradebook, graded notebooks and feedback into their folders: nbgrader's own work, made quick.

nbgrader's ``Autograde`` and ``GenerateFeedback`` do it, with what they make for each notebook anew made once for an
assignment, with one session and one commit for a submission (see `dlkit.grading.ledger`), and with pages printed
elsewhere (see `dlkit.grading.press`).
"""

from __future__ import annotations

import contextlib
import functools
import glob
import json
import os
import shutil
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import Exporter
from nbconvert.writers import FilesWriter
from nbformat.notebooknode import NotebookNode
from nbgrader import utils
from nbgrader.api import MissingEntry
from nbgrader.converters import GenerateFeedback, autograde
from nbgrader.coursedir import CourseDirectory

from dlkit.errors import CourseError
from dlkit.grading.course import LOG, Course, failing_as_course_error
from dlkit.grading.feedback import HideTests, failures, waits
from dlkit.grading.ledger import Ledger
from dlkit.grading.prepare import Prepare, Prepared, file_metadata
from dlkit.grading.press import Page, Press, Sheet, feedback_config
from dlkit.grading.recall import not_files
from dlkit.grading.report import Result
from dlkit.grading.stages import apply, register


class Writer:
    """Write what came of the submissions of one assignment.

    Parameters
    ----------
    course, assignment
        The course, and which of its assignments.
    ledger
        The gradebook.
    press
        Prints the feedback.
    """

    def __init__(self, course: Course, assignment: str, ledger: Ledger, press: Press) -> None:
        self.course, self.ledger = course, ledger
        self.graded = _Autograde(course, assignment, ledger)
        self.feedback = _Feedback(course, assignment, ledger, press)

    def prepare(self, student: str) -> dict[str, Prepared]:
        """Make the notebooks of a submission as they are to be run, by file name."""
        return self.graded.of(student)

    def write(self, result: Result, prepared: dict[str, Prepared]) -> None:
        """Write the marks of a submission whose notebooks have run, and order its feedback.

        Parameters
        ----------
        result
            The submission; what came out for it is filled in. If it could not be graded, its trouble says why, and no
            other submission is touched by that. Its feedback is there when the press has finished.
        prepared
            What `prepare` gave.
        """
        try:
            with contextlib.chdir(self.course.root):
                with self.ledger.entry():
                    self.graded.grade(result, prepared)
                with self.ledger.entry():
                    self.feedback.give(result, self.graded.notebooks_by_name)
                    _fill(result, self.ledger, self.graded.notebooks_by_name)
        except CourseError as error:
            result.trouble = f"{error} (more in {LOG})"
        fill_name(result, self.ledger)

    def deliver(self) -> None:
        """Write the pages that have been printed meanwhile."""
        self.feedback.press.deliver()


class _Autograde(Prepare):
    """nbgrader's ``Autograde``, for one submission after the other."""

    def grade(self, result: Result, prepared: dict[str, Prepared]) -> None:
        """Grade a submission; `notebooks_by_name` are then its graded notebooks."""
        self.result, self.ready = result, prepared
        self.notebooks_by_name: dict[str, NotebookNode] = {}
        self.coursedir.student_id = glob.escape(result.student)
        with failing_as_course_error(self, "Autograde"), self.ledger.lent([autograde]):
            self.init_notebooks()
            self.convert_notebooks()

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        """Copy what lies beside the notebooks, as nbgrader does, except for what is no file or in the course's way."""
        folder = Path(self._format_source(assignment_id, student_id))
        before, strange = self.coursedir.ignore, not_files(folder, self.course_files())
        self.coursedir.ignore = [*before, *(glob.escape(path.name) for path in strange)]
        try:
            super().init_assignment(assignment_id, student_id)
        finally:
            self.coursedir.ignore = before

    def convert_single_notebook(self, notebook_filename: str) -> None:
        """Put the outputs of the run into a notebook, take its marks, write it."""
        path = Path(notebook_filename)
        prepared = self.ready.get(path.name) or self.prepared(path)
        names = self.init_single_notebook_resources(str(path))
        folder = Path(self._format_dest(names["nbgrader"]["assignment"], names["nbgrader"]["student"]))
        folder.mkdir(parents=True, exist_ok=True)
        self.log.info("Autograding %s", path)
        notebook = prepared.read()
        if prepared.job is not None and self.runner is not None:
            ran = self.runner.fill(notebook, prepared.job)
            self.result.run_seconds += ran.resources.get("seconds", 0.0)
            self.result.cpu_seconds += ran.resources.get("cpu_seconds", 0.0)
            self.result.events += ran.events
        resources = {**names, "metadata": file_metadata(folder / path.name)}
        with utils.setenv(NBGRADER_EXECUTION="autograde"):
            notebook, resources = apply(self.exporter, notebook, resources)
        self.write_single_notebook(nbformat.v4.writes(notebook) + "\n", resources)
        self.notebooks_by_name[path.stem] = notebook


class _Feedback(GenerateFeedback):
    """nbgrader's ``GenerateFeedback``, for one submission after the other."""

    def __init__(self, course: Course, assignment: str, ledger: Ledger, press: Press) -> None:
        config = feedback_config(course.config)
        dirs = CourseDirectory(config=config, log=course.log)
        dirs.assignment_id = assignment
        super().__init__(coursedir=dirs, config=config, log=course.log, force=True)
        self.press, self.root = press, course.root
        self.writer = FilesWriter(parent=self, config=self.config)
        self.exporter = self.exporter_class(parent=self, config=self.config)
        for preprocessor in self.preprocessors:
            self.exporter.register_preprocessor(preprocessor)
        steps = self.exporter._preprocessors
        self.done = 1 + max((i for i, step in enumerate(steps) if not _travels(step)), default=-1)
        self.first = Exporter(parent=self, config=self.config)
        register(self.first, steps[: self.done], ledger)

    def give(self, result: Result, notebooks: dict[str, NotebookNode]) -> None:
        """Order the pages of a submission that has just been graded."""
        self.result, self.graded = result, notebooks
        self.coursedir.student_id = glob.escape(result.student)
        with failing_as_course_error(self, "GenerateFeedback"):
            self.init_notebooks()
            self.convert_notebooks()

    def convert_single_notebook(self, notebook_filename: str) -> None:
        """Do what needs the gradebook, and leave the rest to the press."""
        path = Path(notebook_filename)
        names = self.init_single_notebook_resources(str(path))
        notebook = self.graded.get(path.stem) or nbformat.read(path, as_version=4)
        notebook, resources = apply(self.first, notebook, {**names, "metadata": file_metadata(path)})
        known = {**resources, "nbgrader": {k: v for k, v in resources["nbgrader"].items() if k != "db_url"}}
        take = functools.partial(self._take, self.result, names)
        sheet = Sheet(json.dumps(notebook), known, self.done)
        if self.post_convert_hook is None:
            self.press.order(sheet, take)
        else:  # it is called when this one's page is there
            take(self.press.now(sheet))

    def _take(self, result: Result, names: dict[str, Any], page: Page) -> None:
        """Write a page that has been printed."""
        assignment, student = names["nbgrader"]["assignment"], names["nbgrader"]["student"]
        folder = Path(self._format_dest(assignment, student))
        try:
            if page.html is None:
                raise CourseError(page.trouble)
            self.write_single_notebook(page.html, {**names, **page.resources})
            self.set_permissions(assignment, student)
        except (OSError, CourseError) as error:
            result.trouble = f"nbgrader's GenerateFeedback failed: {error} (more in {LOG})"
            self.log.error("There was an error processing the feedback of %s for %s: %s", assignment, student, error)
            shutil.rmtree(folder, ignore_errors=True)
        else:
            written = folder / f"{names['unique_key']}{page.resources['output_extension']}"
            result.pages.append(Path(os.path.relpath(written, self.root)).as_posix())


def _travels(step: Any) -> bool:
    """Tell whether a preprocessor is a function of the notebook alone, so that it works anywhere."""
    return type(step) is HideTests or type(step).__module__.split(".")[0] == "nbconvert"


def fill_name(result: Result, ledger: Ledger) -> None:
    """Fill in the name that the gradebook knows for a student."""
    with contextlib.suppress(MissingEntry):
        student = ledger.find_student(result.student)
        result.name = f"{student.first_name or ''} {student.last_name or ''}".strip()


def _fill(result: Result, ledger: Ledger, notebooks: dict[str, NotebookNode]) -> None:
    """Fill in what the gradebook and the graded notebooks know about a submission."""
    submission = ledger.find_submission(result.assignment, result.student)
    result.hours_late = submission.total_seconds_late / 3600
    for entry in submission.notebooks:
        result.penalty += entry.late_submission_penalty or 0.0
        notebook = notebooks.get(entry.name)
        if notebook is None:
            continue
        order = [c.metadata.get("nbgrader", {}).get("grade_id") for c in notebook.cells]
        grades = ledger.grades(entry.name, result.assignment, result.student)
        for name in sorted(grades, key=order.index):
            mark = grades[name]
            result.marks[name] = (mark.score, mark.max_score)
            if waits(mark):
                result.by_hand.append(name)
        result.lost += failures(notebook)
        known = notebook.metadata.get("dlkit", {})
        result.notes += known.get("notes", [])
        result.warnings += known.get("warnings", [])
