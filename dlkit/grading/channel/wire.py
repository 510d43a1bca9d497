"""Values as bytes and back: msgpack's scalars and arrays, read item by item with every claim counted first.

Numbers of up to 64 bits, True, False, None, text and bytes are msgpack's own. Everything else is a msgpack array that
begins with a `Tag`. msgpack's maps, extensions and time stamps are never written, and refused when read.

What crosses is decided by the exact type: an object whose class only derives from ``float`` or ``dict``, or says that
it is one, goes to the `handle` function of the encoder and crosses as a number.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from enum import IntEnum
from typing import Any

import msgpack
import numpy as np

from dlkit.grading.channel import arrays
from dlkit.grading.channel.errors import LimitError, Limits, ProtocolError, TooDeep, TooLarge, TooMany


class Tag(IntEnum):
    """What a msgpack array stands for."""

    LIST = 1  # items
    TUPLE = 2  # items
    DICT = 3  # key, value, key, value, …
    SET = 4  # items
    RANGE = 5  # start, stop, step
    SLICE = 6  # start, stop, step
    INT = 7  # bytes, little-endian, signed
    COMPLEX = 8  # real, imaginary
    ARRAY = 9  # .npy, may it be written to
    SCALAR = 10  # dtype, bytes
    TORCH = 11  # .npy, .npy of grad or None, requires_grad
    TENSOR = 12  # value, grad, requires_grad: one of dlkit.autograd
    GENERATOR = 13  # numpy's PCG64: state, increment, has_uint32, uinteger
    DTYPE = 14  # name
    TYPE = 15  # name of a built-in type, or of one of numpy's scalars
    ELLIPSIS = 16
    MINE = 20  # number: an object of the sender
    YOURS = 21  # number: an object of the reader
    SHARED = 22  # number: a mutable argument of the call that is being answered, or of this one, already sent


_TYPES: dict[str, type] = {
    **{t.__name__: t for t in (bool, int, float, complex, str, bytes, list, tuple, dict, set, range, slice, object)},
    **{f"numpy.{kind.__name__}": kind for kind in arrays.SCALARS},
}
_TYPE_NAMES = {kind: name for name, kind in _TYPES.items()}
_KEYS = {type(None), bool, int, float, complex, str, bytes, tuple, range, *arrays.SCALARS}
_CONTAINERS = (Tag.LIST, Tag.TUPLE, Tag.DICT, Tag.SET)
_NESTED = (*_CONTAINERS, Tag.RANGE, Tag.SLICE, Tag.TENSOR)
_HANDLES = (Tag.MINE, Tag.YOURS, Tag.SHARED)


def may_be_key(key: Any) -> bool:
    """Tell whether a value crosses as the key of a dict or in a set: plain, and compared by no student's code."""
    return type(key) in _KEYS and (type(key) is not tuple or all(may_be_key(part) for part in key))


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

    def message(self, kind: int, *parts: Any) -> bytes:
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
        data: bytes = self.packer.bytes()
        if len(data) > self.limits.message:
            raise _too_large(self.limits)
        return data

    def value(self, x: Any, depth: int = 0) -> None:
        """Write one value."""
        self.items += 1
        if self.items > self.limits.items:
            raise _too_many(self.limits)
        kind = type(x)
        if x is None or kind is bool or kind is float:
            self.packer.pack(x)
        elif kind is int:
            if -(1 << 63) <= x < 1 << 64:
                self.packer.pack(x)
            else:
                length = x.bit_length() // 8 + 1
                _check_integer(length, self.limits)
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
                raise _too_large(self.limits)
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
            raise _too_many(self.limits)
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
        if is_tensor(x) and all(map(_is_numbers, (x.value, _grad(x)))):
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
            _check_range(x, self.limits)
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


_MUTABLE = {list, dict, set, np.ndarray, np.random.Generator}


