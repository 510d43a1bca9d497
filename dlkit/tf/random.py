"""Random tensors: each session draws its own, the same ones whenever the seeds are the same.

A seed for the graph (`set_random_seed`) and one for the operation together make a sequence, which begins anew with each
session. Given only the graph's, an operation takes its place in the graph as its own. Without any, fresh numbers come
every time. The numbers are numpy's or torch's, not those that TensorFlow drew.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from dlkit.arrays import array, is_torch
from dlkit.nn.initialisers import fans
from dlkit.tf.building import convert_to_tensor
from dlkit.tf.dtypes import DType, as_dtype, float32
from dlkit.tf.graph import Operation, Tensor, get_default_graph
from dlkit.tf.shaping import constant, lengths_by, pack_shape, shape_source, static

__all__ = [
    "RandomOperation",
    "constant_initializer",
    "glorot_normal_initializer",
    "glorot_uniform_initializer",
    "he_normal_initializer",
    "ones_initializer",
    "random_normal",
    "random_normal_initializer",
    "random_shuffle",
    "random_uniform",
    "random_uniform_initializer",
    "set_random_seed",
    "truncated_normal",
    "truncated_normal_initializer",
    "variance_scaling_initializer",
    "xavier_initializer",
    "zeros_initializer",
]

Draw = Callable[[Any, tuple[int, ...]], Any]


def set_random_seed(seed: int) -> None:
    """Set the seed of the default graph, from which its random operations take theirs."""
    get_default_graph().seed = int(seed)


class RandomOperation(Operation):
    """Draws new numbers whenever it is carried out.

    Parameters
    ----------
    kind : str
        The type of the operation.
    dims : tuple of int or Tensor
        The shape.
    dtype : DType
        The type of the numbers.
    draw : callable
        ``draw(generator, shape)`` with a generator of numpy, or torch on the session's device.
    seed : int or None
        The operation's own.
    name : str
        Its name.
    """

    def __init__(
        self, kind: str, dims: Any, dtype: DType, draw: Draw, seed: int | None, name: str, also: tuple[Tensor, ...] = ()
    ) -> None:
        shape = pack_shape(dims)
        moving = isinstance(shape, Tensor)
        super().__init__(kind, (shape_source(shape), *also) if moving else also, name)
        self.draw, self.seed, self.dtype, self._dims = draw, seed, dtype, None if moving else shape
        self._lengths = lengths_by(shape) if moving else None
        self.gives(static(shape) if moving else shape, dtype)

    def kernel(self, session: Any) -> Callable[..., Any]:
        """Return what carries the operation out in a session."""
        generator, draw, dims, dtype = session.generator_of(self), self.draw, self._dims, self.dtype
        lengths = self._lengths

        def drawn(*inputs: Any) -> Any:
            shape: Any = lengths(inputs[0]) if lengths is not None else dims
            found = draw(generator, shape)
            return array(found, dtype.name) if is_torch(found) else np.asarray(found, dtype.numpy)

        return drawn


def _random(kind: str, shape: Any, dtype: Any, draw: Draw, seed: int | None, name: str) -> Tensor:
    output = RandomOperation(kind, shape, as_dtype(dtype), draw, seed, name).output
    assert output is not None
    return output


def standard_normal(generator: Any, shape: tuple[int, ...]) -> Any:
    """Draw from N(0, 1)."""
    if isinstance(generator, np.random.Generator):
        return generator.standard_normal(shape, np.float32)
    import torch

    return torch.randn(shape, generator=generator, device=generator.device)


def uniform(generator: Any, shape: tuple[int, ...]) -> Any:
    """Draw from [0, 1)."""
    if isinstance(generator, np.random.Generator):
        return generator.random(shape, np.float32)
    import torch

    return torch.rand(shape, generator=generator, device=generator.device)


def _truncated(generator: Any, shape: tuple[int, ...]) -> Any:
    """Draw from N(0, 1), anew whatever lies more than two standard deviations from 0."""
    found = standard_normal(generator, (math.prod(shape),))
    while True:
        outside = abs(found) > 2
        if not outside.any():
            return found.reshape(shape)
        found[outside] = standard_normal(generator, (int(outside.sum()),))


def random_normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = float32, seed: int | None = None,
    name: str = "random_normal",
) -> Tensor:  # fmt: skip
    """Return numbers drawn from the normal distribution."""
    if isinstance(mean, Tensor) or isinstance(stddev, Tensor):
        return random_normal(shape, dtype=dtype, seed=seed, name=name) * stddev + mean
    return _random("RandomStandardNormal", shape, dtype, lambda g, s: mean + stddev * standard_normal(g, s), seed, name)


def truncated_normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = float32, seed: int | None = None,
    name: str = "truncated_normal",
) -> Tensor:  # fmt: skip
    """Return numbers from the normal distribution, none farther than two standard deviations from its mean."""
    if isinstance(mean, Tensor) or isinstance(stddev, Tensor):
        return truncated_normal(shape, dtype=dtype, seed=seed, name=name) * stddev + mean
    return _random("TruncatedNormal", shape, dtype, lambda g, s: mean + stddev * _truncated(g, s), seed, name)


def random_uniform(
    shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = float32, seed: int | None = None,
    name: str = "random_uniform",
) -> Tensor:  # fmt: skip
    """Return numbers drawn from [minval, maxval), the upper end being 1 by default; integers for a type of integers."""
    tensors = isinstance(minval, Tensor) or isinstance(maxval, Tensor)
    if as_dtype(dtype).is_integer:
        if tensors:
            raise TypeError(f"minval and maxval must be numbers for integers; got {minval!r}, {maxval!r}")
        if maxval is None:
            raise ValueError("maxval must be given for integers")
        return _random("RandomUniformInt", shape, dtype, lambda g, s: _integers(g, s, minval, maxval), seed, name)
    width = (1 if maxval is None else maxval) - minval
    if tensors:
        return random_uniform(shape, dtype=dtype, seed=seed, name=name) * width + minval
    return _random("RandomUniform", shape, dtype, lambda g, s: minval + width * uniform(g, s), seed, name)


def _integers(generator: Any, shape: tuple[int, ...], low: int, high: int) -> Any:
    if isinstance(generator, np.random.Generator):
        return generator.integers(low, high, shape)
    import torch

    return torch.randint(low, high, shape, generator=generator, device=generator.device)


class _Shuffle(Operation):
    def __init__(self, value: Tensor, seed: int | None, name: str) -> None:
        super().__init__("RandomShuffle", (value,), name)
        self.seed = seed
        self.gives(value._shape, value.dtype)

    def kernel(self, session: Any) -> Callable[..., Any]:
        """Return what carries the operation out in a session."""
        generator = session.generator_of(self)

        def shuffled(value: Any) -> Any:
            if isinstance(generator, np.random.Generator):
                return value[generator.permutation(len(value))]
            import torch

            return value[torch.randperm(len(value), generator=generator, device=generator.device)]

        return shuffled


def random_shuffle(value: Any, seed: int | None = None, name: str = "RandomShuffle") -> Tensor:
    """Return the rows in a random order."""
    output = _Shuffle(convert_to_tensor(value), seed, name).output
    assert output is not None
    return output


# ---- initialisers: objects that give initial values for a shape -----------------------------------------------------


def zeros_initializer(dtype: Any = float32) -> Any:
    """Return the initialiser that gives zeros."""
    return lambda shape, dtype=dtype, **_: constant(0, dtype, shape)


def ones_initializer(dtype: Any = float32) -> Any:
    """Return the initialiser that gives ones."""
    return lambda shape, dtype=dtype, **_: constant(1, dtype, shape)


def constant_initializer(value: Any = 0, dtype: Any = float32) -> Any:
    """Return the initialiser that gives one value."""
    return lambda shape, dtype=dtype, **_: constant(value, dtype, shape)


def random_normal_initializer(
    mean: float = 0.0, stddev: float = 1.0, seed: int | None = None, dtype: Any = float32
) -> Any:
    """Return the initialiser that draws from the normal distribution."""
    return lambda shape, dtype=dtype, **_: random_normal(shape, mean, stddev, dtype, seed)


def truncated_normal_initializer(
    mean: float = 0.0, stddev: float = 1.0, seed: int | None = None, dtype: Any = float32
) -> Any:
    """Return the initialiser that draws from the normal distribution, cut at two standard deviations."""
    return lambda shape, dtype=dtype, **_: truncated_normal(shape, mean, stddev, dtype, seed)


def random_uniform_initializer(
    minval: float = -0.05, maxval: float = 0.05, seed: int | None = None, dtype: Any = float32
) -> Any:
    """Return the initialiser that draws from an interval."""
    return lambda shape, dtype=dtype, **_: random_uniform(shape, minval, maxval, dtype, seed)


def variance_scaling_initializer(
    scale: float = 1.0, mode: str = "fan_in", distribution: str = "truncated_normal", seed: int | None = None,
    dtype: Any = float32,
) -> Any:  # fmt: skip
    """Return the initialiser that draws with the variance scale/n, n being fan-in, fan-out or their mean.

    A truncated normal distribution is made wider so that this is its variance after the cut.
    """
    if mode not in ("fan_in", "fan_out", "fan_avg"):
        raise ValueError(f"mode must be 'fan_in', 'fan_out' or 'fan_avg'; got {mode!r}")
    if distribution not in ("normal", "truncated_normal", "untruncated_normal", "uniform"):
        raise ValueError(
            f"distribution must be 'truncated_normal', 'untruncated_normal' or 'uniform'; got {distribution!r}"
        )

    def initializer(shape: Any, dtype: Any = dtype, **_: Any) -> Tensor:
        n_in, n_out = fans(tuple(shape)) if len(shape) > 1 else (shape[0], shape[0])
        n = {"fan_in": n_in, "fan_out": n_out, "fan_avg": (n_in + n_out) / 2}[mode]
        std = math.sqrt(scale / n)
        if distribution == "uniform":
            return random_uniform(shape, -math.sqrt(3) * std, math.sqrt(3) * std, dtype, seed)
        if distribution == "untruncated_normal":
            return random_normal(shape, 0.0, std, dtype, seed)
        return truncated_normal(shape, 0.0, std / _STD_OF_THE_CUT, dtype, seed)

    return initializer


_STD_OF_THE_CUT = 0.87962566103423978  # the standard deviation of N(0, 1) cut at ±2


def glorot_uniform_initializer(seed: int | None = None, dtype: Any = float32) -> Any:
    """Return Glorot's initialiser: uniform, variance 2/(n_in + n_out)."""
    return variance_scaling_initializer(1.0, "fan_avg", "uniform", seed, dtype)


def glorot_normal_initializer(seed: int | None = None, dtype: Any = float32) -> Any:
    """Return Glorot's initialiser: normal, variance 2/(n_in + n_out)."""
    return variance_scaling_initializer(1.0, "fan_avg", "truncated_normal", seed, dtype)


def he_normal_initializer(seed: int | None = None, dtype: Any = float32) -> Any:
    """Return He's initialiser for ReLU: normal, variance 2/n_in."""
    return variance_scaling_initializer(2.0, "fan_in", "truncated_normal", seed, dtype)


xavier_initializer = glorot_uniform_initializer
