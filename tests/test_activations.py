"""The activations: their values, their stability, and what they refuse."""

import decimal
import inspect
import subprocess
import sys

import numpy as np
import pytest

from dlkit import activations
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

ELEMENTWISE = [sigmoid, softplus, log_sigmoid]
IN_TEST_ACTIVATIONS_TENSORS = [tanh, relu, leaky_relu, elu, maxout]
ALONG_AXIS = [logsumexp, softmax, log_softmax]
ALL = ELEMENTWISE + ALONG_AXIS
FLOATS = [np.float32, np.float64]


pytestmark = pytest.mark.usefixtures("no_warnings")


def scores(dtype):
    """Rows of ordinary scores, of widely spread ones, of huge ones, and of one large score among small ones."""
    rng = np.random.default_rng(6)
    unit = rng.standard_normal((40, 7))
    return np.concatenate([unit, 30 * unit, 1e4 * unit, np.eye(7) * 1e4]).astype(dtype)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("f", ALL)
def test_agrees_with_torch(f, dtype):
    torch = pytest.importorskip("torch")
    oracle = {
        sigmoid: torch.sigmoid,
        softplus: lambda x: torch.logaddexp(x, torch.zeros_like(x)),  # torch's softplus is x itself from 20 on
        log_sigmoid: torch.nn.functional.logsigmoid,
        logsumexp: lambda x: torch.logsumexp(x, dim=-1),
        softmax: lambda x: torch.softmax(x, dim=-1),
        log_softmax: lambda x: torch.log_softmax(x, dim=-1),
    }[f]
    x = scores(dtype)
    # Each side makes fewer than 16 roundings: those of exp, log and ± and of a sum of 7. Near 0 they are relative to
    # the terms of the formula, of size 1, rather than to the result.
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(f(x), oracle(torch.from_numpy(x)).numpy(), rtol=32 * eps, atol=32 * eps)


