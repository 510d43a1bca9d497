"""From a value to a node: constants for arrays and numbers, an operation for a formula of the table.

Every operation of `dlkit.autograd`, given a `Tensor` of a graph, comes here in place of computing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from dlkit.arrays import is_array, to_numpy
from dlkit.autograd import Operation as Formula
from dlkit.autograd.operation import register_face
from dlkit.tf.dtypes import DType, as_dtype, float32, int32
from dlkit.tf.graph import Constant, Graph, Operation, Tensor, _set, common_graph, get_default_graph
from dlkit.tf.shapes import infer, written

__all__ = ["add_formula", "convert_to_tensor", "exact", "type_of"]


def convert_to_tensor(
    value: Any, dtype: Any = None, name: str | None = None, *, like: Tensor | None = None, graph: Graph | None = None
) -> Tensor:
    """Return `value` as a tensor of the graph: as it is, or as a constant.

    Parameters
    ----------
    value : Tensor or array_like
        Python's floats become float32, its integers int32; arrays keep their type.
    dtype : DType, optional
        The type that it must have, or get.
    name : str, optional
        That of the constant.
    like : Tensor, optional
        A tensor whose graph and dtype numbers, lists and arrays take.
    graph : Graph, optional
        Where a constant goes; that of `like`, or the default one.

    Raises
    ------
    TypeError
        If it cannot have that type without loss, or is no array.
    """
    wanted = None if dtype is None else as_dtype(dtype)
    if isinstance(value, Tensor):
        if wanted is not None and value.dtype is not wanted:
            raise TypeError(f"expected a tensor of {wanted.name}; got {value!r}: tf.cast converts it")
        return value
    if isinstance(value, list | tuple) and any(isinstance(part, Tensor) for part in value):
        from dlkit.tf.shaping import stack

        return stack(value)
    loose = not is_array(value)
    array = to_numpy(value) if not loose else _as_numpy(value)
    kind = array.dtype.kind
    if kind not in "fiub":
        raise TypeError(f"a tensor holds numbers; got {value!r}")
    if wanted is None and like is not None and kind != "b" and like.dtype.name != "bool":
        wanted = like.dtype if like.dtype.is_floating or kind != "f" else None
    if wanted is None and loose:
        wanted = float32 if kind == "f" else int32 if kind in "iu" else None
    if wanted is not None:
        array = exact(array, wanted, name or "value")
    with _outside(graph or (like.graph if like is not None else get_default_graph())) as where:
        constant = Constant(np.array(array), where, name)
    assert constant.output is not None
    return constant.output


def _as_numpy(value: Any) -> np.ndarray[Any, Any]:
    try:
        return np.asarray(value)
    except ValueError:
        raise ValueError(f"a tensor is rectangular; got rows of different lengths: {value!r}") from None


@contextmanager
def _outside(graph: Graph) -> Iterator[Graph]:
    """Constants wait for nothing."""
    with _set(graph, waits_for=()):
        yield graph


def exact(array: np.ndarray[Any, Any], dtype: DType, name: str) -> np.ndarray[Any, Any]:
    """Return an array as `dtype`; floats may lose digits, but integers must stay what they are."""
    found = array.astype(dtype.numpy, copy=False)
    whole = dtype.is_integer or dtype.name == "bool"
    if (whole or (array.dtype.kind in "iu" and not dtype.is_floating)) and not np.array_equal(found, array):
        raise TypeError(f"{name} must be {dtype.name}, which {_first_lost(array, found)} is not; convert it first")
    return found


def _first_lost(array: np.ndarray[Any, Any], found: np.ndarray[Any, Any]) -> Any:
    return array[np.asarray(found != array)].flat[0] if array.ndim else array[()]


_TYPES = {
    "power": "Pow", "power_of": "Pow", "subtract": "Sub", "multiply": "Mul", "divide": "RealDiv", "negative": "Neg",
    "matmul": "MatMul", "where": "Select", "getitem": "StridedSlice", "linear": "MatMulBiasAdd",
    "concatenate": "ConcatV2", "mean": "Mean", "sum": "Sum", "max": "Max", "min": "Min", "prod": "Prod",
    "argmax": "ArgMax", "argmin": "ArgMin", "floor_divide": "FloorDiv", "all_true": "All", "any_true": "Any",
}  # fmt: skip


# Operands of these must be of one type, as in TensorFlow: numpy would make float64 of int32 and float32.
_ALIKE = {
    "add", "subtract", "multiply", "divide", "power", "maximum", "minimum", "matmul", "linear", "add_n", "_concatenate",
    "_stack", "less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "floor_divide", "floor_mod",
    "logical_and", "logical_or",
}  # fmt: skip


def type_of(formula: Formula) -> str:
    """Return TensorFlow's word for an operation of the table: MatMul, Relu, LogSoftmax."""
    plain = formula.name.strip("_")
    return _TYPES.get(plain) or "".join(part.capitalize() for part in plain.split("_"))


def add_formula(
    formula: Formula,
    operands: Sequence[Any],
    options: dict[str, Any] | None = None,
    name: str | None = None,
    *,
    shape: Any = ...,
    dtype: DType | None = None,
) -> Tensor:
    """Add an operation of the table to the graph; return its result.

    Parameters
    ----------
    formula : dlkit.autograd.Operation
        What to compute.
    operands : sequence of Tensor, array or number
        At least one Tensor. Numbers and lists take the type of the first tensor of floats, if there is one.
    options : dict, optional
        The formula's.
    name : str, optional
        Its name, its type by default.
    shape : Shape, optional
        Of the result, where trying would not tell.
    dtype : DType, optional
        Of the result; with `shape`, nothing is tried.

    Raises
    ------
    TypeError
        If operands that must be of one type are of different types.
    ValueError
        If shapes do not fit, or the operands belong to different graphs.
    """
    options = options or {}
    kind = type_of(formula)
    tensors = [x for x in operands if isinstance(x, Tensor)]
    like = next((x for x in tensors if x.dtype.is_floating), tensors[0] if tensors else None)
    names = formula.operands * len(operands) if formula.variadic else formula.operands
    label = name or kind
    inputs = [
        x if isinstance(x, Tensor) else convert_to_tensor(x, name=f"{label}/{n}", like=like)
        for x, n in zip(operands, names, strict=False)
    ]
    alike = inputs if formula.name in _ALIKE else [x for x in inputs if x.dtype.is_floating]
    for x in alike:
        if x.dtype is not alike[0].dtype:
            raise TypeError(
                f"{label}: {alike[0].name} is {alike[0].dtype.name}, {x.name} is {x.dtype.name}; convert one of them "
                f"with tf.cast"
            )
    graph = common_graph(label, inputs)
    if shape is ... or dtype is None:
        function = partial(formula.forward, **options) if options else formula.forward
        try:
            found, tried = infer(function, [(x._shape, x.dtype.numpy) for x in inputs])
        except Exception as error:
            given = ", ".join(f"{x.name} of shape {written(x._shape)}" for x in inputs)
            raise ValueError(f"{label}: the shapes do not fit together, {given} ({error})") from error
        shape, dtype = found if shape is ... else shape, dtype or as_dtype(tried)
    node = Operation(kind, inputs, name, graph=graph, formula=formula, options=options)
    return node.gives(shape, dtype)


def _face(formula: Formula, operands: tuple[Any, ...], options: dict[str, Any]) -> Tensor:
    return add_formula(formula, operands, options)


register_face(Tensor, _face)
