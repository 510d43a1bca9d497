"""Keras's names for what weights start with, and its distributions.

Keras cuts its normal distributions off at two standard deviations and widens them, so that the variance is what the
name promises; `dlkit.nn.initialisers` leaves them whole. The uniform ones are the same in both.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from dlkit._checks import number
from dlkit.keras._names import described, find, made_from, refuse
from dlkit.keras._random import branch, generator
from dlkit.nn.initialisers import fans

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "deserialize",
    "get",
    "serialize",
]

# The standard deviation of N(0, 1) given that it lies in ±2: √(1 − 4φ(2)/(2Φ(2) − 1)).
_CUT = math.sqrt(1 - 4 * math.exp(-2) / math.sqrt(2 * math.pi) / math.erf(math.sqrt(2)))


class Initializer:
    """A function of a shape and a generator that returns an array of float32; a class of one's own defines `draw`.

    Parameters
    ----------
    seed : int, optional
        Where it draws from; by default the layer says, whose seeds come from its model.
    """

    def __init__(self, seed: int | None = None) -> None:
        if seed is not None:
            branch(seed)  # checked now, not when the weights are made
        self.seed = seed

    def __call__(self, shape: Any, rng: np.random.Generator | None = None, dtype: Any = np.float32) -> Any:
        """Return an array of the shape; a generator of this object's own seed comes before `rng`."""
        if self.seed is not None or rng is None:
            rng = generator(self.seed)
        return self.draw(tuple(shape), rng).astype(dtype)

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Any:
        """Return an array of the shape."""
        raise NotImplementedError(f"{type(self).__name__} must define draw(self, shape, rng)")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, as JSON can say them."""
        return dict(vars(self))


class Zeros(Initializer):
    """All 0: for biases."""

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Any:
        """Return zeros."""
        return np.zeros(shape)


class Ones(Initializer):
    """All 1: for factors."""

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Any:
        """Return ones."""
        return np.ones(shape)


class Constant(Initializer):
    """All the same number.

    Parameters
    ----------
    value : float, default 0.0
        It.
    """

    def __init__(self, value: float = 0.0, seed: int | None = None) -> None:
        super().__init__(seed)
        self.value = number(value, "value")

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Any:
        """Return the number, over and over."""
        return np.full(shape, self.value)


class RandomNormal(Initializer):
    """N(mean, stddev²).

    Parameters
    ----------
    mean, stddev : float, default 0.0 and 0.05
        The mean and the standard deviation.
    seed : int, optional
        See `Initializer`.
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        self.mean, self.stddev = number(mean, "mean"), number(stddev, "stddev", 0)

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Any:
        """Return normal numbers."""
        return self.mean + self.stddev * rng.standard_normal(shape)


class TruncatedNormal(RandomNormal):
    """N(mean, stddev²), what is farther than 2 stddev from the mean drawn again: the spread shrinks to 0.88 stddev."""

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Any:
        """Return truncated normal numbers."""
        return self.mean + self.stddev * _within_two(shape, rng)


class RandomUniform(Initializer):
    """Uniform between two numbers.

    Parameters
    ----------
    minval, maxval : float, default −0.05 and 0.05
        The ends.
    seed : int, optional
        See `Initializer`.
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        self.minval, self.maxval = number(minval, "minval"), number(maxval, "maxval", least=minval)

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Any:
        """Return uniform numbers."""
        return rng.uniform(self.minval, self.maxval, shape)


class VarianceScaling(Initializer):
    """Numbers of mean 0 and variance scale/n, with n the fan-in, the fan-out or their mean (see `dlkit.nn`).

    Parameters
    ----------
    scale : float > 0, default 1.0
        See above.
    mode : {"fan_in", "fan_out", "fan_avg"}
        What n is.
    distribution : {"truncated_normal", "untruncated_normal", "uniform"}
        ``"normal"`` is the first. Cut off at two standard deviations, and wider by as much as that takes.
    seed : int, optional
        See `Initializer`.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
    ) -> None:
        super().__init__(seed)
        self.scale = number(scale, "scale", above=0)
        self.mode = find(mode, {name: name for name in ("fan_in", "fan_out", "fan_avg")}, "mode")
        kinds = {name: name for name in ("truncated_normal", "untruncated_normal", "uniform")}
        self.distribution = find(distribution, kinds | {"normal": "truncated_normal"}, "distribution")

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Any:
        """Return numbers of the variance asked for."""
        n_in, n_out = fans(shape) if len(shape) > 1 else (shape[0], shape[0])
        n = {"fan_in": n_in, "fan_out": n_out, "fan_avg": (n_in + n_out) / 2}[self.mode]
        std = math.sqrt(self.scale / n)
        if self.distribution == "uniform":
            bound = math.sqrt(3) * std
            return rng.uniform(-bound, bound, shape)
        if self.distribution == "untruncated_normal":
            return std * rng.standard_normal(shape)
        return std / _CUT * _within_two(shape, rng)


