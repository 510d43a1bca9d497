"""Losses of labels and of distributions on torch tensors and Tensors; the multiclass hinge and KL everywhere."""

import itertools

import numpy as np
import pytest
from scipy.special import rel_entr
from scipy.stats import entropy
from sklearn.metrics import hinge_loss as sklearn_hinge_loss

from dlkit import arrays
from dlkit.activations import softmax
from dlkit.autograd import Tensor, check_gradients, grad, gradients
from dlkit.losses import (
    binary_cross_entropy,
    cross_entropy,
    hinge_loss,
    kl_divergence,
    multiclass_hinge,
    softmax_cross_entropy,
)

torch = pytest.importorskip("torch")
F = torch.nn.functional

DTYPES = ["float32", "float64"]
INF, NAN = np.inf, np.nan
LOG2 = np.log(2)


pytestmark = pytest.mark.usefixtures("no_warnings")


def data(dtype, n=40, K=5):
    """Scores from small to huge, labels, rows of probabilities, and numbers in [0, 1]."""
    rng = np.random.default_rng(40)
    scores = (rng.standard_normal((n, K)) * 10.0 ** rng.integers(0, 5, (n, 1))).astype(dtype)
    rows = softmax(rng.standard_normal((n, K)).astype(dtype))
    return scores, rng.integers(0, K, n), rows, rng.random((n, K)).astype(dtype)


def torch_kl(q, p):
    return F.kl_div(torch.log(q), p, reduction="none").sum(1)


