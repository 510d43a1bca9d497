"""The sample class: a course of its own, with everything its made-up students hand in."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

from nbgrader.api import Gradebook

from dlkit.errors import CourseError
from dlkit.grading.bank import hand_in, read_answer, read_class
from dlkit.grading.course import CONFIG, Course
from dlkit.grading.results import Results


def make_sample_class(
    course: Course, names: list[str], into: Path | None = None
) -> tuple[Course, set[tuple[str, str]]]:
    """Build a course of its own with everything its class hands in.

    Parameters
    ----------
    course
        The course whose assignments and answers to take.
    names
        Assignments; by default all that describe a class.
    into
        The folder to build it in, ``build/sample_class`` by default; it is made anew, except for the results of
        notebooks that have run, which are found again where nothing changed.

    Returns
    -------
    Course
        The new course.
    set of (str, str)
        Assignment and student of each submission that its ``class.toml`` expects not to be graded.
    """
    bank = course.root / "tests" / "answers"
    chosen = course.choose(names)
    described = [n for n in chosen if (bank / n / "class.toml").is_file()]
    missing = [n for n in chosen if n not in described] if names else [] if described else ["HW"]
    if missing:
        raise CourseError(f"There is no sample class: tests/answers/{missing[0]}/class.toml is missing.")
    root = into or course.root / "build" / "sample_class"
    root.mkdir(parents=True, exist_ok=True)
    (root / CONFIG).write_text(_SAMPLE_CONFIG.format(config=str(course.root / CONFIG)), encoding="utf-8")
    sample = Course(root)
    kept = {root / CONFIG, Results.of_course(sample.dirs).folder}
    for path in root.iterdir():
        if path not in kept:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    expected = set()
    for name in described:
        if not course.release(name).is_dir():
            raise CourseError(f"{name} has not been released. Run dlkit release {name}.")
        shutil.copytree(course.source(name), sample.source(name))
        shutil.copytree(course.release(name), sample.release(name))
        where = bank / name / "class.toml"
        due, students = read_class(tomllib.loads(where.read_text(encoding="utf-8")), where)
        source = next(course.source(name).glob("*.ipynb"))
        release = course.release(name) / source.name
        with Gradebook(sample.dirs.db_url, sample.dirs.course_id) as gradebook:
            gradebook.update_or_create_assignment(name, duedate=due)
            for student in students:
                gradebook.update_or_create_student(
                    student.id, first_name=student.first_name, last_name=student.last_name
                )
        for student in students:
            folder = Path(sample.dirs.format_path(sample.dirs.submitted_directory, student.id, name))
            target = folder / (student.file or source.name)
            answer = where.parent / student.answer
            if answer.is_file():
                folder.mkdir(parents=True)
                shutil.copyfile(answer, target)
            else:
                hand_in(read_answer(answer.with_name(answer.name + ".py")), source, release, target)
            (folder / "timestamp.txt").write_text(student.submitted, encoding="utf-8")
            if student.expect_ungraded:
                expected.add((name, student.id))
    return sample, expected


_SAMPLE_CONFIG = '''\
"""The sample class: the course's own settings, with folders and a gradebook apart from it."""

from pathlib import Path

c = get_config()
here = Path(__file__).resolve().parent
load_subconfig({config!r})
c.CourseDirectory.root = str(here)
c.Exchange.root = str(here / "exchange")
c.Exchange.assignment_dir = str(here / "my_work")
'''
