"""The run of a notebook in two processes: which cell runs where, what comes back, what stops it."""

import base64
import json
import re

import nbformat
import pytest
from grading_course import cell, sandbox_here

from dlkit.errors import CourseError
from dlkit.grading import award, expect, student_side
from dlkit.grading import execute as execution
from dlkit.grading.execute import RunNotebook, execute
from dlkit.grading.jobs import FINISHED, STOPPED, InfrastructureError, Job
from dlkit.grading.marks import asked_for
from dlkit.grading.outputs import error, ours, outputs_of
from dlkit.grading.plan import ONLY_SHOWS, bound, definitions, imports, mark, parts_of, used, without_hidden
from dlkit.grading.pool import LocalPool
from dlkit.grading.results import Results
from dlkit.grading.retell import in_doubt

PNG = b"\x89PNG\r\n\x1a\n and so on"


def answer(text, name="f"):
    return cell("code", text, name, solution=True)


def course(text, name=None, *, shows=False):
    made = cell("code", text, name, locked=True) if name else cell("code", text, id=f"c{abs(hash(text))}")
    if shows:
        made.metadata["tags"] = [ONLY_SHOWS]
    mark(made)
    return made


def check(text, name="t"):
    made = cell("code", text, name, grade=True, locked=True, points=4)
    made.metadata.nbgrader["checksum"] = str(hash(text))
    mark(made)
    return made


def added(text):
    return cell("code", text, id=f"a{abs(hash(text))}")


def notebook(*cells, names=("f",)):
    made = nbformat.v4.new_notebook(cells=list(cells))
    made.metadata["dlkit"] = {"names": list(names)}
    return made


def made_job(made, data=None, **options):
    defaults = RunNotebook()
    given = {n: getattr(defaults, n) for n in defaults.trait_names(config=True) if n != "log_level"}
    given = {n: v for n, v in given.items() if isinstance(v, (int, str, bool))}
    return Job.of(made, data or {}, {**given, "sandbox": sandbox_here(), "show": "run", **options})


@pytest.fixture(scope="module")
def pool():
    with LocalPool(1, 200) as pool:
        yield pool


@pytest.fixture
def run(pool):
    """Give a function that runs cells and returns their outputs, and the result."""

    def run(*cells, names=("f",), data=None, **options):
        result = pool.submit(execute, made_job(notebook(*cells, names=names), data, **options)).result()
        return [c["outputs"] for c in result.cells], result

    return run


def verdict(outputs):
    return [(o["ename"], o["evalue"]) for o in outputs if o["output_type"] == "error"]


# --- which cell runs where -------------------------------------------------------------------------------------------


def test_names_that_a_cell_defines_and_uses():
    source = (
        "%%time\nimport a.b, c as d\nfrom e import f\n%time g = 1\nfor h in g: i = h\nwith j as k: pass\n(l := 1)\n"
    )
    assert bound(source + "def m(x):\n    global n\n    n = o = x\nclass p: q = 1\n[r for r in g]") == set(
        "adfghiklmnp"
    )
    assert used("def m(x):\n    return y + x\n%time z(1)") == {"y", "z"}
    assert bound("1 +") == used("1 +") == set()


def test_a_functions_own_variables_are_no_global_names():
    assert used("def f(a):\n    b = a + c\n    return [b for d in e]") == {"c", "e"}
    assert used("x = y\nprint(x)") == {"x", "y", "print"}
    assert used("def f(:") == frozenset()
    assert used("class A:\n    rate = rate\nx += 1\ndel y") == {"rate", "x", "y"}


