"""A whole class: from the folder of submissions to feedback, marks in nbgrader's gradebook, and a table.

The notebooks run wherever the executor runs them, several at a time, and feedback is printed there. Everything else is
nbgrader's work, in this process and in the order of the students' names: its ``Autograde`` and ``GenerateFeedback``
(see `dlkit.grading.writer`), its gradebook, its CSV export. So the gradebook does not depend on how many worked, nor on
how often the work was cut short and taken up again. One submission that cannot be graded stops no other, and nothing
that was handed in is changed.
"""

from __future__ import annotations

import glob
import logging
import os
import shutil
import sys
import tempfile
from collections import deque
from concurrent.futures import Executor, Future
from pathlib import Path
from time import monotonic

from nbgrader.plugins import CsvExportPlugin
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from dlkit.errors import CourseError
from dlkit.grading.cluster import open_cluster
from dlkit.grading.course import LOG, Course
from dlkit.grading.database import use_database
from dlkit.grading.dispatch import Dispatch
from dlkit.grading.execute import RunNotebook, execute
from dlkit.grading.gradebook import make_gradebook
from dlkit.grading.intake import trouble
from dlkit.grading.jobs import InfrastructureError
from dlkit.grading.ledger import Ledger
from dlkit.grading.pool import open_executor
from dlkit.grading.prepare import Prepared
from dlkit.grading.press import Press
from dlkit.grading.release import build, differences
from dlkit.grading.report import REPORT, Result, show_marks, show_places
from dlkit.grading.report_page import write_report
from dlkit.grading.results import Results
from dlkit.grading.sample import make_sample_class
from dlkit.grading.sandbox.bubblewrap import find_bubblewrap
from dlkit.grading.writer import Writer, fill_name

AHEAD = 100  # submissions whose notebooks may run, or wait to, before the one whose marks are written next
PRELOAD = ("dlkit.grading.execute",)  # what workers import before their first notebook
WITHOUT_SANDBOX = (
    "WITHOUT A SANDBOX: answers can read and change whatever you can, the gradebook and the hidden tests among it, and "
    "use the network. Only for answers that you trust."
)
_SLACK = 120  # seconds beyond a notebook's own limit after which its worker is given up


def grade(
    root: Path,
    names: list[str],
    *,
    sample_class: bool = False,
    workers: int | None = None,
    scheduler: str | None = None,
    db: str | None = None,
    sandbox: str | None = None,
) -> int:
    """Grade a class and print what came out.

    Parameters
    ----------
    root
        The course folder.
    names
        Assignments; by default all that have a source (of a sample class: all that have one).
    sample_class
        Grade the class that ``tests/answers/HW/class.toml`` describes, in ``build/sample_class``.
    workers
        How many notebooks run at a time, each in processes of its own; by default as many as there are cores.
    scheduler
        The address of a Dask cluster, whose workers then run the notebooks.
    db
        The database that holds the gradebook; by default the one that the course's configuration names.
    sandbox
        ``"bubblewrap"``, or ``"none"`` for answers that are trusted; by default what the course's configuration says.

    Returns
    -------
    int
        0 if everything was graded, else 1; for a sample class, 0 if exactly what it expects was not graded.
    """
    # nbgrader runs `alembic` by name: it must be the one beside this Python
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    if shutil.which("alembic") is None:
        raise CourseError("The program alembic is missing, which nbgrader needs. Run `make setup`.")
    if sample_class and db is not None:
        raise CourseError("The sample class has a gradebook of its own: leave out --db, or --sample-class.")
    console = Console()
    if not console.is_terminal:
        console = Console(width=140)
    course = Course(root)
    expected: set[tuple[str, str]] = set()
    if sample_class:
        course, expected = make_sample_class(course, names)
        names = []
    course = Course(course.root, _file_log(course.root / LOG))
    if db is not None:
        use_database(course, db)
    if sandbox is not None:
        course.config.RunNotebook.sandbox = sandbox
    if RunNotebook(config=course.config).sandbox == "none":
        console.print(Text(WITHOUT_SANDBOX, "bold red"))
    else:
        find_bubblewrap()
    results = grade_class(course, course.choose(names), console, workers, scheduler)
    write_report(course.root / REPORT, results, course.dirs.course_id)
    for assignment in dict.fromkeys(r.assignment for r in results):
        show_marks(console, assignment, [r for r in results if r.assignment == assignment])
    show_places(console, course, results)
    not_graded = {(r.assignment, r.student) for r in results if r.trouble}
    return int(not_graded != expected)


