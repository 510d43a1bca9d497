"""What a loop knows of its function: the parameters, the values, the gradients."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dlkit._checks import count, is_number, real_array
from dlkit.arrays import is_torch

Arrays = list[Any]


class Problem:
    """A function of arrays with its gradient.

    Attributes
    ----------
    x : list of arrays
        The parameters: copies of our own, which the rule changes in place.
    names : list of str
        What to call them in messages.
    """

    def __init__(self, f: Callable[..., Any], x0: Any, gradient: Callable[..., Any] | None):
        if not callable(f):
            raise TypeError(f"f must be a function; got {type(f).__name__}")
        if gradient is not None and not callable(gradient):
            raise TypeError(f"gradient must be a function or None; got {type(gradient).__name__}")
        self.f, self.gradient = f, gradient
        # A list of arrays holds several parameters; a list of numbers, or of such lists, is one array written out.
        self.single = not (isinstance(x0, (list, tuple)) and any(isinstance(p, np.ndarray) or is_torch(p) for p in x0))
        parts = [x0] if self.single else x0
        self.names = _names(f, len(parts))
        self.x: Arrays = [_own(part, name) for part, name in zip(parts, self.names, strict=True)]
        self._value_and_grad: Callable[..., Any] | None = None

    def value(self, x: Arrays | None = None, batch: Sequence[Any] = ()) -> float:
        """Return f at `x`, by default at the parameters."""
        return _number(self.f(*(self.x if x is None else x), *batch))

    def value_and_gradients(self, x: Arrays | None = None, batch: Sequence[Any] = ()) -> tuple[float, Arrays]:
        """Return f at `x` and one gradient per parameter."""
        value, gradients = self.gradients(x, batch)
        return (self.value(x, batch) if value is None else value), gradients

    def gradients(self, x: Arrays | None = None, batch: Sequence[Any] = ()) -> tuple[float | None, Arrays]:
        """Return the value, where it comes for nothing, and one gradient per parameter."""
        x = self.x if x is None else x
        if self.gradient is not None:
            value, gradients = None, self.gradient(*x, *batch)
        else:
            value, gradients = self._differentiate(*x, *batch)
            value = _number(value)
        gradients = [gradients] if self.single else list(gradients)
        if len(gradients) != len(x):
            raise ValueError(f"gradient must return {len(x)} arrays, one per parameter; got {len(gradients)}")
        return value, [self._like(g, p, name) for g, p, name in zip(gradients, x, self.names, strict=True)]

    def copy(self, x: Arrays | None = None) -> Any:
        """Return the parameters as the caller wrote them: one array, or a list of arrays."""
        copies = self.copies(x)
        return copies[0] if self.single else copies

    def copies(self, x: Arrays | None = None) -> Arrays:
        """Return copies of the parameters, one by one."""
        return [_copy(p) for p in (self.x if x is None else x)]

    def _differentiate(self, *arguments: Any) -> Any:
        if self._value_and_grad is None:
            from dlkit.autograd import value_and_grad

            argnums = 0 if self.single else tuple(range(len(self.x)))
            self._value_and_grad = value_and_grad(self.f, argnums=argnums)
        return self._value_and_grad(*arguments)

    def _like(self, g: Any, x: Any, name: str) -> Any:
        """Return the gradient as an array of the parameter's shape that shares no memory with it."""
        if is_torch(x):
            g = g.detach()
            shared = g.data_ptr() == x.data_ptr()
        else:
            g = np.asarray(g)
            if g.dtype.kind in "iub":
                g = g.astype(x.dtype)
            # f(x) = ½‖x‖² has the gradient x: the rule must not see it change while the step is being made.
            shared = np.may_share_memory(g, x)
        if g.shape != x.shape:
            raise ValueError(
                f"gradient must have the shape of its parameter {name}, {tuple(x.shape)}; got {tuple(g.shape)}"
            )
        return _copy(g) if shared else g


def as_rule(rule: Any) -> Any:
    """Return a rule that the loop may wear out: a copy, or plain gradient descent for a rate or a schedule."""
    if hasattr(rule, "update"):
        return copy.deepcopy(rule)
    if callable(rule) or is_number(rule):
        from dlkit.optim import GradientDescent

        return GradientDescent(rule)
    raise TypeError(
        f"rule must be a rule of dlkit.optim, a rate (a number) or a schedule (a function of the step); "
        f"got {type(rule).__name__}"
    )


def whole(value: Any, name: str, least: int) -> int:
    """Return `value` as an integer of at least `least`."""
    return count(value, name, least, expected=f"at least {least}")


def first_nonfinite(array: Any) -> tuple[tuple[int, ...], Any] | None:
    """Return where an array has its first NaN or infinity, and which; None if all is finite."""
    # One that is not finite makes the sum so; the long way is only for sums that overflow by themselves.
    with np.errstate(all="ignore"):
        if np.isfinite(float(array.sum())):
            return None
        bad = np.argwhere(~np.isfinite(array.cpu().numpy() if is_torch(array) else array))
    if not len(bad):
        return None
    where = tuple(int(i) for i in bad[0])
    return where, float(array[where])


def _own(part: Any, name: str) -> Any:
    if is_torch(part):
        if not part.is_floating_point():
            raise TypeError(f"x0 must hold floating-point numbers; {name} is of dtype {part.dtype}")
        return part.detach().clone()
    return np.array(real_array(part, "x0"))


def _copy(x: Any) -> Any:
    return x.clone() if is_torch(x) else np.array(x)


def _names(f: Callable[..., Any], n: int) -> list[str]:
    """Return what f itself calls its first arguments; x0[i] where it does not say."""
    fallback = ["x0"] if n == 1 else [f"x0[{i}]" for i in range(n)]
    try:
        arguments = list(inspect.signature(f).parameters.values())[:n]
    except (TypeError, ValueError):  # a builtin
        return fallback
    if len(arguments) < n or any(a.kind not in (a.POSITIONAL_ONLY, a.POSITIONAL_OR_KEYWORD) for a in arguments):
        return fallback
    return [a.name for a in arguments]


def _number(value: Any) -> float:
    shape = tuple(getattr(value, "shape", ()))
    if shape:
        raise ValueError(f"f must return one number; got an array of shape {shape} (take its .mean() or .sum())")
    try:
        return float(value.item() if hasattr(value, "item") else value)
    except (TypeError, ValueError):
        raise TypeError(f"f must return one real number; got {value!r}") from None
