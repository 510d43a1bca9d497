"""1797 handwritten digits of scikit-learn, in the form in which Keras gives MNIST. They are not MNIST."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlkit import datasets

__all__ = ["load_data"]


def load_data(test: float = 0.2, seed: int = 0) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Return the digits, resized from 8×8 to MNIST's 28×28.

    Parameters
    ----------
    test : float, default 0.2
        The part to test with.
    seed : int, default 0
        How they are divided.

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        Images of uint8, shape (n, 28, 28), values 0 … 255; and classes 0 … 9.
    """
    return tuple(  # type: ignore[return-value]
        (np.round(part.X * 255).astype(np.uint8).reshape(-1, 28, 28), part.y)
        for part in datasets.split(datasets.digits_28x28(), test, seed)
    )
