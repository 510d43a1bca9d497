"""The losses of the margin: values, kinks, gradients; that they are convex, bound the 0-1 loss and are calibrated."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn.linear_model import _sgd_fast as sklearn_losses
from sklearn.metrics import hinge_loss as sklearn_hinge_loss
from sklearn.metrics import log_loss as sklearn_log_loss
from sklearn.metrics import zero_one_loss as sklearn_zero_one_loss

from dlkit import arrays, losses
from dlkit.autograd import Tensor, check_gradients, grad, gradients
from dlkit.losses import (
    exponential_loss,
    hinge_loss,
    log2_logistic_loss,
    logistic_loss,
    modified_huber_loss,
    modified_huber_loss_sklearn,
    sigmoid_loss,
    squared_error,
    squared_hinge_loss,
    zero_one_loss,
)

torch = pytest.importorskip("torch")
F = torch.nn.functional

SURROGATES = [
    hinge_loss,
    squared_hinge_loss,
    logistic_loss,
    log2_logistic_loss,
    modified_huber_loss,
    modified_huber_loss_sklearn,
    exponential_loss,
    sigmoid_loss,
]
ALL = [zero_one_loss, *SURROGATES]
CONVEX = [loss for loss in SURROGATES if loss is not sigmoid_loss]
BOUNDS = [loss for loss in CONVEX if loss is not logistic_loss]
SMOOTH = [logistic_loss, log2_logistic_loss, exponential_loss, sigmoid_loss]
DTYPES = ["float32", "float64"]
INF, NAN = np.inf, np.nan
GRID = np.arange(-256, 257) / 32  # −8 … 8, all of them exact, the kinks among them

# Written as on paper, case by case, in torch, whose autograd differentiates them.
ON_PAPER = {
    zero_one_loss: lambda m: torch.where(m <= 0, 1.0, 0.0 * m),
    hinge_loss: lambda m: torch.where(m < 1, 1 - m, 0.0),
    squared_hinge_loss: lambda m: torch.where(m < 1, (1 - m) ** 2, 0.0),
    logistic_loss: lambda m: torch.logaddexp(-m, torch.zeros_like(m)),
    log2_logistic_loss: lambda m: torch.logaddexp2(-m / math.log(2), torch.zeros_like(m)),
    modified_huber_loss: lambda m: torch.where(m <= 0, 1 - 2 * m, torch.where(m <= 1, (m - 1) ** 2, 0.0)),
    modified_huber_loss_sklearn: lambda m: torch.where(m <= -1, -4 * m, torch.where(m <= 1, (m - 1) ** 2, 0.0)),
    exponential_loss: lambda m: torch.exp(-m),
    sigmoid_loss: lambda m: torch.sigmoid(-m),
}


pytestmark = pytest.mark.usefixtures("no_warnings")


def slopes(loss, m, device=None):
    x = Tensor(np.asarray(m, dtype=float) if isinstance(m, list) else m, device=device)
    loss(x).sum().backward()
    return arrays.to_numpy(x.grad)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", ALL)
def test_arrays_torch_tensors_and_tensors_alike(loss, dtype, device):
    # The exponential loss of −80 is still a float32. It has the relative error of exp; the others, of size |m|, that.
    m = (np.random.default_rng(30).standard_normal((40, 3)) * [1, 5, 25]).astype(dtype)
    given = arrays.array(m, device=device)
    result = loss(given)
    assert type(result) is type(given)
    assert str(result.dtype).removeprefix("torch.") == dtype
    assert arrays.device_of(result) == arrays.device_of(given)
    recorded = loss(Tensor(given))
    assert isinstance(recorded, Tensor)
    assert recorded.requires_grad is (loss is not zero_one_loss)
    np.testing.assert_array_equal(recorded.numpy(), arrays.to_numpy(result))

    theirs = torch.from_numpy(m).requires_grad_()
    value = ON_PAPER[loss](theirs)
    close = {"rtol": 32 * np.finfo(dtype).eps, "atol": 32 * np.finfo(dtype).eps}  # fewer than 16 roundings a side
    np.testing.assert_allclose(arrays.to_numpy(result), value.detach().numpy(), **close)
    if loss is not zero_one_loss:
        value.sum().backward()
        ours = Tensor(given)
        loss(ours).sum().backward()
        assert ours.grad.dtype == given.dtype
        np.testing.assert_allclose(arrays.to_numpy(ours.grad), theirs.grad.numpy(), **close)


def test_scikit_learns_losses():
    for ours, theirs in [
        (hinge_loss, sklearn_losses.Hinge(1.0)),
        (squared_hinge_loss, sklearn_losses.SquaredHinge(1.0)),
        (modified_huber_loss_sklearn, sklearn_losses.ModifiedHuber()),
    ]:
        for y in (-1.0, 1.0):
            expected = [theirs.py_loss(score, y) for score in GRID]
            np.testing.assert_allclose(ours(y * GRID), expected, rtol=1e-15)
            # The derivative by the score is y·φ′(m). At the kink of the hinge scikit-learn takes −1, the other end.
            expected = np.array([theirs.py_dloss(score, y) for score in GRID])
            smooth = (y * GRID != 1) | (ours is not hinge_loss)
            np.testing.assert_allclose((y * slopes(ours, y * GRID))[smooth], expected[smooth], rtol=1e-15)
    rng = np.random.default_rng(31)
    y, score = rng.choice([-1, 1], 200), 3 * rng.standard_normal(200)
    assert hinge_loss(y * score).mean() == pytest.approx(sklearn_hinge_loss(y, score), rel=1e-13)
    assert zero_one_loss(y * score).mean() == pytest.approx(sklearn_zero_one_loss(y, np.sign(score)), rel=1e-13)
    probability = 1 / (1 + np.exp(-score))
    assert logistic_loss(y * score).mean() == pytest.approx(sklearn_log_loss(y, probability), rel=1e-12)


def test_torchs_losses():
    rng = np.random.default_rng(32)
    y, score = torch.from_numpy(rng.choice([-1.0, 1.0], 50)), torch.from_numpy(3 * rng.standard_normal(50))
    np.testing.assert_allclose(logistic_loss(y * score), F.soft_margin_loss(score, y, reduction="none"), rtol=1e-13)
    # Smoothed over a width of 1 the hinge is half the deck's modified Huber loss, quadratic from 0 to 1.
    smooth_hinge = F.smooth_l1_loss(torch.clamp(1 - y * score, min=0), torch.zeros(50, dtype=y.dtype), reduction="none")
    np.testing.assert_allclose(modified_huber_loss(y * score), 2 * smooth_hinge, rtol=1e-13)


def test_values_known_by_heart():
    for loss, at, expected in [
        (zero_one_loss, [-2, -0.0, 0, 1e-300, 3], [1, 1, 1, 0, 0]),
        (hinge_loss, [-1, 0, 0.5, 1, 2], [2, 1, 0.5, 0, 0]),
        (squared_hinge_loss, [-1, 0, 0.5, 1, 2], [4, 1, 0.25, 0, 0]),
        (modified_huber_loss, [-3, -1, 0, 0.5, 1, 2], [7, 3, 1, 0.25, 0, 0]),
        (modified_huber_loss_sklearn, [-3, -1, 0, 0.5, 1, 2], [12, 4, 1, 0.25, 0, 0]),
    ]:
        np.testing.assert_array_equal(loss(np.array(at, dtype=float)), expected, err_msg=loss.__name__)
    log3 = np.log(3)
    np.testing.assert_allclose(logistic_loss([0.0, log3, -log3]), np.log([2, 4 / 3, 4]), rtol=1e-15)
    np.testing.assert_allclose(log2_logistic_loss([log3, -log3]), np.log2([4 / 3, 4]), rtol=1e-15)
    np.testing.assert_allclose(exponential_loss([log3, -log3]), [1 / 3, 3], rtol=1e-15)
    np.testing.assert_allclose(sigmoid_loss([log3, 0.0, -log3]), [0.25, 0.5, 0.75], rtol=1e-15)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", BOUNDS)
def test_bounding_losses_pass_through_zero_one(loss, dtype):
    assert loss(np.zeros(1, dtype))[0] == 1


def test_the_two_modified_hubers_differ_below_zero_only():
    m = GRID[GRID >= 0]
    np.testing.assert_array_equal(modified_huber_loss(m), modified_huber_loss_sklearn(m))
    np.testing.assert_array_equal(modified_huber_loss(m), squared_hinge_loss(m))
    m = GRID[GRID < 0]
    assert (modified_huber_loss(m) < modified_huber_loss_sklearn(m)).all()
    assert (modified_huber_loss_sklearn(m) <= squared_hinge_loss(m)).all()


@pytest.mark.parametrize(
    ("loss", "at", "expected"),
    [
        (hinge_loss, [0.75, 1, 1.25], [-1, 0, 0]),
        (squared_hinge_loss, [0.75, 1, 1.25], [-0.5, 0, 0]),
        (modified_huber_loss, [-0.25, 0, 0.25, 1, 1.25], [-2, -2, -1.5, 0, 0]),
        (modified_huber_loss_sklearn, [-1.25, -1, -0.75, 1, 1.25], [-4, -4, -3.5, 0, 0]),
    ],
)
def test_derivatives_at_the_kinks(loss, at, expected, device):
    np.testing.assert_array_equal(slopes(loss, at, device), expected)


@pytest.mark.parametrize("loss", CONVEX)
def test_derivatives_are_subgradients(loss):
    """The tangent, or the line taken at a kink, lies below the graph: φ(b) ≥ φ(a) + φ′(a)(b − a)."""
    a, b = GRID[:, None], GRID[None, :]
    rise = slopes(loss, GRID)[:, None] * (b - a)
    rounding = 4 * np.finfo(float).eps * (loss(a) + loss(b) + np.abs(rise))
    assert (loss(b) >= loss(a) + rise - rounding).all()


def test_no_gradient_flows_through_the_zero_one_loss():
    loss = zero_one_loss(Tensor([0.5, -0.5]))
    with pytest.raises(RuntimeError, match="depends on no tensor that requires a gradient"):
        loss.sum().backward()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", SURROGATES)
def test_gradients_agree_with_differences(loss, dtype, device):
    m = (np.arange(-12, 13) / 4 + 0.13).astype(dtype)  # between the kinks
    check_gradients(loss, arrays.array(m, device=device))


@pytest.mark.parametrize("loss", SURROGATES)
def test_second_derivatives(loss, device):
    m = np.arange(-12, 13) / 4 + 0.13
    check_gradients(grad(lambda m: loss(m).sum()), arrays.array(m, device=device))


@pytest.mark.parametrize("dtype", DTYPES)
def test_no_margin_is_too_large(dtype, device):
    bits = {"float32": 1 / np.float32(math.log(2)), "float64": 1 / math.log(2)}[dtype]
    for loss, value, slope in [
        (zero_one_loss, 1, None),
        (hinge_loss, 10_001, -1),
        (squared_hinge_loss, 10_001**2, -20_002),
        (logistic_loss, 10_000, -1),
        (log2_logistic_loss, 10_000 * bits, -bits),
        (modified_huber_loss, 20_001, -2),
        (modified_huber_loss_sklearn, 40_000, -4),
        (exponential_loss, INF, -INF),
        (sigmoid_loss, 1, 0),
    ]:
        m = np.array([-1e4, 1e4], dtype)
        result = arrays.to_numpy(loss(arrays.array(m, device=device)))
        np.testing.assert_allclose(result, [value, 0], rtol=np.finfo(dtype).eps, err_msg=loss.__name__)
        assert not np.signbit(result).any()
        if slope is not None:
            got = slopes(loss, m, device)
            np.testing.assert_allclose(got, [slope, 0], rtol=np.finfo(dtype).eps, err_msg=loss.__name__)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_exponential_loss_is_infinite_only_where_it_must_be(dtype):
    largest = np.log(np.finfo(dtype).max)
    m = -largest * np.array([1 - 1e-3, 1 + 1e-3], dtype)
    np.testing.assert_array_equal(np.isinf(exponential_loss(m)), [False, True])
    assert (hinge_loss(m) < 1000).all()


@pytest.mark.parametrize("loss", ALL)
def test_at_infinity_and_nan(loss, device):
    m = arrays.array([-INF, INF, NAN], device=device)
    worst = 1 if loss in (zero_one_loss, sigmoid_loss) else INF
    np.testing.assert_array_equal(arrays.to_numpy(loss(m)), [worst, 0, NAN])


@pytest.mark.parametrize("loss", ALL)
def test_not_even_underflow_is_reported(loss):
    with np.errstate(all="raise"):
        assert not np.isnan(loss(np.array([-1e308, -1e4, -800.0, 0.0, 1e-310, 800.0, 1e4, 1e308]))).any()


@pytest.mark.parametrize("loss", [logistic_loss, log2_logistic_loss, exponential_loss, sigmoid_loss])
def test_a_small_loss_keeps_its_digits(loss):
    unit = math.log(2) if loss is log2_logistic_loss else 1
    np.testing.assert_allclose(loss(40.0) * unit, np.exp(-40), rtol=1e-15)


@pytest.mark.parametrize("loss", ALL)
def test_shapes_and_numbers(loss, device):
    for shape in [(), (0,), (3,), (2, 0), (2, 3)]:
        assert tuple(loss(arrays.array(np.ones(shape), device=device)).shape) == shape
    assert loss([1, -2]).dtype == np.float64
    assert str(loss(arrays.array(np.array([1, -2]), device=device)).dtype).removeprefix("torch.") == "float64"
    assert isinstance(loss(0.5), np.float64)
    assert loss(Tensor(0.5)).shape == ()
    assert loss(Tensor(0.5)).item() == pytest.approx(loss(0.5), rel=1e-15)


@pytest.mark.parametrize("loss", SURROGATES)
def test_gradient_of_a_single_margin(loss):
    m = Tensor(0.5)
    loss(m).backward()
    assert np.shape(m.grad) == ()
    assert m.grad == pytest.approx(slopes(loss, np.array([0.5]))[0], rel=1e-15)


def test_gradients_reach_the_weights():
    """m = y(Xw + b): the sub-gradient of the mean hinge loss is the mean of −yᵢxᵢ over the samples with margin < 1."""
    rng = np.random.default_rng(33)
    X, y = rng.standard_normal((20, 3)), rng.choice([-1.0, 1.0], 20)
    w, b = Tensor(rng.standard_normal(3)), Tensor(0.3)
    hinge_loss(y * (X @ w + b)).mean().backward()
    inside = y * (X @ w.value + 0.3) < 1
    assert 0 < inside.sum() < 20
    np.testing.assert_allclose(w.grad, -(y[inside, None] * X[inside]).sum(axis=0) / 20, rtol=1e-13)
    np.testing.assert_allclose(b.grad, -y[inside].sum() / 20, rtol=1e-13)


# What the table in dlkit.losses says


@pytest.mark.parametrize("loss", SURROGATES)
def test_convexity(loss):
    """On an even grid: every second difference is ≥ 0, but for rounding in three numbers of the size of the loss."""
    values = loss(GRID)
    second = values[2:] - 2 * values[1:-1] + values[:-2]
    rounding = 4 * np.finfo(float).eps * (1 + values[:-2])
    assert (second >= -rounding).all() == (loss in CONVEX)


@pytest.mark.parametrize("loss", SURROGATES)
def test_bounds_the_zero_one_loss(loss):
    m = np.append(GRID, [1e-300, -1e-300])
    assert (loss(m) >= zero_one_loss(m)).all() == (loss in BOUNDS)
    for factor, short_of_it in ((2, sigmoid_loss), (1 / math.log(2), logistic_loss)):
        assert (factor * short_of_it(m) >= zero_one_loss(m)).all()


@pytest.mark.parametrize("loss", SURROGATES)
def test_growth_on_the_wrong_side(loss):
    ratio = float(loss(-400.0) / loss(-200.0))  # what twice the margin costs: linear 2, quadratic 4, bounded 1
    expected = {squared_hinge_loss: 4, exponential_loss: math.exp(200), sigmoid_loss: 1}.get(loss, 2)
    assert ratio == pytest.approx(expected, rel=0.01)


ETAS = [0.05, 0.2, 0.4, 0.49, 0.51, 0.6, 0.8, 0.95]


@pytest.mark.parametrize("eta", ETAS)
@pytest.mark.parametrize("loss", SURROGATES)
def test_classification_calibrated(loss, eta):
    """The expected loss is lower somewhere on the right side than anywhere on the wrong one."""
    m = np.linspace(0, 20, 2001)
    right = np.sign(eta - 0.5)
    expected = {side: eta * loss(side * m) + (1 - eta) * loss(-side * m) for side in (right, -right)}
    assert expected[right].min() < expected[-right].min() * (1 - 1e-5)


def test_the_mean_of_a_linear_loss_is_not_calibrated():
    """So the test above can fail: for φ(m) = max(0, 1 + m), the hinge turned round, the wrong side wins."""
    with pytest.raises(AssertionError):
        test_classification_calibrated(lambda m: hinge_loss(-m), 0.8)


@pytest.mark.parametrize("eta", ETAS)
@pytest.mark.parametrize(
    ("loss", "minimiser"),
    [
        (squared_hinge_loss, lambda eta: 2 * eta - 1),
        (modified_huber_loss, lambda eta: (2 * eta - 1) / max(eta, 1 - eta)),
        (modified_huber_loss_sklearn, lambda eta: 2 * eta - 1),
        (logistic_loss, lambda eta: np.log(eta / (1 - eta))),
        (log2_logistic_loss, lambda eta: np.log(eta / (1 - eta))),
        (exponential_loss, lambda eta: np.log(eta / (1 - eta)) / 2),
        (hinge_loss, lambda eta: np.sign(eta - 0.5)),
    ],
)
def test_minimiser_of_the_expected_loss(loss, minimiser, eta):
    found = minimize_scalar(
        lambda m: eta * loss(m) + (1 - eta) * loss(-m), bounds=(-5, 5), method="bounded", options={"xatol": 1e-9}
    ).x
    # A minimum is known to √ε of the argument only, as the function is flat there, and of the hinge not even that well.
    assert found == pytest.approx(minimiser(eta), abs=1e-6)


def test_the_sigmoid_loss_and_its_mirror_image_sum_to_one():
    """So labels flipped with probability ρ turn the expected loss L into (1 − 2ρ)L + ρ: the same minimum."""
    np.testing.assert_allclose(sigmoid_loss(GRID) + sigmoid_loss(-GRID), 1, rtol=1e-15)
    for loss in CONVEX:
        assert np.ptp(loss(GRID) + loss(-GRID)) > 1


# The squared error


@pytest.mark.parametrize("dtype", DTYPES)
def test_squared_error_agrees_with_torch(dtype, device):
    rng = np.random.default_rng(34)
    f, y = (1e4 * rng.standard_normal((2, 30, 2))).astype(dtype)
    result = squared_error(arrays.array(f, device=device), arrays.array(y, device=device))
    expected = F.mse_loss(torch.from_numpy(f), torch.from_numpy(y), reduction="none").numpy()
    np.testing.assert_array_equal(arrays.to_numpy(result), expected)
    assert str(result.dtype).removeprefix("torch.") == dtype

    prediction, target = Tensor(f, device=device), Tensor(y, device=device)
    by_prediction, by_target = gradients(squared_error(prediction, target).sum(), [prediction, target])
    np.testing.assert_allclose(arrays.to_numpy(by_prediction), 2 * (f - y), rtol=4 * np.finfo(dtype).eps)
    np.testing.assert_array_equal(arrays.to_numpy(by_target), -arrays.to_numpy(by_prediction))
    np.testing.assert_array_equal(
        squared_error(arrays.array(f, device=device), target).numpy(), arrays.to_numpy(result)
    )
    check_gradients(squared_error, arrays.array(f / 1e4, device=device), arrays.array(y / 1e4, device=device))


def test_squared_error_of_labels_is_a_loss_of_the_margin():
    for y in (-1.0, 1.0):
        np.testing.assert_array_equal(squared_error(GRID, np.full_like(GRID, y)), (1 - y * GRID) ** 2)
        assert (squared_error(GRID, np.full_like(GRID, y)) >= zero_one_loss(y * GRID)).all()


def test_squared_error_at_the_ends():
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(squared_error([1e308, 1e-300, INF, NAN], [-1e308, 0, 0, 0]), [INF, 0, INF, NAN])
    assert squared_error(3, 1) == 4


def test_squared_error_takes_targets_without_a_dtype(device):
    f = arrays.array(np.array([1.0, 2.5], np.float32), device=device)
    for y in ([1, 2], [1.0, 2.0], np.array([1, 2]), torch.tensor([1, 2])):
        result = squared_error(f, y)
        assert str(result.dtype).removeprefix("torch.") == "float32"
        np.testing.assert_array_equal(arrays.to_numpy(result), [0, 0.25])
        np.testing.assert_array_equal(arrays.to_numpy(squared_error(y, f)), [0, 0.25])
        assert squared_error(Tensor(f), y).dtype == f.dtype


@pytest.mark.parametrize(
    ("f", "y", "error", "message"),
    [
        (np.ones(3), np.ones((3, 1)), ValueError, r"y must have the shape of prediction, \(3,\); got \(3, 1\) \(y.rav"),
        (torch.ones(3), torch.ones(2), ValueError, r"y must have the shape of prediction, \(3,\); got \(2,\)$"),
        (Tensor(np.ones(3)), 1.0, ValueError, r"y must have the shape of prediction, \(3,\); got \(\)$"),
        (np.ones(3), torch.ones(3), TypeError, "squared_error: prediction is on device 'numpy', y on 'cpu'"),
        (Tensor(torch.ones(3)), np.ones(3), TypeError, "squared_error: prediction is on device 'cpu', y on 'numpy'"),
        (np.ones(3), np.ones(3, np.float32), TypeError, "squared_error: prediction is float64, y is float32"),
        (torch.ones(3), torch.ones(3).double(), TypeError, "squared_error: prediction is float32, y is float64"),
        (["a"], [1.0], TypeError, "prediction must hold real numbers"),
        ([1.0], torch.ones(1, requires_grad=True), TypeError, "y must not be recorded by torch"),
    ],
)
def test_squared_error_refuses(f, y, error, message):
    with pytest.raises(error, match=message):
        squared_error(f, y)


@pytest.mark.parametrize("loss", ALL)
@pytest.mark.parametrize(
    ("margin", "error", "message"),
    [
        (["a"], TypeError, "margin must hold real numbers.*<U1"),
        ([[1.0], [1.0, 2.0]], ValueError, "margin must be a rectangular array"),
        (np.ma.array([1.0], mask=[True]), TypeError, "margin must be a plain array; got a masked array"),
        (torch.ones(2) * 1j, TypeError, "margin must hold real numbers.*complex64"),
        (torch.ones(2, requires_grad=True), TypeError, r"margin must not be recorded by torch.*margin\.detach\(\)"),
    ],
)
def test_refuses_margins(loss, margin, error, message):
    with pytest.raises(error, match=message):
        loss(margin)


def test_every_loss_is_tested():
    elsewhere = {
        "binary_cross_entropy",
        "cross_entropy",
        "kl_divergence",
        "multiclass_hinge",
        "softmax_cross_entropy",
        "squared_error",
    }
    assert set(losses.__all__) == {loss.__name__ for loss in ALL} | elsewhere
