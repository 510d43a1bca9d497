"""The IDX format, in which MNIST is stored.

Two zero bytes, a byte for the type, a byte for the number of axes; then the length of each axis, 4 bytes, and the
numbers, row by row. Everything is big-endian. (LeCun, Cortes and Burges, *The MNIST database of handwritten digits*,
section "File formats".)
"""

from __future__ import annotations

import gzip
import math
import os
import zlib
from pathlib import Path

import numpy as np

from dlkit._checks import Array

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: str | os.PathLike[str]) -> Array:
    """Read an array from an IDX file, plain or compressed by gzip.

    Compression is told by the first bytes of the file, not by its name.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    ndarray
        Of the file's shape and type (uint8, int8, int16, int32, float32, float64) in this machine's byte order.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is no IDX file, is cut short, holds more than it announces, or its compression is damaged.
    """
    content = Path(path).read_bytes()
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"{path} is damaged or cut short: {error}") from error
    if len(content) < 4:
        raise ValueError(f"{path} is too short for an IDX file: {len(content)} bytes")
    if content[:2] != b"\0\0" or content[2] not in TYPES:
        raise ValueError(
            f"{path} is no IDX file: it must start with 00 00 and a type among "
            f"{', '.join(f'{code:02x}' for code in TYPES)}; got {content[:3].hex(' ')}"
        )
    dtype, axes = np.dtype(TYPES[content[2]]), content[3]
    start = 4 + 4 * axes
    if len(content) < start:
        raise ValueError(f"{path} is cut short: {axes} axes need a header of {start} bytes; got {len(content)}")
    shape = tuple(int(length) for length in np.frombuffer(content, ">u4", axes, offset=4))
    expected = start + math.prod(shape) * dtype.itemsize
    if len(content) != expected:
        trouble = "is cut short" if len(content) < expected else "is too long"
        raise ValueError(
            f"{path} {trouble}: {dtype.newbyteorder('=')} of the shape {shape} makes {expected} bytes with the header; "
            f"got {len(content)}"
        )
    values = np.frombuffer(content, dtype, offset=start).reshape(shape)
    return values.astype(dtype.newbyteorder("="))  # a copy, which may be written to
