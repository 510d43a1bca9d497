"""A made-up class graded once, from what was handed in to feedback and marks; then the command itself."""

import csv
import re
import shutil
from html import unescape

import nbformat
import pytest
from grading_course import HOSTILE, HW, find, insert, make_course, position, put, submission
from nbgrader.api import Gradebook

from dlkit.__main__ import main
from dlkit.errors import CourseError
from dlkit.grading.bank import hand_in, read_answer
from dlkit.grading.execute import RunNotebook
from dlkit.grading.intake import trouble
from dlkit.grading.release import Course, release
from dlkit.grading.session import grade_class

pytestmark = pytest.mark.usefixtures("ask_alembic_once")

FULL = {"double_visible": 2, "double_hidden": 3, "mean_test": 5, "essay": 0}  # the essay is marked by hand
SECRETS = ("4171", "8342", "41.75", "secret_number", "secret values", "HIDDEN TESTS", "hidden_double()")

NOISY = """
import sys, warnings, logging
def double(x):
    warnings.warn("doubling")
    print("progress 100%", file=sys.stderr)
    logging.getLogger().warning("doubled")
    print(f"called with {x}")
    return x + x
"""
STUBBORN = """
import time
while True:
    try:
        time.sleep(0.1)
    except BaseException:
        pass
"""
FLOOD = """
def mean(values):
    for _ in range(30):
        print("flood " * 20_000)
    return sum(values) / len(values)
"""
CHEAT = """
class Anything:
    def __eq__(self, other):
        return True
expect = lambda *args, **kwargs: None
"""


@pytest.fixture(scope="session")
def course(tmp_path_factory):
    root = make_course(tmp_path_factory.mktemp("class"))
    with (root / "nbgrader_config.py").open("a") as config:
        config.write("c.RunNotebook.timeout = 2\n")
    release([HW], root)
    return root


@pytest.fixture(scope="session")
def handed_out(course):
    return nbformat.read(course / "assignments" / HW / f"{HW}.ipynb", as_version=4)


@pytest.fixture(scope="session")
def graded(course, handed_out):
    """Everyone's result by name; the slow part of these tests, done once."""

    def hands_in(name, notebook=None, **texts):
        put(notebook or submission(handed_out, **texts), course / "submitted" / name / HW)

    hands_in("right")
    hands_in("squares", double="def double(x):\n    return x ** 2")
    hands_in("lazy", double="def double(x):\n    return 2 * x if x < 100 else x")
    hands_in("untouched", handed_out)
    hands_in("noisy", double=NOISY)
    hands_in("asks", double="x = input('x? ')\ndef double(x):\n    return 2 * x")
    hands_in("endless", double="def double(x):\n    while True: pass")
    hands_in("stubborn", mean=STUBBORN)
    hands_in("leaves", mean="def mean(values): return 3\nexit()")
    hands_in("floods", mean=FLOOD)
    hands_in("own_error", mean="def mean(values):\n    return values.total\nmean([1])")
    hands_in("peeks", double="def double(x):\n    print('seen:', x)\n    raise ValueError(f'seen: {x}')")
    cheat = submission(handed_out, double="double = lambda x: 0", mean="mean = lambda v: 0")
    hands_in("cheats", insert(cheat, position(cheat, "double"), CHEAT))
    forged = submission(handed_out, double="def double(x):\n    return 0")
    for any_cell in forged.cells:
        any_cell.metadata["tags"] = ["skip-execution"]
    find(forged, "double_visible").metadata.nbgrader["points"] = 1000
    copy = nbformat.from_dict(find(handed_out, "double"))
    copy["id"] = "copy"
    forged.cells.append(copy)
    put(forged, course / "submitted" / "forges" / HW, submitted="2026-03-02 06:30:00 UTC")
    killer = course / "submitted" / "kills" / HW / f"{HW}.ipynb"
    source = course / "solutions" / HW / f"{HW}.ipynb"
    hand_in(read_answer(HOSTILE / "kills_kernel.py"), source, course / "assignments" / HW / f"{HW}.ipynb", killer)
    pdf = course / "submitted" / "pdf" / HW / f"{HW}.ipynb"
    pdf.parent.mkdir(parents=True)
    pdf.write_bytes(b"%PDF-1.7 ...")
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "dl_basics") as gradebook:
        gradebook.update_or_create_assignment(HW, duedate="2026-03-01 18:30:00 UTC")
    return {result.student: result for result in grade_class(Course(course), [HW])}


