"""Plain ``nbgrader autograde``, and so Formgrader's button, follows no link out of a submission and opens no pipe."""

import os
import shutil
from copy import deepcopy

import nbformat
import pytest
from grading_course import HW, make_course, put, submission
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.exchange import ExchangeFactory

from dlkit.errors import CourseError
from dlkit.grading.course import Course, run_nbgrader
from dlkit.grading.intake import trouble
from dlkit.grading.release import release
from dlkit.grading.session import grade_class

pytestmark = pytest.mark.usefixtures("ask_alembic_once")


@pytest.fixture
def course(tmp_path, quick_engine):
    """A course whose one student was graded; what runs anew afterwards is no longer the notebook that she handed in."""
    root = make_course(tmp_path / "course")
    release([HW], root)
    out = nbformat.read(root / "assignments" / HW / f"{HW}.ipynb", as_version=4)
    put(submission(out), root / "submitted" / "ada" / HW)
    assert [r.trouble for r in grade_class(Course(root), [HW])] == [None]
    return root


def handed_in(course, student, *without):
    folder = course / "submitted" / student / HW
    shutil.copytree(course / "submitted" / "ada" / HW, folder)
    for name in without:
        (folder / name).unlink()
    return folder


def converter(course, student="*"):
    found = Course(course)
    found.dirs.assignment_id, found.dirs.student_id = HW, student
    return Autograde(coursedir=found.dirs, config=deepcopy(found.config), log=found.log, force=True)


def scores(course):
    found = Course(course)
    with Gradebook(found.dirs.db_url, found.dirs.course_id) as gradebook:
        return {s.student.id: s.score for s in gradebook.assignment_submissions(HW)}


def test_what_is_no_file_is_left_out_as_the_grader_leaves_it_out(course):
    folder = handed_in(course, "eve")
    (folder / "notes.txt").write_text("mine")
    (folder / "deep").mkdir()
    (folder / "marks").symlink_to(course / "gradebook.db")
    (folder / "deep" / "notes.txt").symlink_to(course / "solutions" / HW / f"{HW}.ipynb")
    (folder / "all").symlink_to(course)
    (folder / "[ab]*").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe")
    (folder / "numbers.txt").mkdir()
    (folder / "numbers.txt" / "evil").write_text("1")
    assert [r.trouble for r in grade_class(Course(course), [HW])] == [None] * 2
    shutil.rmtree(course / "autograded")
    run_nbgrader(converter(course))
    assert scores(course) == {"ada": 10, "eve": 10}
    there = {
        p.relative_to(course / "autograded" / "eve" / HW).as_posix()
        for p in (course / "autograded" / "eve" / HW).rglob("*")
    }
    assert there == {f"{HW}.ipynb", "timestamp.txt", "notes.txt", "numbers.txt"}
    assert (course / "autograded" / "eve" / HW / "numbers.txt").read_text() == "1 2 3\n"
    assert (folder / "marks").is_symlink() and (folder / "numbers.txt" / "evil").is_file()


def link_to_the_solution(course):
    folder = handed_in(course, "eve", f"{HW}.ipynb")
    (folder / f"{HW}.ipynb").symlink_to(course / "solutions" / HW / f"{HW}.ipynb")
    return f"{HW}.ipynb is a link to somewhere else"


def folder_that_is_a_link(course):
    (course / "submitted" / "eve").mkdir()
    (course / "submitted" / "eve" / HW).symlink_to(f"../ada/{HW}")
    return "The folder is a link to somewhere else"


def time_that_is_a_link(course):
    folder = handed_in(course, "eve", "timestamp.txt")
    (folder / "timestamp.txt").symlink_to("/dev/null")
    return "timestamp.txt is a link to somewhere else"


@pytest.mark.parametrize("what", [link_to_the_solution, folder_that_is_a_link, time_that_is_a_link])
def test_a_submission_that_is_a_link_is_not_graded_and_stops_no_other(course, what):
    says = what(course)
    run_nbgrader(converter(course))
    assert scores(course) == {"ada": 10}
    assert not (course / "autograded" / "eve").exists()
    with pytest.raises(CourseError, match=says):
        run_nbgrader(converter(course, "eve"))
    assert trouble(course / "submitted" / "eve" / HW, course / "assignments" / HW).startswith(says)


@pytest.mark.parametrize("name", [f"{HW}.ipynb", "timestamp.txt"])
def test_what_would_wait_for_ever_is_not_opened(course, name):
    folder = handed_in(course, "eve", name)
    os.mkfifo(folder / name)
    autograde = converter(course, "eve")
    autograde.init_notebooks()
    before = list(autograde.coursedir.ignore)
    with pytest.raises(NbGraderException, match=f"{name} is no file. Ask for it again."):
        autograde.exporter_class(parent=autograde, config=autograde.config)
    assert autograde.assignments == {} and autograde.coursedir.ignore == before
    assert trouble(folder, course / "assignments" / HW).startswith(f"{name} is")


def test_formgraders_own_description_of_the_course_stays_as_it_is(course):
    (handed_in(course, "eve") / "marks").symlink_to(course / "gradebook.db")
    autograde = converter(course, "eve")
    dirs, before = autograde.coursedir, list(autograde.coursedir.ignore)
    run_nbgrader(autograde)
    assert dirs.ignore == before
    assert autograde.coursedir.ignore == [*before, str(course / "submitted" / "eve" / HW / "marks")]


def test_collect_follows_no_link_out_of_the_exchange(course, caplog):
    found = Course(course)
    found.config.Exchange.root = str(course / "exchange")
    found.config.CourseDirectory.course_id = found.dirs.course_id = "mini_course"
    inbound = course / "exchange" / "mini_course" / "inbound"
    for student in ("cleo", "dan"):
        shutil.copytree(course / "submitted" / "ada" / HW, inbound / f"{student}+{HW}+2026-03-01 12:00:00 UTC")
    planted = inbound / f"cleo+{HW}+2026-03-01 12:00:00 UTC"
    (planted / "key.ipynb").symlink_to(course / "solutions" / HW / f"{HW}.ipynb")
    (planted / "all").symlink_to(course / "solutions")
    os.mkfifo(planted / "pipe")
    (planted / "notes.txt").write_text("mine")
    (inbound / f"eve+{HW}+2026-03-01 12:00:00 UTC").symlink_to(course / "solutions" / HW)
    found.dirs.assignment_id = HW
    factory = ExchangeFactory(config=found.config)
    factory.Collect(coursedir=found.dirs, config=found.config, parent=None, check_owner=False).start()
    submitted = course / "submitted"
    assert sorted(p.name for p in (submitted / "cleo" / HW).iterdir()) == [f"{HW}.ipynb", "notes.txt", "timestamp.txt"]
    assert sorted(p.name for p in (submitted / "dan" / HW).iterdir()) == [f"{HW}.ipynb", "timestamp.txt"]
    assert not (submitted / "eve" / HW).exists()
