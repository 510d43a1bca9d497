"""What can be written with tensors of a graph: ``x + y``, ``x[0]``; each adds an operation to the graph."""

from __future__ import annotations

from typing import Any

from dlkit.autograd import operations as op
from dlkit.tf import formulas

__all__ = ["Operators"]


def _add(formula: Any, name: str, operands: tuple[Any, ...], **options: Any) -> Any:
    from dlkit.tf.building import add_formula

    return add_formula(formula, operands, options, name)


class Operators:
    """The operators; ``==`` compares the tensors themselves, not what they will hold: tf.equal does that."""

    __array_ufunc__ = None  # array * tensor is the tensor's affair

    def __add__(self, other: Any) -> Any:
        return _add(op.add, "add", (self, other))

    def __radd__(self, other: Any) -> Any:
        return _add(op.add, "add", (other, self))

    def __sub__(self, other: Any) -> Any:
        return _add(op.subtract, "sub", (self, other))

    def __rsub__(self, other: Any) -> Any:
        return _add(op.subtract, "sub", (other, self))

    def __mul__(self, other: Any) -> Any:
        return _add(op.multiply, "mul", (self, other))

    def __rmul__(self, other: Any) -> Any:
        return _add(op.multiply, "mul", (other, self))

    def __truediv__(self, other: Any) -> Any:
        from dlkit.tf.mathematics import truediv

        return truediv(self, other)

    def __rtruediv__(self, other: Any) -> Any:
        from dlkit.tf.mathematics import truediv

        return truediv(other, self)

    def __floordiv__(self, other: Any) -> Any:
        return _add(formulas.floor_divide, "floordiv", (self, other))

    def __rfloordiv__(self, other: Any) -> Any:
        return _add(formulas.floor_divide, "floordiv", (other, self))

    def __rmod__(self, other: Any) -> Any:
        return _add(formulas.floor_mod, "mod", (other, self))

    def __mod__(self, other: Any) -> Any:
        return _add(formulas.floor_mod, "mod", (self, other))

    def __matmul__(self, other: Any) -> Any:
        return _add(op.matmul, "matmul", (self, other))

    def __rmatmul__(self, other: Any) -> Any:
        return _add(op.matmul, "matmul", (other, self))

    def __pow__(self, exponent: Any) -> Any:
        from dlkit.tf.mathematics import pow

        return pow(self, exponent, "pow")

    def __rpow__(self, base: Any) -> Any:
        return _add(op.power, "pow", (base, self))

    def __neg__(self) -> Any:
        return _add(op.negative, "Neg", (self,))

    def __abs__(self) -> Any:
        return _add(op.abs, "Abs", (self,))

    def __lt__(self, other: Any) -> Any:
        return _add(formulas.less, "Less", (self, other))

    def __le__(self, other: Any) -> Any:
        return _add(formulas.less_equal, "LessEqual", (self, other))

    def __gt__(self, other: Any) -> Any:
        return _add(formulas.greater, "Greater", (self, other))

    def __ge__(self, other: Any) -> Any:
        return _add(formulas.greater_equal, "GreaterEqual", (self, other))

    def __invert__(self) -> Any:
        return _add(formulas.logical_not, "LogicalNot", (self,))

    def __and__(self, other: Any) -> Any:
        return _add(formulas.logical_and, "and", (self, other))

    def __or__(self, other: Any) -> Any:
        return _add(formulas.logical_or, "or", (self, other))

    def __getitem__(self, key: Any) -> Any:
        from dlkit.tf.shaping import strided_slice

        return strided_slice(self, key)  # type: ignore[arg-type]
