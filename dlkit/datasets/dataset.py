"""The one form in which every data set of the course comes, and its split into training and test data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dlkit._arguments import generator
from dlkit._checks import Array, number


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Rows of features with their answers.

    Two data sets are never compared as a whole (their arrays would have to be); compare X and y.

    Parameters
    ----------
    X : ndarray of floats, shape (n, d)
        A row per sample.
    y : ndarray, shape (n,)
        For classes, integers 0 … K−1 (int64); for a regression, floats of the dtype of `X`.
    name : str
        What the data are.
    feature_names : tuple of d str
        The columns of `X`.
    class_names : tuple of K str, default ()
        The classes; empty for a regression.
    image_shape : tuple of int, default ()
        The shape of one sample where it is an image, as (28, 28) or (32, 32, 3): d is its product. Empty otherwise.

    Raises
    ------
    ValueError
        If the parts do not fit together.
    """

    X: Array
    y: Array
    name: str
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...] = ()
    image_shape: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.X.ndim != 2 or self.X.dtype.kind != "f":
            raise ValueError(f"X must be floats of the shape (n, d); got {self.X.dtype} of {self.X.shape}")
        n, d = self.X.shape
        if self.y.shape != (n,):
            raise ValueError(f"y must have an answer per row of X, shape {(n,)}; got {self.y.shape}")
        if len(self.feature_names) != d:
            raise ValueError(f"feature_names must name the {d} columns of X; got {len(self.feature_names)} names")
        if self.image_shape and int(np.prod(self.image_shape)) != d:
            raise ValueError(f"image_shape must hold the {d} columns of X; got {self.image_shape}")
        K = len(self.class_names)
        if K and (self.y.dtype.kind not in "iu" or (n and (self.y.min() < 0 or self.y.max() >= K))):
            raise ValueError(f"y must hold classes 0..{K - 1} as integers, as there are {K} class_names")

    def __len__(self) -> int:
        return len(self.X)

    def __repr__(self) -> str:
        n, d = self.X.shape
        answers = f"{len(self.class_names)} classes" if self.class_names else "regression"
        return f"<{self.name}: {n} samples of {d} features, {self.X.dtype}, {answers}>"

    @property
    def images(self) -> Array:
        """The samples as images, shape (n, *image_shape): a view of `X`."""
        if not self.image_shape:
            raise ValueError(f"{self.name} holds no images; its features are {', '.join(self.feature_names[:3])}, …")
        return self.X.reshape(len(self), *self.image_shape)

    @property
    def signs(self) -> Array:
        """The two classes as −1 and +1, in the dtype of `X`: what margins y·f(x) are made of."""
        if len(self.class_names) != 2:
            raise ValueError(f"signs are for two classes; {self.name} has {len(self.class_names) or 'none'}")
        return (2 * self.y - 1).astype(self.X.dtype)

    def take(self, indices: Any) -> Dataset:
        """Return the samples that `indices` (integers, booleans or a slice) chooses, in their order."""
        return replace(self, X=self.X[indices], y=self.y[indices])


def split(data: Dataset, test: float, rng: np.random.Generator | int) -> tuple[Dataset, Dataset]:
    """Split a data set into training data and test data at random.

    Where there are classes, each gives the same share, so that a rare one is not lost by chance: of its m samples,
    ``round(test * m)`` become test data.

    Parameters
    ----------
    data : Dataset
        What to split.
    test : float, in [0, 1]
        The share of the test data.
    rng : numpy.random.Generator or int
        What the split is drawn from, or its seed. The same seed gives the same split.

    Returns
    -------
    train, test : Dataset
        Each sample is in one of the two; both are in random order.

    Raises
    ------
    TypeError
        If `rng` is neither a Generator nor a seed, or `test` is no number.
    ValueError
        If `test` is not in [0, 1], or one of the parts would be empty.
    """
    rng = generator(rng)
    share = number(test, "test", 0, 1)
    order = rng.permutation(len(data))
    groups = [order[data.y[order] == k] for k in range(len(data.class_names))] if data.class_names else [order]
    in_test = np.zeros(len(data), dtype=bool)
    for group in groups:
        in_test[group[: round(share * len(group))]] = True
    if in_test.all() or not in_test.any():
        raise ValueError(f"test must leave samples on either side; test={share:g} takes {in_test.sum()} of {len(data)}")
    return data.take(order[~in_test[order]]), data.take(order[in_test[order]])
