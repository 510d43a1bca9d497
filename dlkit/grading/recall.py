"""The run of a notebook inside nbgrader: looked up among the results if it is known, else done and kept.

So the plain ``nbgrader autograde``, Formgrader's button and ``dlkit grade`` give one notebook one result, whoever
ran it first.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from nbformat.notebooknode import NotebookNode
from nbgrader.utils import find_all_files

from dlkit.errors import CourseError
from dlkit.grading.cells import course_of
from dlkit.grading.execute import RunNotebook, execute
from dlkit.grading.jobs import InfrastructureError, Job, Result
from dlkit.grading.pool import own_worker
from dlkit.grading.results import Results

TRIES = 3


class RunJob(RunNotebook):
    """In ``Autograde.autograde_preprocessors`` in the place of nbgrader's ``Execute``, whose options it takes."""

    def preprocess(self, nb: NotebookNode, resources: Any = None, km: Any = None) -> tuple[NotebookNode, Any]:
        """Put the outputs of the notebook's run into it."""
        course = course_of(self)
        folder = Path(resources["metadata"]["path"])
        self.fill(nb, self.job(nb, read_files([folder], course.ignore)))
        return nb, resources

    def fill(self, nb: NotebookNode, job: Job) -> Result:
        """Put the outputs of a job into its notebook `nb`, and return all that came of it."""
        results = Results.of_course(course_of(self))
        result = results.get(job.key)
        if result is None:
            self.log.info("Running a notebook whose result is not known")
            earlier = results.latest(job.base)
            result = persist(_run_in_worker, job if earlier is None else job.beside(earlier))
            results.put(result)
        for event in result.events:
            self.log.warning("%s", event)
        result.fill(nb)
        return result

    def job(self, nb: NotebookNode, data: dict[str, bytes]) -> Job:
        """Make the job that runs `nb` beside the files `data` with these options.

        An option that is no plain data, a function for example, cannot travel and stays at its default.
        """
        return Job.of(nb, data, {n: v for n in self.trait_names(config=True) if _is_plain(v := getattr(self, n))})


def _run_in_worker(job: Job) -> Result:
    """Run a job in the worker that this process keeps: tests of the course may do to it what they like."""
    result: Result = own_worker().submit(execute, job).result()
    return result


def persist(run: Callable[[Job], Result], job: Job) -> Result:
    """Run a job, again if the machinery fails, `TRIES` times in all.

    Raises
    ------
    InfrastructureError
        If it failed each time.
    dlkit.errors.CourseError
        At once, if the run raises one: this machine, or the course, is not as it must be.
    """
    events: list[str] = []
    while True:
        try:
            return note(run(job), events)
        except CourseError:
            raise
        except Exception as error:
            events.append(failed(error, len(events) + 1))
            if len(events) == TRIES:
                raise given_up(events) from error


def note(result: Result, events: Iterable[str]) -> Result:
    """Return the result with what happened on the way to it."""
    return replace(result, events=(*result.events, *events))


def failed(error: BaseException, attempt: int) -> str:
    """Say that an attempt at a job failed, and why."""
    what = str(error) if isinstance(error, InfrastructureError) else f"{type(error).__name__}: {error}"
    return f"attempt {attempt}: {what}"


def given_up(events: list[str]) -> InfrastructureError:
    """Make the error that ends a job after its last attempt."""
    return InfrastructureError(f"it could not be run: {'; '.join(events)}. Grade it again, or by hand.")


def read_files(folders: Iterable[Path], ignore: list[str], leave: Iterable[Path] = ()) -> dict[str, bytes]:
    """Read what lies beside a notebook while it runs: everything but notebooks and the time of the submission.

    Of what a student hands in only files are read that are files. A link may lead to a solution, to the gradebook or to
    a device that never ends; a pipe waits for ever; a name that is no text is refused further on.

    Parameters
    ----------
    folders
        Where to look; a file of a later folder takes the place of one of an earlier.
    ignore
        Patterns of names, as nbgrader's ``CourseDirectory.ignore``.
    leave
        Files to leave out.
    """
    left = set(leave)
    found = {}
    for folder in folders:
        for path in map(Path, sorted(find_all_files(str(folder), [*ignore, "*.ipynb", "timestamp.txt"]))):
            if path not in left and _is_file(path):
                found[path.relative_to(folder).as_posix()] = path
    return {name: path.read_bytes() for name, path in found.items()}


def laid_over(files: dict[str, bytes], ours: dict[str, bytes]) -> dict[str, bytes]:
    """Put the course's files over a student's: in the place of her file, or folder, of the same name."""
    folders = {parent.as_posix() for name in ours for parent in PurePosixPath(name).parents}
    free = (n for n in files if n not in folders and not any(p.as_posix() in ours for p in PurePosixPath(n).parents))
    return {**{name: files[name] for name in free}, **ours}


def not_files(folder: Path, ours: dict[str, bytes]) -> list[Path]:
    """List what in a student's folder is no file or has the name of a course's file and is a folder, or the reverse."""
    folders = {parent.as_posix() for name in ours for parent in PurePosixPath(name).parents}
    found = []
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_dir() and not path.is_symlink():
            found += [path] if name in ours else []
        elif not _is_file(path) or name in folders:
            found.append(path)
    return found


def _is_file(path: Path) -> bool:
    """Tell whether this is a file with a name that is text, and no link."""
    try:
        str(path).encode()
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, UnicodeEncodeError):
        return False


def _is_plain(value: Any) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True
