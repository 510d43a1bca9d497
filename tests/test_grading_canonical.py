"""The canonical notebook and the look at what answers reach for; no kernel is needed."""

import nbformat
import pytest
from grading_course import HW, cell, find, insert, make_course, position, submission

from dlkit.grading.canonical import canonical, recognised
from dlkit.grading.cells import grade_id
from dlkit.grading.release import release
from dlkit.grading.screen import look, screen, watched

DOUBLE = "def double(x):\n    return x + x"


@pytest.fixture(scope="module")
def handed_out(tmp_path_factory):
    root = make_course(tmp_path_factory.mktemp("course"))
    release([HW], root)
    return nbformat.read(root / "assignments" / HW / f"{HW}.ipynb", as_version=4)


def texts(notebook):
    return [c.source for c in notebook.cells]


def code_before(notebook, name):
    return notebook.cells[position(notebook, name) - 1].source


def test_only_the_text_of_the_answers_is_taken(handed_out):
    notebook, notes = canonical(handed_out, submission(handed_out))
    assert notes == []
    assert [c.id for c in notebook.cells] == [c.id for c in handed_out.cells]
    assert find(notebook, "double").source == DOUBLE
    assert find(notebook, "essay").source == "Because the sum is linear."
    for ours, theirs in zip(handed_out.cells, notebook.cells, strict=True):
        marked = {} if ours.metadata.get("nbgrader", {}).get("solution") else {"dlkit": {"course": True}}
        assert theirs.metadata == {**ours.metadata, **marked}
        assert ours.source == theirs.source or grade_id(ours) in ("double", "mean", "essay")


def test_tags_points_outputs_kernel_order_and_locked_texts_of_the_submission_do_not_count(handed_out):
    theirs = submission(handed_out)
    for c in theirs.cells:
        c.metadata["tags"] = ["skip-execution", "raises-exception"]
    find(theirs, "double_visible").metadata.nbgrader["points"] = 100
    find(theirs, "double_visible").metadata.nbgrader["grade"] = False
    find(theirs, "double_visible").source = "pass"
    find(theirs, "mean").metadata.nbgrader.update(locked=True, solution=False, cell_type="markdown")
    find(theirs, "mean_test").outputs = [nbformat.v4.new_output("stream", text="5.0")]
    theirs.metadata["kernelspec"] = {"name": "mine", "display_name": "mine"}
    theirs.cells.reverse()
    notebook, notes = canonical(handed_out, theirs)
    assert notebook == canonical(handed_out, submission(handed_out))[0]
    assert notes == ["The locked cell `double_visible` was changed; the course's own was used."]


def test_outputs_of_the_courses_cells_are_kept_to_be_shown_made_harmless(handed_out):
    picture = nbformat.v4.new_output("display_data", data={"text/html": "<p>x</p>", "text/plain": "good"})
    failed = nbformat.v4.new_output("error", ename="E", evalue="", traceback=[])
    theirs = submission(handed_out)
    for name in ("setup", "double", "double_visible"):
        find(theirs, name).outputs = [picture, failed]
    notebook, _ = canonical(handed_out, theirs)
    told, kept = find(notebook, "setup").outputs
    assert "as handed in, not run again" in told.data["text/html"]
    assert kept.data == {"text/plain": "good"}
    assert find(notebook, "double").outputs == find(notebook, "double_visible").outputs == []
    find(theirs, "setup").source += "\nprint(1)"  # then it is not what the course's cell has put out
    assert find(canonical(handed_out, theirs)[0], "setup").outputs == []


def test_a_cell_that_lost_its_metadata_is_found_by_its_id(handed_out):
    theirs = submission(handed_out)
    for c in theirs.cells:
        c.metadata = nbformat.from_dict({})
    notebook, notes = canonical(handed_out, theirs)
    assert notebook == canonical(handed_out, submission(handed_out))[0]
    assert notes[0] == "The cell of `double` had lost its nbgrader metadata; found by its cell id."