def grade_class(
    course: Course,
    names: list[str],
    console: Console | None = None,
    workers: int | None = 1,
    scheduler: str | None = None,
) -> list[Result]:
    """Grade every submission of some assignments, write feedback and ``grades.csv``.

    What has run before, and has not changed since, does not run again.

    Parameters
    ----------
    course, names
        The course, and which of its assignments.
    console
        Where to show how far it is; by default nowhere.
    workers, scheduler
        As for `grade`.

    Raises
    ------
    CourseError
        If an assignment as handed out is not what its source gives, the gradebook cannot take it, or a machine that
        is to run notebooks cannot make the sandbox.
    """
    make_gradebook(course.dirs.db_url, course.dirs.course_id)
    stored = Results.of_course(course.dirs)
    stored.tidy()
    limits = RunNotebook(config=course.config)
    limit = limits.longest() + _SLACK
    columns = (
        TextColumn("{task.fields[name]}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"),
        TimeRemainingColumn(),
    )  # fmt: skip
    results = []
    with (
        Ledger(course.dirs.db_url, course.dirs.course_id) as ledger,
        _executor(workers, scheduler, limit) as executor,
    ):
        dispatch, press = Dispatch(executor, stored, execute), Press(executor, course.config)
        for name in names:
            _enter(course, name)
            with Progress(*columns, console=console, disable=console is None) as progress:
                desk = _Desk(course, name, Writer(course, name, ledger, press), dispatch)
                results += desk.grade(progress)
                press.finish()
        for result in results:
            if not result.name:
                fill_name(result, ledger)
        export = CsvExportPlugin(log=course.log)
        export.to = str(course.root / "grades.csv")
        export.export(ledger)
    return results


def _executor(workers: int | None, scheduler: str | None, limit: float) -> Executor:
    return open_executor(workers, limit, PRELOAD) if scheduler is None else open_cluster(scheduler, limit, PRELOAD)


def _enter(course: Course, name: str) -> None:
    """Enter an assignment into the gradebook, if it was handed out as its source has it."""
    with tempfile.TemporaryDirectory(prefix="release-") as scratch:
        found = differences(build(course, name, Path(scratch), course.dirs.db_url), course.release(name))
    if found:
        told = "\n  ".join(found)
        raise CourseError(f"{name} as handed out is not what its source gives:\n  {told}\nRun dlkit release {name}.")


class _Desk:
    """Have the notebooks of an assignment run, and write the marks in the order of the students' names."""

    def __init__(self, course: Course, name: str, writer: Writer, dispatch: Dispatch) -> None:
        self.course, self.name, self.writer, self.dispatch = course, name, writer, dispatch
        self.waiting: deque[tuple[Result, dict[str, Prepared], list[Future[None]]]] = deque()

    def grade(self, progress: Progress) -> list[Result]:
        """Grade everything that was handed in."""
        dirs = self.course.dirs
        pattern = dirs.format_path(dirs.submitted_directory, "*", glob.escape(self.name))
        folders = sorted(map(Path, glob.glob(pattern)))  # noqa: PTH207  (the pattern is nbgrader's, and absolute)
        clock = _Clock(progress, progress.add_task("", total=len(folders), name=self.name))
        results = []
        for folder in folders:
            results.append(self._start(folder))
            while len(self.waiting) >= AHEAD or (self.waiting and all(run.done() for run in self.waiting[0][2])):
                self._write(clock)
        while self.waiting:
            self._write(clock)
        return results

    def _start(self, folder: Path) -> Result:
        result = Result(self.name, folder.parent.name)
        result.trouble = trouble(folder, self.course.release(self.name))
        executed = self.dispatch.executed
        prepared = {} if result.trouble else self.writer.prepare(result.student)
        runs = [self.dispatch(p.job) for p in prepared.values() if p.job is not None]
        result.executed = self.dispatch.executed - executed
        self.waiting.append((result, prepared, runs))
        return result

    def _write(self, clock: _Clock) -> None:
        """Write the marks of the first submission that waits, as soon as its notebooks have run."""
        result, prepared, runs = self.waiting.popleft()
        try:
            for run in runs:
                run.result()
        except InfrastructureError as error:
            result.trouble = str(error)
        if not result.trouble:
            self.writer.write(result, prepared)
        self.writer.deliver()
        result.seconds = clock.lap(result.student)


class _Clock:
    """The time since the submission before, which is shown beside the bar."""

    def __init__(self, progress: Progress, bar: TaskID) -> None:
        self.progress, self.bar = progress, bar
        self.start = self.last = monotonic()
        self.done = 0

    def lap(self, student: str) -> float:
        """Show that a submission is done; return the seconds since the one before was."""
        now, self.done = monotonic(), self.done + 1
        mean = (now - self.start) / self.done
        self.progress.update(self.bar, advance=1, description=f"{student}, {mean:.1f} s each")
        seconds, self.last = now - self.last, now
        return seconds


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
