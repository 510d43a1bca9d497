"""The engine, the tensors and grad, jacobian, hessian: what is added up, kept, released, refused and said.

The operations themselves are tested in test_autograd_operations.
"""

import copy
import gc
import math
import pickle
import sys
import threading
import tracemalloc
import warnings
import weakref
from collections import namedtuple
from collections.abc import Iterator
from itertools import permutations
from string import ascii_lowercase

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import broadcastable_shapes, mutually_broadcastable_shapes

import dlkit.autograd as ag
from dlkit import arrays
from dlkit.autograd import (
    Tensor,
    check_gradients,
    engine,
    grad,
    gradients,
    hessian,
    jacobian,
    no_grad,
    numerical_gradient,
    operation,
    value_and_grad,
)

EPS = np.finfo(float).eps
DEVICES = ["numpy", "cpu"]
every_device = pytest.mark.parametrize("device", DEVICES)
searched = settings(max_examples=60, deadline=None, derandomize=True)


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    """Finite ordinary input warns of nothing."""
    with warnings.catch_warnings(), np.errstate(divide="raise", over="raise", invalid="raise"):
        warnings.simplefilter("error")
        yield


def tensor(data, device="numpy", dtype="float64", requires_grad=True):
    if device != "numpy":
        pytest.importorskip("torch")
    return Tensor(np.asarray(data, dtype), device=device, requires_grad=requires_grad)


def plain(x):
    return arrays.to_numpy(x.value if isinstance(x, Tensor) else x)


# Adding up


def test_the_deck_s_example():
    x, y = Tensor(3.0), Tensor(-4.0)
    f = (x + ag.sigmoid(y)) / (ag.sigmoid(x) + (x + y) ** 2)
    f.backward()
    # cs231n's numbers, by hand: within a few roundings of numbers up to 2
    assert f.value == pytest.approx(1.5456448841066441, rel=8 * EPS)
    assert x.grad == pytest.approx(2.0595697955721652, rel=8 * EPS)
    assert y.grad == pytest.approx(1.5922327514838093, rel=8 * EPS)


@every_device
def test_a_node_used_twice_gets_the_sum(device):
    x = tensor([2.0, 3.0], device)
    y = x * x
    (y + y * x + y).sum().backward()  # 2x² + x³
    np.testing.assert_array_equal(plain(x.grad), [4 * 2 + 3 * 4, 4 * 3 + 3 * 9])


@every_device
@pytest.mark.parametrize("times", [1, 2, 3, 4, 5])
def test_as_many_times_as_you_like(device, times):
    """The first part is kept as it is, the second makes a sum, later ones are added to it: three ways."""
    x = tensor([1.0, 2.0], device)
    parts = [x * float(k + 1) for k in range(times)]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    total.sum().backward()
    np.testing.assert_array_equal(plain(x.grad), [times * (times + 1) / 2] * 2)


@every_device
def test_paths_of_different_length_meet(device):
    """What waits is taken youngest first: y's gradient is complete before it is passed on."""
    x = tensor(1.5, device)
    y = x * 2.0
    long = y
    for _ in range(20):
        long = long + y
    (long * y + x).backward()  # 21y² + x = 84x² + x
    assert plain(x.grad) == 168 * 1.5 + 1


@every_device
def test_backward_twice_accumulates(device):
    x = tensor([1.0, -2.0], device)
    (x * x).sum().backward()
    first = x.grad
    (x * x).sum().backward()
    np.testing.assert_array_equal(plain(x.grad), [4.0, -8.0])
    np.testing.assert_array_equal(plain(first), [2.0, -4.0])
    x.grad = None
    (3.0 * x).sum().backward()
    np.testing.assert_array_equal(plain(x.grad), [3.0, 3.0])


@every_device
def test_backward_twice_through_one_graph(device):
    x = tensor([1.0, -2.0], device)
    y = (x * x * x).sum()
    y.backward(retain_graph=True)
    once = plain(x.grad).copy()
    y.backward(retain_graph=True)
    np.testing.assert_array_equal(plain(x.grad), 2 * once)
    y.backward()
    np.testing.assert_array_equal(plain(x.grad), 3 * once)
    with pytest.raises(RuntimeError, match=r"released by an earlier backward pass.*retain_graph=True"):
        y.backward()
    np.testing.assert_array_equal(plain(x.grad), 3 * once)


def test_a_shared_part_is_released_with_the_first_pass():
    x = Tensor(2.0)
    shared = x * x
    (shared * 3.0).backward()
    with pytest.raises(RuntimeError, match="released"):
        (shared * 4.0).backward()


def test_a_leaf_itself():
    x = Tensor([1.0, 2.0])
    x.backward([3.0, 4.0])
    np.testing.assert_array_equal(x.grad, [3.0, 4.0])
    y = Tensor(2.0)
    y.backward()
    assert y.grad == 1.0


def test_constants_get_no_gradient():
    x, c = Tensor(2.0), Tensor(3.0, requires_grad=False)
    y = x * c + c
    y.backward()
    assert c.grad is None
    assert x.grad == 3.0
    assert not (c * c).requires_grad
    assert (c * c)._origin is None


@every_device
def test_scalars_beside_arrays(device):
    """A number's gradient is the sum over everything that it was spread to."""
    s, x = tensor(2.0, device), tensor([[1.0, 2.0], [3.0, 4.0]], device)
    (s * x).sum().backward()
    assert plain(s.grad) == 10.0
    assert tuple(s.grad.shape) == ()
    np.testing.assert_array_equal(plain(x.grad), np.full((2, 2), 2.0))


# Aliasing


@every_device
def test_gradients_of_two_leaves_do_not_change_together(device):
    x, y = tensor([1.0, 2.0], device), tensor([3.0, 4.0], device)
    (x + y).sum().backward()
    (x + y + x).sum().backward()
    np.testing.assert_array_equal(plain(y.grad), [2.0, 2.0])
    if device == "numpy":
        for change in (lambda: x.grad.fill(0.0), lambda: x.grad.__iadd__(1)):
            with pytest.raises(ValueError, match=r"read-only|assignment destination"):
                change()
    x.grad = y.grad = None
    (x + y).backward(arrays.array([5.0, 6.0], device=device))
    if device == "cpu":
        x.grad.zero_()
    np.testing.assert_array_equal(plain(y.grad), [5.0, 6.0])


@every_device
def test_a_view_of_another_gradient_is_no_alias(device):
    x, y = tensor([[1.0, 2.0]], device), tensor([3.0, 4.0], device)
    (x.reshape(2) + y).backward(arrays.array([5.0, 6.0], device=device))
    if device == "cpu":
        x.grad.zero_()
        y.grad.mul_(2)
        np.testing.assert_array_equal(plain(x.grad), [[0.0, 0.0]])
        np.testing.assert_array_equal(plain(y.grad), [10.0, 12.0])
    else:
        assert not x.grad.flags.writeable
        assert not y.grad.flags.writeable


@every_device
def test_the_gradient_to_begin_with_stays_the_caller_s(device):
    x = tensor([1.0, 2.0], device)
    g = arrays.array(np.array([5.0, 6.0]), device=device)
    (x + 0.0).backward(g)
    g *= 100
    np.testing.assert_array_equal(plain(x.grad), [5.0, 6.0])
    g *= 0.01  # writable still
    (got,) = gradients(x, [x], g)
    g += 1
    np.testing.assert_array_equal(plain(got), [5.0, 6.0])


@every_device
def test_data_is_copied(device):
    data = arrays.array(np.array([1.0, 2.0]), device=device)
    x = Tensor(data)
    data *= 10
    np.testing.assert_array_equal(plain(x), [1.0, 2.0])
    y = Tensor(x)
    with no_grad():
        x += 1.0
    np.testing.assert_array_equal(plain(y), [1.0, 2.0])
    np.testing.assert_array_equal(plain(x.detach()), [2.0, 3.0])


# In-place changes


CHANGES = {
    "assigned": lambda x: setattr(x, "value", x.value * 2),
    "written": lambda x: write(x),
    "minus": lambda x: minus(x),
}


def write(x):
    with x.writing() as array:
        array[...] = 5.0


def minus(x):
    with no_grad():
        x -= 1.0


@every_device
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("shape", [(), (3,)])
def test_a_change_between_forward_and_backward_is_an_error(change, shape, device):
    x = tensor(np.full(shape, 2.0), device)
    for passes in (lambda y: y.backward(), lambda y: gradients(y, [x])):
        y = (x * x + 1.0).sum()
        change(x)
        with pytest.raises(RuntimeError, match=r"multiply: its operand of shape .* was changed after it was used"):
            passes(y)
    x.grad = None
    (x * x).sum().backward()  # and all is well with the new values
    np.testing.assert_allclose(plain(x.grad), 2 * plain(x), rtol=EPS)


@every_device
def test_a_change_between_two_uses_is_an_error_for_gradients_as_well(device):
    x = tensor(2.0, device)
    y = x * x
    x.value = x.value + 1.0
    z = y + x
    for passes in (lambda: z.backward(retain_graph=True), lambda: gradients(z, [x], retain_graph=True)):
        with pytest.raises(RuntimeError, match="was changed after it was used"):
            passes()


def test_a_change_of_what_the_result_does_not_depend_on_is_none():
    x, other = Tensor(2.0), Tensor(3.0)
    y = x * x
    other.value = 5.0
    assert gradients(y, [x, other]) == [4.0, 0.0]


@every_device
def test_in_place_arithmetic(device):
    w = tensor([1.0, 2.0, 3.0], device)
    same, number = w, w._number
    with no_grad():
        w -= arrays.array([1.0, 1.0, 1.0], device=device)
        w += 2
        w *= 3.0
        w /= tensor([1.0, 2.0, 4.0], device)
    assert w is same
    assert w.requires_grad
    assert w._number != number
    np.testing.assert_array_equal(plain(w), [6.0, 4.5, 3.0])
    for change in ("__iadd__", "__isub__", "__imul__", "__itruediv__"):
        with pytest.raises(RuntimeError, match=r"in-place change.*within no_grad\(\)"):
            getattr(w, change)(1.0)


def test_in_place_on_a_number_happens_once():
    """1 − 1 = 0 is a value that counts as false."""
    w = Tensor(1.0)
    with no_grad():
        w -= 1.0
    assert w.value == 0.0
    assert type(w.value) is np.float64


def test_in_place_operators_on_results_make_new_nodes():
    x = Tensor(3.0)
    y = before = x * 2.0
    y += 1.0
    y *= x
    assert before.value == 6.0
    y.backward()
    assert x.grad == 4 * 3.0 + 1  # 2x² + x


