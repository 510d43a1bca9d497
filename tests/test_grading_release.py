"""From source to release, the leak scan, and answers as files; no kernel is needed."""

import base64
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from grading_course import HOSTILE, HW, cell, find, make_course, source_notebook

from dlkit.__main__ import main
from dlkit.errors import CourseError
from dlkit.grading.bank import hand_in, read_answer, read_class
from dlkit.grading.course import Course
from dlkit.grading.release import check_source, leaks, release


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    root = make_course(tmp_path_factory.mktemp("course"))
    release([HW], root)
    return root


@pytest.fixture
def course(released, tmp_path):
    return shutil.copytree(released, tmp_path / "course")


def notebook_path(course, folder="assignments"):
    return course / folder / HW / f"{HW}.ipynb"


def read(path):
    return nbformat.read(path, as_version=4)


def test_the_release_has_stubs_and_visible_tests_and_nothing_else(released):
    notebook = read(notebook_path(released))
    stub = '    # YOUR CODE HERE · 在此作答\n    raise NotImplementedError("not written yet · 尚未作答")'
    assert find(notebook, "double").source == f"def double(x):\n{stub}"
    assert find(notebook, "essay").source == "Why?\n\nYOUR ANSWER HERE · 在此作答"
    assert find(notebook, "double_hidden").source == "# Part 1, hidden tests: other numbers"
    assert "1e-12" in find(notebook, "mean_test").source and "41.75" not in find(notebook, "mean_test").source
    assert [c.id for c in notebook.cells] == [c.id for c in source_notebook().cells]
    assert find(notebook, "mean_test").metadata.nbgrader.points == 5
    assert (released / "assignments" / HW / "numbers.txt").read_text() == "1 2 3\n"
    assert leaks(notebook_path(released), notebook_path(released, "solutions")) == []
    assert not (released / "gradebook.db").exists()


def test_the_release_has_the_same_bytes_each_time_whoever_saved_the_source(course):
    before = notebook_path(course).read_bytes()
    assert release([HW], course) == {HW: []}
    source = read(notebook_path(course, "solutions"))
    source.metadata.update(language_info={"name": "python", "version": "3.13.1"}, widgets={"state": {}})
    source.cells[1].update(execution_count=7, outputs=[nbformat.v4.new_output("stream", text="a warning")])
    source.cells[1].metadata.update(collapsed=True, lines_to_next_cell=2)
    nbformat.write(source, notebook_path(course, "solutions"))
    assert release([], course) == {HW: []}
    assert notebook_path(course).read_bytes() == before
    assert b"3.13" not in before and b'execution_count": null' in before


def test_check_compares_says_what_differs_and_changes_nothing(course):
    assert main(["release", "--check", "--course", str(course)]) == 0
    notebook = read(notebook_path(course))
    find(notebook, "mean").source += "\n# edited by hand"
    nbformat.write(notebook, notebook_path(course))
    (course / "assignments" / HW / "notes.txt").write_text("mine")
    (course / "assignments" / HW / "numbers.txt").unlink()
    found = ["numbers.txt is missing", "notes.txt does not come from the source", f"{HW}.ipynb differs in mean"]
    assert release([HW], course, check=True) == {HW: found}
    assert main(["release", "--check", "--course", str(course)]) == 1
    assert (course / "assignments" / HW / "notes.txt").exists()
    assert main(["release", "--course", str(course)]) == 0
    assert sorted(p.name for p in (course / "assignments").rglob("*")) == [HW, f"{HW}.ipynb", "numbers.txt"]


def test_an_unknown_name_lists_those_there_are(course, capsys):
    assert main(["release", "mimi", "--course", str(course)]) == 2
    assert capsys.readouterr().err == "error: There is no assignment 'mimi'. Did you mean mini? There are: mini.\n"
    assert main(["release", "--course", str(course / "assignments")]) == 2
    assert "is no course folder" in capsys.readouterr().err
    shutil.rmtree(course / "solutions")
    assert main(["release", "--course", str(course)]) == 2
    assert capsys.readouterr().err == f"error: {course / 'solutions'} holds no assignment.\n"
    (course / "nbgrader_config.py").write_text("c = get_config(\n")
    assert main(["release", "--course", str(course)]) == 2
    assert "nbgrader_config.py cannot be used: SyntaxError" in capsys.readouterr().err


def test_the_beginning_of_a_name_is_enough_if_only_one_begins_so(tmp_path):
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.source_directory = 'solutions'\n")
    for name in ("hw1_sums", "hw2_products", "hw2_quotients"):
        (tmp_path / "solutions" / name).mkdir(parents=True)
        (tmp_path / "solutions" / name / f"{name}.ipynb").write_text("{}")
    course = Course(tmp_path)
    assert course.choose(["hw1"]) == ["hw1_sums"]
    assert course.choose(["hw2_products", "hw1"]) == ["hw2_products", "hw1_sums"]
    for name in ("hw2", "hw", "hw1_"):
        with pytest.raises(CourseError, match="There is no assignment"):
            course.choose([name])


