"""nbgrader's preprocessors, made once and applied to notebook after notebook.

Those of nbgrader and of this package that open the gradebook are lent the `Ledger` of the run. For any other everything
is committed first, and it opens the gradebook by itself, if it does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import nbformat
from nbconvert.exporters import Exporter
from nbformat.notebooknode import NotebookNode
from nbformat.validator import normalize
from nbgrader.preprocessors import CheckCellMetadata

from dlkit.grading.ledger import Ledger, borrowers

_OURS = ("nbgrader", "nbconvert", "dlkit", "traitlets", "builtins")
_MOST = 100  # forms of a notebook that are remembered as checked


def register(exporter: Exporter, preprocessors: Iterable[Any], ledger: Ledger) -> None:
    """Make preprocessors the only ones of an exporter.

    Parameters
    ----------
    exporter
        It applies them from now on.
    preprocessors
        Classes, instances, functions or dotted names, as in nbgrader's configuration.
    ledger
        The gradebook that they are lent.
    """
    exporter.optimistic_validation = True
    exporter._preprocessors = []
    for preprocessor in preprocessors:
        exporter.register_preprocessor(preprocessor)
    exporter._preprocessors = [_Step(p, ledger) for p in exporter._preprocessors]


def is_foreign(preprocessor: Any) -> bool:
    """Tell whether a preprocessor, or its plug-in, is neither nbgrader's nor nbconvert's nor the course's own."""
    kinds = [type(preprocessor), getattr(preprocessor, "plugin_class", None)]
    modules = [c.__module__ for kind in kinds if isinstance(kind, type) for c in kind.__mro__]
    if callable(preprocessor) and not hasattr(preprocessor, "preprocess"):
        modules.append(getattr(preprocessor, "__module__", None) or "")
    return any(module.split(".")[0] not in _OURS for module in modules)


def apply(exporter: Exporter, notebook: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
    """Apply the preprocessors of an exporter to a notebook, which may change in that, as nbconvert does to copies.

    Raises
    ------
    nbformat.ValidationError
        If what comes out is no notebook.
    """
    resources = exporter._init_resources(resources)
    _, notebook = normalize(notebook)
    for preprocessor in exporter._preprocessors:
        notebook, resources = preprocessor(notebook, resources)
    nbformat.validate(notebook, relax_add_props=True)
    return notebook, resources


def forget(exporter: Exporter) -> None:
    """Drop what an exporter remembers of each notebook: of a large class it would be much, and nobody asks for it."""
    exporter._nb_metadata.clear()


class _Step:
    """One preprocessor, with the gradebook that it is lent."""

    def __init__(self, preprocessor: Any, ledger: Ledger) -> None:
        if type(preprocessor) is CheckCellMetadata:
            preprocessor = _CheckOnce(parent=preprocessor.parent)
        self.preprocessor, self.ledger = preprocessor, ledger
        self.modules = borrowers(type(preprocessor))
        self.foreign = is_foreign(preprocessor)

    def __call__(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        if not self.foreign:
            with self.ledger.lent(self.modules):
                return self.preprocessor(nb, resources)
        self.ledger.settle()
        return self.preprocessor(nb, resources)


class _CheckOnce(CheckCellMetadata):
    """nbgrader's check of its metadata, which are the same in every submission, so that they need it once."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._good: set[str] = set()

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        form = json.dumps([(c.cell_type, c.metadata.get("nbgrader")) for c in nb.cells], sort_keys=True)
        if form not in self._good:
            super().preprocess(nb, resources)
            if len(self._good) >= _MOST:
                self._good.clear()
            self._good.add(form)
        return nb, resources
