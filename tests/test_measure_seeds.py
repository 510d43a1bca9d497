"""The gate's figure for random data: the same answer gets the same marks, whatever numbers a test draws."""

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from grading_course import HW, cell, find, make_course, sandbox_here

from dlkit.__main__ import main
from dlkit.grading.course import Course
from dlkit.grading.dispatch import Dispatch
from dlkit.grading.execute import execute
from dlkit.grading.measure import measure_exercise
from dlkit.grading.measure_exercise import Exercise, Verdict
from dlkit.grading.measure_seeds import (
    Reseeded,
    at_each_seed,
    at_other_seeds,
    problems_at_seeds,
    seeds_chosen,
    with_seed,
)
from dlkit.grading.pool import open_executor
from dlkit.grading.release import release
from dlkit.grading.results import Results

ROOT = Path(__file__).parents[1]
ASSIGNMENTS = sorted(p.name for p in (ROOT / "solutions").iterdir() if p.is_dir())
SEEDS = 5


@pytest.fixture(scope="module")
def executor():
    with open_executor(1, preload=("dlkit.grading.execute",)) as pool:
        yield pool


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return Results(tmp_path_factory.mktemp("results"))


def course_with(folder, test):
    """A course whose test of the mean is this one, with a right answer and a wrong one that takes the first value."""
    root = make_course(folder)
    path = root / "solutions" / HW / f"{HW}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    find(notebook, "mean_test").source = f"### BEGIN HIDDEN TESTS\n{test}\n### END HIDDEN TESTS"
    nbformat.write(notebook, path)
    release([], root)
    for kind, value, loses in (("right", "np.mean(values)", ""), ("wrong", "values[0]", "mean_test")):
        file = root / "tests" / "answers" / HW / kind / f"{kind}_mean.py"
        file.parent.mkdir(parents=True)
        file.write_text(f"# title: x\n# loses: {loses}\n\n# %% mean\ndef mean(values):\n    return {value}\n")
    return root


def measured(root, executor, results, seeds=SEEDS):
    dispatch = Dispatch(executor, results, execute)
    found = measure_exercise(Exercise(Course(root), HW), dispatch, most=1, seeds=seeds)
    return found, [text for text in found.problems if "seed" in text], dispatch


def two_bits(*seed):
    return np.random.default_rng(list(seed) if seed[1:] else seed[0]).integers(0, 2, size=2).tolist()


OWN = 8  # at this seed the bits are 1, 0: the first value is not the mean
EQUAL = [k for k in range(1, SEEDS + 1) if len(set(two_bits(OWN, k))) == 1]  # and at these it is
ZERO = [k for k in range(1, SEEDS + 1) if two_bits(OWN, k)[0] == 0]
ONES = [k for k in range(1, SEEDS + 1) if two_bits(OWN, k) == [1, 1]]
TEST = f"""
bits = np.random.default_rng({OWN}).integers(0, 2, size=2).tolist()
expect("mean(bits)", mean(bits), sum(bits) / 2, rtol=0)
"""


# ---- what is reported -----------------------------------------------------------------------------------------------


def test_a_wrong_answer_that_gets_away_at_another_seed_is_reported(tmp_path, executor, results):
    assert two_bits(OWN) == [1, 0] and 0 < len(ONES) < len(EQUAL) < SEEDS
    root = course_with(tmp_path / "course", TEST)
    found, problems, first = measured(root, executor, results)
    numbers = ", ".join(map(str, EQUAL))
    assert len(problems) == 1
    assert problems[0].startswith(
        f"mean_test: wrong answers get away at other seeds: wrong/wrong_mean at {numbers}. It finds them by luck"
    )
    assert problems[0].endswith("# seed chosen: REASON.")
    double, mean = found.figures
    assert (mean.differing, mean.reseeded) == (len(EQUAL), 2 * SEEDS)
    assert (double.differing, double.reseeded) == (0, 0)  # nothing is random there, so nothing runs
    assert f", {len(EQUAL)} of {2 * SEEDS} verdicts differ" in found.notes[-1]
    again, _, second = measured(root, executor, results)
    assert (again, second.executed) == (found, 0) and first.executed > 0


def test_the_command_reports_a_right_answer_that_loses_a_mark_at_another_seed(tmp_path, capsys):
    root = course_with(tmp_path / "course", TEST + "assert bits[0] == 1\n")
    command = ["measure", HW, "--workers", "1", "--most", "1", "--seeds", str(SEEDS), "--course", str(root)]
    assert main(command) == 1
    out = capsys.readouterr().out
    numbers = ", ".join(map(str, ZERO))
    assert f"- mean_test: right answers lose it at other seeds: right/right_mean at {numbers}. First: Asser" in out
    assert "AssertionError — assert bits[0] == 1. Widen a tolerance" in out
    assert f"wrong answers get away at other seeds: wrong/wrong_mean at {', '.join(map(str, ONES))}. It" in out
    differing = len(ZERO) + len(ONES)
    assert f" {SEEDS} other seeds, [s, 1] … [s, {SEEDS}] for s, {differing} of {2 * SEEDS} verdicts differ" in out
    assert re.search(rf" mean( +\d+){{4}} +100.0%( +\d+){{2}} .* {differing} of {2 * SEEDS} +\d", out)


