"""More training images from those at hand: flipped, rotated, shifted, with rows or columns deleted.

``flip``, ``rotate``, ``shift``, ``delete_rows`` and ``delete_columns`` change every image of a batch at random, each
on its own; ``rotate_by`` and ``shift_by`` do so by given amounts. A batch has the shape (n, height, width). The result
is a new array of the same shape and dtype, and the batch stays as it was. They are called alike, one after another::

    for change in (flip, rotate, shift):
        batch = change(batch, rng)

Whether a change leaves the label right depends on the data: a flipped flower is a flower, a flipped 2 is no digit.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from dlkit import _arguments, _checks
from dlkit._checks import Array, real_array

__all__ = ["delete_columns", "delete_rows", "flip", "rotate", "rotate_by", "shift", "shift_by"]

Rng = np.random.Generator | int


def flip(
    images: ArrayLike,
    rng: Rng,
    *,
    probability: float = 0.5,
    direction: Literal["left-right", "up-down"] = "left-right",
) -> Array:
    """Mirror each image with the given probability.

    Parameters
    ----------
    images : array_like of real numbers, shape (n, h, w)
        The batch.
    rng : numpy.random.Generator or int
        What is drawn from, or its seed.
    probability : float in [0, 1], default 0.5
        Of being mirrored.
    direction : {"left-right", "up-down"}
        What changes places.

    Returns
    -------
    ndarray, shape and dtype of `images`
        The new batch.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.
    """
    images, rng = _batch(images), _arguments.generator(rng)
    if direction not in ("left-right", "up-down"):
        raise ValueError(f"direction must be 'left-right' or 'up-down'; got {direction!r}")
    mirrored = images[:, :, ::-1] if direction == "left-right" else images[:, ::-1]
    chosen = rng.random(len(images)) < _checks.number(probability, "probability", 0, 1)
    return np.where(chosen[:, None, None], mirrored, images)


def rotate(images: ArrayLike, rng: Rng, *, max_degrees: float = 15.0, fill: float = 0) -> Array:
    """Rotate each image about its centre by an angle that is uniform in ±`max_degrees`.

    Parameters
    ----------
    images : array_like of floats, shape (n, h, w)
        The batch.
    rng : numpy.random.Generator or int
        What is drawn from, or its seed.
    max_degrees : float ≥ 0, default 15
        The largest angle.
    fill : float, default 0
        What comes in from beyond the border.

    Returns
    -------
    ndarray, shape and dtype of `images`
        The new batch; see `rotate_by`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.
    """
    images, rng = _batch(images), _arguments.generator(rng)
    most = _checks.number(max_degrees, "max_degrees", 0)
    return rotate_by(images, rng.uniform(-most, most, len(images)), fill=fill)


def rotate_by(images: ArrayLike, degrees: ArrayLike, *, fill: float = 0) -> Array:
    """Rotate each image about its centre, counter-clockwise as it is seen with row 0 at the top.

    A pixel of the result is interpolated (bilinearly) from the four around the point that comes to lie there; beyond
    the border is a frame of `fill`. The work takes some 15 numbers per pixel of the batch: give batches, not epochs.

    Parameters
    ----------
    images : array_like of floats, shape (n, h, w)
        The batch. Integers are refused: they would have to be rounded.
    degrees : number, or array_like of shape (n,)
        The angles.
    fill : float, default 0
        What comes in from beyond the border.

    Returns
    -------
    ndarray, shape and dtype of `images`
        The new batch; no value lies outside the range of the old one and `fill`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.
    """
    images = _batch(images)
    if images.dtype.kind != "f":
        raise TypeError(
            f"images must be floats to be rotated, which makes values between the pixels'; got {images.dtype} "
            "(images.astype(np.float32) makes floats)"
        )
    n, h, w = images.shape
    angle = np.deg2rad(_per_image(degrees, "degrees", n))[:, None, None]
    down, right = np.arange(h)[:, None] - (h - 1) / 2, np.arange(w) - (w - 1) / 2
    # Where each pixel comes from: its offset from the centre, turned back. Row numbers grow downwards.
    row = np.cos(angle) * down + np.sin(angle) * right + (h - 1) / 2
    column = np.cos(angle) * right - np.sin(angle) * down + (w - 1) / 2
    i, below = _cell(row, h, images.dtype)
    j, after = _cell(column, w, images.dtype)
    framed = np.pad(images, ((0, 0), (1, 1), (1, 1)), constant_values=_fill(fill, images.dtype))
    image = np.arange(n)[:, None, None]
    upper = (1 - after) * framed[image, i, j] + after * framed[image, i, j + 1]
    lower = (1 - after) * framed[image, i + 1, j] + after * framed[image, i + 1, j + 1]
    return (1 - below) * upper + below * lower


def shift(images: ArrayLike, rng: Rng, *, max_pixels: int = 2, fill: float = 0) -> Array:
    """Shift each image by whole pixels, up to `max_pixels` either way, down or up and right or left.

    Parameters
    ----------
    images : array_like of real numbers, shape (n, h, w)
        The batch.
    rng : numpy.random.Generator or int
        What is drawn from, or its seed.
    max_pixels : int ≥ 0, default 2
        The largest shift along either axis; each from −`max_pixels` to `max_pixels` is equally likely.
    fill : number, default 0
        What comes in from beyond the border.

    Returns
    -------
    ndarray, shape and dtype of `images`
        The new batch.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.
    """
    images, rng = _batch(images), _arguments.generator(rng)
    most = _checks.count(max_pixels, "max_pixels", 0)
    down, right = rng.integers(-most, most, size=(2, len(images)), endpoint=True)
    return shift_by(images, down, right, fill=fill)


def shift_by(images: ArrayLike, down: ArrayLike, right: ArrayLike, *, fill: float = 0) -> Array:
    """Shift each image by a number of whole pixels; what leaves the image is lost.

    Parameters
    ----------
    images : array_like of real numbers, shape (n, h, w)
        The batch.
    down, right : int, or array_like of int of shape (n,)
        How far; negative numbers for up and left.
    fill : number, default 0
        What comes in from beyond the border.

    Returns
    -------
    ndarray, shape and dtype of `images`
        The new batch.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.
    """
    images = _batch(images)
    n, h, w = images.shape
    row = np.arange(h) - _per_image(down, "down", n, integers=True)[:, None]
    column = np.arange(w) - _per_image(right, "right", n, integers=True)[:, None]
    inside = ((row >= 0) & (row < h))[:, :, None] & ((column >= 0) & (column < w))[:, None, :]
    moved = images[np.arange(n)[:, None, None], row[:, :, None] % h, column[:, None, :] % w]
    return np.where(inside, moved, _fill(fill, images.dtype))


def delete_rows(images: ArrayLike, rng: Rng, *, count: int = 1, fill: float = 0) -> Array:
    """Overwrite `count` rows of each image, drawn anew for each, with `fill`; the image keeps its shape.

    Parameters
    ----------
    images : array_like of real numbers, shape (n, h, w)
        The batch.
    rng : numpy.random.Generator or int
        What is drawn from, or its seed.
    count : int in 0 … h, default 1
        How many different rows; each choice is equally likely.
    fill : number, default 0
        What is written there.

    Returns
    -------
    ndarray, shape and dtype of `images`
        The new batch.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.
    """
    images = _batch(images)
    return np.where(_some(images, 1, rng, count)[:, :, None], _fill(fill, images.dtype), images)


def delete_columns(images: ArrayLike, rng: Rng, *, count: int = 1, fill: float = 0) -> Array:
    """Overwrite `count` columns of each image, drawn anew for each, with `fill`; the image keeps its shape.

    Parameters
    ----------
    images : array_like of real numbers, shape (n, h, w)
        The batch.
    rng : numpy.random.Generator or int
        What is drawn from, or its seed.
    count : int in 0 … w, default 1
        How many different columns; each choice is equally likely.
    fill : number, default 0
        What is written there.

    Returns
    -------
    ndarray, shape and dtype of `images`
        The new batch.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.
    """
    images = _batch(images)
    return np.where(_some(images, 2, rng, count)[:, None, :], _fill(fill, images.dtype), images)


def _batch(images: ArrayLike) -> Array:
    """Return `images` as an array (n, h, w) of its own dtype."""
    images = real_array(images, "images", integers_as=None)
    if images.ndim != 3 or 0 in images.shape[1:]:
        hint = " (X.reshape(-1, h, w) makes images of rows)" if images.ndim == 2 else ""
        raise ValueError(f"images must have the shape (n, height, width), no side 0; got {images.shape}{hint}")
    return images


def _fill(fill: Any, dtype: np.dtype[Any]) -> Array:
    """Return `fill` in the images' dtype, which must be able to hold it."""
    value = _checks.number(fill, "fill")
    if dtype.kind == "f":
        fits = abs(value) <= float(np.finfo(dtype).max)  # it may be rounded, as any float of the batch was
    else:
        least, most = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        fits = value.is_integer() and least <= value <= most
    if not fits:
        raise ValueError(f"fill must be a value that images of {dtype} can hold; got {fill!r}")
    return np.asarray(fill).astype(dtype)