def marks(result):
    return {item: got for item, (got, _) in result.marks.items()}


def reasons(result):
    return {failure.item: failure.short for failure in result.lost}


def feedback(course, name):
    return unescape((course / "feedback" / name / HW / f"{HW}.html").read_text(encoding="utf-8"))


def test_a_right_answer_has_full_marks_and_the_written_one_waits(graded):
    assert marks(graded["right"]) == FULL
    assert graded["right"].by_hand == ["essay"]
    assert (graded["right"].lost, graded["right"].notes, graded["right"].warnings) == ([], [], [])
    assert graded["right"].total == (10, 14)


def test_the_value_of_a_test_cells_last_line_is_no_mark(graded):
    assert marks(graded["right"])["double_visible"] == 2  # its last line is 0.5: half a mark with stock nbgrader


def test_stderr_costs_nothing(graded, course):
    assert marks(graded["noisy"]) == FULL
    assert "called with 4171" not in feedback(course, "noisy")


def test_a_wrong_answer_loses_its_items_and_is_told_why(graded, course):
    hint = "Likely cause: the number is squared"
    assert marks(graded["squares"]) == {**FULL, "double_visible": 0, "double_hidden": 0}
    assert reasons(graded["squares"]) == {
        "double_visible": f"double(3) — {hint}",
        "double_hidden": f"Part 1, hidden tests: other numbers — {hint}",
    }
    page = feedback(course, "squares")
    assert "Where marks were lost" in page and page.index("double_hidden") < page.index("Two functions.")
    assert "Expected 6, got 9." in page and page.count(hint) == 4  # in the summary and at each test


def test_a_hint_that_stands_only_in_a_hidden_test_reaches_the_student(graded, course):
    assert marks(graded["lazy"]) == {**FULL, "double_hidden": 0}
    assert feedback(course, "lazy").count("Likely cause: a large number is left as it is") == 2


def test_an_untouched_notebook_has_no_marks(graded):
    assert set(marks(graded["untouched"]).values()) == {0}
    assert graded["untouched"].by_hand == []
    assert reasons(graded["untouched"])["mean_test"].startswith("NotImplementedError: not written yet")


def test_input_is_explained(graded):
    assert marks(graded["asks"]) == {**FULL, "double_visible": 0, "double_hidden": 0}
    assert "input() waits for someone to type" in reasons(graded["asks"])["the cell `double`"]


def test_an_endless_loop_costs_only_the_items_that_call_it(graded):
    assert marks(graded["endless"]) == {**FULL, "double_visible": 0, "double_hidden": 0}
    text = "Your code was still running after 2 s; it was stopped. Is there a loop that does not end?"
    assert reasons(graded["endless"]) == {"double_visible": text, "double_hidden": text}


def test_a_kernel_that_will_not_stop_or_ends_keeps_the_earlier_marks_and_names_the_cell(graded, course):
    for name, where, words in [
        ("stubborn", "cell `mean`", "still running after 2 s; it could not be interrupted and was ended"),
        ("leaves", "cell `mean`", "this cell calls exit() or quit()"),
        (
            "kills",
            r"cell \d+ \(no name\)",
            "the kernel stopped while this cell ran: its process ended with exit code 3",
        ),
    ]:
        assert marks(graded[name]) == {**FULL, "mean_test": 0}, name
        assert re.match(
            f"This test could not run: in {where}, .*{re.escape(words)}", reasons(graded[name])["mean_test"]
        )
        assert words in feedback(course, name)


