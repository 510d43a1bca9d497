"""Pages for students, printed several at a time wherever the notebooks run.

A page is a pure function of a notebook with its marks and of the configuration. So what needs the gradebook is done
before, by `dlkit.grading.writer`, and the rest travels: the notebook as JSON, and how far it has come.
"""

from __future__ import annotations

import functools
import json
import pickle
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import nbformat
from nbgrader.converters import GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from dlkit.grading.pool import InThisProcess
from dlkit.grading.stages import forget

BATCH = 16  # pages that one task prints: enough that the task's own start is little beside them
_MOST = 8  # batches on the way, beyond which the writer waits for one
_WRITTEN = ("output_extension", "output_files_dir", "outputs", "attachments")  # what is needed to write a page


@dataclass(frozen=True)
class Sheet:
    """What is to become a page: a notebook as JSON, what nbconvert knows of it, and the steps that are done."""

    notebook: str
    resources: dict[str, Any]
    done: int


@dataclass(frozen=True)
class Page:
    """A page, or why it could not be made."""

    html: str | None
    resources: dict[str, Any]
    trouble: str = ""


_Order = tuple[Sheet, Callable[[Page], None]]


def feedback_config(config: Config) -> Config:
    """Return the course's configuration as it is for feedback."""
    config = deepcopy(config)
    config.HTMLExporter.template_name = "feedback"
    return config


def print_pages(config: bytes, sheets: list[Sheet]) -> list[Page]:
    """Print pages, each by itself: one that cannot be printed spoils no other.

    Parameters
    ----------
    config
        The configuration of the course, pickled.
    sheets
        What to print.
    """
    return _read_machine(config).print(sheets)


def _warm_up(config: bytes, sheets: list[Sheet]) -> None:
    """Print a first page in the worker itself, whose tasks then find the template and the course's own cells made."""
    machine = _read_machine(config)
    kind = sheets[0].resources["unique_key"]
    if kind not in machine.warm_for:
        machine.warm_for.add(kind)
        machine.print(sheets[:1])


print_pages.warm_up = _warm_up  # type: ignore[attr-defined]


class _Machine:
    """nbgrader's exporter with its template and its preprocessors, made once."""

    def __init__(self, config: Config) -> None:
        feedback = GenerateFeedback(coursedir=CourseDirectory(config=config), config=config)
        self.exporter = feedback.exporter_class(parent=feedback, config=feedback.config)
        for preprocessor in feedback.preprocessors:
            self.exporter.register_preprocessor(preprocessor)
        self.steps = tuple(self.exporter._preprocessors)
        self.warm_for: set[str] = set()

    def print(self, sheets: list[Sheet]) -> list[Page]:
        return [self._print(sheet) for sheet in sheets]

    def _print(self, sheet: Sheet) -> Page:
        self.exporter._preprocessors = list(self.steps[sheet.done :])
        self.exporter.optimistic_validation = bool(self.exporter._preprocessors)
        try:
            notebook = nbformat.from_dict(json.loads(sheet.notebook))
            html, resources = self.exporter.from_notebook_node(notebook, sheet.resources)
        except Exception as error:
            return Page(None, {}, f"{type(error).__name__}: {error}")
        finally:
            forget(self.exporter)
        return Page(html, {key: resources[key] for key in _WRITTEN if key in resources})


@functools.lru_cache(maxsize=2)
def _read_machine(config: bytes) -> _Machine:
    return _Machine(pickle.loads(config))


class Press:
    """Have sheets printed by an executor, and each page given to the one who asked for it, in order.

    Parameters
    ----------
    executor
        Where. If the configuration cannot be pickled, it is in this process.
    config
        The course's configuration.
    """

    def __init__(self, executor: Executor, config: Config) -> None:
        self.executor, config = executor, feedback_config(config)
        config.CourseDirectory.pop("db_url", None)  # where the gradebook is, is nobody's business there
        try:
            self._print: Callable[..., list[Page]] = print_pages
            self._with: bytes | _Machine = pickle.dumps(config)
        except Exception:  # a function of the configuration's own, for example
            self.executor, self._print, self._with = InThisProcess(), _Machine.print, _Machine(config)
        self._next: list[_Order] = []
        self._printing: deque[tuple[Future[list[Page]], list[_Order]]] = deque()

    def order(self, sheet: Sheet, take: Callable[[Page], None]) -> None:
        """Have a sheet printed, soon, and `take` called with the page in `deliver` or `finish`."""
        self._next.append((sheet, take))
        if len(self._next) == BATCH:
            self._send()

    def now(self, sheet: Sheet) -> Page:
        """Print a sheet here and now."""
        return self._print(self._with, [sheet])[0]

    def deliver(self) -> None:
        """Hand over the pages that are there; wait for some only if too many are on the way."""
        while self._printing and (self._printing[0][0].done() or len(self._printing) > _MOST):
            self._hand_over(*self._printing.popleft())

    def finish(self) -> None:
        """Wait for everything that was ordered and hand it over."""
        self._send()
        while self._printing:
            self._hand_over(*self._printing.popleft())

    def _send(self) -> None:
        if self._next:
            orders, self._next = self._next, []
            self._printing.append((self._submit([sheet for sheet, _ in orders]), orders))

    def _submit(self, sheets: list[Sheet]) -> Future[list[Page]]:
        return self.executor.submit(self._print, self._with, sheets)

    def _hand_over(self, printed: Future[list[Page]], orders: list[_Order]) -> None:
        try:
            pages = printed.result()
        except Exception:  # the worker was lost, perhaps by one of the pages
            again = [self._submit([sheet]) for sheet, _ in orders]
            pages = [_alone(future) for future in again]
        for (_, take), page in zip(orders, pages, strict=True):
            take(page)


def _alone(printed: Future[list[Page]]) -> Page:
    """Wait for a page that was printed by itself."""
    try:
        (page,) = printed.result()
    except Exception as error:
        page = Page(None, {}, f"the page could not be printed: {error}")
    return page