def test_a_release_that_fails_leaves_the_old_one(course):
    before = notebook_path(course).read_bytes()
    source = read(notebook_path(course, "solutions"))
    source.cells[0].source = "Hint: doubled_answer = 2 * x"
    nbformat.write(source, notebook_path(course, "solutions"))
    (course / "solutions" / HW / "helper.py").write_text("def double(x):\n    return doubled_answer\n")
    with pytest.raises(CourseError, match=r"would give answers away:\n  helper.py: returndoubled_answer$"):
        release([HW], course)
    assert notebook_path(course).read_bytes() == before
    assert not (course / "assignments" / HW / "helper.py").exists()
    (course / "solutions" / HW / "helper.py").unlink()
    find(source, "mean").source = "### END SOLUTION\n### BEGIN SOLUTION\nreturn sum(v) / len(v)"
    nbformat.write(source, notebook_path(course, "solutions"))
    with pytest.raises(CourseError, match="GenerateAssignment failed: RuntimeError: no end solution"):
        release([HW], course)
    assert notebook_path(course).read_bytes() == before


def spoil(name=None, **changes):
    notebook = source_notebook()
    target = find(notebook, name)
    target.source = changes.pop("source", target.source)
    target.metadata.nbgrader.update(changes)
    return notebook


PAIRS = "BEGIN SOLUTION and END SOLUTION must come in pairs"
REGION = "an answer needs a solution region, with the solution in it"


@pytest.mark.parametrize(
    ("notebook", "problem"),
    [
        (spoil("setup", locked=False), "cell setup: a code cell must be locked, a solution or a test"),
        (spoil("mean_test", points=0), "cell mean_test: marks must be more than 0"),
        (spoil("mean", grade_id="double"), "cell double: the grade_id is there twice"),
        (spoil("mean_test", source="assert 1"), "cell mean_test: no hidden tests here or in a test cell beside it"),
        (spoil("mean", source="def mean(v): ..."), f"cell mean: {REGION}"),
        (spoil("essay", source="### BEGIN SOLUTION\n### END SOLUTION"), f"cell essay: {REGION}"),
        (spoil("mean", source="### BEGIN SOLUTION\nx"), f"cell mean: {PAIRS}"),
        (nbformat.v4.new_notebook(cells=[cell("markdown", "text")]), "no cell gives marks"),
    ],
)  # fmt: skip
def test_a_source_that_is_not_fit_is_refused(notebook, problem):
    assert check_source(source_notebook()) == []
    assert check_source(notebook) == [problem]


SECRET = "doubled_answer = 2 * x"


def plant_source(notebook, folder):
    notebook.cells[0].source += "\n\n`doubled_answer   =2*x`"


def plant_hidden(notebook, folder):
    find(notebook, "double_visible").source += "\nsecret_number = 4171"


def plant_output(notebook, folder):
    find(notebook, "setup").outputs = [nbformat.v4.new_output("stream", text="nothing secret")]


def plant_metadata(notebook, folder):
    find(notebook, "double").metadata["history"] = [{"text": SECRET}]


def plant_notebook_metadata(notebook, folder):
    notebook.metadata["authors"] = [{SECRET: 1}]


def plant_attachment(notebook, folder):
    data = base64.b64encode(f"answer: {SECRET}".encode()).decode()
    notebook.cells[0]["attachments"] = {"a.txt": {"text/plain": data}}


def plant_picture(notebook, folder):
    find(notebook, "essay")["attachments"] = {"a.png": {"image/png": "AAAA"}}


def plant_file(notebook, folder):
    (folder / "data").mkdir()
    (folder / "data" / "helper.py").write_text(f"x = 3\n\t{SECRET}\n")


@pytest.mark.parametrize(
    ("plant", "found"),
    [
        (plant_source, "mini.ipynb, cell 1: doubled_answer=2*x"),
        (plant_hidden, "mini.ipynb, cell double_visible: secret_number=4171"),
        (plant_output, "mini.ipynb, cell setup: has outputs"),
        (plant_metadata, "mini.ipynb, cell double, beside its text: doubled_answer=2*x"),
        (plant_notebook_metadata, "mini.ipynb, metadata: doubled_answer=2*x"),
        (plant_attachment, "mini.ipynb, cell 1, beside its text: doubled_answer=2*x"),
        (plant_picture, "mini.ipynb, cell essay: an answer has attachments"),
        (plant_file, "helper.py: doubled_answer=2*x"),
    ],
)
def test_the_leak_scan_sees_a_planted_leak(course, plant, found):
    notebook = read(notebook_path(course))
    plant(notebook, notebook_path(course).parent)
    nbformat.write(notebook, notebook_path(course))
    assert leaks(notebook_path(course), notebook_path(course, "solutions")) == [found]


