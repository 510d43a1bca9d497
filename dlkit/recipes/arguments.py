"""What the command line of a recipe says."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from dlkit.errors import CourseError

__all__ = ["Parser", "parser", "part", "whole"]


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, and which knows what was said and what was left open.

    Parameters
    ----------
    **settings
        Those of `argparse.ArgumentParser`.

    Attributes
    ----------
    defaults : dict
        What holds for options that are left open.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(argument_default=argparse.SUPPRESS, **settings)
        self.defaults: dict[str, Any] = {}

    def option(self, name: str, default: Any, text: str, **settings: Any) -> None:
        """Add an option, with its default at the end of its explanation."""
        self.defaults[name.removeprefix("--").replace("-", "_")] = default
        shown = " ".join(map(str, default)) if isinstance(default, list) else default
        self.add_argument(name, help=text + (f" (default: {shown})" if shown not in (None, False) else ""), **settings)

    def said(self, argv: Sequence[str] | None = None) -> dict[str, Any]:
        """Return the options that the command line has."""
        return vars(self.parse_args(argv))

    def error(self, message: str) -> NoReturn:
        """Raise a `CourseError`, which a program ends with."""
        raise CourseError(f"{message}; --help lists the options")


def parser(module: str, text: str, *, epochs: int, batch_size: int, learning_rate: float, hidden: int) -> Parser:
    """Return a parser with the options that both recipes have.

    Parameters
    ----------
    module : str
        The name of the program's module.
    text : str
        What the program does.
    epochs, batch_size, learning_rate, hidden
        The defaults.
    """
    found = Parser(
        prog=f"python -m {module}",
        description=text,
        epilog="Several processes that share each batch: torchrun --nproc-per-node 2 -m " + module,
    )
    found.option(
        "--device",
        "numpy",
        "what computes: numpy, torch on the CPU, or a GPU",
        choices=["numpy", "cpu", "cuda"],
    )
    found.option(
        "--data",
        "digits",
        "digits (scikit-learn's, no files needed), mnist (if it has been downloaded), or the path of a folder with "
        "MNIST's IDX files",
    )
    found.option("--epochs", epochs, "how often to go through the training data", type=whole)
    found.option("--batch-size", batch_size, "images a step", type=whole)
    found.option("--learning-rate", learning_rate, "how long the steps are", type=_rate)
    found.option(
        "--hidden",
        [hidden, hidden],
        "units of the two hidden layers; one number stands for both",
        type=whole,
        nargs="+",
        metavar="UNITS",
    )
    found.option(
        "--seed",
        0,
        "the same seed gives the same numbers: initial weights, order of the images, dropout",
        type=_seed,
    )
    found.option(
        "--output",
        None,
        "folder for the model, the history (JSON) and the learning curve (PNG); it is made if it is not there",
        metavar="FOLDER",
    )
    found.option(
        "--resume",
        False,
        "go on with what is in --output; all options are those of then, but --epochs and --device may be given anew",
        action="store_true",
    )
    return found


def whole(text: str) -> int:
    """Read a whole number from 1 on."""
    return _checked(text, int, lambda n: n >= 1, "a whole number from 1 on")


def part(text: str) -> float:
    """Read a number from 0 to below 1."""
    return _checked(text, float, lambda x: 0 <= x < 1, "a number from 0 to below 1")


def _seed(text: str) -> int:
    return _checked(text, int, lambda n: n >= 0, "a whole number from 0 on")


def _rate(text: str) -> float:
    return _checked(text, float, lambda x: 0 < x < math.inf, "a number above 0")


def _checked(text: str, kind: Callable[[str], Any], allowed: Callable[[Any], bool], wanted: str) -> Any:
    try:
        found = kind(text)
    except ValueError:
        found = None
    if found is None or not allowed(found):
        raise argparse.ArgumentTypeError(f"must be {wanted}; got {text!r}")
    return found
