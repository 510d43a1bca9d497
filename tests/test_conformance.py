"""The grader against those who mean it ill, and for those whose right answers look odd.

All of ``tests/answers/hostile`` and ``tests/answers/odd``, and the strange submissions of `conformance_course`, are
graded as one class, together with honest neighbours, by two workers. Nobody gets a point that the answers do not
deserve, no odd answer loses one, nobody learns what hidden tests hold, and for the neighbours all is as if they were
alone.
"""

import dataclasses
import importlib.util
import re
import shutil
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from time import monotonic

import nbformat
import pytest
from conformance_course import FULL, HOSTILE, ODD, SECRETS, conformance_course, dump, honest
from grading_course import HW, put, sandbox_here
from nbgrader.api import Gradebook

from dlkit.grading.bank import hand_in, read_answer
from dlkit.grading.course import Course
from dlkit.grading.release import release
from dlkit.grading.report_page import write_report
from dlkit.grading.session import grade_class

pytestmark = pytest.mark.usefixtures("ask_alembic_once")

BANK = Path(__file__).parent / "answers"
ANSWERS = {kind: [read_answer(path) for path in sorted((BANK / kind).glob("*.py"))] for kind in ("hostile", "odd")}
NEIGHBOURS = ("n1", "n2", "n3", "n4", "n5", "n6")
LONGEST = 600  # seconds for the batch: on two quiet cores it takes about a tenth of that
COUNTS: dict[str, int] = {}


@dataclasses.dataclass(frozen=True)
class Case:
    """A submission and what must come of it."""

    kind: str
    name: str
    title: str
    build: object
    loses: frozenset | None  # None: those after the added cell
    trouble: str | None
    hint: str
    needs: str

    @property
    def student(self):
        return f"{self.kind[0]}-{self.name}"

    @property
    def missing(self):
        """What this machine lacks to grade it."""
        if self.needs == "sandbox":
            return "" if sandbox_here() == "bubblewrap" else "it would do harm here: this machine has no sandbox"
        return "" if not self.needs or importlib.util.find_spec(self.needs) else f"{self.needs} is not installed"


def cases():
    for kind, answers in ANSWERS.items():
        for answer in answers:
            loses = None if "after" in answer.loses else frozenset(FULL if "all" in answer.loses else answer.loses)
            yield Case(kind, answer.name, answer.title, answer, loses, None, answer.hint, answer.needs)
    for kind, built in (("hostile", HOSTILE), ("odd", ODD)):
        for name, (build, title, loses, trouble, hint, needs) in built.items():
            yield Case(kind, name, title, build, frozenset(loses), trouble, hint, needs)


CASES = [pytest.param(case, id=case.student, marks=pytest.mark.skipif(bool(case.missing), reason=case.missing))
         for case in cases()]  # fmt: skip
HERE = [case for case in cases() if not case.missing]


@pytest.fixture(scope="session")
def course(tmp_path_factory):
    root = conformance_course(tmp_path_factory.mktemp("conformance") / "course")
    release([HW], root)
    handed_out = nbformat.read(root / "assignments" / HW / f"{HW}.ipynb", as_version=4)
    for name, notebook in honest(handed_out).items():
        put(notebook, root / "submitted" / name / HW)
    return root


@pytest.fixture(scope="session")
def alone(course):
    """The neighbours graded without the others: the course and the results."""
    root = shutil.copytree(course, course.parent / "alone")
    return root, {r.student: r for r in grade_class(Course(root), [HW], workers=2)}


@pytest.fixture(scope="session")
def graded(course, alone):
    """All results by student, and how many seconds they took."""
    handed_out = nbformat.read(course / "assignments" / HW / f"{HW}.ipynb", as_version=4)
    source, released = (course / part / HW / f"{HW}.ipynb" for part in ("solutions", "assignments"))
    for case in HERE:
        folder = course / "submitted" / case.student / HW
        if callable(case.build):
            case.build(folder, course, handed_out)
        else:
            hand_in(case.build, source, released, folder / f"{HW}.ipynb")
            (folder / "timestamp.txt").write_text("2026-03-01 12:00:00 UTC")
    start = monotonic()
    results = {r.student: r for r in grade_class(Course(course), [HW], workers=2)}
    seconds = monotonic() - start
    write_report(course / "report.html", list(results.values()), "conformance")
    return results, seconds


