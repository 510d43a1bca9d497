"""Shapes and places of entries: reshape, transpose, join, pick; and tensors made from a shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dlkit.arrays import array, device_of, is_torch
from dlkit.autograd import operations as op
from dlkit.autograd.operation import operation
from dlkit.autograd.operations.shapes import _concatenate, _stack
from dlkit.tf import formulas
from dlkit.tf.building import add_formula, convert_to_tensor
from dlkit.tf.dtypes import DType, as_dtype, float32, int32
from dlkit.tf.graph import Operation, Tensor
from dlkit.tf.shapes import Shape, as_shape

__all__ = [
    "concat",
    "constant",
    "expand_dims",
    "fill",
    "gather",
    "identity",
    "linspace",
    "one_hot",
    "ones",
    "ones_like",
    "pack_shape",
    "rank",
    "reshape",
    "shape",
    "size",
    "split",
    "squeeze",
    "stack",
    "stop_gradient",
    "strided_slice",
    "tile",
    "transpose",
    "unstack",
    "zeros",
    "zeros_like",
]


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str = "Const") -> Tensor:
    """Return a tensor that always has this value.

    Parameters
    ----------
    value : array_like
        Python's floats become float32, its integers int32; arrays keep their type.
    dtype : DType, optional
        Another type.
    shape : sequence of int, optional
        The value is brought into this shape; if it is too short, its last entry fills the rest.
    name : str
        Its name in the graph.
    """
    if isinstance(value, Tensor):
        raise TypeError(f"value must be an array or a number, not a tensor of the graph; got {value!r}")
    if shape is not None:
        lengths = _lengths(shape)
        given = np.asarray(value)
        if dtype is None and not isinstance(value, np.ndarray | np.generic):
            dtype = {"f": float32, "i": int32}.get(given.dtype.kind)
        n, wanted = given.size, int(np.prod(lengths))
        if n > wanted or n == 0 < wanted:
            raise ValueError(f"value has {n} entries, which do not fill the shape {list(lengths)}")
        value = np.concatenate([given.ravel(), np.repeat(given.ravel()[-1:], wanted - n)]).reshape(lengths)
    made = convert_to_tensor(value, dtype, name)
    made.op.control_inputs = made.graph.waits_for
    return made


# ---- tensors made from a shape --------------------------------------------------------------------------------------


class _Filled(Operation):
    """Makes an array of a shape that is only known when the graph is run."""

    def __init__(self, dims: Tensor, value: float, dtype: DType, name: str) -> None:
        super().__init__("Fill", (shape_source(dims),), name)
        self.value, self.dtype, self.lengths = value, dtype, lengths_by(dims)
        self.gives(static(dims), dtype)

    def kernel(self, session: Any) -> Any:
        """Return what carries the operation out in a session."""
        device, lengths = session.device_of(self), self.lengths
        return lambda dims: array(np.full(lengths(dims), self.value, self.dtype.numpy), device=device)


def shape_source(dims: Tensor) -> Tensor:
    """Return what to look at for a shape: its lengths, or for ``tf.shape(x)`` x itself, which no GPU need be asked."""
    return dims.op.inputs[0] if dims.op.type == "Shape" else dims


def lengths_by(dims: Tensor) -> Callable[[Any], tuple[int, ...]]:
    """Return the function from the value of `shape_source` to the lengths."""
    if dims.op.type == "Shape":
        return lambda x: tuple(x.shape)
    return lambda lengths: tuple(int(n) for n in lengths)


def zeros(shape: Any, dtype: Any = float32, name: str = "zeros") -> Tensor:
    """Return zeros of a shape, which may be a tensor."""
    return fill(shape, 0, name, dtype)


def ones(shape: Any, dtype: Any = float32, name: str = "ones") -> Tensor:
    """Return ones of a shape, which may be a tensor."""
    return fill(shape, 1, name, dtype)


def fill(dims: Any, value: float, name: str = "Fill", dtype: Any = None) -> Tensor:
    """Return a tensor of a shape, which may be a tensor, filled with one number."""
    if isinstance(value, Tensor):
        return add_formula(op.multiply, (ones(dims, value.dtype), value), name=name)
    wanted = as_dtype(dtype) if dtype is not None else as_dtype(type(value))
    dims = pack_shape(dims)
    if isinstance(dims, Tensor):
        output = _Filled(dims, value, wanted, name).output
        assert output is not None
        return output
    return convert_to_tensor(np.full(_lengths(dims), value, wanted.numpy), wanted, name)


def zeros_like(tensor: Any, dtype: Any = None, name: str = "zeros_like") -> Tensor:
    """Return zeros in the shape of a tensor."""
    made = add_formula(formulas.zeros_like, (convert_to_tensor(tensor),), name=name)
    return made if dtype is None else add_formula(formulas.cast, (made,), {"dtype": as_dtype(dtype).name})


def ones_like(tensor: Any, dtype: Any = None, name: str = "ones_like") -> Tensor:
    """Return ones in the shape of a tensor."""
    made = add_formula(op.ones_like, (convert_to_tensor(tensor),), name=name)
    return made if dtype is None else add_formula(formulas.cast, (made,), {"dtype": as_dtype(dtype).name})


def linspace(start: float, stop: float, num: int, name: str = "LinSpace") -> Tensor:
    """Return `num` numbers at equal distances from `start` to `stop`, both included."""
    return convert_to_tensor(np.linspace(start, stop, num, dtype=np.float32), name=name)


def one_hot(
    indices: Any, depth: int, on_value: float = 1.0, off_value: float = 0.0, dtype: Any = float32, name: str = "one_hot"
) -> Tensor:
    """Return, for each index, a row of `depth` numbers: 1 at the index, 0 elsewhere."""
    options = {"depth": int(depth), "on": on_value, "off": off_value, "dtype": as_dtype(dtype).name}
    return add_formula(formulas.one_hot, (convert_to_tensor(indices),), options, name)


# ---- asking for a shape ---------------------------------------------------------------------------------------------


@operation
def _shape(x: Any) -> Any:
    return _counted(x.shape, x)


_shape.constant = True


def shape(input: Any, name: str = "Shape", out_type: Any = int32) -> Tensor:
    """Return the shape as a tensor of integers, known when the graph is run."""
    x = convert_to_tensor(input)
    dims = None if x._shape is None else (len(x._shape),)
    found = add_formula(_shape, (x,), name=name, shape=dims)
    return (
        found
        if as_dtype(out_type) is int32
        else add_formula(formulas.cast, (found,), {"dtype": as_dtype(out_type).name})
    )


@operation
def _size(x: Any) -> Any:
    return _counted(np.prod(x.shape, dtype=int), x)


@operation
def _rank(x: Any) -> Any:
    return _counted(len(x.shape), x)


def _counted(n: Any, x: Any) -> Any:
    """Return whole numbers where x is."""
    found = np.array(n, np.int32)
    return array(found, device=device_of(x)) if is_torch(x) else found[()]


_size.constant = _rank.constant = True


def size(input: Any, name: str = "Size") -> Tensor:
    """Return the number of entries."""
    return add_formula(_size, (convert_to_tensor(input),), name=name)


def rank(input: Any, name: str = "Rank") -> Tensor:
    """Return the number of axes."""
    return add_formula(_rank, (convert_to_tensor(input),), name=name)


def pack_shape(shape: Any) -> Any:
    """Return a shape as a tuple, or as a tensor if it holds one: ``[tf.shape(x)[0], 784]``."""
    if isinstance(shape, Tensor):
        known = getattr(shape.op, "value", None)
        return tuple(int(n) for n in known) if known is not None else shape
    if isinstance(shape, list | tuple) and any(isinstance(n, Tensor) for n in shape):
        return stack([convert_to_tensor(n, like=None) for n in shape])
    return as_signed_shape(shape)


def as_signed_shape(shape: Any) -> tuple[int, ...]:
    """Return a shape in which −1 may stand, for "whatever is left"."""
    lengths = tuple(shape) if isinstance(shape, Sequence | np.ndarray) or hasattr(shape, "as_list") else (shape,)
    if any(n is None or getattr(n, "value", n) is None for n in lengths):
        raise ValueError(f"shape must not hold None here; got {list(lengths)}: use -1 or an entry of tf.shape(x)")
    return tuple(int(n) for n in lengths)


def _lengths(shape: Any) -> tuple[int, ...]:
    known = as_shape(shape)
    if known is None or None in known:
        raise ValueError(f"shape must be known here; got {shape!r}")
    return known  # type: ignore[return-value]


def static(dims: Tensor) -> Shape:
    """Return what a tensor of lengths says of the shape without being computed: the constants in it."""
    value = getattr(dims.op, "value", None)
    if value is not None:
        return tuple(None if n < 0 else int(n) for n in value)
    if dims.op.type == "Shape":
        return dims.op.inputs[0]._shape
    if dims.op.type == "Stack":
        parts = (getattr(x.op, "value", None) for x in dims.op.inputs)
        return tuple(None if n is None or n < 0 else int(n) for n in parts)
    return (None,) * dims._shape[0] if dims._shape and dims._shape[0] is not None else None


# ---- other shapes ---------------------------------------------------------------------------------------------------


@operation
def _reshape_to(x: Any, dims: Any) -> Any:
    return op.reshape(x, shape=tuple(int(n) for n in dims))


_reshape_to.view = True
_reshape_to.derivatives(x=lambda g, z, x, dims: op.reshape(g, shape=tuple(x.shape)))


def reshape(tensor: Any, shape: Any, name: str = "Reshape") -> Tensor:
    """Return the entries, row by row, in another shape; one length may be −1, and the shape may be a tensor."""
    x, dims = convert_to_tensor(tensor), pack_shape(shape)
    if isinstance(dims, Tensor):
        return add_formula(_reshape_to, (x, dims), name=name, shape=static(dims), dtype=x.dtype)
    if any(n < -1 for n in dims) or dims.count(-1) > 1:
        raise ValueError(f"{name}: shape may hold one -1 and no other negative lengths; got {list(dims)}")
    if x.shape.is_fully_defined():
        return add_formula(op.reshape, (x,), {"shape": dims}, name)
    return add_formula(op.reshape, (x,), {"shape": dims}, name, shape=_reshaped(x, dims, name), dtype=x.dtype)


def _reshaped(x: Tensor, dims: tuple[int, ...], name: str) -> Shape:
    """Return what is known of a shape with −1, for entries of which not all is known; refuse what no length allows."""
    known = int(np.prod([n for n in dims if n != -1]))
    rows = [n for n in x._shape or () if n is not None]
    of_each = int(np.prod(rows)) if x._shape is not None else 1
    if -1 not in dims and (of_each and known % of_each):
        raise ValueError(f"{name}: {x!r} cannot be brought into the shape {list(dims)}")
    return tuple(None if n == -1 else n for n in dims)


def transpose(a: Any, perm: Sequence[int] | None = None, name: str = "transpose") -> Tensor:
    """Return the tensor with its axes in another order; reversed by default."""
    return add_formula(op.transpose, (convert_to_tensor(a),), {"axes": None if perm is None else tuple(perm)}, name)


def expand_dims(input: Any, axis: int, name: str = "ExpandDims") -> Tensor:
    """Return the tensor with a new axis of length 1."""
    return add_formula(op.expand_dims, (convert_to_tensor(input),), {"axis": axis}, name)


def squeeze(input: Any, axis: Any = None, name: str = "Squeeze") -> Tensor:
    """Return the tensor without axes of length 1: those named, or all that are known to be."""
    x = convert_to_tensor(input)
    if axis is None:
        if x._shape is None:
            raise ValueError(f"axis must be given, for the shape of {x.name} is not known")
        axis = tuple(k for k, n in enumerate(x._shape) if n == 1)
    axis = tuple(axis) if isinstance(axis, list) else axis
    if x._shape is None or None not in x._shape:
        return add_formula(op.squeeze, (x,), {"axis": axis}, name)
    rank = len(x._shape)
    gone = {a % rank for a in (axis if isinstance(axis, tuple) else (axis,)) if -rank <= a < rank}
    if any(x._shape[a] not in (None, 1) for a in gone):
        raise ValueError(f"{name}: axes {sorted(gone)} of {x!r} are not of length 1")
    left = tuple(n for k, n in enumerate(x._shape) if k not in gone)
    return add_formula(op.squeeze, (x,), {"axis": axis}, name, shape=left, dtype=x.dtype)


def tile(input: Any, multiples: Sequence[int], name: str = "Tile") -> Tensor:
    """Return the tensor repeated, so many times along each axis."""
    x = convert_to_tensor(input)
    for axis, times in enumerate(multiples):
        if times != 1:
            x = concat([x] * int(times), axis, name)
    return x if any(times != 1 for times in multiples) else identity(x, name)


def concat(values: Sequence[Any], axis: int, name: str = "concat") -> Tensor:
    """Return tensors joined along an axis that they have."""
    if not isinstance(axis, int):
        raise TypeError(
            f"concat takes the tensors, then the axis (before TensorFlow 1.0 it was the other way); got {axis!r}"
        )
    return add_formula(_concatenate, _converted(values), {"axis": axis}, name)


def stack(values: Sequence[Any], axis: int = 0, name: str = "stack") -> Tensor:
    """Return tensors joined along a new axis."""
    return add_formula(_stack, _converted(values), {"axis": axis}, name)


def unstack(value: Any, num: int | None = None, axis: int = 0, name: str = "unstack") -> list[Tensor]:
    """Return the parts of a tensor along an axis, whose length must be known or given."""
    x = convert_to_tensor(value)
    length = num if num is not None else None if x._shape is None else x._shape[axis]
    if length is None:
        raise ValueError(f"num must be given, for the length of {x.name} along axis {axis} is not known")
    before = (slice(None),) * (axis % len(x._shape)) if x._shape is not None else (slice(None),) * axis
    return [strided_slice(x, (*before, k), name) for k in range(length)]


def split(value: Any, num_or_size_splits: Any, axis: int = 0, name: str = "split") -> list[Tensor]:
    """Return a tensor cut along an axis: into so many equal parts, or into parts of these lengths."""
    x = convert_to_tensor(value)
    lengths = num_or_size_splits
    if isinstance(lengths, int):
        whole = None if x._shape is None else x._shape[axis]
        if whole is None or whole % lengths:
            raise ValueError(f"axis {axis} of {x!r} cannot be cut into {lengths} equal parts")
        lengths = [whole // lengths] * lengths
    before = (slice(None),) * (axis % len(x._shape) if x._shape is not None else axis)
    ends = np.cumsum(lengths)
    return [strided_slice(x, (*before, slice(int(e - n), int(e))), name) for n, e in zip(lengths, ends, strict=True)]


def gather(params: Any, indices: Any, name: str = "Gather", axis: int = 0) -> Tensor:
    """Return the parts of `params`, along an axis, that the indices name."""
    x = convert_to_tensor(params)
    axis = axis if axis >= 0 or x._shape is None else axis % len(x._shape)
    return add_formula(formulas.gather, (x, convert_to_tensor(indices)), {"axis": axis}, name)


def strided_slice(x: Tensor, key: Any, name: str = "strided_slice") -> Tensor:
    """Return x[key]: for integers, slices, ``...`` and None; an index may be a tensor."""
    parts = key if isinstance(key, tuple) else (key,)
    tensors = [k for k, part in enumerate(parts) if isinstance(part, Tensor)]
    if tensors:
        if (len(parts) > 1 and any(part != slice(None) for part in parts[: tensors[0]])) or len(tensors) > 1:
            raise TypeError("a tensor as an index is possible along one axis, behind full slices only")
        return gather(x, parts[tensors[0]], axis=tensors[0])
    for part in parts:
        if not isinstance(part, int | np.integer | slice | type(None) | type(Ellipsis)):
            raise TypeError(f"a tensor takes integers, slices, ... and None in brackets; got {part!r} (use tf.gather)")
    if any(isinstance(part, slice) and part.step is not None and part.step < 0 for part in parts):
        return _backwards(x, parts, name)
    if x._shape is None or None not in x._shape:
        return add_formula(op.getitem, (x,), {"key": key}, name)
    return add_formula(op.getitem, (x,), {"key": key}, name, shape=_sliced(x, parts, name), dtype=x.dtype)


def _backwards(x: Tensor, parts: tuple[Any, ...], name: str) -> Tensor:
    """Return x[parts] with slices that go backwards, which torch does not know: the same forwards, then turned."""
    if Ellipsis not in parts:
        parts = (*parts, Ellipsis)
    taken = sum(part is not None and part is not Ellipsis for part in parts)
    if x._shape is None or taken > len(x._shape):
        raise ValueError(f"{name}: a slice backwards needs axes that are known; got {x!r}")
    forwards: list[Any] = []
    turned = []
    axis = made = 0  # of x, and of the result
    for part in parts:
        if part is Ellipsis:
            rest = len(x._shape) - taken
            axis, made = axis + rest, made + rest
        elif isinstance(part, slice) and part.step is not None and part.step < 0:
            n = x._shape[axis]
            if n is None and part != slice(None, None, -1):
                raise ValueError(f"{name}: of an axis of unknown length only [::-1] is possible; got {part!r}")
            places = range(n)[part] if n is not None else None
            turned.append(made)
            part = (
                slice(None) if places is None else slice(places[-1], places[0] + 1, -part.step) if places else slice(0)
            )
            axis, made = axis + 1, made + 1
        else:
            axis += part is not None
            made += not isinstance(part, int | np.integer)
        forwards.append(part)
    return add_formula(formulas.reverse, (strided_slice(x, tuple(forwards), name),), {"axes": tuple(turned)}, name)


def _sliced(x: Tensor, parts: tuple[Any, ...], name: str) -> Shape:
    """Return what is known of the shape of x[parts]; a part of an unknown length is of unknown length."""
    assert x._shape is not None
    taken = sum(part is not None and part is not Ellipsis for part in parts)
    if taken > len(x._shape):
        raise ValueError(f"{name}: {x!r} has fewer axes than {parts!r} takes")
    if Ellipsis not in parts:
        parts = (*parts, Ellipsis)
    lengths: list[int | None] = []
    axis = 0
    for part in parts:
        if part is None:
            lengths.append(1)
        elif part is Ellipsis:
            rest = len(x._shape) - taken
            lengths += x._shape[axis : axis + rest]
            axis += rest
        else:
            n = x._shape[axis]
            axis += 1
            if isinstance(part, slice):
                whole = part == slice(None)
                lengths.append(n if whole else None if n is None else len(range(*part.indices(n))))
            elif n is not None and not -n <= part < n:
                raise ValueError(f"{name}: index {part} is out of bounds for an axis of length {n}, in {x!r}")
    return tuple(lengths)


def identity(input: Any, name: str = "Identity") -> Tensor:
    """Return the tensor as the result of an operation of its own."""
    return add_formula(formulas.identity, (convert_to_tensor(input),), name=name)


def stop_gradient(input: Any, name: str = "StopGradient") -> Tensor:
    """Return the tensor, to be taken as a constant by gradients."""
    return add_formula(formulas.stop_gradient, (convert_to_tensor(input),), name=name)


def _converted(values: Sequence[Any]) -> list[Tensor]:
    """Return all as tensors; numbers among them take the type of the first tensor."""
    if isinstance(values, Tensor) or not len(values):
        raise TypeError(f"values must be a list of at least one tensor; got {values!r}")
    like = next((x for x in values if isinstance(x, Tensor)), None)
    return [x if isinstance(x, Tensor) else convert_to_tensor(x, like=like) for x in values]
