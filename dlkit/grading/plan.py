"""Which cells of a notebook run where, told from their text before any of them runs.

The student's answers and the cells she added run in her process, test cells in the checker's. The course's other
cells run in her process, since her answers build on them, and in the checker's where tests build on them. A cell
that only uses her answers, to draw what they give for example, would do all her work a second time; so it is left
out of the checker if no test needs a name that it defines.
"""

from __future__ import annotations

import ast
import functools
import re
import symtable
from collections.abc import Container, Iterator
from dataclasses import dataclass
from itertools import count
from types import CodeType

from IPython.core.inputtransformer2 import TransformerManager
from nbformat.notebooknode import NotebookNode
from nbgrader.utils import is_solution

from dlkit.grading.cells import HIDDEN, is_test

#: What reading a student's cell may raise, at the worst.
UNREADABLE = (SyntaxError, ValueError, RuntimeError, MemoryError)
_LONGEST, _LINES = 200_000, 50_000  # characters of a cell; its lines times its magics
_COURSE = "course"  # in cell.metadata["dlkit"]
ONLY_SHOWS = "only-shows"  # a tag
_BY_TEXT = {"eval", "exec", "query", "globals", "locals", "vars", "getattr", "get_ipython"}  # find names by a text


@dataclass(frozen=True)
class Part:
    """A code cell and what becomes of it.

    Attributes
    ----------
    index, number
        Its place in the notebook, and the *n* of ``In [n]``.
    kind
        ``"answer"``, ``"test"``, or ``"course"`` for a cell of the course that is no test.
    checked
        Whether it runs in the checker's process.
    touches
        Whether it uses what an answer defines, or what comes of that.
    idle
        Whether marks do not depend on it: its author tagged it `ONLY_SHOWS`, it uses answers, and no name that it
        defines is used where marks do depend on it. Without the tag it is not known whether it changes an object.
    """

    index: int
    number: int
    kind: str
    checked: bool
    touches: bool
    idle: bool


def parts_of(notebook: NotebookNode, names: frozenset[str]) -> list[Part]:
    """Sort the code cells of a canonical notebook.

    Parameters
    ----------
    notebook
        As `dlkit.grading.canonical.Canonicalise` makes it, with all its tests.
    names
        What answers define.

    Raises
    ------
    ValueError
        If a test is not marked as the course's own: it is not known who wrote it.
    """
    code = [(i, cell) for i, cell in enumerate(notebook.cells) if cell.cell_type == "code" and cell.source.strip()]
    theirs, touching = set(names), []
    for _, cell in code:
        touches = not _is_ours(cell) or not theirs.isdisjoint(used(cell.source))
        touching.append(touches)
        if touches and _is_ours(cell) and not is_test(cell):
            theirs |= bound(cell.source)  # what is made of her answers is hers as well
    needed: set[str] = set()  # here, by what runs here
    wanted: set[str] = set()  # by anything that is not idle
    parts = []
    for number, touches, (index, cell) in reversed(list(zip(count(1), touching, code))):
        if is_test(cell) and not _is_ours(cell):
            raise ValueError("The notebook is not canonical: Canonicalise must be first in sanitize_preprocessors.")
        kind = "answer" if not _is_ours(cell) else "test" if is_test(cell) else "course"
        checked = kind == "test" or (kind == "course" and (not touches or not needed.isdisjoint(bound(cell.source))))
        if checked:
            needed |= used(cell.source)
        shows = kind == "course" and ONLY_SHOWS in cell.metadata.get("tags", ())
        idle = shows and touches and not checked and wanted.isdisjoint(bound(cell.source))
        if kind == "answer":
            wanted |= _mentioned(cell.source)
        elif not idle:
            wanted |= used(cell.source)
        parts.append(Part(index, number, kind, checked, touches, idle))
    return parts[::-1]


def names_of(notebook: NotebookNode) -> frozenset[str]:
    """Return the names that the answers of a canonical notebook are to define."""
    return frozenset(notebook.metadata.get("dlkit", {}).get("names", ()))


def mark(cell: NotebookNode) -> None:
    """Mark a cell as one whose text is the course's own; every other one is taken for a student's."""
    cell.metadata["dlkit"] = {_COURSE: True}


def _is_ours(cell: NotebookNode) -> bool:
    return not is_solution(cell) and cell.metadata.get("dlkit", {}).get(_COURSE) is True


# A class shares the course's cells, and forks of a worker what it remembers of them.
_remembered = functools.lru_cache(maxsize=1000)


@_remembered
def python_of(source: str) -> str:
    """Return a cell's text with magics as calls of Python; those that only time or hide what they run are left out."""
    source = re.sub(r"^%%(time|capture)\b.*\n", "", source.lstrip())
    source = re.sub(r"^(\s*)%time\s+", r"\1", source, flags=re.MULTILINE)
    return TransformerManager().transform_cell(source)


