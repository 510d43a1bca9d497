"""The types of a tensor's entries, by TensorFlow's names; each stands for numpy's."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = [
    "DType",
    "as_dtype",
    "bool_",
    "float16",
    "float32",
    "float64",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
]


class DType:
    """The type of a tensor's entries.

    Attributes
    ----------
    name : str
        TensorFlow's, as ``"float32"``.
    numpy : numpy.dtype
        The same for numpy.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.numpy = np.dtype(name)

    @property
    def as_numpy_dtype(self) -> type:
        """The same as a type of numpy."""
        return self.numpy.type

    @property
    def is_floating(self) -> bool:
        """Whether the entries are floats: only by those can one differentiate."""
        return self.numpy.kind == "f"

    @property
    def is_integer(self) -> bool:
        """Whether the entries are integers."""
        return self.numpy.kind in "iu"

    def __repr__(self) -> str:
        return f"tf.{self.name}"


float16, float32, float64 = DType("float16"), DType("float32"), DType("float64")
int8, int16, int32, int64, uint8 = DType("int8"), DType("int16"), DType("int32"), DType("int64"), DType("uint8")
bool_ = DType("bool")

_ALL = {t.name: t for t in (float16, float32, float64, int8, int16, int32, int64, uint8, bool_)}
_ALSO = {"float": float32, "double": float64, "half": float16, "int": int32}  # TensorFlow's "float" has 32 bits
_OF_PYTHON = {float: float32, int: int32, bool: bool_}


def as_dtype(value: Any) -> DType:
    """Return the type that `value` names.

    Parameters
    ----------
    value : DType, str, numpy dtype or Python type
        ``tf.float32``, ``"float"`` (32 bits, as in TensorFlow), ``numpy.float32``, ``float``.

    Raises
    ------
    TypeError
        If it names none of those that are offered.
    """
    if isinstance(value, DType):
        return value
    if isinstance(value, str):
        name = value.removesuffix("_ref")
        found = _ALSO.get(name) or _ALL.get(name)
    elif isinstance(value, type) and value in _OF_PYTHON:
        found = _OF_PYTHON[value]
    else:
        try:
            found = _ALL.get(np.dtype(value).name)
        except TypeError:
            found = None
    if found is None:
        raise TypeError(f"dtype must be one of {', '.join(_ALL)}; got {value!r}")
    return found