def _per_image(value: ArrayLike, name: str, n: int, integers: bool = False) -> Array:
    """Return one finite number, or one per image, as an array of shape (n,)."""
    array = real_array(value, name, integers_as=None if integers else np.float64)
    if integers and array.dtype.kind not in "iu":
        raise TypeError(f"{name} must be whole pixels as integers; got dtype {array.dtype}")
    if array.shape not in ((), (n,)):
        raise ValueError(f"{name} must be one number or one per image, shape {(n,)}; got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite; got {value!r}")
    return np.broadcast_to(array.astype(np.int64 if integers else np.float64), (n,))


def _cell(place: Array, length: int, dtype: np.dtype[Any]) -> tuple[Array, Array]:
    """Return the index, in an image with a frame of one pixel, at or before each place, and the way to the next."""
    place = np.clip(place, -1, length) + 1  # whatever is farther out sees the frame only
    before = np.minimum(place.astype(np.intp), length)
    return before, (place - before).astype(dtype)


def _some(images: Array, axis: int, rng: Rng, count: int) -> Array:
    """Return a mask (n, length of `axis`) with `count` true places per image."""
    n, length = len(images), images.shape[axis]
    count = _checks.count(count, "count", 0, length)
    # The places of the smallest of independent random numbers are a random choice without repetition.
    places = _arguments.generator(rng).random((n, length)).argsort(axis=1)[:, :count]
    mask = np.zeros((n, length), dtype=bool)
    np.put_along_axis(mask, places, True, axis=1)
    return mask
