"""Marks for Canvas and Moodle: read back the way those two read them, and the way a spreadsheet does."""

import csv
import io
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from traitlets.config import Config

from dlkit.errors import CourseError
from dlkit.grading.exports import CanvasCsv, MoodleCsv

# nbgrader 0.9.6 with SQLAlchemy 2.1: it warns of an order of work that nbgrader then does all the same
pytestmark = [
    pytest.mark.usefixtures("ask_alembic_once"),
    pytest.mark.filterwarnings("ignore:Object of type .* not in session"),
]

POINTS = {"hw1": (4.0, 6.0), "hw2_topic": (2.5,)}
STUDENTS = {
    "ada": ("Ada", "Lovelace", "ada@example.org", "101"),
    "li": ("文", "李", "li@example.org", "102"),
    "bobby": ("-1+1", '=HYPERLINK("http://evil.example";"x")', "bobby@example.org", "103"),
    "emmy": ("Emmy, =1+1", "Noether; @SUM(A1)", "emmy@example.org", "104"),
}
MARKS = {"hw1": {"ada": (4, 5.5), "li": (1, 0), "bobby": (4, 6)}, "hw2_topic": {"ada": (0.1,), "emmy": (2.5,)}}


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    path = tmp_path_factory.mktemp("book") / "gradebook.db"
    with Gradebook(f"sqlite:///{path}") as book:
        for name, points in POINTS.items():
            book.add_assignment(name)
            book.add_notebook("nb", name)
            for i, most in enumerate(points):
                book.add_grade_cell(f"q{i}", "nb", name, max_score=most, cell_type="code")
        for name, (first, last, email, lms) in STUDENTS.items():
            book.add_student(name, first_name=first, last_name=last, email=email, lms_user_id=lms)
        for name, by_student in MARKS.items():
            for student, marks in by_student.items():
                book.add_submission(name, student)
                for i, mark in enumerate(marks):
                    grade = book.find_grade(f"q{i}", "nb", name, student)
                    grade.auto_score, grade.needs_manual_grade = mark, False
        book.find_submission_notebook("nb", "hw1", "bobby").late_submission_penalty = 3
        book.find_submission_notebook("nb", "hw1", "li").late_submission_penalty = 2
        book.db.commit()
    return path


@pytest.fixture
def book(filled):
    with Gradebook(f"sqlite:///{filled}") as book:
        yield book
        book.db.rollback()


def exported(kind, book, tmp_path, encoding="utf-8", **options):
    path = tmp_path / "marks.csv"
    kind(config=Config({kind.__name__: options}), to=str(path)).export(book)
    return path.read_text(encoding=encoding)


def rows(text, separator=","):
    return list(csv.reader(io.StringIO(text), delimiter=separator))


def import_into_canvas(text, known, logins):
    """Find students and assignments as gradebook_importer.rb does; return the marks by Canvas's number."""
    header, *lines = rows(text)
    assert "Student" in header[0] and "ID" in header[1]
    assert re.search(r"SIS\s+User\s+ID", header[2]) and re.search(r"SIS\s+Login\s+ID", header[3])
    assert "Section" in header[4]
    points, found = {}, {}
    for line in lines:
        assert len(line) == len(header)
        if "Points Possible" in line[0]:
            points = dict(zip(header[5:], line[5:], strict=True))
        elif re.match(r"^\d+$", line[1]) and int(line[1]) in known:
            found[int(line[1])] = dict(zip(header[5:], line[5:], strict=True))
        else:
            found[logins[line[3]]] = dict(zip(header[5:], line[5:], strict=True))
    return points, found


def import_into_moodle(text, by, field, users):
    """Find students as load_data.php does, bug and all; return the marks by user."""
    header, *lines = rows(text)
    key, found, user = header.index(by), {}, None
    first = header.index("Last name") + 1
    for line in lines:
        value = line[key].strip()
        if value:
            user = next(name for name, fields in users.items() if fields[field] == value)
        assert user is not None
        found[user] = {
            title: None if cell in ("", "-") else float(cell)
            for title, cell in zip(header[first:], line[first:], strict=True)
        }
    return found