def is_long(source: str) -> bool:
    """Tell whether to parse a cell may take more than a few seconds: IPython reads it anew for each magic in it."""
    magics = len(re.findall(r"^\s*[%!?]|\?\s*$|=\s*[%!]", source[:_LONGEST], flags=re.MULTILINE))
    return len(source) > _LONGEST or (source.count("\n") + 1) * (magics + 1) > _LINES


@_remembered
def code_of(source: str, number: int) -> CodeType:
    """Compile the course's cell ``In [number]``, named as tracebacks show it.

    Raises
    ------
    SyntaxError, ValueError
        If it is no Python.
    """
    return compile(python_of(source), f"<Cell In[{number}]>", "exec")


@_remembered
def bound(source: str) -> frozenset[str]:
    """List the global names that a cell defines; none if it does not parse."""
    try:
        table = symtable.symtable(python_of(source), "<cell>", "exec")
    except UNREADABLE:
        return frozenset()
    return frozenset(_bound(table))


def _bound(table: symtable.SymbolTable) -> Iterator[str]:
    top = table.get_type() == "module"
    for symbol in table.get_symbols():
        made = symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()
        if made and (top or symbol.is_declared_global()):
            yield symbol.get_name()
    for child in table.get_children():
        yield from _bound(child)


@_remembered
def used(source: str) -> frozenset[str]:
    """List the global names that a cell looks up, not a function's own variables; none if it does not parse."""
    try:
        todo = [symtable.symtable(python_of(source), "<cell>", "exec")]
        nodes = list(ast.walk(ast.parse(python_of(source))))
    except UNREADABLE:
        return frozenset()
    changed: list[ast.expr] = [n.target for n in nodes if isinstance(n, ast.AugAssign)]
    changed += [target for n in nodes if isinstance(n, ast.Delete) for target in n.targets]
    found = {n.id for n in changed if isinstance(n, ast.Name)}
    while todo:
        table = todo.pop()
        todo += table.get_children()
        own = table.get_type() == "function"
        found |= {s.get_name() for s in table.get_symbols() if s.is_referenced() and (not own or s.is_global())}
    return frozenset(found)


def _mentioned(source: str) -> frozenset[str]:
    """List the names that a student's cell may look up, also in magics and in texts that it evaluates."""
    words = frozenset(re.findall(r"\w+", source))
    magic = re.search(r"^\s*[%!]|=\s*[%!]|\?\s*$", source, flags=re.MULTILINE)
    if is_long(source) or magic or not words.isdisjoint(_BY_TEXT):
        return words
    try:
        ast.parse(python_of(source))
    except UNREADABLE:
        return words
    return used(source)


def imports(notebook: NotebookNode, leave_out: Container[int] = (), *, hidden: bool = True) -> tuple[str, ...]:
    """List the modules that the course's own cells import, in their order: worth loading once for all students.

    Parameters
    ----------
    notebook
        A canonical notebook.
    leave_out
        The places of cells that do not run.
    hidden
        Whether those of hidden tests are listed too, which students may not see among the modules that are loaded.
    """
    cells = [cell for i, cell in enumerate(notebook.cells) if i not in leave_out and cell.cell_type == "code"]
    texts = [c.source if hidden or not is_test(c) else without_hidden(c.source) for c in cells if _is_ours(c)]
    return tuple(dict.fromkeys(name for text in texts for name in _imported(text)))


@_remembered
def without_hidden(source: str) -> str:
    """Return the part of a test in plain view, every line in its place.

    It is an empty text if that part does nothing by itself, or does not parse.
    """
    begin, end = HIDDEN
    kept, inside = [], False
    for line in source.split("\n"):
        inside = (inside or begin in line) and end not in line
        kept.append("#" if inside or end in line else line)
    text = "\n".join(kept)
    try:
        return text if ast.parse(python_of(text)).body else ""
    except UNREADABLE:
        return ""


@_remembered
def _imported(source: str) -> tuple[str, ...]:
    try:
        nodes = list(ast.walk(ast.parse(python_of(source))))
    except (SyntaxError, ValueError, RecursionError):
        return ()
    plain = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    return (*plain, *(n.module for n in nodes if isinstance(n, ast.ImportFrom) and n.module and not n.level))


@_remembered
def definitions(source: str, names: frozenset[str]) -> str:
    """Return what the part of a test cell in plain view imports and defines without the answers.

    A student sees it in her notebook, so her answers may use it, and so may later cells of the course. Calls,
    assertions and loops are left out, and values that are made with her answers: they would be asked for a second time.
    Of a cell that does not parse without its hidden part, everything is left out.

    Parameters
    ----------
    source
        The cell with its hidden part.
    names
        What answers define.
    """
    tree = ast.parse(python_of(without_hidden(source)))
    kept: list[ast.stmt] = []
    theirs = set(names)
    for node in tree.body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            text = ast.unparse(node)
            if not theirs.isdisjoint(used(text)):
                theirs |= bound(text)
                continue
        elif not isinstance(node, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        kept.append(node)
    return "\n".join(map(ast.unparse, kept))