def test_a_flood_of_output_costs_nothing_and_is_cut(graded, course):
    assert marks(graded["floods"]) == FULL
    assert (course / "autograded" / "floods" / HW / f"{HW}.ipynb").stat().st_size < 1_000_000
    notebook = nbformat.read(course / "autograded" / "floods" / HW / f"{HW}.ipynb", as_version=4)
    assert "the rest was left out" in str(find(notebook, "mean_test").outputs)


def test_forged_metadata_change_nothing_and_what_was_noticed_is_told(graded, course):
    assert marks(graded["forges"]) == {**FULL, "double_visible": 0, "double_hidden": 0}
    assert graded["forges"].marks["double_visible"] == (0, 2)
    assert graded["forges"].notes == ["`double` was there 2 times; one text was used."]
    assert "What the grader noticed" in feedback(course, "forges")


def test_late_is_measured_from_the_due_date_and_costs_nothing(graded, course):
    assert {name: result.hours_late for name, result in graded.items() if result.hours_late} == {"forges": 12.0}
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        assert gradebook.find_submission(HW, "forges").late_submission_penalty == 0


def test_what_looks_like_tampering_is_flagged_for_a_person(graded, course):
    assert sorted(graded["cheats"].warnings) == [
        "a cell the student added: defines __eq__ in a way that can pass for any value",
        "a cell the student added: redefines expect",
    ]
    assert [name for name, result in graded.items() if result.warnings] == ["cheats", "kills"]
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        to_read = {
            name: gradebook.find_grade("mean_test", HW, HW, name).needs_manual_grade for name in ("cheats", "right")
        }
    assert to_read == {"cheats": True, "right": False}
    assert "redefines" not in feedback(course, "cheats")  # for the instructor, not an accusation on the page


def test_a_replaced_judge_earns_nothing(graded):
    assert marks(graded["cheats"])["double_visible"] == 0


def test_hidden_tests_are_nowhere_in_the_feedback(graded, course):
    pages = sorted((course / "feedback").rglob("*.html"))
    assert len(pages) == len(graded) - 1
    for page in pages:
        text = re.sub(r"<[^>]+>", "", unescape(page.read_text(encoding="utf-8")))
        assert [secret for secret in SECRETS if secret in text] == [], page
    assert "ValueError was raised in your cell `double`." in feedback(course, "peeks")
    assert "seen: 3" in feedback(course, "peeks")  # of the visible test, the message in full


def test_a_students_own_error_keeps_her_own_lines_and_no_others(graded, course):
    page = re.sub(r"<[^>]+>", "", feedback(course, "own_error"))
    assert "return values.total" in page and "AttributeError: 'list' object has no attribute 'total'" in page
    for name in graded:
        if name != "pdf":
            assert "site-packages" not in feedback(course, name).partition("<body")[2]
            assert str(course) not in feedback(course, name)


def test_the_page_loads_nothing_but_mathjax(graded, course):
    loads = re.findall(r"""(?:src|href)=["'](https?://[^"']+)""", feedback(course, "right"))
    assert [url.split("/")[-1].split("?")[0] for url in loads] == ["latest.js"]


def test_what_is_no_notebook_is_reported_kept_and_stops_nobody(graded, course):
    assert graded["pdf"].trouble == (
        "mini.ipynb is a PDF document, not a notebook. Ask for the notebook itself: File, Download in JupyterLab."
    )
    assert graded["pdf"].marks == {}
    assert [name for name, result in graded.items() if result.trouble] == ["pdf"]
    assert (course / "submitted" / "pdf" / HW / f"{HW}.ipynb").read_bytes() == b"%PDF-1.7 ..."


def test_the_table_of_marks_as_csv(graded, course):
    with (course / "grades.csv").open() as file:
        rows = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    assert rows == {name: result.total[0] for name, result in graded.items() if not result.trouble}


def test_the_run_cannot_be_switched_off(handed_out):
    with pytest.raises(ValueError, match="would give full marks to every answer"):
        RunNotebook(enabled=False)(handed_out, {})