def test_which_cells_run_in_the_checker_too():
    cells = {
        "tools": course("import numpy as np\ndef tool(): return np.pi"),
        "answer": answer("def f(x): return x"),
        "her own": added("f(1)\ntool = None"),
        "makes": course("made = f(2)", shows=True),
        "needed": course("wanted = f(3)", shows=True),
        "test": check("assert wanted == tool"),
        "shows": course("print(made)", shows=True),
    }
    parts = dict(zip(cells, parts_of(notebook(*cells.values()), frozenset({"f"})), strict=True))
    assert [part.number for part in parts.values()] == list(range(1, 8))
    assert [name for name, part in parts.items() if part.checked] == ["tools", "needed", "test"]
    assert [name for name, part in parts.items() if part.idle] == ["makes", "shows"]
    assert [name for name, part in parts.items() if part.kind == "answer"] == ["answer", "her own"]
    assert imports(notebook(*cells.values())) == ("numpy",)
    assert imports(notebook(*cells.values()), {0}) == ()
    secret = check("import json\n### BEGIN HIDDEN TESTS\nimport colorsys\n### END HIDDEN TESTS")
    assert imports(notebook(secret)) == ("json", "colorsys")
    assert imports(notebook(secret), hidden=False) == ("json",)


def test_a_cell_that_shows_runs_if_her_own_use_its_names_in_whatever_way():
    shows = course("data = f(2)", shows=True)
    for text in ("print(data)", "%timeit f(data)", "eval('data')", "%%time\ndata", "data +="):
        made = notebook(answer("def f(x): return x"), shows, added(text))
        assert not parts_of(made, frozenset("f"))[1].idle, text
    made = notebook(answer("def f(x): return x"), shows, added("print(1)"))
    assert parts_of(made, frozenset("f"))[1].idle


def test_a_test_that_is_not_marked_as_the_courses_own_is_refused(run):
    unmarked = cell("code", "pass", "t", grade=True, locked=True, points=1)
    with pytest.raises(InfrastructureError, match="not canonical: Canonicalise must be first"):
        run(answer("def f(): pass"), unmarked)


def test_a_cell_that_is_not_marked_as_the_courses_own_runs_in_her_process_only(run):
    hers = cell("code", "expect = lambda *_, **__: None\nimport builtins\nbuiltins.AssertionError = ValueError", id="x")
    outputs, _ = run(course("from dlkit.grading import expect"), hers, check('expect("f", f, 1, rtol=0)'))
    assert [name for name, _ in verdict(outputs[2])] == ["NameError"]


def test_of_a_visible_test_her_process_has_the_definitions():
    source = "import numpy as np\nsmall = np.ones(3)\ndef g():\n    return small\nassert g() is 3\ng()\n"
    hidden = "### BEGIN HIDDEN TESTS\nsecret = 1\n### END HIDDEN TESTS\n"
    assert (
        definitions(source + hidden, frozenset()).replace("\n\n", "\n")
        == "import numpy as np\nsmall = np.ones(3)\ndef g():\n    return small"
    )
    assert definitions("if x:\n### BEGIN HIDDEN TESTS\n    pass\n### END HIDDEN TESTS", frozenset()) == ""
    made_with_answers = "x = f(1)\ny = x + 1\nz = 2\ndef g(): return f(y)"
    assert definitions(made_with_answers, frozenset({"f"})).replace("\n\n", "\n") == "z = 2\ndef g():\n    return f(y)"


def test_what_a_visible_test_defines_can_be_used_by_later_answers(run):
    outputs, _ = run(
        answer("def f(): return small + 1"), check("small = 41\nassert f() == 42"), course("print(small, f())")
    )
    assert verdict(outputs[1]) == []
    assert outputs[2][0]["text"] == "41 42\n"


# --- verdicts --------------------------------------------------------------------------------------------------------


def test_a_test_passes_if_it_runs_to_its_end_and_its_last_value_is_no_mark(run):
    outputs, result = run(answer("def f(x): return 2 * x"), check("assert f(2) == 4\n0.5"))
    assert (outputs[1], result.status) == ([], FINISHED)
    assert [c["execution_count"] for c in result.cells] == [1, 2]


def test_a_part_of_the_points_is_given_by_name(run):
    outputs, _ = run(
        answer("def f(x): return 2 * x"),
        check("from dlkit.grading import award\naward(1)\naward(2.5)"),
        check("from dlkit.grading import award\naward(1)\nassert f(1) == 1", "u"),
    )
    (given,) = outputs[1]
    assert (given["output_type"], given["data"]) == ("execute_result", {"text/plain": "2.5"})
    assert [o["output_type"] for o in outputs[2]] == ["error"]


