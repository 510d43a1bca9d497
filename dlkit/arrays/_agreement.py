"""Arrays meet only their like: one library, one device, one floating dtype."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dlkit.arrays._devices import device_of, is_array


def check_agreement(where: str, values: Sequence[Any], names: Sequence[str] = ()) -> None:
    """Raise unless all arrays among `values` are of one library, one device and one floating dtype.

    Python numbers go with everything, arrays of booleans with every array of their library and device, and so do arrays
    of integers, unless the library would change the floating dtype: numpy makes float64 of float32 and int64.

    Parameters
    ----------
    where : str
        The operation, for the message.
    values : sequence
        Arrays and numbers.
    names : sequence of str, optional
        What to call them in the message; by position without it.

    Raises
    ------
    TypeError
        If two of them disagree. The message names both, and what would make them agree.
    """
    if values and _evidently_alike(values):
        return
    first = -1
    wholes = []  # positions of integers and booleans
    for position, value in enumerate(values):
        if not is_array(value):
            continue
        kind = (device_of(value), _floating(value))
        if kind[1] is None:
            wholes.append(position)
        if first < 0:
            first, first_kind = position, kind
            continue
        if kind[0] != first_kind[0]:
            raise TypeError(
                f"{where}: {_name(names, first)} is on device {first_kind[0]!r}, {_name(names, position)} on "
                f"{kind[0]!r}; move one of them with dlkit.arrays.array(x, device=...)"
            )
        if first_kind[1] is None:
            first, first_kind = position, kind
        elif kind[1] is not None and kind[1] != first_kind[1]:
            raise TypeError(
                f"{where}: {_name(names, first)} is {first_kind[1]}, {_name(names, position)} is {kind[1]}; "
                f"convert one of them, so that no precision is lost or made up by accident"
            )
    for whole in wholes if first >= 0 and first_kind == ("numpy", "float32") else ():
        x, k = values[first], values[whole]
        if np.result_type(x.dtype, k.dtype) != x.dtype:
            raise TypeError(
                f"{where}: {_name(names, first)} is {x.dtype}, {_name(names, whole)} is {k.dtype}, of which numpy "
                f"would make {np.result_type(x.dtype, k.dtype)}; convert the integers: astype({str(x.dtype)!r})"
            )


def _evidently_alike(values: Sequence[Any]) -> bool:
    """Tell in a moment that all values are arrays of one type, dtype and device, as they mostly are."""
    kind, dtype, device = type(values[0]), getattr(values[0], "dtype", None), getattr(values[0], "device", None)
    return dtype is not None and all(type(v) is kind and v.dtype is dtype and v.device == device for v in values)


def _name(names: Sequence[str], position: int) -> str:
    return names[position] if position < len(names) else f"argument {position + 1}"


def _floating(value: Any) -> str | None:
    """Return the name of a floating dtype, None for integers and booleans."""
    name = str(value.dtype).removeprefix("torch.")
    return name if "float" in name or np.dtype(name if name != "bool" else "?").kind in "fc" else None