def test_a_seed_that_was_chosen_is_left_alone(tmp_path, executor, results):
    test = TEST.replace(".tolist()", ".tolist()  # seed chosen: the first is 1, the other 0")
    found, problems, _ = measured(course_with(tmp_path / "course", test), executor, results)
    assert (problems, found.figures[1].reseeded) == ([], 0)
    assert found.notes[-1].endswith("0 of 0 verdicts differ, in 0.0 s. Seeds chosen on purpose: 1.")


@pytest.mark.parametrize(
    ("right", "lost", "others", "words"),
    [
        (True, False, [None, "why"], "right answers lose it at other seeds: right/a at 2. First: why. Widen"),
        (True, True, ["why", None], "right answers lose it at its own seed and not at others: right/a at 2. It asks"),
        (False, True, [None, None], "wrong answers get away at other seeds: wrong/a at 1, 2. It finds"),
        (False, False, ["why", None], "wrong answers lose it at other seeds and not at its own: wrong/a at 1. First"),
        (True, False, [None, None], None),
        (False, True, ["why", "why"], None),
    ],
)
def test_each_kind_of_difference_says_what_to_do(right, lost, others, words):
    verdict = Verdict(frozenset({"a_test"} if lost else ()), (), 0.0)
    seen = {("a_test", k): why for k, why in enumerate(others, start=1)}
    answer = Reseeded("right/a" if right else "wrong/a", right, verdict, seen, 0.0)
    found = problems_at_seeds([answer])
    assert len(found) == (words is not None)
    assert not found or found[0].startswith(f"a_test: {words}")


# ---- what is run ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("rng = np.random.default_rng(21)", "rng = np.random.default_rng([21, 3])"),
        ("给 = '随机', default_rng(seed=2)", "给 = '随机', default_rng(seed=[2, 3])"),  # ast counts bytes
        ("f(default_rng(1), default_rng(\n    2\n))", "f(default_rng([1, 3]), default_rng(\n    [2, 3]\n))"),
        ("x = [default_rng(s) for s in (1, 2)]", "x = [default_rng([s, 3]) for s in (1, 2)]"),
        ("x = default_rng(1)  # seed chosen:\n", "x = default_rng([1, 3])  # seed chosen:\n"),  # there is no reason
    ],
)
def test_seeds_are_replaced(text, other):
    assert with_seed(text, 3).rstrip() == other.rstrip()
    compile(with_seed(text, 3), "test", "exec")


@pytest.mark.parametrize(
    "text",
    [
        "x = 'default_rng(1)'  # default_rng(2)",
        "x = default_rng(1)  # seed chosen: the best is in the middle",
        "x = f(\n    default_rng(1),  # small; seed chosen: the best is in the middle\n)",
        "def default_rng(seed=1): pass",
        "default_rng(",
        "x = default_rng()",
    ],
)
def test_other_text_is_left_alone(text):
    assert with_seed(text, 3) is text


def test_seeds_that_were_chosen_are_counted_in_tests_only():
    text = "a = default_rng(1)  # seed chosen: why\nb = default_rng(2)"
    cells = [cell("code", text, "setup"), cell("code", text, "a_test", grade=True, points=1)]
    assert seeds_chosen(nbformat.v4.new_notebook(cells=cells)) == 1


def test_copies_follow_their_tests_and_what_shares_their_data_is_repeated_with_them():
    def made(name, text):
        return cell("code", text, name, grade=name.endswith("test"), points=1)

    cells = [
        made("setup", "rng = np.random.default_rng(0)"),
        made("plain_test", "assert f(1) == 1"),
        made("draw_test", "data = np.random.default_rng(1).normal()"),
        made("own_test", "def check():\n    return np.random.default_rng(2)\n\n\ncheck()"),
        made("use_test", "assert f(data) == 1"),
        made("last_test", "assert f(2) == 2"),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    found = at_other_seeds(notebook, 2)
    names = [f"{c.metadata.nbgrader.grade_id} {c.metadata.get('measured_seed', '')}".strip() for c in found.cells]
    assert names[:6] == ["setup", "plain_test", "draw_test", "own_test", "own_test 1", "own_test 2"]
    assert names[6:] == ["use_test", "draw_test 1", "use_test 1", "draw_test 2", "use_test 2", "last_test"]
    assert found.cells[0].source == cells[0].source  # only the data of tests are varied
    assert [c.source for c in found.cells if c.metadata.get("measured_seed") == 2] == [
        "def check():\n    return np.random.default_rng([2, 2])\n\n\ncheck()\n",
        "data = np.random.default_rng([1, 2]).normal()\n",
        "assert f(data) == 1",
    ]
    assert len({c["id"] for c in found.cells}) == len(found.cells) and len(notebook.cells) == 6
    assert at_other_seeds(nbformat.v4.new_notebook(cells=cells[:2]), 2) is None


# ---- the real assignments -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_the_reference_solution_gets_full_marks_at_other_seeds(name, executor, results):
    """Only this one; `make assignments` runs the whole bank, at four times as many seeds."""
    course = Course(ROOT)
    course.config.RunNotebook.sandbox = sandbox_here()
    exercise = Exercise(course, name)
    job = exercise.job(at_other_seeds(exercise.reference, SEEDS))
    dispatch = Dispatch(executor, results, execute)
    dispatch(job).result()
    others, _ = at_each_seed(exercise, job, dispatch.results.get(job.key))
    assert others == dict.fromkeys(others)
    assert len(others) > 3 * SEEDS