BARE = b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [%s]}'
STRANGE = {
    "nothing": (None, "mini.ipynb is missing. The folder is empty."),
    "empty": (b" \n", "mini.ipynb is empty. Ask for it again."),
    "zip": (b"PK\x03\x04abc", "mini.ipynb is a zip archive (or an office document), not a notebook."),
    "page": (b"\n<!DOCTYPE html>", "mini.ipynb is a web page, not a notebook."),
    "cut": (b'{"cells": [', "mini.ipynb is not valid JSON (line 1: Expecting value); cut off on the way?"),
    "bytes": (b"\xfe\xfe\xfe", "mini.ipynb is not text, so it is no notebook."),
    "deep": (b"[" * 200_000, "mini.ipynb is JSON nested too deeply to be a notebook."),
    "list": (b"[1]", "mini.ipynb is JSON, but not a notebook."),
    "damaged": (BARE % b'{"cell_type": "code"}', "mini.ipynb is a damaged notebook"),
    "other": (BARE % b"", "mini.ipynb has none of this assignment's cells."),
}  # fmt: skip


@pytest.mark.parametrize("what", STRANGE)
def test_strange_things_are_called_what_they_are(course, tmp_path, what):
    data, words = STRANGE[what]
    folder = tmp_path / HW
    folder.mkdir()
    if data is not None:
        (folder / f"{HW}.ipynb").write_bytes(data)
    assert trouble(folder, course / "assignments" / HW).startswith(words)


def test_a_wrong_name_and_a_wrong_assignment_are_called_what_they_are(course, handed_out, tmp_path):
    put(submission(handed_out), tmp_path / HW, name="mini (1).ipynb")
    found = trouble(tmp_path / HW, course / "assignments" / HW)
    assert found == "mini.ipynb is missing. mini (1).ipynb is this assignment's notebook: rename it to mini.ipynb."
    for name in ("one", "two"):
        (tmp_path / "assignments" / name).mkdir(parents=True)
    nbformat.write(handed_out, tmp_path / "assignments" / "one" / "one.ipynb")
    other = nbformat.from_dict(handed_out)
    for i, other_cell in enumerate(other.cells):
        other_cell["id"] = f"other-{i}"
        if "nbgrader" in other_cell.metadata:
            other_cell.metadata.nbgrader["grade_id"] += "_other"
    nbformat.write(other, tmp_path / "assignments" / "two" / "two.ipynb")
    put(submission(handed_out), tmp_path / "two", name="two.ipynb")
    found = trouble(tmp_path / "two", tmp_path / "assignments" / "two")
    assert found == "two.ipynb is a notebook of one. Ask for the right one."
    (tmp_path / HW / "report.pdf").write_bytes(b"%PDF")
    (tmp_path / HW / "mini (1).ipynb").unlink()
    assert trouble(tmp_path / HW, course / "assignments" / HW) == "mini.ipynb is missing. There is report.pdf."


CLASS = """
due = 2026-03-01T18:00:00Z

[[student]]
id = "s1"
first_name = "Ada"
last_name = "Lovelace"
answer = "right/plain"
submitted = "2026-03-01 12:00:00 UTC"

[[student]]
id = "s2"
first_name = "文"
last_name = "李"
answer = "raw/not_a_notebook.ipynb"
submitted = 2026-03-01T12:00:00Z
expect_ungraded = true

[[student]]
id = "s3"
first_name = "Emmy"
last_name = "Noether"
answer = "wrong/constant"
submitted = "2026-03-01 19:30:00 UTC"
"""


