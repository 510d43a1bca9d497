"""A course folder as its configuration describes it, and how nbgrader is started on it."""

from __future__ import annotations

import contextlib
import difflib
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nbgrader.coursedir import CourseDirectory
from traitlets.config.loader import PyFileConfigLoader

from dlkit.errors import CourseError

CONFIG = "nbgrader_config.py"
LOG = ".nbgrader.log"


class Course:
    """A course folder as its ``nbgrader_config.py`` describes it.

    Parameters
    ----------
    root
        The folder that holds ``nbgrader_config.py``.
    log
        Where nbgrader's own messages go; by default nowhere.

    Raises
    ------
    CourseError
        If there is no configuration, or it cannot be read.
    """

    def __init__(self, root: Path, log: logging.Logger | None = None) -> None:
        self.root = root.resolve()
        if not (self.root / CONFIG).is_file():
            raise CourseError(f"{root} is no course folder: it has no {CONFIG}. Give the folder with --course.")
        try:
            self.config = PyFileConfigLoader(CONFIG, path=str(self.root)).load_config()
        except Exception as error:  # whatever the file does; it is a program
            raise CourseError(f"{self.root / CONFIG} cannot be used: {type(error).__name__}: {error}") from error
        self.config.CourseDirectory.root = str(self.root)
        self.log = log or logging.getLogger("dlkit.grading.quiet")
        if log is None:
            self.log.addHandler(logging.NullHandler())
            self.log.propagate = False
        self.dirs = CourseDirectory(config=self.config, log=self.log)

    def source(self, name: str) -> Path:
        """Return the folder of an assignment's source."""
        return Path(self.dirs.format_path(self.dirs.source_directory, ".", name)).resolve()

    def release(self, name: str) -> Path:
        """Return the folder of an assignment as students get it."""
        return Path(self.dirs.format_path(self.dirs.release_directory, ".", name)).resolve()

    def names(self) -> list[str]:
        """List the assignments that have a source."""
        return sorted(p.name for p in self.source("x").parent.glob("*") if any(p.glob("*.ipynb")) and p.name[0] != ".")

    def choose(self, names: list[str]) -> list[str]:
        """Return the assignments named, or every one if none is.

        What stands before the first underscore is name enough, ``hw2`` for ``hw2_topic``, if only one begins so.

        Raises
        ------
        CourseError
            If a name is unknown; it lists those there are.
        """
        known = self.names()
        if not known:
            raise CourseError(f"{self.source('x').parent} holds no assignment.")
        chosen = []
        for name in names:
            begin_so = [k for k in known if k.startswith(f"{name}_")]
            if name not in known and len(begin_so) != 1:
                close = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
                hint = f" Did you mean {close[0]}?" if close else ""
                raise CourseError(f"There is no assignment {name!r}.{hint} There are: {', '.join(known)}.")
            chosen.append(name if name in known else begin_so[0])
        return chosen or known


def run_nbgrader(converter: Any) -> None:
    """Start one of nbgrader's converters; what it cannot do is a `CourseError` with the reason it logged."""
    with failing_as_course_error(converter, type(converter).__name__):
        converter.start()


@contextlib.contextmanager
def failing_as_course_error(converter: Any, name: str) -> Iterator[None]:
    """Turn what one of nbgrader's converters cannot do into a `CourseError` with the reason it logged."""
    reasons: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: reasons.append(record.getMessage())  # type: ignore[method-assign]
    converter.log.addHandler(handler)
    try:
        with warnings.catch_warnings():
            # nbgrader 0.9.6 with SQLAlchemy 2.1: it warns of an order of work that nbgrader then does all the same
            warnings.filterwarnings("ignore", message="Object of type .* not in session")
            yield
    except Exception as error:
        # nbgrader logs what happened as a traceback among lines that say that something happened
        causes = [reason.strip().splitlines()[-1] for reason in reasons if "Traceback (most" in reason]
        reason = "; ".join(dict.fromkeys(causes or reasons)) or f"{type(error).__name__}: {error}"
        raise CourseError(f"nbgrader's {name} failed: {reason}") from error
    finally:
        converter.log.removeHandler(handler)
