"""Every operation of the table: values, first and second derivatives, in both libraries and both float types.

And the check is checked: a wrong rule, put in place of any rule of any operation, must not pass.
"""

import inspect
import re
import warnings
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec

import numpy as np
import pytest
from autograd_table import ROWS

from dlkit import arrays
from dlkit.autograd import Operation, Tensor, check_gradients, grad, gradients, operations
from dlkit.autograd import sum as total

FLOATS = ["float32", "float64"]
DEVICES = ["numpy", "cpu"]
MODULES = ["elementwise", "networks", "products", "reductions", "shapes"]

every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
every_dtype = pytest.mark.parametrize("dtype", FLOATS)
every_device = pytest.mark.parametrize("device", DEVICES)


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    """At ordinary points nothing warns, and nothing divides by zero, overflows or is invalid."""
    with warnings.catch_warnings(), np.errstate(divide="raise", over="raise", invalid="raise"):
        warnings.simplefilter("error")
        yield


@pytest.fixture
def cuda():
    if find_spec("torch") is None:
        pytest.skip("torch is not installed")
    import torch

    if not torch.cuda.is_available():
        pytest.skip("torch sees no CUDA device")
    # The tensor cores' TF32 has 10 bits: products would be right to 1e-3 only, whatever the derivative.
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = False
    yield "cuda:0"
    torch.backends.cuda.matmul.allow_tf32 = before


def on(device, dtype, row):
    if device != "numpy":
        pytest.importorskip("torch")
    return [arrays.array(x, device=device)[()] for x in row.points(dtype)]


def weights(shape):
    """A sum with weights 0.5, 0.75, 1, 1.25, exact in float32, so that no two entries can be mistaken."""
    return (0.5 + 0.25 * (np.arange(np.prod(shape, dtype=int)) % 4)).reshape(shape)


def close(got, expected, dtype, roundings=64):
    """Compare with what was computed in float64, or in the same dtype by another library.

    The longest formula here has 24 terms (the sums over 2·3·2 or 2·3·4 entries) and a few roundings in each, all of
    numbers of the size of the largest entry or of 1; in 64 units of rounding there is room for both sides.
    """
    got, expected = arrays.to_numpy(got), np.asarray(expected)
    assert got.shape == expected.shape
    size = max(1.0, np.abs(expected).max(initial=0))
    np.testing.assert_allclose(got, expected, rtol=0, atol=roundings * np.finfo(dtype).eps * size)


def has_kind(x, like):
    """Shape, dtype, device, and numpy scalars for numpy scalars."""
    assert x.shape == like.shape
    assert x.dtype == like.dtype
    assert arrays.device_of(x) == arrays.device_of(like)
    assert not (isinstance(like, np.generic) and isinstance(x, np.ndarray))


# The table


def table():
    """Every operation, with the name it has where it is defined."""
    found = {}
    for module in MODULES:
        for value in vars(import_module(f"dlkit.autograd.operations.{module}")).values():
            if isinstance(value, Operation):
                found[id(value)] = value
    return list(found.values())


def test_the_table_has_every_operation():
    assert {operation.name for operation in table()} == {row.operation.name for row in ROWS}
    assert {id(operation) for operation in table()} == {id(row.operation) for row in ROWS}


def test_the_modules_are_all_looked_at():
    package = import_module("dlkit.autograd.operations")
    modules = {m.__name__.rpartition(".")[2] for m in vars(package).values() if inspect.ismodule(m)}
    assert set(MODULES) == modules - {"losses"}  # loaded with dlkit.losses, and tested there


def test_every_operation_is_described_and_every_public_name_is_there():
    assert all(operation.__doc__ for operation in table() if not operation.name.startswith("_"))
    public = {name for name in vars(operations) if isinstance(getattr(operations, name), Operation)}
    assert public <= set(operations.__all__)
    assert {operation.name for operation in table() if not operation.name.startswith("_")} - public == {"scatter"}


# Values


