"""``assignments/`` from ``solutions/``: built by nbgrader, checked before and after, replaced only when complete."""

from __future__ import annotations

import filecmp
import shutil
import tempfile
from copy import deepcopy
from pathlib import Path

import nbformat
from nbformat.notebooknode import NotebookNode
from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import is_grade, is_locked, is_solution, is_task

from dlkit.errors import CourseError
from dlkit.grading.cells import HIDDEN, SOLUTION, grade_id, is_test, regions, write
from dlkit.grading.course import Course, run_nbgrader
from dlkit.grading.leaks import leaks

__all__ = ["Course", "build", "check_source", "differences", "leaks", "release"]


def release(names: list[str], root: Path, *, check: bool = False) -> dict[str, list[str]]:
    """Build assignments and put them in place, or only compare.

    Parameters
    ----------
    names
        Assignments; all that have a source if empty.
    root
        The course folder.
    check
        Compare with what is there and change nothing.

    Returns
    -------
    dict
        For each assignment, what differs from (or, without `check`, differed from) the folder that was there.

    Raises
    ------
    CourseError
        For an unknown name, a source that is not fit to be released, or a leak. No folder has been touched then,
        except those of assignments before it in the list.
    """
    course = Course(root)
    changes = {}
    for name in course.choose(names):
        with tempfile.TemporaryDirectory(prefix="release-") as scratch:
            built = build(course, name, Path(scratch))
            target = course.release(name)
            changes[name] = differences(built, target)
            if changes[name] and not check:
                _replace(target, built)
    return changes


def build(course: Course, name: str, scratch: Path, db_url: str | None = None) -> Path:
    """Build one assignment under `scratch` with nbgrader and return its folder; checked, normal, without leaks.

    With `db_url` the assignment is also entered into, or brought up to date in, that gradebook.
    """
    source = course.source(name)
    problems = [
        f"{path.name}: {problem}"
        for path in sorted(source.glob("*.ipynb"))
        for problem in check_source(nbformat.read(path, as_version=4))
    ]
    if problems:
        raise CourseError(f"{name} cannot be released:\n  " + "\n  ".join(problems))
    config = deepcopy(course.config)
    config.CourseDirectory.update(release_directory=str(scratch.resolve()), assignment_id=name)
    if db_url is None:
        config.SaveCells.enabled = False
    else:
        config.CourseDirectory.db_url = db_url
    dirs = CourseDirectory(config=config, log=course.log)
    run_nbgrader(GenerateAssignment(coursedir=dirs, config=config, log=course.log, no_database=db_url is None))
    built = Path(dirs.format_path(dirs.release_directory, ".", name)).resolve()
    for path in sorted(built.glob("*.ipynb")):
        write(nbformat.read(path, as_version=4), path)
        found = leaks(path, source / path.name)
        if found:
            raise CourseError(f"{name} would give answers away:\n  " + "\n  ".join(found))
    return built


def check_source(notebook: NotebookNode) -> list[str]:
    """List what makes a source notebook unfit to be released."""
    problems, seen = [], set()
    for i, cell in enumerate(notebook.cells):
        name = grade_id(cell)
        where = f"cell {name or i + 1}"
        if name is not None and name in seen:
            problems.append(f"{where}: the grade_id is there twice")
        seen.add(name)
        if cell.cell_type == "code" and not (is_locked(cell) or is_solution(cell)):
            problems.append(f"{where}: a code cell must be locked, a solution or a test")
        if (is_grade(cell) or is_task(cell)) and not float(cell.metadata.nbgrader.get("points") or 0) > 0:
            problems.append(f"{where}: marks must be more than 0")
        for begin, end in (SOLUTION, HIDDEN):
            if cell.source.count(begin) != cell.source.count(end):
                problems.append(f"{where}: {begin} and {end} must come in pairs")
        if is_solution(cell) and not any(line.strip() for part in regions(cell.source, SOLUTION)[1] for line in part):
            problems.append(f"{where}: an answer needs a solution region, with the solution in it")
    if not any(map(is_grade, notebook.cells)):
        problems.append("no cell gives marks")
    for tests in _items(notebook):
        if not any(regions(cell.source, HIDDEN)[1] for cell in tests):
            problems.append(f"cell {grade_id(tests[0])}: no hidden tests here or in a test cell beside it")
    return problems


def _items(notebook: NotebookNode) -> list[list[NotebookNode]]:
    """Group the test cells by the answer they follow."""
    items: list[list[NotebookNode]] = [[]]
    for cell in notebook.cells:
        if is_solution(cell):
            items.append([])
        elif is_test(cell):
            items[-1].append(cell)
    return [item for item in items if item]


def differences(built: Path, target: Path) -> list[str]:
    """Compare two folders byte by byte; for a notebook, name the cells that differ."""
    ours = {p.relative_to(built) for p in built.rglob("*") if p.is_file()}
    theirs = {p.relative_to(target) for p in target.rglob("*") if p.is_file()}
    theirs = {p for p in theirs if not {".ipynb_checkpoints", "__pycache__"} & set(p.parts)}
    found = [f"{p} is missing" for p in sorted(ours - theirs)]
    found += [f"{p} does not come from the source" for p in sorted(theirs - ours)]
    for path in sorted(ours & theirs):
        if not filecmp.cmp(built / path, target / path, shallow=False):
            cells = _cells_that_differ(built / path, target / path) if path.suffix == ".ipynb" else ""
            found.append(f"{path} differs{cells}")
    return found


def _cells_that_differ(one: Path, other: Path) -> str:
    try:
        a, b = (nbformat.read(p, as_version=4).cells for p in (one, other))
    except Exception as error:
        return f": it cannot be read ({type(error).__name__})"
    if [c.get("id") for c in a] != [c.get("id") for c in b]:
        return ": its cells are not the same ones, or in another order"
    names = [str(grade_id(x) or x.id) for x, y in zip(a, b, strict=True) if x != y]
    return f" in {', '.join(names)}" if names else ""


def _replace(target: Path, built: Path) -> None:
    """Put a complete folder in the place of another, so that at every moment one whole folder is there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh, old = (target.with_name(f".{target.name}.{word}") for word in ("new", "old"))
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    shutil.copytree(built, fresh)
    if target.exists():
        target.rename(old)
    fresh.rename(target)
    shutil.rmtree(old, ignore_errors=True)
