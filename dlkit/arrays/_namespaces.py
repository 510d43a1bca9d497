"""Which functions belong to an array: one dictionary from its type to its namespace."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np

_FUNCTIONS = [
    "abs",
    "all",
    "any",
    "arange",
    "argsort",
    "astype",
    "broadcast_to",
    "concat",
    "cos",
    "exp",
    "expand_dims",
    "expm1",
    "eye",
    "isfinite",
    "log",
    "log1p",
    "max",
    "maximum",
    "mean",
    "min",
    "minimum",
    "ones_like",
    "permute_dims",
    "prod",
    "reshape",
    "sign",
    "sin",
    "sqrt",
    "squeeze",
    "stack",
    "sum",
    "take_along_axis",
    "tanh",
    "where",
    "zeros_like",
]


def namespace(x: Any, *others: Any) -> Any:
    """Return the functions of the library that these arrays belong to.

    Parameters
    ----------
    x, *others : ndarray, numpy scalar, torch.Tensor or Python number
        Numbers go with any array; numpy and torch do not mix.

    Returns
    -------
    namespace
        Functions by their array-API names (``exp``, ``sum``, ``permute_dims``, …), and three that the standard lacks:
        ``einsum(subscripts, *arrays)``; ``gate(x, y)``, x where y > 0 and 0 elsewhere; and
        ``scatter_add(values, index, shape)``, zeros with `values` added at ``[index]``.

    Raises
    ------
    TypeError
        If an argument is no array, or numpy and torch arrays come together.
    """
    best = _BY_TYPE[type(x)]
    for other in others:
        xp = _BY_TYPE[type(other)]
        if xp is not best and xp is not _SCALARS:
            if best is not _SCALARS:
                names = ", ".join(type(a).__name__ for a in (x, *others))
                raise TypeError(f"numpy and torch arrays do not mix; got {names}")
            best = xp
    return best


class _ByType(dict[type, Any]):
    """From type to namespace; a type met for the first time is looked at once."""

    def __missing__(self, kind: type) -> Any:
        torch = sys.modules.get("torch")  # where torch was never imported, nothing is a torch tensor
        if torch is not None and issubclass(kind, torch.Tensor):
            found = _torch_namespace()
        elif issubclass(kind, np.ndarray):
            found = _NUMPY
        elif issubclass(kind, (np.generic, int, float)):
            found = _SCALARS if issubclass(kind, float) else _NUMPY
        else:
            raise TypeError(f"expected a numpy array, a torch tensor or a number; got {kind.__name__}")
        self[kind] = found
        return found


def _scatter_add(values: Any, index: Any, shape: tuple[int, ...]) -> Any:
    zeros = np.zeros(shape, values.dtype)
    if _picks_nothing_twice(index):
        zeros[index] = values
    else:
        np.add.at(zeros, index, values)
    return zeros


def _picks_nothing_twice(index: Any) -> bool:
    """Tell whether plain assignment will do; arrays of integers may name a place several times."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        isinstance(p, (int, np.integer, slice, type(None), type(Ellipsis)))
        or str(getattr(p, "dtype", "")).endswith("bool")
        for p in parts
    )


def _broadcast_to(x: Any, shape: tuple[int, ...]) -> Any:
    if getattr(x, "shape", None) != ():
        return np.broadcast_to(x, shape)
    # One number, the gradient of every sum: the same view, made in a sixth of the time.
    view = np.ndarray(shape, x.dtype, x, strides=(0,) * len(shape))
    view.flags.writeable = False
    return view


def _sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    add: Any = np.add  # whose stub knows keepdims as a literal only
    return add.reduce(x, axis, keepdims=keepdims)  # what numpy.sum comes to, on small arrays in half the time


_NUMPY = SimpleNamespace(
    **{name: getattr(np, name) for name in _FUNCTIONS if name not in ("broadcast_to", "sum")},
    broadcast_to=_broadcast_to,
    sum=_sum,
    einsum=np.einsum,
    gate=lambda x, y: x * (y > 0),
    scatter_add=_scatter_add,
    name="numpy",
)

