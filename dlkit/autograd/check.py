"""Gradient check: compare a gradient with differences of the function, and say where they part.

The central difference (f(x + h) − f(x − h)) / 2h is off by about h²|f‴|/6, from cutting off the Taylor series, and by
about ε|f|/h, from rounding. The sum is smallest near h = ε^(1/3). One step of Richardson's extrapolation, from h and
h/2, takes the h² term out; how far the two differ tells how well the difference itself is known, and so what to ask
of the gradient (Nocedal and Wright, 2006, *Numerical Optimization*, section 8.1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dlkit import arrays
from dlkit.autograd import operations as op
from dlkit.autograd.functions import gradients
from dlkit.autograd.tensor import Tensor

__all__ = ["check_gradients", "numerical_gradient"]


def numerical_gradient(f: Callable[[Any], Any], x: Any, step: float | None = None) -> np.ndarray:
    """Return the gradient of a function by central differences, for every entry of x.

    Parameters
    ----------
    f : callable
        Takes an array like `x` and returns one number, plain or a Tensor.
    x : float or array of floats
        Where; it is not changed.
    step : float, optional
        h; by default ε^(1/3)·max(1, abs(xᵢ)) with the ε of x's dtype, where cut-off and rounding balance.

    Returns
    -------
    ndarray, shape of `x`, float64
    """
    x = np.array(arrays.to_numpy(x))
    if x.dtype.kind != "f":
        raise TypeError(f"x must hold floats; got {x.dtype}")
    result = np.empty(x.shape)
    for index in np.ndindex(x.shape):
        h = step or np.finfo(x.dtype).eps ** (1 / 3) * max(1.0, abs(float(x[index])))
        result[index] = _slope(f, x, index, h)
    return result[()]


def _slope(f: Callable[[Any], Any], x: np.ndarray, index: tuple[int, ...], h: float) -> float:
    ends = []
    for sign in (1, -1):
        moved = x.copy()
        moved[index] += sign * h
        ends.append((float(moved[index]), float(f(moved[()]))))
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
        Where to check; f should be smooth near it. numpy or torch arrays, float32 or float64.
    rtol : float, optional
        The largest difference that passes, relative to the largest entry of the gradient or 1; by default √ε of the
        dtype, 1.5e-8 for float64 and 3.5e-4 for float32, plus what the difference quotient itself is seen to be off by.
    seed : int, default 0
        Of the random weights.

    Raises
    ------
    AssertionError
        Names the function, the argument, the index, the value that the gradient has and the one it should have.
    """
    tensors = [Tensor(x) for x in args]
    y = f(*tensors)
    weights = np.random.default_rng(seed).uniform(0.5, 1.5, y.shape)
    weights = arrays.array(weights, str(y.dtype).removeprefix("torch."), y.device)
    if not y.shape:
        weights = y.dtype.type(weights) if y.device == "numpy" else weights
    got = gradients(y, tensors, weights)
    name = getattr(f, "__name__", type(f).__name__)
    for position, (x, gradient) in enumerate(zip(tensors, got, strict=True)):
        plain = [t.value for t in tensors]
        device = x.device

        def value(moved: Any, position: int = position, plain: list[Any] = plain, device: str = device) -> float:
            point = [Tensor(v, requires_grad=False) for v in plain]
            point[position] = Tensor(moved, device=device, requires_grad=False)
            return float(op.sum(f(*point) * weights))

        _compare(value, x.numpy(), arrays.to_numpy(gradient), rtol, f"{name}, argument {position + 1}")


def _compare(
    value: Callable[[Any], float], x: np.ndarray, gradient: np.ndarray, rtol: float | None, where: str
) -> None:
    eps = float(np.finfo(x.dtype).eps)
    scale = max(1.0, float(np.abs(gradient).max(initial=0)))
    tolerance = (np.sqrt(eps) if rtol is None else rtol) * scale
    for index in np.ndindex(x.shape):
        h = eps ** (1 / 3) * max(1.0, abs(float(x[index])))
        coarse, fine = _slope(value, x, index, h), _slope(value, x, index, h / 2)
        expected = (4 * fine - coarse) / 3
        rounding = 16 * eps * (abs(value(x[()])) + 1) / h
        if not abs(gradient[index] - expected) <= tolerance + abs(fine - coarse) + rounding:
            raise AssertionError(
                f"{where}, index {list(index)}: the gradient is {gradient[index]:.6g}, differences of the function "
                f"give {expected:.6g}{_hint(float(gradient[index]), expected)}"
            )


def _hint(got: float, expected: float) -> str:
    if abs(got + expected) < 1e-3 * abs(expected):
        return " (the sign is wrong)"
    if expected and abs(got / expected - round(got / expected)) < 1e-3 and abs(got / expected) > 1.5:
        return f" ({round(got / expected)} times as much)"
    if got == 0:
        return " (is a path from the argument to the result missing?)"
    return ""