@pytest.mark.parametrize("points", [-1, float("nan"), float("inf"), "2", None, True])
def test_what_is_no_number_of_points(points):
    with asked_for() as given, pytest.raises(ValueError, match="points must be a finite number from 0"):
        award(points)
    assert given == []


def test_in_her_own_notebook_points_are_printed(capsys):
    award(2)
    assert capsys.readouterr().out == "Points: 2\n"


def test_where_it_failed_in_the_test_and_in_her_cell(run):
    outputs, _ = run(answer("def f(x):\n    y = 1\n    return x[y]"), check("z = 3\nf([z])"))
    (error,) = outputs[1]
    assert (error["ename"], error["evalue"]) == ("IndexError", "list index out of range")
    assert error["traceback"] == [
        "Cell In[2], line 2\n----> f([z])",
        "Cell In[1], line 3, in f",
        "----> return x[y]",
        "IndexError: list index out of range",
    ]


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("while True: pass", "CellTimeoutError", "Your code was still running after 1 s; it was stopped."),
        ("import sys; sys.exit(f'seen {x}')", "CodeStopped", "your code raised SystemExit."),
        ("import os; os._exit(3)", "KernelStopped", "its process ended."),
        ("return type('A', (), {'__eq__': lambda *_: True})()", "NoValue", "An object of a class of your own stands"),
        ("import itertools; return list(range(2_000_000))", "TooLarge", "too large, too long or too deep"),
    ],
)
def test_what_stops_a_test_is_said_in_words_of_ours(run, text, name, message):
    outputs, _ = run(answer(f"def f(x):\n    {text}"), check("assert f(4171) == 5"), timeout=1)
    ((found, said),) = verdict(outputs[1])
    assert found == name
    assert message in said
    assert "4171" not in said


def test_one_that_takes_too_long_costs_that_test_only(run):
    outputs, result = run(
        answer("def f(x):\n    while x: pass\n    return 7"), check("f(1)"), check("assert f(0) == 7", "u"), timeout=1
    )
    assert [name for name, _ in verdict(outputs[1])] == ["CellTimeoutError"]
    assert (verdict(outputs[2]), result.status) == ([], FINISHED)


def test_a_trouble_that_the_test_swallows_fails_it_all_the_same(run):
    swallow = "try:\n    f()\nexcept Exception:\n    pass"
    outputs, _ = run(answer("def f():\n    import sys; sys.exit()"), check(swallow))
    assert [name for name, _ in verdict(outputs[1])] == ["CodeStopped"]


def test_what_comes_after_the_end_of_her_process_names_the_cell(run):
    outputs, result = run(answer("import os\nos.abort()"), check("pass"), course("print(1)"))
    assert result.status == STOPPED
    assert "ended by SIGABRT" in result.stopped_by
    (told,) = verdict(outputs[1])
    assert told == ("NotRun", f"This test could not run: in {result.stopped_by.replace(': ', ', ', 1)}.")
    assert outputs[2] == []


def test_the_time_of_all_cells_together_is_limited(run):
    spend = "import time\nend = time.process_time() + 0.8\nwhile time.process_time() < end: pass"
    outputs, _ = run(answer(spend), answer(spend, "g"), answer(spend, "h"), check("pass"), total_timeout=2, timeout=1)
    assert verdict(outputs[0]) == []
    assert "the last of the notebook's 2 s were used up" in verdict(outputs[3])[0][1]


def test_a_fault_of_the_course_is_no_fault_of_hers(run):
    with pytest.raises(InfrastructureError, match="cell `data` of the course failed in the checker: FileNotFoundError"):
        run(course("open('there.csv')", "data"), answer("def f(): pass"), check("f()"))
    with pytest.raises(InfrastructureError, match="cell `t`: only plain values and functions can be given"):
        run(answer("def f(x): pass"), check("f(object())"))


def test_data_lie_beside_both(run):
    read = "text = open('sub/a.txt').read()"
    outputs, _ = run(
        course(read), answer("def f(): return text"), check("assert f() == text == 'one'"), data={"sub/a.txt": b"one"}
    )
    assert verdict(outputs[2]) == []


