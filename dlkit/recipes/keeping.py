"""The folder that a recipe leaves: model.safetensors, history.json, learning-curve.png.

The history is written before the model, each in one move. So a program that stops anywhere leaves a model, and a
history that is at least as long: cut to the model's epochs, it belongs to it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dlkit.errors import CourseError

__all__ = ["Folder", "History", "settle"]

History = dict[str, list[float]]

_MAY_CHANGE = {"device", "epochs", "output", "resume"}


class Folder:
    """Where a recipe keeps what it has.

    Parameters
    ----------
    path : str
        The folder.
    recipe : str
        The recipe's name, which is noted in the history.
    """

    def __init__(self, path: str, recipe: str) -> None:
        self.path, self.recipe = Path(path).expanduser(), recipe
        self.model = self.path / "model.safetensors"
        self.history = self.path / "history.json"
        self.curve = self.path / "learning-curve.png"

    def make(self) -> None:
        """Make the folder, if it is not there.

        Raises
        ------
        CourseError
            If it cannot be made, or holds a model.
        """
        if self.model.exists():
            raise CourseError(f"{self.path} has a model already: --resume goes on with it; or choose another --output")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CourseError(f"--output {self.path} cannot be made: {error.strerror}") from None

    def note(self, options: dict[str, Any], history: History) -> None:
        """Write the options and the history so far."""
        beside = self.history.with_suffix(".new")
        content = {"recipe": self.recipe, "options": options, "history": history}
        beside.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(beside, self.history)  # noqa: PTH105

    def noted(self) -> tuple[dict[str, Any], History]:
        """Return the options and the history.

        Raises
        ------
        CourseError
            If the folder does not hold what this recipe leaves.
        """
        missing = [file for file in (self.model, self.history) if not file.is_file()]
        if missing:
            raise CourseError(f"--resume: there is no {missing[0].name} in {self.path}; leave --resume out to begin")
        try:
            found = json.loads(self.history.read_text(encoding="utf-8"))
            recipe, options, history = found["recipe"], dict(found["options"]), dict(found["history"])
        except (ValueError, KeyError, TypeError):
            raise CourseError(f"--resume: {self.history} is damaged, or not written by a recipe") from None
        if recipe != self.recipe:
            raise CourseError(f"--resume: {self.path} is of dlkit.recipes.{recipe}, not of {self.recipe}")
        return options, history

    @contextmanager
    def written(self) -> Iterator[None]:
        """Within it, what the system refuses is a `CourseError`."""
        try:
            yield
        except OSError as error:
            raise CourseError(f"--output {self.path} cannot be written to: {error.strerror or error}") from None

    @contextmanager
    def read(self) -> Iterator[Path]:
        """Lend the path of the model; what is wrong with the file is a `CourseError`."""
        try:
            yield self.model
        except (LookupError, ValueError, OSError) as error:
            raise CourseError(f"--resume: {self.model} cannot be gone on with: {error}") from None


def settle(
    said: dict[str, Any], defaults: dict[str, Any], recipe: str
) -> tuple[dict[str, Any], Folder | None, History]:
    """Return the options that hold, the folder, and the history so far.

    Parameters
    ----------
    said : dict
        What the command line has.
    defaults : dict
        What holds otherwise; with ``--resume`` only where the history has nothing.
    recipe : str
        The name of the recipe.

    Raises
    ------
    CourseError
        If options do not go together, or not with what is kept.
    """
    hidden = said.get("hidden")
    if hidden is not None:
        if len(hidden) > 2:
            raise CourseError(f"--hidden takes one or two numbers; got {' '.join(map(str, hidden))}")
        said = {**said, "hidden": [hidden[0], hidden[-1]]}
    folder = Folder(said["output"], recipe) if said.get("output") else None
    if not said.get("resume"):
        return {**defaults, **said}, folder, {}
    if folder is None:
        raise CourseError("--resume needs --output FOLDER: the folder to go on from")
    kept, history = folder.noted()
    for name in kept.keys() & said.keys() - _MAY_CHANGE:
        if kept[name] != said[name]:
            raise CourseError(
                f"--resume: --{name.replace('_', '-')} was {kept[name]} and cannot become {said[name]}; leave it out, "
                f"or begin anew in another --output"
            )
    return {**defaults, **kept, **said}, folder, history


def cut(history: History, epochs: int) -> History:
    """Return the history of so many epochs."""
    return {name: values[:epochs] for name, values in history.items()}