def test_in_place_keeps_dtype_and_shape():
    w = Tensor(np.ones(3, np.float32))
    with no_grad():
        with pytest.raises(TypeError, match="the tensor is float32, the other is float64"):
            w -= np.ones(3)
        with pytest.raises(ValueError, match="broadcast"):
            w -= np.ones((2, 3), np.float32)
    with pytest.raises(ValueError, match=r"value must keep its shape \(3,\); got \(2,\)"):
        w.value = np.ones(2, np.float32)
    with pytest.raises(TypeError, match="the tensor is float32, the new value is float64"):
        w.value = np.ones(3)
    np.testing.assert_array_equal(w.value, np.ones(3))


def test_numpy_s_arrays_are_read_only():
    x = Tensor([1.0, 2.0])
    for y in (x, x * 2.0, x.reshape(2, 1), x[:1], x.detach()):
        with pytest.raises(ValueError, match="read-only"):
            y.value[...] = 0.0
    with x.writing() as array:
        array[0] = 7.0
    assert not x.value.flags.writeable
    assert x.value[0] == 7.0
    try:
        with x.writing() as array:
            raise KeyError
    except KeyError:
        assert not x.value.flags.writeable


def test_only_leaves_can_change():
    y = Tensor(2.0) * 3.0
    with pytest.raises(RuntimeError, match="assigning its value: this tensor is the result of an operation"):
        y.value = 1.0
    with pytest.raises(RuntimeError, match="writing into it"), y.writing():
        pass


def test_entries_cannot_be_assigned():
    with pytest.raises(TypeError, match=r"cannot be assigned.*where, concatenate or stack"):
        Tensor([1.0, 2.0])[0] = 3.0


# Depth, memory, cycles


def test_a_chain_of_100_000_nodes_without_recursion():
    x = Tensor(1.0)
    y = x
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(len(stack()) + 60)
    try:
        for _ in range(100_000):
            y = y + 1.0
        first = y._number
        y.backward()
        assert x.grad == 1.0
        del y
    finally:
        sys.setrecursionlimit(before)
    assert x._number - first == 100_000  # numbered downwards: a node for each operation, and no other


def stack():
    frame, frames = sys._getframe(), []
    while frame:
        frames.append(frame)
        frame = frame.f_back
    return frames


def test_a_long_chain_is_freed_without_recursion_even_if_never_differentiated():
    y = Tensor(1.0)
    for _ in range(100_000):
        y = y * 1.0
    last = weakref.ref(y)
    del y
    assert last() is None


@pytest.mark.parametrize("n", [100, 1000])
def test_the_work_is_linear_in_the_length(n, monkeypatch):
    """Counted, not timed: each rule is called once, and nodes wait one at a time."""
    calls, waiting = [], []
    right, push = ag.multiply.rules[0], engine.heappush
    monkeypatch.setattr(ag.multiply, "rules", [lambda *args: calls.append(1) or right(*args), ag.multiply.rules[1]])
    monkeypatch.setattr(engine, "heappush", lambda heap, item: push(heap, item) or waiting.append(len(heap)))
    y = x = Tensor(1.0)
    for _ in range(n):
        y = y * 1.0
    y.backward()
    assert x.grad == 1.0
    assert len(calls) == n
    assert len(waiting) == n
    assert max(waiting) == 1


def test_a_diamond_of_many_paths_is_walked_once():
    """2⁶⁰ paths, 60 nodes."""
    y = x = Tensor(1.0)
    for _ in range(60):
        y = y + y
    y.backward()
    assert x.grad == 2.0**60


def test_memory_of_a_chain_is_linear():
    """A node, its operands and values: under 1 kB each."""

    def peak(n):
        tracemalloc.start()
        y = x = Tensor(1.0)
        for _ in range(n):
            y = y * 1.0
        y.backward()
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert x.grad == 1.0
        return most

    # Python keeps some thousand tuples for reuse, which do not count: fill that store first, then look at what more
    # nodes add.
    peak(20_000)
    a, b, c = peak(5000), peak(10_000), peak(20_000)
    assert c < 20_000 * 1024
    assert (c - b) / (b - a) == pytest.approx(2, rel=0.05)


def test_values_are_released_as_the_pass_proceeds():
    """A chain of 30 arrays of 80 kB: the pass adds no more than a few to what the chain holds."""
    x = Tensor(np.ones(10_000))
    y, alive = x, []
    for _ in range(30):
        y = ag.tanh(y) * 1.5
        alive.append(weakref.ref(y))
    y = y.sum()
    seen = []
    right = ag.tanh.rules[0]

    def counting(*args):
        seen.append(sum(ref() is not None for ref in alive))
        return right(*args)

    tracemalloc.start()
    try:
        ag.tanh.rules = [counting]
        y.backward()
    finally:
        ag.tanh.rules = [right]
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 6 * 80_000
    assert seen == sorted(seen, reverse=True)
    assert seen[-1] <= 2
    assert not any(ref() is not None for ref in alive)


@pytest.fixture
def no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@every_device
def test_reference_counts_free_the_graph(device, no_collector):
    x = tensor([1.0, 2.0], device)
    y = ag.softmax(x * x) @ x
    parts = [weakref.ref(y)]
    del y
    assert parts[0]() is None
    y = (x * x).sum()
    inner = x * 3.0
    parts = [weakref.ref(y), weakref.ref(inner)]
    z = y * inner.sum()
    z.backward()
    del y, inner, z
    assert [ref() for ref in parts] == [None, None]


@every_device
def test_higher_derivatives_leave_no_cycles(device, no_collector):
    x = tensor([1.0, 2.0], device)
    y = (x * x * x).sum()
    (g,) = gradients(y, [x], create_graph=True)
    (h,) = gradients(g.sum(), [x])
    parts = [weakref.ref(y), weakref.ref(g)]
    del y, g
    assert [ref() for ref in parts] == [None, None]
    np.testing.assert_array_equal(plain(h), [6.0, 12.0])
    hessian(lambda x: (x * x * x).sum())(np.array([1.0, 2.0]))
    value_and_grad(lambda p: p["w"] * p["w"])({"w": 2.0})
    gc.collect()
    before = len([o for o in gc.get_objects() if type(o) is Tensor])
    hessian(lambda x: (x * x * x).sum())(np.array([1.0, 2.0]))
    value_and_grad(lambda p: p["w"] * p["w"])({"w": 2.0})
    assert len([o for o in gc.get_objects() if type(o) is Tensor]) == before


def test_an_error_in_the_pass_leaves_no_trace_in_the_gradients():
    x, w = Tensor(2.0), Tensor(3.0)

    @operation
    def broken(x):
        return x * 1.0

    with pytest.raises(TypeError, match="broken has no derivative by x"):
        (broken(x) * w).backward()
    assert x.grad is None
    assert w.grad is None


# Refusals


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (3, "no gradient with respect to int64; write 3.0 for 3"),
        ([1, 2], "int64"),
        (True, "bool"),
        (np.array([1], np.uint8), r"uint8.*x.astype\(float\)"),
        (1j, "complex128"),
        ("a", "<U1"),
        (None, "object"),
    ],
)
def test_only_floats(data, message):
    with pytest.raises(TypeError, match=message):
        Tensor(data)


def test_only_floats_of_torch_as_well():
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=r"data must be floats.*torch\.int64"):
        Tensor(torch.tensor([1, 2]))
    with pytest.raises(TypeError, match="int32"):
        Tensor(3.0, dtype="int32")


@every_device
def test_the_root_must_have_one_entry(device):
    x = tensor([1.0, 2.0], device)
    y = x * 2.0
    with pytest.raises(ValueError, match=r"backward: expected a tensor with one entry.*got shape \(2,\).*gradient="):
        y.backward()
    with pytest.raises(ValueError, match=r"gradient must have the tensor's shape \(2,\); got \(3,\)"):
        y.backward([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"gradient must have the tensor's shape \(2,\); got \(2, 1\)"):
        gradients(y, [x], Tensor(np.ones((2, 1)), device=device), create_graph=True)
    with pytest.raises(TypeError, match=r"the tensor is float64, gradient is float32"):
        y.backward(arrays.array([1.0, 2.0], "float32", device))
    for one in (lambda y: y.sum(), lambda y: y[:1], lambda y: y[:1].reshape(1, 1, 1)):
        x.grad = None
        one(x * 2.0).backward()
        assert plain(x.grad)[0] == 2.0


def test_the_root_must_depend_on_something():
    with pytest.raises(RuntimeError, match=r"depends on no tensor that requires a gradient$"):
        Tensor(2.0, requires_grad=False).backward()
    x = Tensor(2.0)
    with no_grad():
        y = x * x
        with pytest.raises(RuntimeError, match=r"within no_grad\(\) nothing is recorded"):
            y.backward()
    with pytest.raises(RuntimeError):
        ag.sign(x).backward()


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x + np.ones(4),
        lambda x: x @ np.ones((2, 4)),
        lambda x: x.reshape(5),
        lambda x: ag.concatenate([x, np.ones((2, 2, 2))]),
        lambda x: ag.stack([x, np.ones(2)]),
        lambda x: ag.einsum("ij,jk", x, x, x),
        lambda x: ag.einsum("i", x),
    ],
)
def test_wrong_shapes_are_refused_at_the_operation(call):
    with pytest.raises(ValueError, match=r"."):
        call(Tensor(np.ones((2, 3))))


def test_nothing_to_join():
    for join in (ag.concatenate, ag.stack):
        with pytest.raises(ValueError, match="arrays: expected at least one array; got none"):
            join([])


def test_arguments_of_operations():
    x = Tensor([1.0, -2.0])
    np.testing.assert_array_equal(ag.clip(x, -1.0, 1.0).value, [1.0, -1.0])
    np.testing.assert_array_equal(ag.clip(x, low=-1.0, high=1.0).value, [1.0, -1.0])
    np.testing.assert_array_equal(ag.add(x=x, y=1.0).value, [2.0, -1.0])
    for call, message in (
        (lambda: ag.clip(x, -1.0), "clip lacks its argument 'high'"),
        (lambda: ag.clip(x, -1.0, 1.0, 2.0), "clip takes 3 arguments; got 4"),
        (lambda: ag.clip(x, lo=1.0, high=1.0), "clip has no argument 'lo'; it takes x, low, high"),
        (lambda: ag.add(x), "add lacks its argument 'y'"),
        (lambda: ag.add(x, x, x), "add takes 2 arguments; got 3"),
        (lambda: ag.sum(x, 0, axis=1), "sum got axis twice"),
        (lambda: ag.sum(x, 0, x=x), "sum got x twice"),
        (lambda: ag.add(x, x=x), "add got x twice"),
    ):
        with pytest.raises(TypeError, match=message):
            call()


