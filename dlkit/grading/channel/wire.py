"""How values are written: msgpack's scalars and arrays, and the tags that say what an array stands for.

Numbers of up to 64 bits, True, False, None, text and bytes are msgpack's own. Everything else is a msgpack array that
begins with a `Tag`. msgpack's maps, extensions and time stamps are never written, and refused when read.

What crosses is decided by the exact type: an object whose class only derives from ``float`` or ``dict``, or says that
it is one, crosses as a number. `encoder` writes, `decoder` reads; what both must agree on is here.
"""

from __future__ import annotations

import sys
from enum import IntEnum
from typing import Any

import numpy as np

from dlkit.grading.channel import arrays
from dlkit.grading.channel.errors import Limits, TooLarge, TooMany


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


TYPES: dict[str, type] = {
    **{t.__name__: t for t in (bool, int, float, complex, str, bytes, list, tuple, dict, set, range, slice, object)},
    **{f"numpy.{kind.__name__}": kind for kind in arrays.SCALARS},
}
_KEYS = {type(None), bool, int, float, complex, str, bytes, tuple, range, *arrays.SCALARS}


def may_be_key(key: Any) -> bool:
    """Tell whether a value crosses as the key of a dict or in a set: plain, and compared by no student's code."""
    return type(key) in _KEYS and (type(key) is not tuple or all(may_be_key(part) for part in key))


def is_tensor(x: Any) -> bool:
    """Tell whether `x` is a tensor of dlkit.autograd, without importing that."""
    module = sys.modules.get("dlkit.autograd.tensor")
    return module is not None and type(x) is module.Tensor


def torch_memory(x: Any) -> np.ndarray:
    """Show a torch tensor's values as an array, of its own memory where that lies in this machine's."""
    array: np.ndarray = x.detach().cpu().resolve_conj().resolve_neg().numpy()
    return array


def is_numbers(x: Any) -> bool:
    """Tell whether this is what a tensor holds: an array, a numpy scalar, or None for a gradient that is not there."""
    torch = sys.modules.get("torch")
    if type(x) is np.ndarray:
        return arrays.crosses(x)
    return x is None or type(x) in arrays.SCALARS or (torch is not None and type(x) is torch.Tensor)


def too_large(limits: Limits) -> TooLarge:
    """Make the error of a message with too many bytes."""
    return TooLarge(f"a message may have {limits.message:,} bytes; this one has more")


def too_many(limits: Limits) -> TooMany:
    """Make the error of a message with too many values."""
    return TooMany(f"a message may hold {limits.items:,} values; this one holds more")


def check_integer(length: int, limits: Limits) -> None:
    """Refuse an integer of so many bytes, if they are too many."""
    if length > limits.integer:
        raise TooLarge(f"an integer may have {limits.integer:,} bytes, got one of {length:,}")


def check_range(x: range, limits: Limits) -> range:
    """Refuse a range that one would not come to the end of."""
    length = (x.stop - x.start) // x.step  # len(x) has an upper bound of its own
    if length > limits.items:
        raise TooMany(f"a range may have {limits.items:,} numbers; this one has more")
    return x
