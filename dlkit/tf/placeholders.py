"""Placeholders: where the data come in."""

from __future__ import annotations

from typing import Any

from dlkit.tf import formulas
from dlkit.tf.building import convert_to_tensor
from dlkit.tf.dtypes import as_dtype
from dlkit.tf.graph import Operation, Tensor
from dlkit.tf.shapes import as_shape

__all__ = ["placeholder", "placeholder_with_default"]


def placeholder(dtype: Any, shape: Any = None, name: str = "Placeholder") -> Tensor:
    """Return a tensor whose value is given in each run, in ``feed_dict``.

    Parameters
    ----------
    dtype : DType
        The type of its entries: ``tf.float32``, ``"float"``.
    shape : sequence of int and None, optional
        None stands for a length that may differ from run to run; without a shape, anything goes.
    name : str
        Its name in the graph.
    """
    return Operation("Placeholder", (), name).gives(as_shape(shape), as_dtype(dtype))


def placeholder_with_default(input: Any, shape: Any = None, name: str = "PlaceholderWithDefault") -> Tensor:
    """Return a tensor that can be fed, and is `input` where it is not."""
    x = convert_to_tensor(input)
    op = Operation("PlaceholderWithDefault", (x,), name, formula=formulas.identity)
    return op.gives(x._shape if shape is None else as_shape(shape), x.dtype)
