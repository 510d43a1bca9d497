"""The activations on torch tensors and on Tensors: one formula, its gradients and kinks; ReLU, ELU, maxout, tanh."""

import numpy as np
import pytest

from dlkit import activations, arrays
from dlkit.activations import (
    elu,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    logsumexp,
    maxout,
    relu,
    sigmoid,
    softmax,
    softplus,
    tanh,
)
from dlkit.autograd import Tensor, check_gradients, grad, operations

torch = pytest.importorskip("torch")
F = torch.nn.functional

SMOOTH = [sigmoid, tanh, softplus, log_sigmoid, softmax, log_softmax, logsumexp]
KINKED = [relu, leaky_relu, elu, maxout]
ALL = SMOOTH + KINKED
DTYPES = ["float32", "float64"]
INF, NAN = np.inf, np.nan

ORACLE = {
    sigmoid: torch.sigmoid,
    tanh: torch.tanh,
    softplus: lambda x: torch.logaddexp(x, torch.zeros_like(x)),  # torch's softplus is x itself from 20 on
    log_sigmoid: F.logsigmoid,
    softmax: lambda x: torch.softmax(x, -1),
    log_softmax: lambda x: torch.log_softmax(x, -1),
    logsumexp: lambda x: torch.logsumexp(x, -1),
    relu: torch.relu,
    leaky_relu: lambda x: F.leaky_relu(x, 0.1),
    elu: F.elu,
    maxout: lambda x: x.unflatten(-1, (-1, 2)).amax(-1),  # which shares the gradient among those that tie, as ours does
}


pytestmark = pytest.mark.usefixtures("no_warnings")


def scores(dtype, sizes=(1.0, 30.0, 1e4)):
    unit = np.random.default_rng(20).standard_normal((9, 6))
    return np.concatenate([size * unit for size in sizes]).astype(dtype)


def near(got, expected, dtype, size=1.0):
    """Assert equality but for fewer than 16 roundings on either side, relative to 1 or to the value, times `size`."""
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(arrays.to_numpy(got), arrays.to_numpy(expected), rtol=32 * eps, atol=32 * eps * size)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("f", ALL)
def test_arrays_torch_tensors_and_tensors_alike(f, dtype, device):
    x = scores(dtype)
    given = arrays.array(x, device=device)
    result = f(given)
    assert type(result) is type(given)
    assert str(result.dtype).removeprefix("torch.") == dtype
    assert arrays.device_of(result) == arrays.device_of(given)
    near(result, f(x), dtype)

    recorded = f(Tensor(given))
    assert isinstance(recorded, Tensor)
    assert recorded.requires_grad
    assert recorded.device == arrays.device_of(given)
    np.testing.assert_array_equal(recorded.numpy(), arrays.to_numpy(result))
    assert not f(Tensor(given, requires_grad=False)).requires_grad


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("f", ALL)
def test_values_and_gradients_agree_with_torch(f, dtype, device):
    x = scores(dtype)
    theirs = torch.from_numpy(x).requires_grad_()
    value = ORACLE[f](theirs)
    weights = np.random.default_rng(21).uniform(0.5, 1.5, value.shape).astype(dtype)
    value.backward(torch.from_numpy(weights))

    ours = Tensor(x, device=device)
    z = f(ours)
    z.backward(arrays.array(weights, device=ours.device))
    near(z.value, value, dtype)
    near(ours.grad, theirs.grad, dtype)
    assert str(ours.grad.dtype).removeprefix("torch.") == dtype


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("f", ALL)
def test_gradients_agree_with_differences(f, dtype, device):
    # No two entries closer than 1/4 and none so near 0: the steps of the check stay on one side of every kink.
    x = (np.random.default_rng(22).permutation(24).reshape(4, 6) / 4 - 2.9).astype(dtype)
    check_gradients(f, arrays.array(x, device=device))


@pytest.mark.parametrize("f", [*SMOOTH, elu])
def test_second_derivatives(f, device):
    x = np.random.default_rng(23).permutation(12).reshape(2, 6) / 4 - 1.4

    def weighted_sum(x):
        y = f(x)
        weights = arrays.array(np.linspace(0.5, 1.5, y.size).reshape(y.shape), device=y.device)
        return (y * weights).sum()

    check_gradients(grad(weighted_sum), arrays.array(x, device=device))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("big", [1e4, 1e30])