def test_added_cells_stay_where_they_are_as_plain_code(handed_out):
    theirs = submission(handed_out)
    insert(theirs, position(theirs, "double"), "helper = 2", tags=["skip-execution"])
    insert(theirs, position(theirs, "mean_test"), "other = 3")
    insert(theirs, 0, "first = 1")
    theirs.cells.append(cell("code", "assert True", "my_test", grade=True, locked=True, points=50))
    theirs.cells.append(cell("code", "  \n", id="blank"))
    notebook, notes = canonical(handed_out, theirs)
    assert notes == []
    assert notebook.cells[0].source == "first = 1"
    assert code_before(notebook, "double") == "helper = 2"
    assert code_before(notebook, "mean_test") == "other = 3"
    assert texts(notebook)[-1] == "assert True"
    assert all(not notebook.cells[i].metadata for i in (0, position(notebook, "double") - 1, -1))
    assert len({c.id for c in notebook.cells}) == len(notebook.cells) == len(handed_out.cells) + 4


def test_of_copies_the_untouched_ones_are_dropped(handed_out):
    theirs = submission(handed_out)
    untouched = nbformat.from_dict(find(handed_out, "double"))
    untouched["id"] = "a-copy"
    theirs.cells.insert(position(theirs, "double") + 1, untouched)
    notebook, notes = canonical(handed_out, theirs)
    assert notebook == canonical(handed_out, submission(handed_out))[0]
    assert notes == ["`double` was there 2 times; one text was used."]


@pytest.mark.parametrize(
    ("first", "second"),
    [("def double(x):\n    return 3 * x", DOUBLE), ("half = 1", f"{DOUBLE}\n\nassert half")],
    ids=["copied and changed", "split"],
)
def test_of_several_changed_copies_the_last_answers_and_the_others_run_before_it(handed_out, first, second):
    theirs = submission(handed_out, double=first)
    copy = nbformat.from_dict(find(theirs, "double"))
    copy.update(id="a-copy", source=second)
    theirs.cells.insert(position(theirs, "double") + 1, copy)
    notebook, notes = canonical(handed_out, theirs)
    assert find(notebook, "double").source == second
    assert code_before(notebook, "double") == first
    assert sum(grade_id(c) == "double" for c in notebook.cells) == 1
    assert notes == ["`double` was there 2 times; the last changed one is the answer, run after the others."]


def test_a_missing_answer_is_the_untouched_one_and_added_code_comes_after_it(handed_out):
    theirs = submission(handed_out)
    theirs.cells.remove(find(theirs, "double"))
    theirs.cells.remove(find(theirs, "double_hidden"))
    insert(theirs, position(theirs, "double_visible"), DOUBLE)  # the answer, in a cell of her own
    notebook, notes = canonical(handed_out, theirs)
    assert find(notebook, "double").source == find(handed_out, "double").source
    assert code_before(notebook, "double_visible") == DOUBLE
    assert find(notebook, "double_hidden").source == find(handed_out, "double_hidden").source
    assert notes == ["The cell of `double` was missing; the untouched one was put back."]


def test_a_changed_cell_type_is_read_as_the_courses(handed_out):
    theirs = submission(handed_out)
    i = position(theirs, "double")
    markdown = nbformat.v4.new_markdown_cell(source=DOUBLE, metadata=theirs.cells[i].metadata)
    theirs.cells[i] = markdown
    notebook, notes = canonical(handed_out, theirs)
    assert (find(notebook, "double").cell_type, find(notebook, "double").source) == ("code", DOUBLE)
    assert notes == ["`double` was handed in as a markdown cell; read as code."]


def test_text_written_into_the_courses_own_text_is_kept_beside_it(handed_out):
    theirs = submission(handed_out)
    theirs.cells[0].source += "\n\nMy proof."
    notebook, _ = canonical(handed_out, theirs)
    assert texts(notebook)[:2] == [handed_out.cells[0].source, theirs.cells[0].source]


def test_without_cell_ids_text_cells_are_known_by_their_text(handed_out):
    theirs = submission(handed_out)
    for c in theirs.cells:
        del c["id"]
    assert texts(canonical(handed_out, theirs)[0]) == texts(canonical(handed_out, submission(handed_out))[0])


