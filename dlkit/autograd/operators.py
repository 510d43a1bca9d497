"""What can be written with tensors: ``x + y``, ``x[0]``, ``x.sum()``, ``numpy.exp(x)`` are operations of the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dlkit.autograd import operations as op
from dlkit.autograd.engine import Node, record
from dlkit.autograd.operation import Operation

if TYPE_CHECKING:
    from dlkit.autograd.tensor import Tensor

__all__ = ["Operators", "plain"]


class Operators(Node):
    """A node with operators and methods; results are of its own class."""

    __slots__ = ()

    def __add__(self, other: Any) -> Tensor:
        return record(op.add, (self, other), {})

    def __radd__(self, other: Any) -> Tensor:
        return record(op.add, (other, self), {})

    def __sub__(self, other: Any) -> Tensor:
        return record(op.subtract, (self, other), {})

    def __rsub__(self, other: Any) -> Tensor:
        return record(op.subtract, (other, self), {})

    def __mul__(self, other: Any) -> Tensor:
        return record(op.multiply, (self, other), {})

    def __rmul__(self, other: Any) -> Tensor:
        return record(op.multiply, (other, self), {})

    def __truediv__(self, other: Any) -> Tensor:
        return record(op.divide, (self, other), {})

    def __rtruediv__(self, other: Any) -> Tensor:
        return record(op.divide, (other, self), {})

    def __matmul__(self, other: Any) -> Tensor:
        return record(op.matmul, (self, other), {})

    def __rmatmul__(self, other: Any) -> Tensor:
        return record(op.matmul, (other, self), {})

    def __neg__(self) -> Tensor:
        return record(op.negative, (self,), {})

    def __abs__(self) -> Tensor:
        return record(op.abs, (self,), {})

    def __pow__(self, exponent: Any) -> Tensor:
        if type(exponent) is int or type(exponent) is float:
            return record(op.power_of, (self,), {"exponent": exponent})
        return record(op.power, (self, exponent), {})

    def __rpow__(self, base: Any) -> Tensor:
        return record(op.power, (base, self), {})

    def __getitem__(self, key: Any) -> Tensor:
        return record(op.getitem, (self,), {"key": key})

    def __setitem__(self, key: Any, value: Any) -> None:
        raise TypeError(
            "a tensor's entries cannot be assigned, as its derivative would be lost: build the new tensor with "
            "where, concatenate or stack"
        )

    # Comparisons give plain arrays of booleans: they have no derivative.

    def __lt__(self, other: Any) -> Any:
        return self._value < plain(other)

    def __le__(self, other: Any) -> Any:
        return self._value <= plain(other)

    def __gt__(self, other: Any) -> Any:
        return self._value > plain(other)

    def __ge__(self, other: Any) -> Any:
        return self._value >= plain(other)

    def __eq__(self, other: Any) -> Any:
        return self._value == plain(other)

    def __ne__(self, other: Any) -> Any:
        return self._value != plain(other)

    __hash__ = Node.__hash__

    # Methods

    def sum(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Return the sum along an axis, several or all."""
        return op.sum(self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Return the mean along an axis, several or all."""
        return op.mean(self, axis=axis, keepdims=keepdims)

    def max(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Return the largest entry along an axis, several or all; ties share the gradient."""
        return op.max(self, axis=axis, keepdims=keepdims)

    def min(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Return the smallest entry along an axis, several or all; ties share the gradient."""
        return op.min(self, axis=axis, keepdims=keepdims)

    def reshape(self, *shape: Any) -> Tensor:
        """Return the entries in another shape."""
        return op.reshape(self, shape=shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> Tensor:
        """Return the axes in another order, reversed by default."""
        return op.transpose(self, axes=(axes[0] if len(axes) == 1 else axes) or None)

    @property
    def T(self) -> Tensor:  # noqa: N802
        """The transpose: the axes in reverse order."""
        return op.transpose(self)

    # numpy's functions, given a tensor, ask here.

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        ours = op.abs if ufunc is np.absolute else getattr(op, ufunc.__name__, None)
        if isinstance(ours, Operation) and method == "__call__" and not kwargs:
            return ours(*inputs)
        if ufunc in _COMPARISONS and method == "__call__" and not kwargs:
            return ufunc(*map(plain, inputs))
        raise TypeError(_no_derivative(ufunc.__name__, ours))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        raise TypeError(_no_derivative(function.__name__, getattr(op, function.__name__, None)))


_COMPARISONS = {np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal}


def plain(x: Any) -> Any:
    """Return the value of a tensor, and anything else as it is."""
    return x._value if isinstance(x, Node) else x


def _no_derivative(name: str, ours: Any) -> str:
    use = f"dlkit.autograd.{name}" if ours is not None else "the functions of dlkit.autograd"
    return f"numpy.{name} would drop the derivative: use {use}, or tensor.value for the numbers"