# Mixing


def test_mixing_names_both():
    torch = pytest.importorskip("torch")
    x32, x64 = Tensor(np.ones(2, np.float32)), Tensor(np.ones(2))
    scalar = Tensor(2.0)
    on_torch = Tensor(torch.ones(2, dtype=torch.float64))
    for call, message in (
        (lambda: x32 + x64, "add: x is float32, y is float64"),
        (lambda: x64 * x32, "multiply: x is float64, y is float32"),
        (lambda: x32 * np.ones(2), "x is float32, y is float64"),
        (lambda: np.ones(2) * x32, "x is float64, y is float32"),
        (lambda: x32 * np.float64(2), "x is float32, y is float64"),
        (lambda: scalar * np.ones(2, np.float32), "x is float64, y is float32"),
        (lambda: np.ones(2, np.float32) * scalar, "x is float32, y is float64"),
        (lambda: x64 + on_torch, "x is on device 'numpy', y on 'cpu'"),
        (lambda: on_torch - np.ones(2), "x is on device 'cpu', y on 'numpy'"),
        (lambda: scalar * torch.ones(2), "x is on device 'numpy', y on 'cpu'"),
        (lambda: on_torch * torch.ones(2), "x is float64, y is float32"),
        (lambda: torch.ones(2) * on_torch, "x is float32, y is float64"),
        (lambda: ag.concatenate([x32, x64]), "argument|float32"),
        (lambda: x32 * np.arange(2), "x is float32, y is int64, of which numpy would make float64"),
        (lambda: ag.where(np.array([True, False]), x32, x64), "where: x is float32, y is float64"),
    ):
        with pytest.raises(TypeError, match=message):
            call()


@pytest.mark.parametrize("data", [2.0, [2.0]], ids=["number", "array"])
def test_a_scalar_of_another_dtype_is_refused_beside_numbers_too(data):
    x = Tensor(data)
    for call, message in (
        (lambda: x * np.float32(3), "multiply: x is float64, y is float32"),
        (lambda: np.float32(3) * x, "multiply: x is float32, y is float64"),
        (lambda: x * np.array(3, np.float32), "multiply: x is float64, y is float32"),
        (lambda: ag.maximum(x, np.float16(3)), "maximum: x is float64, y is float16"),
    ):
        with pytest.raises(TypeError, match=message):
            call()
    for number in (3, 3.0, True, np.float64(3), np.bool_(True), np.int64(3)):
        assert (x * number).dtype == np.float64
    assert ag.where(np.bool_(True), x, 0.0).dtype == np.float64


def test_booleans_and_small_integers_go_with_every_float():
    for dtype in (np.float32, np.float64):
        x = Tensor(np.ones(2, dtype))
        for other in (np.array([True, False]), np.array([1, 2], np.int8)):
            y = x * other
            assert y.dtype == dtype
            y.sum().backward()
            assert x.grad.dtype == dtype
    assert (Tensor(np.ones(2)) * np.arange(2)).dtype == np.float64


@every_device
@pytest.mark.parametrize(
    "f",
    [
        lambda x: x + 1,
        lambda x: 2.5 * x,
        lambda x: 1 - x,
        lambda x: 3.0 / x,
        lambda x: x**2,
        lambda x: x**-0.5,
        lambda x: 2**x,
        lambda x: 2.5**x,
        lambda x: ag.power(x, 2.5),
        lambda x: ag.maximum(x, 1.25),
        lambda x: ag.minimum(1.25, x),
        lambda x: ag.where(x > 1.25, x, 0),
        lambda x: ag.clip(x, 0.75, 1.75),
        lambda x: ag.mean(x) * 2,
        lambda x: ag.norm(x, 3),
        lambda x: ag.var(x),
        lambda x: ag.softmax(x) / 3,
        lambda x: ag.elu(x - 1.5, alpha=2),
    ],
)
def test_python_numbers_are_weak(f, device):
    """float32 stays float32: values, gradients, and gradients of gradients."""
    x = tensor([1.0, 1.5, 2.0], device, "float32")
    y = f(x)
    assert y.dtype == x.dtype
    (g,) = gradients(y.sum(), [x], create_graph=True)
    assert g.dtype == x.dtype
    ((g * g).sum() + y.sum()).backward()
    assert x.grad.dtype == x.value.dtype


# no_grad


def test_no_grad_nests_and_ends():
    x = Tensor(2.0)
    with no_grad():
        with no_grad():
            assert not (x * x).requires_grad
        assert not (x * x).requires_grad
    assert (x * x).requires_grad
    again = no_grad()
    with again:
        with again:
            pass
        assert not engine.is_recording()
    assert engine.is_recording()
    with pytest.raises(KeyError), no_grad():
        raise KeyError
    assert (x * x).requires_grad


def test_no_grad_as_decorator_of_a_recursive_function():
    x = Tensor(2.0)

    @no_grad()
    def power(n):
        assert not engine.is_recording()
        y = x if n == 1 else power(n - 1) * x
        assert not engine.is_recording()
        return y

    y = power(4)
    assert y.value == 16.0
    assert not y.requires_grad
    assert engine.is_recording()

    @no_grad()
    def raises():
        raise KeyError

    with pytest.raises(KeyError):
        raises()
    assert engine.is_recording()


def test_no_grad_is_a_matter_of_one_thread():
    x = Tensor(2.0)
    inside, seen = threading.Event(), []
    done = threading.Event()

    def other():
        inside.wait()
        y = x * x
        seen.append(y.requires_grad)
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with no_grad():
        inside.set()
        done.wait()
        assert not (x * x).requires_grad
    thread.join()
    assert seen == [True]


def test_threads_build_graphs_of_their_own():
    """Numbers come from one counter, whatever the thread."""
    results = {}

    def work(k):
        y = x = Tensor(1.0 + k)
        for _ in range(300):
            y = y + x
        y.backward()
        results[k] = (float(x.grad), x._number)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [results[k][0] for k in range(4)] == [301.0] * 4
    assert len({number for _, number in results.values()}) == 4


def test_functions_that_differentiate_do_so_within_no_grad():
    with no_grad():
        assert grad(lambda x: x * x)(3.0) == 6.0
        assert grad(grad(lambda x: x**3))(2.0) == 12.0
        np.testing.assert_array_equal(jacobian(lambda x: x * x)(np.array([1.0, 2.0])), np.diag([2.0, 4.0]))
        assert not engine.is_recording()


def test_detach_stops_gradients():
    x = Tensor(3.0)
    (x * x.detach()).backward()
    assert x.grad == 3.0
    assert not x.detach().requires_grad


# gradients()


@every_device
def test_gradients_of_intermediates(device):
    x = tensor([1.0, 2.0], device)
    y = x * x
    z = y * x
    dy, dx, dz = gradients(z.sum(), [y, x, z], retain_graph=True)
    np.testing.assert_array_equal(plain(dy), [1.0, 2.0])
    np.testing.assert_array_equal(plain(dx), [3.0, 12.0])
    np.testing.assert_array_equal(plain(dz), [1.0, 1.0])
    assert x.grad is None
    (only,) = gradients(z.sum(), [y])
    np.testing.assert_array_equal(plain(only), [1.0, 2.0])


@every_device
def test_gradients_are_zero_where_there_is_no_path(device):
    x, other = tensor([1.0, 2.0], device), tensor([[3.0]], device)
    later = tensor(1.0, device)
    y = (x * x).sum()
    for create_graph in (False, True):
        _, a, b = gradients(y, [x, other, later], create_graph=create_graph, retain_graph=True)
        np.testing.assert_array_equal(plain(a), [[0.0]])
        np.testing.assert_array_equal(plain(b), 0.0)
        assert isinstance(a, Tensor) is create_graph
    assert gradients(y, []) == []
    with pytest.raises(TypeError, match=r"xs\[1\] must be a Tensor; got float"):
        gradients(y, [x, 1.0])
    with pytest.raises(TypeError, match=r"xs must be a list: write \[t\]"):
        gradients(y, x)


def test_gradients_do_not_visit_what_is_older_than_all_that_is_wanted(monkeypatch):
    calls = []
    right = ag.sin.rules[0]
    monkeypatch.setattr(ag.sin, "rules", [lambda *args: calls.append(1) or right(*args)])
    x = Tensor(0.5)
    early = ag.sin(x)
    middle = early * 2.0
    (middle * middle).backward(retain_graph=True)
    assert len(calls) == 1
    assert gradients(middle * middle, [middle]) == [4 * np.sin(0.5)]
    assert len(calls) == 1


@every_device
def test_create_graph_to_the_third_order_as_torch(device):
    torch = pytest.importorskip("torch")
    data = np.array([0.3, -0.7, 1.1])

    def ours(x):
        return (ag.sin(x) * ag.exp(x) / (1.0 + x * x) + ag.sigmoid(x * x[0])).sum()

    def theirs(x):
        return (x.sin() * x.exp() / (1.0 + x * x) + (x * x[0]).sigmoid()).sum()

    x, t = tensor(data, device), torch.tensor(data, requires_grad=True)
    y, u = ours(x), theirs(t)
    for _ in range(3):
        (g,) = gradients(y, [x], create_graph=True)
        (h,) = torch.autograd.grad(u, t, create_graph=True)
        # terms of size up to 10, some hundred roundings in the third order
        np.testing.assert_allclose(plain(g), h.detach().numpy(), rtol=0, atol=1000 * EPS)
        y, u = (g * g).sum() + g[0], (h * h).sum() + h[0]


def test_backward_through_a_gradient():
    """A penalty on the gradient, as in WGAN-GP."""
    w = Tensor([1.0, 2.0])
    (g,) = gradients((w**3).sum(), [w], create_graph=True)  # 3w²
    (g * g).sum().backward()  # Σ 9w⁴
    np.testing.assert_array_equal(w.grad, [36.0, 288.0])


def test_the_gradient_to_begin_with_can_be_differentiated_by():
    x, v = Tensor([1.0, 2.0]), Tensor([3.0, 4.0])
    (g,) = gradients(x**2, [x], v, create_graph=True)  # 2 x v
    g.sum().backward()
    np.testing.assert_array_equal(v.grad, [2.0, 4.0])
    np.testing.assert_array_equal(x.grad, [6.0, 8.0])


