"""Reading a message item by item, every claim counted before it costs anything."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgpack
import numpy as np

from dlkit.grading.channel import arrays
from dlkit.grading.channel.errors import LimitError, Limits, ProtocolError, TooDeep, TooMany
from dlkit.grading.channel.wire import TYPES, Tag, check_integer, check_range, is_numbers, may_be_key, too_many

_CONTAINERS = (Tag.LIST, Tag.TUPLE, Tag.DICT, Tag.SET)
_NESTED = (*_CONTAINERS, Tag.RANGE, Tag.SLICE, Tag.TENSOR)
_HANDLES = (Tag.MINE, Tag.YOURS, Tag.SHARED)


_MOST = 1 << 53
_TAGS = {int(tag) for tag in Tag}
_LENGTHS = {
    **dict.fromkeys((Tag.INT, Tag.DTYPE, Tag.TYPE, *_HANDLES), 1),
    **dict.fromkeys((Tag.COMPLEX, Tag.ARRAY, Tag.SCALAR), 2),
    **dict.fromkeys((Tag.RANGE, Tag.SLICE, Tag.TORCH, Tag.TENSOR), 3),
    Tag.GENERATOR: 4,
    Tag.ELLIPSIS: 0,
}
#: What a value is that begins with this byte: for msgpack's maps, extensions and its unused byte, nothing.
_SCALAR, _LIST, _REFUSED = 0, 1, 2
_BEGINS = bytes(
    _LIST
    if 0x90 <= byte <= 0x9F or byte in (0xDC, 0xDD)
    else _REFUSED
    if 0x80 <= byte <= 0x8F or byte in (0xC1, 0xDE, 0xDF, 0xC7, 0xC8, 0xC9) or 0xD4 <= byte <= 0xD8
    else _SCALAR
    for byte in range(256)
)


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
        Whether mutable values join `shared`.

    Attributes
    ----------
    pointed
        Whether the message has pointed to a shared value, so that it may stand for more than it is long.
    """

    def __init__(
        self,
        data: bytes | bytearray | memoryview,
        limits: Limits,
        mine: Callable[[int], Any],
        yours: Callable[[int], Any],
        shared: list[Any],
        *,
        grow: bool = False,
    ) -> None:
        self.data, self.limits, self.mine, self.yours = data, limits, mine, yours
        self.shared, self.grow, self.items, self.pointed = shared, grow, 0, False
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
        if self._begins() != _LIST:
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
            raise too_many(self.limits)
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
            self.pointed = True
            return self.shared[k]
        if tag in (Tag.ARRAY, Tag.TORCH, Tag.TENSOR, Tag.GENERATOR):
            return self._share(self._array_like(tag, depth))
        return self._plain(tag, depth)

    def _plain(self, tag: Tag, depth: int) -> Any:
        if tag is Tag.INT:
            data = self._typed(bytes)
            check_integer(len(data), self.limits)
            return int.from_bytes(data, "little", signed=True)
        if tag is Tag.COMPLEX:
            return complex(self._typed(float), self._typed(float))
        if tag is Tag.SCALAR:
            return arrays.scalar_from_bytes(self._typed(str), self._typed(bytes))
        if tag is Tag.DTYPE:
            return arrays.dtype_of(self._typed(str))
        if tag is Tag.TYPE:
            return TYPES[self._typed(str)]
        if tag is Tag.ELLIPSIS:
            return Ellipsis
        start, stop, step = parts = [self.value(depth) for _ in range(3)]
        if tag is Tag.SLICE:
            return slice(start, stop, step)
        if any(type(part) is not int for part in parts):
            raise ProtocolError("a range is made of three integers")
        return check_range(range(start, stop, step), self.limits)

    def _array_like(self, tag: Tag, depth: int) -> Any:
        if tag is Tag.ARRAY:
            array = arrays.from_bytes(self._binary(), self.limits)
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

    def _begins(self) -> int:
        """Look at the next byte: what begins here."""
        at = self.unpacker.tell()
        if at >= len(self.data):
            raise ProtocolError("the message ends in the middle of a value")
        return _BEGINS[self.data[at]]

    def _array(self) -> int:
        if self._begins() != _LIST:
            raise ProtocolError(f"expected a list, got {_show(self._scalar())}")
        try:
            count: int = self.unpacker.read_array_header()
        except Exception as error:
            raise ProtocolError(f"the message is not msgpack: {str(error)[:200]}") from None
        if count > len(self.data) - self.unpacker.tell():
            raise ProtocolError(f"a list claims {count} items, but {len(self.data)} bytes hold the message")
        return count

    def _scalar(self) -> Any:
        if self._begins() != _SCALAR:
            raise ProtocolError("expected a number, text, bytes, True, False or None")
        try:
            return self.unpacker.unpack()
        except Exception as error:
            raise ProtocolError(f"the message is not msgpack: {str(error)[:200]}") from None

    def _binary(self) -> memoryview:
        """Read bytes without a copy of them."""
        at = self.unpacker.tell()
        self._begins()
        header = {0xC4: 2, 0xC5: 3, 0xC6: 5}.get(self.data[at])
        if header is None:
            raise ProtocolError(f"expected bytes, got {_show(self._scalar())}")
        try:
            self.unpacker.skip()
        except Exception as error:
            raise ProtocolError(f"the message is not msgpack: {str(error)[:200]}") from None
        return memoryview(self.data)[at + header : self.unpacker.tell()]

    def _typed(self, *kinds: type) -> Any:
        x = self._scalar()
        if type(x) not in kinds:
            raise ProtocolError(f"expected {' or '.join(k.__name__ for k in kinds)}, got {_show(x)}")
        return x


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
    if value is None or not is_numbers(value) or not is_numbers(grad):
        raise ProtocolError(f"a tensor is made of arrays, got {type(value).__name__} and {type(grad).__name__}")
    if module is None:
        return value
    tensor = module.Tensor(value, requires_grad=requires_grad)
    if grad is not None and tuple(grad.shape) != tensor.shape:
        raise ProtocolError(f"a gradient has the tensor's shape {tensor.shape}, got {tuple(grad.shape)}")
    tensor.grad = grad
    return tensor


def _show(x: Any) -> str:
    if type(x) in (str, bytes):
        x = x[:60]
    return f"{type(x).__name__} {x!r}" if type(x) in (str, bytes, bool, float) else type(x).__name__