def test_softplus_agrees_with_torch_below_its_threshold():
    torch = pytest.importorskip("torch")
    x = np.linspace(-20, 20, 101)
    expected = torch.nn.functional.softplus(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(softplus(x), expected, rtol=1e-14)  # a handful of roundings of 2.2e-16 on either side


@pytest.mark.parametrize("x", [-700.0, -40.0, -3.25, -1e-9, 0.0, 1e-9, 0.5, 36.0, 40.0, 700.0])
def test_elementwise_functions_are_accurate_in_the_tails(x):
    """Against 400-digit arithmetic: the relative error is a few roundings, however small the value."""
    with decimal.localcontext(prec=400):
        e = decimal.Decimal(-x).exp()
        exact = {sigmoid: 1 / (1 + e), softplus: (1 + 1 / e).ln(), log_sigmoid: -((1 + e).ln())}
        for f in ELEMENTWISE:
            error = abs(decimal.Decimal(float(f(x))) / exact[f] - 1)
            # exp, 1 + e, log1p and the last operation, each good to an eps or better
            assert error < 4 * np.finfo(np.float64).eps, f.__name__


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("f", ALL)
def test_floats_keep_their_dtype_and_integers_become_float64(f, dtype):
    assert f(scores(dtype)).dtype == dtype
    assert f(np.array([0.5, 2.0], dtype=dtype)).dtype == dtype
    for integers in ([0, 2, -3], np.array([1, 0], dtype=np.uint8), [True, False]):
        result = f(integers)
        assert result.dtype == np.float64
        np.testing.assert_array_equal(result, f(np.asarray(integers, dtype=np.float64)))


@pytest.mark.parametrize("f", ALL)
def test_the_argument_is_left_as_it_was(f):
    x = scores(np.float64)
    before = x.copy()
    x.flags.writeable = False
    f(x)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("f", ELEMENTWISE)
def test_elementwise_functions_keep_the_shape(f):
    for shape in [(), (0,), (3,), (2, 0, 4), (2, 3, 4)]:
        assert np.shape(f(np.ones(shape))) == shape
    assert isinstance(f(1.5), np.float64)


@pytest.mark.parametrize("big", [1e3, 1e4, 1e308])
def test_no_finite_score_is_too_large(big):
    x = np.array([-big, 0.0, big])
    np.testing.assert_array_equal(sigmoid(x), [0, 0.5, 1])
    np.testing.assert_array_equal(softplus(x), [0, np.log(2), big])
    np.testing.assert_array_equal(log_sigmoid(x), [-big, -np.log(2), 0])
    assert logsumexp(x) == big
    np.testing.assert_array_equal(softmax(x), [0, 0, 1])
    np.testing.assert_array_equal(log_softmax(np.array([0.0, big])), [-big, 0])
    # one ulp of log 2 for log, exp and the sum
    np.testing.assert_allclose(log_softmax(np.array([big, big])), [-np.log(2)] * 2, rtol=4e-16)


@pytest.mark.parametrize("f", ALL)
def test_not_even_underflow_is_reported(f):
    extremes = np.array([-1e308, -800.0, 0.0, 800.0, 1e308])
    with np.errstate(all="raise"):
        results = [f(x) for x in (scores(np.float64), extremes)]
    for x, result in zip((scores(np.float64), extremes), results, strict=True):
        np.testing.assert_array_equal(result, f(x))  # and it is no other result that is reported nothing of


def test_no_zero_is_printed_with_a_minus():
    assert not np.signbit(log_sigmoid(1e4))
    assert not np.signbit(log_softmax([0.0, 1e4])).any(where=[False, True])


def test_at_infinity():
    inf = np.inf
    np.testing.assert_array_equal(sigmoid([-inf, inf]), [0, 1])
    np.testing.assert_array_equal(softplus([-inf, inf]), [0, inf])
    np.testing.assert_array_equal(log_sigmoid([-inf, inf]), [-inf, 0])
    x = np.array([[-inf, 0.0, 0.0], [-inf, -inf, -inf], [-inf, inf, 1e4]])
    np.testing.assert_array_equal(logsumexp(x), [np.log(2), -inf, inf])
    nan = [np.nan] * 3
    np.testing.assert_array_equal(softmax(x), [[0, 0.5, 0.5], nan, nan])
    np.testing.assert_array_equal(log_softmax(x), [[-inf, -np.log(2), -np.log(2)], nan, nan])


@pytest.mark.parametrize("f", ALL)
def test_nan_goes_through_and_stays_in_its_row(f):
    result = f(np.array([[1.0, np.nan, np.inf], [1.0, 2.0, 3.0]]))
    assert np.isnan(result[0] if f is logsumexp else result[0, 1])
    assert np.isfinite(result[1]).all()


@pytest.mark.parametrize("shift", [-10_000, -1, 3, 10_000])
def test_softmax_does_not_see_a_shift(shift):
    # Multiples of 1/8 below 2^20 are exact, and so is their sum: the results are equal to the last bit.
    x = np.random.default_rng(1).integers(-400, 400, (50, 6)) / 8
    np.testing.assert_array_equal(softmax(x + shift), softmax(x))
    np.testing.assert_array_equal(log_softmax(x + shift), log_softmax(x))
    assert not np.array_equal(softmax(x + shift * np.arange(6)), softmax(x))


@pytest.mark.parametrize("dtype", FLOATS)
def test_softmax_sums_to_one(dtype):
    for K in (1, 2, 10, 1000):
        p = softmax(30 * np.random.default_rng(K).standard_normal((20, K)).astype(dtype))
        assert (p >= 0).all()
        # dividing by a computed sum of K terms: at most K roundings of eps/2 each (Higham, 2002, section 4.2)
        assert np.abs(p.sum(axis=1, dtype=np.float64) - 1).max() <= K * np.finfo(dtype).eps


def test_the_functions_fit_together():
    x = 5 * np.random.default_rng(2).standard_normal((30, 4))
    # each side is a few roundings away from the same number of size at most 30
    close = {"rtol": 1e-13, "atol": 1e-14}
    np.testing.assert_allclose(np.exp(log_softmax(x)), softmax(x), **close)
    np.testing.assert_allclose(x - logsumexp(x, keepdims=True), log_softmax(x), **close)
    np.testing.assert_allclose(np.exp(log_sigmoid(x)), sigmoid(x), **close)
    np.testing.assert_allclose(softplus(x) - softplus(-x), x, **close)
    np.testing.assert_allclose(sigmoid(x) + sigmoid(-x), 1, **close)
    two = np.stack([np.zeros_like(x), x], axis=-1)  # two classes, one pinned at 0
    np.testing.assert_allclose(softmax(two)[..., 1], sigmoid(x), **close)
    np.testing.assert_allclose(logsumexp(two), softplus(x), **close)


def test_softplus_has_the_sigmoid_as_derivative():
    x = np.linspace(-8, 8, 33)
    h = np.finfo(np.float64).eps ** (1 / 3)
    slope = (softplus(x + h) - softplus(x - h)) / (2 * h)
    # central differences: h²/6 times a third derivative below 0.1, and two roundings of 8·eps/2 over 2h
    np.testing.assert_allclose(slope, sigmoid(x), rtol=0, atol=1e-9)


@pytest.mark.parametrize("f", ALONG_AXIS)
def test_axis(f):
    x = np.random.default_rng(3).standard_normal((2, 3, 4))
    for axis in (0, 1, 2):
        expected = f(np.moveaxis(x, axis, -1))
        expected = expected if f is logsumexp else np.moveaxis(expected, -1, axis)
        for given in (axis, axis - 3, np.int64(axis)):
            np.testing.assert_allclose(f(x, axis=given), expected, rtol=1e-14)  # the order of summation may differ
    np.testing.assert_array_equal(f(x), f(x, axis=2))
    assert f(np.ones((3, 1, 4))).shape == ((3, 1) if f is logsumexp else (3, 1, 4))
    assert f(np.ones((0, 3))).shape == ((0,) if f is logsumexp else (0, 3))


def test_logsumexp_keepdims():
    x = np.random.default_rng(4).standard_normal((2, 3))
    assert logsumexp(x, axis=0, keepdims=True).shape == (1, 3)
    np.testing.assert_array_equal(logsumexp(x, axis=0, keepdims=True)[0], logsumexp(x, axis=0))
    assert isinstance(logsumexp([1.0, 2.0]), np.float64)


@pytest.mark.parametrize("f", ALL)
@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        ([1j, 2.0], TypeError, "x must hold real numbers.*complex128"),
        (["1.0", "2.0"], TypeError, "x must hold real numbers.*<U3"),
        ([None, 1.0], TypeError, "x must hold real numbers.*object"),
        (np.ma.array([1.0, 2.0], mask=[True, False]), TypeError, "x must be a plain array; got a masked array"),
        ([[1.0, 2.0], [3.0]], ValueError, "x must be a rectangular array"),
    ],
)
def test_refuses_what_is_no_real_array(f, x, error, message):
    with pytest.raises(error, match=message):
        f(x)


