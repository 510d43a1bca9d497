"""The table that the tests of `dlkit.tf` are driven by: a row for each way to call a function of tf or tf.nn.

A row is called with a module, ours or TensorFlow's, and tensors of its graph; so one table asks both the same. Where to
try it is made as for `autograd_table`, whose points keep away from kinks and poles.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from autograd_table import anywhere, distinct, either_side, off, positive, softmax


@dataclass(frozen=True)
class Row:
    """One way to call a function.

    Parameters
    ----------
    name : str
        The function's, and what is special about the call.
    makers : tuple of callable
        Of the points, floats or integers. Floats are given as placeholders of the tested type, integers of int32.
    call : callable
        ``call(tf, *tensors)``.
    numpys : callable
        The same for arrays.
    smooth : int
        How many derivatives are checked: 0 where there is none to speak of, 1 where the second is 0 or not smooth.
    shapes : {"any", "rows", "known"}
        What the call can do without: all of the shapes, the number of rows, or nothing.
    theirs : bool
        Whether TensorFlow gives the same.
    """

    name: str
    makers: tuple[Callable[[np.random.Generator], np.ndarray], ...]
    call: Callable[..., Any]
    numpys: Callable[..., Any]
    smooth: int = 2
    shapes: str = "any"
    theirs: bool = True

    def points(self, dtype: str = "float64") -> list[np.ndarray]:
        rng = np.random.default_rng([*self.name.encode()])
        made = [np.asarray(make(rng)) for make in self.makers]
        return [x.astype({"f": dtype, "i": "int32", "b": "bool"}[x.dtype.kind]) for x in made]


ROWS: list[Row] = []


def row(name, makers, call, numpys, **more):
    ROWS.append(Row(name, makers if isinstance(makers, tuple) else (makers,), call, numpys, **more))


def whole(low, high, *shape):
    return lambda rng: rng.integers(low, high, shape)


def yes_no(*shape):
    return lambda rng: rng.random(shape) < 0.5


def far_from_whole(*shape):
    """For what jumps at whole numbers and halves."""
    return lambda rng: rng.integers(-3, 3, shape) + rng.choice([0.2, 0.3, 0.7, 0.8], shape)


# ---- entry by entry -------------------------------------------------------------------------------------------------

for name, where, smooth, numpys in (
    ("abs", off(0), 1, np.abs),
    ("cos", anywhere, 2, np.cos),
    ("exp", anywhere, 2, np.exp),
    ("expm1", anywhere, 2, np.expm1),
    ("log", positive, 2, np.log),
    ("log1p", positive, 2, np.log1p),
    ("negative", anywhere, 1, np.negative),
    ("sigmoid", anywhere, 2, lambda x: 1 / (1 + np.exp(-x))),
    ("sin", anywhere, 2, np.sin),
    ("sqrt", positive, 2, np.sqrt),
    ("square", anywhere, 2, np.square),
    ("tanh", anywhere, 2, np.tanh),
    ("sign", off(0), 0, np.sign),
    ("floor", far_from_whole, 0, np.floor),
    ("ceil", far_from_whole, 0, np.ceil),
    ("round", far_from_whole, 0, np.round),
    ("identity", anywhere, 1, lambda x: x),
    ("stop_gradient", anywhere, 0, lambda x: x),
    ("ones_like", anywhere, 0, np.ones_like),
    ("zeros_like", anywhere, 0, np.zeros_like),
):
    for shape in ((2, 3), ()):
        row(
            name + " of a scalar" * (not shape),
            where(*shape),
            lambda tf, x, name=name: getattr(tf, name)(x),
            numpys,
            smooth=smooth,
        )
for name, sign, numpys in (
    ("add", "+", np.add),
    ("subtract", "-", np.subtract),
    ("multiply", "*", np.multiply),
    ("divide", "/", np.divide),
    ("truediv", "/", np.divide),
    ("realdiv", "/", np.divide),
    ("div", "/", np.divide),
    ("pow", "**", np.power),
):
    left = positive if name == "pow" else anywhere
    right = positive if sign == "/" else anywhere
    smooth = 2 if sign in ("*", "/", "**") else 1
    for note, shapes in (("", ((2, 3), (2, 3))), ("row", ((2, 3), (3,))), ("scalars", ((), ()))):
        makers = (left(*shapes[0]), right(*shapes[1]))
        row(
            f"{name} {note}".strip(), makers, lambda tf, x, y, name=name: getattr(tf, name)(x, y), numpys, smooth=smooth
        )
    row(
        f"{name} number",
        left(2, 3),
        lambda tf, x, name=name: getattr(tf, name)(x, 2.5),
        lambda x, numpys=numpys: numpys(x, 2.5),
        smooth=2 if name == "pow" else 1,
    )
for note, makers, call, smooth in (
    ("x + y", (anywhere(2, 3), anywhere(3)), lambda x, y: x + y, 1),
    ("x - y", (anywhere(2, 3), anywhere(2, 1)), lambda x, y: x - y, 1),
    ("x * y", (anywhere(2, 3), anywhere()), lambda x, y: x * y, 2),
    ("x / y", (anywhere(2, 3), positive(2, 3)), lambda x, y: x / y, 2),
    ("x ** y", (positive(2, 3), anywhere(3)), lambda x, y: x**y, 2),
    ("x @ y", (anywhere(2, 3), anywhere(3, 2)), lambda x, y: x @ y, 2),
    ("2 + x", (anywhere(2, 3),), lambda x: 2 + x, 1),
    ("2 - x", (anywhere(2, 3),), lambda x: 2 - x, 1),
    ("2 * x", (anywhere(2, 3),), lambda x: 2 * x, 1),
    ("2 / x", (positive(2, 3),), lambda x: 2 / x, 2),
    ("2.0 ** x", (anywhere(2, 3),), lambda x: 2.0**x, 2),
    ("x ** 3", (anywhere(2, 3),), lambda x: x**3, 2),
    ("array * x", (anywhere(2, 3),), lambda x: np.array([1.0, 2.0, 4.0]) * x, 1),
    ("x - array", (anywhere(2, 3),), lambda x: x - np.array([1, 2, 4]), 1),
    ("numpy's number * x", (anywhere(2, 3),), lambda x: np.sqrt(2.0) * x, 1),
    ("-x", (anywhere(2, 3),), lambda x: -x, 1),
    ("abs(x)", (off(0)(2, 3),), abs, 1),
    ("x // y", (positive(2, 3), positive(3)), lambda x, y: x // y, 0),
    ("7 // x", (positive(2, 3),), lambda x: 7 // x, 0),
    ("7 % x", (positive(2, 3),), lambda x: 7 % x, 0),
    ("x < y", (anywhere(2, 3), anywhere(3)), lambda x, y: x < y, 0),
    ("x <= y", (anywhere(2, 3), anywhere(3)), lambda x, y: x <= y, 0),
    ("x > 0", (anywhere(2, 3),), lambda x: x > 0, 0),
    ("x >= y", (anywhere(2, 3), anywhere(3)), lambda x, y: x >= y, 0),
    ("i + j", (whole(-5, 5, 2, 3), whole(-5, 5, 3)), lambda x, y: x + y, 0),
    ("i - 2", (whole(-5, 5, 2, 3),), lambda x: x - 2, 0),
    ("i * j", (whole(-5, 5, 2, 3), whole(-5, 5, 2, 3)), lambda x, y: x * y, 0),
    ("i / 2", (whole(-5, 5, 2, 3),), lambda x: x / 2, 0),
    ("i // 3", (whole(-9, 9, 2, 3),), lambda x: x // 3, 0),
    ("i % 3", (whole(-9, 9, 2, 3),), lambda x: x % 3, 0),
    ("i ** 2", (whole(-5, 5, 2, 3),), lambda x: x**2, 0),
    ("~b", (yes_no(2, 3),), lambda x: ~x, 0),
    ("b & c", (yes_no(2, 3), yes_no(2, 3)), lambda x, y: x & y, 0),
    ("b | c", (yes_no(2, 3), yes_no(3)), lambda x, y: x | y, 0),
):
    row(note, makers, lambda tf, *xs, call=call: call(*xs), call, smooth=smooth)
row("x % y", (anywhere(2, 3), positive(3)), lambda tf, x, y: x % y, np.mod, smooth=0)
for name, numpys in (("maximum", np.maximum), ("minimum", np.minimum)):
    for note, shapes in (("", ((2, 3), (2, 3))), ("row", ((2, 1), (3,))), ("scalars", ((), ()))):
        makers = (distinct(*shapes[0]), either_side(*shapes[1]))
        row(f"{name} {note}".strip(), makers, lambda tf, x, y, name=name: getattr(tf, name)(x, y), numpys, smooth=1)
    row(
        f"{name} number",
        off(0.5)(2, 3),
        lambda tf, x, name=name: getattr(tf, name)(x, 0.5),
        lambda x, numpys=numpys: numpys(x, 0.5),
        smooth=1,
    )
for name, numpys in (
    ("equal", np.equal),
    ("not_equal", np.not_equal),
    ("less", np.less),
    ("less_equal", np.less_equal),
    ("greater", np.greater),
    ("greater_equal", np.greater_equal),
    ("floordiv", np.floor_divide),
    ("mod", np.mod),
):
    makers = (whole(-3, 3, 3, 4), whole(1, 3, 4))
    row(f"{name} of integers", makers, lambda tf, x, y, name=name: getattr(tf, name)(x, y), numpys, smooth=0)
    makers = (distinct(2, 3), positive(3))
    row(f"{name} of floats", makers, lambda tf, x, y, name=name: getattr(tf, name)(x, y), numpys, smooth=0)
row("div of integers", whole(-9, 9, 2, 3), lambda tf, x: tf.div(x, 2), lambda x: x // 2, smooth=0)
for name, numpys in (("logical_and", np.logical_and), ("logical_or", np.logical_or)):
    makers = (yes_no(3, 4), yes_no(3, 4))
    row(name, makers, lambda tf, x, y, name=name: getattr(tf, name)(x, y), numpys, smooth=0)
row("logical_not", yes_no(3, 4), lambda tf, x: tf.logical_not(x), np.logical_not, smooth=0)
row("cast to integers", off(0)(2, 3), lambda tf, x: tf.cast(3 * x, tf.int32), lambda x: (3 * x).astype("i4"), smooth=0)
row("cast to bool", whole(0, 2, 2, 3), lambda tf, i: tf.cast(i, "bool"), lambda i: i.astype(bool), smooth=0)
row(
    "cast there and back",
    anywhere(2, 3),
    lambda tf, x: tf.cast(tf.cast(x, tf.float64) ** 3, x.dtype),
    lambda x: x**3,
)
row("to_float", whole(-3, 3, 4), lambda tf, i: tf.to_float(i), lambda i: i.astype("f4"), smooth=0)
row(
    "where",
    (anywhere(2, 3), anywhere(2, 3)),
    lambda tf, x, y: tf.where(x > y, x * x, y * 3),
    lambda x, y: np.where(x > y, x * x, y * 3),
)
row(
    "where with a list",
    (anywhere(3), anywhere(3)),
    lambda tf, x, y: tf.where([True, False, True], x, y),
    lambda x, y: np.where([True, False, True], x, y),
    smooth=1,
)
row(
    "clip_by_value",
    off(-0.5, 0.75)(3, 4),
    lambda tf, x: tf.clip_by_value(x, -0.5, 0.75),
    lambda x: x.clip(-0.5, 0.75),
    smooth=1,
)
row(
    "clip_by_value by tensors",
    (off(-0.5, 0.75)(3, 4), lambda rng: np.array(-0.5)),
    lambda tf, x, low: tf.clip_by_value(x, low, -1.5 * low),
    lambda x, low: x.clip(low, -1.5 * low),
    smooth=1,
)
row("add_n", (anywhere(2, 3),) * 3, lambda tf, *xs: tf.add_n([*xs, xs[0]]), lambda x, y, z: 2 * x + y + z, smooth=1)
row("add_n of one", anywhere(2, 3), lambda tf, x: tf.add_n([x]), lambda x: x, smooth=1)

# ---- products -------------------------------------------------------------------------------------------------------

for note, shapes, options in (
    ("", ((2, 3), (3, 4)), {}),
    ("transposed first", ((3, 2), (3, 4)), {"transpose_a": True}),
    ("transposed second", ((2, 3), (4, 3)), {"transpose_b": True}),
    ("transposed both", ((3, 2), (4, 3)), {"transpose_a": True, "transpose_b": True}),
    ("of stacks", ((2, 2, 3), (2, 3, 2)), {}),
    ("of stacks, transposed second", ((2, 2, 3), (2, 4, 3)), {"transpose_b": True}),
    ("of stacks, transposed first", ((2, 3, 2), (2, 3, 4)), {"transpose_a": True}),
):
    row(
        f"matmul {note}".strip(),
        tuple(anywhere(*shape) for shape in shapes),
        lambda tf, x, y, options=options: tf.matmul(x, y, **options),
        lambda x, y, options=options: (
            (np.swapaxes(x, -1, -2) if "transpose_a" in options else x)
            @ (np.swapaxes(y, -1, -2) if "transpose_b" in options else y)
        ),
        shapes="rows" if options else "any",
    )
row("tensordot", (anywhere(2, 3), anywhere(3)), lambda tf, x, y: tf.tensordot(x, y, 1), lambda x, y: x @ y)
row(
    "nn.xw_plus_b",
    (anywhere(4, 3), anywhere(3, 2), anywhere(2)),
    lambda tf, *xs: tf.nn.xw_plus_b(*xs),
    lambda x, w, b: x @ w + b,
)
row("nn.bias_add", (anywhere(4, 3), anywhere(3)), lambda tf, x, b: tf.nn.bias_add(x, b), np.add, smooth=1)

# ---- reductions -----------------------------------------------------------------------------------------------------

REDUCTIONS = (
    ("reduce_sum", np.sum, anywhere, 1),
    ("reduce_mean", np.mean, anywhere, 1),
    ("reduce_max", np.max, distinct, 1),
    ("reduce_min", np.min, distinct, 1),
    ("reduce_prod", np.prod, positive, 2),
    ("reduce_logsumexp", lambda x, **how: np.log(np.sum(np.exp(x), **how)), anywhere, 2),
)
for name, numpys, where, smooth in REDUCTIONS:
    for note, options, same in (
        ("all", {}, {}),
        ("axis 0", {"axis": 0}, {"axis": 0}),
        ("axis -1 kept", {"axis": -1, "keepdims": True}, {"axis": -1, "keepdims": True}),
        ("axes", {"axis": [0, 2]}, {"axis": (0, 2)}),
        ("reduction_indices", {"reduction_indices": [1]}, {"axis": 1}),
        ("keep_dims", {"axis": 1, "keep_dims": True}, {"axis": 1, "keepdims": True}),
    ):
        row(
            f"{name} {note}",
            where(2, 3, 2),
            lambda tf, x, name=name, options=options: getattr(tf, name)(x, **options),
            lambda x, numpys=numpys, same=same: numpys(x, **same),
            smooth=smooth,
            shapes="any" if len(options) < 2 and note in ("all", "axis 0") else "rows",
        )
    row(
        f"{name} of a scalar",
        where(),
        lambda tf, x, name=name: getattr(tf, name)(x),
        lambda x: x,
        smooth=1,
    )
for name, numpys in (("reduce_sum", np.sum), ("reduce_max", np.max), ("reduce_min", np.min), ("reduce_prod", np.prod)):
    row(
        f"{name} of integers",
        whole(-4, 4, 3, 2),
        lambda tf, x, name=name: getattr(tf, name)(x, 0),
        lambda x, numpys=numpys: numpys(x, 0).astype("i4"),
        smooth=0,
    )
row(
    "reduce_mean of integers",
    whole(-4, 4, 3, 2),
    lambda tf, x: tf.reduce_mean(x),
    lambda x: np.trunc(x.mean()).astype("i4"),
    smooth=0,
)
for name, numpys in (("reduce_all", np.all), ("reduce_any", np.any)):
    row(
        name,
        yes_no(4, 2),
        lambda tf, x, name=name: getattr(tf, name)(x, 1),
        lambda x, numpys=numpys: numpys(x, 1),
        smooth=0,
    )
for name, numpys in (("argmax", np.argmax), ("argmin", np.argmin)):
    for note, call, axis in (
        ("", lambda f, x: f(x), 0),
        ("axis 1", lambda f, x: f(x, 1), 1),
        ("axis -1", lambda f, x: f(x, axis=-1), 1),
        ("dimension", lambda f, x: f(x, dimension=1), 1),
    ):
        row(
            f"{name} {note}".strip(),
            distinct(3, 4),
            lambda tf, x, name=name, call=call: call(getattr(tf, name), x),
            lambda x, numpys=numpys, axis=axis: numpys(x, axis),
            smooth=0,
            shapes="any" if axis == 0 else "rows",
        )
row(
    "argmax as int32",
    distinct(3, 4),
    lambda tf, x: tf.argmax(x, 1, output_type=tf.int32),
    lambda x: x.argmax(1).astype("i4"),
    smooth=0,
    shapes="rows",
)
row("argmax of equals", whole(0, 2, 50), lambda tf, x: tf.argmax(x), np.argmax, smooth=0)

# ---- shapes ---------------------------------------------------------------------------------------------------------

for note, key in (
    ("row", 1),
    ("last", -1),
    ("entry", (1, -2)),
    ("rows", slice(1, 3)),
    ("up to", slice(None, 2)),
    ("beyond", slice(1, 100)),
    ("columns", (slice(None), slice(1, None))),
    ("column", (slice(None), 2)),
    ("every second backwards", (slice(None, None, -2), 0)),
    ("row backwards", (1, slice(None, None, -1))),
    ("new axis, then backwards", (None, slice(None), None, slice(2, None, -1))),
    ("dots", (..., 0)),
    ("new axis", (None, 1, slice(1, 3), None)),
    ("new axis at the end", (..., None)),
):
    row(
        f"x[] {note}",
        anywhere(3, 4),
        lambda tf, x, key=key: x[key],
        lambda x, key=key: x[key],
        smooth=1,
        shapes={"row": "any", "last": "any", "dots": "any", "new axis at the end": "any"}.get(
            note, "known" if "backwards" in note else "rows"
        ),
    )
row("x[] tensor", (anywhere(3, 4), whole(0, 3)), lambda tf, x, i: x[i], lambda x, i: x[i], smooth=1)
row("gather", (anywhere(3, 4), whole(0, 3, 5)), lambda tf, x, i: tf.gather(x, i), lambda x, i: x[i], smooth=1)
row(
    "gather axis 1",
    (anywhere(3, 4), whole(0, 4, 2, 3)),
    lambda tf, x, i: tf.gather(x, i, axis=1),
    lambda x, i: x[:, i],
    smooth=1,
    shapes="rows",
)
row("gather squared", (anywhere(3, 4), whole(0, 3, 5)), lambda tf, x, i: tf.gather(x, i) ** 3, lambda x, i: x[i] ** 3)
for axis in (0, 1, -1):
    row(
        f"concat {axis}",
        (anywhere(2, 3), anywhere(2, 3)),
        lambda tf, x, y, axis=axis: tf.concat([x, 2 * y], axis),
        lambda x, y, axis=axis: np.concatenate([x, 2 * y], axis),
        smooth=1,
    )
    row(
        f"stack {axis}",
        (anywhere(2, 3), anywhere(2, 3)),
        lambda tf, x, y, axis=axis: tf.stack([x, 2 * y], axis=axis),
        lambda x, y, axis=axis: np.stack([x, 2 * y], axis),
        smooth=1,
    )
row("list of tensors", (anywhere(2), anywhere(2)), lambda tf, x, y: tf.square([x, y]), lambda x, y: np.square([x, y]))
for note, shape, to in (
    ("", (2, 6), (3, 4)),
    ("rest", (4, 3), (-1, 6)),
    ("flat", (2, 3), [-1]),
    ("scalar", (1, 1), []),
):
    row(
        f"reshape {note}".strip(),
        anywhere(*shape),
        lambda tf, x, to=to: tf.reshape(x, to),
        lambda x, to=to: x.reshape(to),
        smooth=1,
    )
row(
    "reshape by tensors",
    anywhere(2, 6),
    lambda tf, x: tf.reshape(x, [tf.shape(x)[0], 2, -1]) ** 2,
    lambda x: x.reshape(2, 2, 3) ** 2,
)
row(
    "reshape as another",
    (anywhere(2, 6), anywhere(3, 4)),
    lambda tf, x, y: tf.reshape(x, tf.shape(y)) * y,
    lambda x, y: x.reshape(3, 4) * y,
)
for perm in (None, [0, 2, 1], (2, 0, 1)):
    row(
        f"transpose {perm}",
        anywhere(2, 3, 4),
        lambda tf, x, perm=perm: tf.transpose(x, perm),
        lambda x, perm=perm: x.transpose(perm),
        smooth=1,
        shapes="any" if perm is None else "rows",
    )
row("expand_dims", anywhere(2, 3), lambda tf, x: tf.expand_dims(x, 1), lambda x: x[:, None], smooth=1, shapes="rows")
row("expand_dims at the end", anywhere(2, 3), lambda tf, x: tf.expand_dims(x, -1), lambda x: x[..., None], smooth=1)
row("squeeze", anywhere(1, 3, 1), lambda tf, x: tf.squeeze(x), lambda x: x[0, :, 0], smooth=1, shapes="known")
row("squeeze axis", anywhere(1, 3, 1), lambda tf, x: tf.squeeze(x, [0]), lambda x: x[0], smooth=1)
row(
    "squeeze axes",
    anywhere(1, 3, 1),
    lambda tf, x: tf.squeeze(x, axis=[0, -1]),
    lambda x: x[0, :, 0],
    smooth=1,
    shapes="rows",
)
row("tile", anywhere(2, 3), lambda tf, x: tf.tile(x, [2, 3]), lambda x: np.tile(x, (2, 3)), smooth=1, shapes="rows")
row("tile once", anywhere(2, 3), lambda tf, x: tf.tile(x, [1, 1]), lambda x: x, smooth=1)
row("split", anywhere(2, 6), lambda tf, x: tf.split(x, 3, axis=1)[1], lambda x: x[:, 2:4], smooth=1, shapes="rows")
row("split rows", anywhere(4, 3), lambda tf, x: tf.split(x, 2)[1], lambda x: x[2:], smooth=1, shapes="known")
row(
    "split lengths",
    anywhere(2, 6),
    lambda tf, x: tf.split(x, [1, 3, 2], -1)[2],
    lambda x: x[:, 4:],
    smooth=1,
    shapes="rows",
)
row("unstack", anywhere(3, 2), lambda tf, x: tf.unstack(x)[2], lambda x: x[2], smooth=1, shapes="known")
row("unstack axis", anywhere(3, 2), lambda tf, x: tf.unstack(x, axis=1)[1], lambda x: x[:, 1], smooth=1, shapes="rows")
row("unstack num", anywhere(3, 2), lambda tf, x: tf.unstack(x, num=3)[0], lambda x: x[0], smooth=1, shapes="rows")
row("shape", anywhere(2, 3), lambda tf, x: tf.shape(x), lambda x: np.array(x.shape, "i4"), smooth=0)
row(
    "shape as int64",
    anywhere(2, 3),
    lambda tf, x: tf.shape(x, out_type=tf.int64),
    lambda x: np.array(x.shape, "i8"),
    smooth=0,
)
row("size", anywhere(2, 3), lambda tf, x: tf.size(x), lambda x: np.int32(6), smooth=0)
row("rank", anywhere(2, 3), lambda tf, x: tf.rank(x), lambda x: np.int32(2), smooth=0)
row(
    "mean by hand",
    anywhere(4, 3),
    lambda tf, x: tf.reduce_sum(x, 0) / tf.cast(tf.shape(x)[0], x.dtype),
    lambda x: x.mean(0),
    smooth=1,
)
row(
    "one_hot",
    whole(-1, 4, 5),
    lambda tf, i: tf.one_hot(i, 3),
    lambda i: (i[:, None] == np.arange(3)).astype("f4"),
    smooth=0,
)
row(
    "one_hot on off",
    whole(0, 3, 2, 2),
    lambda tf, i: tf.one_hot(i, 3, on_value=5, off_value=-1, dtype=tf.int32),
    lambda i: np.where(i[..., None] == np.arange(3), 5, -1).astype("i4"),
    smooth=0,
)
row(
    "ones_like as integers",
    anywhere(2, 3),
    lambda tf, x: tf.ones_like(x, dtype=tf.int32),
    lambda x: np.ones((2, 3), "i4"),
    smooth=0,
)
row(
    "zeros_like as bool",
    anywhere(2, 3),
    lambda tf, x: tf.zeros_like(x, dtype=tf.bool),
    lambda x: np.zeros((2, 3), bool),
    smooth=0,
)
row("zeros", anywhere(2, 3), lambda tf, x: tf.zeros([2, 3]), lambda x: np.zeros((2, 3), "f4"), smooth=0)
row("ones", anywhere(2, 3), lambda tf, x: tf.ones((2, 3), tf.int64), lambda x: np.ones((2, 3), "i8"), smooth=0)
row(
    "zeros by a tensor", anywhere(2, 3), lambda tf, x: tf.zeros(tf.shape(x)), lambda x: np.zeros((2, 3), "f4"), smooth=0
)
row(
    "ones by tensors",
    anywhere(2, 3),
    lambda tf, x: tf.ones([tf.shape(x)[0], 4]),
    lambda x: np.ones((2, 4), "f4"),
    smooth=0,
)
row("fill", anywhere(2, 3), lambda tf, x: tf.fill([3], 2.5), lambda x: np.full(3, 2.5, "f4"), smooth=0)
row(
    "fill with integers",
    anywhere(2, 3),
    lambda tf, x: tf.fill(tf.shape(x), 7),
    lambda x: np.full((2, 3), 7, "i4"),
    smooth=0,
)
row("fill with a tensor", anywhere(), lambda tf, x: tf.fill([2, 2], x), lambda x: np.full((2, 2), x), smooth=1)
row("linspace", anywhere(2, 3), lambda tf, x: tf.linspace(0.0, 3.0, 4), lambda x: np.arange(4, dtype="f4"), smooth=0)
row("constant", anywhere(2, 3), lambda tf, x: x * tf.constant(2.0, x.dtype, [3]), lambda x: 2 * x, smooth=1)

# ---- tf.nn ----------------------------------------------------------------------------------------------------------

for name, where, smooth, numpys in (
    ("relu", off(0), 1, lambda x: np.maximum(x, 0)),
    ("relu6", lambda *shape: lambda rng: 5 * off(0, 1.2)(*shape)(rng), 1, lambda x: x.clip(0, 6)),
    ("leaky_relu", off(0), 1, lambda x: np.where(x > 0, x, 0.2 * x)),
    ("elu", off(0), 2, lambda x: np.where(x > 0, x, np.exp(x) - 1)),
    ("sigmoid", anywhere, 2, lambda x: 1 / (1 + np.exp(-x))),
    ("tanh", anywhere, 2, np.tanh),
    ("softplus", anywhere, 2, lambda x: np.log(1 + np.exp(x))),
    ("l2_loss", anywhere, 1, lambda x: np.sum(x**2) / 2),
):
    for shape in ((2, 3), ()):
        row(
            f"nn.{name}" + " of a scalar" * (not shape),
            where(*shape),
            lambda tf, x, name=name: getattr(tf.nn, name)(x),
            numpys,
            smooth=smooth,
        )
row(
    "nn.leaky_relu alpha",
    off(0)(2, 3),
    lambda tf, x: tf.nn.leaky_relu(x, alpha=0.01),
    lambda x: np.where(x > 0, x, 0.01 * x),
    smooth=1,
)
for name, numpys in (("softmax", softmax), ("log_softmax", lambda x, axis: np.log(softmax(x, axis)))):
    for note, options, axis in (("", {}, -1), ("axis", {"axis": 0}, 0), ("dim", {"dim": 1}, 1)):
        row(
            f"nn.{name} {note}".strip(),
            anywhere(2, 3),
            lambda tf, x, name=name, options=options: getattr(tf.nn, name)(x, **options),
            lambda x, numpys=numpys, axis=axis: numpys(x, axis),
            shapes="rows" if axis == 1 else "any",
        )


def distributions(rng):
    return softmax(rng.standard_normal((4, 3)), -1)


def cross_entropy(labels, logits):
    return -(labels * np.log(softmax(logits, -1))).sum(-1)


row(
    "nn.softmax_cross_entropy_with_logits_v2",
    (distributions, anywhere(4, 3)),
    lambda tf, y, x: tf.nn.softmax_cross_entropy_with_logits_v2(labels=y, logits=x),
    cross_entropy,
)
row(
    "nn.softmax_cross_entropy_with_logits",
    anywhere(4, 3),
    lambda tf, x: tf.nn.softmax_cross_entropy_with_logits(labels=tf.one_hot([2, 0, 1, 1], 3, dtype=x.dtype), logits=x),
    lambda x: cross_entropy(np.eye(3)[[2, 0, 1, 1]], x),
)
row(
    "nn.softmax_cross_entropy_with_logits with integers",
    (lambda rng: np.eye(3, dtype=int)[rng.integers(0, 3, 4)], anywhere(4, 3)),
    lambda tf, i, x: tf.nn.softmax_cross_entropy_with_logits(labels=i, logits=x),
    cross_entropy,
)
row(
    "nn.sparse_softmax_cross_entropy_with_logits",
    (whole(0, 3, 4), anywhere(4, 3)),
    lambda tf, i, x: tf.nn.sparse_softmax_cross_entropy_with_logits(labels=i, logits=x),
    lambda i, x: cross_entropy(np.eye(3)[i], x),
)
row(
    "nn.sigmoid_cross_entropy_with_logits",
    (lambda rng: rng.random((4, 3)), off(0)(4, 3)),
    lambda tf, y, x: tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=x),
    lambda y, x: np.log(1 + np.exp(x)) - x * y,
    shapes="rows",
)
for note, axes in (("rows", [0]), ("all", [0, 1])):
    row(
        f"nn.moments mean {note}",
        anywhere(4, 3),
        lambda tf, x, axes=axes: tf.nn.moments(x, axes)[0],
        lambda x, axes=axes: x.mean(tuple(axes)),
        smooth=1,
    )
    row(
        f"nn.moments variance {note}",
        anywhere(4, 3),
        lambda tf, x, axes=axes: tf.nn.moments(x, axes)[1],
        lambda x, axes=axes: x.var(tuple(axes)),
        smooth=1,
    )
row(
    "nn.moments kept",
    anywhere(4, 3),
    lambda tf, x: tf.nn.moments(x, [0], keep_dims=True)[1],
    lambda x: x.var(0, keepdims=True),
    smooth=1,
)
row(
    "nn.batch_normalization",
    (anywhere(4, 3), anywhere(3), positive(3), anywhere(3), positive(3)),
    lambda tf, x, m, v, b, s: tf.nn.batch_normalization(x, m, v, b, s, 1e-3),
    lambda x, m, v, b, s: (x - m) / np.sqrt(v + 1e-3) * s + b,
)
row(
    "nn.batch_normalization alone",
    (anywhere(4, 3), anywhere(3), positive(3)),
    lambda tf, x, m, v: tf.nn.batch_normalization(x, m, v, None, None, 1e-3),
    lambda x, m, v: (x - m) / np.sqrt(v + 1e-3),
)
row(
    "nn.l2_normalize",
    anywhere(2, 3),
    lambda tf, x: tf.nn.l2_normalize(x, 1),
    lambda x: x / np.sqrt((x * x).sum(1, keepdims=True)),
    shapes="rows",
)
row(
    "nn.l2_normalize dim",
    anywhere(2, 3),
    lambda tf, x: tf.nn.l2_normalize(x, dim=0),
    lambda x: x / np.sqrt((x * x).sum(0)),
)
row("nn.dropout of nothing", anywhere(2, 3), lambda tf, x: tf.nn.dropout(x, keep_prob=1.0), lambda x: x, smooth=1)

row(
    "nn.in_top_k",
    (distinct(4, 3), whole(0, 3, 4)),
    lambda tf, x, i: tf.nn.in_top_k(x if x.dtype == tf.float32 else tf.cast(x, tf.float32), i, 2),
    lambda x, i: (x > x[np.arange(4), i][:, None]).sum(1) < 2,
    smooth=0,
    shapes="rows",
)

# ---- together -------------------------------------------------------------------------------------------------------


def normalised(tf, x, gamma):
    mean, variance = tf.nn.moments(x, [0])
    return tf.nn.batch_normalization(x, mean, variance, None, gamma, 1e-3)


row(
    "normalised batch",
    (anywhere(4, 3), positive(3)),
    normalised,
    lambda x, g: (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-3) * g,
    smooth=1,
)
row(
    "network",
    (anywhere(4, 3), anywhere(3, 5), anywhere(5), anywhere(5, 2)),
    lambda tf, x, w, b, v: tf.nn.log_softmax(tf.matmul(tf.nn.tanh(tf.add(tf.matmul(x, w), b)), v)),
    lambda x, w, b, v: np.log(softmax(np.tanh(x @ w + b) @ v, -1)),
)
row(
    "one operand twice",
    anywhere(2, 3),
    lambda tf, x: x * x + tf.exp(x) * x - tf.reduce_sum(x) * x,
    lambda x: x * x + np.exp(x) * x - x.sum() * x,
)
