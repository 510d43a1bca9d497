"""Weights before the first step of training.

Each is a function of a shape, a generator (or its seed) and a dtype. A weight matrix has the shape (inputs, outputs),
so that a layer computes ``x @ W``; what stands before these two, as the height and width of a convolution's kernel, is
the field that a unit sees. With r the product of that field (1 for a matrix),

    fan-in   n_in  = r · shape[-2]     how many numbers a unit adds up
    fan-out  n_out = r · shape[-1]     how many units a number goes to, forward

A unit adds up n_in products wᵢxᵢ. If the weights are independent, of mean 0, and independent of the inputs, then
E(Σ wᵢxᵢ)² = n_in Var(w) E(x²). With Var(w) = 1/n_in a layer keeps the size of its signals; with more they grow from
layer to layer, with less they fade. The backward pass adds up n_out products and asks for 1/n_out in the same way.

Numbers are drawn in float64 and rounded to `dtype`: a seed means the same weights in every precision. The normal ones
are not truncated; Keras truncates its ``HeNormal``, ``GlorotNormal`` and ``LecunNormal`` at two standard deviations and
widens them to the same variance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from dlkit._arguments import floating, generator
from dlkit._checks import Array, count, number

__all__ = ["fans", "glorot_normal", "glorot_uniform", "he", "normal", "variance_calibrated", "zeros"]

Shape = int | Sequence[int]
Rng = np.random.Generator | int


def zeros(shape: Shape, rng: Rng | None = None, dtype: DTypeLike = np.float64) -> Array:
    """All weights 0: right for biases. Hidden units that begin alike get the same gradients and stay alike.

    Parameters
    ----------
    shape : int or sequence of int
        The shape of the weights.
    rng : numpy.random.Generator or int, optional
        Not used; it is here so that all initialisers are called alike.
    dtype : floating-point dtype, default float64
        The type of the weights.

    Returns
    -------
    ndarray of `shape` and `dtype`
        Zeros.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.
    """
    return np.zeros(_shape(shape), floating(dtype))


def normal(shape: Shape, rng: Rng, dtype: DTypeLike = np.float64, *, std: float = 0.01) -> Array:
    """Small random numbers of mean 0 and standard deviation `std`, whatever the shape.

    The deck's N(0, 0.01) leaves open whether 0.01 is the variance or the standard deviation. Here it is the standard
    deviation, as in ``0.01 * rng.standard_normal(shape)``; for the variance 0.01 write ``std=0.1``.

    Parameters
    ----------
    shape : int or sequence of int
        The shape of the weights.
    rng : numpy.random.Generator or int
        What they are drawn from, or its seed.
    dtype : floating-point dtype, default float64
        The type of the weights.
    std : float ≥ 0, default 0.01
        The standard deviation.

    Returns
    -------
    ndarray of `shape` and `dtype`
        The weights.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.
    """
    return _normal(shape, rng, dtype, number(std, "std", 0))


def variance_calibrated(shape: Shape, rng: Rng, dtype: DTypeLike = np.float64) -> Array:
    """N(0, 1/n_in), of standard deviation 1/√n_in: a linear (or tanh) layer keeps the variance of its inputs.

    LeCun, Bottou, Orr and Müller (1998), *Efficient BackProp*, section 4.6.

    Parameters
    ----------
    shape : sequence of at least two int
        The shape of the weights, (…, inputs, outputs).
    rng : numpy.random.Generator or int
        What they are drawn from, or its seed.
    dtype : floating-point dtype, default float64
        The type of the weights.

    Returns
    -------
    ndarray of `shape` and `dtype`
        The weights.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.
    """
    n_in, _ = fans(shape)
    return _normal(shape, rng, dtype, math.sqrt(1 / n_in))


def he(shape: Shape, rng: Rng, dtype: DTypeLike = np.float64) -> Array:
    """N(0, 2/n_in), of standard deviation √(2/n_in): for ReLU, which lets half of the squared signal through.

    He, Zhang, Ren and Sun (2015), *Delving deep into rectifiers*, section 2.2, equation 10.

    Parameters
    ----------
    shape : sequence of at least two int
        The shape of the weights, (…, inputs, outputs).
    rng : numpy.random.Generator or int
        What they are drawn from, or its seed.
    dtype : floating-point dtype, default float64
        The type of the weights.

    Returns
    -------
    ndarray of `shape` and `dtype`
        The weights.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.
    """
    n_in, _ = fans(shape)
    return _normal(shape, rng, dtype, math.sqrt(2 / n_in))


def glorot_normal(shape: Shape, rng: Rng, dtype: DTypeLike = np.float64) -> Array:
    """N(0, 2/(n_in + n_out)): between what the forward and the backward pass ask for.

    Glorot and Bengio (2010), *Understanding the difficulty of training deep feedforward neural networks*, equation 12.

    Parameters
    ----------
    shape : sequence of at least two int
        The shape of the weights, (…, inputs, outputs).
    rng : numpy.random.Generator or int
        What they are drawn from, or its seed.
    dtype : floating-point dtype, default float64
        The type of the weights.

    Returns
    -------
    ndarray of `shape` and `dtype`
        The weights.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.
    """
    n_in, n_out = fans(shape)
    return _normal(shape, rng, dtype, math.sqrt(2 / (n_in + n_out)))


def glorot_uniform(shape: Shape, rng: Rng, dtype: DTypeLike = np.float64) -> Array:
    """Uniform weights in ±√(6/(n_in + n_out)), whose variance is that of `glorot_normal`: Keras's default.

    Glorot and Bengio (2010), equation 16, their "normalized initialization".

    Parameters
    ----------
    shape : sequence of at least two int
        The shape of the weights, (…, inputs, outputs).
    rng : numpy.random.Generator or int
        What they are drawn from, or its seed.
    dtype : floating-point dtype, default float64
        The type of the weights.

    Returns
    -------
    ndarray of `shape` and `dtype`
        The weights.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.
    """
    n_in, n_out = fans(shape)
    bound = math.sqrt(6 / (n_in + n_out))
    return generator(rng).uniform(-bound, bound, _shape(shape)).astype(floating(dtype))


def fans(shape: Shape) -> tuple[int, int]:
    """Return fan-in and fan-out of weights of a shape (…, inputs, outputs); see the module's text.

    Parameters
    ----------
    shape : sequence of at least two int
        The shape of the weights.

    Returns
    -------
    n_in, n_out : int
        Both at least 1.

    Raises
    ------
    TypeError
        If a length is no integer.
    ValueError
        If there are fewer than two axes, or one is empty.
    """
    lengths = _shape(shape)
    if len(lengths) < 2 or 0 in lengths:
        raise ValueError(
            f"shape must be (…, inputs, outputs), none of them 0; got {lengths}"
            + (" (a bias has no fan-in: zeros or normal make one)" if len(lengths) == 1 else "")
        )
    *field, inputs, outputs = lengths
    return math.prod(field) * inputs, math.prod(field) * outputs


def _normal(shape: Shape, rng: Rng, dtype: DTypeLike, std: float) -> Array:
    return (std * generator(rng).standard_normal(_shape(shape))).astype(floating(dtype))


def _shape(shape: Shape) -> tuple[int, ...]:
    """Return the lengths of the axes as a tuple; a single number is one axis."""
    lengths = shape if isinstance(shape, Sequence) else (shape,)
    return tuple(count(length, "each length in shape", 0) for length in lengths)