def test_a_module_beside_the_notebook_is_hers_not_the_checkers(run):
    outputs, _ = run(
        answer("import numpy.linalg, shadow\ndef f(): return shadow.x"),
        check("import numpy\nassert f() == 1\nassert numpy.pi > 3\nimport shadow"),
        data={"shadow.py": b"x = 1", "numpy.py": b"raise SystemExit"},
    )
    assert verdict(outputs[0]) == []
    assert [name for name, _ in verdict(outputs[1])] == ["ModuleNotFoundError"]


def test_both_processes_begin_with_the_same_random_numbers(run):
    draw = "import random, numpy as np\nr = (random.random(), np.random.rand())"
    outputs, _ = run(course(draw, "draw"), answer("def f(): return r"), check("assert f() == r"))
    assert verdict(outputs[2]) == []


def test_what_she_has_drawn_is_read_where_she_drew_it(run):
    look = """
from dlkit.grading import student_side
import matplotlib.pyplot as plt
@student_side
def heights(plot, values):
    _, ax = plt.subplots()
    plot(ax, values)
    return [float(bar.get_height()) for bar in ax.patches]
assert heights(f, [1, 2]) == [1.0, 2.0], heights(f, [1, 2])
"""
    right, wrong = (answer(f"def f(ax, v): ax.bar(range(len(v)), {v})") for v in ("v", "[5, 5]"))
    assert verdict(run(right, check(look))[0][1]) == []
    assert verdict(run(wrong, check(look))[0][1]) == [("AssertionError", "[5.0, 5.0]")]
    assert student_side(test_what_she_has_drawn_is_read_where_she_drew_it) is (
        test_what_she_has_drawn_is_read_where_she_drew_it
    )


@pytest.mark.parametrize(
    "value",
    [
        "np.matrix([1.0, 2.0]).A1.view(type('Mine', (np.ndarray,), {}))",
        "type('Mine', (list,), {})([1.0, 2.0])",
        "np.ma.masked_array([1.0, 2.0])",
        "__import__('collections').UserList([1.0, 2.0]).data",
    ],
)
def test_values_of_derived_classes_are_judged_by_what_they_hold(run, value):
    test = check('from dlkit.grading import expect\nexpect("f()", f(), [1.0, 2.0], rtol=0)')
    assert verdict(run(answer(f"import numpy as np\ndef f(): return {value}"), test)[0][1]) == []


def test_an_object_is_no_number_and_the_message_says_of_which_class_it_is(run):
    test = check('from dlkit.grading import expect\nexpect("f()", f(), 1, rtol=0)')
    ((name, message),) = verdict(run(answer("class Mine: pass\ndef f(): return Mine()"), test)[0][1])
    assert name == "AssertionError"
    assert message == "f()\nExpected a number or an array: an object of the class Mine is no number and no array."


def test_what_cannot_be_loaded_before_the_fork_is_left_out_for_good(monkeypatch):
    started = []

    class Zygote:
        def __init__(self, *, mode, preload):
            self.mode, self.preload = mode, tuple(preload)

        def __enter__(self):
            started.append(self.preload)
            if "troublesome" in self.preload:
                raise CourseError("it has three threads")
            return self

        def close(self):
            pass

    monkeypatch.setattr(execution, "Zygote", Zygote)
    monkeypatch.setattr(execution, "_zygote", None)
    monkeypatch.setattr(execution, "_asked", frozenset())
    monkeypatch.setattr(execution, "_load_here", lambda modules: None)
    job = made_job(notebook(course("import troublesome"), answer("def f(): pass")))
    for _ in range(2):  # the second time it is there, and is only asked whether it lives
        execution.warm_up(job)
    assert ["troublesome" in modules for modules in started] == [True, False, False]


# --- again, with other tests -----------------------------------------------------------------------------------------