def answer(folder, text, name="right/sample"):
    path = folder / f"{name}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def given(course, path, tmp_path):
    target = tmp_path / "handed_in.ipynb"
    lost = hand_in(read_answer(path), notebook_path(course, "solutions"), notebook_path(course), target)
    return read(target), lost


def test_an_answer_file_becomes_the_notebook_of_a_student(released, tmp_path):
    path = answer(
        tmp_path,
        "# title: an answer · 一个答案\n# loses: mean_test, essay\n# hint: some words: here\n\n"
        "# %% [helper]\nhelper = 1\n# %matplotlib inline\n\n# %% mean\nmean = lambda v: 0\n\n"
        "# %% [markdown] essay\n# It is **so**.\n",
    )
    read_back = read_answer(path)
    assert (read_back.name, read_back.kind, read_back.title) == ("sample", "right", "an answer · 一个答案")
    assert (read_back.loses, read_back.hint) == (("mean_test", "essay"), "some words: here")
    notebook, lost = given(released, path, tmp_path)
    assert lost == {"mean_test", "essay"}
    assert find(notebook, "mean").source == "mean = lambda v: 0"
    assert find(notebook, "essay").source == "It is **so**."
    assert find(notebook, "double").source == "def double(x):\n    doubled_answer = 2 * x\n    return doubled_answer"
    at = [c.metadata.get("nbgrader", {}).get("grade_id") for c in notebook.cells].index("mean")
    assert notebook.cells[at - 1].source == "helper = 1\n%matplotlib inline"
    assert len(notebook.cells) == len(read(notebook_path(released)).cells) + 1


def test_the_hostile_answers_fit_any_assignment(released, tmp_path):
    notebook, lost = given(released, HOSTILE / "kills_kernel.py", tmp_path)
    assert lost == {"mean_test"}  # in the middle of three answers: after the first
    sources = [c.source for c in notebook.cells]
    assert sources.index("import os\n\nos._exit(3)") == sources.index(find(notebook, "mean").source) - 1
    notebook, lost = given(released, HOSTILE / "patches_the_judge.py", tmp_path)
    assert lost == {"double_visible", "double_hidden", "mean_test"}
    assert "not written yet" in find(notebook, "double").source
    assert "def expect(" in notebook.cells[2].source


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("# loses: mean_test\n# %% mean\n", "no title in the lines at the top"),
        ("# title: a\n# author: me\n", "unknown key 'author' in the lines"),
        ("# title: a\n# place: top\n", "place must be first, middle or last, got 'top'"),
        ("# title: a\n# loses: meantest\n", "right/sample: loses 'meantest', but the items are double_visible, "),
    ],
)
def test_an_answer_file_that_makes_no_sense_is_refused(released, tmp_path, text, problem):
    with pytest.raises(CourseError, match=problem):
        given(released, answer(tmp_path, text), tmp_path)
    with pytest.raises(CourseError, match="There is no answer"):
        read_answer(tmp_path / "nobody.py")


def test_a_class_needs_every_field():
    student = {"id": "a", "first_name": "A", "last_name": "B", "answer": "right/x", "submitted": "2026-01-01 UTC"}
    due, (only,) = read_class({"due": "2026-01-02 UTC", "student": [student]}, Path("class.toml"))
    assert (due, only.id, only.file, only.expect_ungraded) == ("2026-01-02 UTC", "a", None, False)
    for students in ([{**student, "age": 3}], [{}], [3], None):
        with pytest.raises(CourseError, match=r"class.toml: expected `due` and, for each \[\[student\]\]"):
            read_class({"due": "x", "student": students}, Path("class.toml"))


def test_assignment_list_fetches_and_hands_in(course):
    """As JupyterLab's Assignment List does it, started by `dlkit lab`; in its own process, for it changes folders."""
    code = """
import os, sys
from pathlib import Path
from dlkit.lab import release
from nbgrader.server_extensions.assignment_list.handlers import AssignmentList
root = Path.cwd()
release(root)
server = AssignmentList()
server.root_dir = str(root)
steps = [server.fetch_assignment("dl_basics", "mini"), server.submit_assignment("dl_basics", "mini")]
assert all(step["success"] for step in steps), steps
print([a["status"] for a in server.list_assignments("dl_basics")["value"]])
"""
    places = {"JUPYTER_CONFIG_PATH": str(course), "JUPYTER_DATA_DIR": str(course / "data")}
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=course, env={**os.environ, **places}, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == "['fetched', 'submitted']"
    assert notebook_path(course, "my_work").read_bytes() == notebook_path(course).read_bytes()
    assert [p.name.split("+")[1] for p in (course / "exchange" / "dl_basics" / "inbound").iterdir()] == [HW]