def test_the_submission_is_not_changed_and_strangers_are_not_recognised(handed_out):
    theirs = submission(handed_out)
    before = nbformat.writes(theirs)
    canonical(handed_out, theirs)
    assert nbformat.writes(theirs) == before
    assert recognised(handed_out, theirs) == 7
    assert recognised(handed_out, nbformat.v4.new_notebook(cells=[cell("code", "x = 1", "other", solution=True)])) == 0


ANY = " in a way that can pass for any value"
HOSTILE = {
    "import os\nos._exit(0)": "uses os._exit",
    "from os import kill": "imports from os",
    "import subprocess as s": "imports subprocess",
    "import socket": "imports socket",
    "import ctypes": "imports ctypes",
    "import builtins": "imports builtins",
    "from sqlite3 import connect": "imports from sqlite3",
    "import sys\nsys.modules['numpy']": "uses sys.modules",
    "np.allclose = lambda *a: True": "replaces np.allclose",
    "import numpy.linalg\nnumpy.linalg.norm = abs": "replaces numpy.linalg.norm",
    "setattr(np, 'allclose', f)": "replaces attributes of np",
    "class A:\n    def __eq__(self, other):\n        return True": "defines __eq__" + ANY,
    "class A:\n    def __array_ufunc__(self, *a): return 1": "defines __array_ufunc__" + ANY,
    "open('../gradebook.db', 'w')": "names the gradebook or the hidden tests",
    "def expect(*args): pass": "redefines expect",
    "expect = print": "redefines expect",
    "from os.path import join as expect": "redefines expect",
    "del expect": "redefines expect",
    "ip = get_ipython()": "reaches into IPython: get_ipython",
    "get_ipython().ast_transformers.append(T())": "reaches into IPython: get_ipython",
    "x = !ls": "reaches into IPython: get_ipython().getoutput('ls')",
    "%%bash\nls": "reaches into IPython: get_ipython().run_cell_magic('bash', '', 'ls\\n')",
    "eval('1')": "uses eval",
}


@pytest.mark.parametrize(("code", "finding"), HOSTILE.items())
def test_what_no_honest_answer_needs_is_found(code, finding):
    assert screen(code, frozenset({"expect"}), frozenset({"np"})) == [finding]


@pytest.mark.parametrize(
    "code",
    [
        "import numpy as np\nimport matplotlib.pyplot as plt\nplt.rcParams['figure.dpi'] = 80",
        "%matplotlib inline\n%timeit f(2)",
        "import torch\ntorch.backends.cudnn.deterministic = True",
        "class P:\n    def __eq__(self, other):\n        return self.x == other.x",
        "from dlkit.grading import expect\nexpect('f()', f(), 1, rtol=0)",
        "import os\npath = os.path.join('a', 'b')\nself.weights = np.zeros(3)",
        "def f(:\n    get_ipython()",
        "a = 1" + "+1" * 20000,
    ],
)
def test_honest_code_and_code_that_does_not_parse_give_no_finding(code):
    assert screen(code, frozenset({"expect"}), frozenset({"np"})) == []


def test_the_courses_own_cells_are_not_looked_at_and_its_judges_are_known(handed_out):
    ours = nbformat.from_dict(handed_out)
    find(ours, "setup").source += "\nimport inspect"
    find(ours, "double_visible").source += "\nfrom numpy.testing import assert_allclose\ndef close(a, b): ..."
    theirs = submission(ours, double="def close(a, b): pass\nassert_allclose = print", mean="np.mean = max")
    insert(theirs, 0, "expect_unchanged = None")
    notebook, _ = canonical(ours, theirs)
    assert sorted(look(watched(ours), notebook)) == [
        "`double`: redefines assert_allclose",
        "`double`: redefines close",
        "`mean`: replaces np.mean",
        "a cell the student added: redefines expect_unchanged",
    ]
    assert look(watched(ours), canonical(ours, submission(ours))[0]) == []
