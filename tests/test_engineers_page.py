"""The page for engineers, dlkit/README.md: its code runs and prints what it says, and its diagram is the house."""

import ast
import contextlib
import io
import re
import sys
from pathlib import Path
from types import ModuleType

import autograd_table
import numpy as np
import pytest

from dlkit.autograd import check_gradients

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "dlkit" / "README.md").read_text(encoding="utf-8")


def sections(page):
    """The text of each section by its title."""
    _, *titles_and_texts = re.split(r"^## (.+)\n", page, flags=re.MULTILINE)
    return dict(zip(titles_and_texts[::2], titles_and_texts[1::2], strict=True))


def blocks(section):
    """Each block of Python with what it should print: the block of text that is next, or nothing."""
    fences = re.findall(r"^```(\w*)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return [
        (code, text if following == "text" else "")
        for (language, code), (following, text) in zip(fences, [*fences[1:], ("", "")], strict=False)
        if language == "python"
    ]


def run(section):
    """Run the blocks of a section in order, in one module, and compare what each prints."""
    if 'device="cpu"' in section:
        pytest.importorskip("torch")
    module = sys.modules["page"]
    for code, expected in blocks(section):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "dlkit/README.md", "exec"), vars(module))
        assert printed.getvalue() == expected


@pytest.fixture(autouse=True)
def the_rest_stays_as_it_is(monkeypatch):
    """The code is that of a module, so that pickle finds it; its rows go into a table of their own."""
    monkeypatch.setitem(sys.modules, "page", ModuleType("page"))
    monkeypatch.setattr(autograd_table, "ROWS", [])


WITH_CODE = [title for title, text in sections(PAGE).items() if blocks(text)]


@pytest.mark.parametrize("title", WITH_CODE)
def test_code_does_what_the_page_says(title):
    run(sections(PAGE)[title])


def test_every_block_of_code_is_run():
    assert sum(len(blocks(sections(PAGE)[title])) for title in WITH_CODE) == PAGE.count("```python")
    assert {"operation", "loss", "optimizer", "schedule"} <= {title.split()[-1] for title in WITH_CODE}


def test_the_rows_of_the_page_would_do_in_the_table():
    run(sections(PAGE)["Adding an operation"])
    assert autograd_table.ROWS
    for row in autograd_table.ROWS:
        points = row.points()
        check_gradients(row.call, *points)
        # Two ways to write a few operations on numbers below 2.
        np.testing.assert_allclose(row.call(*points), row.by_numpy(*points), rtol=0, atol=1e-14)


SLIPS = [
    ("From a value to its gradient", "+ part", "- part"),
    ("From a value to its gradient", "min(waiting", "max(waiting"),
    ("From a value to its gradient", "sends 3 to y", "sends 2 to y"),
    ("Adding an operation", "g * (s + beta * z * (1 - s))", "g * (s + z * (1 - s))"),
    ("Adding an operation", "return x * sigmoid(beta * x)", "return x * sigmoid(x)"),
    ("Adding an operation", "1.090784", "1.090783"),
    ("Adding a loss", "near * (distance - near / 2)", "near * (distance - near)"),
    ("Adding a loss", '    same_shape(y, "y", prediction, "prediction")\n', ""),
    ("Adding an optimizer", "average(m, g, 1 - self.beta2)", "average(m, g, self.beta2)"),
    ("Adding an optimizer", "x -= self.eta * direction", "x += self.eta * direction"),
    ("Adding an optimizer", "self.beta1 * m + (1 - self.beta1) * g)", "g)"),
    ("Adding an optimizer", "    def step(self, x, g):\n", "    elementwise = True\n\n    def step(self, x, g):\n"),
    ("Adding a schedule", "(t - 1) %", "t %"),
    ("Adding a schedule", '        count(self.steps, "steps")\n', ""),
    ("Another device", "rule.update([W, b])", "device == 'cpu' or rule.update([W, b])"),
]


@pytest.mark.parametrize(("title", "right", "wrong"), SLIPS)
def test_a_slip_on_the_page_is_caught(title, right, wrong):
    section = sections(PAGE)[title]
    assert section.count(right) == 1
    with pytest.raises(AssertionError):
        run(section.replace(right, wrong))


# The house


def floors():
    """What each module may import, as tests/test_docs.py has it."""
    tree = ast.parse((ROOT / "tests" / "test_docs.py").read_text(encoding="utf-8"))
    assigned = [node for node in ast.walk(tree) if isinstance(node, ast.Assign)]
    (table,) = (node.value for node in assigned if ast.unparse(node.targets[0]).lower() == "floors")
    return ast.literal_eval(table)


def diagram():
    """The names in the diagram, from the ground up and from left to right."""
    lines = re.search(r"^```\n(.*?)^```$", sections(PAGE)["The house"], re.MULTILINE | re.DOTALL)[1].splitlines()
    return [name for line in reversed(lines) for name in re.sub(r"^(floor \d|beside|ground)", "", line).split()]


def test_the_diagram_has_every_module_after_what_it_imports():
    names, table = diagram(), floors()
    assert len(names) == len(set(names))
    assert set(names) == set(table) - {"__init__"}
    assert "`__init__`" in PAGE
    for k, name in enumerate(names):
        assert table[name] <= set(names[: k + 1]), name


def test_what_the_page_names_is_there():
    files = set(re.findall(r"`((?:dlkit|tests|benchmarks)/[\w/.]*)`", PAGE))
    files |= {f"dlkit/{path}" for path in re.findall(r"\]\(([^)#]+)\)", PAGE)}
    assert len(files) > 15
    assert [path for path in files if not (ROOT / path).exists()] == []
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(f"\n{target}:" in makefile for target in re.findall(r"`make (\w+)", PAGE))
    lists = re.findall(r"`(_?[A-Z]{3,})` of\s`([\w/.]+)`", PAGE)
    assert len(lists) == 6
    for name, path in lists:
        assert re.search(rf"^{name}\b.* = ", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE), name