@pytest.fixture(scope="session", autouse=True)
def table():
    """Print the counts at the end."""
    yield
    if COUNTS:
        print("\n" + "\n".join(f"{name:32} {count}" for name, count in COUNTS.items()))


def marks(result):
    return {item: got for item, (got, _) in result.marks.items() if item != "essay"}


def page_of(course, student):
    path = course / "feedback" / student / HW / f"{HW}.html"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def text_of(page):
    body = re.sub(r"<(script|style)\b.*?</\1>", "", page.partition("<body")[2], flags=re.DOTALL)
    return unescape(re.sub(r"<[^>]+>", "", body))


def lost(result):
    return {item for item in FULL if marks(result).get(item) != FULL[item]}


def undue(case, result):
    """Items with marks that the answers do not deserve."""
    if case.trouble is not None:
        return {item for item, mark in marks(result).items() if mark}
    loses = set() if case.loses is None else case.loses
    return {item for item in loses if marks(result)[item]}


def test_there_is_enough_to_measure():
    assert len([case for case in cases() if case.kind == "hostile"]) >= 40
    assert len([case for case in cases() if case.kind == "odd"]) >= 20


@pytest.mark.parametrize("case", CASES)
def test_everyone_gets_what_the_answers_deserve(case, graded):
    result = graded[0][case.student]
    if case.trouble is not None:
        assert (result.trouble or "").startswith(case.trouble)
        assert result.marks == {}
        return
    assert result.trouble is None
    assert set(marks(result)) == set(FULL)
    if case.loses is None:
        assert lost(result)
    else:
        assert lost(result) == case.loses
        assert not undue(case, result)


@pytest.mark.parametrize("case", [c for c in CASES if c.values[0].hint])
def test_the_feedback_says_what_happened(case, course, graded):
    squeezed = re.sub(r"\s+", " ", text_of(page_of(course, case.student)))
    assert re.sub(r"\s+", " ", case.hint) in squeezed


def leaked(course, student):
    """List what a student's page, or what her process has found, tells of hidden tests."""
    page = text_of(page_of(course, student))
    found = [secret for secret in SECRETS if secret in page]
    notebook = course / "autograded" / student / HW / f"{HW}.ipynb"
    if notebook.is_file():
        for cell in nbformat.read(notebook, as_version=4).cells:
            found += re.findall(r"FOUND.*", str(cell.get("outputs", "")))
    return found


@pytest.mark.parametrize("case", CASES)
def test_nobody_learns_what_hidden_tests_hold(case, course, graded):
    assert leaked(course, case.student) == []


def test_the_exit_code_does_not_tell_what_a_hidden_test_gave(course, graded):
    page = text_of(page_of(course, "h-tells_by_exit_code"))
    assert "the kernel stopped while this cell ran" in page and "exit code" not in page and str(4171 % 256) not in page


class _Live(HTMLParser):
    """Finds what a browser would run, were it not the page's own."""

    def __init__(self):
        super().__init__()
        self.found, self.script = [], False

    def handle_starttag(self, tag, attributes):
        self.script = tag in ("script", "style")
        if tag in ("iframe", "object", "embed", "form", "base", "svg"):
            self.found.append(tag)
        for name, value in attributes:
            address = re.sub(r"[\s\0]", "", value or "").lower()
            if name.startswith("on") or address.startswith(("javascript:", "vbscript:", "data:text")):
                self.found.append(f"{tag} {name}={value}")
            if name == "style" and ("position" in address or "url(" in address):
                self.found.append(f"{tag} {name}={value}")

    def handle_endtag(self, tag):
        self.script = False

    def handle_data(self, data):
        if self.script and "PWNED" in data:
            self.found.append(data)


