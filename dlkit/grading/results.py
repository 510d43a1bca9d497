"""Results of jobs, kept in a folder beside the gradebook: one file each, found again by the job's key.

A file appears whole or not at all, and is believed only if its digest is that of its content and it says it
belongs to the key it was looked for under; anything else is as if it were not there. The digest finds accidents, not
forgers: whoever may write here may write into the gradebook as well.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import tempfile
from pathlib import Path
from time import time
from typing import Any

from sqlalchemy.engine import make_url

from dlkit.grading.jobs import Result

_ABANDONED = 3600  # seconds after which a file that was never finished belongs to a run that is no more


class Results:
    """A folder of results.

    Parameters
    ----------
    folder
        Where they are; it is made when the first result is put there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of_course(cls, dirs: Any) -> Results:
        """Return the results of a course: ``gradebook.results`` beside its ``gradebook.db``.

        Parameters
        ----------
        dirs
            nbgrader's ``CourseDirectory``. If its gradebook is no file, they are in the course folder.
        """
        url = make_url(dirs.db_url)
        root = Path(dirs.root)
        if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
            return cls((root / url.database).with_suffix(".results"))
        return cls(root / "gradebook.results")

    def path(self, key: str) -> Path:
        """Return where the result of this key is, or would be."""
        return self.folder / key[:2] / f"{key}.json"

    def get(self, key: str) -> Result | None:
        """Return the result of this key; None if there is none, or what is there cannot be believed."""
        try:
            digest, _, text = self.path(key).read_text(encoding="utf-8").partition("\n")
            if digest != _digest(text):
                return None
            result = Result.from_json(text)
        except (OSError, UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError, AttributeError):
            return None
        return result if result.key == key else None

    def latest(self, base: str) -> Result | None:
        """Return the result that was kept last of the jobs with this base."""
        try:
            key = self.path(base).with_suffix(".latest").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None
        result = self.get(key) if re.fullmatch("[0-9a-f]{64}", key) else None
        return result if result is not None and result.base == base else None

    def put(self, result: Result) -> None:
        """Keep a result; at every moment the old file or the new one is there, whole."""
        text = result.to_json()
        self._write(self.path(result.key), f"{_digest(text)}\n{text}")
        if result.base:
            self._write(self.path(result.base).with_suffix(".latest"), result.key)

    def _write(self, target: Path, text: str) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=target.parent, prefix=".", suffix=".part", delete=False
        ) as file:
            file.write(text)
        Path(file.name).replace(target)

    def tidy(self) -> None:
        """Remove what runs that were killed left unfinished."""
        for part in self.folder.glob("*/.*.part"):
            with contextlib.suppress(OSError):  # another run may tidy up as well
                if part.stat().st_mtime < time() - _ABANDONED:
                    part.unlink()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
