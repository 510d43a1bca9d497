"""What the rules need of numpy and torch beyond operators: the one place that tells the two apart.

torch is never imported here: whoever hands over a torch tensor has imported it.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np

from dlkit.arrays import is_torch

# A rule walks over an array of a million numbers a dozen times, operation by operation. In blocks whose parameter,
# gradient, state and intermediate results stay together in a core's own cache, only the first walk goes to memory:
# Adam on 9 million float32 then takes 0.37 (numpy) and 0.38 (torch) of the time it takes on the whole array. Smaller
# blocks pay the calls instead: at 16 KiB Adam takes twice as long. torch's calls cost more, so its blocks are larger.
NUMPY_BLOCK = 2**18  # bytes of one array
TORCH_BLOCK = 2**19


def library(x: Any) -> ModuleType:
    """Return numpy or torch, whichever the array `x` is of."""
    return np if isinstance(x, np.ndarray) else sys.modules["torch"]


def is_floating(x: Any) -> bool:
    """Tell whether the array `x` is of float32 or float64."""
    return x.dtype in (library(x).float32, library(x).float64)


def cast(x: Any, dtype: Any) -> Any:
    """Return the array `x` as `dtype`, without a copy where it is of that already."""
    return x.astype(dtype, copy=False) if isinstance(x, np.ndarray) else x.to(dtype)


def average(m: Any, new: Any, weight: float) -> None:
    """Move a running average towards a new value: m ← m + weight·(new − m) = (1 − weight)·m + weight·new."""
    if isinstance(m, np.ndarray):
        step = new - m
        step *= weight
        m += step
    else:
        m.lerp_(new, weight)


def average_square(v: Any, g: Any, weight: float) -> None:
    """Move a running average towards a square: v ← (1 − weight)·v + weight·g²."""
    if isinstance(v, np.ndarray):
        average(v, g * g, weight)
    else:
        v.mul_(1 - weight).addcmul_(g, g, value=weight)  # without an array for g²


def subtract_ratio(x: Any, rate: float, above: Any, below: Any) -> None:
    """Step along a ratio, element by element: x ← x − rate · above / below."""
    if isinstance(x, np.ndarray):
        step = above / below
        step *= rate
        x -= step
    else:
        x.addcdiv_(above, below, value=-rate)


def alike_in_torch(xs: list[Any]) -> bool:
    """Tell whether all arrays are torch tensors of one device and dtype, each in one piece of memory, row by row.

    torch's fused updates go through the memory of parameter and gradient side by side and do not look at strides.
    """
    return is_torch(xs[0]) and all(
        is_torch(x) and x.device == xs[0].device and x.dtype == xs[0].dtype and x.is_contiguous() for x in xs
    )


def fused_adam(
    name: str, xs: list[Any], gs: list[Any], ms: list[Any], vs: list[Any], t: float, **settings: float
) -> bool:
    """Make step `t` of Adam on many tensors in one pass, by torch's kernel of that name; return False without it.

    The kernels are no part of torch's documented interface: a version without them costs speed, nothing else. The
    `settings` are theirs: lr, beta1, beta2, eps, weight_decay.
    """
    torch = sys.modules["torch"]
    kernel = getattr(torch, name, None)
    if kernel is None:
        return False
    step = torch.full((), t, dtype=torch.float32, device=xs[0].device)
    kernel(xs, gs, ms, vs, [], [step] * len(xs), amsgrad=False, maximize=False, **settings)
    return True


def blocks_of(x: Any) -> list[slice] | None:
    """Return how to cut the flattened array `x` into blocks, or None where it is best left whole."""
    if isinstance(x, np.ndarray):
        length = NUMPY_BLOCK // x.itemsize
        whole = x.size <= length or not x.flags.c_contiguous
        size = x.size
    else:
        length = TORCH_BLOCK // x.element_size()
        # A GPU has no such caches, and each call of a block costs it as much as one on the whole array.
        whole = x.numel() <= length or x.device.type != "cpu" or not x.is_contiguous()
        size = x.numel()
    return None if whole else [slice(start, start + length) for start in range(0, size, length)]
