"""What is known of a tensor's shape before anything is computed.

A shape is a tuple whose lengths may be None, for "any"; None alone says that not even the number of axes is known.

How does a graph know the shape of a result? By trying: the operation is carried out on arrays of ones, in which an
unknown length is 12 at the first time and 24 at the second. Where the results differ in length, the length is unknown.
It costs little and needs no second set of rules that could contradict the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, product
from typing import Any

import numpy as np

__all__ = ["Dimension", "Shape", "TensorShape", "as_shape", "compatible", "infer", "may_agree", "written"]

Shape = tuple[int | None, ...] | None
Array = np.ndarray[Any, Any]

_TRIALS = (12, 24)  # many reshapes divide a batch by 2, 3, 4, 6 or 12


class Dimension:
    """A length, or None for an unknown one; equal to the number, and usable as one."""

    def __init__(self, value: int | None) -> None:
        self.value = value

    def __index__(self) -> int:
        if self.value is None:
            raise ValueError("this length is not known before the graph is run; tf.shape(x) gives it then")
        return self.value

    __int__ = __index__

    def __eq__(self, other: object) -> bool:
        return self.value == (other.value if isinstance(other, Dimension) else other)

    def __hash__(self) -> int:
        return hash(self.value)

    def __mul__(self, other: Any) -> Dimension:
        theirs = other.value if isinstance(other, Dimension) else other
        return Dimension(None if self.value is None or theirs is None else self.value * theirs)

    __rmul__ = __mul__

    def __repr__(self) -> str:
        return f"Dimension({self.value})"

    def __str__(self) -> str:
        return "?" if self.value is None else str(self.value)


class TensorShape:
    """The shape of a tensor as its ``shape`` and ``get_shape()`` give it."""

    def __init__(self, dims: Any) -> None:
        self._dims = as_shape(dims)

    @property
    def ndims(self) -> int | None:
        """The number of axes, None if it is unknown."""
        return None if self._dims is None else len(self._dims)

    rank = ndims

    @property
    def dims(self) -> list[Dimension] | None:
        """The lengths."""
        return None if self._dims is None else [Dimension(n) for n in self._dims]

    def as_list(self) -> list[int | None]:
        """Return the lengths as a list, None for those unknown."""
        return list(self._known())

    def is_fully_defined(self) -> bool:
        """Tell whether all lengths are known."""
        return self._dims is not None and None not in self._dims

    def num_elements(self) -> int | None:
        """Return the number of entries, None if it is unknown."""
        return int(np.prod(self._dims)) if self.is_fully_defined() else None  # type: ignore[arg-type]

    def _known(self) -> tuple[int | None, ...]:
        if self._dims is None:
            raise ValueError("the number of axes is not known before the graph is run")
        return self._dims

    def __len__(self) -> int:
        return len(self._known())

    def __iter__(self) -> Iterator[Dimension]:
        return (Dimension(n) for n in self._known())

    def __getitem__(self, key: Any) -> Any:
        found = self._known()[key]
        return TensorShape(found) if isinstance(key, slice) else Dimension(found)

    def __eq__(self, other: object) -> bool:
        try:
            return self._dims == as_shape(other)
        except TypeError:
            return False

    def __hash__(self) -> int:
        return hash(self._dims)

    def __repr__(self) -> str:
        return "TensorShape(None)" if self._dims is None else f"TensorShape({self.dims})"

    def __str__(self) -> str:
        return written(self._dims)


def as_shape(value: Any) -> Shape:
    """Return a shape as a tuple of int and None; None stays None, and a single number is one axis.

    Raises
    ------
    TypeError
        If it holds anything else than lengths.
    ValueError
        If a length is negative.
    """
    if value is None:
        return None
    if isinstance(value, TensorShape):
        return value._dims
    if not isinstance(value, Sequence | np.ndarray):
        value = (value,)
    lengths: list[int | None] = []
    for n in value:
        n = n.value if isinstance(n, Dimension) else n
        if n is not None and (isinstance(n, bool) or not isinstance(n, int | np.integer)):
            raise TypeError(f"shape must hold lengths, or None for unknown ones; got {n!r} in {value!r}")
        if n is not None and n < 0:
            raise ValueError(f"shape must not hold negative lengths; got {n} in {list(value)}")
        lengths.append(None if n is None else int(n))
    return tuple(lengths)


def written(shape: Shape) -> str:
    """Return a shape as TensorFlow writes it: (?, 784), or <unknown>."""
    if shape is None:
        return "<unknown>"
    inside = ", ".join("?" if n is None else str(n) for n in shape)
    return f"({inside},)" if len(shape) == 1 else f"({inside})"


def compatible(shape: Sequence[int], wanted: Shape) -> bool:
    """Tell whether an array's shape is one that `wanted` stands for."""
    if wanted is None:
        return True
    return len(shape) == len(wanted) and all(n is None or m == n for m, n in zip(shape, wanted, strict=True))