@every_row
@every_dtype
def test_values_are_numpys(row, dtype):
    points = row.points(dtype)
    expected = row.by_numpy(*[x.astype(float) for x in points])
    plain = row.call(*points)
    result = row.call(*[Tensor(x) for x in points])
    close(result.value, expected, dtype)
    np.testing.assert_array_equal(plain, result.value)
    assert isinstance(result, Tensor)
    assert result.dtype == dtype
    assert result.device == "numpy"
    assert not isinstance(plain, Tensor)
    assert result.requires_grad is not row.operation.constant


@every_row
@every_dtype
def test_values_are_torchs(row, dtype):
    torch = pytest.importorskip("torch")
    points = on("cpu", dtype, row)
    result = row.call(*[Tensor(x) for x in points])
    close(result.value, row.by_torch(*points), dtype)
    assert result.dtype == getattr(torch, dtype)
    assert result.device == "cpu"
    close(row.call(*points), row.by_torch(*points), dtype)


@every_row
@every_device
def test_operands_are_left_alone(row, device):
    points = on(device, "float64", row)
    before = [np.array(arrays.to_numpy(x)) for x in points]
    tensors = [Tensor(x) for x in points]
    result = row.call(*tensors)
    gradients(result, tensors, arrays.array(weights(result.shape), device=device))
    row.call(*points)
    for x, tensor, old in zip(points, tensors, before, strict=True):
        np.testing.assert_array_equal(arrays.to_numpy(x), old)
        np.testing.assert_array_equal(tensor.numpy(), old)


# First derivatives


@every_row
@every_dtype
@every_device
def test_gradient_check(row, dtype, device):
    check_gradients(row.call, *on(device, dtype, row))


@every_row
@every_dtype
def test_gradients_are_torchs(row, dtype):
    """Of a sum with weights; numpy's and torch's arrays alike, of the kind of what they belong to."""
    torch = pytest.importorskip("torch")
    theirs = [x.requires_grad_() for x in on("cpu", dtype, row)]
    result = row.by_torch(*theirs)
    w = weights(tuple(result.shape)).astype(dtype)
    if result.requires_grad:
        expected = torch.autograd.grad(result, theirs, torch.from_numpy(w))
    else:
        expected = [torch.zeros_like(x) for x in theirs]
    for device in DEVICES:
        points = on(device, dtype, row)
        tensors = [Tensor(x) for x in points]
        result = row.call(*tensors)
        for x, got, reference in zip(
            points, gradients(result, tensors, arrays.array(w, device=device)), expected, strict=True
        ):
            close(got, reference, dtype)
            has_kind(got, x)


@every_row
@every_device
def test_backward_leaves_the_same_gradients(row, device):
    tensors = [Tensor(x) for x in on(device, "float64", row)]
    if row.operation.constant:
        return
    w = arrays.array(weights(row.call(*tensors).shape), device=device)
    row.call(*tensors).backward(w)
    expected = gradients(row.call(*tensors), tensors, w)
    for x, g in zip(tensors, expected, strict=True):
        np.testing.assert_array_equal(arrays.to_numpy(x.grad), arrays.to_numpy(g))
        has_kind(x.grad, x.value)


# Second derivatives


def scalar_of_the_gradient(row):
    """Return a function of the row's arguments: the entries of the gradient, summed with weights."""

    def weighted(*xs):
        y = row.call(*xs)
        dtype = str(y.dtype).removeprefix("torch.")
        return total(y * arrays.array(weights(y.shape).astype(dtype)[()], device=y.device)[()])

    gradient = grad(weighted, argnums=tuple(range(len(row.makers))))

    def scalar(*xs):
        result = 0.0
        for g in gradient(*xs):
            w = weights(tuple(g.shape)).astype(str(g.dtype).removeprefix("torch."))[()]
            device = g.device if isinstance(g, Tensor) else arrays.device_of(g)
            result = result + total(g * arrays.array(w, device=device)[()])
        return result

    return scalar


@every_row
@every_dtype
@every_device
def test_second_derivatives(row, dtype, device):
    check_gradients(scalar_of_the_gradient(row), *on(device, dtype, row))


