"""The jobs that a submission gives, made as nbgrader's ``Autograde`` would make its notebooks, and nothing written."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory
from traitlets import import_item

from dlkit.errors import CourseError
from dlkit.grading.course import Course, run_nbgrader
from dlkit.grading.jobs import Job
from dlkit.grading.recall import RunJob, read_files


class Prepare(Autograde):
    """nbgrader's ``Autograde`` up to the run of the notebooks, which become `jobs`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.jobs: list[Job] = []

    def convert_notebooks(self) -> None:
        """Make the jobs of every submission that was chosen."""
        before, runner = self._until_run()
        if runner is None:
            return
        dirs = self.coursedir
        for folder, notebooks in sorted(self.assignments.items()):
            for name in sorted(map(Path, notebooks)):
                release = Path(dirs.format_path(dirs.release_directory, ".", dirs.assignment_id), name.name)
                if not release.is_file():
                    continue  # nbgrader leaves aside what is no notebook of the assignment
                self.exporter._preprocessors = []
                for preprocessor in before:
                    self.exporter.register_preprocessor(preprocessor)
                resources = self.init_single_notebook_resources(str(name))
                text, _ = self.exporter.from_filename(str(name), resources=resources)
                notebook = nbformat.reads(text, as_version=4)
                self.jobs.append(runner(parent=self.exporter).job(notebook, self._files(Path(folder))))

    def _until_run(self) -> tuple[Sequence[Any], type[RunJob] | None]:
        before = list(self.sanitize_preprocessors)
        for preprocessor in self.autograde_preprocessors:
            found = import_item(preprocessor) if isinstance(preprocessor, str) else preprocessor
            if isinstance(found, type) and issubclass(found, RunJob):
                return before, found
            before.append(preprocessor)
        return before, None

    def _files(self, folder: Path) -> dict[str, bytes]:
        dirs = self.coursedir
        source = Path(dirs.format_path(dirs.source_directory, ".", dirs.assignment_id))
        students_own = [source / name for name in self.exclude_overwriting.get(dirs.assignment_id, [])]
        return read_files([folder, source], dirs.ignore, students_own)


def jobs_of(course: Course, assignment: str, student: str) -> list[Job]:
    """Make the jobs of one submission; none if nbgrader cannot, which it will say when it grades."""
    config = deepcopy(course.config)
    dirs = CourseDirectory(config=config, log=course.log)
    dirs.assignment_id, dirs.student_id = assignment, glob.escape(student)
    prepare = Prepare(coursedir=dirs, config=config, log=course.log)
    try:
        run_nbgrader(prepare)
    except CourseError:
        return []
    return prepare.jobs
