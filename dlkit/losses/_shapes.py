"""Whether the arguments of a loss fit together."""

from __future__ import annotations

import math
from typing import Any


def same_shape(y: Any, name: str, other: Any, other_name: str) -> None:
    """Raise unless `y` has the shape of `other`."""
    shape, wanted = tuple(y.shape), tuple(other.shape)
    if shape != wanted:
        raise ValueError(
            f"{name} must have the shape of {other_name}, {wanted}; got {shape}"
            + (
                f" ({name}.ravel() and {other_name}.ravel() are of one shape)"
                if math.prod(shape) == math.prod(wanted)
                else ""
            )
        )
