"""Arguments that can be changed: copied in, watched, and copied back to the checker's own objects when changed."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from dlkit.grading.channel.arrays import Snapshot
from dlkit.grading.channel.errors import Limits, NotCopiedBack, TooDeep, TooMany
from dlkit.grading.channel.wire import is_tensor, torch_memory


class Watch:
    """Remembers what a mutable value held, to tell later whether that has changed.

    A list is compared by which objects are its items: what those hold is for watches of their own.
    """

    def __init__(self, value: Any) -> None:
        self.value = value
        self._before = _held(value)

    def changed(self) -> bool:
        """Tell whether the value holds something else now."""
        now = _held(self.value)
        if type(now) is list:
            return len(now) != len(self._before) or any(a is not b for a, b in zip(now, self._before, strict=True))
        return bool(now != self._before)


def _held(value: Any) -> Any:
    kind = type(value)
    if kind is list:
        return list(value)
    if kind is dict:
        return [part for pair in list(value.items()) for part in pair]
    if kind is set:
        return set(value)
    if kind is np.ndarray:
        return Snapshot(value)
    if kind is np.random.Generator:
        return value.bit_generator.state
    grad = value.grad if is_tensor(value) or value.is_leaf else None
    return Snapshot(_memory(value)), None if grad is None else Snapshot(_memory(grad))


def _memory(value: Any) -> np.ndarray:
    value = value.value if is_tensor(value) else value
    torch = sys.modules.get("torch")
    return torch_memory(value) if torch is not None and isinstance(value, torch.Tensor) else np.asarray(value)


def copy_back(target: Any, new: Any) -> None:
    """Make one of the checker's own objects hold what the student's copy of it holds now.

    Raises
    ------
    NotCopiedBack
        If an array's shape or dtype was changed in place, or it may not be written to.
    """
    kind = type(target)
    if type(new) is not kind:
        raise NotCopiedBack(f"a {kind.__name__} given as an argument cannot be changed into a {type(new).__name__}")
    if kind is list:
        target[:] = new
    elif kind is dict or kind is set:
        target.clear()
        target.update(new)
    elif kind is np.random.Generator:
        target.bit_generator.state = new.bit_generator.state
    elif kind is np.ndarray:
        _check_alike(target, new)
        if not target.flags.writeable:
            raise NotCopiedBack("an array given as an argument that may not be written to has been written to")
        target[...] = new
    elif is_tensor(target):
        _check_alike(target, new)
        if Snapshot(_memory(target)) != Snapshot(_memory(new)):
            target.value = new.value
        target.grad = new.grad
    else:
        _check_alike(target, new)
        if Snapshot(torch_memory(target)) != Snapshot(torch_memory(new)):
            target.detach().copy_(new.detach())
        if target.is_leaf:
            target.grad = new.grad


def check_written_out(values: list[Any], limits: Limits) -> None:
    """Refuse values that hold themselves, or the same list so often that nobody comes to the end of them.

    A message that points to the arguments of the call can be short, and what it stands for have 10^12 entries: no limit
    on messages sees that.

    Raises
    ------
    TooMany, TooDeep
        If all of them written out hold more values than a message may.
    """
    sizes: dict[int, int] = {}

    def size(value: Any, depth: int) -> int:
        if type(value) not in (list, tuple, set, dict):
            return 1
        if id(value) not in sizes:
            if depth > limits.depth:
                raise TooDeep(f"values may be nested {limits.depth} deep; these are deeper, or hold themselves")
            parts = value.values() if type(value) is dict else value
            sizes[id(value)] = 1 + sum(size(part, depth + 1) for part in parts)
        return sizes[id(value)]

    if sum(size(value, 0) for value in values) > limits.items:
        raise TooMany(f"a message may hold {limits.items:,} values; written out, these are more")


def _check_alike(target: Any, new: Any) -> None:
    if (target.dtype, tuple(target.shape)) != (new.dtype, tuple(new.shape)):
        raise NotCopiedBack(
            f"an array of {target.dtype} and shape {tuple(target.shape)} given as an argument was changed in place "
            f"into one of {new.dtype} and shape {tuple(new.shape)}"
        )