def test_of_changed_tests_only_those_run_that_depend_on_the_change(pool, tmp_path):
    def cells(third="assert f(3) == 6", wanted=4):
        noted = "def f(x):\n    with open('calls.txt', 'a') as file: file.write(f'{x} ')\n    return 2 * x"
        return [
            answer(noted), check(f"wanted = {wanted}\nassert f(1) == 2"), check("assert f(2) == wanted", "u"),
            check(third, "v"), course("print(f(4))", shows=True), check("calls = f(5)", "w"), check("seen(calls)", "x"),
            added("print(open('calls.txt').read())"),
        ]  # fmt: skip

    def calls(*made, earlier=None):
        job = made_job(notebook(*made))
        job = job if earlier is None else job.beside(earlier)
        result = pool.submit(execute, job).result()
        return [c["outputs"] for c in result.cells], result

    first, result = calls(*cells())
    again, _ = calls(*cells("assert f(3) == 7"), earlier=result)
    assert [verdict(o) for o in again[:3]] == [verdict(o) for o in first[:3]] == [[], [], []]
    assert [name for name, _ in verdict(again[3])] == ["AssertionError"]
    assert again[4:7] == first[4:7]
    assert first[7][0]["text"] == "1 2 3 4 5 \n"
    assert again[7][0]["text"] == "3 \n"  # all that was asked of her answer
    assert [name for name, _ in verdict(first[6])] == ["NameError"]
    job = made_job(notebook(*cells("assert f(3) == 7")))
    assert sorted(json.loads(job.beside(result).known)) == ["0", "1", "2", "4", "5", "6", "7"]
    # one that others take a name from
    job = made_job(notebook(*cells(wanted=5)))
    assert sorted(json.loads(job.beside(result).known)) == ["0", "3", "4", "5", "6", "7"]
    third, _ = calls(*cells(wanted=5), earlier=result)
    assert [name for name, _ in verdict(third[2])] == ["AssertionError"]
    # one that takes a name from others, which then run as well
    made = cells()
    made[2].source += " + 0"
    fourth, _ = calls(*made, earlier=result)
    assert fourth[:7] == first[:7]
    assert fourth[7][0]["text"] == "1 2 \n"
    # another answer, another notebook
    other = made_job(notebook(answer("def f(x): return 2 * x"), *cells()[1:]))
    assert other.base != result.base == made_job(notebook(*cells())).base
    assert json.loads(other.beside(result).known).keys() == {"0", "4", "7"}  # nothing whose verdict depends on it


def test_the_latest_result_of_a_base_is_found_again(tmp_path, pool):
    made = [made_job(notebook(answer("def f(): return 1"), check(f"assert f() == {k}"))) for k in (1, 2)]
    results = Results(tmp_path / "results")
    assert results.latest(made[0].base) is None
    for job in made:
        results.put(pool.submit(execute, job).result())
        assert results.latest(made[1].base).key == job.key
    results.path(made[0].base).with_suffix(".latest").write_text("../../x")
    assert results.latest(made[0].base) is None


# --- what her cells put out ------------------------------------------------------------------------------------------


def test_a_cell_puts_out_what_it_does_in_a_notebook(run):
    text = """
import sys, matplotlib.pyplot as plt
print("one")
print("two", file=sys.stderr)
plt.plot([1, 2])
plt.show()
!echo three
%time 1
6 * 7"""
    outputs, _ = run(answer(text))
    kinds = [(o["output_type"], o.get("name") or sorted(o["data"])[0]) for o in outputs[0]]
    assert kinds == [
        ("stream", "stdout"), ("stream", "stderr"), ("display_data", "image/png"), ("stream", "stdout"),
        ("execute_result", "text/plain"),
    ]  # fmt: skip
    assert outputs[0][0]["text"] == "one\n"
    assert outputs[0][3]["text"].startswith("three\n")
    assert outputs[0][4]["data"] == {"text/plain": "42"}
    assert outputs[0][4]["execution_count"] == 1


def test_a_cell_of_hers_that_fails_shows_her_traceback_and_the_rest_runs(run):
    outputs, _ = run(answer("def f(): return 1\nf.x"), check("assert f() == 1"), added("await_me = 1 +"))
    (error,) = outputs[0]
    assert (error["ename"], error["evalue"]) == ("AttributeError", "'function' object has no attribute 'x'")
    assert any(re.search(r"Cell In\[1\], line 2", line) for line in error["traceback"])
    assert verdict(outputs[1]) == []
    assert [name for name, _ in verdict(outputs[2])] == ["SyntaxError"]