def test_canvas_finds_everybody_and_takes_their_marks(book, tmp_path):
    text = exported(CanvasCsv, book, tmp_path, section="Monday", columns={"hw2_topic": "Homework 2 (4711)"})
    points, found = import_into_canvas(text, {101, 102, 103, 104}, {})
    assert points == {"hw1": "10", "Homework 2 (4711)": "2.5"}
    assert found == {
        101: {"hw1": "9.5", "Homework 2 (4711)": "0.1"},
        102: {"hw1": "0", "Homework 2 (4711)": ""},  # the penalty is more than the marks
        103: {"hw1": "7", "Homework 2 (4711)": ""},
        104: {"hw1": "", "Homework 2 (4711)": "2.5"},
    }
    names = {row[1]: row[0] for row in rows(text)}
    assert names["101"] == "Lovelace, Ada" and names["102"] == "李, 文"
    assert names["103"] == '\'=HYPERLINK("http://evil.example";"x"), \'-1+1'
    assert {row[4] for row in rows(text)[2:]} == {"Monday"}


def test_canvas_finds_students_by_login_where_it_has_given_no_number(book, tmp_path):
    for student in book.students:
        student.lms_user_id = None
    text = exported(CanvasCsv, book, tmp_path, sis_login_id="email", sis_user_id="id", missing="EX")
    _, found = import_into_canvas(text, set(), {fields[2]: name for name, fields in STUDENTS.items()})
    assert found["ada"] == {"hw1": "9.5", "hw2_topic": "0.1"} and found["emmy"]["hw1"] == "EX"
    assert {row[2] for row in rows(text)[2:]} == set(STUDENTS)


def test_a_student_cannot_pass_for_the_row_of_points(book, tmp_path):
    book.find_student("li").last_name = "Points Possible"
    points, found = import_into_canvas(exported(CanvasCsv, book, tmp_path), {101, 102, 103, 104}, {})
    assert points == {"hw1": "10", "hw2_topic": "2.5"} and len(found) == 4


def test_canvas_reads_the_file_with_a_byte_order_mark_too(book, tmp_path):
    text = exported(CanvasCsv, book, tmp_path, byte_order_mark=True)
    # a quote behind the mark would be an error for Ruby's reader
    assert text.startswith("\ufeffStudent,ID,")
    assert len(import_into_canvas(text, {101, 102, 103, 104}, {})[1]) == 4
    assert exported(CanvasCsv, book, tmp_path).startswith("Student,ID,")


def test_moodle_finds_everybody_and_takes_their_marks(book, tmp_path):
    text = exported(MoodleCsv, book, tmp_path, id_number="lms_user_id")
    assert rows(text)[0] == [
        "Username", "ID number", "Email address", "First name", "Last name", "hw1", "hw2_topic",
    ]  # fmt: skip
    expected = {
        "ada": {"hw1": 9.5, "hw2_topic": 0.1},
        "li": {"hw1": 0, "hw2_topic": None},
        "bobby": {"hw1": 7, "hw2_topic": None},
        "emmy": {"hw1": None, "hw2_topic": 2.5},
    }
    users = {name: {"username": name, "email": f[2], "idnumber": f[3]} for name, f in STUDENTS.items()}
    for by, field in {"Username": "username", "ID number": "idnumber", "Email address": "email"}.items():
        assert import_into_moodle(text, by, field, users) == expected


def test_moodle_gets_no_column_in_which_an_id_is_missing(book, tmp_path, caplog):
    """It would give that student's marks to the one above."""
    book.find_student("li").email = None
    text = exported(MoodleCsv, book, tmp_path)
    assert rows(text)[0][:3] == ["Username", "First name", "Last name"]
    with pytest.raises(CourseError, match=r"expected a username, an id number or an email that every student has"):
        exported(MoodleCsv, book, tmp_path, username="email")


def test_moodle_takes_marks_out_of_a_hundred(book, tmp_path):
    text = exported(MoodleCsv, book, tmp_path, percent=True)
    assert [row[-2:] for row in rows(text) if row[0] == "ada"] == [["95", "4"]]


EVIL = (
    "=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\r\n=1", "＝1+1", "＋1", "－1", "＠A1", '"=1', "'=1",
    'x";=1;"', "x;=1", "x, =1", "x\t=1", "x\n=1", "=cmd|' /C calc'!A0",
)  # fmt: skip


