"""The committed notebooks are in normal form, and each rule of that form can be seen to fail."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from dlkit import notebooks
from dlkit.errors import CourseError

ROOT = Path(__file__).resolve().parents[1]
COMMITTED = notebooks.course_notebooks()
PNG = {"image/png": "aGFsbG8=", "text/plain": "a line"}
ALT = {"image/png": {"alt": "a line"}}
WIDGET = {notebooks.WIDGET: {"model_id": "1f", "version_major": 2, "version_minor": 0}}
FORTY_WORDS = "word and " * 20


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_committed_notebook_is_in_normal_form(path):
    assert notebooks.problems(path) == []


def test_all_notebooks_of_the_course_are_looked_at():
    assert COMMITTED
    listed = subprocess.run(
        ["git", "ls-files", "lectures/*.ipynb", "solutions/*.ipynb"], cwd=ROOT, capture_output=True, text=True
    )
    assert {ROOT / name for name in listed.stdout.splitlines()} <= set(COMMITTED)


# ---- the rules, each on a notebook that breaks just this one --------------------------------------------------------


def code(source="1 + 1", outputs=(), tags=(), count=1, **metadata):
    cell = new_code_cell(source, outputs=[nbformat.from_dict(dict(o)) for o in outputs], execution_count=count)
    cell.id = f"id-{count}"
    cell.metadata = nbformat.from_dict({**metadata, **({"tags": list(tags)} if tags else {})})
    return cell


def text(source):
    cell = new_markdown_cell(source)
    cell.id = "text"
    return cell


def show(data, metadata=None, kind="display_data"):
    count = {"execution_count": 1} if kind == "execute_result" else {}
    return new_output(kind, data=data, metadata=metadata or {}, **count)


def stream(text, name="stdout"):
    return new_output("stream", name=name, text=text)


def error(line="ZeroDivisionError: division by zero"):
    return new_output("error", ename="ZeroDivisionError", evalue="division by zero", traceback=[line])


def notebook(*cells):
    return new_notebook(cells=list(cells), metadata=nbformat.from_dict(notebooks.METADATA))


def problems(folder, nb, where="lectures"):
    """Write a notebook just as it is and return what is wrong with it."""
    path = folder / where / "01_made.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(nbformat.v4.writes_json(nb) + "\n")  # unlike nbformat.write, it mends nothing
    return notebooks.problems(path)


GOOD = {
    "number": code(outputs=[show({"text/plain": "2"}, kind="execute_result")]),
    "picture": code(outputs=[show(PNG, ALT)]),
    "meant error": code(outputs=[error()], tags=["raises-exception"]),
    "meant warning": code(outputs=[stream("careful", "stderr")], tags=["nbval-ignore-output"]),
    "both streams": code(outputs=[stream("a"), stream("w", "stderr"), stream("b")], tags=["nbval-ignore-output"]),
    "fractions and links": code(outputs=[stream("3/4/5 km/h, https://example.org/a/b, and/or/not, 0xff")]),
    "nbgrader": code(
        nbgrader={"grade": False, "grade_id": "a", "locked": False, "schema_version": 3, "solution": True}
    ),
    "slides": code(slideshow={"slide_type": "slide"}, editable=False, deletable=False),
    "heading": text("# Losses 损失\n\nShort."),
    "marks of nbgrader": text("### BEGIN SOLUTION\n\n### END SOLUTION"),
    "prose": text(f'{FORTY_WORDS} and more\n\n<div lang="zh">\n\n中文。\n\n</div>'),
    "formula and code": text(
        f"$$ {'word ' * 50} $$\n\n```python\n# no heading\n{'word ' * 50}\n```\n\n`{'word ' * 50}`"
    ),
    "table": text("\n".join(["| English | 中文 |", *["| some English words | 一些词 |"] * 20])),
    "references": text(f"## References 参考文献\n\n{FORTY_WORDS} and more"),
}

BAD = {
    "live widget": (code(outputs=[show({**PNG, **WIDGET}, ALT)]), "live widget"),
    "widget alone": (code(outputs=[show({"text/plain": "VBox(children=(Label(value='a'),))"})]), "without its picture"),
    "split stream": (code(outputs=[stream("a"), stream("b")]), "split streams"),
    "output metadata": (code(outputs=[show({"text/plain": "2"}, {"needs_background": "light"})]), "metadata of no use"),
    "stderr": (code(outputs=[stream("careful", "stderr")]), "writes to stderr"),
    "error": (code(outputs=[error()]), "stores an error"),
    "no error": (code(tags=["raises-exception"]), "raised nothing"),
    "address": (code(outputs=[show({"text/plain": "<object at 0x7f3a2b10c5e0>"})]), "memory address: '0x7f3a2b10c5e0'"),
    "path": (code(outputs=[stream("saved to /home/me/a.txt")]), "absolute path: '/home/me/a.txt'"),
    "path in html": (code(outputs=[show({"text/html": "<a href='/home/me/a'>a</a>"})]), "absolute path"),
    "path in colours": (
        code(outputs=[error("\x1b[32m/home/me/a.py\x1b[39m")], tags=["raises-exception"]),
        "absolute path",
    ),
    "windows path": (code(outputs=[stream("saved to C:\\me")]), "absolute path"),
    "no alt": (code(outputs=[show(PNG)]), "without alt text"),
    "empty alt": (code(outputs=[show(PNG, {"image/png": {"alt": " "}})]), "without alt text"),
    "never run": (code(count=None), "never executed"),
    "run out of order": (code(count=2), "execution count 2, expected 1"),
    "empty cell": (code(""), "empty; delete it"),
    "timing metadata": (code(execution={"iopub.status.busy": "now"}), "metadata 'execution' of cells [1]"),
    "empty slideshow": (code(slideshow=[]), "metadata 'slideshow' of cells [1]"),
    "bare heading": (text("# Losses\n\n## 损失 second"), "heading without Chinese: '# Losses'"),
    "lone prose": (text(f"{FORTY_WORDS} and more"), 'no <div lang="zh"> block'),
    "tight block": (text('<div lang="zh">\n中文。\n</div>'), "needs a blank line"),
    "open block": (text('<div lang="zh">\n\n中文。'), "needs a blank line"),
    "block without Chinese": (text('<div lang="zh">\n\nsoon\n\n</div>'), "Chinese text"),
    "mark of a text format": (code("# %%\n1 + 1"), "divides cells"),
    "mark in prose": (text("%% [markdown]"), "divides cells"),
    "download": (code("urllib.request.urlopen(address)"), "fetches from the network"),
    "data set": (code("X, y = fetch_openml('mnist_784')"), "fetches from the network"),
    "remote image": (text('<img src="https://example.org/a.png">'), "fetches from the network"),
    "remote picture": (text("![a](https://example.org/a.png)"), "fetches from the network"),
}


@pytest.mark.parametrize("cell", GOOD.values(), ids=GOOD)
def test_good_cell_has_no_problems(tmp_path, cell):
    assert problems(tmp_path, notebook(cell)) == []


@pytest.mark.parametrize(("cell", "expected"), BAD.values(), ids=BAD)
def test_each_rule_fails_for_its_reason_only(tmp_path, cell, expected):
    (found,) = problems(tmp_path, notebook(cell))
    assert found.startswith(("cell 1: ", "metadata "))
    assert expected in found


@pytest.mark.filterwarnings("error")
def test_rules_of_the_notebook_as_a_whole(tmp_path):
    good = notebook(code())
    assert problems(tmp_path, good) == []

    other = notebook(code())
    other.metadata.kernelspec.display_name = "my kernel"
    assert ["metadata of the notebook" in problem for problem in problems(tmp_path, other)] == [True]

    old = notebook(code())
    old.nbformat_minor = 4
    del old.cells[0]["id"]
    first, second = problems(tmp_path, old)
    assert (first, "id None is missing" in second) == ("nbformat 4.4, expected 4.5", True)

    without = notebook(code())
    del without.cells[0]["id"]
    assert ["id None is missing" in problem for problem in problems(tmp_path, without)] == [True]

    twice = notebook(code(), code(count=2))
    twice.cells[1].id = twice.cells[0].id
    assert ["cell 2: its id 'id-1' is missing, used twice" in problem for problem in problems(tmp_path, twice)] == [
        True
    ]

    huge = notebook(code(outputs=[show({**PNG, "image/png": "A" * 1_500_000}, ALT)]))
    assert problems(tmp_path, huge) == ["1.5 MB, expected less than 1.5 MB"]


def test_file_is_written_as_nbformat_writes_it(tmp_path):
    assert problems(tmp_path, notebook(code())) == []
    path = tmp_path / "lectures/01_made.ipynb"
    path.write_text(path.read_text().rstrip("\n"))
    assert notebooks.problems(path) == ["keys, indentation or last line are not as nbformat writes them"]


@pytest.mark.parametrize("content", ["", "[]", '{"nbformat": 3}', '{"nbformat": 4, "cells": [{}]}', "\udcff"])
def test_a_file_that_is_no_notebook_is_a_problem_not_a_crash(tmp_path, content):
    path = tmp_path / "a.ipynb"
    path.write_bytes(content.encode(errors="surrogateescape"))
    (problem,) = notebooks.problems(path)
    assert problem.startswith("not a notebook of format 4: ")


def test_host_name_in_an_output(tmp_path, monkeypatch):
    nb = notebook(code(outputs=[stream("running on lab-7")]))
    monkeypatch.setattr("socket.gethostname", lambda: "lab-7")
    assert problems(tmp_path, nb) == ["cell 1: its output holds a host name: 'lab-7'"]
    monkeypatch.setattr("socket.gethostname", lambda: "running")  # an ordinary word, so it says nothing
    assert problems(tmp_path, nb) == []


def test_where_a_notebook_stands_decides_on_language_and_network(tmp_path):
    prose, bare, fetch = text(f"{FORTY_WORDS} and more"), text("# Losses"), code("requests.get(address)")
    prose.id, bare.id = "prose", "bare"
    nb = notebook(prose, bare, fetch)
    assert len(problems(tmp_path, nb, "lectures")) == 3
    assert problems(tmp_path, nb, "solutions/hw1") == ["cell 2: a heading without Chinese: '# Losses'"]
    assert problems(tmp_path, nb, "elsewhere") == []


# ---- getting there --------------------------------------------------------------------------------------------------


def test_normal_form_keeps_what_matters_and_is_stable():
    nb = notebook(
        code(outputs=[stream("a"), stream("b"), show({**PNG, **WIDGET}, ALT)], tags=["keep"], scrolled=True),
        code(outputs=[show(WIDGET), error("File ~/course/dlkit/a.py:3, in /usr/lib/python3.11/b.py")], count=7),
    )
    nb.cells[1].outputs.append(show({"text/plain": "2"}, kind="execute_result"))
    nb.cells[1].id = nb.cells[0].id
    nb.metadata["widgets"] = {"state": {}}
    normal = notebooks.normalise(nb)
    assert nb.metadata["widgets"] == {"state": {}}, "the given notebook is left alone"
    first, second = normal.cells
    assert (first.id, first.metadata) == ("id-1", {"tags": ["keep"]})
    assert first.outputs == [stream("ab"), show(PNG, ALT)]
    assert second.outputs[0].traceback == ["File dlkit/a.py:3, in python3.11/b.py"]
    assert [output.output_type for output in second.outputs] == ["error", "execute_result"]
    assert (second.execution_count, second.outputs[1].execution_count) == (7, 7)
    assert second.id not in ("", first.id)
    assert second.id == notebooks.normalise(nb).cells[1].id, "made from position and content, so always the same"
    assert notebooks.normalise(normal) == normal
    assert normal.metadata == notebooks.METADATA


def write(path, *cells):
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook(*cells), path)
    return path


def command(*arguments, cwd=None):
    return subprocess.run(
        [sys.executable, "-m", "dlkit", "notebooks", *map(str, arguments)], capture_output=True, text=True, cwd=cwd
    )


def test_run_executes_in_a_fresh_kernel_with_one_thread(tmp_path):
    (tmp_path / "data.txt").write_text("beside the notebook")
    path = write(
        tmp_path / "a.ipynb",
        code("import os; print(open('data.txt').read())", count=5),
        code("print(os.environ['OMP_NUM_THREADS'])", count=None),
        code("1/0", tags=["raises-exception"], count=9),
    )
    notebooks.run(path)
    assert notebooks.problems(path) == []
    outputs = [cell.outputs[0] for cell in nbformat.read(path, as_version=4).cells]
    assert [output.get("text") for output in outputs[:2]] == ["beside the notebook\n", "1\n"]
    assert outputs[2].ename == "ZeroDivisionError"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("1/0", "cell 3 failed: ZeroDivisionError: division by zero"),
        ("import time; time.sleep(60)", "cell 3 failed: it took more than 1 s"),
        ("import os; os._exit(1)", "cell 3 failed: the kernel died"),
    ],
)
def test_failing_cell_is_named_and_the_file_left_alone(tmp_path, source, expected):
    path = write(tmp_path / "a.ipynb", text("text"), code("a = 1"), code(source, count=2))
    before = path.read_bytes()
    with pytest.raises(CourseError, match=expected):
        notebooks.run(path, timeout=1)
    assert path.read_bytes() == before


def test_normalise_and_check_from_the_command_line(tmp_path):
    path = write(tmp_path / "a.ipynb", code(scrolled=True), code(count=None))
    checked = command("check", "a.ipynb", cwd=tmp_path)
    assert checked.returncode == 1
    assert "a.ipynb: metadata 'scrolled' of cells [1]" in checked.stdout
    normalised = command("normalise", "a.ipynb", cwd=tmp_path)
    assert normalised.returncode == 1, "what was never executed cannot be mended without executing"
    assert normalised.stdout.splitlines() == [
        "a.ipynb: brought into normal form",
        "a.ipynb: cell 2: never executed, so nothing compares it",
        "1 notebooks, 1 with problems",
    ]
    assert notebooks.problems(path) == ["cell 2: never executed, so nothing compares it"]