# grad, value_and_grad, jacobian, hessian


def test_grad_of_a_number_is_a_number():
    assert grad(lambda x: x * ag.exp(x))(0.0) == 1.0
    for f in (
        lambda x: x * x,
        lambda x: ag.maximum(x, 1.0),
        lambda x: ag.sum(x * np.ones(3)),
        lambda x: ag.logsumexp(x * np.ones(3)),
        lambda x: Tensor(3.0),
        lambda x: ag.leaky_relu(x),
        lambda x: ag.max(x),
    ):
        value, gradient = value_and_grad(f)(2.0)
        assert type(value) is np.float64
        assert type(gradient) is np.float64


def test_derivatives_of_derivatives():
    f = lambda x: x**5 + ag.sin(x)  # noqa: E731
    expected = [
        lambda x: x**5 + math.sin(x),
        lambda x: 5 * x**4 + math.cos(x),
        lambda x: 20 * x**3 - math.sin(x),
        lambda x: 60 * x**2 - math.cos(x),
        lambda x: 120 * x + math.sin(x),
    ]
    for order in range(1, 5):
        f = grad(f)
        assert f(1.5) == pytest.approx(expected[order](1.5), rel=64 * EPS)


def test_closures():
    w, scale = Tensor(3.0), 2.0
    f = lambda x: scale * w * x * x  # noqa: E731
    assert grad(f)(2.0) == 24.0
    assert w.grad is None
    inner = lambda x: x * grad(lambda y: x * y * y)(x)  # noqa: E731  (x · 2xy at y = x: 2x³)
    assert grad(inner)(2.0) == 6 * 2.0**2
    outer = lambda x: x * grad(lambda y: y * y * y)(2.0 * x)  # noqa: E731  (x · 3(2x)² = 12x³)
    assert grad(outer)(1.0) == 36.0


def test_tensors_in_tensors_out():
    x = Tensor(2.0)
    g = grad(lambda x: x**3)(x)
    assert isinstance(g, Tensor)
    g.backward()
    assert x.grad == 12.0
    assert isinstance(grad(lambda x: x**3)(np.float64(2.0)), np.float64)
    assert not isinstance(grad(lambda x: x**3)(x.detach()), Tensor)


Layer = namedtuple("Layer", ["W", "b"])


@every_device
def test_structures(device):
    def array(*shape):
        return arrays.array(np.arange(1.0, 1.0 + math.prod(shape)).reshape(shape), device=device)

    parameters = {
        "layers": [Layer(array(2, 2), array(2)), (array(2), 3.0 if device == "numpy" else array())],
        "c": array(),
    }

    def f(p, x):
        (W, b), (v, s) = p["layers"]
        return ((x @ W + b) * v * s).sum() * p["c"]

    x = array(3, 2)
    value, g = value_and_grad(f)(parameters, x)
    assert list(g) == ["layers", "c"]
    assert type(g["layers"][0]) is Layer
    assert type(g["layers"][1]) is tuple
    assert tuple(g["layers"][0].W.shape) == (2, 2)
    flat = [parameters["layers"][0].W, parameters["layers"][0].b, *parameters["layers"][1], parameters["c"]]
    one_by_one = lambda W, b, v, s, c: f({"layers": [(W, b), (v, s)], "c": c}, x)  # noqa: E731
    expected = grad(one_by_one, argnums=(0, 1, 2, 3, 4))(*flat)
    got = [g["layers"][0].W, g["layers"][0].b, *g["layers"][1], g["c"]]
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_array_equal(plain(a), plain(b))
    check_gradients(one_by_one, *flat)
    assert float(value) == float(one_by_one(*map(Tensor, flat)).value)


def test_lists_of_numbers_are_arrays():
    np.testing.assert_array_equal(grad(lambda x: (x * x).sum())([1.0, 2.0]), [2.0, 4.0])
    np.testing.assert_array_equal(grad(lambda x: (x * x).sum())((1.0, 2.0)), [2.0, 4.0])


def test_argnums():
    f = lambda x, y, z=1.0: x * y * z  # noqa: E731
    assert grad(f)(2.0, 3.0) == 3.0
    assert grad(f, 1)(2.0, 3.0, z=5.0) == 10.0
    assert grad(f, -1)(2.0, 3.0) == 2.0
    assert grad(f, (1, 0))(2.0, 3.0) == (2.0, 3.0)
    assert grad(f, [0])(2.0, 3.0) == (3.0,)
    with pytest.raises(TypeError, match="called with 2 arguments, so there is none at 2"):
        grad(f, 2)(2.0, 3.0)
    for twice in ((0, 0), (1, -1)):
        with pytest.raises(ValueError, match="argnums must name each argument once"):
            grad(f, twice)(2.0, 3.0)
    assert grad(f, np.int64(1))(2.0, 3.0) == 2.0
    for wrong in (0.0, None, (0, 1.0), "x"):
        for function in (grad, value_and_grad):
            with pytest.raises(TypeError, match="argnums must be an integer or a tuple of integers; got"):
                function(f, wrong)
    for wrong in (0.0, (0,)):
        for function in (jacobian, hessian):
            with pytest.raises(TypeError, match="argnums must be an integer"):
                function(f, wrong)


def test_argnums_are_checked_before_anything_is_computed():
    with pytest.raises(ValueError, match="argnums must name each argument once"):
        grad(lambda x: x, (0, 0))("no number")


def test_what_grad_refuses():
    def loss(x):
        return x * x

    for call, error, message in (
        (lambda: grad(loss)(np.ones(3)), ValueError, r"loss must return one number.*got shape \(3,\).*jacobian"),
        (lambda: grad(lambda x: 3.0)(1.0), TypeError, "must return a Tensor.*got float"),
        (lambda: grad(loss)(3), TypeError, "no gradient with respect to int64; write 3.0 for 3"),
        (lambda: grad(lambda x: x.value)(1.0), TypeError, "must return a Tensor.*got float64"),
    ):
        with pytest.raises(error, match=message):
            call()
    assert grad(loss).__name__ == "loss"


JACOBIANS = {
    "vector": (lambda x, xp: xp.sin(x) * x[0], (3,)),
    "matrix": (lambda x, xp: x @ x, (2, 2)),
    "scalar output": (lambda x, xp: (x * x * x).sum(), (2, 3)),
    "longer output": (lambda x, xp: xp.stack([x[0], x[1] * x[0], xp.exp(x[1]), x[0] ** 2], 0), (2,)),
    "transposed": (lambda x, xp: x.T * 2.0, (2, 3)),
    "permuted": (lambda x, xp: x.T[::1] @ x, (3, 2)),
    "number": (lambda x, xp: xp.stack([x * x, xp.exp(x)], 0), ()),
    "constant": (lambda x, xp: xp.ones_like(x), (2,)),
}


@every_device
@pytest.mark.parametrize(("f", "shape"), JACOBIANS.values(), ids=JACOBIANS)
def test_jacobians_are_torchs(f, shape, device):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(21).uniform(-1, 1, shape)
    expected = torch.autograd.functional.jacobian(lambda x: f(x, torch), torch.tensor(x))
    got = jacobian(lambda x: f(x, ag))(arrays.array(x, device=device)[()])
    assert not isinstance(got, Tensor)
    np.testing.assert_allclose(arrays.to_numpy(got), expected.numpy(), rtol=0, atol=64 * EPS, strict=True)


HESSIANS = {
    "vector": (lambda x, xp: (xp.sin(x) * x[0]).sum() * x[1], (3,)),
    "matrix": (lambda x, xp: (x @ x @ x).sum(), (2, 2)),
    "number": (lambda x, xp: xp.exp(x) * x, ()),
    "linear": (lambda x, xp: (2.0 * x).sum(), (2,)),
    "softmax": (lambda x, xp: (xp.softmax(x, 1)[0] * x[1]).sum(), (2, 3)),
}


@every_device
@pytest.mark.parametrize(("f", "shape"), HESSIANS.values(), ids=HESSIANS)
def test_hessians_are_torchs(f, shape, device):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(22).uniform(-1, 1, shape)
    expected = torch.autograd.functional.hessian(lambda x: f(x, torch), torch.tensor(x))
    got = hessian(lambda x: f(x, ag))(arrays.array(x, device=device)[()])
    np.testing.assert_allclose(arrays.to_numpy(got), expected.numpy(), rtol=0, atol=128 * EPS, strict=True)


def test_jacobian_by_another_argument_and_of_a_jacobian():
    A = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    np.testing.assert_array_equal(jacobian(lambda x, A: A @ x, 0)(np.ones(2), A), A)
    assert jacobian(lambda x, A: A @ x, 1)(np.ones(2), A).shape == (3, 3, 2)
    third = jacobian(jacobian(jacobian(lambda x: x**3)))(np.array([1.0, 2.0]))
    expected = np.zeros((2, 2, 2, 2))
    expected[0, 0, 0, 0] = expected[1, 1, 1, 1] = 6.0
    np.testing.assert_array_equal(third, expected)
    assert jacobian(lambda x: x[:0])(np.ones(2)).shape == (0, 2)


# With numpy's own functions


def test_numpy_on_the_left():
    x = Tensor([1.0, 2.0, 3.0])
    for y, expected in (
        (np.array([4.0, 5.0, 6.0]) - x, [3.0, 3.0, 3.0]),
        (np.float64(6) / x, [6.0, 3.0, 2.0]),
        (np.float64(2) ** x, [2.0, 4.0, 8.0]),
        (np.array([1.0, 0.0, 1.0]) @ x, 4.0),
        (np.array([[1.0], [2.0]]) * x, [[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]]),
    ):
        assert type(y) is Tensor
        np.testing.assert_array_equal(y.value, expected)
    np.testing.assert_array_equal(np.array([2.0, 2.0, 2.0]) < x, [False, False, True])
    np.testing.assert_array_equal(np.float64(2) == x, [False, True, False])


def test_numpy_s_elementwise_functions_are_ours():
    x = Tensor([0.5, 1.5])
    for f in (np.exp, np.log, np.sqrt, np.tanh, np.abs, np.sin, np.cos, np.expm1, np.log1p, np.negative, np.sign):
        y = f(x)
        assert type(y) is Tensor
        np.testing.assert_array_equal(y.value, f(x.value))
    for f in (np.add, np.maximum, np.divide, np.power, np.matmul):
        np.testing.assert_array_equal(f(x, np.array([1.0, 2.0])).value, f(x.value, [1.0, 2.0]))
    np.exp(x).sum().backward()
    np.testing.assert_array_equal(x.grad, np.exp(x.value))


