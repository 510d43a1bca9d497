"""Step-size schedules: the rate η as a function of the step, t = 1, 2, 3 and so on.

Wherever a rate is asked for, a number, one of these or any function of t will do. They are plain data, so they print,
compare and pickle, and a plot of one is ``plt.plot(t, [schedule(k) for k in t])``.

For a convex f with bounded sub-gradients the best iterate converges when η_t → 0 and Σ η_t = ∞, as with 1/t and 1/√t; a
constant rate gets no nearer than a distance in proportion to it (Boyd, Xiao and Mutapcic, 2003, *Subgradient methods*,
section 3). Step decay, cosine and warm-up come from practice with networks and carry no such promise: their Σ η_t may
be finite.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dlkit._checks import count, is_number, number, shown

__all__ = [
    "Constant",
    "Cosine",
    "InverseSquareRoot",
    "InverseTime",
    "Rate",
    "Schedule",
    "StepDecay",
    "WarmUp",
    "as_schedule",
]

Schedule = Callable[[int], float]
Rate = float | Schedule


def as_schedule(rate: Any) -> Schedule:
    """Return `rate` as a function of t: a number as a `Constant`, a callable as it is.

    Raises
    ------
    TypeError
        If `rate` is neither.
    ValueError
        If `rate` is a number that is negative or not finite.
    """
    if is_number(rate):
        return Constant(float(rate))
    if callable(rate):
        return rate
    raise TypeError(f"rate must be a number or a function of the step t = 1, 2, ...; got {shown(rate)}")


def evaluated(schedule: Schedule, t: int) -> float:
    """Return ``schedule(t)`` as a Python float, which takes on the dtype of the array it meets."""
    rate = schedule(t)
    try:
        value = float(rate)
    except (TypeError, ValueError):
        raise TypeError(f"rate must give a number at each step; got {shown(rate)} at t = {t}") from None
    if not 0 <= value < math.inf:
        hint = " (a rule subtracts the step already; to climb, negate the gradient)" if value < 0 else ""
        raise ValueError(f"rate must be finite and not negative; got {value} at t = {t}{hint}")
    return value


@dataclass(frozen=True)
class Constant:
    """The same rate at every step: η_t = η.

    Parameters
    ----------
    rate : float
        η ≥ 0.

    Examples
    --------
    >>> Constant(0.1)(1), Constant(0.1)(1000)
    (0.1, 0.1)
    """

    rate: float

    def __post_init__(self) -> None:
        _check_rate(self.rate, "rate")

    def __call__(self, t: int) -> float:
        """Return the rate of step `t`."""
        _check_step(t)
        return self.rate


@dataclass(frozen=True)
class _Delayed:
    rate: float
    delay: float = 1

    def __post_init__(self) -> None:
        _check_rate(self.rate, "rate")
        number(self.delay, "delay", above=0, expected="greater than 0")


@dataclass(frozen=True)
class InverseTime(_Delayed):
    """The rate η_t = η / (1 + (t − 1)/d), which is η/t for d = 1.

    With η = 1/μ and d = 2 it is 2/(μ(t + 1)), with which the averaged sub-gradient method comes within O(1/T) of the
    minimum of a μ-strongly convex f (Bubeck, 2015, *Convex Optimization: Algorithms and Complexity*, theorem 3.9).
    With η far below 1/μ it all but stops long before; a larger d keeps more of the first steps long.

    Parameters
    ----------
    rate : float
        η ≥ 0, the rate of the first step.
    delay : float, default 1
        d > 0: after d steps more the rate is half the first.

    Examples
    --------
    >>> [InverseTime(1.0)(t) for t in (1, 2, 4)]
    [1.0, 0.5, 0.25]
    """

    def __call__(self, t: int) -> float:
        """Return the rate of step `t`."""
        _check_step(t)
        return self.rate / (1 + (t - 1) / self.delay)


@dataclass(frozen=True)
class InverseSquareRoot(_Delayed):
    """The rate η_t = η / √(1 + (t − 1)/d), which is η/√t for d = 1.

    The schedule of the O(1/√T) bound for convex f with bounded sub-gradients (Bubeck, 2015, section 3.1).

    Parameters
    ----------
    rate : float
        η ≥ 0, the rate of the first step.
    delay : float, default 1
        d > 0: after 3d steps more the rate is half the first.

    Examples
    --------
    >>> [InverseSquareRoot(1.0)(t) for t in (1, 4, 16)]
    [1.0, 0.5, 0.25]
    """

    def __call__(self, t: int) -> float:
        """Return the rate of step `t`."""
        _check_step(t)
        return self.rate / math.sqrt(1 + (t - 1) / self.delay)


@dataclass(frozen=True)
class StepDecay:
    """The rate η_t = η · factor^⌊(t − 1)/every⌋: constant, then a fraction of it, and so on.

    Parameters
    ----------
    rate : float
        η ≥ 0, the rate of the first `every` steps.
    every : int
        For how many steps the rate stays the same, ≥ 1.
    factor : float, default 0.1
        What the rate is multiplied by then, in (0, 1].

    Examples
    --------
    >>> schedule = StepDecay(1.0, every=10, factor=0.5)
    >>> schedule(10), schedule(11), schedule(21)
    (1.0, 0.5, 0.25)
    """

    rate: float
    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        _check_rate(self.rate, "rate")
        count(self.every, "every", expected="at least 1")
        number(self.factor, "factor", above=0, most=1, expected="in (0, 1], as the rate is to fall")

    def __call__(self, t: int) -> float:
        """Return the rate of step `t`."""
        _check_step(t)
        return self.rate * self.factor ** ((t - 1) // self.every)


@dataclass(frozen=True)
class Cosine:
    """The rate falls along half a cosine: η_t = floor + (η − floor)·(1 + cos(π (t − 1)/steps))/2.

    Step 1 is made with η; step ``steps + 1`` and all later ones with the floor (Loshchilov and Hutter, 2017, *SGDR*,
    equation 5, without restarts).

    Parameters
    ----------
    rate : float
        η ≥ floor, the rate of the first step.
    steps : int
        The length of the fall, ≥ 1: as a rule the number of steps that will be made.
    floor : float, default 0
        The lowest rate, ≥ 0.

    Examples
    --------
    >>> schedule = Cosine(1.0, steps=100, floor=0.2)
    >>> schedule(1), round(schedule(51), 12), schedule(101), schedule(1000)
    (1.0, 0.6, 0.2, 0.2)
    """

    rate: float
    steps: int
    floor: float = 0.0

    def __post_init__(self) -> None:
        _check_rate(self.rate, "rate")
        count(self.steps, "steps", expected="at least 1")
        _check_rate(self.floor, "floor")
        if self.floor > self.rate:
            raise ValueError(f"floor must not be above rate, {self.rate}; got {self.floor}")

    def __call__(self, t: int) -> float:
        """Return the rate of step `t`."""
        _check_step(t)
        if t > self.steps:
            return self.floor
        return self.floor + (self.rate - self.floor) * (1 + math.cos(math.pi * (t - 1) / self.steps)) / 2


@dataclass(frozen=True)
class WarmUp:
    """A rate that grows linearly for some steps and then follows another schedule.

    With the schedule s: η_t = s(1)·t/steps for t ≤ steps, and s(t − steps + 1) from there on. The two meet: step number
    `steps` is the last of the climb and the first of s.

    Parameters
    ----------
    after : float or callable
        The schedule s; a number for a constant one.
    steps : int
        The length of the climb, ≥ 1. With 1 there is none.

    Examples
    --------
    >>> schedule = WarmUp(InverseTime(1.0), steps=4)
    >>> [schedule(t) for t in (1, 2, 3, 4, 5)]
    [0.25, 0.5, 0.75, 1.0, 0.5]
    """

    after: Rate
    steps: int
    _after: Schedule = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        count(self.steps, "steps", expected="at least 1")
        object.__setattr__(self, "_after", as_schedule(self.after))  # as a frozen dataclass sets a field of its own

    def __call__(self, t: int) -> float:
        """Return the rate of step `t`."""
        _check_step(t)
        if t < self.steps:
            return self._after(1) * t / self.steps
        return self._after(t - self.steps + 1)


def _check_step(t: int) -> None:
    if not t >= 1:
        raise ValueError(f"t must be at least 1, the first step; got {t}")


def _check_rate(value: Any, name: str) -> None:
    number(value, name, 0, expected="finite and not negative")
