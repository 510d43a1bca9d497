"""What `activations` and `losses` ask of arguments that may be numpy arrays, torch tensors or `Tensor`s.

Every message names the argument.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from dlkit import arrays
from dlkit._checks import first, nonempty_axis, real_array
from dlkit.autograd import Tensor

__all__ = [
    "constant",
    "distribution",
    "entry",
    "is_floating",
    "like",
    "plain",
    "real_operand",
    "real_operands",
]


def real_operand(x: Any, name: str, integers_as: Any = np.float64) -> Any:
    """Return `x` as something that operations take: a Tensor, a torch tensor or a numpy array of real numbers.

    Floats stay as they are; integers and booleans become `integers_as`, or stay with ``integers_as=None``.
    """
    if type(x) is np.ndarray and x.dtype.kind == "f":
        return x
    if isinstance(x, Tensor):
        return x
    if not arrays.is_torch(x):
        return real_array(x, name, integers_as)
    if x.requires_grad and sys.modules["torch"].is_grad_enabled():
        raise TypeError(
            f"{name} must not be recorded by torch, whose gradient dlkit does not compute; got a tensor with "
            f"requires_grad=True (use {name}.detach(), or dlkit.autograd.Tensor({name}) for dlkit's gradient)"
        )
    if x.is_floating_point():
        return x
    if x.is_complex() or x.is_quantized:
        raise TypeError(f"{name} must hold real numbers (floats, integers or booleans); got dtype {x.dtype}")
    return x if integers_as is None else arrays.array(x, integers_as)


def real_operands(where: str, **given: Any) -> list[Any]:
    """Return several arguments, by name, as operands of one library, one device and one floating dtype.

    What has no floating dtype of its own follows the first argument that has one: lists, Python numbers, and integers
    and booleans of any library and device. Floats in arrays are never converted; where they disagree, a TypeError names
    both.
    """
    loose = {name: not (isinstance(x, Tensor) or arrays.is_array(x)) for name, x in given.items()}
    operands = {name: real_operand(x, name, None) for name, x in given.items()}
    leaders = [plain(x) for name, x in operands.items() if not loose[name] and is_floating(x)]
    if leaders:
        operands = {
            name: like(x, leaders[0]) if loose[name] or not is_floating(x) else x for name, x in operands.items()
        }
    else:
        operands = {name: real_operand(x, name) for name, x in operands.items()}
    arrays.check_agreement(where, [plain(x) for x in operands.values()], list(operands))
    return list(operands.values())


def is_floating(x: Any) -> bool:
    """Tell whether an array, or the array of a Tensor, holds floats."""
    x = plain(x)
    return x.is_floating_point() if arrays.is_torch(x) else x.dtype.kind == "f"


def like(x: Any, other: Any) -> Any:
    """Return the array `x` with the dtype and on the device of the array `other`."""
    return arrays.array(x, other.dtype, arrays.device_of(other))


def plain(x: Any) -> Any:
    """Return the array of a Tensor, and anything else as it is."""
    return x.value if isinstance(x, Tensor) else x


def constant(y: Any, name: str) -> Any:
    """Return the array of labels; a Tensor among them must not ask for a gradient."""
    if isinstance(y, Tensor) and y.requires_grad:
        raise TypeError(
            f"{name} must be constant, as no gradient flows to labels; got a Tensor with requires_grad=True (use "
            f"{name}.detach())"
        )
    return plain(y)


def entry(x: Any, index: tuple[int, ...]) -> Any:
    """Return one entry of an array, as it is to be printed."""
    return x[index].item() if arrays.is_torch(x) else x[index]


def distribution(p: Any, name: str, axis: int) -> None:
    """Raise unless `p` holds probability distributions along `axis`: no entry below 0, and a sum of 1.

    The sum may be off by (K + 100)·eps of the dtype. Dividing K numbers by their computed sum leaves the total
    within K·eps of 1 in any order of summation (Higham, 2002, *Accuracy and Stability of Numerical Algorithms*,
    section 4.2); the 100 allows each entry as many further roundings, as smoothing labels or averaging models takes.
    """
    p = plain(p)
    nonempty_axis(p, name, axis)
    negative = ~(p >= 0)  # written so that NaN is caught as well
    if negative.any():
        where = first(arrays.to_numpy(negative))
        raise ValueError(f"{name} must hold probabilities, none below 0; got {entry(p, where)} at index {where}")
    total = arrays.array(p, "float64").sum(axis)
    finfo = sys.modules["torch"].finfo if arrays.is_torch(p) else np.finfo
    off = abs(total - 1) > (p.shape[axis] + 100) * float(finfo(p.dtype).eps)
    if off.any():
        raise ValueError(
            f"{name} must sum to 1 along axis {axis}; got a sum of {entry(total, first(arrays.to_numpy(off)))} "
            f"(scores need a softmax first, counts a division by their sum)"
        )
