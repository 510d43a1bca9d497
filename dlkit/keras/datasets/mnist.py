"""MNIST as Keras gives it, from files that are there: nothing is downloaded."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlkit import datasets

__all__ = ["load_data"]


def load_data(path: Any = None) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Return MNIST's 60,000 images to train and 10,000 to test.

    Parameters
    ----------
    path : str or path, optional
        The folder with the four IDX files; see `dlkit.datasets.mnist` for where they are looked for by default.

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        Images of uint8, shape (n, 28, 28), values 0 … 255; and classes 0 … 9.

    Raises
    ------
    FileNotFoundError
        If a file is not there; `dlkit.keras.datasets.digits` needs none.
    """
    try:
        parts = [datasets.mnist(part, path) for part in ("train", "test")]
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{error}; dlkit.keras.datasets.digits.load_data() has small digits and needs no files"
        ) from None
    return tuple(  # type: ignore[return-value]
        (np.round(part.X * 255).astype(np.uint8).reshape(-1, 28, 28), part.y) for part in parts
    )
