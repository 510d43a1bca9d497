"""A small graph of numbers: (x + σ(y)) / (σ(x) + (x + y)²) at (3, −4), forward and backward."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

POINT = (3.0, -4.0)
GRADIENT = (2.0595697955721652, 1.5922327514838093)  # the deck's example


def _checked(run: Callable[[], tuple[float, float]], tolerance: float = 1e-12) -> Callable[[], Any]:
    got = run()
    if not all(abs(a - b) < tolerance for a, b in zip(got, GRADIENT, strict=True)):
        raise ArithmeticError(f"expected the gradient {GRADIENT}, got {got}")
    return run


def dlkit(number: Callable[[float], Any] = float) -> Callable[[], Any]:
    """Set up dlkit, on Python floats."""
    from dlkit.autograd import Tensor, sigmoid

    a, b = map(number, POINT)

    def run() -> tuple[float, float]:
        x, y = Tensor(a), Tensor(b)
        f = (x + sigmoid(y)) / (sigmoid(x) + (x + y) ** 2)
        f.backward()
        return x.grad, y.grad

    return _checked(run)


def dlkit_numpy_scalars() -> Callable[[], Any]:
    """Set up dlkit, on numpy.float64."""
    return dlkit(np.float64)


def _micrograd(sigmoid: Callable[[Any], Any]) -> Callable[[], Any]:
    from micrograd.engine import Value

    def run() -> tuple[float, float]:
        x, y = map(Value, POINT)
        f = (x + sigmoid(y)) / (sigmoid(x) + (x + y) ** 2)
        f.backward()
        return x.grad, y.grad

    return _checked(run)


def micrograd() -> Callable[[], Any]:
    """Set up micrograd, with the exponential that it lacks added in its manner; σ is composed from its operations."""
    from micrograd.engine import Value

    def exp(self: Any) -> Any:
        out = Value(math.exp(self.data), (self,), "exp")

        def _backward() -> None:
            self.grad += out.data * out.grad

        out._backward = _backward
        return out

    return _micrograd(lambda x: 1 / (1 + exp(-x)))


def micrograd_own_sigmoid() -> Callable[[], Any]:
    """Set up micrograd with the whole sigmoid added to it as one operation."""
    from micrograd.engine import Value

    def sigmoid(self: Any) -> Any:
        s = 1 / (1 + math.exp(-self.data))
        out = Value(s, (self,), "sigmoid")

        def _backward() -> None:
            self.grad += s * (1 - s) * out.grad

        out._backward = _backward
        return out

    return _micrograd(sigmoid)


def torch_eager() -> Callable[[], Any]:
    """Set up torch."""
    import torch

    def run() -> tuple[float, float]:
        x = torch.tensor(POINT[0], dtype=torch.float64, requires_grad=True)
        y = torch.tensor(POINT[1], dtype=torch.float64, requires_grad=True)
        f = (x + torch.sigmoid(y)) / (torch.sigmoid(x) + (x + y) ** 2)
        f.backward()
        return x.grad, y.grad

    return _checked(run)


def hips_autograd() -> Callable[[], Any]:
    """Set up HIPS autograd."""
    import autograd
    import autograd.numpy as anp

    def sigmoid(x: Any) -> Any:
        return 1 / (1 + anp.exp(-x))

    gradient = autograd.grad(lambda x, y: (x + sigmoid(y)) / (sigmoid(x) + (x + y) ** 2), argnum=(0, 1))
    return _checked(lambda: gradient(*POINT))
