"""Gradient check: compare a gradient with differences of the function, and say where they part.

The central difference (f(x + h) − f(x − h)) / 2h is off by about h²|f‴|/6, from truncation of the Taylor series, and by
about ε|f|/h, from rounding. For f of ordinary scale, where f and f‴ are about as large as each other, the sum is
smallest near h = ε^(1/3) (Nocedal and Wright, 2006, *Numerical Optimization*, section 8.1). One step of Richardson's
extrapolation, from h and h/2, takes the h² term out. How far the two differ tells how well the difference itself is
known, and so what to ask of the gradient; where it is known too badly, the check refuses to judge.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from dlkit import arrays
from dlkit.autograd import operations as op
from dlkit.autograd.functions import gradients
from dlkit.autograd.tensor import Tensor

__all__ = ["check_gradients", "numerical_gradient"]

_ROUNDINGS = 8  # of ε|f|/h: three in Richardson's combination of four values, and room for those made within f
_WORST = 0.01  # differences that are known no better than this, relative to the scale of the gradient, prove nothing


def numerical_gradient(f: Callable[[Any], Any], x: Any, step: float | None = None) -> np.ndarray:
    """Return the gradient of a function by central differences, for every entry of x.

    Parameters
    ----------
    f : callable
        Takes an array like `x` and returns one number, plain or a Tensor.
    x : float or array of floats
        Where; it is not changed.
    step : float, optional
        h > 0; by default ε^(1/3)·max(1, abs(xᵢ)) with the ε of x's dtype, where truncation and rounding balance for f
        of ordinary scale.

    Returns
    -------
    ndarray, shape of `x`, float64

    Raises
    ------
    TypeError
        If `x` does not hold floats.
    ValueError
        If `step` is not positive.
    """
    if step is not None and not step > 0:
        raise ValueError(f"step must be positive; got {step}")
    x = np.array(arrays.to_numpy(x))
    if x.dtype.kind != "f":
        raise TypeError(f"x must hold floats; got {x.dtype}")
    result = np.empty(x.shape)
    for index in np.ndindex(x.shape):
        result[index] = _slope(f, x, index, _step(x, index) if step is None else step)
    return result[()]


def _step(x: np.ndarray, index: tuple[int, ...]) -> float:
    return float(np.finfo(x.dtype).eps) ** (1 / 3) * max(1.0, abs(float(x[index])))


def _slope(f: Callable[[Any], Any], x: np.ndarray, index: tuple[int, ...], h: float) -> float:
    ends = []
    for sign in (1, -1):
        moved = x.copy()
        moved[index] += sign * h
        value = f(moved[()])
        ends.append((float(moved[index]), value.item() if isinstance(value, Tensor) else float(value)))
    # The distance that the rounded arguments really have, not the one that was meant.
    return (ends[0][1] - ends[1][1]) / (ends[0][0] - ends[1][0])


def check_gradients(f: Callable[..., Any], *args: Any, rtol: float | None = None, seed: int = 0) -> None:
    """Raise unless the gradients of f by its arguments agree with differences of its values.

    Parameters
    ----------
    f : callable
        Takes tensors, returns a Tensor of any shape. (Of a result with several entries, a sum with random weights is
        checked.) For second derivatives, check ``grad(f)``.
    *args : float or array of floats
        Where to check. f must be defined, and should be smooth, as far as ε^(1/3)·max(1, abs(xᵢ)) from each entry
        xᵢ: 6e-6 and 5e-3 for float64 and float32 entries up to 1. numpy or torch arrays.
    rtol : float, optional
        The largest difference that passes, relative to the largest entry of the gradient or 1; by default √ε of the
        dtype, 1.5e-8 for float64 and 3.5e-4 for float32, plus what the difference quotient itself is seen to be off by.
    seed : int, default 0
        Of the random weights.

    Raises
    ------
    AssertionError
        If a gradient is wrong. Names the function, the argument, the index, the value that the gradient has and the
        one it should have.
    ValueError
        If the differences cannot tell: f is not finite at the points that they are taken from, or they depend on h so
        much, or are so small beside the rounding of f, that they are not known to 1 % of the gradient's scale.
    TypeError
        If f does not return a Tensor.
    """
    tensors = [Tensor(x) for x in args]
    y = f(*tensors)
    if not isinstance(y, Tensor):
        raise TypeError(f"f must return a Tensor; got {type(y).__name__}")
    weights = np.ones(y.shape) if y.size == 1 else np.random.default_rng(seed).uniform(0.5, 1.5, y.shape)
    weights = arrays.array(weights, str(y.dtype).removeprefix("torch."), y.device)
    if not y.shape:
        weights = y.dtype.type(weights) if y.device == "numpy" else weights
    got = gradients(y, tensors, weights)
    name = getattr(f, "__name__", type(f).__name__)
    note = "" if y.size == 1 else " (of the result's entries, a sum with random weights was taken)"
    for position, (x, gradient) in enumerate(zip(tensors, got, strict=True)):
        plain = [t.value for t in tensors]
        device = x.device

        def value(moved: Any, position: int = position, plain: list[Any] = plain, device: str = device) -> float:
            point = [Tensor(v, requires_grad=False) for v in plain]
            point[position] = Tensor(moved, device=device, requires_grad=False)
            return op.sum(f(*point) * weights).item()

        _compare(value, x.numpy(), arrays.to_numpy(gradient), rtol, f"{name}, argument {position + 1}", note)


def _compare(
    value: Callable[[Any], float], x: np.ndarray, gradient: np.ndarray, rtol: float | None, where: str, note: str
) -> None:
    eps = float(np.finfo(x.dtype).eps)
    scale = max(1.0, float(np.abs(gradient[np.isfinite(gradient)]).max(initial=0)))
    tolerance = (np.sqrt(eps) if rtol is None else rtol) * scale
    size = abs(value(x[()])) + 1
    for index in np.ndindex(x.shape):
        h, got, entry = _step(x, index), float(gradient[index]), f"{where}, index {list(index)}" if index else where
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):  # said below, if it matters
            coarse, fine = _slope(value, x, index, h), _slope(value, x, index, h / 2)
        expected = (4 * fine - coarse) / 3
        doubt = abs(fine - coarse) + _ROUNDINGS * eps * size / h
        if not math.isfinite(expected):
            raise ValueError(f"{entry}: the function is not finite at x ± h, h = {h:.1g}")
        if doubt > _WORST * scale:
            raise ValueError(
                f"{entry}: the differences are no guide here: they give {coarse:.3g} with h = {h:.1g}, {fine:.3g} with "
                f"h/2, known to {doubt:.1g} only; the function is not smooth, on a smaller scale than h, or so large "
                f"that its rounding matters"
            )
        if not abs(got - expected) <= tolerance + doubt:
            digits = next((n for n in range(6, 17) if f"{got:.{n}g}" != f"{expected:.{n}g}"), 17)
            raise AssertionError(
                f"{entry}: the gradient is {got:.{digits}g}, differences of the function give "
                f"{expected:.{digits}g}{_kink(value, x, index, h, scale) or _hint(got, expected)}{note}"
            )


def _kink(value: Callable[[Any], float], x: np.ndarray, index: tuple[int, ...], h: float, scale: float) -> str:
    """Say so if the slopes to the left and to the right of x differ: then no gradient agrees with the difference."""
    here, sides = value(x[()]), []
    for sign in (-1, 1):
        moved = x.copy()
        moved[index] += sign * h
        sides.append((value(moved[()]) - here) / (float(moved[index]) - float(x[index])) + 0.0)  # no slope of -0
    if abs(sides[1] - sides[0]) < 0.01 * scale:
        return ""
    return f" (a kink: the slope is {sides[0]:.3g} to the left and {sides[1]:.3g} to the right; check beside it)"


def _hint(got: float, expected: float) -> str:
    if got == 0:
        return " (is a path from the argument to the result missing?)"
    ratio = got / expected if expected else math.nan
    if abs(ratio + 1) < 1e-3:
        return " (the sign is wrong)"
    if 1.5 < abs(ratio) < math.inf and abs(ratio - round(ratio)) < 1e-3:
        return f" ({round(ratio)} times as much)"
    return ""
