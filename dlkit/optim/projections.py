"""Projections onto convex sets: Π(z) = argmin over y in the set of ‖y − z‖, Euclidean or with a weight per axis.

A rule that scales each axis by itself, as Adagrad does, must project in the norm √(Σ sᵢ yᵢ²) of its own scaling, not in
the Euclidean one: after a step x − η g/s the Euclidean projection may lead away from the minimum. For a box the two
agree; for the other sets here the weighted one is computed too. An array of any shape is taken as one vector.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from dlkit._checks import is_number, number, shown
from dlkit.arrays import is_torch
from dlkit.optim import _arrays

__all__ = ["Box", "L1Ball", "L2Ball", "Projection", "Simplex"]


class Projection:
    """A convex set, called to bring an array back to it; the base of the sets below and of your own.

    A set of your own defines ``nearest(z, s)``: given vectors of float64, the point z and the weights s > 0, it returns
    the y in the set with the smallest Σ sᵢ (yᵢ − zᵢ)². For plain descent s is all ones.
    """

    def __call__(self, x: Any, weights: Any = None) -> Any:
        """Return the point of the set nearest to `x`, as a new array.

        Parameters
        ----------
        x : ndarray or torch.Tensor of floats, any shape
            The point; taken as one vector.
        weights : array of the library and shape of `x`, optional
            The weights s > 0 of the norm √(Σ sᵢ yᵢ²) that nearness is measured in; Euclidean without them.

        Returns
        -------
        array, shape and dtype of `x`
            Computed in float64. NaN in `x` gives NaN.

        Raises
        ------
        TypeError
            If `x` is neither a numpy array nor a torch tensor of float32 or float64.
        ValueError
            If `weights` are of another shape, or one is not greater than 0.
        """
        if not (isinstance(x, np.ndarray) or is_torch(x)) or not _arrays.is_floating(x):
            found = getattr(x, "dtype", type(x).__name__)
            raise TypeError(f"x must be a numpy array or torch tensor of float32 or float64; got {found}")
        xp = _arrays.library(x)
        z = _arrays.cast(x.reshape(-1), xp.float64)
        if weights is None:
            s = xp.ones_like(z)
        else:
            if weights.shape != x.shape:
                raise ValueError(f"weights must have the shape of x, {tuple(x.shape)}; got {tuple(weights.shape)}")
            s = _arrays.cast(weights.reshape(-1), xp.float64)
            if not bool((s > 0).all()):
                raise ValueError(f"weights must be greater than 0; the smallest is {float(s.min())}")
        return _arrays.cast(self.nearest(z, s), x.dtype).reshape(x.shape)

    def nearest(self, z: Any, s: Any) -> Any:
        """Return the y of the set with the smallest Σ sᵢ (yᵢ − zᵢ)²; vectors of float64."""
        raise NotImplementedError(f"{type(self).__name__} must define nearest(self, z, s)")


@dataclass(frozen=True)
class Box(Projection):
    """The box low ≤ y ≤ high; each coordinate is clipped by itself, whatever its weight.

    Parameters
    ----------
    low, high : float or None
        The bounds of every coordinate; None for none.

    Examples
    --------
    >>> Box(0, 1)(np.array([-2.0, 0.5, 3.0]))
    array([0. , 0.5, 1. ])
    """

    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        for name, bound in (("low", self.low), ("high", self.high)):
            if bound is not None and not is_number(bound):
                raise TypeError(f"{name} must be a number or None; got {shown(bound)}")
        low, high = self._bounds()
        if not low <= high:
            raise ValueError(f"low must not be above high; got {self.low} and {self.high}")

    def _bounds(self) -> tuple[float, float]:
        return -math.inf if self.low is None else float(self.low), math.inf if self.high is None else float(self.high)

    def nearest(self, z: Any, s: Any) -> Any:
        """Return the clipped z."""
        return _arrays.library(z).clip(z, *self._bounds())


@dataclass(frozen=True)
class _Ball(Projection):
    radius: float

    def __post_init__(self) -> None:
        _check_size(self.radius, "radius")


@dataclass(frozen=True)
class L2Ball(_Ball):
    """The ball ‖y‖₂ ≤ radius around the origin.

    With weights, y = s·z/(s + λ) with the λ ≥ 0 at which ‖y‖ = radius. It is found by Newton's method on
    1/‖y‖ = 1/radius, whose left side is concave in λ: from λ = 0 the iterates rise to the root and cannot overshoot
    (Conn, Gould and Toint, 2000, *Trust-Region Methods*, section 7.3.3). Equal weights need one iteration.

    Parameters
    ----------
    radius : float
        Greater than 0.

    Examples
    --------
    >>> L2Ball(1.0)(np.array([3.0, 4.0]))
    array([0.6, 0.8])
    """

    def nearest(self, z: Any, s: Any) -> Any:
        """Return z if it is in the ball, else the nearest point of the sphere."""
        largest = float(abs(z).max()) if len(z) else 0.0
        if not largest > 0:
            return z
        # With lengths in units of the largest entry no square overflows.
        y, radius = z / largest, self.radius / largest
        pull, shift = s * y, 0.0
        for _ in range(_NEWTON_STEPS):
            norm = float((y * y).sum()) ** 0.5
            if not norm > radius * (1 + _ROUNDING):
                break
            slope = float((y * y / (s + shift)).sum()) / norm**3
            shift += (1 / radius - 1 / norm) / slope
            y = pull / (s + shift)
        return y * largest if shift else z


@dataclass(frozen=True)
class L1Ball(_Ball):
    """The ball ‖y‖₁ = Σ |yᵢ| ≤ radius around the origin, whose corners on the axes make sparse points.

    The distances |z| are projected onto the simplex of size `radius`, and keep their signs (Duchi, Shalev-Shwartz,
    Singer and Chandra, 2008, *Efficient Projections onto the l1-Ball*, section 4).

    Parameters
    ----------
    radius : float
        Greater than 0.

    Examples
    --------
    >>> L1Ball(1.0)(np.array([2.0, -1.5, 0.1]))
    array([ 0.75, -0.25,  0.  ])
    """

    def nearest(self, z: Any, s: Any) -> Any:
        """Return z if it is in the ball, else the nearest point of its surface."""
        if not float(abs(z).sum()) > self.radius:
            return z
        return _arrays.library(z).sign(z) * _onto_simplex(abs(z), s, self.radius)


@dataclass(frozen=True)
class Simplex(Projection):
    """The simplex of vectors y ≥ 0 with Σ yᵢ = total; of probabilities, for total = 1.

    Parameters
    ----------
    total : float, default 1
        Greater than 0.

    Examples
    --------
    >>> Simplex()(np.array([0.9, 0.3, -0.5]))
    array([0.8, 0.2, 0. ])
    """

    total: float = 1.0

    def __post_init__(self) -> None:
        _check_size(self.total, "total")

    def nearest(self, z: Any, s: Any) -> Any:
        """Return the nearest point of the simplex."""
        if not len(z):
            raise ValueError("x must have at least one entry: the simplex in no dimension is empty")
        return _onto_simplex(z, s, self.total)


_NEWTON_STEPS = 100  # about 5 are usual; weights that range over 16 decades took 8
_ROUNDING = 4 * np.finfo(np.float64).eps


def _onto_simplex(z: Any, s: Any, total: float) -> Any:
    """Return the y ≥ 0 with Σ y = total that has the smallest Σ sᵢ (yᵢ − zᵢ)².

    The solution is y = max(z − λ/s, 0): the axes with sᵢ zᵢ > λ are the ones in use, so the largest sᵢ zᵢ are, and λ
    follows from the sum over them (Duchi et al., 2008, section 3, without weights).
    """
    xp = _arrays.library(z)
    # Everything is measured from the largest: the common part of huge z would swallow `total`.
    key = s * z
    key = key - key.max()
    order = xp.argsort(-key)
    sums = xp.cumsum((key / s)[order], 0)
    shifts = (sums - total) / xp.cumsum((1 / s)[order], 0)
    in_use = int((key[order] > shifts).sum())
    y = (key - shifts[in_use - 1]) / s
    return xp.where(y < 0, xp.zeros_like(y), y)  # written so that NaN stays NaN


def _check_size(value: Any, name: str) -> None:
    number(value, name, above=0, expected="finite and greater than 0")
