"""The quality gate: on a made-up course whose tests are weak on purpose, and on a sample of the real assignments."""

import re
from pathlib import Path

import nbformat
import pytest
from grading_course import HW, cell, find, make_course, sandbox_here, submission

from dlkit.__main__ import main
from dlkit.errors import CourseError
from dlkit.grading.bank import read_answer
from dlkit.grading.course import Course
from dlkit.grading.dispatch import Dispatch
from dlkit.grading.execute import execute
from dlkit.grading.jobs import InfrastructureError
from dlkit.grading.measure import measure_exercise, read_bank
from dlkit.grading.measure_bank import anonymous, as_text, taken_from
from dlkit.grading.measure_exercise import Exercise, cut, reach
from dlkit.grading.measure_figures import read_equivalents
from dlkit.grading.measure_mutants import mutants_of
from dlkit.grading.pool import InThisProcess, open_executor
from dlkit.grading.release import release
from dlkit.grading.results import Results

ROOT = Path(__file__).parents[1]
ASSIGNMENTS = sorted(p.name for p in (ROOT / "solutions").iterdir() if p.is_dir())

DOUBLE = {
    "right": ["x + x", "x * 2", "4 * x / 2", "x - (-x)"],
    "wrong": ["x**2", "x", "3 * x", "-2 * x", "x + 2", "2", "0", "abs(2 * x) - 1"],
}
MEAN = {
    "right": ["np.mean(values)", "sum(v / len(values) for v in values)", "np.sum(values) / len(values)"],
    "wrong": ["sum(values)", "values[0]", "max(values)", "min(values)", "0", "len(values)", "-np.mean(values)"],
}


def write_answer(folder, kind, name, header, cell_name, text):
    path = folder / kind / f"{name}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"# title: {name}\n{header}\n# %% {cell_name}\n{text}\n")


@pytest.fixture
def course(tmp_path):
    """A course with a bank: item `double` is well tested, its hints apart; item `mean` lacks answers."""
    root = make_course(tmp_path / "course")
    release([], root)
    bank = root / "tests" / "answers" / HW
    for kind, answers in DOUBLE.items():
        for i, value in enumerate(answers):
            header = "" if kind == "right" else f"# loses: double_visible, double_hidden\n# hint: {hint_for(value)}\n"
            write_answer(bank, kind, f"double_{i}", header, "double", f"def double(x):\n    return {value}")
    for kind, answers in MEAN.items():
        for i, value in enumerate(answers):
            header = "" if kind == "right" else "# loses: mean_test\n"
            write_answer(bank, kind, f"mean_{i}", header, "mean", f"def mean(values):\n    return {value}")
    return root


def hint_for(value):
    return "the number is squared" if value == "x**2" else "Expected 6, got"


