"""Grading a class beside nbgrader as it comes: the same submissions, feedback included.

Every made-up student hands in a right answer of the bank, with a comment of her own so that no result is found twice,
and under the course's own cells the outputs of the key. nbgrader's own ``autograde`` and ``generate_feedback`` get
fewer of them, since they take them one after the other.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import nbformat
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde, GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from dlkit.grading.bank import hand_in, read_answer
from dlkit.grading.cells import HIDDEN
from dlkit.grading.course import Course
from dlkit.grading.execute import RunNotebook, execute
from dlkit.grading.jobs import Job
from dlkit.grading.plan import mark
from dlkit.grading.pool import LocalPool
from dlkit.grading.release import build
from dlkit.grading.sample import make_sample_class
from dlkit.grading.session import grade_class

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def a_class(assignment: str, students: int) -> Iterator[Course]:
    """Make a course with a class, for as long as the context lasts.

    Parameters
    ----------
    assignment
        Its name or the beginning of it.
    students
        How many hand it in.
    """
    with tempfile.TemporaryDirectory() as folder:
        course, _ = make_sample_class(Course(ROOT), [assignment], Path(folder) / "course")
        (name,) = course.names()
        shutil.rmtree(course.root / "submitted")
        with Gradebook(course.dirs.db_url, course.dirs.course_id) as gradebook:
            for student in gradebook.students:
                gradebook.remove_student(student.id)
        answers = sorted((ROOT / "tests" / "answers" / name / "right").glob("*.py"))
        source = course.source(name) / f"{name}.ipynb"
        put_out = {
            c["id"]: c["outputs"] for c in json.loads(source.read_text(encoding="utf-8"))["cells"] if "outputs" in c
        }
        for i in range(students):
            path = course.root / "submitted" / f"student_{i:04d}" / name / source.name
            hand_in(read_answer(answers[i % len(answers)]), source, course.release(name) / source.name, path)
            notebook = json.loads(path.read_text(encoding="utf-8"))
            first = next(c for c in notebook["cells"] if c["cell_type"] == "code" and _is_answer(c))
            first["source"] = [*first["source"], f"\n# {i}"]
            for cell in notebook["cells"]:
                if cell["cell_type"] == "code" and not _is_answer(cell):
                    cell["outputs"] = put_out.get(cell["id"], [])
            path.write_text(json.dumps(notebook), encoding="utf-8")
        yield course


def _is_answer(cell: dict[str, Any]) -> bool:
    return bool(cell["metadata"].get("nbgrader", {}).get("solution"))


def ours(course: Course, workers: int) -> tuple[float, dict[str, float]]:
    """Grade the class; return the seconds and each student's total."""
    start = perf_counter()
    results = grade_class(course, course.names(), workers=workers)
    assert not [r.trouble for r in results if r.trouble], [r.trouble for r in results][:3]
    return perf_counter() - start, {r.student: r.total[0] for r in results}


def change_last_test(course: Course) -> None:
    """Change the last hidden test, so that its item is to be marked again."""
    (name,) = course.names()
    path = course.source(name) / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    last = [c for c in notebook.cells if HIDDEN[1] in c.source][-1]
    last.source = last.source.replace(f"### {HIDDEN[1]}", f"assert True\n### {HIDDEN[1]}")
    nbformat.write(notebook, path)


def stock(course: Course, students: list[str]) -> tuple[float, dict[str, float]]:
    """Have nbgrader grade some of the class as it would by itself; return the seconds and the totals."""
    (name,) = course.names()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "course")
        shutil.copytree(course.root, root, ignore=shutil.ignore_patterns("autograded", "feedback", "gradebook*"))
        config = Config()
        given = course.config
        config.CourseDirectory.root = str(root)
        config.CourseDirectory.course_id = given.CourseDirectory.course_id
        config.CourseDirectory.source_directory = given.CourseDirectory.source_directory
        config.CourseDirectory.release_directory = given.CourseDirectory.release_directory
        config.ClearSolutions = given.ClearSolutions
        url = f"sqlite:///{root / 'gradebook.db'}"
        build(Course(root), name, Path(folder, "release"), url)
        start = perf_counter()
        for student in students:
            for converter in (Autograde, GenerateFeedback):
                dirs = CourseDirectory(config=config)
                dirs.assignment_id, dirs.student_id = name, student
                converter(coursedir=dirs, config=config).start()
        seconds = perf_counter() - start
        with Gradebook(url) as gradebook:
            totals = {s: gradebook.find_submission(name, s).score for s in students}
    return seconds, totals


def cost(rounds: int = 40) -> float:
    """Return the median seconds that the sandbox and the second process add to a notebook with nothing to do."""
    notebook = nbformat.v4.new_notebook()
    for kind, name, text in (("solution", "f", "def f(x): return x"), ("grade", "t", "assert f(1) == 1")):
        cell = nbformat.v4.new_code_cell(text)
        meta = {"grade_id": name, "solution": False, "grade": False, "locked": True, "points": 1, "schema_version": 3}
        cell.metadata["nbgrader"] = {**meta, kind: True}
        if kind == "grade":
            mark(cell)
        notebook.cells.append(cell)
    notebook.metadata["dlkit"] = {"names": ["f"]}
    options = RunNotebook()
    limits = {name: getattr(options, name) for name in RunNotebook.class_own_traits(config=True)}
    job = Job.of(notebook, {}, limits)
    with LocalPool(1) as pool:
        times = []
        for _ in range(rounds):
            start = perf_counter()
            pool.submit(execute, job).result()
            times.append(perf_counter() - start)
    return median(times)


def main() -> None:
    """Measure ``cost``, or ``class ASSIGNMENT STUDENTS WORKERS STOCK``, and print it as JSON."""
    if sys.argv[1] == "cost":
        print(json.dumps(cost()))
        return
    assignment, students, workers, few = sys.argv[2], *map(int, sys.argv[3:6])
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    with a_class(assignment, students) as course:
        seconds, totals = ours(course, workers)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        again, _ = ours(course, workers)
        change_last_test(course)
        regrade, _ = ours(course, workers)
        told: dict[str, Any] = {"seconds": seconds, "again": again, "regrade": regrade, "memory": peak}
        if few:
            theirs, their_totals = stock(course, sorted(totals)[:few])
            told |= {"stock": theirs, "differ": {s: [totals[s], t] for s, t in their_totals.items() if t != totals[s]}}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