def may_agree(one: Shape, other: Shape) -> bool:
    """Tell whether two shapes can be the same, as far as they are known."""
    if one is None or other is None:
        return True
    return len(one) == len(other) and all(None in (n, m) or n == m for n, m in zip(one, other, strict=True))


def infer(function: Callable[..., Any], operands: Sequence[tuple[Shape, np.dtype[Any]]]) -> tuple[Shape, Any]:
    """Return the shape and the dtype of a function's result, from those of its operands.

    Parameters
    ----------
    function : callable
        Of arrays, returning one.
    operands : sequence of (shape, dtype)
        What is known of them.

    Returns
    -------
    shape : tuple of int and None, or None
        None if the number of axes depends on what is not known.
    dtype : numpy.dtype

    Raises
    ------
    ValueError, TypeError, …
        What `function` raises, if no lengths for what is unknown make it succeed.
    """
    if any(shape is None for shape, _ in operands):
        return _of_unknown_rank(function, operands)
    unknown = [(i, axis) for i, (shape, _) in enumerate(operands) for axis, n in enumerate(shape or ()) if n is None]
    try:
        return _merged(function, operands, unknown, {})
    except Exception as refused:
        # An unknown length may have to be a known one, as a batch that meets 100 labels; as few of them as will do.
        known = sorted({n for shape, _ in operands for n in shape or () if n is not None})
        for some in range(1, len(unknown) + 1):
            for places in combinations(unknown, some):
                for lengths in product(known, repeat=min(some, 3)):  # more than three different ones are not tried
                    given = (*lengths, *lengths[-1:] * (some - len(lengths)))
                    try:
                        return _merged(function, operands, unknown, dict(zip(places, given, strict=True)))
                    except Exception:
                        continue
        raise refused


def _merged(
    function: Callable[..., Any],
    operands: Sequence[tuple[Shape, Any]],
    unknown: Sequence[tuple[int, int]],
    lengths: dict[tuple[int, int], int],
) -> tuple[Shape, Any]:
    """Try, with these lengths for some unknown ones and two others for the rest; keep what is the same both times."""
    first = _tried(function, operands, {place: lengths.get(place, _TRIALS[0]) for place in unknown})
    if len(lengths) == len(unknown):
        return tuple(first.shape), first.dtype
    second = _tried(function, operands, {place: lengths.get(place, _TRIALS[1]) for place in unknown})
    if len(first.shape) != len(second.shape):
        return None, first.dtype
    return tuple(n if n == m else None for n, m in zip(first.shape, second.shape, strict=True)), first.dtype


def _of_unknown_rank(function: Callable[..., Any], operands: Sequence[tuple[Shape, Any]]) -> tuple[Shape, Any]:
    found = []
    for rank in range(3):
        guess: list[tuple[Shape, Any]] = [((None,) * rank if s is None else s, d) for s, d in operands]
        try:
            found.append(infer(function, guess))
        except Exception:
            continue
    if not found:
        return None, operands[0][1]
    shapes = {shape for shape, _ in found}
    return (shapes.pop() if len(shapes) == 1 and len(found) > 1 else None), found[0][1]


def _tried(
    function: Callable[..., Any], operands: Sequence[tuple[Shape, Any]], lengths: dict[tuple[int, int], int]
) -> Any:
    arrays = [
        _ones(tuple(lengths[i, axis] if n is None else n for axis, n in enumerate(shape or ())), dtype)
        for i, (shape, dtype) in enumerate(operands)
    ]
    with np.errstate(all="ignore"):
        return function(*arrays)


def _ones(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    """Return ones, or zeros where they may be indices: 0 is in every axis that has any."""
    return np.full(shape, 1 if dtype.kind == "f" else 0, dtype)[()]