class _Named(VarianceScaling):
    """A variance that has a name."""

    setting: ClassVar[tuple[float, str, str]]

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(*self.setting, seed=seed)

    def get_config(self) -> dict[str, Any]:
        """Return the seed."""
        return {"seed": self.seed}


class GlorotUniform(_Named):
    """Uniform in ±√(6/(n_in + n_out)): Keras's default for kernels (Glorot and Bengio, 2010, equation 16)."""

    setting = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Named):
    """Truncated normal of variance 2/(n_in + n_out) (Glorot and Bengio, 2010, equation 12)."""

    setting = (1.0, "fan_avg", "truncated_normal")


class HeNormal(_Named):
    """Truncated normal of variance 2/n_in, for ReLU (He, Zhang, Ren and Sun, 2015, equation 10)."""

    setting = (2.0, "fan_in", "truncated_normal")


class HeUniform(_Named):
    """Uniform in ±√(6/n_in): the same variance."""

    setting = (2.0, "fan_in", "uniform")


class LecunNormal(_Named):
    """Truncated normal of variance 1/n_in (LeCun, Bottou, Orr and Müller, 1998, section 4.6)."""

    setting = (1.0, "fan_in", "truncated_normal")


class LecunUniform(_Named):
    """Uniform in ±√(3/n_in): the same variance."""

    setting = (1.0, "fan_in", "uniform")


def _within_two(shape: tuple[int, ...], rng: np.random.Generator) -> Any:
    """Return N(0, 1) given that it lies in ±2: what does not is drawn again."""
    x = rng.standard_normal(shape)
    while (far := np.abs(x) > 2).any():
        x[far] = rng.standard_normal(int(far.sum()))
    return x


_CLASSES = [
    *(Zeros, Ones, Constant, RandomNormal, RandomUniform, TruncatedNormal, VarianceScaling),
    *(GlorotNormal, GlorotUniform, HeNormal, HeUniform, LecunNormal, LecunUniform),
]
_KNOWN: dict[str, Any] = {kind.__name__: kind for kind in _CLASSES}
_SHORT = {"normal": RandomNormal, "uniform": RandomUniform, "zero": Zeros, "one": Ones}

glorot_normal, glorot_uniform, he_normal, he_uniform = GlorotNormal, GlorotUniform, HeNormal, HeUniform
lecun_normal, lecun_uniform = LecunNormal, LecunUniform


def get(identifier: Any) -> Callable[..., Any]:
    """Return an initializer by its name (``"he_normal"``), class, or what `serialize` returned; an object is itself.

    Raises
    ------
    ValueError
        If the name is not known.
    TypeError
        If it is none of these.
    """
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, str):
        return find(identifier, _KNOWN | _SHORT, "initializer")()
    if isinstance(identifier, type) and issubclass(identifier, Initializer):
        return identifier()
    if callable(identifier):
        return identifier
    raise TypeError(f"initializer must be a name or an Initializer; got {identifier!r}")


def serialize(initializer: Any) -> dict[str, Any]:
    """Return the name and the arguments, as JSON can say them.

    Raises
    ------
    ValueError
        If it is not one of Keras's.
    """
    return described(initializer, _CLASSES, "initializer")


def deserialize(config: dict[str, Any]) -> Any:
    """Return what `serialize` was given."""
    refuse("an initializer's description", {k: v for k, v in config.items() if k not in ("class_name", "config")}, [])
    return made_from(config, _KNOWN, "initializer")