def test_a_flood_is_cut_and_costs_nothing(run):
    outputs, _ = run(answer("def f(): print('flood ' * 100_000)\nf()"), check("f()"), max_output=1000)
    (stream,) = outputs[0]
    assert len(stream["text"]) < 1200
    assert "more than 1000 characters of output: the rest was left out" in stream["text"]
    assert verdict(outputs[1]) == []


def test_cells_that_only_show_run_or_are_shown_as_they_were_handed_in(run):
    cells = answer("def f(): return 1"), check("assert f() == 1"), course("print(f())", shows=True)
    assert run(*cells)[0][2][0]["text"] == "1\n"
    assert run(*cells, show="nothing")[0] == [[], [], []]
    outputs, result = run(*cells, show="handed in")
    assert outputs == [[], [], None]
    there = notebook(*cells)
    there.cells[2].outputs = [nbformat.v4.new_output("stream", text="as it was\n")]
    there.cells[1].outputs = [nbformat.v4.new_output("stream", text="no\n")]
    result.fill(there)
    assert [c.outputs for c in there.cells][:2] == [[], []]
    assert there.cells[2].outputs[0].text == "as it was\n"
    untagged = *cells[:2], course("print(f())")  # it may change an object: who knows?
    assert run(*untagged, show="nothing")[0][2][0]["text"] == "1\n"
    needed = answer("def f(): return 1"), course("print('made')\nmade = f()", shows=True), check("assert made == 1")
    for show in ("nothing", "handed in"):
        outputs, _ = run(*needed, show=show)
        assert outputs[1][0]["text"] == "made\n"
        assert outputs[2] == []


# --- what is told after a hidden test --------------------------------------------------------------------------------

HIDDEN_TEST = "### BEGIN HIDDEN TESTS\nassert f(4171) == 4172\n### END HIDDEN TESTS"
KEEPS = "seen = []\ndef f(x):\n    seen.append(x + 1)\n    return x + 1"


def test_cells_after_a_hidden_test_tell_what_they_tell_without_it(run):
    cells = (
        answer(KEEPS),
        check("assert f(1) == 2"),
        check(HIDDEN_TEST, "h"),
        added("print(seen)\nseen"),
        course("print(seen)", shows=True),
    )
    outputs, _ = run(*cells, names=("f", "seen"))
    assert "4172" not in json.dumps(outputs)
    assert outputs[3][0]["text"] == "[]\n"  # the visible test is not run again: nothing is said of it
    assert outputs[4][0]["text"] == "[]\n"
    outputs, _ = run(*cells, names=("f", "seen"), retell=False)
    assert outputs[3][0]["text"] == outputs[4][0]["text"] == "[2, 4172]\n"


def test_a_visible_test_that_fails_after_a_hidden_one_says_what_it_says_without_it(run):
    fails = "def test():\n    got = f(1)\n    assert got == 3, f'expected 3, got {got}'\ntest()"
    cells = answer(KEEPS), check(HIDDEN_TEST, "h"), check(fails)
    outputs, _ = run(*cells)
    assert verdict(outputs[1]) == []
    assert verdict(outputs[2]) == [("AssertionError", "expected 3, got 2")]
    grudge = KEEPS.replace("return x + 1", "return seen[0]")
    outputs, _ = run(answer(grudge), check(HIDDEN_TEST, "h"), check(fails))
    assert "4172" not in json.dumps(outputs)
    assert verdict(outputs[2]) == [("AssertionError", "expected 3, got 2")]  # marks are of the first run, words not
    grudge = KEEPS.replace("return x + 1", "return max(seen[0], 3)")
    outputs, _ = run(answer(grudge), check(HIDDEN_TEST, "h"), check(fails))
    assert [name for name, _ in verdict(outputs[2])] == ["FailedLater"]


def test_of_a_test_with_a_hidden_part_the_visible_one_may_speak(run):
    mixed = f"assert f(1) == 3, f'got {{f(1)}}'\n{HIDDEN_TEST}"
    outputs, _ = run(answer(KEEPS), check(mixed))
    ((name, message),) = verdict(outputs[1])
    assert (name, message) == ("AssertionError", "got 2")
    mixed = f"{HIDDEN_TEST}\nassert f(1) == 3, f'got {{seen_by_f()}}'"
    hers = KEEPS + "\ndef seen_by_f():\n    return list(seen)"
    outputs, _ = run(answer(hers), check(mixed), names=("f", "seen_by_f"))
    assert verdict(outputs[1]) == [("AssertionError", "got [2]")]