def test_no_score_is_too_large_for_the_gradient(big, dtype, device):
    expected = {
        sigmoid: [0, 0],
        tanh: [0, 0],
        softplus: [0, 1],
        log_sigmoid: [1, 0],
        softmax: [0, 0],
        log_softmax: [1, -1],  # of the sum of both: 1 − 2·softmax
        logsumexp: [0, 1],
        relu: [0, 1],
        leaky_relu: [np.dtype(dtype).type(0.1), 1],
        elu: [0, 1],
        maxout: [0, 1],
    }
    for f in ALL:
        x = Tensor(np.array([-big, big], dtype), device=device)
        f(x).sum().backward()
        np.testing.assert_array_equal(arrays.to_numpy(x.grad), expected[f], err_msg=f.__name__)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (relu, 0.0),
        (leaky_relu, 0.1),
        (lambda x: leaky_relu(x, slope=0.25), 0.25),
        (elu, 1.0),
        (lambda x: elu(x, alpha=0.5), 0.5),
        (sigmoid, 0.25),
        (softplus, 0.5),
        (log_sigmoid, 0.5),
        (tanh, 1.0),
    ],
)
def test_derivative_at_zero(f, slope, dtype, device):
    for zero in (0.0, -0.0):
        x = Tensor(np.array([zero, 1.0], dtype), device=device)
        f(x)[0].backward()
        np.testing.assert_array_equal(arrays.to_numpy(x.grad), np.array([slope, 0], dtype))


def test_pieces_that_tie_share_the_gradient(device):
    x = Tensor([2.0, 2.0, 1.0, 3.0, 3.0, 3.0], device=device)
    z = maxout(x, pieces=3)
    z.backward(arrays.array([1.0, 6.0], device=device))
    np.testing.assert_array_equal(z.numpy(), [2, 3])
    np.testing.assert_array_equal(arrays.to_numpy(x.grad), [0.5, 0.5, 0, 2, 2, 2])


def test_maxout_is_the_largest_of_linear_functions():
    """Units by pieces, as in the paper: W has the shape (d, m, k), and unit j is the largest of its k pieces."""
    rng = np.random.default_rng(24)
    X, W, b = rng.standard_normal((5, 3)), rng.standard_normal((3, 4, 2)), rng.standard_normal((4, 2))
    by_hand = np.stack([np.maximum(X @ W[:, j, 0] + b[j, 0], X @ W[:, j, 1] + b[j, 1]) for j in range(4)], axis=1)
    np.testing.assert_allclose(maxout(X @ W.reshape(3, 8) + b.reshape(8)), by_hand, rtol=1e-13)


