"""Digits in the form in which TensorFlow's tutorial had them: ``mnist.train.next_batch(100)``.

Without a network: scikit-learn's digits, or MNIST's files if they are there.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dlkit import datasets
from dlkit._checks import Array, count
from dlkit.datasets import Dataset
from dlkit.descent.distributed import Group
from dlkit.errors import CourseError

__all__ = ["DataSet", "DataSets", "read_data_sets"]

_TEST, _SPLIT = 0.2, 0  # the part to test with and the seed of the split, where the data come in one piece
_IMAGES = "{}-images-idx3-ubyte"


class DataSet:
    """Images with their labels, dealt in batches.

    Each pass over the data, an *epoch*, has an order of its own, which depends on the seed and the number of the pass
    alone. A batch that is not full at the end of a pass is filled from the next one, as in TensorFlow's tutorial.

    Parameters
    ----------
    images : array of float32, shape (n, pixels)
        A row per image.
    labels : array of float32, shape (n, classes)
        One-hot: 1 in the column of the class.
    seed : int, default 0
        What the orders are drawn from.
    group : Group, optional
        With several processes a batch is the share of this one.

    Attributes
    ----------
    drawn : int
        How many images have been dealt so far. Set it, and dealing goes on from there.

    Examples
    --------
    >>> data = DataSet(np.eye(3), np.eye(3), seed=1)
    >>> data.next_batch(2)[0].argmax(axis=1), data.next_batch(2)[0].argmax(axis=1)
    (array([0, 1]), array([2, 2]))
    """

    def __init__(self, images: Array, labels: Array, seed: int = 0, group: Group | None = None) -> None:
        self.images, self.labels = images, labels
        self.seed, self.group = seed, group or Group()
        self.drawn = 0
        self._order: tuple[int, Array] = -1, np.array([])  # the pass, and its order

    @property
    def num_examples(self) -> int:
        """How many images there are."""
        return len(self.images)

    @property
    def epochs_completed(self) -> int:
        """How many passes are over."""
        return self.drawn // self.num_examples

    def next_batch(self, batch_size: int) -> tuple[Array, Array]:
        """Return the next images and their labels.

        Parameters
        ----------
        batch_size : int
            How many, over all processes.

        Returns
        -------
        images, labels : ndarray
            A row each.
        """
        count(batch_size, "batch_size")
        parts, wanted = [], batch_size
        while wanted:
            start = self.drawn % self.num_examples
            part = self._order_of(self.epochs_completed)[start : start + wanted]
            parts.append(part)
            wanted -= len(part)
            self.drawn += len(part)
        rows = np.concatenate(parts)[self.group.share(batch_size)]
        return self.images[rows], self.labels[rows]

    def _order_of(self, epoch: int) -> Array:
        if self._order[0] != epoch:
            self._order = epoch, np.random.default_rng([self.seed, epoch]).permutation(self.num_examples)
        return self._order[1]


@dataclass
class DataSets:
    """What to train on and what to test with.

    Attributes
    ----------
    name : str
        What the data are.
    train, test : DataSet
        No image is in both.
    """

    name: str
    train: DataSet
    test: DataSet


def read_data_sets(data: str = "digits", seed: int = 0, group: Group | None = None) -> DataSets:
    """Return handwritten digits to train on and to test with, pixels in [0, 1], labels one-hot.

    Parameters
    ----------
    data : str, default "digits"
        "digits": 1797 of scikit-learn, resized to MNIST's 28×28. "mnist": 70,000 from `dlkit.datasets.mnist`'s folder.
        Else a folder with MNIST's IDX files, all four or one pair. What comes in one piece is split: a fifth to test
        with.
    seed : int, default 0
        Which order the batches come in.
    group : Group, optional
        The processes that share each batch.

    Raises
    ------
    CourseError
        If there are no such files, or they do not hold such images.
    """
    train, test = datasets.split(datasets.digits_28x28(), _TEST, _SPLIT) if data == "digits" else _mnist(data)
    return DataSets(train.name.removesuffix(" train"), *(_one_hot(part, seed, group) for part in (train, test)))


def _one_hot(data: Dataset, seed: int, group: Group | None) -> DataSet:
    return DataSet(data.X, np.eye(len(data.class_names), dtype=np.float32)[data.y], seed, group)


def _mnist(data: str) -> tuple[Dataset, Dataset]:
    folder = None if data == "mnist" else Path(data).expanduser()
    if folder is not None and not folder.is_dir():
        raise CourseError(f"--data must be digits, mnist or a folder with MNIST's IDX files; there is no folder {data}")
    try:
        halves: list[Any] = ["train", "test"]
        if folder is not None:
            prefixes = {"train": "train", "test": "t10k"}
            halves = [h for h in halves if list(folder.glob(_IMAGES.format(prefixes[h]) + "*"))] or halves
        found = [datasets.mnist(half, folder) for half in halves]
    except FileNotFoundError as error:
        missing = str(error).partition(". ")[0]
        raise CourseError(
            f"{missing}: put it there, fetch it by dlkit.datasets.mnist(…, download=True), or name the folder that "
            f"has MNIST's files; --data digits needs none"
        ) from None
    except ValueError as error:
        raise CourseError(str(error)) from None
    return datasets.split(found[0], _TEST, _SPLIT) if len(found) == 1 else (found[0], found[1])
