"""A made-up course of two items, and what its made-up students hand in; `dlkit.grading` is tested on nothing else."""

import functools
import shutil
from pathlib import Path

import nbformat

from dlkit.grading.sandbox import SandboxMissing, Zygote

CONFIG = Path(__file__).resolve().parents[1] / "nbgrader_config.py"
HOSTILE = Path(__file__).resolve().parent / "answers" / "hostile"
HW = "mini"


def cell(kind, text, name=None, *, grade=False, solution=False, locked=False, points=None, **extra):
    make = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
    made = make(source=text.strip("\n"))
    made["id"] = extra.pop("id", None) or (name or f"text-{abs(hash(text)) % 10**6}").replace("_", "-")
    made.metadata.update(extra)
    if name is not None:
        nbgrader = {"grade_id": name, "grade": grade, "solution": solution, "locked": locked, "schema_version": 3}
        made.metadata["nbgrader"] = {**nbgrader, "task": False, **({"points": points} if grade else {})}
    return made


def source_notebook():
    cells = [
        cell("markdown", "# Mini\n\nTwo functions.", id="intro"),
        cell("code", "import numpy as np\n\nfrom dlkit.grading import expect", "setup", locked=True),
        cell(
            "code",
            "def double(x):\n    ### BEGIN SOLUTION\n    doubled_answer = 2 * x\n"
            "    return doubled_answer\n    ### END SOLUTION",
            "double",
            solution=True,
        ),
        cell(
            "code",
            '# Part 1, visible test\nexpect("double(3)", double(3), 6, rtol=0, mistakes={"the number is squared": 9})\n'
            "double(0.25)",
            "double_visible",
            grade=True,
            locked=True,
            points=2,
        ),
        cell(
            "code",
            "# Part 1, hidden tests: other numbers\n### BEGIN HIDDEN TESTS\n"
            "def hidden_double():\n"
            "    secret_number = 4171\n"
            '    expect(f"double({secret_number})", double(secret_number), 8342, rtol=0,\n'
            '           mistakes={"the number is squared": 17397241,\n'
            '                     "a large number is left as it is": secret_number})\n'
            "hidden_double()\n### END HIDDEN TESTS",
            "double_hidden",
            grade=True,
            locked=True,
            points=3,
        ),
        cell("markdown", "Now the mean.", id="between"),
        cell(
            "code",
            "def mean(values):\n    ### BEGIN SOLUTION\n    return sum(values) / len(values)\n    ### END SOLUTION",
            "mean",
            solution=True,
        ),
        cell(
            "code",
            'expect("mean([1, 2, 6])", mean([1, 2, 6]), 3, rtol=1e-12)\n'
            "### BEGIN HIDDEN TESTS\n# title: negative numbers\n"
            'expect("mean of secret values", mean([-41.75, 1.25]), -20.25, rtol=1e-12)\n### END HIDDEN TESTS',
            "mean_test",
            grade=True,
            locked=True,
            points=5,
        ),
        cell(
            "markdown",
            "Why?\n\n### BEGIN SOLUTION\nBecause of linearity, the secret reason.\n### END SOLUTION",
            "essay",
            grade=True,
            solution=True,
            points=4,
        ),
    ]
    return nbformat.v4.new_notebook(cells=cells)


@functools.cache
def sandbox_here():
    """The sandbox that this machine can make; what is graded without one should come out the same."""
    try:
        with Zygote(preload=()):
            return "bubblewrap"
    except SandboxMissing:
        return "none"


def make_course(root):
    """Write the course's configuration and source; return its root."""
    folder = root / "solutions" / HW
    folder.mkdir(parents=True)
    shutil.copyfile(CONFIG, root / "nbgrader_config.py")
    with (root / "nbgrader_config.py").open("a") as config:
        config.write(f'c.RunNotebook.sandbox = "{sandbox_here()}"\n')
    nbformat.write(source_notebook(), folder / f"{HW}.ipynb")
    (folder / "numbers.txt").write_text("1 2 3\n")
    return root


def submission(release, **texts):
    """A copy of the release with these texts in its answer cells; `right` ones where none is given."""
    notebook = nbformat.from_dict(release)
    right = {
        "double": "def double(x):\n    return x + x",
        "mean": "def mean(values):\n    return sum(values) / len(values)",
        "essay": "Because the sum is linear.",
    }
    for name, text in {**right, **texts}.items():
        find(notebook, name).source = text
    return notebook


SQUARE = "def double(x):\n    return x ** 2"


def hand_in_five(root):
    """Put what five students hand in into a released course: right, another essay, squared, untouched, wrong mean."""
    out = nbformat.read(root / "assignments" / HW / f"{HW}.ipynb", as_version=4)
    put(submission(out), root / "submitted" / "ada" / HW)
    put(submission(out, essay="For another reason."), root / "submitted" / "bea" / HW, "2026-03-04 12:00:00 UTC")
    put(submission(out, double=SQUARE), root / "submitted" / "cyd" / HW)
    put(out, root / "submitted" / "dan" / HW)
    put(submission(out, mean="total = sum\ndef mean(v): return total(v) / 4"), root / "submitted" / "eve" / HW)
    (root / "submitted" / "eve" / HW / "notes.txt").write_text("mine")


def find(notebook, name):
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name)


def insert(notebook, at, text, kind="code", **metadata):
    """Put a cell of the student's own before cell number `at`."""
    notebook.cells.insert(at, cell(kind, text, id=f"added-{len(notebook.cells)}", **metadata))
    return notebook


def position(notebook, name):
    return notebook.cells.index(find(notebook, name))


def put(notebook, folder, submitted="2026-03-01 12:00:00 UTC", name=f"{HW}.ipynb"):
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, folder / name)
    (folder / "timestamp.txt").write_text(submitted)