@pytest.fixture
def with_class(course, tmp_path):
    root = tmp_path / "course"
    shutil.copytree(course / "solutions", root / "solutions")
    shutil.copytree(course / "assignments", root / "assignments")
    shutil.copyfile(course / "nbgrader_config.py", root / "nbgrader_config.py")
    bank = root / "tests" / "answers" / HW
    for kind in ("right", "wrong", "raw"):
        (bank / kind).mkdir(parents=True)
    (bank / "right" / "plain.py").write_text("# title: the reference\n")
    (bank / "wrong" / "constant.py").write_text(
        "# title: knows the visible test\n# loses: double_hidden\n\n"
        "# %% double\ndef double(x):\n    return 6 if x == 3 else 0.5\n"
    )
    (bank / "raw" / "not_a_notebook.ipynb").write_bytes(b"%PDF-1.4")
    (bank / "class.toml").write_text(CLASS, encoding="utf-8")
    return root


def test_the_sample_class_twice_gives_the_same(with_class, capsys):
    arguments = ["grade", "--sample-class", "--course", str(with_class)]
    sample = with_class / "build" / "sample_class"
    outcomes = []
    for run in ("2 notebooks run;", "0 notebooks run;"):  # the second time their results are known
        assert main(arguments) == 0  # what could not be graded is just what the class expects
        page = (sample / "feedback" / "s3" / HW / f"{HW}.html").read_text(encoding="utf-8")
        said = capsys.readouterr().out
        assert run in said
        outcomes.append((re.sub(rf"\d+\.\d s|{run}", "", said), (sample / "grades.csv").read_text(), page))
    assert outcomes[0] == outcomes[1]
    table = outcomes[0][0]
    assert re.search(r"│ s1 +│ Ada Lovelace +│ 2 │ 3 │ 5 │ hand │ 10 / 14, 4 by hand │ +│", table)
    assert re.search(r"│ s2 +│ 文 李 +│ – │ – │ – │ +– │ +– │ +│", table)
    assert re.search(r"│ s3 +│ Emmy Noether +│ 2 │ 0 │ 5 │ hand │ +7 / 14, 4 by hand │ +1.5 │", table)
    assert (
        "not graded: mini.ipynb is a PDF document" in table
        and "to be marked by hand · 待人工批改: essay (4 of 14 points)" in table
    )
    assert "2 submissions graded" in table and "Not graded: s2." in table and f"dlkit lab --course {sample}" in table
    assert not (with_class / "gradebook.db").exists() and not (with_class / "submitted").exists()
    assert "Autograding" in (sample / ".nbgrader.log").read_text()
    due, _, only_pdf, _ = CLASS.split("[[student]]")
    unexpected = f"{due}[[student]]{only_pdf.replace('expect_ungraded = true', '')}"
    (with_class / "tests" / "answers" / HW / "class.toml").write_text(unexpected, encoding="utf-8")
    assert main([*arguments, HW]) == 1


def test_trouble_that_can_be_foreseen_is_said_in_a_line(with_class, capsys, monkeypatch):
    def said(*arguments):
        assert main(["grade", *arguments, "--course", str(with_class)]) == 2
        return capsys.readouterr().err

    assert "Did you mean mini?" in said("--sample-class", "mimi")
    notebook = with_class / "assignments" / HW / f"{HW}.ipynb"
    notebook.write_text(notebook.read_text().replace("Two functions", "Three functions"))
    assert "mini as handed out is not what its source gives:\n  mini.ipynb differs in intro" in said()
    (with_class / "tests" / "answers" / HW / "class.toml").unlink()
    assert "tests/answers/HW/class.toml is missing" in said("--sample-class")
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert "alembic is missing" in said()


def test_a_source_whose_cells_changed_after_grading_is_refused(graded, course, tmp_path):
    root = shutil.copytree(course, tmp_path / "changed", ignore=shutil.ignore_patterns("submitted", "feedback"))
    path = root / "solutions" / HW / f"{HW}.ipynb"
    source = nbformat.read(path, as_version=4)
    find(source, "mean_test").metadata.nbgrader["grade_id"] = "renamed"
    nbformat.write(source, path)
    release([HW], root)
    with pytest.raises(CourseError, match="Cannot add or remove cells for notebook 'mini'"):
        grade_class(Course(root), [HW])