def test_what_would_drop_the_derivative_is_refused():
    x = Tensor([0.5, 1.5])
    for call, message in (
        (lambda: np.sum(x), r"numpy.sum would drop the derivative: use dlkit.autograd.sum"),
        (lambda: np.concatenate([x, x]), "use dlkit.autograd.concatenate"),
        (lambda: np.linalg.norm(x), "use dlkit.autograd.norm"),
        (lambda: np.argmax(x), "numpy.argmax.*use the functions of dlkit.autograd, or tensor.value"),
        (lambda: np.add.reduce(x), "numpy.add would drop the derivative"),
        (lambda: np.add(x, 1.0, out=np.empty(2)), "numpy.add would drop"),
        (lambda: np.exp(x, where=np.array([True, False])), "numpy.exp would drop"),
        (lambda: np.arctan(x), "numpy.arctan would drop"),
        (lambda: np.asarray(x), r"use tensor.value for the numbers"),
        (lambda: np.array([Tensor(1.0), Tensor(2.0)]), "use tensor.value"),
        (lambda: np.ones(2).__iadd__(x), "numpy.add would drop"),
    ):
        with pytest.raises(TypeError, match=message):
            call()


@every_device
def test_torch_or_numpy_arrays_on_either_side(device):
    x = tensor([1.0, 2.0], device)
    a = arrays.array([3.0, 5.0], device=device)
    for y, expected in (
        (a + x, [4.0, 7.0]),
        (a - x, [2.0, 3.0]),
        (a * x, [3.0, 10.0]),
        (a / x, [3.0, 2.5]),
        (a**x, [3.0, 25.0]),
        (a @ x, 13.0),
        (x - a, [-2.0, -3.0]),
    ):
        assert isinstance(y, Tensor)
        assert y.requires_grad
        np.testing.assert_array_equal(plain(y), expected)
    np.testing.assert_array_equal(plain(x < a), [True, True])
    np.testing.assert_array_equal(plain(a < x), [False, False])


# The tensor as an object


def test_small_things():
    x = Tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    assert (x.shape, x.ndim, x.size, len(x), x.T.shape) == ((2, 3), 2, 6, 2, (3, 2))
    assert [row.shape for row in x] == [(3,), (3,)]
    assert x.transpose(1, 0).shape == x.transpose((1, 0)).shape == x.transpose().shape == (3, 2)
    assert x.reshape(3, 2).shape == x.reshape((3, 2)).shape == x.reshape([-1, 2]).shape == (3, 2)
    assert x.reshape(-1).shape == (6,)
    assert x.max().item() == 6.0
    assert x.min(axis=1).shape == (2,)
    assert x.mean(axis=(0, 1), keepdims=True).shape == (1, 1)
    assert float(Tensor(2.5, requires_grad=False)) == 2.5
    assert sum([Tensor(1.0), Tensor(2.0)]).value == 3.0
    assert abs(Tensor(-2.0)).value == 2.0
    assert (-Tensor(2.0)).value == -2.0
    assert len({x, x, Tensor(1.0)}) == 2
    assert bool(Tensor(1.0) > 0.5)
    x.numpy()[...] = 0.0
    assert x.value[0, 0] == 1.0
    with pytest.raises(TypeError, match="without axes has no length"):
        len(Tensor(1.0))
    assert Tensor(x, dtype="float32").dtype == np.float32


def test_repr():
    assert repr(Tensor(3.0)) == "Tensor(3.0)"
    assert repr(Tensor([1.0, 2.0])) == "Tensor([1., 2.])"
    assert repr(Tensor(np.ones(1, np.float32))) == "Tensor([1.], dtype=float32)"
    pytest.importorskip("torch")
    assert repr(Tensor([1.0], device="cpu")) == "Tensor([1.], device='cpu')"


def test_a_copy_keeps_its_class():
    class Parameter(Tensor):
        pass

    assert type(copy.copy(Parameter(1.0))) is Parameter
    assert type(Parameter(1.0) * 2.0) is Parameter


@every_device
@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_is_a_leaf_of_its_own(duplicate, device):
    w = tensor([1.0, 2.0], device)
    (w * w).sum().backward()
    v = duplicate(w)
    np.testing.assert_array_equal(plain(v.grad), plain(w.grad))
    w.grad = v.grad = None
    (w * v * v).sum().backward()
    np.testing.assert_array_equal(plain(w.grad), [1.0, 4.0])
    np.testing.assert_array_equal(plain(v.grad), [2.0, 8.0])
    with no_grad():
        v += 1.0
    np.testing.assert_array_equal(plain(w), [1.0, 2.0])
    assert not duplicate(w.detach()).requires_grad
    with pytest.raises(TypeError, match=r"cannot be copied or pickled with its graph.*detach\(\) it"):
        duplicate(w * 2.0)


# A student's own operation


def test_a_student_s_operation():
    @operation
    def hypotenuse(x, y, *, scale=1.0):
        """Return scale·√(x² + y²)."""
        return scale * (x**2 + y**2) ** 0.5

    hypotenuse.derivatives(
        x=lambda g, z, x, y, scale: g * scale**2 * x / z,
        y=lambda g, z, x, y, scale: g * scale**2 * y / z,
    )
    assert hypotenuse(3.0, 4.0) == 5.0
    assert repr(hypotenuse) == "<operation hypotenuse(x, y, scale)>"
    assert hypotenuse.__doc__.startswith("Return")
    for args in ((1.5, 2.5), (np.array([1.0, 2.0]), np.array([[3.0], [1.0]]))):
        check_gradients(hypotenuse, *args)
        check_gradients(lambda x, y: hypotenuse(x, y, scale=3.0), *args)
        check_gradients(lambda x, y: hypotenuse(x, y, 3.0), *args)
    np.testing.assert_allclose(  # (xᵢxⱼ/z³ and so on, from values of size 1)
        hessian(lambda p: hypotenuse(p[0], p[1]))(np.array([3.0, 4.0])),
        np.array([[16.0, -12.0], [-12.0, 9.0]]) / 125,
        rtol=16 * EPS,
    )


def test_a_forgotten_derivative():
    @operation
    def product(x, y):
        return x * y

    product.derivatives(x=lambda g, z, x, y: g * y)
    x, y = Tensor(2.0), Tensor(3.0)
    product(x, 3.0).backward()  # not missed where it is not needed
    assert x.grad == 3.0
    with pytest.raises(TypeError, match=r"product has no derivative by y; write one with product.derivatives\(y=...\)"):
        product(x, y).backward()


def test_mistakes_in_a_student_s_operation():
    @operation
    def double(x, *, factor=2.0):
        return factor * x

    for mistake, message in (
        (lambda: double.derivatives(X=lambda g, z, x, factor: g), "double has no operand 'X'; its operands are x"),
        (lambda: double.derivatives(factor=lambda g, z, x, factor: g), "double has no operand 'factor'"),
        (lambda: double.derivatives(x=lambda g, x: g), r"the rule for x must take \(g, z, x, factor\); too many"),
        (lambda: double.derivatives(x=lambda g, z, x: g), r"double: the rule for x must take \(g, z, x, factor\)"),
        (lambda: double.derivatives(x=lambda g, z, x, y, factor: g), r"must take \(g, z, x, factor\); missing.*'y'"),
    ):
        with pytest.raises(TypeError, match=message):
            mistake()
    with pytest.raises(TypeError, match=r"scaled: k has a default, so it is an option; write it after a \*"):

        @operation
        def scaled(x, k=2.0):
            return k * x

    for forward, message in (
        (lambda x, **more: x, r"\*\*more is not possible; write operands, then options after a \*"),
        (lambda x, /: x, r"x before a / is not possible"),
        (lambda x, *xs: x, r"beside \*xs there can be no other operand"),
    ):
        with pytest.raises(TypeError, match=message):
            operation(forward)

    @operation
    def joined(*xs):
        return xs[0] + xs[1]

    with pytest.raises(TypeError, match=r"joined: the rule for xs must take \(i, g, z, \*xs\)"):
        joined.derivatives(xs=lambda g: g)
    joined.derivatives(xs=lambda i, g, z, *xs: g)
    check_gradients(joined, 1.0, 2.0)


@pytest.mark.parametrize(
    ("part", "error", "message"),
    [
        (lambda g, x: 0.0, TypeError, r"own: the rule for x must return an array.*got 0.0"),
        (lambda g, x: None, TypeError, r"own: the rule for x must return an array.*got None"),
        (
            lambda g, x: g * x.T,
            ValueError,
            r"own: the rule for x must return a gradient of the shape \(2, 3\).*\(3, 2\)",
        ),
        (lambda g, x: g, ValueError, r"own: the rule for x .*shape \(2, 3\) .*got \(\)"),
        (lambda g, x: g * x[0], ValueError, r"own: the rule for x .*shape \(2, 3\) .*got \(3,\)"),
    ],
)
@every_device
def test_a_rule_that_returns_the_wrong_thing(part, error, message, device):
    @operation
    def own(x):
        return (x * x).sum()

    own.derivatives(x=lambda g, z, x: part(g, x))
    x = tensor(np.ones((2, 3)), device)
    with pytest.raises(error, match=message):
        own(x).backward()
    assert x.grad is None


def test_of_two_rules_for_one_tensor_the_wrong_one_is_named():
    @operation
    def product(x, y):
        return x * y

    @operation
    def joined(*xs):
        return xs[0] * xs[1]

    product.derivatives(x=lambda g, z, x, y: g * y, y=lambda g, z, x, y: None)
    joined.derivatives(xs=lambda i, g, z, *xs: None if i else g * xs[1])
    t = Tensor(2.0)
    with pytest.raises(TypeError, match="product: the rule for y must return an array"):
        product(t, t).backward()
    with pytest.raises(TypeError, match="joined: the rule for argument 2 must return an array"):
        joined(t, t).backward()


@every_device
def test_messages_write_shapes_as_tuples(device):
    x = tensor([1.0, 2.0], device)
    y = x * x
    x.value = x.value * 2.0
    with pytest.raises(RuntimeError, match=r"its operand of shape \(2,\) was changed"):
        gradients(y, [x], x.value)


@pytest.mark.parametrize(
    ("result", "kind"), [(lambda x: (x, x), "tuple"), (lambda x: [x], "list"), (lambda x: None, "NoneType")]
)
@every_device
def test_an_operation_returns_one_array(result, kind, device):
    @operation
    def own(x):
        return result(x)

    for shape in ((), (2,)):
        with pytest.raises(TypeError, match=f"own must return one array; got {kind}"):
            own(tensor(np.ones(shape), device))