@every_row
@every_device
def test_second_derivatives_are_torchs(row, device):
    torch = pytest.importorskip("torch")
    theirs = [x.requires_grad_() for x in on("cpu", "float64", row)]
    result = row.by_torch(*theirs)
    expected = [torch.zeros_like(x) for x in theirs]
    if result.requires_grad:
        first = torch.autograd.grad(result, theirs, torch.from_numpy(weights(tuple(result.shape))), create_graph=True)
        scalar = sum((g * torch.from_numpy(weights(tuple(g.shape)))).sum() for g in first)
        if scalar.requires_grad:
            found = torch.autograd.grad(scalar, theirs, allow_unused=True)
            expected = [zero if g is None else g + zero for g, zero in zip(found, expected, strict=True)]
    tensors = [Tensor(x) for x in on(device, "float64", row)]
    for got, reference in zip(gradients(scalar_of_the_gradient(row)(*tensors), tensors), expected, strict=True):
        # second derivatives: each entry a sum over up to 2·3·4 entries of first ones, at most 4 in size, squared
        close(got, reference, "float64", roundings=1024)


# The check is checked

WRONG = {
    "1 % more": lambda g: 1.01 * g,
    "sign": lambda g: -g,
    "forgotten": lambda g: 0.0 * g,
    "factor 2": lambda g: 2.0 * g,
}


def rules():
    for operation in table():
        rows = [row for row in ROWS if row.operation is operation]
        for position in sorted({p for row in rows for p in row.operands}):
            if not operation.constant:
                yield operation, position, [row for row in rows if position in row.operands]


RULES = list(rules())


def test_every_rule_is_made_wrong_below():
    """Those that say there is none are left: the condition of where."""
    there = {
        (operation.name, name)
        for operation in table()
        for name, rule in zip(operation.operands, operation.rules, strict=False)
        if not operation.constant and getattr(getattr(rule, "func", rule), "__name__", "") != "_no_rule"
    }
    broken = {
        (operation.name, operation.operands[0 if operation.variadic else position]) for operation, position, _ in RULES
    }
    assert there == broken | {("gate", "y")}  # 0, and whatever it is multiplied by it stays 0: see the next test


def test_a_gate_is_flat_in_what_opens_it(monkeypatch):
    x = np.array([-2.0, 0.5, 3.0])
    gated = grad(lambda x: operations.sum(operations.gate(np.array([1.0, 2.0, 3.0]), x) + operations.relu(x) ** 3))
    np.testing.assert_array_equal(gated(x), [0, 0.75, 27])
    check_gradients(gated, x)
    set_rule(monkeypatch, operations.gate, 1, lambda g, z, x, y: g)
    with pytest.raises(AssertionError):
        check_gradients(gated, x)


def set_rule(monkeypatch, operation, position, rule):
    monkeypatch.setattr(operation, "rules", [rule if k == position else r for k, r in enumerate(operation.rules)])


def break_rule(monkeypatch, operation, position, change):
    if operation.variadic:
        right = operation.rules.rule

        def one_wrong(i, g, *rest, **options):
            part = right(i, g, *rest, **options)
            return change(part) if i == position else part

        monkeypatch.setattr(operation.rules, "rule", one_wrong)
    else:
        right = operation.rules[position]
        set_rule(monkeypatch, operation, position, lambda g, *rest, **options: change(right(g, *rest, **options)))


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize(
    ("operation", "position", "rows"), RULES, ids=[f"{operation.name}-{position}" for operation, position, _ in RULES]
)
def test_a_wrong_rule_is_caught(operation, position, rows, wrong, monkeypatch):
    row = next(row for row in rows if row.note != "0")  # x⁰ has the derivative 0, which no factor makes wrong
    points = row.points()
    argument = row.operands.index(position)
    correct = gradients_with_the_checks_weights(row.call, points)[argument]
    break_rule(monkeypatch, operation, position, WRONG[wrong])

    def named(*xs):
        return row.call(*xs)

    with pytest.raises(AssertionError) as caught:
        check_gradients(named, *points)
    found = re.match(
        r"named, argument (\d+)(?:, index \[(.*?)\])?: the gradient is (\S+), differences of the function give (\S+)",
        str(caught.value),
    )
    assert found, caught.value
    assert int(found[1]) == argument + 1
    index = tuple(int(k) for k in (found[2] or "").split(",") if k)
    # the message prints six digits
    assert float(found[4]) == pytest.approx(correct[index], rel=1e-5, abs=1e-8)
    assert float(found[3]) == pytest.approx(WRONG[wrong](correct[index]), rel=1e-5, abs=1e-8)