CASES = {  # our loss, torch's, which of `data` is differentiated and which is the other argument
    "softmax_cross_entropy, labels": (
        softmax_cross_entropy,
        lambda s, y: F.cross_entropy(s, y, reduction="none"),
        0,
        1,
    ),
    "softmax_cross_entropy, rows": (softmax_cross_entropy, lambda s, y: F.cross_entropy(s, y, reduction="none"), 0, 2),
    "binary_cross_entropy": (
        binary_cross_entropy,
        lambda s, y: F.binary_cross_entropy_with_logits(s, y, reduction="none"),
        0,
        3,
    ),
    "multiclass_hinge": (multiclass_hinge, lambda s, y: 5 * F.multi_margin_loss(s, y, reduction="none"), 0, 1),
    "cross_entropy": (lambda q, p: cross_entropy(p, q), lambda q, p: -(p * torch.log(q)).sum(1), 2, 2),
    "kl_divergence": (lambda q, p: kl_divergence(p, q), torch_kl, 2, 2),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients_agree_with_torch(case, dtype, device):
    ours, theirs, first, second = CASES[case]
    x, y = data(dtype)[first], data(dtype)[second]
    if first == second:
        y = y[::-1].copy()
    reference = torch.from_numpy(x).requires_grad_()
    expected = theirs(reference, torch.from_numpy(y))
    expected.sum().backward()
    expected, slope = expected.detach().numpy(), reference.grad.numpy()

    given, labels = arrays.array(x, device=device), arrays.array(y, device=device)
    result = ours(given, labels)
    assert type(result) is type(given)
    assert arrays.device_of(result) == arrays.device_of(given)
    recorded = Tensor(given)
    z = ours(recorded, labels)
    assert isinstance(z, Tensor)
    np.testing.assert_array_equal(z.numpy(), arrays.to_numpy(result))
    (by_score,) = gradients(z.sum(), [recorded])

    # Each side makes fewer than 16 roundings, relative to the terms of its formula, which the largest score bounds.
    eps = np.finfo(dtype).eps
    size = np.abs(x).max(axis=1, keepdims=x.ndim == result.ndim)
    for got, want, scale in ((result, expected, size), (by_score, slope, np.abs(slope))):
        assert str(got.dtype).removeprefix("torch.") == dtype
        assert (np.abs(arrays.to_numpy(got) - want) <= 32 * eps * (1 + scale)).all()


SMALL = (
    np.random.default_rng(41).permutation(12).reshape(3, 4) / 3.7 - 1.6
)  # the steps of the checks stay off the kinks
P = softmax(SMALL[::-1])


@pytest.mark.parametrize("dtype", DTYPES)
def test_gradients_agree_with_differences(dtype, device):
    s, p = arrays.array(SMALL.astype(dtype), device=device), arrays.array(P.astype(dtype), device=device)
    check_gradients(lambda s: softmax_cross_entropy(s, [0, 3, 1]), s)
    check_gradients(lambda s: softmax_cross_entropy(s, p), s)
    check_gradients(lambda s: multiclass_hinge(s, [0, 3, 1]), s)
    check_gradients(lambda s: binary_cross_entropy(s, p), s)
    # a softmax keeps them distributions
    check_gradients(lambda s, t: cross_entropy(softmax(s), softmax(t)), s, p)
    check_gradients(lambda s, t: kl_divergence(softmax(s), softmax(t)), s, p)
    check_gradients(lambda s, t: kl_divergence(softmax(s, 0), softmax(t, 0), axis=0), s, p)


def test_second_derivatives(device):
    s, p = arrays.array(SMALL, device=device), arrays.array(P, device=device)
    for loss in (
        lambda s: softmax_cross_entropy(s, [0, 3, 1]),
        lambda s: softmax_cross_entropy(s, p),
        lambda s: binary_cross_entropy(s, p),
        lambda s: cross_entropy(p, softmax(s)),
        lambda s: kl_divergence(softmax(s), p),
        lambda s: kl_divergence(p, softmax(s)),
    ):
        check_gradients(grad(lambda s, loss=loss: (loss(s) ** 2).sum()), s)


@pytest.mark.parametrize("dtype", DTYPES)
def test_no_score_is_too_large(dtype, device):
    big = 1e4
    two = np.array([[0, big], [0, big]], dtype)
    for loss, x, y, value, slope in [
        (softmax_cross_entropy, two, [0, 1], [big, 0], [[-1, 1], [0, 0]]),
        (softmax_cross_entropy, two, [[1, 0], [0, 1]], [big, 0], [[-1, 1], [0, 0]]),
        (multiclass_hinge, two, [0, 1], [big + 1, 0], [[-1, 1], [0, 0]]),
        (binary_cross_entropy, np.array([-big, -big, big, big], dtype), [0, 1, 0, 1], [0, big, big, 0], [0, -1, 1, 0]),
        (lambda s, y: cross_entropy(y, softmax(s)), two[1:], [[0, 1]], [0], [[0, 0]]),
        (lambda s, y: kl_divergence(softmax(s), y), two[1:], [[0.5, 0.5]], [LOG2], [[0, 0]]),
        (lambda s, y: kl_divergence(softmax(s), softmax(s)), two, None, [0, 0], [[0, 0], [0, 0]]),
    ]:
        s = Tensor(x, device=device)
        z = loss(s, y)
        z.sum().backward()
        np.testing.assert_allclose(z.numpy(), value, rtol=np.finfo(dtype).eps)
        np.testing.assert_array_equal(arrays.to_numpy(s.grad), slope)
        assert not np.signbit(z.numpy()).any()


def test_a_small_loss_keeps_the_digits_of_its_gradient(device):
    s = Tensor([40.0, -40.0], device=device)
    binary_cross_entropy(s, [1, 0]).sum().backward()
    np.testing.assert_allclose(arrays.to_numpy(s.grad), [-np.exp(-40), np.exp(-40)], rtol=1e-15)  # σ(40) − 1 would be 0


@pytest.mark.parametrize("kind", [list, np.uint8, np.int32, lambda y: torch.tensor(y, dtype=torch.int32)])
def test_integer_labels_follow_the_scores(kind, device):
    y = kind([2, 0, 1])
    scores = np.random.default_rng(42).standard_normal((3, 3)).astype(np.float32)
    for loss in (softmax_cross_entropy, multiclass_hinge):
        expected = loss(scores, np.array([2, 0, 1]))
        for given in (arrays.array(scores, device=device), Tensor(scores, device=device)):
            result = loss(given, y)
            assert type(result) is type(given)
            assert str(result.dtype).removeprefix("torch.") == "float32"
            value = result.numpy() if isinstance(result, Tensor) else arrays.to_numpy(result)
            np.testing.assert_allclose(value, expected, rtol=1e-6)


def test_what_has_no_floating_dtype_follows_the_rest(device):
    x = arrays.array(np.array([[0.25, 0.75]], np.float32), device=device)
    for one_hot in ([[0, 1]], [[0.0, 1.0]], np.array([[0, 1]]), torch.tensor([[False, True]])):
        for result in (
            softmax_cross_entropy(x, one_hot),
            binary_cross_entropy(x, one_hot),
            cross_entropy(one_hot, x),
            kl_divergence(one_hot, x),
            cross_entropy(x, [[0.5, 0.5]]),
        ):
            assert type(result) is type(x)
            assert str(result.dtype).removeprefix("torch.") == "float32"
    assert binary_cross_entropy([1, 2], [0, 1]).dtype == np.float64


def test_tensors_without_a_gradient_are_labels():
    s = np.zeros((1, 2))
    p = Tensor([[0.5, 0.5]], requires_grad=False)
    np.testing.assert_allclose(softmax_cross_entropy(s, p), [LOG2])
    assert isinstance(softmax_cross_entropy(Tensor(s), p), Tensor)
    np.testing.assert_allclose(binary_cross_entropy(s, p), [[LOG2, LOG2]])


def test_impossible_classes(device):
    s = Tensor(np.array([[-INF, 0.0, 0.0]]), device=device)
    for y in ([1], [[0, 1, 0]], [[0, 0.5, 0.5]]):
        loss = softmax_cross_entropy(s, y)
        (slope,) = gradients(loss.sum(), [s])
        np.testing.assert_allclose(loss.numpy(), [LOG2], rtol=1e-15)
        assert np.isfinite(arrays.to_numpy(slope)).all()
    np.testing.assert_array_equal(multiclass_hinge(s.value, [1]).tolist(), [1])
    np.testing.assert_array_equal(softmax_cross_entropy(s.value, [0]).tolist(), [INF])
    ends = Tensor([INF, INF, -INF, -INF], device=device)
    loss = binary_cross_entropy(ends, [1, 0, 1, 0])
    np.testing.assert_array_equal(loss.numpy(), [0, INF, INF, 0])
    np.testing.assert_array_equal(arrays.to_numpy(gradients(loss.sum(), [ends])[0]), [0, 1, -1, 0])


# The multiclass hinge


def test_multiclass_hinge_of_the_deck(device):
    f = Tensor([[3.0, -5.0, 2.5]], device=device)
    loss = multiclass_hinge(f, [0])
    loss.sum().backward()
    np.testing.assert_array_equal(loss.numpy(), [0.5])  # max(0, −5 − 3 + 1) + max(0, 2.5 − 3 + 1)
    np.testing.assert_array_equal(arrays.to_numpy(f.grad), [[-1, 0, 1]])


def test_multiclass_hinge_case_by_case():
    scores, labels, *_ = data("float64")
    expected = [
        sum(max(0.0, s - row[y] + 1) for j, s in enumerate(row) if j != y)
        for row, y in zip(scores, labels, strict=True)
    ]
    np.testing.assert_allclose(multiclass_hinge(scores, labels), expected, rtol=1e-14)


def test_multiclass_hinge_of_two_classes_is_the_hinge():
    rng = np.random.default_rng(43)
    s, y = rng.standard_normal((30, 2)), rng.integers(0, 2, 30)
    difference = (2 * y - 1) * (s[:, 1] - s[:, 0])
    np.testing.assert_allclose(multiclass_hinge(s, y), hinge_loss(difference), rtol=1e-13, atol=1e-15)
    # scikit-learn's multiclass hinge counts the worst class only (Crammer and Singer): for two classes, the same
    three = np.column_stack([s, np.full(30, -1e3)])
    expected = sklearn_hinge_loss(y, three, labels=[0, 1, 2])
    assert multiclass_hinge(three, y).mean() == pytest.approx(expected, rel=1e-13)


def test_subgradient_of_the_multiclass_hinge_at_its_kinks(device):
    s = Tensor([[1.0, 0.0, 0.5], [0.0, 0.0, -1.0]], device=device)  # 1 − 0 and 0 − (−1) are exactly at the kink
    multiclass_hinge(s, [0, 0]).sum().backward()
    np.testing.assert_array_equal(arrays.to_numpy(s.grad), [[-1, 0, 1], [-1, 1, 0]])


def test_the_class_losses_bound_the_zero_one_loss():
    grid = np.array(list(itertools.product(np.arange(-8, 9) / 4, repeat=3)))
    grid = np.concatenate([grid, 100 * grid])
    wrong = grid[:, 1:].max(axis=1) >= grid[:, 0]  # another class scores as high as class 0
    y = np.zeros(len(grid), dtype=int)
    assert (multiclass_hinge(grid, y) >= wrong).all()
    assert (softmax_cross_entropy(grid, y) / LOG2 >= wrong * (1 - 1e-15)).all()
    assert not (softmax_cross_entropy(grid, y) >= wrong).all()


@pytest.mark.parametrize("loss", [multiclass_hinge, softmax_cross_entropy])
def test_the_class_losses_are_convex(loss):
    rng = np.random.default_rng(44)
    a, b, t, y = (*(5 * rng.standard_normal((2, 500, 4))), rng.random((500, 1)), rng.integers(0, 4, 500))
    chord = t[:, 0] * loss(a, y) + (1 - t[:, 0]) * loss(b, y)
    assert (loss(t * a + (1 - t) * b, y) <= chord * (1 + 1e-14) + 1e-14).all()


def test_the_multiclass_hinge_is_not_fisher_consistent():
    """With p = (0.4, 0.35, 0.25) class 1 may score as high as class 0 at the minimum of the expected loss.

    Any lead of class 0 costs more. With a class above 1/2 the likeliest one wins, as for the softmax always.
    """
    grid = np.array(list(itertools.product(np.arange(-8, 9) / 4, np.arange(-8, 9) / 4, [0.0])))
    lead = grid[:, 0] - grid[:, 1:].max(axis=1)

    def best(p, where, loss):
        return sum(share * loss(grid[where], np.full(where.sum(), y)) for y, share in enumerate(p)).min()

    p = [0.4, 0.35, 0.25]
    assert best(p, lead > 0, multiclass_hinge) > 1.005 * best(p, lead <= 0, multiclass_hinge)
    assert best(p, lead > 0, softmax_cross_entropy) < best(p, lead <= 0, softmax_cross_entropy)
    p = [0.55, 0.25, 0.2]
    assert best(p, lead > 0, multiclass_hinge) < best(p, lead <= 0, multiclass_hinge)


def test_multiclass_hinge_keeps_to_its_shapes(device):
    assert tuple(multiclass_hinge(arrays.array(np.ones((0, 3)), device=device), np.array([], dtype=int)).shape) == (0,)
    one = multiclass_hinge(arrays.array([[5.0], [6.0]], device=device), [0, 0])
    np.testing.assert_array_equal(arrays.to_numpy(one), [0, 0])  # a single class is never confused with another
    assert np.isnan(multiclass_hinge([[NAN, 1.0]], [1])).all()


# Distributions


@pytest.mark.parametrize("dtype", DTYPES)
def test_kl_divergence_agrees_with_scipy(dtype, device):
    p = data(dtype)[2]
    q = p[::-1].copy()
    result = arrays.to_numpy(kl_divergence(arrays.array(p, device=device), arrays.array(q, device=device)))
    close = {"rtol": 32 * np.finfo(dtype).eps, "atol": 32 * np.finfo(dtype).eps}
    np.testing.assert_allclose(result, rel_entr(p, q).sum(axis=1), **close)
    np.testing.assert_allclose(result, entropy(p, q, axis=1), **close)
    np.testing.assert_allclose(kl_divergence(p, q, axis=-1), cross_entropy(p, q) - cross_entropy(p, p), **close)


@pytest.mark.parametrize("dtype", DTYPES)
def test_mixed_second_derivatives_of_the_cross_entropy(dtype, device):
    """−1/q in both orders, where p is 0 as well; where q is 0 too, all are taken as 0."""
    p = Tensor(np.array([[0.0, 0.5, 0.0, 0.5]], dtype), device=device)
    q = Tensor(np.array([[0.5, 0.25, 0.0, 0.25]], dtype), device=device)
    for first, second in ((p, q), (q, p)):
        (g,) = gradients(cross_entropy(p, q).sum(), [first], create_graph=True)
        (h,) = gradients(g.sum(), [second])
        np.testing.assert_array_equal(arrays.to_numpy(h), [[-2, -4, 0, -4]])
    (g,) = gradients(cross_entropy(p, q).sum(), [q], create_graph=True)
    np.testing.assert_array_equal(g.numpy(), [[0, -2, 0, -2]])
    (h,) = gradients(g.sum(), [q])  # p/q²
    np.testing.assert_array_equal(arrays.to_numpy(h), [[0, 8, 0, 8]])


def test_kl_divergence_by_heart(device):
    p = arrays.array([[1.0, 0.0], [0.5, 0.5], [0.5, 0.5], [0.0, 1.0]], device=device)
    q = arrays.array([[0.5, 0.5], [0.25, 0.75], [1.0, 0.0], [0.0, 1.0]], device=device)
    result = arrays.to_numpy(kl_divergence(p, q))
    np.testing.assert_allclose(result, [LOG2, 0.5 * np.log(4 / 3), INF, 0], rtol=1e-15)
    assert not np.signbit(result).any()
    assert kl_divergence([0.5, 0.5], [0.5, 0.5]) == 0
    assert kl_divergence([[0.5], [0.5]], [[0.25], [0.75]], axis=0).shape == (1,)


def test_kl_divergence_is_positive_and_not_symmetric():
    p, q = softmax(np.random.default_rng(45).standard_normal((2, 100, 6)))
    assert (kl_divergence(p, q) > 0).all()
    assert (kl_divergence(p, p) == 0).all()
    assert (np.abs(kl_divergence(p, q) - kl_divergence(q, p)) > 1e-4).any()
    near = softmax(np.log(p) + 1e-9)
    assert (kl_divergence(p, near) >= -8 * np.finfo(float).eps).all()


def test_kl_divergence_is_convex_in_both():
    rng = np.random.default_rng(46)
    p, q, r, s = softmax(rng.standard_normal((4, 300, 5)))
    t = rng.random((300, 1))
    chord = t[:, 0] * kl_divergence(p, q) + (1 - t[:, 0]) * kl_divergence(r, s)
    assert (kl_divergence(t * p + (1 - t) * r, t * q + (1 - t) * s) <= chord + 1e-15).all()


def test_derivatives_where_probabilities_vanish(device):
    p = Tensor([[0.0, 1.0], [0.0, 1.0]], device=device)
    q = Tensor([[0.0, 1.0], [0.5, 0.5]], device=device)
    for loss, by_p in ((cross_entropy, [[0, 0], [LOG2, LOG2]]), (kl_divergence, [[0, 1], [LOG2, LOG2 + 1]])):
        got_p, got_q = gradients(loss(p, q).sum(), [p, q])
        np.testing.assert_allclose(arrays.to_numpy(got_p), by_p, rtol=1e-15)
        np.testing.assert_array_equal(arrays.to_numpy(got_q), [[0, -1], [0, -2]])


def test_impossible_outcomes_have_an_infinite_derivative(device):
    q = Tensor([[0.0, 1.0]], device=device)
    for loss in (cross_entropy, kl_divergence):
        value = loss([[0.5, 0.5]], q)
        value.sum().backward()
        assert value.item() == INF
    np.testing.assert_array_equal(arrays.to_numpy(q.grad), [[-INF, -1]])


def test_not_even_underflow_is_reported():
    with np.errstate(all="raise"):
        near = kl_divergence([1.0, 1e-320], [1 - 1e-16, 1e-16])
        impossible = kl_divergence([0.0, 1.0], [1.0, 0.0])
        huge = multiclass_hinge([[-1e308, 1e308, 0]], [0])
        infinite = multiclass_hinge([[-INF, INF, 0]], [2])
    assert abs(near) < 1e-15 and impossible == INF  # the first is log(1 / (1 − 1e-16)), to a rounding of 1
    np.testing.assert_array_equal([huge, infinite], [[INF], [INF]])


# What they refuse


S = np.zeros((2, 3))


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor, lambda x: Tensor(torch.as_tensor(x))])
@pytest.mark.parametrize("loss", [softmax_cross_entropy, multiclass_hinge])
@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        ([0, 3], ValueError, r"y must hold classes 0\.\.2, as scores has 3 columns; got 3 at index \(1,\)"),
        (torch.tensor([0, -1]), ValueError, r"y must hold classes 0\.\.2.*got -1 at index \(1,\)"),
        ([0.0, 1.0], TypeError, r"y must hold classes 0\.\.2 as integers; got floats \(y\.astype\(int\)"),
        (torch.tensor([0.0, 1.0]), TypeError, r"y must hold classes 0\.\.2 as integers; got floats \(y\.long\(\)"),
        (torch.tensor([0.0, NAN]), TypeError, r"y must hold classes 0\.\.2 as integers; got labels with NaN"),
        (Tensor([0.0, 1.0]), TypeError, r"y must be constant.*y\.detach\(\)"),
        (["a", "b"], TypeError, "y must hold real numbers.*<U1"),
        (torch.tensor([[0], [1]]), ValueError, r"y must hold a class per row.*got \(2, 1\) \(use y.ravel\(\)\)"),
        (torch.tensor([0, 1, 2]), ValueError, r"y must hold a class per row of scores, shape \(2,\).*got \(3,\)$"),
    ],
)
def test_refuses_labels(loss, kind, y, error, message):
    with pytest.raises(error, match=message):
        loss(kind(S), y)


