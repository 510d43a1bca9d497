"""What the README and CONTRIBUTING promise is there, and what they show is what one gets."""

import base64
import re
import subprocess
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "dlkit/README.md")


def links(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    return [link for link in re.findall(r"\]\(([^)#]+)\)", text) if not link.startswith("http")]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    missing = [link for link in links(page) if not ((ROOT / page).parent / link).exists()]
    assert missing == []


def test_the_readme_links_every_lecture_and_assignment_there_is():
    linked = {Path(link) for link in links("README.md")}
    there = {p.relative_to(ROOT) for folder in ("lectures", "assignments/*") for p in ROOT.glob(f"{folder}/*.ipynb")}
    assert there
    assert there <= linked


def test_notebooks_link_to_files_that_exist():
    broken = []
    for path in [
        *ROOT.glob("lectures/*.ipynb"),
        *ROOT.glob("solutions/*/*.ipynb"),
        *ROOT.glob("assignments/*/*.ipynb"),
    ]:
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "markdown":
                for link in re.findall(r"\]\(([^)#]+)\)", cell.source):
                    if not link.startswith("http") and not (path.parent / link).exists():
                        broken.append(f"{path.name}: {link}")
    assert broken == []


def test_every_make_command_named_is_a_target():
    listed = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    targets = set(re.findall(r"^make (\w+)", listed, re.MULTILINE))
    named = {word for page in PAGES for word in re.findall(r"`make (\w+)", (ROOT / page).read_text(encoding="utf-8"))}
    assert {"lab", "grade", "test"} <= named <= targets


def test_the_picture_of_the_readme_is_the_figure_of_the_lecture():
    lecture = nbformat.read(ROOT / "lectures" / "06_logistic_regression.ipynb", as_version=4)
    figures = [
        o["data"]["image/png"] for c in lecture.cells for o in c.get("outputs", []) if "image/png" in o.get("data", {})
    ]
    assert (ROOT / ".github" / "two-moons.png").read_bytes() in [base64.b64decode(figure) for figure in figures]


def test_the_example_of_contributing_fails_as_it_says():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    example = re.search(r"<!-- a test runs this example -->\n```python\n(.*?)```.*?```text\n(.*?)```", text, re.DOTALL)
    code, message = example.groups()
    with pytest.raises(AssertionError) as caught:
        exec(compile(code, "CONTRIBUTING.md", "exec"), {})
    assert str(caught.value).strip() == message.strip()


def test_every_floor_imports_only_floors_below_it():
    floors = {
        "errors": set(),
        "_checks": set(),
        "_arguments": {"_checks"},
        # the ground and floor 1
        "arrays": {"arrays"},
        "autograd": {"arrays", "autograd", "plotting"},  # plotting: the drawing of graphs, imported when one is drawn
        "_operands": {"_checks", "arrays", "autograd"},
        # floor 2
        "activations": {"_checks", "_operands", "activations", "autograd"},
        "losses": {"_checks", "_operands", "activations", "arrays", "autograd", "losses"},
        "preprocessing": {"_arguments", "_checks"},
        "augmentation": {"_arguments", "_checks"},
        # floor 3
        "optim": {"_checks", "arrays", "optim"},
        "descent": {
            "_checks",
            "arrays",
            "autograd",
            "descent",
            "optim",
            "plotting",
        },  # plotting: a history draws itself
        # floor 4
        "nn": {"_arguments", "_checks", "nn"},
        "linear": {"_arguments", "_checks", "activations", "descent", "linear", "losses", "optim"},
        # floor 5
        "tf": {"arrays", "autograd", "checkpoint", "nn", "optim", "tf"},
        "keras": {
            "_checks",
            "_operands",
            "activations",
            "arrays",
            "autograd",
            "checkpoint",
            "datasets",
            "descent",  # what processes exchange that train together
            "keras",
            "losses",
            "nn",
            "optim",
        },
        # floor 6
        "recipes": {"_checks", "datasets", "descent", "errors", "keras", "plotting", "recipes", "tf"},
        # beside the floors
        "checkpoint": {"arrays"},
        "datasets": {"_arguments", "_checks", "datasets", "errors"},
        "plotting": {"errors"},
        "grading": {"grading", "errors", "notebooks", "plotting"},  # of plotting, colours for the report
        "notebooks": {"errors"},
        "lab": {"errors", "grading"},
        "__main__": {"errors", "grading", "lab", "notebooks"},
        "__init__": set(),
    }
    for path in (ROOT / "dlkit").rglob("*.py"):
        floor = path.relative_to(ROOT / "dlkit").with_suffix("").parts[0]
        used = set(re.findall(r"^\s*(?:from|import) dlkit\.(\w+)", path.read_text(encoding="utf-8"), re.MULTILINE))
        used |= set(re.findall(r"^\s*from dlkit import (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE))
        assert floor in floors, f"{floor}: which floor is it on?"
        assert used <= floors[floor], f"{path.name} imports {used - floors[floor]}"