class Decoder:
    """Reads one message; nothing in it is believed.

    Parameters
    ----------
    data
        The message.
    limits
        What may be in it.
    mine, yours
        Called with the number of an object of the sender, and of one of ours; return what stands for it.
    shared
        The mutable values that the message can point to.
    grow
        Whether mutable values join `shared`, and `payloads` with what each was made of.
    """

    def __init__(
        self,
        data: bytes,
        limits: Limits,
        mine: Callable[[int], Any],
        yours: Callable[[int], Any],
        shared: list[Any],
        *,
        grow: bool = False,
    ) -> None:
        self.data, self.limits, self.mine, self.yours = data, limits, mine, yours
        self.shared, self.grow, self.items = shared, grow, 0
        self.unpacker = msgpack.Unpacker(
            max_buffer_size=max(len(data), 1), raw=False, strict_map_key=True, unicode_errors="surrogatepass"
        )
        self.unpacker.feed(data)

    def header(self, least: int, most: int) -> int:
        """Read how many parts the message has."""
        count = self._array()
        if not least <= count <= most:
            raise ProtocolError(f"expected a message of {least} to {most} parts, got {count}")
        return count

    def integer(self, low: int, high: int) -> int:
        """Read an integer of the range that is due."""
        x = self._scalar()
        if type(x) is not int or not low <= x <= high:
            raise ProtocolError(f"expected an integer from {low} to {high}, got {_show(x)}")
        return x

    def text(self) -> str:
        """Read a text."""
        return self._typed(str)

    def end(self) -> None:
        """Make sure that nothing is left."""
        if self.unpacker.tell() != len(self.data):
            raise ProtocolError(f"{len(self.data) - self.unpacker.tell()} bytes are left after the message")

    def value(self, depth: int = 0) -> Any:
        """Read a value.

        Raises
        ------
        LimitError
            If it breaks one.
        ProtocolError
            If it is not written as an `Encoder` writes.
        """
        self.items += 1
        if self.items > self.limits.items:
            raise _too_many(self.limits)
        if not self._is_array():
            return self._scalar()
        count = self._array() - 1
        number = self.integer(0, 255)
        if number not in _TAGS or count < 0:
            raise ProtocolError(f"expected the tag of a value, got {number}")
        tag = Tag(number)
        if tag not in _CONTAINERS and count != _LENGTHS[tag]:
            raise ProtocolError(f"{tag.name} is followed by {_LENGTHS[tag]} items, got {count}")
        if depth >= self.limits.depth and tag in _NESTED:
            raise TooDeep(f"values may be nested {self.limits.depth} deep; these are deeper")
        if self.items + count > self.limits.items:
            raise _too_many(self.limits)
        try:
            return self._tagged(tag, count, depth + 1)
        except (LimitError, ProtocolError):
            raise
        except Exception as error:  # numpy, torch or a class's constructor will not have it
            raise ProtocolError(f"a value marked {tag.name} cannot be made: {str(error)[:200]}") from None

    def _tagged(self, tag: Tag, count: int, depth: int) -> Any:
        if tag is Tag.LIST:
            items: list[Any] = []
            self._share(items)
            for _ in range(count):
                items.append(self.value(depth))
            return items
        if tag is Tag.TUPLE:
            return tuple([self.value(depth) for _ in range(count)])
        if tag is Tag.DICT:
            return self._dict(count, depth)
        if tag is Tag.SET:
            return self._share(set(self._keys([self.value(depth) for _ in range(count)])))
        if tag is Tag.MINE:
            return self.mine(self.integer(0, _MOST))
        if tag is Tag.YOURS:
            return self.yours(self.integer(0, _MOST))
        if tag is Tag.SHARED:
            k = self.integer(0, _MOST)
            if k >= len(self.shared):
                raise ProtocolError(f"there are {len(self.shared)} shared values, got number {k}")
            return self.shared[k]
        if tag in (Tag.ARRAY, Tag.TORCH, Tag.TENSOR, Tag.GENERATOR):
            return self._share(self._array_like(tag, depth))
        return self._plain(tag, depth)

    def _plain(self, tag: Tag, depth: int) -> Any:
        if tag is Tag.INT:
            data = self._typed(bytes)
            _check_integer(len(data), self.limits)
            return int.from_bytes(data, "little", signed=True)
        if tag is Tag.COMPLEX:
            return complex(self._typed(float), self._typed(float))
        if tag is Tag.SCALAR:
            return arrays.scalar_from_bytes(self._typed(str), self._typed(bytes))
        if tag is Tag.DTYPE:
            return arrays.dtype_of(self._typed(str))
        if tag is Tag.TYPE:
            return _TYPES[self._typed(str)]
        if tag is Tag.ELLIPSIS:
            return Ellipsis
        start, stop, step = parts = [self.value(depth) for _ in range(3)]
        if tag is Tag.SLICE:
            return slice(start, stop, step)
        if any(type(part) is not int for part in parts):
            raise ProtocolError("a range is made of three integers")
        return _check_range(range(start, stop, step), self.limits)

    def _array_like(self, tag: Tag, depth: int) -> Any:
        if tag is Tag.ARRAY:
            array = arrays.from_bytes(self._typed(bytes), self.limits)
            array.flags.writeable = self._typed(bool)
            return array
        if tag is Tag.TORCH:
            value, grad = self._typed(bytes), self._typed(bytes, type(None))
            parts = [None if part is None else arrays.from_bytes(part, self.limits) for part in (value, grad)]
            return _torch(parts[0], parts[1], self._typed(bool))
        if tag is Tag.TENSOR:
            outer, self.grow = self.grow, False
            value, grad, flag = (self.value(depth) for _ in range(3))
            self.grow = outer
            return _tensor(value, grad, flag)
        state, increment = (int.from_bytes(self._typed(bytes)[:16], "little") for _ in range(2))
        bits = np.random.PCG64(0)
        bits.state = {
            "bit_generator": "PCG64",
            "state": {"state": state, "inc": increment},
            "has_uint32": self.integer(0, 1),
            "uinteger": self.integer(0, 2**32 - 1),
        }
        return np.random.Generator(bits)

    def _dict(self, count: int, depth: int) -> dict[Any, Any]:
        if count % 2:
            raise ProtocolError(f"a dict has as many keys as values, got {count} items")
        found: dict[Any, Any] = {}
        self._share(found)
        pairs = [(self.value(depth), self.value(depth)) for _ in range(count // 2)]
        self._keys([key for key, _ in pairs])
        found.update(pairs)
        return found

    def _keys(self, keys: list[Any]) -> list[Any]:
        """Let pass what may be a key, unless so many have one hash that a dict of them takes for ever."""
        if not all(may_be_key(key) for key in keys):
            raise ProtocolError("keys and elements of sets must be numbers, text, bytes or tuples of them")
        if len(keys) > self.limits.keys:
            (_, most), *_ = Counter(map(hash, keys)).most_common(1)
            if most > self.limits.keys:
                raise TooMany(f"{self.limits.keys} keys may have one hash, got {most}")
        return keys

    def _share(self, x: Any) -> Any:
        if self.grow:
            self.shared.append(x)
        return x

    def _is_array(self) -> bool:
        at = self.unpacker.tell()
        if at >= len(self.data):
            raise ProtocolError("the message ends in the middle of a value")
        first = self.data[at]
        return 0x90 <= first <= 0x9F or first in (0xDC, 0xDD)

    def _array(self) -> int:
        if not self._is_array():
            raise ProtocolError(f"expected a list, got {_show(self._scalar())}")
        try:
            count: int = self.unpacker.read_array_header()
        except Exception as error:
            raise ProtocolError(f"the message is not msgpack: {str(error)[:200]}") from None
        if count > len(self.data) - self.unpacker.tell():
            raise ProtocolError(f"a list claims {count} items, but {len(self.data)} bytes hold the message")
        return count

    def _scalar(self) -> Any:
        if self._is_array() or _REFUSED[self.data[self.unpacker.tell()]]:
            raise ProtocolError("expected a number, text, bytes, True, False or None")
        try:
            return self.unpacker.unpack()
        except Exception as error:
            raise ProtocolError(f"the message is not msgpack: {str(error)[:200]}") from None

    def _typed(self, *kinds: type) -> Any:
        x = self._scalar()
        if type(x) not in kinds:
            raise ProtocolError(f"expected {' or '.join(k.__name__ for k in kinds)}, got {_show(x)}")
        return x


_MOST = 1 << 53
_TAGS = {int(tag) for tag in Tag}
_LENGTHS = {
    **dict.fromkeys((Tag.INT, Tag.DTYPE, Tag.TYPE, *_HANDLES), 1),
    **dict.fromkeys((Tag.COMPLEX, Tag.ARRAY, Tag.SCALAR), 2),
    **dict.fromkeys((Tag.RANGE, Tag.SLICE, Tag.TORCH, Tag.TENSOR), 3),
    Tag.GENERATOR: 4,
    Tag.ELLIPSIS: 0,
}
#: First bytes of msgpack's maps and extensions, and the one that is never used.
_REFUSED = [0x80 <= b <= 0x8F or b in (0xC1, 0xDE, 0xDF, 0xC7, 0xC8, 0xC9) or 0xD4 <= b <= 0xD8 for b in range(256)]


def is_tensor(x: Any) -> bool:
    """Tell whether `x` is a tensor of dlkit.autograd, without importing that."""
    module = sys.modules.get("dlkit.autograd.tensor")
    return module is not None and type(x) is module.Tensor


def torch_memory(x: Any) -> np.ndarray:
    """Show a torch tensor's values as an array, of its own memory where that lies in this machine's."""
    array: np.ndarray = x.detach().cpu().resolve_conj().resolve_neg().numpy()
    return array


def _grad(x: Any) -> Any:
    return x.grad.value if is_tensor(x.grad) else x.grad


def _torch(value: Any, grad: Any, requires_grad: bool) -> Any:
    """Rebuild a torch tensor; where torch is not loaded, its values are an array."""
    torch = sys.modules.get("torch")
    if torch is None:
        return value
    tensor = torch.from_numpy(value)
    tensor.requires_grad_(requires_grad)
    if grad is not None and requires_grad:
        tensor.grad = torch.from_numpy(grad)
    return tensor


def _tensor(value: Any, grad: Any, requires_grad: Any) -> Any:
    """Rebuild a tensor of dlkit.autograd; where that is not loaded, its values are an array."""
    module = sys.modules.get("dlkit.autograd.tensor")
    if type(requires_grad) is not bool:
        raise ProtocolError(f"requires_grad is True or False, got {_show(requires_grad)}")
    if value is None or not _is_numbers(value) or not _is_numbers(grad):
        raise ProtocolError(f"a tensor is made of arrays, got {type(value).__name__} and {type(grad).__name__}")
    if module is None:
        return value
    tensor = module.Tensor(value, requires_grad=requires_grad)
    if grad is not None and tuple(grad.shape) != tensor.shape:
        raise ProtocolError(f"a gradient has the tensor's shape {tensor.shape}, got {tuple(grad.shape)}")
    tensor.grad = grad
    return tensor


def _is_numbers(x: Any) -> bool:
    """Tell whether this is what a tensor holds: an array, a numpy scalar, or None for a gradient that is not there."""
    torch = sys.modules.get("torch")
    if type(x) is np.ndarray:
        return arrays.crosses(x)
    return x is None or type(x) in arrays.SCALARS or (torch is not None and type(x) is torch.Tensor)


def _too_large(limits: Limits) -> TooLarge:
    return TooLarge(f"a message may have {limits.message:,} bytes; this one has more")


def _too_many(limits: Limits) -> TooMany:
    return TooMany(f"a message may hold {limits.items:,} values; this one holds more")


def _check_integer(length: int, limits: Limits) -> None:
    if length > limits.integer:
        raise TooLarge(f"an integer may have {limits.integer:,} bytes, got one of {length:,}")


def _check_range(x: range, limits: Limits) -> range:
    length = (x.stop - x.start) // x.step  # len(x) has an upper bound of its own
    if length > limits.items:
        raise TooMany(f"a range may have {limits.items:,} numbers; this one has more")
    return x


def _show(x: Any) -> str:
    if type(x) in (str, bytes):
        x = x[:60]
    return f"{type(x).__name__} {x!r}" if type(x) in (str, bytes, bool, float) else type(x).__name__
