"""The table that the tests of `dlkit.autograd.operations` are driven by: a row for each way to call an operation.

A row says how to call it, at which points, and how numpy and torch say the same. The points keep a distance from every
kink and pole: a gradient check moves each entry by h = ε^(1/3)·max(1, |x|) at most, 0.005 for float32 and entries up
to 1, 0.008 up to 1.6, so 0.1 is far away for both float types.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf, prod
from typing import Any

import numpy as np

from dlkit.autograd import Tensor, operations
from dlkit.autograd.operations import products, reductions, shapes

GAP = 0.1  # from any kink, and between entries that compete


# Where to check. Each takes a shape and gives a maker of points, for a generator of random numbers.


def anywhere(*shape):
    """For what is smooth everywhere."""
    return lambda rng: rng.uniform(-1.5, 1.5, shape)


def positive(*shape):
    """For logarithms, roots, powers: at least 0.4 from 0."""
    return lambda rng: rng.uniform(0.4, 1.6, shape)


def off(*kinks):
    """Away from the kinks."""

    def of_shape(*shape):
        def maker(rng):
            x = rng.uniform(-1.5, 1.5, shape)
            for kink in kinks:
                near = np.abs(x - kink) < GAP
                x = np.where(near, x + 2 * GAP, x)
            return x

        return maker

    return of_shape


def distinct(*shape):
    """For extremes: no two entries nearer than GAP."""
    return lambda rng: GAP * 1.5 * (rng.permutation(prod(shape)).reshape(shape) - 1.75)


def either_side(*shape):
    """For the larger and smaller of two, in a pair: `distinct` numbers shifted by half a step never meet these."""
    return lambda rng: GAP * 1.5 * (rng.permutation(prod(shape)).reshape(shape) - 1.25)


@dataclass(frozen=True)
class Row:
    """One way to call an operation.

    `same` is written against a library's own names and gets it as its first argument; `numpys` and `torchs` are for
    where the two libraries say it differently. `operands` are the positions that the arguments have in the operation,
    where those differ.
    """

    operation: Any
    makers: tuple[Callable[[np.random.Generator], np.ndarray], ...]
    call: Callable[..., Any]
    same: Callable[..., Any] | None = None
    numpys: Callable[..., Any] | None = None
    torchs: Callable[..., Any] | None = None
    note: str = ""
    operands: tuple[int, ...] = field(default=())

    @property
    def name(self) -> str:
        return f"{self.operation.name} {self.note}".strip().replace(" ", "-")

    def points(self, dtype: Any = np.float64) -> list[np.ndarray]:
        rng = np.random.default_rng([*self.name.encode()])
        return [np.asarray(make(rng)).astype(dtype)[()] for make in self.makers]

    def by_numpy(self, *arrays: np.ndarray) -> Any:
        return self.numpys(*arrays) if self.same is None else self.same(np, *arrays)

    def by_torch(self, *arrays: Any) -> Any:
        import torch

        return self.torchs(*arrays) if self.same is None else self.same(torch, *arrays)


def plain(array: Any, like: Any) -> Any:
    """Return a numpy array in the library and on the device of `like`, a Tensor or an array."""
    x = like.value if isinstance(like, Tensor) else like
    if isinstance(x, (np.ndarray, np.generic)):
        return array
    import torch

    return torch.from_numpy(array).to(x.device)


op = operations
ROWS: list[Row] = []


def row(operation, makers, call=None, **more):
    makers = makers if isinstance(makers, tuple) else (makers,)
    operands = more.pop("operands", tuple(range(len(makers))))
    ROWS.append(Row(operation, makers, call or operation, operands=operands, **more))


# Elementwise

for operation, same in (
    (op.add, lambda xp, x, y: x + y),
    (op.subtract, lambda xp, x, y: x - y),
    (op.multiply, lambda xp, x, y: x * y),
):
    row(operation, (anywhere(2, 3), anywhere(2, 3)), same=same)
    row(operation, (anywhere(2, 3), anywhere(3)), same=same, note="row")
    row(operation, (anywhere(2, 1), anywhere(4, 1, 3)), same=same, note="both broadcast")
    row(operation, (anywhere(), anywhere()), same=same, note="scalars")
row(op.divide, (anywhere(2, 3), positive(2, 3)), same=lambda xp, x, y: x / y)
row(op.divide, (anywhere(3), positive(2, 1)), same=lambda xp, x, y: x / y, note="broadcast")
row(op.divide, (anywhere(), positive()), same=lambda xp, x, y: x / y, note="scalars")
row(op.power, (positive(2, 3), anywhere(2, 3)), same=lambda xp, x, y: x**y)
row(op.power, (positive(2, 1), anywhere(3)), same=lambda xp, x, y: x**y, note="broadcast")
row(op.power, (positive(), anywhere()), same=lambda xp, x, y: x**y, note="scalars")
row(op.power, anywhere(2, 3), lambda y: op.power(2, y), same=lambda xp, y: 2**y, note="of a number", operands=(1,))
row(op.power, positive(2, 3), lambda x: op.power(x, 2.5), same=lambda xp, x: x**2.5, note="to a number")
for exponent, where in ((2, anywhere), (3, anywhere), (1, anywhere), (0, anywhere), (-2, positive), (0.5, positive)):
    row(
        op.power_of,
        where(2, 3),
        lambda x, exponent=exponent: op.power_of(x, exponent=exponent),
        same=lambda xp, x, exponent=exponent: x**exponent,
        note=str(exponent),
    )
for name, where in (
    ("negative", anywhere),
    ("square", anywhere),
    ("exp", anywhere),
    ("expm1", anywhere),
    ("log", positive),
    ("log1p", positive),
    ("sqrt", positive),
    ("sin", anywhere),
    ("cos", anywhere),
    ("tanh", anywhere),
    ("abs", off(0)),
    ("sign", off(0)),
    ("ones_like", anywhere),
):
    for shape in ((2, 3), ()):
        row(
            getattr(op, name),
            where(*shape),
            same=lambda xp, x, name=name: getattr(xp, name)(x),
            note="scalar" if shape == () else "",
        )
for name in ("maximum", "minimum"):
    operation = getattr(op, name)
    same = lambda xp, x, y, name=name: getattr(xp, name)(x, y)  # noqa: E731
    row(operation, (distinct(2, 3), either_side(2, 3)), same=same)
    row(operation, (distinct(2, 1), either_side(3)), same=same, note="broadcast")
    row(operation, (distinct(), either_side()), same=same, note="scalars")
row(
    op.maximum,
    off(0.5)(2, 3),
    lambda x: op.maximum(x, 0.5),
    same=lambda xp, x: xp.where(x > 0.5, x, 0.5),
    note="number",
)
row(
    op.minimum,
    off(0.5)(2, 3),
    lambda x: op.minimum(x, 0.5),
    same=lambda xp, x: xp.where(x < 0.5, x, 0.5),
    note="number",
)
for shape in ((3, 4), ()):
    row(
        op.clip,
        off(-0.5, 0.75)(*shape),
        lambda x: op.clip(x, low=-0.5, high=0.75),
        same=lambda xp, x: xp.clip(x, -0.5, 0.75),
        note="scalar" if shape == () else "",
    )
CONDITION = np.array([[True, False, True], [False, False, True]])
for makers, note in (((anywhere(2, 3), anywhere(2, 3)), ""), ((anywhere(3), anywhere(2, 1)), "broadcast")):
    row(
        op.where,
        makers,
        lambda x, y: op.where(plain(CONDITION, x), x, y),
        same=lambda xp, x, y: xp.where(plain(CONDITION, x), x, y),
        note=note,
        operands=(1, 2),
    )


# Networks


def softmax(x, axis):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def torch_functional(name):
    def function(*args, **options):
        import torch

        return getattr(torch.nn.functional, name)(*args, **options)

    return function


for shape in ((2, 3), ()):
    note = "scalar" if shape == () else ""
    row(op.sigmoid, anywhere(*shape), same=lambda xp, x: 1 / (1 + xp.exp(-x)), note=note)
    row(op.softplus, anywhere(*shape), same=lambda xp, x: xp.log(1 + xp.exp(x)), note=note)
    row(op.log_sigmoid, anywhere(*shape), same=lambda xp, x: -xp.log(1 + xp.exp(-x)), note=note)
    row(op.relu, off(0)(*shape), same=lambda xp, x: xp.where(x > 0, x, 0.0), note=note)
    row(
        op.gate,
        off(0)(*shape),
        lambda x: op.gate(x * x, x),  # by its second operand it is flat
        same=lambda xp, x: xp.where(x > 0, x * x, 0.0 * x),
        note=note,
        operands=(0,),
    )
    row(
        op.leaky_relu,
        off(0)(*shape),
        lambda x: op.leaky_relu(x, slope=0.2),
        same=lambda xp, x: xp.where(x > 0, x, 0.2 * x),
        note=note,
    )
    row(
        op.elu,
        off(0)(*shape),
        lambda x: op.elu(x, alpha=0.7),
        same=lambda xp, x: xp.where(x > 0, x, 0.7 * (xp.exp(x) - 1)),
        note=note,
    )
for axis, shape in ((-1, (3, 4)), (0, (3, 4)), (1, (2, 3, 2)), (-1, (4,))):
    note = f"axis {axis} of {len(shape)}"
    row(
        op.softmax,
        anywhere(*shape),
        lambda x, axis=axis: op.softmax(x, axis=axis),
        numpys=lambda x, axis=axis: softmax(x, axis),
        torchs=lambda x, axis=axis: torch_functional("softmax")(x, dim=axis),
        note=note,
    )
    row(
        op.log_softmax,
        anywhere(*shape),
        lambda x, axis=axis: op.log_softmax(x, axis=axis),
        numpys=lambda x, axis=axis: np.log(softmax(x, axis)),
        torchs=lambda x, axis=axis: torch_functional("log_softmax")(x, dim=axis),
        note=note,
    )
CLASSES = np.array([2, 0, 2])
DISTRIBUTIONS = np.array([[0.0, 0.25, 0.75], [1.0, 0.0, 0.0], [0.5, 0.25, 0.25]])  # exact in float32 as well


def distributions(x):
    return plain(DISTRIBUTIONS.astype(str(x.dtype).removeprefix("torch.")), x)


row(
    op.softmax_cross_entropy,
    anywhere(3, 3),
    lambda x: op.softmax_cross_entropy(x, y=plain(CLASSES, x)),
    numpys=lambda x: -np.log(softmax(x, 1))[np.arange(3), CLASSES],
    torchs=lambda x: torch_functional("cross_entropy")(x, plain(CLASSES, x), reduction="none"),
    note="classes",
)
row(
    op.softmax_cross_entropy,
    anywhere(3, 3),
    lambda x: op.softmax_cross_entropy(x, y=distributions(x)),
    numpys=lambda x: -(distributions(x) * np.log(softmax(x, 1))).sum(axis=1),
    torchs=lambda x: torch_functional("cross_entropy")(x, distributions(x), reduction="none"),
    note="distributions",
)


# Reductions

AXES = ((None, False), (0, False), (1, True), (-1, False), ((0, 2), False), ((0, -1), True), (None, True))


def axes_of(axis, rank):
    return tuple(range(rank)) if axis is None else axis


for axis, keepdims in AXES:
    options = {"axis": axis, "keepdims": keepdims}
    dims = {"dim": axes_of(axis, 3), "keepdim": keepdims}
    note = f"{axis} {'kept' if keepdims else ''}"
    for name, where, torchs in (
        ("sum", anywhere, "sum"),
        ("mean", anywhere, "mean"),
        ("max", distinct, "amax"),
        ("min", distinct, "amin"),
    ):
        row(
            getattr(op, name),
            where(2, 3, 2),
            lambda x, name=name, options=options: getattr(op, name)(x, **options),
            numpys=lambda x, name=name, options=options: getattr(np, name)(x, **options),
            torchs=lambda x, name=torchs, dims=dims: getattr(__import__("torch"), name)(x, **dims),
            note=note,
        )
    row(
        op.logsumexp,
        anywhere(2, 3, 2),
        lambda x, options=options: op.logsumexp(x, **options),
        numpys=lambda x, options=options: np.log(np.sum(np.exp(x), **options)),
        torchs=lambda x, dims=dims: x.logsumexp(**dims),
        note=note,
    )
    row(
        op.mean,
        anywhere(2, 3, 2),
        lambda x, options=options: op.var(x, **options),
        numpys=lambda x, options=options: np.var(x, **options),
        torchs=lambda x, dims=dims: x.var(correction=0, **dims),
        note=f"var {note}",
    )
    # |x|ᵖ has a kink at 0 for p = 1, and a second derivative that is not bounded there for p < 2
    for p in (1, 1.5, 2, 3):
        row(
            reductions._norm,
            off(0)(2, 3, 2),
            lambda x, p=p, options=options: op.norm(x, p, **options),
            numpys=lambda x, p=p, options=options: np.sum(np.abs(x) ** p, **options) ** (1 / p),
            torchs=lambda x, p=p, dims=dims: x.abs().pow(p).sum(**dims).pow(1 / p),
            note=f"p={p} {note}",
        )
for operation in (op.sum, op.mean, op.max, op.min, op.prod, op.logsumexp):
    row(operation, anywhere(), same=lambda xp, x: x * 1, note="of a scalar")
row(
    op.max,
    lambda rng: (distinct(2, 3)(rng) + 0.4) * [1, -1, 1],  # |x| from 0.14 up, and distinct as well
    lambda x: op.norm(x, inf, axis=1),
    numpys=lambda x: np.abs(x).max(axis=1),
    torchs=lambda x: x.abs().amax(1),
    note="norm",
)


def with_zeros(places):
    def maker(rng):
        x = anywhere(2, 3)(rng)
        x[tuple(zip(*places, strict=True))] = 0.0
        return x

    return maker


def products_by_torch(x, axis, keepdims):
    """Multiply along one axis after the other; torch takes no more than one at once."""
    axes = (axis,) if isinstance(axis, int) else axes_of(axis, x.ndim)
    for a in axes:
        x = x.prod(a, keepdim=True)
    return x if keepdims else x.squeeze(axes)


for zeros in ([], [(0, 1)], [(0, 1), (1, 1)], [(0, 0), (0, 1), (1, 2)]):
    for axis, keepdims in ((None, False), (0, False), (-1, True), ((0, -1), True)):
        row(
            op.prod,
            with_zeros(zeros) if zeros else anywhere(2, 3),
            lambda x, axis=axis, keepdims=keepdims: op.prod(x, axis=axis, keepdims=keepdims),
            numpys=lambda x, axis=axis, keepdims=keepdims: np.prod(x, axis=axis, keepdims=keepdims),
            torchs=lambda x, axis=axis, keepdims=keepdims: products_by_torch(x, axis, keepdims),
            note=f"{axis} {len(zeros) or 'no'} zeros",
        )


# Products

for left, right in (
    ((3,), (3,)),
    ((2, 3), (3, 4)),
    ((2, 3), (3,)),
    ((3,), (3, 4)),
    ((2, 2, 3), (3, 4)),
    ((2, 3), (2, 3, 4)),
    ((2, 1, 2, 3), (3, 3, 1)),
    ((2, 2, 3), (3,)),
    ((3,), (2, 3, 2)),
):
    row(
        op.matmul,
        (anywhere(*left), anywhere(*right)),
        same=lambda xp, x, y: xp.matmul(x, y),
        note=f"{left} {right}".replace(" ", ""),
    )
for shape in ((4, 3), (3,), (2, 2, 3)):
    row(
        op.linear,
        (anywhere(*shape), anywhere(3, 2), anywhere(2)),
        same=lambda xp, x, W, b: xp.matmul(x, W) + b,
        note=str(len(shape)),
    )
for subscripts, lengths in (
    ("ij,jk->ik", ((2, 3), (3, 2))),
    ("ij,ij->", ((2, 3), (2, 3))),
    ("i,j->ij", ((2,), (3,))),
    ("ij->ji", ((2, 3),)),
    ("ij->j", ((2, 3),)),
    ("ii->", ((3, 3),)),
    ("ii->i", ((3, 3),)),
    ("iij,j->i", ((2, 2, 3), (3,))),
    ("ijk,j->", ((2, 3, 2), (3,))),
    ("ij,jk,k->i", ((2, 3), (3, 2), (2,))),
    ("...i,...i->...", ((2, 3), (4, 2, 3))),
    ("b...,b->...", ((3, 2), (3,))),
    ("ij,jk", ((2, 3), (3, 2))),
    ("ij,ij->j", ((2, 3), (1, 3))),
):
    row(
        products._einsum,
        tuple(anywhere(*shape) for shape in lengths),
        lambda *xs, subscripts=subscripts: op.einsum(subscripts, *xs),
        same=lambda xp, *xs, subscripts=subscripts: xp.einsum(subscripts, *xs),
        note=subscripts,
    )


# Shapes

row(
    op.sum_to,
    anywhere(2, 3, 4),
    lambda x: op.sum_to(x, shape=(3, 1)),
    same=lambda xp, x: x.sum(0).sum(1)[:, None],
)
row(
    op.broadcast_to,
    anywhere(3, 1),
    lambda x: op.broadcast_to(x, shape=(2, 3, 4)),
    same=lambda xp, x: xp.broadcast_to(x, (2, 3, 4)),
)
row(op.reshape, anywhere(2, 6), lambda x: op.reshape(x, (3, -1)), same=lambda xp, x: x.reshape(3, 4))
for axes in (None, (2, 0, 1), (-1, 1, 0)):
    row(
        op.transpose,
        anywhere(2, 3, 4),
        lambda x, axes=axes: op.transpose(x, axes=axes),
        numpys=lambda x, axes=axes: np.transpose(x, axes),
        torchs=lambda x, axes=axes: x.permute(axes or (2, 1, 0)),
        note=str(axes),
    )
row(op.transpose, anywhere(2, 3), same=lambda xp, x: x.T, note="matrix")
row(op.matrix_transpose, anywhere(2, 3), same=lambda xp, x: x.T, note="matrix")
row(op.matrix_transpose, anywhere(2, 3, 4), same=lambda xp, x: xp.swapaxes(x, 1, 2), note="stack")
row(
    op.expand_dims,
    anywhere(2, 3),
    lambda x: op.expand_dims(x, axis=1),
    same=lambda xp, x: x[:, None],
)
row(op.squeeze, anywhere(2, 1, 3), lambda x: op.squeeze(x, axis=1), same=lambda xp, x: x[:, 0])
MASK = np.array([[True, False, True, True], [False, False, True, False], [True, False, False, False]])
for note, key in (
    ("number", 1),
    ("negative", -1),
    ("slice", slice(None, None, 2)),
    ("pair", (slice(1, None), -2)),
    ("dots", (..., 0)),
    ("new axis", (None, 1, None)),
    ("repeated", np.array([0, 2, 0, 0])),
    ("pairs repeated", (np.array([0, 2, 0]), np.array([1, 3, 1]))),
    ("slice and repeated", (slice(0, 2), np.array([1, 1, 3]))),
    ("mask", MASK),
    ("mask of rows", np.array([True, False, True])),
    ("mask and numbers", (np.array([True, False, True]), np.array([1, 1]))),
):

    def at(x, key=key):
        parts = key if isinstance(key, tuple) else (key,)
        moved = tuple(plain(part, x) if isinstance(part, np.ndarray) else part for part in parts)
        return x[moved if isinstance(key, tuple) else moved[0]]

    row(op.getitem, anywhere(3, 4), at, numpys=at, torchs=at, note=note)


def scattered(x):
    z = np.zeros((3, 2), x.dtype)
    np.add.at(z, [0, 2, 0], x)
    return z


row(
    shapes.scatter,
    anywhere(3, 2),
    lambda x: shapes.scatter(x, key=plain(np.array([0, 2, 0]), x), shape=(3, 2)),
    numpys=scattered,
    torchs=lambda x: x.new_zeros(3, 2).index_add(0, plain(np.array([0, 2, 0]), x), x),
)
for axis in (0, 1, -1):
    row(
        shapes._concatenate,
        (anywhere(2, 3), anywhere(2, 3), anywhere(2, 3)),
        lambda *xs, axis=axis: op.concatenate(xs, axis),
        same=lambda xp, *xs, axis=axis: xp.concatenate(xs, axis),
        note=str(axis),
    )
    row(
        shapes._stack,
        (anywhere(2, 3), anywhere(2, 3)),
        lambda *xs, axis=axis: op.stack(xs, axis),
        same=lambda xp, *xs, axis=axis: xp.stack(xs, axis),
        note=str(axis),
    )
row(
    shapes._concatenate,
    (anywhere(1, 3), anywhere(2, 3)),
    lambda *xs: op.concatenate(xs),
    same=lambda xp, *xs: xp.concatenate(xs, 0),
    note="lengths differ",
)
