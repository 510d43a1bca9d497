"""Looking for answers in what students get."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.utils import is_solution

from dlkit.grading.cells import HIDDEN, SOLUTION, grade_id, regions


def leaks(release_notebook: Path, source_notebook: Path) -> list[str]:
    """Look for answers in what students get.

    Parameters
    ----------
    release_notebook
        The released notebook; every other file of its folder is looked at too.
    source_notebook
        The notebook with solutions and hidden tests.

    Returns
    -------
    list of str
        Each place where a line of a solution or of a hidden test appears (white space apart; lines of fewer than
        ten characters, and lines that also stand in plain view, tell nothing), and each output or attachment of
        an answer cell.
    """
    source = nbformat.read(source_notebook, as_version=4)
    secrets, view = set(), ""
    for cell in source.cells:
        outside, inside = regions(cell.source, SOLUTION)
        outside, hidden = regions("\n".join(outside), HIDDEN)
        view += _squash("\n".join(outside)) + "\n"
        secrets |= {_squash(line) for region in inside + hidden for line in region}
    secrets = {s for s in secrets if len(s) >= 10 and any(map(str.isalnum, s)) and s not in view}
    found = []
    notebook = nbformat.read(release_notebook, as_version=4)
    for i, cell in enumerate(notebook.cells):
        where = f"{release_notebook.name}, cell {grade_id(cell) or i + 1}"
        if cell.get("outputs") or cell.get("execution_count"):
            found.append(f"{where}: has outputs")
        if is_solution(cell) and cell.get("attachments"):
            found.append(f"{where}: an answer has attachments")
        rest = {k: v for k, v in cell.items() if k != "source"}
        found += [f"{where}: {s}" for s in _in(secrets, cell.source)]
        found += [f"{where}, beside its text: {s}" for s in _in(secrets, rest)]
    found += [f"{release_notebook.name}, metadata: {s}" for s in _in(secrets, notebook.metadata)]
    for path in sorted(release_notebook.parent.rglob("*")):
        if path.is_file() and path != release_notebook:
            content = path.read_bytes().decode("utf-8", errors="ignore").replace('\\"', '"')
            found += [f"{path.name}: {s}" for s in _in(secrets, content)]
    return found


def _squash(text: str) -> str:
    return re.sub(r"\s+", "", text)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
        try:
            yield base64.b64decode(value, validate=True).decode("utf-8", errors="ignore")
        except ValueError:
            return
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


def _in(secrets: set[str], value: Any) -> list[str]:
    """List the secrets that stand in a text, or in what texts a value holds."""
    texts = [_squash(text) for text in _strings(value)]
    return sorted(s for s in secrets if any(s in text for text in texts))
