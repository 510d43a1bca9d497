"""What was handed in: a notebook of this assignment, or something else, said by what it is."""

from __future__ import annotations

import codecs
import copy
import glob
import json
import os
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.exchange.default import ExchangeCollect

from dlkit.grading.canonical import read_through, recognised
from dlkit.grading.cells import course_notebook
from dlkit.grading.recall import not_files, read_files

_KINDS = {
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a zip archive (or an office document)",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"\x1f\x8b": "a gzip archive",
    b"<": "a web page",
}


#: A link may lead to the solution, or to another's answers, which whoever grades can read.
_LINK = "{} is a link to somewhere else, which is not followed. Ask for the notebook itself, not a link."
_NO_FILE = "{} is no file. Ask for it again."
_TIME = "timestamp.txt"  # nbgrader's own, which it reads whatever it is


def trouble(folder: Path, release: Path) -> str | None:
    """Say why a submission cannot be graded, and what to do; None if it can.

    Parameters
    ----------
    folder
        What the student handed in for the assignment.
    release
        The assignment's folder as it was handed out; its neighbours are the other assignments.
    """
    if folder.is_symlink():
        return _LINK.format("The folder")
    if problem := _no_file(folder / _TIME):
        return problem
    for expected in sorted(release.glob("*.ipynb")):
        found = folder / expected.name
        if found.is_symlink():
            return _LINK.format(expected.name)
        if found.is_file():
            problem = _not_a_notebook(found) or _not_this_one(found, expected)
            if problem:
                return f"{expected.name} {problem}"
        else:
            return f"{expected.name} is missing. {_instead(folder, expected)}"
    return None


class Intake(NotebookExporter):
    """For ``c.Autograde.exporter_class``: nbgrader's own, which sees to it that links and the like are not followed.

    nbgrader copies what lies in a submission's folder, whatever a link there leads to, before any preprocessor is
    asked, and swallows what its hook before that raises. But before both it makes its exporter, when it knows what it
    is about to grade. What is no file is then left out, as ``dlkit grade`` leaves it out, and a submission whose
    notebook, time or whole folder is none is not graded.
    """

    def __init__(self, config: Any = None, **kwargs: Any) -> None:
        super().__init__(config=config, **kwargs)
        if isinstance(self.parent, Autograde) and self.parent.assignments:
            _take_in(self.parent)


def _take_in(converter: Autograde) -> None:
    """Take out of a converter what it must not read.

    Raises
    ------
    NbGraderException
        If no submission is left.
    """
    dirs = converter.coursedir = copy.copy(converter.coursedir)  # Formgrader has one for as long as it runs
    name = dirs.assignment_id
    release = Path(dirs.format_path(dirs.release_directory, ".", name))
    source = Path(dirs.format_path(dirs.source_directory, ".", name))
    ours = read_files([source], dirs.ignore, [source / own for own in converter.exclude_overwriting.get(name, [])])
    problems, left_out = [], []
    for folder, notebooks in list(converter.assignments.items()):
        read = [Path(folder, _TIME), *(Path(n) for n in notebooks if (release / Path(n).name).is_file())]
        whole = _LINK.format("The folder") if Path(folder).is_symlink() else None
        if problem := whole or next(filter(None, map(_no_file, read)), None):
            problems.append(f"{problem}\nNot graded: {folder}")  # the reason first: Formgrader cuts long lines
            converter.log.error(problems[-1])
            del converter.assignments[folder]
        else:
            # spelt as nbgrader spells it, which compares texts
            left_out += [f"{folder}{os.sep}{path.relative_to(folder)}" for path in not_files(Path(folder), ours)]
    for path in left_out:
        converter.log.warning("Left out, because it is no file, or in the way of one of the course's: %s", path)
    dirs.ignore = [*dirs.ignore, *map(glob.escape, left_out)]
    if not converter.assignments:
        raise NbGraderException("\n".join(problems))


class Collect(ExchangeCollect):
    """For ``c.ExchangeFactory.collect``: nbgrader's own, which would copy whatever a link in the exchange leads to."""

    def do_copy(self, src: str, dest: str, log: Any = None) -> None:
        """Copy a submission out of the exchange, without what is no file."""
        if Path(src).is_symlink():
            self.log.error("%s\nNot collected: %s", _LINK.format("The folder"), src)
            return
        strange = not_files(Path(src), {})
        for path in strange:
            self.log.warning("Not collected, because it is no file: %s", path)
        before = self.coursedir.ignore
        self.coursedir.ignore = [*before, *(glob.escape(path.name) for path in strange)]
        try:
            super().do_copy(src, dest, log)
        finally:
            self.coursedir.ignore = before


def _no_file(path: Path) -> str | None:
    """Say that something is a link, a pipe, a device or a folder; None if it is a file, or is not there."""
    if path.is_symlink():
        return _LINK.format(path.name)
    return _NO_FILE.format(path.name) if path.exists() and not path.is_file() else None


def _not_a_notebook(path: Path) -> str | None:
    try:
        data = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    except OSError as error:
        return f"cannot be read ({error.strerror}). Ask for it again."
    again = "Ask for the notebook itself: File, Download in JupyterLab."
    if not data.strip():
        return "is empty. Ask for it again."
    for magic, kind in _KINDS.items():
        if data.lstrip().startswith(magic):
            return f"is {kind}, not a notebook. {again}"
    try:
        content = json.loads(data.decode("utf-8"))
    except UnicodeDecodeError:
        return f"is not text, so it is no notebook. {again}"
    except json.JSONDecodeError as error:
        return f"is not valid JSON (line {error.lineno}: {error.msg}); cut off on the way? {again}"
    except ValueError as error:  # a number with thousands of digits
        return f"is not valid JSON ({str(error)[:60]}). {again}"
    except RecursionError:
        return f"is JSON nested too deeply to be a notebook. {again}"
    if not isinstance(content, dict) or "nbformat" not in content:
        return f"is JSON, but not a notebook. {again}"
    return None


def _not_this_one(path: Path, expected: Path) -> str | None:
    release = course_notebook(expected)
    try:
        notebook = nbformat.reads(path.read_text(encoding="utf-8-sig"), as_version=4)
        if recognised(release, notebook):
            read_through(release, notebook)
            return None
        others = {p: recognised(course_notebook(p), notebook) for p in _others(expected)}
    except Exception as error:  # whatever a damaged notebook makes nbformat do
        reason = (str(error).splitlines() or [""])[0][:120]
        return f"is a damaged notebook ({type(error).__name__}: {reason}). Ask for it again."
    best = max(others, key=lambda p: others[p], default=None)
    if best is not None and others[best]:
        return f"is a notebook of {best.parent.name}. Ask for the right one."
    return "has none of this assignment's cells. Ask for the notebook that was handed out, with the answers in it."


def _others(expected: Path) -> list[Path]:
    return [p for p in sorted(expected.parent.parent.glob("*/*.ipynb")) if p.parent != expected.parent]


def _instead(folder: Path, expected: Path) -> str:
    there = sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink() and p.name != "timestamp.txt")
    for path in there:
        if path.suffix == ".ipynb" and not _not_a_notebook(path) and not _not_this_one(path, expected):
            return f"{path.relative_to(folder)} is this assignment's notebook: rename it to {expected.name}."
    names = ", ".join(str(p.relative_to(folder)) for p in there[:5])
    return f"There is {names}." if names else "The folder is empty."