def test_a_rule_may_leave_broadcasting_to_the_engine():
    @operation
    def times(x, y):
        return x * y

    times.derivatives(x=lambda g, z, x, y: g * y, y=lambda g, z, x, y: g * x)
    check_gradients(times, np.arange(1.0, 4.0), np.arange(1.0, 3.0).reshape(2, 1))


# Numerical gradients


def test_numerical_gradient():
    x = np.array([[1.0, 2.0], [3.0, -4.0]])
    f = lambda x: (x**3).sum()  # noqa: E731
    h = EPS ** (1 / 3)  # truncation h²|f‴|/6 = h² max(1, x²), rounding 2 ε|f|/h of f < 100
    np.testing.assert_allclose(numerical_gradient(f, x), 3 * x**2, rtol=0, atol=17 * h**2 + 200 * EPS / h)
    assert numerical_gradient(f, np.array(2.0)).shape == ()
    np.testing.assert_allclose(numerical_gradient(f, x, step=0.5), 3 * x**2 + 0.25, rtol=1e-12)  # exact for cubics
    with pytest.raises(TypeError, match="x must hold floats; got int64"):
        numerical_gradient(f, np.array([1, 2]))
    np.testing.assert_array_equal(x, [[1.0, 2.0], [3.0, -4.0]])
    for step in (0, 0.0, -1e-5, math.nan):
        with pytest.raises(ValueError, match=f"step must be positive; got {step}"):
            numerical_gradient(f, x, step=step)


def with_rule(f, rule):
    """Return an operation with the given derivative."""

    @operation
    def own(x):
        return f(x)

    own.derivatives(x=rule)
    return own


def test_the_check_says_where_the_function_ends():
    for f, x in ((ag.log, 1e-6), (ag.sqrt, 0.0), (lambda x: ag.exp(1e9 * x), 0.0)):
        with np.errstate(all="ignore"), pytest.raises(ValueError, match=r"argument 1: the function is not"):
            check_gradients(f, x)
    with pytest.raises(AssertionError, match=r"the gradient is nan, differences of the function give 2$"):
        check_gradients(with_rule(lambda x: x * x, lambda g, z, x: g * math.nan), 1.0)
    with pytest.raises(AssertionError, match=r"index \[1\]: the gradient is inf"):
        check_gradients(with_rule(lambda x: x * x, lambda g, z, x: g * np.array([2.0, math.inf])), np.ones(2))


@pytest.mark.parametrize(
    ("f", "rule", "x"),
    [
        (lambda x: np.float64(x > 0), lambda g, z, x: g * 5.0, -4e-6),
        (lambda x: np.float64(x > 0), lambda g, z, x: g * 0.0, -4e-6),
        (lambda x: np.sin(1e5 * x), lambda g, z, x: g * 1.01e5 * np.cos(1e5 * x), 1.0),
        (lambda x: np.abs(x), lambda g, z, x: g * np.sign(x), 1e-6),
        (lambda x: 1e9 + x, lambda g, z, x: g * 1.1, 1.0),
    ],
)
def test_the_check_refuses_where_differences_are_no_guide(f, rule, x):
    with pytest.raises(ValueError, match=r"own, argument 1: the differences are no guide here"):
        check_gradients(with_rule(f, rule), x)


def test_the_check_of_one_number_shows_its_derivative():
    wrong = with_rule(lambda x: x * x, lambda g, z, x: g * x)
    for x in (3.0, np.array([3.0]), np.array([[3.0]])):
        with pytest.raises(AssertionError, match=r"the gradient is 3, differences of the function give 6(\.0+\d*)?$"):
            check_gradients(wrong, x)


def test_the_check_shows_as_many_digits_as_tell_the_two_apart():
    nearly = with_rule(lambda x: x * x, lambda g, z, x: g * 2.0 * x * (1 + 1e-7))
    with pytest.raises(AssertionError, match=r"the gradient is 6\.000001, differences of the function give 6$"):
        check_gradients(nearly, 3.0)
    check_gradients(nearly, 3.0, rtol=1e-6)


def test_the_check_wants_tensors_back_and_asks_no_more_than_needed():
    for f, kind in ((lambda x: x.value, "ndarray"), (lambda x: 3.0, "float")):
        with pytest.raises(TypeError, match=f"f must return a Tensor; got {kind}"):
            check_gradients(f, np.ones(2))
    calls = []
    check_gradients(lambda x: calls.append(1) or (x * x).sum(), np.ones(3))
    assert len(calls) == 2 + 3 * 4  # for the gradient, at x, and at x ± h and x ± h/2 for each entry


# Ties and kinks, at the subgradients that the docstrings name


@every_device
def test_ties_share(device):
    x, y = tensor([1.0, 2.0, 3.0], device), tensor([1.0, 5.0, 0.0], device)
    for f, dx, dy in ((ag.maximum, [0.5, 0.0, 1.0], [0.5, 1.0, 0.0]), (ag.minimum, [0.5, 1.0, 0.0], [0.5, 0.0, 1.0])):
        for got, expected in zip(gradients(f(x, y).sum(), [x, y]), (dx, dy), strict=True):
            np.testing.assert_array_equal(plain(got), expected)
    z = tensor([[2.0, 2.0, 1.0], [0.0, -1.0, -1.0]], device)
    np.testing.assert_array_equal(plain(gradients(ag.max(z, axis=1).sum(), [z])[0]), [[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])
    np.testing.assert_array_equal(plain(gradients(ag.min(z), [z])[0]), [[0.0, 0.0, 0.0], [0.0, 0.5, 0.5]])
    np.testing.assert_array_equal(plain(gradients(ag.max(z, axis=(0, 1)), [z])[0]), [[0.5, 0.5, 0], [0, 0, 0]])
    np.testing.assert_array_equal(plain(gradients(ag.norm(z, math.inf), [z])[0]), [[0.5, 0.5, 0], [0, 0, 0]])


@every_device
@pytest.mark.parametrize(
    ("f", "at", "expected"),
    [
        (ag.relu, 0.0, 0.0),
        (ag.relu, -0.0, 0.0),
        (ag.abs, 0.0, 0.0),
        (lambda x: ag.leaky_relu(x, slope=0.25), 0.0, 0.25),
        (lambda x: ag.elu(x, alpha=0.5), 0.0, 0.5),
        (lambda x: ag.clip(x, -1.0, 1.0), 1.0, 1.0),
        (lambda x: ag.clip(x, -1.0, 1.0), -1.0, 1.0),
        (lambda x: ag.clip(x, -1.0, 1.0), 1.5, 0.0),
        (lambda x: ag.maximum(x, 0.0), 0.0, 0.5),
        (lambda x: ag.minimum(0.0, x), 0.0, 0.5),
        (lambda x: ag.norm(x), 0.0, 0.0),
        (lambda x: ag.norm(x, 1), 0.0, 0.0),
        (lambda x: ag.norm(x, 3), 0.0, 0.0),
        (lambda x: x**0, 0.0, 0.0),
        (lambda x: x**1, 0.0, 1.0),
        (lambda x: x**2, 0.0, 0.0),
        (lambda x: ag.power(x, 0.0), 0.0, 0.0),
        (lambda x: ag.power(x, 1.0), 0.0, 1.0),
        (lambda x: ag.power(0.0, x), 2.0, 0.0),
        (ag.sign, 0.0, 0.0),
    ],
)
@pytest.mark.parametrize("shape", [(), (2,)])
def test_kinks(f, at, expected, shape, device):
    x = tensor(np.full(shape, at), device)
    (g,) = gradients(ag.sum(f(x)), [x])
    np.testing.assert_array_equal(plain(g), np.full(shape, expected))


@every_device
def test_products_with_zeros(device):
    x = tensor([[2.0, 0.0, 5.0], [0.0, 0.0, 5.0], [2.0, 3.0, 5.0]], device)
    (g,) = gradients(ag.prod(x, axis=1).sum(), [x])
    np.testing.assert_array_equal(plain(g), [[0.0, 10.0, 0.0], [0.0, 0.0, 0.0], [15.0, 10.0, 6.0]])


@every_device
def test_products_with_zeros_to_every_order(device):
    x = tensor([0.0, 2.0, 3.0], device)
    np.testing.assert_array_equal(plain(hessian(ag.prod)(x)), [[0, 3, 2], [3, 0, 0], [2, 0, 0]])
    third = np.zeros((5,) * 3)
    for i, j, k in permutations((0, 2, 4)):  # the three zeros; the others are 2 and 5
        third[i, j, k] = 10.0
    x = tensor([0.0, 2.0, 0.0, 5.0, 0.0], device)
    np.testing.assert_array_equal(plain(jacobian(hessian(ag.prod))(x)), third)
    for shape, axis in (((0,), None), ((0, 3), 0), ((3, 0), 0), ((2, 0), (0, 1)), ((2, 1), ())):
        x = tensor(np.ones(shape), device)
        (g,) = gradients(ag.prod(x, axis=axis).sum(), [x])
        np.testing.assert_array_equal(plain(g), np.ones(shape))


def test_the_gradient_of_a_long_product_is_no_long_sum():
    """Pairs, pairs of pairs: as many levels as the length has binary digits, so rounding stays small as well."""
    x = np.random.default_rng(8).uniform(0.5, 2.0, 1000)
    x[:500] = 1 / x[500:]
    np.testing.assert_allclose(grad(ag.prod)(x), np.prod(x) / x, rtol=2000 * EPS)  # a rounding for each factor, in both


@every_device
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(), (2,)])
def test_mixed_derivatives_of_powers_in_both_orders(shape, dtype, device):
    """∂²(xʸ)/∂x∂y = xʸ⁻¹(1 + y log x): 1/x at y = 0."""
    for at, expected in (((2.0, 0.0), 0.5), ((0.0, 0.0), 0.0), ((1.0, 3.0), 1.0)):
        x, y = (tensor(np.full(shape, v), device, dtype) for v in at)
        for first, second in ((x, y), (y, x)):
            (g,) = gradients(ag.sum(ag.power(x, y)), [first], create_graph=True)
            (h,) = gradients(ag.sum(g), [second])
            np.testing.assert_array_equal(plain(h), np.full(shape, expected))
            assert g.dtype == h.dtype == x.dtype


