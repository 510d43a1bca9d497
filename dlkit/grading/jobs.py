"""What the run of one notebook needs and what it gives: two pieces of plain data that any process can take.

A `Job` carries everything, down to the bytes of the data files, so that where it runs does not matter; its `key` is
made of what can change the outcome, so that an outcome can be kept and found again under it. A `Result` carries
what the run printed and used. How a job is run is a function ``job -> result``; see `dlkit.grading.execute.execute`.
"""

from __future__ import annotations

import functools
import hashlib
import json
import platform
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import nbformat
from nbformat.notebooknode import NotebookNode

from dlkit.grading.cells import is_test

FINISHED = "finished"
STOPPED = "stopped"  # the notebook ended before its last cell


class InfrastructureError(RuntimeError):
    """The machinery failed, not the answer: to be tried again, and never a mark of zero."""


@dataclass(frozen=True)
class Job:
    """A notebook to be run; made by `Job.of`.

    Attributes
    ----------
    notebook : str
        The canonical notebook with all its tests and no outputs, as JSON.
    data : tuple of (str, bytes)
        The files that lie beside it while it runs, by relative path.
    limits : str
        The options of the engine, as JSON.
    environment : str
        The digest of what it is run with; see `environment`.
    known : str
        Outputs that need not be made anew, as JSON: place of a cell → outputs. They do not count for the key.
    """

    notebook: str
    data: tuple[tuple[str, bytes], ...]
    limits: str
    environment: str
    known: str = "{}"

    @classmethod
    def of(cls, notebook: NotebookNode, data: Mapping[str, bytes], limits: Mapping[str, Any]) -> Job:
        """Make the job that runs `notebook` beside the files `data` with these options of the engine."""
        cells = [{**cell, "outputs": []} if cell.cell_type == "code" else cell for cell in notebook.cells]
        return cls(
            _one_form({**notebook, "cells": cells}), tuple(sorted(data.items())), _one_form(limits), environment()
        )

    def read(self) -> NotebookNode:
        """Return the notebook, not run yet."""
        return nbformat.from_dict(json.loads(self.notebook))

    @functools.cached_property
    def key(self) -> str:
        """The address of the result: a digest of the code cells, the data, the limits and the environment.

        Text cells are left out: an essay that changed is no reason to run the tests again. Their number and place
        count, since messages name cells by their number.
        """
        return self._digest(lambda cell: True)

    @functools.cached_property
    def base(self) -> str:
        """A digest of the same without the text of the tests: what all their verdicts depend on."""
        return self._digest(lambda cell: not is_test(cell))

    @functools.cached_property
    def items(self) -> tuple[str, ...]:
        """For each cell that is a test a digest of what its verdict depends on; for others an empty text.

        That is the base, its own text, and the texts of tests that define names which it uses.
        """
        from dlkit.grading.plan import bound, used

        cells = self.read().cells
        found = [""] * len(cells)
        tests = [(i, cell) for i, cell in enumerate(cells) if is_test(cell)]
        for i, cell in tests:
            texts, names = [cell.source], used(cell.source)
            for j, other in reversed(tests):
                if j < i and not names.isdisjoint(bound(other.source)):
                    texts.append(other.source)
                    names |= used(other.source)
            found[i] = _digest(_one_form([self.base, cell.get("id"), _meant(cell), texts]).encode())
        return tuple(found)

    def beside(self, earlier: Result) -> Job:
        """Return this job with what an earlier result of the same base knows already."""
        if earlier.status != FINISHED or len(earlier.items) != len(self.items):
            return self
        known = {
            i: c["outputs"]
            for i, c in enumerate(earlier.cells)
            if c and c["outputs"] is not None and earlier.items[i] == self.items[i]
        }
        return replace(self, known=_one_form(known))

    def _digest(self, counts: Callable[[NotebookNode], bool]) -> str:
        notebook = self.read()
        cells = [
            [c.cell_type, c.get("id"), c.source if counts(c) else "", _meant(c)]
            if c.cell_type == "code"
            else [c.cell_type]
            for c in notebook.cells
        ]
        files = [[name, hashlib.sha256(data).hexdigest()] for name, data in self.data]
        kernel = notebook.metadata.get("kernelspec")
        names = notebook.metadata.get("dlkit", {}).get("names")
        return _digest(_one_form([cells, kernel, names, files, json.loads(self.limits), self.environment]).encode())


@dataclass(frozen=True)
class Result:
    """What came of a job.

    Attributes
    ----------
    key : str
        The job's.
    cells : tuple of (dict or None)
        For each cell of the notebook its ``outputs`` and ``execution_count``; None for a text cell. Outputs are None
        where the notebook keeps those that it has.
    metadata : dict
        What the run adds to the notebook's own metadata: the kernel's language, the state of widgets.
    status : str
        `FINISHED` or `STOPPED`.
    stopped_by : str
        The cell that ended the run, and what happened in it.
    resources : dict
        ``seconds`` and ``cpu_seconds`` it took, and ``memory``, the most bytes that one of its processes held (in a
        process that runs several jobs: the most so far).
    events : tuple of str
        What went wrong with the machinery before it succeeded.
    base : str
        The job's.
    items : tuple of str
        The job's.
    """

    key: str
    cells: tuple[dict[str, Any] | None, ...]
    metadata: dict[str, Any]
    status: str
    stopped_by: str
    resources: dict[str, float]
    events: tuple[str, ...] = ()
    base: str = ""
    items: tuple[str, ...] = ()

    def fill(self, notebook: NotebookNode) -> None:
        """Put the outputs into the notebook that the job was made of.

        Raises
        ------
        ValueError
            If it is another notebook.
        """
        kinds = ["code" if cell else "text" for cell in self.cells]
        there = ["code" if cell.cell_type == "code" else "text" for cell in notebook.cells]
        if kinds != there:
            raise ValueError(f"This is the result of another notebook: its cells are {kinds}, expected {there}.")
        for cell, result in zip(notebook.cells, self.cells, strict=True):
            if result is not None:
                cell.update(
                    nbformat.from_dict({k: v for k, v in result.items() if k == "execution_count" or v is not None})
                )
        notebook.metadata.update(nbformat.from_dict(self.metadata))

    def to_json(self) -> str:
        """Return it as JSON, the same text for the same result."""
        return _one_form(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Result:
        """Make a result of what `to_json` wrote; whatever else it is given is a ValueError, KeyError or TypeError."""
        content = json.loads(text)
        return cls(**{**content, **{name: tuple(content[name]) for name in ("cells", "events", "items")}})


@functools.cache
def environment() -> str:
    """Return a digest of what notebooks are run with: Python, every installed package, and this package's source.

    The source is read because a package under development changes without changing its version. What setuptools brings
    for itself is left out: it is on the path only after something has imported setuptools.
    """
    folders = [Path(p) for p in sys.path if p and Path(p).is_dir() and Path(p).name != "_vendor"]
    packages = sorted({p.name for folder in folders for p in folder.glob("*.dist-info")})
    here = Path(__file__).resolve().parents[1]
    source = [[str(p.relative_to(here)), _digest(p.read_bytes())] for p in sorted(here.rglob("*.py"))]
    return _digest(_one_form([sys.version, platform.platform(), packages, source]).encode())


def _meant(cell: NotebookNode) -> dict[str, Any]:
    """Return a cell's metadata without nbgrader's checksum, which changes with every letter of the text."""
    meta = cell.metadata.get("nbgrader")
    if not isinstance(meta, dict):
        return dict(cell.metadata)
    return {**cell.metadata, "nbgrader": {k: v for k, v in meta.items() if k != "checksum"}}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _one_form(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
