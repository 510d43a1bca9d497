"""What a recipe's program does around its training: options, processes, what may go wrong, the end."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dlkit.descent.distributed import Group, join
from dlkit.errors import CourseError
from dlkit.recipes.arguments import Parser
from dlkit.recipes.data import DataSets, read_data_sets
from dlkit.recipes.keeping import Folder, History, cut, settle
from dlkit.recipes.report import curve, table

__all__ = ["Run", "Scores", "run"]

Scores = dict[str, tuple[float, float]]  # loss and accuracy, by what they are of


@dataclass
class Run:
    """One run of a recipe: what it is to do, and what it has done.

    Attributes
    ----------
    options : dict
        What holds, by the names of the command line.
    group : Group
        The processes that share each batch.
    mnist : DataSets
        The digits.
    folder : Folder or None
        Where things are kept.
    history : dict of str to list of float
        A list of a number per epoch for "loss", "val_loss", "val_accuracy", "seconds" and perhaps more.
    kept : int
        Of how many epochs the folder has the model.
    """

    options: dict[str, Any]
    group: Group
    mnist: DataSets
    folder: Folder | None = None
    history: History = field(default_factory=dict)
    kept: int = 0

    @property
    def first(self) -> bool:
        """Whether this is the process that prints and writes."""
        return self.group.rank == 0

    @property
    def epochs_done(self) -> int:
        """How many epochs there are in the history."""
        return len(self.history.get("loss", []))

    def say(self, text: str) -> None:
        """Print, if this is the process that does."""
        if self.first:
            print(text, flush=True)

    def go_on_after(self, epochs: int) -> None:
        """Forget what the history has of later epochs than the model that was read."""
        self.history, self.kept = cut(self.history, epochs), epochs
        if epochs >= self.options["epochs"]:
            self.say(f"All {self.options['epochs']} epochs are done; --epochs {2 * epochs} would add {epochs}")

    def keep(self, save: Callable[[Path], Any], numbers: dict[str, float]) -> None:
        """Take the numbers of an epoch into the history, and keep it and the model.

        Parameters
        ----------
        save : callable
            What writes the model to the path that it is given.
        numbers : dict of str to float
            By their names in the history.
        """
        for name, value in numbers.items():
            self.history.setdefault(name, []).append(float(value))
        if self.folder is not None and self.first:
            with self.folder.written():
                self.folder.note(_to_keep(self.options), self.history)
                save(self.folder.model)
            self.kept = self.epochs_done


def run(recipe: str, parser: Parser, train: Callable[[Run], Scores], argv: Sequence[str] | None) -> int:
    """Run a recipe as a program, and return its exit code.

    Parameters
    ----------
    recipe : str
        Its name, that of its module.
    parser : Parser
        Its options.
    train : callable
        Takes the `Run`, trains, and returns loss and accuracy by what they are of.
    argv : list of str, optional
        The command line.

    Returns
    -------
    int
        0; 2 after an error that is said in one line; 130 after ctrl-C.
    """
    done: Run | None = None
    rank, alike = int(os.environ.get("RANK", 0)), True  # up to the training what goes wrong does so in all processes
    try:
        with _ending_alike():
            options, folder, history = settle(parser.said(argv), parser.defaults, recipe)
            with _joined(options["device"]) as group:
                done = Run(options, group, read_data_sets(options["data"], options["seed"], group), folder, history)
                _check(done)
                alike = False
                with np.errstate(over="ignore", invalid="ignore"):  # a recipe says itself what is not finite
                    _finish(done, train(done))
        return 0
    except (CourseError, ConnectionError) as error:
        if rank == 0 or not alike:
            print(f"error{f' in process {rank}' if rank else ''}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        if rank == 0:
            print(f"\n{_stopped(done, parser.prog)}", file=sys.stderr)
        return 130


@contextmanager
def _ending_alike() -> Iterator[None]:
    """Take what torchrun sends to end a process for ctrl-C."""
    if "WORLD_SIZE" not in os.environ or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _joined(device: str) -> Group:
    try:
        return join(device)
    except ValueError as error:
        raise CourseError(f"--device {device}: {error}") from None


def _check(found: Run) -> None:
    """Raise if the options do not suit the data; say what might be better."""
    options, group, n = found.options, found.group, found.mnist.train.num_examples
    batch = options["batch_size"]
    if batch > n:
        raise CourseError(f"--batch-size must be at most {n}, as many images as there are to train on; got {batch}")
    if found.folder is not None:
        if options["resume"]:
            if not group.everywhere(found.folder.model.is_file()):
                raise CourseError(f"--output {found.folder.path} must be a folder that every process sees")
        elif found.first:
            found.folder.make()
    if group.size > 1:
        found.say(f"{group.size} processes share each batch")
        if batch % group.size:
            low = batch // group.size * group.size
            found.say(
                f"hint: {batch} images are not shared evenly by {group.size} processes, and the others wait for the "
                f"one that has most; --batch-size {' or '.join(str(b) for b in (low, low + group.size) if b)} is"
            )


def _finish(done: Run, scores: Scores) -> None:
    """Print the table, and leave the curve."""
    if not done.first:
        return
    print(table(scores, sum(done.history["seconds"]), done.epochs_done))
    if done.folder is not None:
        with done.folder.written():
            done.folder.note(_to_keep(done.options), done.history)
            curve(done.folder.curve, done.history, f"{done.folder.recipe} on {done.mnist.name}")
        print(f"{done.folder.path}: {done.folder.model.name}, {done.folder.history.name}, {done.folder.curve.name}")


def _to_keep(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name not in ("output", "resume")}


def _stopped(done: Run | None, prog: str) -> str:
    if done is None:
        return "Stopped before the training began."
    if done.folder is None:
        return "Stopped. Nothing is kept without --output FOLDER."
    if not done.folder.model.exists():
        return "Stopped before the first epoch was over: nothing is kept."
    of = f" after {done.kept} of {done.options['epochs']} epochs" if done.kept else ""
    return f"Stopped. The model{of} is kept; to go on from there: {prog} --output {done.folder.path} --resume"
