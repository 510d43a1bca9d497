"""A look at what the answers reach for: a smoke detector, not a lock.

Some code is of no use to an honest answer and of much use to one that means to change its grade: the kernel's own
machinery, other processes, the gradebook, the functions that judge. Where it appears, a person should read the
notebook. Nothing here changes a mark, and nothing here stops anyone who writes around it; whoever is flagged may
well be innocent.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from IPython.core.inputtransformer2 import TransformerManager
from nbformat.notebooknode import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import is_solution

from dlkit.grading.cells import grade_id, is_test
from dlkit.grading.plan import UNREADABLE, is_long

_MODULES = {
    "IPython.core", "_thread", "builtins", "ctypes", "gc", "inspect", "ipykernel", "jupyter_client",
    "nbformat", "nbgrader", "pty", "signal", "socket", "sqlalchemy", "sqlite3", "subprocess",
}  # fmt: skip
_ATTRIBUTES = {
    "os": {"_exit", "abort", "fork", "kill", "killpg", "popen", "putenv", "system"},
    "sys": {"_getframe", "meta_path", "modules", "setprofile", "settrace", "excepthook", "displayhook"},
}
_NAMES = {"__builtins__", "__import__", "compile", "eval", "exec", "globals"}
_ALWAYS = {"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__bool__", "__contains__"}
_HOOKS = {"__array_function__", "__array_ufunc__", "__instancecheck__", "__subclasscheck__"}
_MAGICS = {"matplotlib", "time", "timeit", "config", "load_ext", "autoreload", "capture", "pip", "precision"}


@dataclass(frozen=True)
class Watched:
    """What a notebook as it was handed out gives to look for; made by `watched`.

    Attributes
    ----------
    cells
        The ids of its cells.
    judges, modules
        See `screen`.
    """

    cells: frozenset[str]
    judges: frozenset[str]
    modules: frozenset[str]


def watched(release: NotebookNode) -> Watched:
    """Find what to look for in answers to a notebook: its tests name the functions that judge."""
    return Watched(frozenset(cell.id for cell in release.cells), _judges(release), _modules(release))


def look(watched: Watched, notebook: NotebookNode) -> list[str]:
    """List what a person should read in the student's cells of a canonical notebook.

    Parameters
    ----------
    watched
        Made from the notebook as it was handed out.
    notebook
        The canonical notebook made from it.

    Returns
    -------
    list of str
        One sentence for each finding, each with the cell it was found in; empty for the honest rest.
    """
    found: list[str] = []
    for cell in notebook.cells:
        if cell.cell_type == "code" and (is_solution(cell) or cell.id not in watched.cells):
            where = f"`{grade_id(cell)}`" if grade_id(cell) else "a cell the student added"
            found += [f"{where}: {what}" for what in screen(cell.source, watched.judges, watched.modules)]
    return list(dict.fromkeys(found))


def screen(text: str, judges: frozenset[str] = frozenset(), modules: frozenset[str] = frozenset()) -> list[str]:
    """List what in one cell no honest answer needs.

    Parameters
    ----------
    text
        The cell's source; magics are understood. What does not parse does not run, and gives no finding.
    judges
        Names that the tests use to judge.
    modules
        Names under which modules were imported elsewhere in the notebook.
    """
    if is_long(text):
        return ["is too long to be looked through"]
    tree = _parse(text)
    if tree is None:
        return []
    try:
        return list(dict.fromkeys(_findings(tree, judges, modules | _imported(tree))))
    except RecursionError:
        return ["is nested too deeply to be looked through"]


def _findings(tree: ast.AST, judges: frozenset[str], modules: frozenset[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (f"imports {a.name}" for a in names if _watched(a.name))
            case ast.ImportFrom(module=str(module), names=names):
                watched = _watched(module) or any(a.name in _ATTRIBUTES.get(module, ()) for a in names)
                if watched:
                    yield f"imports from {module}"
                yield from (f"redefines {a.asname}" for a in names if a.asname in judges)
            case ast.Attribute(value=ast.Name(id=module), attr=name) if name in _ATTRIBUTES.get(module, ()):
                yield f"uses {module}.{name}"
            case ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython")))):
                if not _harmless_magic(node):
                    yield f"reaches into IPython: {ast.unparse(node)[:60]}"
            case ast.Name(id="get_ipython") if not _inside_magic(tree, node):
                yield "reaches into IPython: get_ipython"
            case ast.Name(id=name) if name in _NAMES:
                yield f"uses {name}"
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) if name in judges:
                yield f"redefines {name}"
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) if name in judges:
                yield f"redefines {name}"
            case ast.Assign(targets=targets, value=value) if not isinstance(value, ast.Constant):
                yield from (f"replaces {ast.unparse(t)}" for t in targets if _is_attribute(t, modules))
            case ast.Call(func=ast.Name(id="setattr" | "delattr"), args=[target, *_]) if _root(target) in modules:
                yield f"replaces attributes of {ast.unparse(target)}"
            case ast.Constant(value=str(value)) if "gradebook" in value or "HIDDEN TESTS" in value:
                yield "names the gradebook or the hidden tests"
        if isinstance(node, ast.FunctionDef) and (node.name in _HOOKS or _always_true(node)):
            yield f"defines {node.name} in a way that can pass for any value"


def _watched(module: str) -> bool:
    return any(module == m or module.startswith(m + ".") for m in _MODULES)


def _root(target: ast.AST) -> str | None:
    """Return the name at the root of an attribute (``np`` of ``np.testing.assert_allclose``)."""
    if isinstance(target, ast.Name):
        return target.id
    return _root(target.value) if isinstance(target, ast.Attribute) else None


def _is_attribute(target: ast.AST, modules: frozenset[str]) -> bool:
    return isinstance(target, ast.Attribute) and _root(target) in modules


def _always_true(function: ast.FunctionDef) -> bool:
    match function.body[-1]:
        case ast.Return(value=ast.Constant(value=True)):
            return function.name in _ALWAYS and len(function.body) == 1
    return False


def _harmless_magic(call: ast.Call) -> bool:
    match call:
        case ast.Call(
            func=ast.Attribute(attr="run_line_magic" | "run_cell_magic"), args=[ast.Constant(value=name), *_]
        ):
            return name in _MAGICS
    return False


def _inside_magic(tree: ast.AST, name: ast.Name) -> bool:
    return any(
        isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and isinstance(n.func.value, ast.Call)
        and n.func.value.func is name for n in ast.walk(tree)
    )  # fmt: skip


def _parse(text: str) -> ast.Module | None:
    try:
        return ast.parse(TransformerManager().transform_cell(text))
    except UNREADABLE:
        return None


def _imported(tree: ast.AST) -> frozenset[str]:
    aliases = (a for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names)
    return frozenset(a.asname or a.name.split(".")[0] for a in aliases)


def _trees(release: NotebookNode) -> Iterator[tuple[NotebookNode, ast.Module]]:
    for cell in release.cells:
        tree = _course_tree(cell.source) if cell.cell_type == "code" else None
        if tree is not None:
            yield cell, tree


@functools.lru_cache(maxsize=1000)
def _course_tree(text: str) -> ast.Module | None:
    """Parse a cell of the course's own, which comes again with every submission."""
    return _parse(text)