@pytest.mark.parametrize("kind", [CanvasCsv, MoodleCsv])
def test_no_name_becomes_a_formula(kind, book, tmp_path):
    for evil in EVIL:
        for student in book.students:
            student.first_name = student.last_name = evil
        text = exported(kind, book, tmp_path, columns={"hw1": evil}, **({"section": evil} if kind is CanvasCsv else {}))
        for row in [row for separator in ",;\t" for row in rows(text, separator)]:
            for found in row:
                assert found == "-" or not re.match(r"[\s\"]*[=+\-@＝＋－＠]", found), (evil, found, row)
        if kind is CanvasCsv:
            assert len(import_into_canvas(text, {101, 102, 103, 104}, {})[1]) == 4


@pytest.mark.parametrize("name", ["O'Neill", "Smith-Jones", "d'Arc, Jeanne", "李-王", "a@b", "x=1", "Müller; Otto"])
def test_an_honest_name_stays_as_it_is(name, book, tmp_path):
    book.find_student("ada").last_name = name
    assert [row[-3] for row in rows(exported(MoodleCsv, book, tmp_path)) if row[0] == "ada"] == [name]


@pytest.mark.parametrize("kind", [CanvasCsv, MoodleCsv])
def test_an_id_that_would_be_a_formula_is_refused_or_kept(kind, book, tmp_path):
    book.add_student("=1+1", email="x@example.org", lms_user_id="105")
    try:
        with pytest.raises(
            CourseError, match=r"The id '=1\+1' would be a formula in a spreadsheet.*spreadsheet = False"
        ):
            exported(kind, book, tmp_path)
        assert not (tmp_path / "marks.csv").exists()
        text = exported(kind, book, tmp_path, spreadsheet=False)
        assert "=1+1" in [cell for row in rows(text) for cell in row]
    finally:
        book.remove_student("=1+1")


def test_what_waits_for_a_hand_is_not_exported_unless_asked(book, tmp_path, caplog):
    book.find_grade("q1", "nb", "hw1", "ada").needs_manual_grade = True
    book.db.flush()
    log = logging.getLogger("export")
    path = tmp_path / "marks.csv"
    with caplog.at_level(logging.WARNING):
        MoodleCsv(to=str(path), log=log).export(book)
    assert "hw1: 1 submissions still have an answer to be marked by hand" in caplog.text
    assert [row[-2:] for row in rows(path.read_text()) if row[0] == "ada"] == [["-", "0.1"]]
    text = exported(MoodleCsv, book, tmp_path, unfinished=True)
    assert [row[-2:] for row in rows(text) if row[0] == "ada"] == [["9.5", "0.1"]]


def test_some_students_and_assignments_only(book, tmp_path):
    text = exported(CanvasCsv, book, tmp_path, assignment=["hw2_topic"], student=["li", "ada"])
    assert [row[1:2] + row[5:] for row in rows(text)] == [
        ["ID", "hw2_topic"], ["", "2.5"], ["101", "0.1"], ["102", ""],
    ]  # fmt: skip
    with pytest.raises(CourseError, match=r"no assignment 'hw9'. It has: hw1, hw2_topic"):
        exported(CanvasCsv, book, tmp_path, assignment=["hw9"])


@pytest.mark.parametrize("kind", [CanvasCsv, MoodleCsv])
def test_every_option_says_what_it_does(kind):
    for name, trait in kind.class_traits(config=True).items():
        assert trait.help, name


def test_nbgrader_export_writes_the_file(filled, tmp_path):
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\nc.CanvasCsv.section = 'Monday'\n")
    command = [
        sys.executable, "-m", "nbgrader", "export", "--exporter=dlkit.grading.exports.CanvasCsv", "--to=marks.csv",
        f"--db=sqlite:///{filled}", "--CanvasCsv.missing=EX",
    ]  # fmt: skip
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    _, found = import_into_canvas((tmp_path / "marks.csv").read_text(), {101, 102, 103, 104}, {})
    assert found[104] == {"hw1": "EX", "hw2_topic": "2.5"}
    assert {row[4] for row in rows((tmp_path / "marks.csv").read_text())[2:]} == {"Monday"}