@every_device
@pytest.mark.parametrize("exponent", [0, 0.0, 2, 2.5, -1])
def test_powers_to_a_number_keep_the_dtype(exponent, device):
    x = tensor([2.0, 4.0], device, "float32")
    (g,) = gradients(ag.power(x, exponent).sum(), [x], create_graph=True)
    (h,) = gradients(g.sum(), [x])
    assert g.dtype == h.dtype == x.dtype
    # xʸ⁻¹ and xʸ⁻² in float32, with y up to 2.5
    np.testing.assert_allclose(plain(g), exponent * x.numpy() ** (exponent - 1.0), rtol=1e-6)
    np.testing.assert_allclose(plain(h), exponent * (exponent - 1) * x.numpy() ** (exponent - 2.0), rtol=1e-6)


def test_powers_of_zero_by_the_exponent():
    """0 is the limit for y > 0, and taken for y = 0; below that there is none."""
    x = Tensor(0.0)
    for y, expected in ((2.0, 0.0), (0.0, 0.0)):
        assert gradients(ag.power(x, Tensor(y)), [x])[0] == expected
        assert grad(lambda y: ag.power(x, y))(y) == 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        assert math.isnan(grad(lambda y: ag.power(x, y))(-1.0))


# Extremes


@every_device
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(), (1,)])
def test_finite_at_ten_thousand(shape, dtype, device):
    values = {}
    for at in (-1e4, 1e4):
        x = tensor(np.full(shape, at), device, dtype)
        for name in (
            "sigmoid",
            "tanh",
            "softplus",
            "log_sigmoid",
            "relu",
            "leaky_relu",
            "elu",
            "abs",
            "sign",
            "logsumexp",
        ):
            y = ag.sum(getattr(ag, name)(x))
            for g in gradients(y, [x], create_graph=True):
                values[name, at] = (y.item(), ag.sum(g).item())
    for (name, at), pair in values.items():
        assert np.isfinite(pair).all(), (name, at)
    assert values["sigmoid", -1e4] == (0.0, 0.0)
    assert values["sigmoid", 1e4] == (1.0, 0.0)
    assert values["softplus", 1e4] == (1e4, 1.0)
    assert values["softplus", -1e4] == (0.0, 0.0)
    assert values["log_sigmoid", -1e4] == (-1e4, 1.0)
    assert values["log_sigmoid", 1e4] == (0.0, 0.0)
    assert values["elu", -1e4] == (-1.0, 0.0)
    assert values["logsumexp", -1e4] == (-1e4, 1.0)


@every_device
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_softmaxes_at_ten_thousand(dtype, device):
    data = [[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4], [1e4, 1e4, -1e4]]
    x = tensor(data, device, dtype)
    w = arrays.array([1.0, 2.0, 4.0], dtype, device)
    np.testing.assert_allclose(
        plain(ag.softmax(x)), [[1.0, 0, 0], [1 / 3, 1 / 3, 1 / 3], [0.5, 0.5, 0]], rtol=2 * np.finfo(dtype).eps
    )
    for f in (ag.softmax, ag.log_softmax):
        (g,) = gradients((f(x) * w).sum(), [x])
        assert np.isfinite(plain(g)).all()
    y = arrays.array([1, 0, 2], device=device)
    loss = ag.softmax_cross_entropy(x, y=y)
    np.testing.assert_allclose(plain(loss), [2e4, np.log(3), 2e4 + np.log(2)], rtol=2 * np.finfo(dtype).eps)
    (g,) = gradients(loss.sum(), [x])
    expected = [[1, -1, 0], [-2 / 3, 1 / 3, 1 / 3], [0.5, 0.5, -1]]
    np.testing.assert_allclose(plain(g), expected, rtol=4 * np.finfo(dtype).eps, atol=0)


def test_logsumexp_of_infinities():
    x = Tensor([-math.inf, 0.0])
    assert ag.logsumexp(x).value == 0.0
    np.testing.assert_array_equal(gradients(ag.logsumexp(x), [x])[0], [0.0, 1.0])
    assert ag.logsumexp(np.array([math.inf, 0.0])) == math.inf
    with np.errstate(divide="ignore"):
        assert ag.logsumexp(np.array([-math.inf, -math.inf])) == -math.inf


def test_norms_below_1_are_none():
    for p in (0.5, 0, -1, math.nan):
        with pytest.raises(ValueError, match=r"ord must be at least 1"):
            ag.norm(Tensor([1.0, 2.0]), p)


# Fused operations are their unfused forms


@every_device
def test_linear_is_matmul_and_add(device):
    rng = np.random.default_rng(31)
    for shape in ((4, 3), (3,), (2, 2, 3), (2, 0, 3)):
        x, W, b = (tensor(rng.standard_normal(s), device) for s in (shape, (3, 2), (2,)))
        fused, parts = ag.linear(x, W, b), ag.matmul(x, W) + b
        np.testing.assert_array_equal(plain(fused), plain(parts))
        w = arrays.array(rng.standard_normal(fused.shape), device=device)
        for a, c in zip(gradients(fused, [x, W, b], w), gradients(parts, [x, W, b], w), strict=True):
            # sums over 4 entries in another order, perhaps
            np.testing.assert_allclose(plain(a), plain(c), rtol=0, atol=16 * EPS)


@every_device
def test_softmax_cross_entropy_is_its_two_steps(device):
    rng = np.random.default_rng(32)
    s = tensor(3 * rng.standard_normal((5, 4)), device)
    y = arrays.array(rng.integers(0, 4, 5), device=device)
    rows = arrays.array(rng.dirichlet(np.ones(4), 5), device=device)
    pick = arrays.array(np.arange(5), device=device)
    w = arrays.array(rng.standard_normal(5), device=device)
    for fused, parts in (
        (ag.softmax_cross_entropy(s, y=y), -ag.log_softmax(s)[pick, y]),
        (ag.softmax_cross_entropy(s, y=rows), -(ag.log_softmax(s) * rows).sum(axis=1)),
    ):
        np.testing.assert_allclose(plain(fused), plain(parts), rtol=16 * EPS)
        (a,), (c,) = gradients(fused, [s], w), gradients(parts, [s], w)
        np.testing.assert_allclose(plain(a), plain(c), rtol=0, atol=32 * EPS)


# Shapes, searched


def numbers(shape, seed):
    return np.random.default_rng(seed).uniform(0.5, 1.5, shape)


BINARY = ("add", "subtract", "multiply", "divide", "power", "maximum", "minimum")


@searched
@given(mutually_broadcastable_shapes(num_shapes=2, min_dims=0, max_dims=3, min_side=0, max_side=3), st.data())
def test_broadcasting_of_every_binary_operation(shapes, data):
    """The gradient of a broadcast operand is that of numpy.broadcast_to of it, summed over the copies."""
    name = data.draw(st.sampled_from((*BINARY, "where")))
    left, right = shapes.input_shapes
    x, y = Tensor(numbers(left, 1)), Tensor(numbers(right, 2))
    f = getattr(ag, name) if name != "where" else lambda x, y: ag.where(numbers(shapes.result_shape, 3) > 1, x, y)
    z = f(x, y)
    assert z.shape == shapes.result_shape
    w = numbers(z.shape, 4)
    full = [Tensor(np.broadcast_to(t.value, z.shape)) for t in (x, y)]
    np.testing.assert_array_equal(f(*full).value, z.value)
    for t, got, parts in zip((x, y), gradients(z, [x, y], w), gradients(f(*full), full, w), strict=True):
        extra = len(z.shape) - t.ndim
        axes = (*range(extra), *(extra + k for k, n in enumerate(t.shape) if n == 1))
        expected = parts.sum(axis=axes).reshape(t.shape)
        assert got.shape == t.shape
        # sums of up to 27 entries below 10, in another order
        np.testing.assert_allclose(got, expected, rtol=0, atol=32 * 10 * EPS)


@st.composite
def factors(draw):
    """Two shapes that numpy multiplies as matrices: vectors, matrices, stacks that are broadcast."""
    k = draw(st.integers(0, 3))
    left, right = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    stacks = draw(
        mutually_broadcastable_shapes(num_shapes=2, min_dims=0, max_dims=2, min_side=0, max_side=3)
    ).input_shapes
    x = (*(stacks[0] if left == 2 else ()), *([draw(st.integers(0, 3))] if left == 2 else []), k)
    y = (*(stacks[1] if right == 2 else ()), k, *([draw(st.integers(0, 3))] if right == 2 else []))
    return x, y


@searched
@given(factors())
def test_matrix_products_of_all_ranks(shapes):
    torch = pytest.importorskip("torch")
    x, y = (numbers(shape, k) for k, shape in enumerate(shapes))
    expected = np.matmul(x, y)
    a, b = torch.tensor(x, requires_grad=True), torch.tensor(y, requires_grad=True)
    w = numbers(expected.shape, 9)
    theirs = torch.autograd.grad(a @ b, [a, b], torch.tensor(w))
    for device in DEVICES:
        s, t = tensor(x, device), tensor(y, device)
        z = s @ t
        # sums of at most 3 products below 2.3, and for gradients of 27 below 7
        np.testing.assert_allclose(plain(z), expected, rtol=0, atol=16 * EPS, strict=True)
        for got, reference in zip(gradients(z, [s, t], arrays.array(w, device=device)), theirs, strict=True):
            np.testing.assert_allclose(plain(got), reference.numpy(), rtol=0, atol=32 * 7 * EPS, strict=True)


@st.composite
def subscripts(draw):
    """Letters with lengths, operands that use them (once or twice each, or with length 1), and a result."""
    lengths = dict(zip("ijkl", draw(st.lists(st.integers(0, 3), min_size=4, max_size=4)), strict=True))
    groups = draw(st.lists(st.text("ijkl", max_size=3), min_size=1, max_size=3))
    used = sorted(set("".join(groups)))
    arrow = draw(st.booleans())
    result = "".join(draw(st.permutations(used))[: draw(st.integers(0, len(used)))]) if arrow else None
    text = ",".join(groups) + ("" if result is None else "->" + result)
    shapes = []
    for group in groups:
        # numpy lets a length be 1 where another operand has more; not within a group for the diagonal
        ones = {a for a in set(group) if draw(st.integers(0, 9)) == 0 and group.count(a) == 1}
        shapes.append(tuple(1 if a in ones else lengths[a] for a in group))
    return text, shapes


@settings(max_examples=150, deadline=None, derandomize=True)
@given(subscripts())
def test_einsum_is_numpys(case):
    text, shapes = case
    values = [numbers(shape, k) for k, shape in enumerate(shapes)]
    expected = np.einsum(text, *values)
    tensors = [Tensor(x) for x in values]
    z = ag.einsum(text, *tensors)
    # sums of at most 3⁴ products below 1.5³ = 3.4, and for the check a few more; another order
    np.testing.assert_allclose(z.value, expected, rtol=128 * EPS, atol=128 * EPS, strict=True)
    np.testing.assert_allclose(ag.einsum(text, *values), expected, rtol=128 * EPS, atol=128 * EPS)
    if sum(x.size for x in values) < 40:
        check_gradients(lambda *xs: ag.einsum(text, *xs), *values)