# A numpy.float64 costs ten times less with the functions of `math` than with numpy's, which are made for arrays. Times
# _ONE, their result is a numpy.float64 again: it overflows to inf and divides by zero as arrays do.
_ONE = np.float64(1)


def _scalar(fast: Callable[[float], float], general: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def function(x: Any) -> Any:
        try:
            return _ONE * fast(x)
        except (OverflowError, ValueError):  # inf or nan, with numpy's warning
            return general(x)

    return function


def _larger(x: Any, y: Any) -> Any:
    return _ONE * (x if x >= y or x != x else y)


def _smaller(x: Any, y: Any) -> Any:
    return _ONE * (x if x <= y or x != x else y)


def _either(condition: Any, x: Any, y: Any) -> Any:
    chosen = x if condition else y
    # Of two Python numbers one is chosen as it is, so that a float32 array still decides the dtype beside it.
    return _ONE * chosen if type(x) is np.float64 or type(y) is np.float64 else chosen


_SCALARS = SimpleNamespace(
    **{
        **vars(_NUMPY),
        **{
            name: _scalar(getattr(math, name), getattr(np, name))
            for name in ("exp", "expm1", "log", "log1p", "sqrt", "tanh")
        },
        "abs": abs,
        "gate": lambda x, y: x if y > 0 else 0 * x,
        "maximum": _larger,
        "minimum": _smaller,
        "ones_like": lambda x: _ONE,
        "sign": lambda x: _ONE if x > 0 else -_ONE if x < 0 else _ONE * 0 * x,
        "where": _either,
        "zeros_like": lambda x: 0 * _ONE,
    }
)


@cache
def _torch_namespace() -> Any:
    """Return torch's functions under the names and with the arguments of the array API."""
    import torch
    from array_api_compat import torch as compat

    def scatter_add(values: Any, index: Any, shape: tuple[int, ...]) -> Any:
        zeros = torch.zeros(shape, dtype=values.dtype, device=values.device)
        if _picks_nothing_twice(index):
            zeros[index] = values
            return zeros
        parts = index if isinstance(index, tuple) else (index,)
        # index_put_ takes tensors of integers only; where slices stand beside them, numbers of the places do instead.
        if all(isinstance(p, torch.Tensor) and p.dtype != torch.bool for p in parts):
            return zeros.index_put_(parts, values, accumulate=True)
        places = torch.arange(zeros.numel(), device=values.device).reshape(shape)[index]
        return zeros.view(-1).index_add_(0, places.reshape(-1), values.reshape(-1)).view(shape)

    # torch.maximum wants two tensors; its clamp takes the number.
    def maximum(x: Any, y: Any) -> Any:
        if isinstance(y, (int, float)):
            return torch.clamp(x, min=y)
        return torch.clamp(y, min=x) if isinstance(x, (int, float)) else torch.maximum(x, y)

    def minimum(x: Any, y: Any) -> Any:
        if isinstance(y, (int, float)):
            return torch.clamp(x, max=y)
        return torch.clamp(y, max=x) if isinstance(x, (int, float)) else torch.minimum(x, y)

    # x * (y > 0) would take torch seven times as long as the one pass of its own ReLU's derivative.
    def gate(x: Any, y: Any) -> Any:
        return torch.ops.aten.threshold_backward(x, y, 0) if x.shape == y.shape else x * (y > 0)

    functions = {name: getattr(compat, name) for name in _FUNCTIONS}
    functions.update(maximum=maximum, minimum=minimum, take_along_axis=torch.take_along_dim, where=torch.where)
    return SimpleNamespace(**functions, einsum=torch.einsum, gate=gate, scatter_add=scatter_add, name="torch")


_BY_TYPE = _ByType({np.ndarray: _NUMPY, np.float64: _SCALARS, float: _SCALARS, int: _SCALARS, bool: _SCALARS})
