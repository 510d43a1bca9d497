"""Data sets that come with scikit-learn: no network needed. Each call reads them afresh, so they may be changed.

Values are as the files have them but for what a function's own text says.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from dlkit._arguments import floating, generator
from dlkit._checks import Array, count
from dlkit.datasets.dataset import Dataset


def digits(dtype: DTypeLike = np.float64) -> Dataset:
    """Handwritten digits, 1797 grey images of 8×8, scaled from the file's counts 0 … 16 to [0, 1].

    Alpaydin and Kaynak (1998), *Optical Recognition of Handwritten Digits*, UCI; its test set. A pixel counts the dark
    ones among 4×4 of the scan.

    Parameters
    ----------
    dtype : floating-point dtype, default float64
        The type of `X`.

    Returns
    -------
    Dataset
        X of shape (1797, 64), classes 0 … 9, images of (8, 8).

    Raises
    ------
    TypeError
        If `dtype` is not a floating-point type.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return Dataset(
        X=(bunch.data / 16).astype(floating(dtype)),  # exact: sixteenths
        y=bunch.target.astype(np.int64),
        name="digits",
        feature_names=_pixels(8, 8),
        class_names=tuple("0123456789"),
        image_shape=(8, 8),
    )


def digits_28x28(dtype: DTypeLike = np.float32) -> Dataset:
    """`digits` resized to 28×28 in [0, 1]: MNIST's 784 inputs without a download.

    Bilinear between the centres of the pixels, and constant beyond the outermost ones, so every value is an average of
    the small image's. Each digit fills its square; MNIST's are smaller, with a border of 4 pixels, and a model trained
    on one set is not to be used on the other.

    Parameters
    ----------
    dtype : floating-point dtype, default float32
        The type of `X`.

    Returns
    -------
    Dataset
        X of shape (1797, 784), classes 0 … 9, images of (28, 28).

    Raises
    ------
    TypeError
        If `dtype` is not a floating-point type.
    """
    asked = floating(dtype)
    small = digits()
    R = _resizing(8, 28)
    X = (R @ small.images @ R.T).reshape(len(small), -1)  # the rows of every image, then its columns
    return Dataset(X.astype(asked), small.y, "digits 28×28", _pixels(28, 28), small.class_names, (28, 28))


def breast_cancer(dtype: DTypeLike = np.float64) -> Dataset:
    """Breast cancer diagnoses: 569 tumours, 30 features of their cells; class 0 malignant, 1 benign.

    Street, Wolberg and Mangasarian (1993), *Nuclear feature extraction for breast tumor diagnosis*.

    Parameters
    ----------
    dtype : floating-point dtype, default float64
        The type of `X`.

    Returns
    -------
    Dataset
        X of shape (569, 30), of very different scales; classes 0 and 1.

    Raises
    ------
    TypeError
        If `dtype` is not a floating-point type.
    """
    from sklearn.datasets import load_breast_cancer

    return _table(load_breast_cancer(), "breast cancer", floating(dtype))


def iris(dtype: DTypeLike = np.float64) -> Dataset:
    """Iris flowers: 150 of three species, 4 lengths and widths in cm.

    Fisher (1936), *The use of multiple measurements in taxonomic problems*.

    Parameters
    ----------
    dtype : floating-point dtype, default float64
        The type of `X`.

    Returns
    -------
    Dataset
        X of shape (150, 4), classes 0, 1, 2.

    Raises
    ------
    TypeError
        If `dtype` is not a floating-point type.
    """
    from sklearn.datasets import load_iris

    return _table(load_iris(), "iris", floating(dtype))


def diabetes(dtype: DTypeLike = np.float64) -> Dataset:
    """Progression of diabetes after a year, 442 patients: a regression on 10 features.

    Efron, Hastie, Johnstone and Tibshirani (2004), *Least angle regression*. The features have mean 0 and norm 1 over
    the 442 patients, as scikit-learn has them; the answers, 25 … 346, are raw.

    Parameters
    ----------
    dtype : floating-point dtype, default float64
        The type of `X` and `y`.

    Returns
    -------
    Dataset
        X of shape (442, 10), y floats of shape (442,), no classes.

    Raises
    ------
    TypeError
        If `dtype` is not a floating-point type.
    """
    from sklearn.datasets import load_diabetes

    asked = floating(dtype)
    bunch = load_diabetes()
    return Dataset(bunch.data.astype(asked), bunch.target.astype(asked), "diabetes", tuple(bunch.feature_names))


def photo_patches(
    n: int,
    rng: np.random.Generator | int,
    *,
    size: int = 16,
    grey: bool = False,
    dtype: DTypeLike = np.float64,
) -> Dataset:
    """Square patches of scikit-learn's two photographs, a Chinese temple and a flower, in [0, 1].

    The photograph and the place of each patch are uniform; patches may overlap.

    Parameters
    ----------
    n : int
        How many patches.
    rng : numpy.random.Generator or int
        What they are drawn from, or its seed.
    size : int, default 16
        Side of a patch in pixels, at most 427 (the height of a photograph).
    grey : bool, default False
        One channel, 0.299 red + 0.587 green + 0.114 blue (ITU-R BT.601, section 2.5.1), rather than three.
    dtype : floating-point dtype, default float64
        The type of `X`.

    Returns
    -------
    Dataset
        X of shape (n, 3·size²) or (n, size²), images of (size, size, 3) or (size, size); the class is the photograph.

    Raises
    ------
    TypeError
        If `n` or `size` is no integer, `rng` neither a Generator nor a seed, or `dtype` no floating-point type.
    ValueError
        If `n` or `size` is out of range.
    """
    from sklearn.datasets import load_sample_images

    n, rng, asked = count(n, "n"), generator(rng), floating(dtype)
    photos = load_sample_images().images
    height, width = photos[0].shape[:2]
    size = count(size, "size", 1, height)
    which = rng.integers(len(photos), size=n)
    top, left = rng.integers(height - size + 1, size=n), rng.integers(width - size + 1, size=n)
    inside = np.arange(size)
    rows, columns = top[:, None, None] + inside[:, None], left[:, None, None] + inside
    patches = np.stack(photos)[which[:, None, None], rows, columns] / 255
    if grey:
        patches = patches @ np.array([0.299, 0.587, 0.114])
    shape = patches.shape[1:]
    return Dataset(
        X=patches.reshape(n, -1).astype(asked),
        y=which,
        name="photo patches",
        feature_names=_pixels(*shape),
        class_names=("temple", "flower"),
        image_shape=shape,
    )


def _table(bunch: Any, name: str, dtype: np.dtype[Any]) -> Dataset:
    """Scikit-learn's Bunch of a classification as a Dataset."""
    names, classes = tuple(map(str, bunch.feature_names)), tuple(map(str, bunch.target_names))
    return Dataset(bunch.data.astype(dtype), bunch.target.astype(np.int64), name, names, classes)


def _pixels(height: int, width: int, channels: int = 0) -> tuple[str, ...]:
    """Names of an image's pixels in the order in which a row of X has them."""
    ends = [f"_{c}" for c in ("red", "green", "blue")] if channels else [""]
    return tuple(f"pixel_{i}_{j}{end}" for i in range(height) for j in range(width) for end in ends)


def _resizing(old: int, new: int) -> Array:
    """Matrix (new, old) of linear interpolation between `old` and `new` points, centres of equal cells of [0, 1]."""
    place = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    return np.maximum(0, 1 - np.abs(place[:, None] - np.arange(old)))  # hat functions: each row sums to 1