def test_how_a_process_ended_after_a_hidden_test_is_not_told_unless_it_ends_so_without_it(run):
    ends = "import os\nos._exit(len(seen) + 3)"
    outputs, _ = run(answer(KEEPS), added(ends), check("assert f(1) == 2"))
    assert "exit code 3" in verdict(outputs[2])[0][1]
    outputs, result = run(answer(KEEPS), check(HIDDEN_TEST, "h"), added(ends), check("assert f(1) == 2"))
    assert "exit code 3" in verdict(outputs[2])[0][1]
    assert "This test could not run" in verdict(outputs[3])[0][1]
    assert "exit code 3" in verdict(outputs[3])[0][1]
    assert "exit code 4" not in json.dumps(outputs) + result.stopped_by
    ends = "import os\nif seen:\n    os._exit(7)"
    outputs, result = run(answer(KEEPS), check(HIDDEN_TEST, "h"), added(ends), check("assert f(1) == 2"))
    assert "exit code" not in json.dumps(outputs) + result.stopped_by
    assert verdict(outputs[2])[0][0] == "KernelStopped"
    assert "This test could not run" in verdict(outputs[3])[0][1]


def test_only_what_speaks_after_a_hidden_test_runs_again():
    said = nbformat.v4.new_output("stream", text="x")
    failed, not_run = error("AssertionError", "got 1", []), ours("NotRun", "This test could not run.")

    def in_line(n):
        return error("AssertionError", "got 1", [f"Cell In[1], line {n}\n----> assert f()"])

    cells = {
        "answer": (answer("def f(): pass"), [said]),
        "visible": (check("assert f()"), [failed]),
        "hidden": (check(HIDDEN_TEST, "h"), [failed]),
        "silent": (added("1"), []),
        "speaks": (added("print(1)"), [said]),
        "passed": (check("assert f()", "t2"), [said]),
        "not run": (check("assert f()", "t3"), [not_run]),
        "only a comment": (check("# part 2\n" + HIDDEN_TEST, "h2"), [failed]),
        "its hidden part": (check("assert f()\n" + HIDDEN_TEST, "h3"), [in_line(3)]),
        "its visible part": (check("assert f()\n" + HIDDEN_TEST, "h4"), [in_line(1)]),
        "failed": (check("assert f()", "t4"), [failed]),
    }
    made = notebook(*(c for c, _ in cells.values()))
    for c, (_, put_out) in zip(made.cells, cells.values(), strict=True):
        c.update(outputs=put_out, execution_count=1)
    doubted = in_doubt(made, parts_of(made, frozenset("f")))
    assert [name for i, name in enumerate(cells) if i in doubted] == ["silent", "speaks", "its visible part", "failed"]


def test_who_is_silent_after_a_hidden_test_says_nothing_by_that(run):
    bits = [added(f"if not seen or (seen[-1] >> {k}) & 1:\n    print({k})") for k in range(6)]  # 4172 = 0b1000001001100
    outputs, _ = run(answer(KEEPS), check(HIDDEN_TEST, "h"), *bits)
    assert [o[0]["text"] for o in outputs[2:]] == [f"{k}\n" for k in range(6)]
    bits = [added(f"if seen and (seen[-1] >> {k}) & 1:\n    print({k})") for k in range(6)]
    outputs, _ = run(answer(KEEPS), check(HIDDEN_TEST, "h"), *bits)
    assert outputs[2:] == [[]] * 6


def test_the_second_run_has_what_its_tests_need_of_others(run):
    helper = "from math import isclose\ndef same(a, b):\n    assert isclose(a, b), f'got {a}'\nsame(f(1), 2)"
    cells = (
        answer(KEEPS),
        check(HIDDEN_TEST, "h"),
        check(helper, "v"),
        course("tool = same"),
        check("tool(f(1), 3)", "w"),
    )
    outputs, _ = run(*cells)
    assert verdict(outputs[2]) == []
    assert verdict(outputs[4]) == [("AssertionError", "got 2")]