@pytest.mark.parametrize("loss", [softmax_cross_entropy, multiclass_hinge])
@pytest.mark.parametrize(
    ("scores", "error", "message"),
    [
        (torch.zeros(4), ValueError, r"scores must have the shape \(n, K\), a row per sample; got \(4,\)"),
        (Tensor(np.zeros(4)), ValueError, r"scores must have the shape \(n, K\), a row per sample; got \(4,\)"),
        (torch.zeros(3, 0), ValueError, r"scores must have entries along axis 1; got the shape \(3, 0\)"),
        (torch.zeros(3, 2) * 1j, TypeError, r"scores must hold real numbers.*torch\.complex64"),
        (torch.zeros(3, 2, requires_grad=True), TypeError, "scores must not be recorded by torch"),
    ],
)
def test_refuses_scores(loss, scores, error, message):
    with pytest.raises(error, match=message):
        loss(scores, [0, 0, 0])


def test_multiclass_hinge_wants_one_class_per_sample():
    with pytest.raises(ValueError, match=r"y must hold a class per row of scores, shape \(2,\); got \(2, 3\)$"):
        multiclass_hinge(S, np.eye(3)[:2])


H = np.array([[0.5, 0.5]])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: softmax_cross_entropy(torch.zeros(2, 3), np.full((2, 3), 1 / 3, np.float32)),
            TypeError,
            "softmax_cross_entropy: scores is on device 'cpu', y on 'numpy'",
        ),
        (
            lambda: softmax_cross_entropy(Tensor(S), np.full((2, 3), 1 / 3, np.float32)),
            TypeError,
            "softmax_cross_entropy: scores is float64, y is float32; convert one",
        ),
        (lambda: softmax_cross_entropy(torch.zeros(2, 3), torch.ones(2, 3)), ValueError, "y must sum to 1.*sum of 3.0"),
        (lambda: softmax_cross_entropy(S, Tensor(np.eye(3)[:2])), TypeError, "y must be constant, as no gradient"),
        (lambda: binary_cross_entropy(H, Tensor(H)), TypeError, "y must be constant, as no gradient"),
        (lambda: binary_cross_entropy(torch.zeros(2), [0, 2]), ValueError, r"\[0, 1\]; got 2.0 at index \(1,\)$"),
        (lambda: binary_cross_entropy(Tensor([0.0]), [-1]), ValueError, r"got -1.0.*logistic_loss\(y \* score\)"),
        (lambda: binary_cross_entropy(torch.zeros(2), [1]), ValueError, r"y must have the shape of score, \(2,\)"),
        (
            lambda: binary_cross_entropy(torch.zeros(1, 2), H),
            TypeError,
            "binary_cross_entropy: score is on device 'cpu', y on 'numpy'",
        ),
        (lambda: cross_entropy(H, torch.tensor(H)), TypeError, "cross_entropy: p is on device 'numpy', q on 'cpu'"),
        (lambda: kl_divergence(H, H.astype("f")), TypeError, "kl_divergence: p is float64, q is float32"),
        (lambda: kl_divergence(Tensor(H), torch.tensor(H)), TypeError, "kl_divergence: p is on device 'numpy'"),
        (lambda: kl_divergence(H, [0.5, 0.5]), ValueError, r"p and q must have one shape; got \(1, 2\) and \(2,\)"),
        (lambda: kl_divergence(Tensor(H), Tensor(2 * H)), ValueError, "q must sum to 1 along axis -1; got a sum of 2"),
        (lambda: kl_divergence([1.5, -0.5], [1, 0]), ValueError, r"p must hold probab.*got -0.5 at index \(1,\)"),
        (lambda: kl_divergence(torch.tensor([1, NAN]), [1, 0]), ValueError, r"p must hold probab.*nan at index \(1,\)"),
        (lambda: kl_divergence(H, H, axis=2), ValueError, r"axis must be in -2\.\.1 for p"),
        (lambda: kl_divergence(H, H, axis=0.0), TypeError, "axis must be an integer; got 0.0"),
        (lambda: kl_divergence(["a"], [1.0]), TypeError, "p must hold real numbers"),
    ],
)
def test_refuses_what_does_not_fit(call, error, message):
    with pytest.raises(error, match=message):
        call()