@pytest.mark.parametrize("f", ALONG_AXIS)
@pytest.mark.parametrize(
    ("x", "axis", "error", "message"),
    [
        (np.ones((2, 3)), 2, ValueError, r"axis must be in -2\.\.1 for x of shape \(2, 3\); got 2"),
        (np.ones((2, 3)), -3, ValueError, r"axis must be in -2\.\.1 for x of shape \(2, 3\); got -3"),
        (np.ones((2, 3)), 0.5, TypeError, "axis must be an integer; got 0.5"),
        (np.ones((2, 3)), None, TypeError, "axis must be an integer; got None"),
        (np.ones((2, 0)), -1, ValueError, r"x must have entries along axis -1; got the shape \(2, 0\)"),
        ([], -1, ValueError, r"x must have entries along axis -1; got the shape \(0,\)"),
        (1.0, -1, ValueError, "x must have at least one axis; got a single number"),
    ],
)
def test_refuses_an_axis_that_is_not_there(f, x, axis, error, message):
    with pytest.raises(error, match=message):
        f(x, axis=axis)


def test_every_function_of_the_module_is_public_and_tested():
    public = [f for name, f in inspect.getmembers(activations, inspect.isroutine) if name in activations.__all__]
    tested = ALL + IN_TEST_ACTIVATIONS_TENSORS
    assert sorted(activations.__all__) == sorted(f.__name__ for f in tested)
    assert len(public) == len(tested)


@pytest.mark.parametrize("module", ["dlkit", "dlkit.activations", "dlkit.losses"])
def test_importing_is_light(module):
    script = f"import sys, {module}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(result.stdout.split())
    assert module.split(".")[0] in loaded
    assert not loaded & {"torch", "matplotlib", "sklearn", "IPython", "jupyterlab", "ipywidgets"}