@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        ("i...,...j->ij...", [(2, 3), (3, 4)]),
        ("...ij,...jk->...ik", [(2, 1, 2, 3), (3, 3, 2)]),
        ("...,...", [(2, 3), (3,)]),
        ("i...->...", [(2, 3, 2)]),
        (" ij , jk -> ik ", [(2, 3), (3, 2)]),
        ("zA,Ab", [(2, 3), (3, 2)]),
        ("iii->i", [(3, 3, 3)]),
        ("ii,jj->", [(2, 2), (3, 3)]),
    ],
)
def test_einsum_s_dots_and_diagonals(text, shapes):
    values = [numbers(shape, k) for k, shape in enumerate(shapes)]
    np.testing.assert_allclose(ag.einsum(text, *map(Tensor, values)).value, np.einsum(text, *values), rtol=64 * EPS)
    check_gradients(lambda *xs: ag.einsum(text, *xs), *values)
    assert set(text) - set(" ,->." + ascii_lowercase) in (set(), {"A"})


@pytest.mark.parametrize(
    ("text", "ranks", "message"),
    [
        ("ij,jk->ik", [2], "name 2 arrays; got 1"),
        ("ij->i", [3], "'ij' does not fit an array with 3 axes"),
        ("ijk->i", [2], "'ijk' does not fit an array with 2 axes"),
        ("...ijk->i", [2], "does not fit an array with 2 axes"),
    ],
)
def test_einsum_refuses(text, ranks, message):
    with pytest.raises(ValueError, match=message):
        ag.einsum(text, *[Tensor(np.ones((2,) * rank)) for rank in ranks])


@searched
@given(broadcastable_shapes((2, 3), min_side=0, max_side=3, max_dims=3), st.booleans())
def test_sum_to_undoes_broadcasting(shape, as_torch):
    if as_torch:
        pytest.importorskip("torch")
    shape = tuple(n for n in shape)
    spread = np.broadcast_shapes(shape, (2, 3))
    x = numbers(spread, 5)
    got = arrays.to_numpy(ag.sum_to(arrays.array(x, device="cpu" if as_torch else "numpy"), shape=shape))
    extra = len(spread) - len(shape)
    axes = (*range(extra), *(extra + k for k, n in enumerate(shape) if n == 1))
    np.testing.assert_allclose(got, x.sum(axis=axes).reshape(shape), rtol=32 * EPS)
    assert got.shape == shape


def test_sum_to_refuses_what_was_never_broadcast():
    for shape, wanted in (((3, 2), (2, 3)), ((3,), (2, 3)), ((2, 3), (2, 2)), ((6,), (2, 3))):
        with pytest.raises(ValueError, match=r"does not come from .* by broadcasting"):
            ag.sum_to(np.ones(shape), shape=wanted)


@st.composite
def keys(draw):
    """What may stand in the brackets after an array of shape (3, 4, 2)."""
    shape = (3, 4, 2)
    if draw(st.integers(0, 7)) == 0:
        return np.random.default_rng(draw(st.integers(0, 9))).random(shape[: draw(st.integers(1, 3))]) < 0.5
    parts = []
    before = draw(st.integers(0, 3))
    after = draw(st.integers(0, 3 - before))
    for position in (*range(before), None, *range(3 - after, 3)):
        if position is None:
            parts += [Ellipsis] if after or draw(st.booleans()) else []
            continue
        n = shape[position]
        kind = draw(st.sampled_from(["number", "slice", "mask", "numbers"]))
        if kind == "number":
            parts.append(draw(st.integers(-n, n - 1)))
        elif kind == "slice":
            parts.append(slice(draw(st.integers(-n, n)), draw(st.none() | st.integers(-n, n)), draw(st.integers(1, 2))))
        elif kind == "mask":
            parts.append(np.array([k % 2 == 0 for k in range(n)]))
        else:
            parts.append(np.array(draw(st.lists(st.integers(-n, n - 1), min_size=2, max_size=2))))
    # arrays in one key are broadcast together: the masks of 4 and of 3 pick 2, that of 2 picks 1
    if draw(st.booleans()):
        parts.insert(draw(st.integers(0, len(parts))), None)
    return tuple(parts)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(keys())
def test_indexing_is_numpys_and_torchs(key):
    """The gradient puts weights where they were picked from: where an entry was picked twice, both."""
    torch = pytest.importorskip("torch")
    x = numbers((3, 4, 2), 6)
    picked = x[key]
    w = 0.5 + np.arange(picked.size).reshape(picked.shape) % 8  # halves: sums are exact
    expected = np.zeros_like(x)
    np.add.at(expected, key, w)
    t = Tensor(x)
    np.testing.assert_array_equal(t[key].value, picked)
    np.testing.assert_array_equal(gradients(t[key], [t], w)[0], expected)

    def to_torch(part):
        return torch.from_numpy(part) if isinstance(part, np.ndarray) else part

    on_torch = tuple(map(to_torch, key)) if isinstance(key, tuple) else to_torch(key)
    theirs = torch.tensor(x, requires_grad=True)
    picked = theirs[on_torch]  # where a number and an array stand apart, torch orders the axes in its own way
    w = 0.5 + torch.arange(picked.numel(), dtype=torch.float64).reshape(picked.shape) % 8
    (expected,) = torch.autograd.grad(picked, theirs, w)
    t = Tensor(x, device="cpu")
    np.testing.assert_array_equal(plain(t[on_torch]), plain(picked), strict=True)
    np.testing.assert_array_equal(plain(gradients(t[on_torch], [t], w)[0]), plain(expected))


@every_device
def test_indexing_by_lists_and_backwards(device):
    x = tensor([1.0, 2.0, 3.0], device)
    np.testing.assert_array_equal(plain(gradients(x[[0, 0, 2]].sum(), [x])[0]), [2.0, 0.0, 1.0])
    np.testing.assert_array_equal(plain(gradients(x[[True, False, True]].sum(), [x])[0]), [1.0, 0.0, 1.0])
    np.testing.assert_array_equal(plain(gradients(x[x > 1.5].sum(), [x])[0]), [0.0, 1.0, 1.0])
    if device == "numpy":
        (g,) = gradients(x[::-1], [x], np.array([1.0, 2.0, 3.0]))
        np.testing.assert_array_equal(g, [3.0, 2.0, 1.0])
    with pytest.raises(IndexError):
        x[3]


@searched
@given(st.lists(st.integers(0, 3), max_size=3).map(tuple), st.data())
def test_reductions_of_any_shape(shape, data):
    axis = (
        data.draw(
            st.none()
            | st.lists(st.integers(-len(shape), len(shape) - 1), unique_by=lambda a: a % len(shape)).map(tuple)
        )
        if shape
        else None
    )
    keepdims = data.draw(st.booleans())
    x = Tensor(numbers(shape, 7))
    y = ag.sum(x, axis=axis, keepdims=keepdims)
    expected = np.sum(x.value, axis=axis, keepdims=keepdims)
    np.testing.assert_allclose(y.value, expected, rtol=32 * EPS)
    assert y.shape == expected.shape
    w = numbers(y.shape, 8)
    kept = np.sum(x.value, axis=axis, keepdims=True).shape
    np.testing.assert_array_equal(gradients(y, [x], w)[0], np.broadcast_to(w.reshape(kept), shape))


# What students try


def test_a_gradient_within_a_gradient_sees_the_variables_around_it():
    # d/dx [x · ∂(x y²)/∂y at y = 1] = d/dx 2x² = 4x
    assert grad(lambda x: x * grad(lambda y: x * y * y)(1.0))(3.0) == 12
    assert grad(lambda x: ag.sum(ag.jacobian(lambda y: x * y**2)(np.array([1.0, 2.0]))))(3.0) == 6
    assert type(grad(lambda y: y * y)(1.0)) is np.float64  # and outside, arrays come back


def test_the_depth_of_nesting_is_left_behind_after_an_error():
    with pytest.raises(ZeroDivisionError):
        grad(lambda x: x * (1 // 0))(1.0)
    assert type(grad(lambda y: y * y)(1.0)) is np.float64


def test_functions_of_plain_numbers_do_not_cut_the_path_unseen():
    x = Tensor(2.0)
    for cut in (math.exp, float, math.sqrt):
        with pytest.raises(TypeError, match=r"would drop the derivative.*dlkit\.autograd.*item\(\)"):
            cut(x)
    with no_grad():
        assert math.sqrt(x + 2.0) == 2
    assert float(x.detach()) == 2
    assert f"{x:.2f} {x}" == "2.00 Tensor(2.0)"


@pytest.mark.parametrize(
    ("slip", "message"),
    [
        (lambda: grad(Tensor(1.0) * 2.0), r"f must be a function.*got Tensor; for a tensor, call its backward\(\)"),
        (lambda: ag.jacobian(3.0), "f must be a function.*got float"),
        (lambda: Tensor("3"), "data must hold numbers; got str"),
        (lambda: Tensor(None), "data must hold numbers; got NoneType"),
        (lambda: Tensor([Tensor(1.0), 2.0]), r"join them with dlkit\.autograd\.stack"),
        (
            lambda: ag.operation(lambda x: x).derivatives(lambda g, z, x: g),
            r"name the operand.*derivatives\(x=\.\.\.\)",
        ),
        (lambda: copy.copy(Tensor(1.0) * 2.0), r"to plot it is to copy it.*tensor\.value"),
        (lambda: ag.draw(Tensor(1.0) * 2.0, [Tensor(1.0)]), "inputs: expected a dict.*got list"),
        (lambda: ag.draw(type("Tensor", (), {})()), r"expected a Tensor of dlkit\.autograd, got .*\.Tensor"),
    ],
)
def test_a_slip_is_told_with_what_to_do(slip, message):
    with pytest.raises(TypeError, match=message):
        slip()


def test_a_kink_is_called_one():
    with pytest.raises(AssertionError, match=r"a kink: the slope is 0 to the left and 1 to the right"):
        check_gradients(ag.relu, 0.0)
    with pytest.raises(AssertionError, match=r"index \[1\].*a kink.*a sum with random weights was taken"):
        check_gradients(ag.relu, np.array([1.0, 0.0]))