def test_maxout_along_an_axis(device):
    x = np.random.default_rng(25).standard_normal((6, 2, 4))
    for pieces in (1, 2, 3, 6):
        result = arrays.to_numpy(maxout(arrays.array(x, device=device), pieces, axis=0))
        np.testing.assert_array_equal(result, np.stack([g.max(axis=0) for g in np.split(x, 6 // pieces)]))
    np.testing.assert_array_equal(maxout(x, axis=-1), maxout(x, axis=2))
    assert maxout(np.ones((0, 4))).shape == (0, 2)


def test_relu_and_leaky_relu_are_maxout_of_two_lines():
    x = scores("float64")
    for f, slope in ((relu, 0.0), (leaky_relu, 0.1)):
        np.testing.assert_array_equal(f(x), maxout(np.stack([x, slope * x], axis=-1))[..., 0])
    np.testing.assert_array_equal(leaky_relu([-10.0, 10.0]), [-1, 10])  # the deck's slope, max(0.1x, x)
    np.testing.assert_array_equal(operations.leaky_relu(x), leaky_relu(x))


def test_tanh_is_a_sigmoid():
    x = np.linspace(-20, 20, 81)
    np.testing.assert_allclose(tanh(x), 2 * sigmoid(2 * x) - 1, rtol=0, atol=1e-15)


def test_elu_keeps_its_digits_near_zero():
    np.testing.assert_allclose(elu([-1e-20]), [-1e-20], rtol=1e-15)  # exp(x) − 1 would be 0


@pytest.mark.parametrize("f", [tanh, relu, leaky_relu, elu])
def test_elementwise_functions_keep_shape_and_dtype(f, device):
    for shape in [(), (0,), (3,), (2, 0, 4), (2, 3, 4)]:
        for dtype in DTYPES:
            result = f(arrays.array(np.ones(shape, dtype), device=device))
            assert tuple(result.shape) == shape
            assert str(result.dtype).removeprefix("torch.") == dtype
    if device == "numpy":
        assert isinstance(f(-1.5), np.float64)


@pytest.mark.parametrize("f", ALL)
def test_integers_become_float64(f, device):
    for integers in ([0, 2, -3, 1], np.array([1, 0, 3, 2], np.uint8), [True, False]):
        result = f(arrays.array(np.asarray(integers), device=device))
        assert str(result.dtype).removeprefix("torch.") == "float64"
        near(result, f(np.asarray(integers, dtype=float)), "float64")


@pytest.mark.parametrize("value", [1.5, -1.5, 0.0, 800.0, -800.0])
@pytest.mark.parametrize("f", [sigmoid, tanh, softplus, log_sigmoid, relu, leaky_relu, elu])
def test_numbers(f, value):
    x = Tensor(value)
    z = f(x)
    z.backward()
    assert z.shape == ()
    assert z.item() == pytest.approx(float(f(np.array([value]))[0]), rel=1e-15, abs=0)
    assert np.shape(x.grad) == ()


def test_at_infinity_and_nan(device):
    ends = arrays.array([-INF, INF, NAN], device=device)
    for f, expected in [
        (sigmoid, [0, 1, NAN]),
        (tanh, [-1, 1, NAN]),
        (softplus, [0, INF, NAN]),
        (log_sigmoid, [-INF, 0, NAN]),
        (relu, [0, INF, NAN]),
        (leaky_relu, [-INF, INF, NAN]),
        (lambda x: leaky_relu(x, slope=0), [NAN, INF, NAN]),
        (elu, [-1, INF, NAN]),
        (lambda x: maxout(x, pieces=3), [NAN]),
        (lambda x: maxout(x[:2]), [INF]),
        (lambda x: logsumexp(x[:2]), INF),
        (lambda x: logsumexp(x[:1]), -INF),
        (lambda x: softmax(x[:2]), [NAN, NAN]),
        (lambda x: log_softmax(x[:2]), [NAN, NAN]),
    ]:
        np.testing.assert_array_equal(arrays.to_numpy(f(ends)), expected)
        np.testing.assert_array_equal(f(Tensor(ends)).numpy(), expected)


def test_a_score_of_minus_infinity_gets_no_gradient(device):
    """It rules an entry out; the others see what they would see without it."""
    x = np.array([0.5, -INF, 1.5])
    for f in (softmax, log_softmax, logsumexp):
        with_it, without = Tensor(x, device=device), Tensor(x[[0, 2]], device=device)
        first, second = f(with_it), f(without)
        (first[0] if first.shape else first).backward()
        (second[0] if second.shape else second).backward()
        expected = np.insert(arrays.to_numpy(without.grad), 1, 0)
        np.testing.assert_allclose(arrays.to_numpy(with_it.grad), expected, rtol=1e-15)


@pytest.mark.parametrize("big", [1e4, 1e308])
def test_not_even_underflow_is_reported(big):
    x = np.array([-big, -800.0, 0.0, 1e-310, 800.0, big])
    with np.errstate(all="raise"):
        results = [f(x) for f in ALL]
        # slope and α times a number that is nearly 0 already
        tiny = [f(np.array([-1e-310]), 1e-10) for f in (leaky_relu, elu)]
    for f, result in zip(ALL, results, strict=True):
        np.testing.assert_array_equal(result, f(x))
    np.testing.assert_array_equal(tiny, [[-1e-320], [-1e-320]])  # 2024 times the smallest number there is


@pytest.mark.parametrize("f", ALL)
@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.tensor([1j, 2.0]), r"x must hold real numbers.*got dtype torch\.complex64"),
        (torch.ones(2, requires_grad=True), r"x must not be recorded by torch.*x\.detach\(\).*Tensor\(x\)"),
        (torch.ones(2, requires_grad=True) * 2, "x must not be recorded by torch"),
    ],
)
def test_refuses_torch_tensors(f, x, message):
    with pytest.raises(TypeError, match=message):
        f(x)


def test_torch_parameters_are_taken_where_torch_does_not_record():
    with torch.no_grad():
        assert sigmoid(torch.nn.Parameter(torch.zeros(2))).tolist() == [0.5, 0.5]


@pytest.mark.parametrize("f", [logsumexp, softmax, log_softmax, maxout])
@pytest.mark.parametrize("kind", [np.asarray, torch.tensor, Tensor])
def test_refuses_an_axis_that_is_not_there(f, kind):
    for shape, axis, error, message in [
        ((2, 4), 2, ValueError, r"axis must be in -2\.\.1 for x of shape \(2, 4\); got 2"),
        ((2, 4), 0.5, TypeError, "axis must be an integer; got 0.5"),
        ((2, 0), -1, ValueError, r"x must have entries along axis -1; got the shape \(2, 0\)"),
        ((), -1, ValueError, "x must have at least one axis; got a single number"),
    ]:
        with pytest.raises(error, match=message):
            f(kind(np.ones(shape)), axis=axis)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: leaky_relu(1.0, slope="0.1"), TypeError, "slope must be a number; got '0.1'"),
        (lambda: leaky_relu(1.0, slope=True), TypeError, "slope must be a number; got True"),
        (lambda: leaky_relu(1.0, slope=INF), ValueError, "slope must be finite; got inf"),
        (lambda: elu(1.0, alpha=-1), ValueError, "alpha must be finite and >= 0; got -1"),
        (lambda: elu(1.0, alpha=NAN), ValueError, "alpha must be finite and >= 0; got nan"),
        (lambda: maxout(np.ones(6), pieces=4), ValueError, "pieces must be at least 1 and divide.*is 6; got 4"),
        (lambda: maxout(np.ones(6), pieces=0), ValueError, "pieces must be at least 1 and divide.*got 0"),
        (lambda: maxout(np.ones(6), pieces=2.0), TypeError, "pieces must be an integer; got 2.0"),
    ],
)
def test_refuses_parameters(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_every_function_is_tested_here():
    assert sorted(activations.__all__) == sorted(f.__name__ for f in ALL)
