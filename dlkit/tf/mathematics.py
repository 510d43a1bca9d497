"""TensorFlow's functions of tensors, by its names: each adds the table's operation of that meaning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dlkit.autograd import operations as op
from dlkit.tf import formulas
from dlkit.tf.building import add_formula, convert_to_tensor
from dlkit.tf.dtypes import as_dtype, int64
from dlkit.tf.graph import Tensor

__all__ = [
    "abs",
    "add",
    "add_n",
    "argmax",
    "argmin",
    "cast",
    "ceil",
    "clip_by_value",
    "cos",
    "div",
    "divide",
    "equal",
    "exp",
    "expm1",
    "floor",
    "floordiv",
    "greater",
    "greater_equal",
    "less",
    "less_equal",
    "log",
    "log1p",
    "logical_and",
    "logical_not",
    "logical_or",
    "matmul",
    "maximum",
    "minimum",
    "mod",
    "multiply",
    "negative",
    "not_equal",
    "pow",
    "realdiv",
    "reduce_all",
    "reduce_any",
    "reduce_logsumexp",
    "reduce_max",
    "reduce_mean",
    "reduce_min",
    "reduce_prod",
    "reduce_sum",
    "round",
    "sigmoid",
    "sign",
    "sin",
    "sqrt",
    "square",
    "subtract",
    "tanh",
    "tensordot",
    "to_float",
    "truediv",
    "where",
]

# ---- one operation of the table each --------------------------------------------------------------------------------


def _unary(name: str, formula: Any) -> Any:
    def function(x: Any, name: str | None = None) -> Tensor:
        return add_formula(formula, (convert_to_tensor(x),), name=name)

    return _named(function, name, formula)


def _binary(name: str, formula: Any) -> Any:
    def function(x: Any, y: Any, name: str | None = None) -> Tensor:
        if not isinstance(x, Tensor) and not isinstance(y, Tensor):
            x = convert_to_tensor(x)
        return add_formula(formula, (x, y), name=name)

    return _named(function, name, formula)


def _named(function: Any, name: str, formula: Any) -> Any:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{formula.__doc__.splitlines()[0]}\n\nThe operation is added to the graph."
    return function


abs = _unary("abs", op.abs)
ceil = _unary("ceil", formulas.ceil)
cos = _unary("cos", op.cos)
exp = _unary("exp", op.exp)
expm1 = _unary("expm1", op.expm1)
floor = _unary("floor", formulas.floor)
log = _unary("log", op.log)
log1p = _unary("log1p", op.log1p)
logical_not = _unary("logical_not", formulas.logical_not)
negative = _unary("negative", op.negative)
round = _unary("round", formulas.round)
sigmoid = _unary("sigmoid", op.sigmoid)
sign = _unary("sign", op.sign)
sin = _unary("sin", op.sin)
sqrt = _unary("sqrt", op.sqrt)
square = _unary("square", op.square)
tanh = _unary("tanh", op.tanh)

add = _binary("add", op.add)
equal = _binary("equal", formulas.equal)
floordiv = _binary("floordiv", formulas.floor_divide)
greater = _binary("greater", formulas.greater)
greater_equal = _binary("greater_equal", formulas.greater_equal)
less = _binary("less", formulas.less)
less_equal = _binary("less_equal", formulas.less_equal)
logical_and = _binary("logical_and", formulas.logical_and)
logical_or = _binary("logical_or", formulas.logical_or)
maximum = _binary("maximum", op.maximum)
minimum = _binary("minimum", op.minimum)
mod = _binary("mod", formulas.floor_mod)
multiply = _binary("multiply", op.multiply)
not_equal = _binary("not_equal", formulas.not_equal)
subtract = _binary("subtract", op.subtract)


# ---- those with more to say -----------------------------------------------------------------------------------------


def pow(x: Any, y: Any, name: str = "Pow") -> Tensor:
    """Return x to the power y."""
    x = convert_to_tensor(x, like=_tensor(y))
    if isinstance(y, int) or (isinstance(y, float) and x.dtype.is_floating):
        return add_formula(op.power_of, (x,), {"exponent": y}, name)
    return add_formula(op.power, (x, y), name=name)


def _tensor(x: Any) -> Tensor | None:
    return x if isinstance(x, Tensor) else None


def truediv(x: Any, y: Any, name: str = "truediv") -> Tensor:
    """Return x / y; of integers, as float64."""
    x = convert_to_tensor(x, like=_tensor(y))
    y = convert_to_tensor(y, like=x)
    if x.dtype is y.dtype and x.dtype.is_integer:
        x, y = cast(x, "float64"), cast(y, "float64")
    return add_formula(op.divide, (x, y), name=name)


divide = realdiv = truediv


def div(x: Any, y: Any, name: str = "div") -> Tensor:
    """Return x / y; rounded down, if both are integers."""
    x = convert_to_tensor(x, like=_tensor(y))
    return add_formula(op.divide if x.dtype.is_floating else formulas.floor_divide, (x, y), name=name)


def matmul(a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False, name: str = "MatMul") -> Tensor:
    """Return the matrix product; each factor may be transposed first.

    Raises
    ------
    ValueError
        If a factor is known not to be a matrix or a stack of them.
    """
    like = a if isinstance(a, Tensor) else b if isinstance(b, Tensor) else None
    a, b = convert_to_tensor(a, like=like), convert_to_tensor(b, like=like)
    for x in (a, b):
        if x._shape is not None and len(x._shape) < 2:
            raise ValueError(f"{name}: matmul multiplies matrices; got {x!r} (tf.expand_dims makes one of a vector)")
    a = add_formula(op.matrix_transpose, (a,), name="transpose") if transpose_a else a
    b = add_formula(op.matrix_transpose, (b,), name="transpose") if transpose_b else b
    return add_formula(op.matmul, (a, b), name=name)


def cast(x: Any, dtype: Any, name: str = "Cast") -> Tensor:
    """Return the tensor with entries of another type."""
    x, wanted = convert_to_tensor(x), as_dtype(dtype)
    return x if x.dtype is wanted else add_formula(formulas.cast, (x,), {"dtype": wanted.name}, name)


def to_float(x: Any, name: str = "ToFloat") -> Tensor:
    """Return the tensor as float32."""
    return cast(x, "float32", name)


def argmax(
    input: Any, axis: int | None = None, name: str = "ArgMax", dimension: int | None = None, output_type: Any = int64
) -> Tensor:
    """Return where along an axis the largest entry stands; axis 0 by default, as in TensorFlow."""
    return cast(_position(formulas.argmax, input, axis, dimension, name), output_type)


def argmin(
    input: Any, axis: int | None = None, name: str = "ArgMin", dimension: int | None = None, output_type: Any = int64
) -> Tensor:
    """Return where along an axis the smallest entry stands; axis 0 by default, as in TensorFlow."""
    return cast(_position(formulas.argmin, input, axis, dimension, name), output_type)


def _position(formula: Any, input: Any, axis: int | None, dimension: int | None, name: str) -> Tensor:
    axis = dimension if axis is None else axis
    return add_formula(formula, (convert_to_tensor(input),), {"axis": 0 if axis is None else axis}, name)


def where(condition: Any, x: Any = None, y: Any = None, name: str = "Select") -> Tensor:
    """Return x where the condition holds, y elsewhere; all three are broadcast."""
    if x is None or y is None:
        raise TypeError("where takes a condition and two tensors; the form with a condition alone is not offered")
    return add_formula(op.where, (condition, x, y), name=name)


def clip_by_value(t: Any, clip_value_min: Any, clip_value_max: Any, name: str = "clip_by_value") -> Tensor:
    """Return the tensor with what lies outside the two values put onto the nearer; no gradient flows there."""
    t = convert_to_tensor(t)
    if isinstance(clip_value_min, int | float) and isinstance(clip_value_max, int | float):
        return add_formula(op.clip, (t,), {"low": clip_value_min, "high": clip_value_max}, name)
    return add_formula(op.minimum, (add_formula(op.maximum, (t, clip_value_min)), clip_value_max), name=name)


def add_n(inputs: Sequence[Any], name: str = "AddN") -> Tensor:
    """Return the sum of several tensors of one shape."""
    return add_formula(formulas.add_n, [convert_to_tensor(x) for x in inputs], name=name)


def tensordot(a: Any, b: Any, axes: int = 1, name: str = "Tensordot") -> Tensor:
    """Return the product of vectors, matrices or stacks that sums over the last axis of `a` and the first of `b`."""
    if axes != 1:
        raise ValueError(f"axes must be 1, other sums are not offered; got {axes!r}")
    a = convert_to_tensor(a)
    return add_formula(op.matmul, (a, convert_to_tensor(b, like=a)), name=name)


# ---- reductions -----------------------------------------------------------------------------------------------------


def _reduction(name: str, formula: Any, kind: str) -> Any:
    def function(
        input_tensor: Any,
        axis: Any = None,
        keepdims: bool | None = None,
        name: str | None = None,
        reduction_indices: Any = None,
        keep_dims: bool | None = None,
    ) -> Tensor:
        x = convert_to_tensor(input_tensor)
        axis = reduction_indices if axis is None else axis
        axis = tuple(int(a) for a in axis) if isinstance(axis, list | tuple) else axis
        options = {"axis": axis, "keepdims": bool(keepdims or keep_dims)}
        if not x.dtype.is_integer:
            return add_formula(formula, (x,), options, name or kind)
        given = cast(x, "float64") if kind in ("Mean", "LogSumExp") else x
        return cast(add_formula(formula, (given,), options, name or kind), x.dtype)  # numpy adds up int32 as int64

    _named(function, name, formula)
    function.__doc__ = (
        f"{formula.__doc__.splitlines()[0]}\n\nParameters\n----------\ninput_tensor : Tensor\n    What to reduce.\n"
        f"axis : int or list of int, optional\n    Along which; all by default. ``reduction_indices`` is its older "
        f"name.\nkeepdims : bool, default False\n    Keep the axes, with length 1; formerly ``keep_dims``.\n\n"
        f"Of integers the result is an integer, the mean too: cast them to floats first.\n"
    )
    return function


reduce_sum = _reduction("reduce_sum", op.sum, "Sum")
reduce_mean = _reduction("reduce_mean", op.mean, "Mean")
reduce_max = _reduction("reduce_max", op.max, "Max")
reduce_min = _reduction("reduce_min", op.min, "Min")
reduce_prod = _reduction("reduce_prod", op.prod, "Prod")
reduce_logsumexp = _reduction("reduce_logsumexp", op.logsumexp, "LogSumExp")
reduce_all = _reduction("reduce_all", formulas.all_true, "All")
reduce_any = _reduction("reduce_any", formulas.any_true, "Any")
