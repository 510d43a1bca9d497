"""One-hot rows, and rows of length 1; Keras 2 had them here."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlkit import arrays
from dlkit._checks import count, first

__all__ = ["normalize", "to_categorical"]


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray:
    """Return one-hot rows for classes.

    Parameters
    ----------
    x : array_like of integers, shape (…) or (…, 1)
        Classes 0 … K−1.
    num_classes : int, optional
        K; by default one more than the largest class.

    Returns
    -------
    ndarray of float32, shape (…, K)
        1 at the class, 0 elsewhere.

    Raises
    ------
    ValueError
        If a class is no whole number, negative, or not below `num_classes`.
    """
    given = arrays.to_numpy(x)
    if given.dtype.kind not in "iubf":
        raise TypeError(f"x must hold classes as whole numbers; got dtype {given.dtype}")
    classes = given.astype(np.int64)
    if (odd := classes != given).any():
        raise ValueError(f"x must hold classes as whole numbers; got {given[first(odd)]} at index {first(odd)}")
    if classes.ndim > 1 and classes.shape[-1] == 1:
        classes = classes[..., 0]
    if num_classes is None:
        num_classes = int(classes.max(initial=-1)) + 1
    count(num_classes, "num_classes", 0)
    unknown = (classes < 0) | (classes >= num_classes)
    if unknown.any():
        where = first(unknown)
        raise ValueError(f"x must hold classes 0..{num_classes - 1}; got {classes[where]} at index {where}")
    return (classes[..., None] == np.arange(num_classes)).astype(np.float32)


def normalize(x: Any, axis: int = -1, order: int = 2) -> np.ndarray:
    """Return an array with its vectors along an axis divided by their lengths; zeros stay zeros."""
    x = np.asarray(x)
    norms = np.linalg.norm(x, order, axis, keepdims=True)
    return x / np.where(norms == 0, 1, norms)