@pytest.fixture(scope="module")
def executor():
    with open_executor(1, preload=("dlkit.grading.execute",)) as pool:
        yield pool


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Results by content: what two tests have in common runs once."""
    return Results(tmp_path_factory.mktemp("results"))


def measured(root, executor, results):
    course = Course(root)
    dispatch = Dispatch(executor, results, execute)
    found = measure_exercise(Exercise(course, course.choose([HW])[0]), dispatch)
    return found, dispatch


def change_source(root, name, text):
    path = root / "solutions" / HW / f"{HW}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    find(notebook, name).source = text
    nbformat.write(notebook, path)
    release([], root)


def only(found, *words):
    chosen = [text for text in found if all(word in text for word in words)]
    assert len(chosen) == 1, (words, found)
    return chosen[0]


# ---- the figures ----------------------------------------------------------------------------------------------------


def test_what_is_missed_is_named_with_what_to_do_and_nothing_runs_twice(course, executor, results):
    found, first = measured(course, executor, results)
    double, mean = found.figures
    assert (double.item, double.right, double.wrong, double.hints, double.false_failures) == ("double", 5, 8, 8, 0)
    assert double.mutants == double.killed + len(found.survivors) > 5
    assert (mean.item, mean.right, mean.wrong, mean.hints) == ("mean", 4, 7, 0)
    assert only(found.problems, "mean: 4 right answers that differ, 5 are needed", f"tests/answers/{HW}/right")
    assert only(found.problems, "mean: 7 wrong answers, 8 are needed", f"dlkit bank {HW} NOTEBOOK")
    assert only(found.problems, "mean: 0 of 7 wrong answers show their hint", "`mistakes`", "wrong/mean_0")
    assert len(found.problems) == 3
    again, second = measured(course, executor, results)
    assert first.executed > 30
    assert (second.executed, second.known) == (0, first.executed + first.known)
    assert again == found


def test_the_command_prints_the_table_and_says_by_its_exit_code_whether_something_is_to_do(course, results, capsys):
    (course / "build").mkdir()
    (course / "build" / "measure").symlink_to(results.folder, target_is_directory=True)
    command = ["measure", HW, "--workers", "1", "--course", str(course)]
    assert main(command) == 1
    out = capsys.readouterr().out
    assert re.search(r"^ *mean +4 +7 +\d+ +\d+ +\d+\.\d% +0 +0 +0 of 7 +0 of 0 +\d+\.\d *$", out, re.MULTILINE)
    assert "- mean: 7 wrong answers, 8 are needed." in out
    assert re.search(r"^\d+ runs, \d+ known from before, \d+ s\. 3 to do\.$", out, re.MULTILINE)
    bank = course / "tests" / "answers" / HW
    for i, value in enumerate([*MEAN["wrong"], "sum(values) / 2"]):
        header = "# loses: mean_test\n# hint: Expected 3, got\n"
        write_answer(bank, "wrong", f"mean_{i}", header, "mean", f"def mean(values):\n    return {value}")
    write_answer(bank, "right", "mean_3", "", "mean", "mean = np.mean")
    assert main(command) == 0
    assert re.search(r"^\d runs, \d+ known from before, \d+ s\. Every figure is", capsys.readouterr().out, re.MULTILINE)
    (bank / "equivalent.toml").write_text(
        "[[equivalent]]\ncell = 'mean'\nbefore = 'never'\nafter = 'there'\nreason = 'old'\n"
    )
    assert main(command) == 1
    assert "does not occur any more" in capsys.readouterr().out
    assert main([*command, "--most", "2"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^ *double +5 +8 +2 +2 +100\.0% ", out, re.MULTILINE)
    assert out.splitlines()[-1].startswith("0 runs, ")


def test_a_weak_test_is_reported(course, executor, results):
    change_source(course, "double_visible", "assert double(2) == 4  # 2 squared is 4 as well\n")
    hidden = "### BEGIN HIDDEN TESTS\nassert double(2) == 4\n### END HIDDEN TESTS"
    change_source(course, "double_hidden", hidden)
    found, _ = measured(course, executor, results)
    assert only(found.problems, "wrong/double_0 gets full marks", "Make a test that notices it")
    text = only(found.problems, "double: ", "mutants get full marks", "at most 5% may", "equivalent.toml")
    assert int(re.search(r"double: (\d+) of", text)[1]) == len([m for m in found.survivors if m.cell == "double"]) >= 2
    assert ("doubled_answer = 2 * x", "doubled_answer = 2 ** x") in {(m.before, m.after) for m in found.survivors}


def test_a_test_that_asks_too_much_is_reported(course, executor, results):
    text = (
        "assert mean([1, 2, 6]) == 3 and isinstance(mean([1, 3]), float)\nassert type(mean([1, 3])).__name__ == 'int'"
    )
    change_source(
        course,
        "mean_test",
        text.splitlines()[0] + "\n### BEGIN HIDDEN TESTS\nassert mean([0.1] * 3) == 0.3 / 3 * 1\n### END HIDDEN TESTS",
    )
    found, _ = measured(course, executor, results)
    false = [text for text in found.problems if "is right and loses mean_test" in text]
    assert false and all("tolerance is too narrow" in text for text in false)
    assert found.figures[1].false_failures == len(false)


@pytest.mark.parametrize(
    ("test", "words"),
    [
        ("assert type(double).__name__ != 'Remote'", "passes under Validate and fails when it is graded"),
        ("assert type(double).__name__ == 'Remote'", "fails under Validate and passes when it is graded"),
    ],
)
def test_a_test_that_says_something_else_under_validate_is_reported(course, executor, results, test, words):
    change_source(course, "double_visible", test)
    found, _ = measured(course, executor, results)
    assert only(found.problems, "right/double_0: double_visible", words, "channel/README.md")
    assert not any("mean_test passes" in text for text in found.problems)


def test_a_header_that_is_wrong_is_reported(course, executor, results):
    bank = course / "tests" / "answers" / HW
    write_answer(bank, "broken", "half", "# loses: mean_test\n", "double", "def double(x):\n    return 3 * x")
    found, _ = measured(course, executor, results)
    assert only(found.problems, "broken/half loses double_hidden, double_visible; its header says mean_test")


def test_a_message_that_shows_the_solution_is_reported(course, executor, results):
    hint = "the number is squared; write doubled_answer = 2 * x"
    text = f'expect("double(4)", double(4), 8, rtol=0, mistakes={{"{hint}": 16}})'
    change_source(course, "double_hidden", f"### BEGIN HIDDEN TESTS\n{text}\n### END HIDDEN TESTS")
    found, _ = measured(course, executor, results)
    assert only(found.problems, "wrong/double_0: its feedback gives the solution away (doubled_answer = 2 * x)")


def test_nothing_is_said_of_figures_of_which_a_part_is_not_known(course, tmp_path):
    def lost(job):
        raise InfrastructureError("the sandbox was lost")

    exercise = Exercise(Course(course), HW)
    with pytest.raises(
        CourseError, match=r"^mini: (\d+) of \1 runs failed, .* release/untouched: .*the sandbox was lost"
    ):
        measure_exercise(exercise, Dispatch(InThisProcess(), Results(tmp_path / "none"), lost), most=1)


def test_a_bank_without_answers_is_refused(course):
    with pytest.raises(CourseError, match="holds no answers: expected right"):
        read_bank(course / "tests" / "answers" / "other")


# ---- equivalent mutants ---------------------------------------------------------------------------------------------


def test_equivalents_are_left_out_and_must_be_true(course, executor, results):
    change_source(
        course,
        "double",
        "def double(x):\n    ### BEGIN SOLUTION\n    if x < 0:\n        return 2 * x\n"
        "    return x + x\n    ### END SOLUTION",
    )
    path = course / "tests" / "answers" / HW / "equivalent.toml"
    entry = "[[equivalent]]\ncell = 'double'\nbefore = '{}'\nafter = {}\nreason = 'both branches double'\n"
    path.write_text(entry.format("if x < 0:", ["if x <= 0:", "if x > 0:"]))
    found, _ = measured(course, executor, results)
    assert found.figures[0].equivalent == 2
    assert not {"if x <= 0:", "if x > 0:"} & {m.after for m in found.survivors}
    assert not [text for text in found.problems if "equivalent.toml: in" in text]
    path.write_text(entry.format("if x < 1:", ["if x <= 1:"]) + entry.format("return x + x", ["return x - x"]))
    found, _ = measured(course, executor, results)
    assert only(found.problems, "'if x < 1:' → 'if x <= 1:' does not occur any more")
    assert only(found.problems, "'return x - x' loses double_hidden, double_visible: it is not equivalent")
    assert {"if x <= 0:", "if x > 0:"} <= {m.after for m in found.survivors}


@pytest.mark.parametrize("text", ["[[equivalent]]\ncell = 'x'\n", "equivalent = 3", "[[equivalent", "[[equivalent]]\n"
                         "cell = 'a'\nbefore = 'b'\nafter = 'c'\nreason = ' '\n"])  # fmt: skip
def test_a_file_of_equivalents_must_give_reasons(tmp_path, text):
    path = tmp_path / "equivalent.toml"
    assert read_equivalents(path) == {}
    path.write_text(text)
    with pytest.raises(CourseError, match=r"expected \[\[equivalent\]\] tables with cell, before, after and a reason"):
        read_equivalents(path)


# ---- mutants --------------------------------------------------------------------------------------------------------


def test_mutants_change_one_place_of_the_solution():
    source = "import numpy as np\n\n\ndef f(x):\n    y = x + 1\n    ### BEGIN SOLUTION\n    if x <= 0:\n" \
        "        return np.sum(x, axis=1)  # a comment\n    return -x\n    ### END SOLUTION"  # fmt: skip
    found = mutants_of("f", source)
    lines = {(m.before, m.after) for m in found}
    assert ("if x <= 0:", "if x < 0:") in lines and ("if x <= 0:", "if x == 0:") in lines
    assert ("return np.sum(x, axis=1)  # a comment", "return np.sum(x, )  # a comment") in lines
    assert ("return np.sum(x, axis=1)  # a comment", "return np.sum(x, axis=0)  # a comment") in lines
    assert ("return -x", "return x") in lines
    assert all("y = x + 1" in m.text and "SOLUTION" not in m.text and m.cell == "f" for m in found)
    assert len({m.text for m in found}) == len(found) > 12
    for mutant in found:
        compile(mutant.text, "mutant", "exec")
        assert mutant.before != mutant.after and "\n" not in mutant.before
    with pytest.raises(CourseError, match="`f` must be plain Python"):
        mutants_of("f", "%matplotlib inline\n### BEGIN SOLUTION\nx =\n### END SOLUTION")


def test_a_mutant_that_never_ends_is_killed_soon(course, executor, results):
    change_source(
        course,
        "mean",
        "def mean(values):\n    ### BEGIN SOLUTION\n    total, i = 0, 0\n"
        "    while i < len(values):\n        total += values[i]\n        i += 1\n    return total / len(values)\n"
        "    ### END SOLUTION",
    )
    exercise = Exercise(Course(course), HW)
    mutant = next(m for m in mutants_of("mean", exercise.answers["mean"]) if m.after == "i = 1")
    job = exercise.job(exercise.with_cell("mean", mutant.text, exercise.reach("mean")), 1)
    dispatch = Dispatch(executor, results, execute)
    dispatch(job).result()
    verdict = exercise.verdict(job, dispatch.results.get(job.key))
    assert verdict.lost == {"mean_test"}
    assert verdict.seconds < 10


# ---- what a run leaves out ------------------------------------------------------------------------------------------


def canonical_cells(*texts):
    cells = []
    for name, text in texts:
        made = cell("code", text, name, grade=name.endswith("test"), solution=name.startswith("answer"), points=1)
        if not name.startswith("answer"):
            made.metadata["dlkit"] = {"course": True}
        cells.append(made)
    return nbformat.v4.new_notebook(cells=cells)


def test_a_changed_cell_reaches_what_uses_it_and_what_is_made_of_it():
    notebook = canonical_cells(
        ("setup", "import numpy as np\nstyle()"),
        ("answer_f", "def f(x):\n    return x"),
        ("f_test", "def check():\n    rng = 1\n    assert f(rng) == 1\n\n\ncheck()"),
        ("draw", "rng = f(3)\nplot(rng)"),
        ("table", "made = f(2)"),
        ("answer_g", "def g(x):\n    return f(x)"),
        ("g_test", "assert g(1) == 1"),
        ("made_test", "assert made == 2"),
        ("answer_h", "def h(x):\n    return x"),
        ("h_test", "def helper():\n    rng = 2\n    return h(rng)\n\n\nassert helper() == 2"),
        ("helped_test", "assert helper() == 2"),
    )
    names = frozenset("fgh")
    assert reach(notebook, "answer_f") == {"f_test", "g_test", "made_test"}
    assert reach(notebook, "answer_g") == {"g_test"}
    assert reach(notebook, "answer_h") == {"h_test"}

    def kept(*tests):
        smaller = cut(notebook, names, frozenset(tests))
        return [c.metadata.nbgrader.grade_id for c in smaller.cells]

    assert kept("h_test") == ["setup", "answer_f", "answer_g", "answer_h", "h_test"]
    assert kept("made_test") == ["setup", "answer_f", "table", "answer_g", "made_test", "answer_h"]
    assert kept("helped_test") == ["setup", "answer_f", "answer_g", "answer_h", "h_test", "helped_test"]
    assert len(notebook.cells) == 11


# ---- an answer of the bank from what was handed in ------------------------------------------------------------------


def hand_in(root, **texts):
    notebook = submission(nbformat.read(root / "assignments" / HW / f"{HW}.ipynb", as_version=4), **texts)
    folder = root / "submitted" / "mei_zhou" / HW
    folder.mkdir(parents=True)
    notebook.metadata["author"] = "Mei Zhou"
    return notebook, folder / f"{HW}.ipynb"


def test_a_submission_becomes_an_answer_of_the_bank(course, capsys):
    notebook, path = hand_in(
        course,
        double='def double(x):\n    """Mei Zhou, 1955"""\n    # like mei_zhou@uni.example\n    return power(x)  # mine',
        mean="def mean(values):\n    return (sum(values) / len(values))  # the course's own",
    )
    where = notebook.cells.index(find(notebook, "double"))
    helper = "# Mei\nfolder = '/home/mei/hw/data.txt'\ndef power(x):\n    return x**2"
    notebook.cells.insert(where, nbformat.v4.new_code_cell(helper))
    notebook.cells.insert(where, nbformat.v4.new_code_cell("print('only looking, Mei')"))
    nbformat.write(notebook, path)
    arguments = ["bank", HW, str(path), "--name", "squared", "--course", str(course)]
    assert main(arguments) == 0
    target = course / "tests" / "answers" / HW / "wrong" / "squared.py"
    assert target.read_text() == (
        "# title: \n# loses: double_visible, double_hidden\n# hint: the number is squared\n\n"
        "# %% added\nfolder = 'PATH'\ndef power(x):\n    return x**2\n\n\n"
        "# %% double\ndef double(x):\n    return power(x)\n"
    )
    assert 'answer = "wrong/squared"' in capsys.readouterr().out
    with pytest.raises(CourseError, match="no title"):
        read_answer(target)
    assert main(arguments) == 2
    assert "is there already" in capsys.readouterr().err


def test_a_wrong_answer_that_no_test_notices_is_said(course, capsys):
    notebook, path = hand_in(course, double="def double(x):\n    return x + x if x < 5000 else 0")
    nbformat.write(notebook, path)
    assert main(["bank", HW, str(path), "--name", "small_only", "--course", str(course)]) == 1
    assert "It gets full marks: either it is not wrong, or a test is to be mended." in capsys.readouterr().out


def test_what_cannot_become_an_answer_is_refused(course, tmp_path):
    exercise = Exercise(Course(course), HW)
    stub = find(exercise.release, "double").source
    notebook, path = hand_in(course, double=stub, mean=f"{exercise.answers['mean']}\n# done")
    nbformat.write(notebook, path)
    with pytest.raises(CourseError, match="holds no answer of its own"):
        taken_from(exercise, path)
    path.write_text("%PDF-1.4")
    with pytest.raises(CourseError, match="cannot be read as a notebook"):
        taken_from(exercise, path)
    strange = submission(exercise.release, double='def double(x):\n    return """\n# %% mean\n"""')
    nbformat.write(strange, path)
    assert as_text(taken_from(exercise, path)) == (
        '# title: \n\n# %% double\ndef double(x):\n    return """\n# %% mean\n"""\n'
    )
    find(strange, "double").source = 'def double(x):\n    return """2 * x'
    find(strange, "mean").source = "mean = max"
    nbformat.write(strange, path)
    with pytest.raises(CourseError, match="quotes are left open"):
        as_text(taken_from(exercise, path))
    assert main(["bank", HW, str(path), "--name", "Not A Name", "--course", str(course)]) == 2


