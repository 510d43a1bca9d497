"""A whole class: from the folder of submissions to feedback, marks in nbgrader's gradebook, and a table.

nbgrader does the work, in this process: its ``Autograde`` and ``GenerateFeedback`` for each student, its gradebook,
its CSV export. One submission that cannot be graded stops no other, and nothing that was handed in is changed.
"""

from __future__ import annotations

import glob
import logging
import os
import shutil
import sys
import tempfile
from copy import deepcopy
from pathlib import Path
from time import monotonic
from typing import Any

import nbformat
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde, GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from nbgrader.plugins import CsvExportPlugin
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from dlkit.errors import CourseError
from dlkit.grading.course import LOG, Course, run_nbgrader
from dlkit.grading.feedback import failures
from dlkit.grading.intake import trouble
from dlkit.grading.release import build, differences
from dlkit.grading.report import Result, show_marks, show_places
from dlkit.grading.sample import make_sample_class


def grade(root: Path, names: list[str], *, sample_class: bool = False) -> int:
    """Grade a class and print what came out.

    Parameters
    ----------
    root
        The course folder.
    names
        Assignments; by default all that have a source (of a sample class: all that have one).
    sample_class
        Grade the class that ``tests/answers/HW/class.toml`` describes, in ``build/sample_class``.

    Returns
    -------
    int
        0 if everything was graded, else 1; for a sample class, 0 if exactly what it expects was not graded.
    """
    # nbgrader runs `alembic` by name: it must be the one beside this Python
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    if shutil.which("alembic") is None:
        raise CourseError("The program alembic is missing, which nbgrader needs. Run `make setup`.")
    console = Console()
    if not console.is_terminal:
        console = Console(width=140)
    course = Course(root)
    expected: set[tuple[str, str]] = set()
    if sample_class:
        course, expected = make_sample_class(course, names)
        names = []
    course = Course(course.root, _file_log(course.root / LOG))
    results = grade_class(course, course.choose(names), console)
    for assignment in dict.fromkeys(r.assignment for r in results):
        show_marks(console, assignment, [r for r in results if r.assignment == assignment])
    show_places(console, course, results)
    not_graded = {(r.assignment, r.student) for r in results if r.trouble}
    return int(not_graded != expected)


def grade_class(course: Course, names: list[str], console: Console | None = None) -> list[Result]:
    """Grade every submission of some assignments, write feedback and ``grades.csv``.

    Raises
    ------
    CourseError
        If an assignment as handed out is not what its source gives, or the gradebook cannot take it.
    """
    results = []
    for name in names:
        with tempfile.TemporaryDirectory(prefix="release-") as scratch:
            found = differences(build(course, name, Path(scratch), course.dirs.db_url), course.release(name))
        if found:
            told = "\n  ".join(found)
            raise CourseError(
                f"{name} as handed out is not what its source gives:\n  {told}\nRun dlkit release {name}."
            )
        pattern = course.dirs.format_path(course.dirs.submitted_directory, "*", glob.escape(name))
        folders = sorted(map(Path, glob.glob(pattern)))  # noqa: PTH207  (the pattern is nbgrader's, and absolute)
        columns = (
            TextColumn("{task.fields[name]}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"),
            TimeRemainingColumn(),
        )  # fmt: skip
        with Progress(*columns, console=console, disable=console is None) as progress:
            bar = progress.add_task("", total=len(folders), name=name)
            for folder in folders:
                result = Result(name, folder.parent.name)
                progress.update(bar, description=result.student)
                start = monotonic()
                result.trouble = trouble(folder, course.release(name)) or _autograde(course, result)
                result.seconds = monotonic() - start
                results.append(result)
                progress.update(bar, advance=1, description=f"{result.student} {result.seconds:.1f} s")
    with Gradebook(course.dirs.db_url, course.dirs.course_id) as gradebook:
        for result in results:
            _read_back(course, gradebook, result)
        export = CsvExportPlugin(log=course.log)
        export.to = str(course.root / "grades.csv")
        export.export(gradebook)
    return results


def _autograde(course: Course, result: Result) -> str | None:
    """Let nbgrader grade one submission and write its feedback; return what went wrong, if anything did."""
    config = deepcopy(course.config)
    config.HTMLExporter.template_name = "feedback"
    dirs = CourseDirectory(config=config, log=course.log)
    dirs.assignment_id, dirs.student_id = result.assignment, glob.escape(result.student)
    try:
        for converter in (Autograde, GenerateFeedback):
            run_nbgrader(converter(coursedir=dirs, config=config, log=course.log, force=True))
    except CourseError as error:
        return f"{error} (more in {LOG})"
    return None


def _read_back(course: Course, gradebook: Any, result: Result) -> None:
    """Fill in what the gradebook and the autograded notebook know about a submission."""
    student = {s.id: s for s in gradebook.students}.get(result.student)
    if student is not None:
        result.name = f"{student.first_name or ''} {student.last_name or ''}".strip()
    if result.trouble:
        return
    submission = gradebook.find_submission(result.assignment, result.student)
    result.hours_late = submission.total_seconds_late / 3600
    folder = Path(course.dirs.format_path(course.dirs.autograded_directory, result.student, result.assignment))
    for entry in submission.notebooks:
        notebook = nbformat.read(folder / f"{entry.name}.ipynb", as_version=4)
        order = [c.metadata.get("nbgrader", {}).get("grade_id") for c in notebook.cells]
        for mark in sorted(entry.grades, key=lambda g: order.index(g.name)):
            result.marks[mark.name] = (mark.score, mark.max_score)
            if mark.auto_score is None and mark.manual_score is None:
                result.by_hand.append(mark.name)
        result.lost += failures(notebook)
        known = notebook.metadata.get("dlkit", {})
        result.notes += known.get("notes", [])
        result.warnings += known.get("warnings", [])


def _file_log(path: Path) -> logging.Logger:
    log = logging.getLogger(f"dlkit.grading.{path}")
    log.propagate = False
    log.setLevel(logging.INFO)
    for handler in list(log.handlers):
        log.removeHandler(handler)
        handler.close()
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    return log
