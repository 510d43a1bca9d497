"""Writing a message."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import msgpack
import numpy as np

from dlkit.grading.channel import arrays
from dlkit.grading.channel.errors import Limits, TooDeep
from dlkit.grading.channel.wire import (
    TYPES,
    Tag,
    check_integer,
    check_range,
    is_numbers,
    is_tensor,
    may_be_key,
    too_large,
    too_many,
    torch_memory,
)

_TYPE_NAMES = {kind: name for name, kind in TYPES.items()}
_MUTABLE = {list, dict, set, np.ndarray, np.random.Generator}


class Unfit(Exception):  # noqa: N818  (it never leaves an encoder)
    """An object of one of the types above that does not cross by value after all, such as an array of objects."""


class Contents:
    """A mutable value to be written as what it holds, even where it is among the shared ones."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class Encoder:
    """Writes one message.

    Parameters
    ----------
    limits
        What may be sent.
    handle
        Called with each object that does not cross by value; returns the tag MINE or YOURS and a number.
    shared
        The mutable values that the message can point to, in order.
    grow
        Whether mutable values of the message join `shared`. Then a value that comes twice is sent once.
    """

    def __init__(
        self, limits: Limits, handle: Callable[[Any], tuple[Tag, int]], shared: list[Any], *, grow: bool = False
    ) -> None:
        self.limits, self.handle, self.shared, self.grow = limits, handle, shared, grow
        self.places = {id(value): k for k, value in enumerate(shared)}
        self.room, self.items = limits.message, 0
        self.packer = msgpack.Packer(autoreset=False, unicode_errors="surrogatepass")

    def message(self, kind: int, *parts: Any) -> memoryview:
        """Write a message: its kind, and its parts, which are values.

        Raises
        ------
        LimitError
            If it breaks one.
        """
        self.packer.pack_array_header(1 + len(parts))
        self.packer.pack(int(kind))
        for part in parts:
            self.value(part)
        data: memoryview = self.packer.getbuffer()
        if len(data) > self.limits.message:
            raise too_large(self.limits)
        return data

    def value(self, x: Any, depth: int = 0) -> None:
        """Write one value."""
        self.items += 1
        kind = type(x)
        if x is None or kind is bool or kind is float:
            self.packer.pack(x)
        elif kind is int:
            if -(1 << 63) <= x < 1 << 64:
                self.packer.pack(x)
            else:
                length = x.bit_length() // 8 + 1
                check_integer(length, self.limits)
                self.tagged(Tag.INT, x.to_bytes(length, "little", signed=True))
        elif kind is str or kind is bytes:
            self.scalar(x)
        elif kind in _MUTABLE or kind.__module__ in ("torch", "dlkit.autograd.tensor"):
            self.mutable(x, depth)
        elif kind is Contents:
            try:
                self.contents(x.value, depth)
            except Unfit:
                self.tagged(*self.handle(x.value))
        else:
            self.plain(x, depth)

    def scalar(self, x: Any) -> None:
        """Write what msgpack can write, and count its length."""
        if type(x) in (str, bytes):
            self.room -= len(x)
            if self.room < 0:
                raise too_large(self.limits)
        self.packer.pack(x)

    def tagged(self, tag: Tag, *scalars: Any) -> None:
        """Write a value made of scalars."""
        self.packer.pack_array_header(1 + len(scalars))
        self.packer.pack(int(tag))
        for x in scalars:
            self.scalar(x)

    def many(self, tag: Tag, values: list[Any], depth: int) -> None:
        """Write a value made of values."""
        if depth >= self.limits.depth:
            raise TooDeep(f"values may be nested {self.limits.depth} deep; these are deeper, or hold themselves")
        if self.items + len(values) > self.limits.items:
            raise too_many(self.limits)
        self.packer.pack_array_header(1 + len(values))
        self.packer.pack(int(tag))
        for x in values:
            self.value(x, depth + 1)

    def mutable(self, x: Any, depth: int) -> None:
        """Write a value that can be changed, or where it is among the shared ones."""
        place = self.places.get(id(x))
        if place is not None:
            self.tagged(Tag.SHARED, place)
            return
        try:
            if self.grow:
                fields = self.fields(x)
                self.places[id(x)] = len(self.shared)
                self.shared.append(x)
                self.contents(x, depth, fields)
            else:
                self.contents(x, depth)
        except Unfit:
            self.tagged(*self.handle(x))

    def fields(self, x: Any) -> tuple[Any, ...]:
        """Find the scalars that stand for a mutable value that is no container."""
        kind = type(x)
        if kind is list or kind is dict or kind is set:
            if (kind is dict or kind is set) and not all(may_be_key(key) for key in list(x)):
                raise Unfit
            return ()
        if kind is np.ndarray:
            if not arrays.crosses(x):
                raise Unfit
            return Tag.ARRAY, arrays.to_bytes(x, self.limits), bool(x.flags.writeable)
        if kind is np.random.Generator:
            state = x.bit_generator.state
            if state["bit_generator"] != "PCG64":
                raise Unfit
            pair = [int(n).to_bytes(16, "little") for n in (state["state"]["state"], state["state"]["inc"])]
            return Tag.GENERATOR, *pair, int(state["has_uint32"]), int(state["uinteger"])
        torch = sys.modules.get("torch")
        if torch is not None and kind is torch.Tensor:
            leaf = bool(x.requires_grad and x.is_leaf)
            return Tag.TORCH, self.torch(x), self.torch(x.grad) if leaf and x.grad is not None else None, leaf
        if is_tensor(x) and all(map(is_numbers, (x.value, _grad(x)))):
            return ()
        raise Unfit

    def contents(self, x: Any, depth: int = 0, fields: tuple[Any, ...] | None = None) -> None:
        """Write what a mutable value holds, be it shared or not."""
        fields = self.fields(x) if fields is None else fields
        kind = type(x)
        if kind is list or kind is set:
            self.many(Tag.LIST if kind is list else Tag.SET, list(x), depth)
        elif kind is dict:
            self.many(Tag.DICT, [part for pair in list(x.items()) for part in pair], depth)
        elif fields:
            self.tagged(*fields)
        else:
            inner = Encoder(self.limits, self.handle, [])  # the parts of a tensor are not shared by themselves
            inner.packer, inner.room, inner.items = self.packer, self.room, self.items
            inner.many(Tag.TENSOR, [x.value, _grad(x), bool(x.requires_grad and x._origin is None)], depth)
            self.room, self.items = inner.room, inner.items

    def torch(self, x: Any) -> bytes:
        """Write a torch tensor as an ``.npy`` file."""
        try:
            return arrays.to_bytes(torch_memory(x), self.limits)
        except (TypeError, RuntimeError, NotImplementedError):  # bfloat16, sparse, on no device
            raise Unfit from None

    def plain(self, x: Any, depth: int) -> None:
        """Write a value that cannot be changed, or the number of an object."""
        kind = type(x)
        if kind is tuple:
            self.many(Tag.TUPLE, list(x), depth)
        elif kind is complex:
            self.tagged(Tag.COMPLEX, x.real, x.imag)
        elif kind is range:
            check_range(x, self.limits)
            self.many(Tag.RANGE, [x.start, x.stop, x.step], depth)
        elif kind is slice:
            self.many(Tag.SLICE, [x.start, x.stop, x.step], depth)
        elif x is Ellipsis:
            self.tagged(Tag.ELLIPSIS)
        elif kind in arrays.SCALARS:
            self.tagged(Tag.SCALAR, *arrays.scalar_to_bytes(x))
        elif kind is type and x in _TYPE_NAMES:
            self.tagged(Tag.TYPE, _TYPE_NAMES[x])
        elif isinstance(x, np.dtype) and kind.__module__ == "numpy.dtypes" and x.kind in "biufcSUmM":
            self.tagged(Tag.DTYPE, x.str)
        else:
            self.tagged(*self.handle(x))


def _grad(x: Any) -> Any:
    return x.grad.value if is_tensor(x.grad) else x.grad
