"""The notebooks of a submission as they are to be run: made as nbgrader's ``Autograde`` makes them, nothing written."""

from __future__ import annotations

import contextlib
import datetime
import glob
import json
import os
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import Exporter
from nbconvert.writers import FilesWriter
from nbformat.notebooknode import NotebookNode
from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory
from traitlets import import_item

from dlkit.grading.course import Course
from dlkit.grading.jobs import Job
from dlkit.grading.ledger import Ledger
from dlkit.grading.recall import RunJob, laid_over, read_files
from dlkit.grading.stages import apply, register


@dataclass(frozen=True)
class Prepared:
    """A notebook before its run: as JSON, and the job that runs it if the configuration has a `RunJob`."""

    text: str
    job: Job | None

    def read(self) -> NotebookNode:
        """Return the notebook."""
        return nbformat.from_dict(json.loads(self.text))


class Prepare(Autograde):
    """nbgrader's ``Autograde`` of one assignment up to the run of the notebooks.

    Parameters
    ----------
    course, assignment
        The course, and which of its assignments.
    ledger
        Its gradebook.
    """

    def __init__(self, course: Course, assignment: str, ledger: Ledger) -> None:
        config = deepcopy(course.config)
        dirs = CourseDirectory(config=config, log=course.log)
        dirs.assignment_id = assignment
        super().__init__(coursedir=dirs, config=config, log=course.log, force=True)
        self.ledger, self.release = ledger, course.release(assignment)
        self.writer = FilesWriter(parent=self, config=self.config)
        self.exporter = self.exporter_class(parent=self, config=self.config)
        before, self.runner, after = self._passes()
        self.sanitize = Exporter(parent=self, config=self.config)
        register(self.sanitize, before, ledger)
        register(self.exporter, after, ledger)
        self._course_files: dict[str, bytes] | None = None

    def of(self, student: str) -> dict[str, Prepared]:
        """Prepare the notebooks of a submission, by file name; those that cannot be are left out.

        nbgrader says what is wrong with them when it comes to grade them.
        """
        self.coursedir.student_id = glob.escape(student)
        found = {}
        try:
            self.init_notebooks()
            with contextlib.chdir(self.coursedir.root), self.ledger.entry():
                for path in sorted(Path(p) for paths in self.assignments.values() for p in paths):
                    # nbgrader leaves aside what is no notebook of the assignment
                    if (self.release / path.name).is_file():
                        found[path.name] = self.prepared(path)
        except Exception:
            self.log.debug("%s of %s cannot be prepared", self.coursedir.assignment_id, student, exc_info=True)
        return found

    def prepared(self, path: Path) -> Prepared:
        """Prepare one notebook of a submission."""
        with path.open(encoding="utf-8-sig") as file:
            notebook = nbformat.read(file, as_version=4)
        notebook, _ = apply(self.sanitize, notebook, self.resources(path))
        if self.runner is None:
            return Prepared(json.dumps(notebook), None)
        return Prepared(json.dumps(notebook), self.runner.job(notebook, self._files(path.parent)))

    def resources(self, path: Path) -> dict[str, Any]:
        """Say of a notebook what nbgrader and nbconvert tell the preprocessors."""
        resources = self.init_single_notebook_resources(str(path))
        return {**resources, "metadata": file_metadata(path)}

    def _passes(self) -> tuple[Sequence[Any], RunJob | None, Sequence[Any]]:
        """Split the configured preprocessors: before the run, what runs, after it."""
        for i, preprocessor in enumerate(self.autograde_preprocessors):
            found = import_item(preprocessor) if isinstance(preprocessor, str) else preprocessor
            if isinstance(found, type) and issubclass(found, RunJob):
                before = [*self.sanitize_preprocessors, *self.autograde_preprocessors[:i]]
                return before, found(parent=self.exporter), self.autograde_preprocessors[i + 1 :]
        return self.sanitize_preprocessors, None, self.autograde_preprocessors

    def _files(self, folder: Path) -> dict[str, bytes]:
        return laid_over(read_files([folder], self.coursedir.ignore), self.course_files())

    def course_files(self) -> dict[str, bytes]:
        """Read, once, what the course puts beside the notebook."""
        dirs = self.coursedir
        if self._course_files is None:  # the same for all
            source = Path(dirs.format_path(dirs.source_directory, ".", dirs.assignment_id))
            students_own = [source / name for name in self.exclude_overwriting.get(dirs.assignment_id, [])]
            self._course_files = read_files([source], dirs.ignore, students_own)
        return self._course_files


def file_metadata(path: Path) -> dict[str, str]:
    """Say of a notebook's file what nbconvert says when it reads it."""
    changed = datetime.datetime.fromtimestamp(path.stat().st_mtime if path.exists() else 0, tz=datetime.UTC)
    return {
        "name": path.stem,
        "path": os.path.dirname(path),  # noqa: PTH120  (nbconvert's)
        "modified_date": f"{changed:%B} {changed.day}, {changed.year}",
    }


def jobs_of(course: Course, assignment: str, student: str) -> list[Job]:
    """Make the jobs of one submission; none if nbgrader cannot, which it will say when it grades."""
    ledger = Ledger(course.dirs.db_url, course.dirs.course_id)
    with ledger:
        prepared = Prepare(course, assignment, ledger).of(student)
    return [p.job for p in prepared.values() if p.job is not None]
