"""What a recipe says while it runs and when it is done: progress, a table, the learning curve."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["Progress", "curve", "table"]

_WIDTH = 20
_PAUSE = 0.1  # seconds between two looks of the bar


class Progress:
    """How far a training is: on a terminal a bar with rate and time left, elsewhere a line an epoch.

    Parameters
    ----------
    epochs : int
        How many there will be.
    done : int
        How many there were before.
    steps : int
        Batches in an epoch.
    batch_size : int
        Images in a batch.
    quiet : bool, default False
        Say nothing.
    """

    def __init__(self, epochs: int, done: int, steps: int, batch_size: int, quiet: bool = False) -> None:
        self.epochs, self.before, self.steps, self.batch_size, self.quiet = epochs, done, steps, batch_size, quiet
        self.moves = sys.stdout.isatty() and not quiet
        self.begin = self.shown = time.perf_counter()

    def step(self, epoch: int, step: int) -> None:
        """Show that the steps up to number `step` of an epoch (both from 0) are made."""
        if not self.moves:
            return
        now = time.perf_counter()
        if now - self.shown < _PAUSE:
            return
        self.shown = now
        done = (epoch - self.before) * self.steps + step + 1
        rate = done / (now - self.begin)
        left = ((self.epochs - self.before) * self.steps - done) / rate
        full = _WIDTH * (step + 1) // self.steps
        bar = "━" * full + "─" * (_WIDTH - full)
        line = f"Epoch {epoch + 1}/{self.epochs} {bar} {rate * self.batch_size:,.0f} images/s, {clock(left)} left"
        print(f"\r\x1b[K{line}", end="", flush=True)

    def epoch(self, epoch: int, seconds: float, numbers: Mapping[str, float]) -> None:
        """Print the line of an epoch."""
        if self.quiet:
            return
        shown = "".join(f"  {name} {value:#.4g}" for name, value in numbers.items())
        rate = self.steps * self.batch_size / seconds
        start = "\r\x1b[K" if self.moves else ""
        print(f"{start}Epoch {epoch + 1}/{self.epochs}{shown}  {seconds:.1f} s  {rate:,.0f} images/s", flush=True)


def clock(seconds: float) -> str:
    """Return a time as minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


def table(scores: Mapping[str, tuple[float, float]], seconds: float, epochs: int) -> str:
    """Return the table at the end.

    Parameters
    ----------
    scores : dict of str to (float, float)
        Loss and accuracy, by what they are of.
    seconds : float
        How long the training took.
    epochs : int
        How many epochs that were.
    """
    width = max(len(name) for name in scores)
    lines = [f"{'':{width}}  {'loss':>10}  {'accuracy':>8}"]
    lines += [f"{name:{width}}  {loss:>#10.4g}  {100 * accuracy:>6.2f} %" for name, (loss, accuracy) in scores.items()]
    return "\n".join([*lines, f"{epochs} epoch{'s' if epochs != 1 else ''} in {seconds:.1f} seconds"])


def curve(path: Path, history: Mapping[str, Any], title: str) -> None:
    """Draw the losses and the accuracies of a history, one above the other.

    Parameters
    ----------
    path : Path
        Where the picture goes, a PNG.
    history : dict of str to list of float
        As Keras names them: "loss", "accuracy", and the same with "val_" for the test data.
    title : str
        What stands above.
    """
    import matplotlib.pyplot as plt
    from matplotlib.figure import Figure

    from dlkit.plotting import loss_curves, use_style

    with plt.rc_context():
        use_style()
        figure = Figure(figsize=(7, 6))  # not pyplot's: no window, whatever the backend
        axes = figure.subplots(2, 1, sharex=True)
        for ax, what in zip(axes, ("loss", "accuracy"), strict=True):
            names = {"test": f"val_{what}", "training": what}  # one order, so one colour
            curves = {name: history[key] for name, key in names.items() if key in history}
            losses = [x for values in curves.values() for x in values]
            log = what == "loss" and min(losses) > 0 and max(losses) > 20 * min(losses)
            loss_curves(ax, curves, log=log, ylabel=what, xlabel="epoch" if what == "accuracy" else "")
        axes[0].set_title(title)
        axes[1].xaxis.get_major_locator().set_params(integer=True)
        figure.savefig(path)
