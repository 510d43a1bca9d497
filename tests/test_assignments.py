"""Every assignment measured by its bank of answers, through the same pipeline that grades a class.

Each answer of ``tests/answers/HW`` is handed in by one student of the sample class, graded, and compared with what the
answer's header says: which tests it loses, and what its feedback must hold.
"""

import functools
import html
import re
from collections import Counter
from pathlib import Path

import nbformat
import pytest
from grading_course import sandbox_here

from dlkit.grading.bank import read_answer, read_class
from dlkit.grading.course import Course
from dlkit.grading.sample import make_sample_class
from dlkit.grading.session import grade_class

tomllib = pytest.importorskip("tomllib")

ROOT = Path(__file__).parents[1]
BANK = ROOT / "tests" / "answers"
ASSIGNMENTS = sorted(p.name for p in (ROOT / "solutions").iterdir() if p.is_dir())


def students(name):
    where = BANK / name / "class.toml"
    return read_class(tomllib.loads(where.read_text(encoding="utf-8")), where)[1]


def answer_of(name, student):
    path = (BANK / name / student.answer).resolve()
    return None if path.is_file() else read_answer(path.with_name(path.name + ".py"))


CASES = [(name, s) for name in ASSIGNMENTS for s in students(name)]
ANSWERS = [(name, s, answer_of(name, s)) for name, s in CASES if answer_of(name, s)]
IDS = [f"{name.split('_')[0]}-{a.kind}-{a.name}-{s.id}" for name, s, a in ANSWERS]


@pytest.fixture(scope="session")
def graded(tmp_path_factory):
    """Give a function that grades an assignment's sample class, once, when a test first asks for it.

    It returns the results by student and the folder of feedback.
    """

    @functools.cache
    def grade(name):
        course, _ = make_sample_class(Course(ROOT), [name], tmp_path_factory.mktemp("class") / "course")
        course.config.RunNotebook.sandbox = sandbox_here()
        results = {r.student: r for r in grade_class(course, [name])}
        return results, Path(course.dirs.format_path(course.dirs.feedback_directory, "", "")).resolve()

    return grade


def feedback_text(folder, name, student):
    page = (folder / student.id / name / f"{name}.html").read_text(encoding="utf-8")
    body = re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.DOTALL)
    return html.unescape(re.sub(r"<[^>]+>", "", body))


def items(name):
    """Return the graded cells of an assignment: name → (points, is graded by hand)."""
    notebook = nbformat.read(ROOT / "solutions" / name / f"{name}.ipynb", as_version=4)
    found = {}
    for cell in notebook.cells:
        meta = cell.metadata.get("nbgrader", {})
        if meta.get("grade"):
            found[meta["grade_id"]] = (meta["points"], meta["solution"])
    return found


def test_there_is_something_to_measure():
    assert ASSIGNMENTS
    assert len(ANSWERS) > 20


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_the_bank_is_large_enough_and_all_of_it_is_handed_in(name):
    files = {p.relative_to(BANK / name).with_suffix("").as_posix() for p in (BANK / name).glob("*/*.py")}
    kinds = Counter(file.split("/")[0] for file in files)
    assert kinds["right"] >= 5
    assert kinds["wrong"] >= 8
    handed_in = {s.answer for s in students(name)}
    assert files <= handed_in
    assert sum(answer.startswith("../hostile/") for answer in handed_in) >= 2
    assert len(students(name)) >= 12


@pytest.mark.parametrize(("name", "student", "answer"), ANSWERS, ids=IDS)
def test_an_answer_loses_the_tests_it_should_and_no_other(name, student, answer, graded):
    result = graded(name)[0][student.id]
    assert result.trouble is None
    points = items(name)
    lost = {item for item, (mark, _) in result.marks.items() if mark < points[item][0] and item not in result.by_hand}
    expected = set(answer.loses) - {"all", "after"}
    if "all" in answer.loses:
        expected |= {item for item, (_, by_hand) in points.items() if not by_hand}
    if answer.untouched:  # a derivation that was not written gets zero without being read
        expected |= {item for item, (_, by_hand) in points.items() if by_hand}
    if "after" in answer.loses:  # generic answers say only where the trouble begins
        assert lost
    else:
        assert lost == expected


@pytest.mark.parametrize(
    ("name", "student", "answer"),
    [c for c in ANSWERS if c[2].hint],
    ids=[i for i, c in zip(IDS, ANSWERS, strict=True) if c[2].hint],
)
def test_the_feedback_holds_the_hint(name, student, answer, graded):
    assert re.sub(r"\s+", " ", answer.hint) in re.sub(r"\s+", " ", feedback_text(graded(name)[1], name, student))


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_every_wrong_answer_has_a_hint_and_loses_something(name):
    wrong = [read_answer(path) for path in sorted((BANK / name / "wrong").glob("*.py"))]
    assert [a.name for a in wrong if not a.loses] == []
    assert sum(bool(a.hint) for a in wrong) >= 0.8 * len(wrong)


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_no_feedback_shows_a_hidden_test(name, graded):
    source = nbformat.read(ROOT / "solutions" / name / f"{name}.ipynb", as_version=4)
    hidden = set()
    for cell in source.cells:
        for region in re.findall(r"### BEGIN HIDDEN TESTS\n(.*?)### END HIDDEN TESTS", cell.source, re.DOTALL):
            hidden |= {line.strip() for line in region.splitlines() if len(line.strip()) > 30}
    visible = "\n".join(
        re.sub(r"### BEGIN HIDDEN TESTS.*?### END HIDDEN TESTS", "", c.source, flags=re.DOTALL) for c in source.cells
    )
    hidden = {line for line in hidden if line not in visible}
    assert len(hidden) > 10
    for student in students(name):
        if not student.expect_ungraded:
            own = answer_of(name, student)
            written = "" if own is None else "\n".join(text for _, text in own.cells)
            page = feedback_text(graded(name)[1], name, student)
            assert [line for line in hidden if line in page and line not in written] == []


@pytest.mark.parametrize(("name", "student"), CASES, ids=[f"{n.split('_')[0]}-{s.id}" for n, s in CASES])
def test_what_is_late_or_no_notebook_is_said(name, student, graded):
    result = graded(name)[0][student.id]
    assert (result.trouble is not None) == student.expect_ungraded
    where = BANK / name / "class.toml"
    due = tomllib.loads(where.read_text(encoding="utf-8"))["due"]
    late = next(
        s["submitted"] for s in tomllib.loads(where.read_text(encoding="utf-8"))["student"] if s["id"] == student.id
    )
    if not student.expect_ungraded:
        assert result.hours_late == pytest.approx(max((late - due).total_seconds(), 0) / 3600)
        assert result.name == f"{student.first_name} {student.last_name}"


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_hostile_answers_are_flagged_for_reading(name, graded):
    for student in students(name):
        if "patches_the_judge" in student.answer:
            assert graded(name)[0][student.id].warnings
        if student.answer.startswith("right/"):
            assert graded(name)[0][student.id].warnings == []
