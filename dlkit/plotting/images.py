"""Weights and patches as pictures."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from ._arguments import axes, choice, count, finite
from .style import SIGNED, SMALL

_WIDE = 1.6  # width over height of the whole, where the number of columns is not given


def filters(
    ax: Axes | None,
    W: Any,
    shape: tuple[int, int] | None = None,
    *,
    at_most: int = 64,
    columns: int | None = None,
    scale: str = "shared",
    cmap: Any = None,
) -> None:
    """Draw weights or patches as a grid of small images, row by row, with one colour for each sign.

    Zero is white, positive orange, negative blue. What is left out, and what the colours mean where there is no
    colour bar, is written below the grid.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
        Where to draw; None stands for the current axes.
    W : array_like of shape (n, h * w) or (n, h, w)
        One image a row: for a layer that computes X @ W, pass ``W.T``.
    shape : (h, w), optional
        Height and width of an image; needed where `W` is a matrix.
    at_most : int
        Draw no more images than this, the first ones.
    columns : int, optional
        Images a row; by default as many as make the whole about 1.6 times as wide as high.
    scale : {"shared", "each"}
        ``"shared"``: the darkest colours stand for ±max|W| over the images drawn, and a colour bar tells the values,
        so that a weak filter looks weak. ``"each"``: for the largest magnitude of each image itself, so that
        every shape is seen and no strength is.
    cmap : colormap of matplotlib, optional
        Other colours, say ``"gray"`` for patches of photographs; the scale stays symmetric about zero.

    Raises
    ------
    TypeError, ValueError
        If `W` holds anything but finite numbers, or its images are not of the given shape.
    """
    ax = axes(ax)
    images = _images(W, shape)
    choice(scale, "scale", ("shared", "each"))
    total = len(images)
    images = images[: count(at_most, "at_most")]
    n, h, w = images.shape
    if columns is None:
        gap = _gap(h, w)
        columns = max(1, round(math.sqrt(_WIDE * n * (h + gap) / (w + gap))))
    columns = min(count(columns, "columns"), n)

    largest = np.abs(images).max(axis=(1, 2), keepdims=True)
    if scale == "each":
        images, bound = images / np.where(largest, largest, 1), 1.0
    else:
        bound = float(largest.max()) or 1.0  # all zero: any scale will do
    mosaic, corners = _mosaic(images, columns)
    picture = ax.imshow(
        mosaic,
        cmap=SIGNED if cmap is None else cmap,
        vmin=-bound,
        vmax=bound,
        interpolation="nearest",
        aspect="equal",
    )
    for top, left in corners:  # an outline each: zero at an image's edge looks like the page
        ax.add_patch(
            Rectangle((left - 0.5, top - 0.5), w, h, fill=False, edgecolor="#8A9197", linewidth=0.8, clip_on=False)
        )
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
    ax.spines[:].set_visible(False)
    if scale == "shared":
        bar = ax.figure.colorbar(picture, ax=ax, shrink=0.8, pad=0.02, ticks=[-bound, 0, bound], format="%.2g")
        bar.ax.tick_params(labelsize=SMALL + 1)
    notes = [f"first {n} of {total}"] * (n < total) + ["each on its own scale"] * (scale == "each")
    if notes:
        ax.set_xlabel(", ".join(notes))


def _images(W: Any, shape: tuple[int, int] | None) -> np.ndarray:
    """Return `W` as images, shape (n, h, w)."""
    W = finite(W, "W")
    if shape is not None:
        if np.shape(shape) != (2,):
            raise ValueError(f"shape: expected height and width, got {shape!r}")
        shape = count(shape[0], "shape[0]"), count(shape[1], "shape[1]")
    if W.ndim == 3:
        if shape not in (None, W.shape[1:]):
            raise ValueError(f"shape: expected {W.shape[1:]} or nothing for W of shape {W.shape}, got {shape}")
        return W
    if W.ndim != 2:
        raise ValueError(f"W: expected shape (n, h * w) or (n, h, w), got shape {W.shape}")
    if shape is None:
        raise ValueError(f"shape: expected height and width for W of shape {W.shape}, got None")
    pixels = shape[0] * shape[1]
    if W.shape[1] != pixels:
        hint = "; its columns would fit: pass W.T" if W.shape[0] == pixels else ""
        raise ValueError(f"W: expected rows of {shape[0]} * {shape[1]} = {pixels} numbers, got shape {W.shape}{hint}")
    return W.reshape(-1, *shape)


def _gap(h: int, w: int) -> int:
    return max(1, round(min(h, w) / 12))


def _mosaic(images: np.ndarray, columns: int) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Return the images side by side, with gaps of NaN, which is drawn transparent; and the (row, column) of each."""
    n, h, w = images.shape
    gap = _gap(h, w)
    rows = -(-n // columns)
    mosaic = np.full((rows * (h + gap) - gap, columns * (w + gap) - gap), np.nan)
    corners = [(k // columns * (h + gap), k % columns * (w + gap)) for k in range(n)]
    for (top, left), image in zip(corners, images, strict=True):
        mosaic[top : top + h, left : left + w] = image
    return mosaic, corners