def test_nothing_of_a_students_runs_in_a_page(course, graded):
    pages = [course / "report.html", *(course / "feedback").rglob("*.html")]
    assert len(pages) > 50
    for path in pages:
        live = _Live()
        live.feed(path.read_text(encoding="utf-8"))
        assert live.found == [], path
    page = page_of(course, "h-html_and_scripts")
    assert "PWNED" in text_of(page) and "kept" in text_of(page)  # shown, as what it is


def what_came(course, result):
    """Everything that a student gets, and all that the teacher sees of it, without the time it took."""
    fields = {k: v for k, v in dataclasses.asdict(result).items() if not k.endswith("seconds") and k != "executed"}
    name = result.student
    files = {path.name: path.read_bytes() for path in sorted((course / "feedback" / name / HW).iterdir())}
    autograded = course / "autograded" / name / HW / f"{HW}.ipynb"
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        rows = [
            (g.name, g.auto_score, g.manual_score, g.extra_credit, g.needs_manual_grade)
            for g in gradebook.find_submission_notebook(HW, HW, name).grades
        ]
    return fields, files, autograded.read_bytes(), sorted(rows)


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_for_the_neighbours_all_is_as_if_they_were_alone(name, course, alone, graded):
    root, without = alone
    assert what_came(course, graded[0][name]) == what_came(root, without[name])


def test_the_neighbours_have_the_marks_of_honest_people(alone):
    found = {name: lost(result) for name, result in alone[1].items()}
    assert found == {
        "n1": set(),
        "n2": {"double_visible", "double_hidden"},
        "n3": {"mean_test"},
        "n4": {"shift_test"},
        "n5": set(FULL),
        "n6": set(),
    }


def test_what_was_handed_in_and_the_gradebook_are_unharmed(course, alone, graded):
    assert dump(course / "gradebook.db") == dump(alone[0] / "gradebook.db")
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        points = {cell.name: cell.max_score for cell in gradebook.find_notebook(HW, HW).grade_cells}
        assert points == {**FULL, "essay": 4}
        assert {s.id for s in gradebook.students} == {r.student for r in graded[0].values() if not r.trouble}
    for name in NEIGHBOURS:
        path = Path("submitted", name, HW, f"{HW}.ipynb")
        assert (course / path).read_bytes() == (alone[0] / path).read_bytes()


def test_nothing_hangs_and_the_machinery_never_fails(graded):
    results, seconds = graded
    assert seconds < LONGEST
    slow = {name: result.run_seconds for name, result in results.items() if result.run_seconds > 40}
    assert slow == {}
    assert {name: result.events for name, result in results.items() if result.events} == {}


def test_the_counts(course, alone, graded):
    results, seconds = graded
    hostile, odd = ([case for case in HERE if case.kind == kind] for kind in ("hostile", "odd"))
    same = [n for n in NEIGHBOURS if what_came(course, results[n]) == what_came(alone[0], alone[1][n])]
    COUNTS.update({
        "hostile submissions": len(hostile),
        "  with undue points": sum(bool(undue(case, results[case.student])) for case in hostile),
        "  neighbours changed": len(NEIGHBOURS) - len(same),
        "  leaks": sum(bool(leaked(course, case.student)) for case in HERE),
        "  hangs": sum(result.run_seconds > 40 for result in results.values()),
        "odd but right submissions": len(odd),
        "  that lost points": sum(bool(lost(results[case.student])) for case in odd),
        "skipped here": len(list(cases())) - len(HERE),
        "seconds of the batch": round(seconds),
    })  # fmt: skip
    assert [COUNTS[f"  {what}"] for what in ("with undue points", "neighbours changed", "leaks", "hangs")] == [0] * 4
    assert COUNTS["  that lost points"] == 0
