"""Toy sets in the plane: the shapes that a linear model can and cannot separate.

Each takes the number of samples and a generator (or its seed), shares the samples out evenly among the classes (the
first classes take what is left over) and returns them in random order. All is drawn in float64 and then rounded to
`dtype`, so a seed means the same points in every precision.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from dlkit._arguments import floating, generator
from dlkit._checks import Array, count, number, real_array
from dlkit.datasets.dataset import Dataset


def blobs(
    n: int,
    rng: np.random.Generator | int,
    *,
    centres: ArrayLike = 3,
    std: float = 1.0,
    dtype: DTypeLike = np.float64,
) -> Dataset:
    """Round normal clouds, one per class.

    Parameters
    ----------
    n : int
        How many samples; at least one per class.
    rng : numpy.random.Generator or int
        What they are drawn from, or its seed.
    centres : int K, or array_like of shape (K, 2), default 3
        The classes' means. A number K stands for K points at equal distances on the circle of radius 4.
    std : float ≥ 0, default 1
        Standard deviation of each coordinate about the mean.
    dtype : floating-point dtype, default float64
        The type of `X`.

    Returns
    -------
    Dataset
        X of shape (n, 2), classes 0 … K−1.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.
    """
    rng, std = generator(rng), number(std, "std", 0)
    middle = real_array(centres, "centres", integers_as=None)
    if middle.ndim == 0:
        angle = 2 * np.pi * np.arange(count(centres, "centres")) / middle
        middle = 4 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    if middle.ndim != 2 or middle.shape[1] != 2 or len(middle) == 0 or not np.isfinite(middle).all():
        raise ValueError(f"centres must be a number K of classes, or finite and of the shape (K, 2); got {centres!r}")
    y = _classes(n, len(middle), rng)
    return _plane(middle[y] + std * rng.standard_normal((len(y), 2)), y, "blobs", dtype)


def moons(n: int, rng: np.random.Generator | int, *, noise: float = 0.1, dtype: DTypeLike = np.float64) -> Dataset:
    """Two interleaving half circles of radius 1: class 0 the upper, about (0, 0), class 1 the lower, about (1, 1/2).

    Parameters
    ----------
    n : int
        How many samples, at least 2.
    rng : numpy.random.Generator or int
        What they are drawn from, or its seed.
    noise : float ≥ 0, default 0.1
        Standard deviation of what is added to each coordinate.
    dtype : floating-point dtype, default float64
        The type of `X`.

    Returns
    -------
    Dataset
        X of shape (n, 2), classes 0 and 1; the angle on the half circle is uniform.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.
    """
    rng, noise = generator(rng), number(noise, "noise", 0)
    y = _classes(n, 2, rng)
    angle = np.pi * rng.random(len(y))
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    X = np.where(y[:, None] == 0, upper, [1, 0.5] - upper)
    return _plane(X + noise * rng.standard_normal(X.shape), y, "moons", dtype)


def circles(
    n: int,
    rng: np.random.Generator | int,
    *,
    noise: float = 0.05,
    factor: float = 0.5,
    dtype: DTypeLike = np.float64,
) -> Dataset:
    """Two circles about the origin: class 0 of radius 1, class 1 of radius `factor`.

    Parameters
    ----------
    n : int
        How many samples, at least 2.
    rng : numpy.random.Generator or int
        What they are drawn from, or its seed.
    noise : float ≥ 0, default 0.05
        Standard deviation of what is added to each coordinate.
    factor : float in [0, 1], default 0.5
        Radius of the inner circle.
    dtype : floating-point dtype, default float64
        The type of `X`.

    Returns
    -------
    Dataset
        X of shape (n, 2), classes 0 and 1; the angle is uniform.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.
    """
    rng, noise, factor = generator(rng), number(noise, "noise", 0), number(factor, "factor", 0, 1)
    y = _classes(n, 2, rng)
    X = np.where(y == 0, 1, factor)[:, None] * _directions(len(y), rng)
    return _plane(X + noise * rng.standard_normal(X.shape), y, "circles", dtype)


def spiral(
    n: int,
    rng: np.random.Generator | int,
    *,
    arms: int = 3,
    turns: float = 0.75,
    noise: float = 0.02,
    dtype: DTypeLike = np.float64,
) -> Dataset:
    """Arms of a spiral from the origin to the unit circle, one per class.

    Arm k has the radius r, uniform in [0, 1], at the angle 2π(k/arms + turns·r).

    Parameters
    ----------
    n : int
        How many samples; at least one per arm.
    rng : numpy.random.Generator or int
        What they are drawn from, or its seed.
    arms : int, default 3
        How many classes.
    turns : float, default 0.75
        How often an arm winds about the origin; counter-clockwise where positive.
    noise : float ≥ 0, default 0.02
        Standard deviation of what is added to each coordinate.
    dtype : floating-point dtype, default float64
        The type of `X`.

    Returns
    -------
    Dataset
        X of shape (n, 2), classes 0 … arms−1.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.
    """
    rng, noise, arms = generator(rng), number(noise, "noise", 0), count(arms, "arms")
    turns = number(turns, "turns")
    y = _classes(n, arms, rng)
    r = rng.random(len(y))
    angle = 2 * np.pi * (y / arms + turns * r)
    X = r[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return _plane(X + noise * rng.standard_normal(X.shape), y, "spiral", dtype)


def xor(n: int, rng: np.random.Generator | int, *, gap: float = 0.1, dtype: DTypeLike = np.float64) -> Dataset:
    """Exclusive or: class 1 where exactly one of the two coordinates is positive.

    Minsky and Papert (1969), *Perceptrons*: no line separates the classes.

    Parameters
    ----------
    n : int
        How many samples, at least 2.
    rng : numpy.random.Generator or int
        What they are drawn from, or its seed.
    gap : float in [0, 1], default 0.1
        No point is nearer to an axis than this.
    dtype : floating-point dtype, default float64
        The type of `X`.

    Returns
    -------
    Dataset
        X of shape (n, 2), uniform on the square [−1, 1]² but for the gap; classes 0 and 1.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.
    """
    rng, gap = generator(rng), number(gap, "gap", 0, 1)
    y = _classes(n, 2, rng)
    size = gap + (1 - gap) * (1 - rng.random((len(y), 2)))  # 1 − [0, 1) is never 0, so no point is on an axis
    sign = rng.choice([-1, 1], size=len(y))
    return _plane(size * np.stack([sign, np.where(y == 1, -sign, sign)], axis=1), y, "xor", dtype)


def separable(
    n: int,
    rng: np.random.Generator | int,
    *,
    margin: float = 0.5,
    normal: ArrayLike = (1.0, 1.0),
    spread: float = 2.0,
    dtype: DTypeLike = np.float64,
) -> Dataset:
    """Two classes with the line wᵀx = 0 between them, whose largest geometric margin is `margin`, but for rounding.

    Class 1 is where wᵀx > 0. The distance of a point to the line is `margin` plus something uniform in [0, `spread`];
    along the line it is uniform in ±2·`spread`. The first two samples, one of either class, face each other at the
    distance 2·`margin`: no line can leave more room between the classes, and this one leaves exactly that.

    Parameters
    ----------
    n : int
        How many samples, at least 2.
    rng : numpy.random.Generator or int
        What they are drawn from, or its seed.
    margin : float > 0, default 0.5
        Distance of the nearest points to the line.
    normal : array_like of two numbers, default (1, 1)
        The direction w, of any length but 0.
    spread : float ≥ 0, default 2
        See above.
    dtype : floating-point dtype, default float64
        The type of `X`.

    Returns
    -------
    Dataset
        X of shape (n, 2), classes 0 and 1 (−1 and +1 as ``.signs``).

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.
    """
    rng, margin, spread = generator(rng), number(margin, "margin", 0), number(spread, "spread", 0)
    w = real_array(normal, "normal")
    if w.shape != (2,) or not np.isfinite(w).all() or not w.any():
        raise ValueError(f"normal must be two finite numbers, not both 0; got {normal!r}")
    if margin == 0:
        raise ValueError("margin must be above 0, or the classes might touch; got 0")
    w = w / np.hypot(*w)
    y = _classes(n, 2, rng)
    away = margin + spread * rng.random(len(y))
    along = 2 * spread * rng.uniform(-1, 1, len(y))
    other = int(np.argmax(y != y[0]))
    y[[1, other]] = y[[other, 1]]  # so that samples 0 and 1 are of different classes
    away[:2], along[:2] = margin, along[0]
    X = ((2 * y - 1) * away)[:, None] * w + along[:, None] * [-w[1], w[0]]
    return _plane(X, y, "separable", dtype)


def _classes(n: int, K: int, rng: np.random.Generator) -> Array:
    """Classes 0 … K−1, as equally often as n allows, in random order."""
    return rng.permutation(np.arange(count(n, "n", K), dtype=np.int64) % K)


def _directions(n: int, rng: np.random.Generator) -> Array:
    """Points on the unit circle, shape (n, 2), at uniform angles."""
    angle = 2 * np.pi * rng.random(n)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _plane(X: Array, y: Array, name: str, dtype: Any) -> Dataset:
    """Points of the plane as a Dataset."""
    classes = tuple(str(k) for k in range(int(y.max()) + 1))
    return Dataset(X.astype(floating(dtype)), y, name, ("x1", "x2"), classes)