def _modules(release: NotebookNode) -> frozenset[str]:
    return frozenset(name for _, tree in _trees(release) for name in _imported(tree))


def _judges(release: NotebookNode) -> frozenset[str]:
    """Names that tests import or define, and whatever locked cells import from this package."""
    names: set[str] = {"expect", "expect_raises", "expect_unchanged"}
    for cell, tree in _trees(release):
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and is_test(cell):
                names |= {a.asname or a.name for a in node.names}
            elif isinstance(node, ast.FunctionDef) and is_test(cell):
                names.add(node.name)
    return frozenset(names)


class FlagForReview(NbGraderPreprocessor):
    """Last of ``Autograde.autograde_preprocessors``: mark the tests of a flagged notebook for manual grading.

    Formgrader then lists the notebook among those to grade by hand; the marks are left as they are.
    """

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        """Set ``needs_manual_grade`` for each test if the notebook has warnings."""
        if not nb.metadata.get("dlkit", {}).get("warnings"):
            return nb, resources
        names = resources["nbgrader"]
        with Gradebook(names["db_url"]) as gradebook:
            for cell in filter(is_test, nb.cells):
                grade = gradebook.find_grade(grade_id(cell), names["notebook"], names["assignment"], names["student"])
                grade.needs_manual_grade = True
            gradebook.db.commit()
        return nb, resources