def test_the_second_run_begins_with_the_files_as_they_were(run):
    once = course("import os\nos.mkdir('out')\nos.chdir('out')")
    cells = once, answer(KEEPS), check(HIDDEN_TEST, "h"), check("got = f(1)\nassert got == 3, f'got {got}'", "v")
    outputs, _ = run(*cells)
    assert verdict(outputs[3]) == [("AssertionError", "got 2")]


def test_the_visible_part_of_a_test_keeps_its_lines():
    assert without_hidden(f"a = 1\n{HIDDEN_TEST}\nb = 2") == "a = 1\n#\n#\n#\nb = 2"
    assert without_hidden(f"# a\n{HIDDEN_TEST}") == ""
    assert without_hidden(f"def t():\n{HIDDEN_TEST}") == ""  # it does not parse without the hidden part


@pytest.mark.parametrize(
    "claim",
    [
        None, 1, [], {"output_type": "stream", "text": 1}, {"output_type": "stream"}, {"output_type": "error"},
        {"output_type": "display_data", "data": {}}, {"output_type": "display_data", "data": {1: 2}},
        {"output_type": "display_data", "data": {"application/javascript": "alert(1)"}},
        {"output_type": "display_data", "data": {"image/png": "bm8gcGljdHVyZQ=="}},
        {"output_type": "update_display_data", "data": {"text/plain": "x"}},
    ],
)  # fmt: skip
def test_what_is_no_output_is_passed_over(claim):
    assert outputs_of([claim], 1000) == []
    assert outputs_of(claim, 1000) == []


def test_html_keeps_its_looks_and_nothing_that_runs():
    html = (
        '<table style="color: red; background: url(x)"><td onclick="a()">1</td></table><script>b()</script>'
        '<a href="javascript:c()">d</a><img src=x onerror=e()><iframe src="f"></iframe>'
    )
    (output,) = outputs_of([{"output_type": "display_data", "data": {"text/html": html}}], 10_000)
    kept = output.data["text/html"]
    assert "<td>1</td>" in kept
    assert 'style="color: red;"' in kept
    assert not re.search(r"script|onclick|onerror|iframe|url\(", kept)


def test_html_that_would_take_long_to_clean_is_passed_over():
    slow = "<p>" + "".join(f"<b class=q{i}>" for i in range(400)) + "</p>" + "<p>x</p>" * 400
    (output,) = outputs_of([{"output_type": "display_data", "data": {"text/html": slow, "text/plain": "x"}}], 10**6)
    assert output.data == {"text/plain": "x"}
    table = "<table>" + "<tr><td>1</td><td><b>2</b></td></tr>" * 60 + "</table>"
    (output,) = outputs_of([{"output_type": "display_data", "data": {"text/html": table}}], 10**6)
    assert output.data["text/html"].count("<td>") == 120


def test_pictures_are_data_of_pictures():
    data = {"image/png": base64.b64encode(PNG).decode() + '\n"<>', "image/svg+xml": "<svg onload=a()></svg>"}
    meta = {"image/png": {"alt": "a curve", "width": 1}, "text/plain": {"alt": 1}}
    (output,) = outputs_of([{"output_type": "display_data", "data": data, "metadata": meta}], 10_000)
    assert base64.b64decode(output.data["image/png"]) == PNG
    assert '"' not in output.data["image/png"]
    assert output.data["text/html"].startswith('<img alt="" src="data:image/svg+xml;base64,')
    assert output.metadata == {"image/png": {"alt": "a curve"}}


def test_outputs_are_bounded_and_can_be_written():
    many = [{"output_type": "stream", "name": "x\ud800", "text": "y\ud800\0" * 1000}] * 5000
    found = outputs_of(many, 10_000)
    assert sum(len(o.text) for o in found) <= 11_000
    json.dumps(found).encode()
    assert {o.name for o in found} == {"stdout"}


def test_expect_alone_needs_no_channel():
    with pytest.raises(AssertionError, match="Expected 1, got 2"):
        expect("x", 2, 1, rtol=0)