def gradients_with_the_checks_weights(f, points):
    tensors = [Tensor(x) for x in points]
    y = f(*tensors)
    w = np.ones(y.shape) if y.size == 1 else np.random.default_rng(0).uniform(0.5, 1.5, y.shape)
    return gradients(y, tensors, w)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("device", DEVICES)
def test_the_check_is_sharp_in_both_float_types(dtype, device, monkeypatch):
    """One per cent is seen in float32 too, whose differences are good to about 1e-3."""
    rows = [row for row in ROWS if row.name in ("tanh", "multiply", "divide", "sum-None")]
    assert len(rows) == 4
    for row in rows:
        with monkeypatch.context() as patch:
            break_rule(patch, row.operation, 0, WRONG["1 % more"])
            with pytest.raises(AssertionError, match="differences of the function give"):
                check_gradients(row.call, *on(device, dtype, row))
        check_gradients(row.call, *on(device, dtype, row))


@pytest.mark.parametrize(("wrong", "hint"), [("sign", "sign is wrong"), ("factor 2", "2 times"), ("forgotten", "path")])
def test_the_check_guesses_what_is_wrong(wrong, hint, monkeypatch):
    break_rule(monkeypatch, operations.tanh, 0, WRONG[wrong])
    with pytest.raises(AssertionError, match=hint):
        check_gradients(operations.tanh, 0.5)


def test_a_wrong_second_derivative_is_caught(monkeypatch):
    """The first one stays right: its value is, only what it depends on is forgotten."""
    tanh = operations.tanh
    right = tanh.rules[0]
    set_rule(monkeypatch, tanh, 0, lambda g, z, x: right(g, z.detach() if isinstance(z, Tensor) else z, x))
    check_gradients(tanh, 0.5)
    with pytest.raises(AssertionError, match=r"argument 1: "):
        check_gradients(grad(tanh), 0.5)


# On a GPU


def each_row(check):
    """Check every row, and name all that fail: rows are no parameters here, not to be skipped by the hundred."""
    failed = []
    for row in ROWS:
        try:
            check(row)
        except Exception as error:
            failed.append(f"{row.name}: {type(error).__name__}: {error}")
    assert not failed, "\n".join(failed)


@pytest.mark.gpu
@every_dtype
def test_on_a_gpu_as_in_numpy(dtype, cuda):
    """Values and gradients are numpy's in float64; sums run in another order there, which the bound leaves room for."""

    def check(row):
        points = on(cuda, dtype, row)
        tensors = [Tensor(x) for x in points]
        result = row.call(*tensors)
        close(result.value, row.by_numpy(*[x.astype(float) for x in row.points(dtype)]), dtype)
        assert result.device == cuda
        w = weights(result.shape)
        got = gradients(result, tensors, arrays.array(w.astype(dtype), device=cuda))
        references = [Tensor(x.astype(float)) for x in row.points(dtype)]
        for x, g, reference in zip(points, got, gradients(row.call(*references), references, w), strict=True):
            close(g, reference, dtype)
            has_kind(g, x)

    each_row(check)


@pytest.mark.gpu
def test_gradient_checks_on_a_gpu(cuda):
    def check(row):
        points = on(cuda, "float64", row)
        check_gradients(row.call, *points)
        check_gradients(scalar_of_the_gradient(row), *points)

    each_row(check)