def test_nothing_that_names_its_author_stays():
    text = (
        "# Wei Wang 2019\n%matplotlib inline\nimport os  # wei\n\n\n"
        'def f(S):\n    """Wei Wang\'s."""\n    data = open("/home/wei/data/a.csv")\n    s = r"""\n'
        '    # no comment C:\\Users\\wei\\b\n    mail wei@uni.example"""\n'
        '    return S / 2 if "a/b" else "km/h # no"\n\n\n'
        "def g():\n    '''Wei'''\n"
    )
    assert anonymous(text) == (
        'import os\n\n\ndef f(S):\n    data = open("PATH")\n    s = r"""\n'
        '    # no comment PATH\n    mail ADDRESS"""\n'
        '    return S / 2 if "a/b" else "km/h # no"\n\n\ndef g():\n    pass'
    )
    assert anonymous("def f(x:\n    # Wei\n    return x # Wang\n") == "def f(x:\n    return x"
    assert anonymous('s = """left open\n# Wei\nx = 1') == 's = """left open\nx = 1'
    assert anonymous("wei_wang = Wei_Wang2 = 1", "wei_wang") == "student = student2 = 1"


# ---- the real assignments -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_every_entry_of_the_equivalents_occurs(name):
    exercise = Exercise(Course(ROOT), name)
    made = {mutant.key for item in exercise.items for mutant in mutants_of(item.name, exercise.answers[item.name])}
    listed = read_equivalents(exercise.bank / "equivalent.toml")
    assert set(listed) <= made
    assert len(made) > 200


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_a_sample_of_mutants_is_killed(name, executor, results):
    """Every item with four of its mutants, at even distances; `make assignments` runs them all."""
    course = Course(ROOT)
    course.config.RunNotebook.sandbox = sandbox_here()
    exercise = Exercise(course, name)
    equivalents = read_equivalents(exercise.bank / "equivalent.toml")
    dispatch = Dispatch(executor, results, execute)
    for item in exercise.items:
        mutants = [m for m in mutants_of(item.name, exercise.answers[item.name]) if m.key not in equivalents]
        for mutant in mutants[:: max(1, len(mutants) // 4)]:
            job = exercise.job(exercise.with_cell(item.name, mutant.text, frozenset(item.tests)), 3)
            dispatch(job).result()
            assert exercise.verdict(job, dispatch.results.get(job.key)).lost, mutant
