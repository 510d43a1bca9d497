"""Arrays as bytes: ``.npy`` without pickle, read by a parser that believes nothing it has not counted."""

from __future__ import annotations

import io
import math
import re

import numpy as np

from dlkit.grading.channel.errors import ArrayTooLarge, Limits, ProtocolError

#: numpy's types of scalars that cross: numbers, booleans, text, bytes, dates; neither objects nor records.
SCALARS: dict[type, None] = dict.fromkeys(
    kind for kind in np.sctypeDict.values() if issubclass(kind, np.generic) and np.dtype(kind).kind in "biufcSUmM"
)
_KINDS = "biufcSUmM"
_DTYPE = re.compile(r"[<>|=]?(?:[biufcSU]\d{1,10}|[mM]8(?:\[\d{0,9}[a-zA-Z]{1,7}\])?)")
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00(?P<length>..)\{'descr': '(?P<dtype>[^']{2,40})', 'fortran_order': (?P<order>True|False), "
    rb"'shape': \((?P<shape>[0-9, ]{0,700})\), \} *\n",
    re.DOTALL,
)


def crosses(array: np.ndarray) -> bool:
    """Tell whether an array of numpy's own class crosses by value: numbers, booleans, text, bytes, dates."""
    return array.dtype.kind in _KINDS and type(array.dtype).__module__.startswith("numpy.dtypes")


def to_bytes(array: np.ndarray, limits: Limits) -> bytes:
    """Write an array as an ``.npy`` file."""
    _check_size(array.nbytes, array.size, limits)
    file = io.BytesIO()
    header = np.lib.format.header_data_from_array_1_0(array)
    np.lib.format.write_array_header_1_0(file, header)
    flat = array.ravel("F" if header["fortran_order"] else "C")
    return b"".join((file.getvalue(), flat.view(np.uint8).data)) if array.nbytes else file.getvalue()


def from_bytes(data: bytes | memoryview, limits: Limits) -> np.ndarray:
    """Read an ``.npy`` file into an array of its own.

    Nothing is allocated for a shape before the bytes that it needs are counted, and no part of the header is evaluated.

    Raises
    ------
    ArrayTooLarge
        If the header claims more than the limits allow.
    ProtocolError
        If this is no ``.npy`` file of a type that crosses, or one with too few or too many bytes.
    """
    match = _HEADER.match(data)
    if match is None or int.from_bytes(match["length"], "little") != match.end() - 10:
        raise ProtocolError(f"expected an array as .npy, got {bytes(data[:60])!r}")
    lengths = [part for part in re.split(rb"[ ,]+", match["shape"]) if part]
    if len(lengths) > 32 or any(len(part) > 18 for part in lengths):
        raise ArrayTooLarge(f"an array's header claims the shape ({match['shape'][:60].decode()})")
    dtype, shape = dtype_of(match["dtype"].decode("latin-1")), tuple(int(part) for part in lengths)
    size = math.prod(shape)
    # the lengths beside one of 0 count, too: numpy multiplies them
    _check_size(size * dtype.itemsize, math.prod(n for n in shape if n), limits)
    if len(data) - match.end() != size * dtype.itemsize:
        raise ProtocolError(
            f"an array of {dtype} and shape {shape} needs {size * dtype.itemsize} bytes, got {len(data) - match.end()}"
        )
    if not size or not dtype.itemsize:
        return np.zeros(shape, dtype)
    flat = np.frombuffer(data, dtype, offset=match.end())
    _check_entries(flat)
    return flat.reshape(shape, order="F" if match["order"] == b"True" else "C").copy(order="K")


def scalar_to_bytes(value: np.generic) -> tuple[str, bytes]:
    """Write a numpy scalar as the name of its dtype and its bytes."""
    return value.dtype.str, value.tobytes()


def scalar_from_bytes(name: str, data: bytes) -> np.generic:
    """Read a numpy scalar."""
    dtype = dtype_of(name)
    if len(data) != dtype.itemsize:
        raise ProtocolError(f"a scalar of {dtype} needs {dtype.itemsize} bytes, got {len(data)}")
    if not data:
        flat = np.zeros(1, dtype)
        return flat[0]
    flat = np.frombuffer(data, dtype)
    _check_entries(flat)
    scalar: np.generic = flat[0]
    return scalar


def dtype_of(name: str) -> np.dtype:
    """Make a dtype of its name, if it is one of those that cross."""
    if _DTYPE.fullmatch(name) is None:
        raise ProtocolError(f"expected the name of a dtype, as '<f8', got {name[:60]!r}")
    try:
        return np.dtype(name)
    except (TypeError, ValueError, OverflowError) as error:
        raise ProtocolError(f"expected the name of a dtype, as '<f8', got {name!r} ({error})") from None


class Snapshot:
    """What an array holds at one moment: equal to that of another moment if nothing has changed.

    Compared are dtype, shape and bytes, so that nan equals itself, and 0.0 is not −0.0.
    """

    __slots__ = ("_bytes", "_kind")

    def __init__(self, array: np.ndarray) -> None:
        self._kind = array.dtype, array.shape
        self._bytes = array.tobytes()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Snapshot) and (self._kind, self._bytes) == (other._kind, other._bytes)

    __hash__ = None  # type: ignore[assignment]


def _check_size(nbytes: int, size: int, limits: Limits) -> None:
    if nbytes > limits.array or size > limits.array:
        raise ArrayTooLarge(
            f"an array may have {limits.array:,} bytes, and so many entries; got {nbytes:,} bytes, {size:,} entries"
        )


def _check_entries(flat: np.ndarray) -> None:
    """Refuse bytes that stand for nothing: numpy takes them on trust, and computes strange things with them."""
    if flat.dtype.kind == "b" and flat.view(np.uint8).max() > 1:
        raise ProtocolError("an array of booleans holds bytes other than 0 and 1")
    if flat.dtype.kind == "U":
        points = flat.view(np.dtype(np.uint32).newbyteorder(flat.dtype.byteorder))
        if points.max() > 0x10FFFF:
            raise ProtocolError("an array of text holds numbers that are no characters")
