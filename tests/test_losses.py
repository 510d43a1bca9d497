"""The losses: their values and gradients, their extremes, and what they refuse."""

import numpy as np
import pytest

from dlkit.activations import sigmoid, softmax, softplus
from dlkit.losses import binary_cross_entropy, cross_entropy, logistic_loss, softmax_cross_entropy

FLOATS = [np.float32, np.float64]
LOG2 = np.log(2)
INF = np.inf


pytestmark = pytest.mark.usefixtures("no_warnings")


def data(dtype, n=60, K=5):
    """Scores from small to huge, labels, and rows of probabilities."""
    rng = np.random.default_rng(8)
    scores = (rng.standard_normal((n, K)) * 10.0 ** rng.integers(0, 5, (n, 1))).astype(dtype)
    return scores, rng.integers(0, K, n), softmax(rng.standard_normal((n, K)).astype(dtype))


def central_difference(f, x):
    """Return the derivative of each f(x)ᵢ with respect to row i of x, shape of x, and a bound on its error.

    The step h = eps^(1/3) balances the truncation h²/6·|f‴| (|f‴| < 1/5 for these losses) and the rounding eps·|f|/h.
    """
    h = np.finfo(np.float64).eps ** (1 / 3)
    gradient = np.empty_like(x)
    for k in range(x.shape[1]):
        step = np.zeros(x.shape[1])
        step[k] = h
        gradient[:, k] = (f(x + step) - f(x - step)) / (2 * h)
    return gradient, h**2 + 4 * np.finfo(np.float64).eps * (np.abs(x).max() + np.abs(f(x)).max()) / h


def assert_near_torch(ours, theirs, scores):
    """Compare with torch, sample by sample.

    Each side makes fewer than 16 roundings, relative to the terms of its formula, which the largest score bounds;
    torch's binary loss subtracts two numbers of that size.
    """
    eps = np.finfo(scores.dtype).eps
    assert ours.dtype == scores.dtype
    size = np.abs(scores).max(axis=1) if scores.ndim > ours.ndim else np.abs(scores)
    assert np.all(np.abs(ours - theirs.numpy()) <= 32 * eps * (1 + size))


@pytest.mark.parametrize("dtype", FLOATS)
def test_softmax_cross_entropy_agrees_with_torch(dtype):
    torch = pytest.importorskip("torch")
    scores, labels, rows = data(dtype)
    reference = torch.nn.functional.cross_entropy
    s = torch.from_numpy(scores)
    assert_near_torch(
        softmax_cross_entropy(scores, labels), reference(s, torch.from_numpy(labels), reduction="none"), scores
    )
    assert_near_torch(
        softmax_cross_entropy(scores, rows), reference(s, torch.from_numpy(rows), reduction="none"), scores
    )


@pytest.mark.parametrize("dtype", FLOATS)
def test_binary_and_logistic_loss_agree_with_torch(dtype):
    torch = pytest.importorskip("torch")
    score = data(dtype)[0][:, :1]
    y = np.random.default_rng(9).random(score.shape).astype(dtype)
    s = torch.from_numpy(score)
    reference = torch.nn.functional.binary_cross_entropy_with_logits
    for labels in (y, (y > 0.5).astype(dtype)):
        expected = reference(s, torch.from_numpy(labels), reduction="none")
        assert_near_torch(binary_cross_entropy(score, labels), expected, score)
    assert_near_torch(logistic_loss(score), torch.logaddexp(-s, torch.zeros_like(s)), score)


def test_one_value_per_sample():
    assert logistic_loss(np.ones((4, 2))).shape == (4, 2)
    assert binary_cross_entropy(np.ones(4), np.ones(4)).shape == (4,)
    assert softmax_cross_entropy(np.ones((4, 3)), [0, 1, 2, 0]).shape == (4,)
    assert softmax_cross_entropy(np.ones((4, 3)), np.eye(3)[[0, 1, 2, 0]]).shape == (4,)
    assert softmax_cross_entropy(np.ones((0, 3)), np.array([], dtype=int)).shape == (0,)
    assert cross_entropy(np.full((4, 2), 0.5), np.full((4, 2), 0.5)).shape == (4,)
    assert cross_entropy([0.5, 0.5], [0.5, 0.5]).shape == ()


def test_values_known_by_heart():
    np.testing.assert_allclose(logistic_loss([0.0, np.log(3)]), [LOG2, np.log(4 / 3)], rtol=1e-15)
    np.testing.assert_allclose(binary_cross_entropy([0.0, 0.0, 0.0], [0, 0.3, 1]), [LOG2] * 3, rtol=1e-15)
    np.testing.assert_allclose(softmax_cross_entropy(np.zeros((2, 5)), [0, 4]), [np.log(5)] * 2, rtol=1e-15)
    np.testing.assert_allclose(cross_entropy([0.5, 0.5], [0.25, 0.75]), 0.5 * np.log(16 / 3), rtol=1e-15)
    np.testing.assert_allclose(cross_entropy([0.5, 0.5], [0.5, 0.5]), LOG2, rtol=1e-15)


@pytest.mark.parametrize("dtype", FLOATS)
def test_floats_keep_their_dtype_beside_integer_labels(dtype):
    scores, labels, rows = data(dtype)
    one_hot = np.eye(5, dtype=int)[labels]
    for y in (labels, labels.astype(np.uint8), labels.tolist(), one_hot, one_hot.astype(bool), rows):
        assert softmax_cross_entropy(scores, y).dtype == dtype
    for y in (labels > 2, (labels > 2).astype(int), (labels > 2).astype(dtype)):
        assert binary_cross_entropy(scores[:, 0], y).dtype == dtype
    assert logistic_loss(scores).dtype == dtype
    assert cross_entropy(one_hot, rows).dtype == dtype
    assert softmax_cross_entropy([[1, 2]], [0]).dtype == np.float64


def test_one_hot_rows_are_the_labels():
    scores, labels, _ = data(np.float64)
    one_hot = np.eye(5)[labels]
    np.testing.assert_array_equal(softmax_cross_entropy(scores, one_hot), softmax_cross_entropy(scores, labels))
    two = scores[:, :2]
    np.testing.assert_array_equal(
        softmax_cross_entropy(two, labels > 2), softmax_cross_entropy(two, [*(labels > 2) * 1])
    )


def test_from_scores_and_from_probabilities_alike():
    rng = np.random.default_rng(10)
    scores, p = 3 * rng.standard_normal((40, 4)), softmax(rng.standard_normal((40, 4)))
    # a few roundings in numbers of size up to 20 on either side
    close = {"rtol": 1e-13, "atol": 1e-14}
    np.testing.assert_allclose(softmax_cross_entropy(scores, p), cross_entropy(p, softmax(scores)), **close)
    s, y = scores[:, 0], p[:, 0]
    q = sigmoid(s)
    expected = cross_entropy(np.stack([1 - y, y], axis=1), np.stack([1 - q, q], axis=1))
    np.testing.assert_allclose(binary_cross_entropy(s, y), expected, **close)
    np.testing.assert_allclose(binary_cross_entropy(s, y), softplus(s) - y * s, **close)


def test_two_classes_are_softmax_with_one_score_pinned_at_zero():
    rng = np.random.default_rng(11)
    s, y = 5 * rng.standard_normal(50), rng.integers(0, 2, 50)
    pinned = np.stack([np.zeros(50), s], axis=1)
    close = {"rtol": 1e-13, "atol": 1e-15}  # the softmax form is good to an eps of 1, the size of its sum
    np.testing.assert_allclose(softmax_cross_entropy(pinned, y), binary_cross_entropy(s, y), **close)
    np.testing.assert_allclose(logistic_loss((2 * y - 1) * s), binary_cross_entropy(s, y), **close)


def test_gradient_of_softmax_cross_entropy():
    rng = np.random.default_rng(12)
    scores, labels, p = 2 * rng.standard_normal((20, 4)), rng.integers(0, 4, 20), softmax(rng.standard_normal((20, 4)))
    for y, rows in ((labels, np.eye(4)[labels]), (p, p)):
        gradient, error = central_difference(lambda s, y=y: softmax_cross_entropy(s, y), scores)
        assert error < 1e-8
        np.testing.assert_allclose(gradient, softmax(scores) - rows, rtol=0, atol=error)


def test_gradient_of_the_binary_losses():
    rng = np.random.default_rng(13)
    s, y = 3 * rng.standard_normal((30, 1)), rng.random((30, 1))
    gradient, error = central_difference(lambda s: binary_cross_entropy(s, y)[:, 0], s)
    assert error < 1e-8
    np.testing.assert_allclose(gradient, sigmoid(s) - y, rtol=0, atol=error)
    gradient, error = central_difference(lambda m: logistic_loss(m)[:, 0], s)
    np.testing.assert_allclose(gradient, -sigmoid(-s), rtol=0, atol=error)


@pytest.mark.parametrize("big", [1e4, 1e308])
def test_extreme_scores(big):
    np.testing.assert_array_equal(logistic_loss([-big, big]), [big, 0])
    s = np.array([-big, -big, big, big])
    np.testing.assert_array_equal(binary_cross_entropy(s, [0, 1, 0, 1]), [0, big, big, 0])
    np.testing.assert_array_equal(binary_cross_entropy([big], [0.5]), [big / 2])
    np.testing.assert_array_equal(softmax_cross_entropy([[0, big], [0, big]], [0, 1]), [big, 0])


def test_not_even_underflow_is_reported():
    x = np.array([[-1e308, -800.0, 800.0]])
    with np.errstate(all="raise"):
        results = [
            logistic_loss(x),
            binary_cross_entropy(x, np.full((1, 3), 1e-300)),
            softmax_cross_entropy(x, [1]),
            cross_entropy([1.0, 1e-320], [1 - 1e-16, 1e-16]),
        ]
    assert not any(np.isnan(r).any() for r in results)


def test_a_small_loss_keeps_its_digits():
    # log(1 + e⁻⁴⁰) = e⁻⁴⁰ to 18 digits; softplus(40) − 40 would be 0
    np.testing.assert_allclose(binary_cross_entropy([40.0, -40.0], [1, 0]), [np.exp(-40)] * 2, rtol=1e-15)
    np.testing.assert_allclose(logistic_loss(40.0), np.exp(-40), rtol=1e-15)


def test_no_loss_is_a_negative_zero():
    for y in ([1], [[0, 1]]):
        assert not np.signbit(softmax_cross_entropy([[0.0, 1e4]], y)).any()
    assert not np.signbit(cross_entropy([0.0, 1.0], [0.0, 1.0]))


def test_impossible_classes():
    """A score of −∞ rules a class out: that costs nothing where it has no probability, and all where it has."""
    scores = [[-INF, 0.0, 0.0], [-INF, 0.0, 0.0]]
    np.testing.assert_allclose(softmax_cross_entropy(scores, [1, 0]), [LOG2, INF], rtol=1e-15)
    np.testing.assert_allclose(softmax_cross_entropy(scores, np.eye(3)[[1, 0]]), [LOG2, INF], rtol=1e-15)
    s = np.array([INF, INF, -INF, -INF, INF])
    np.testing.assert_array_equal(binary_cross_entropy(s, [1, 0, 1, 0, 0.5]), [0, INF, INF, 0, INF])
    np.testing.assert_array_equal(cross_entropy([[1.0, 0.0], [0.5, 0.5]], [[1.0, 0.0], [1.0, 0.0]]), [0, INF])


def test_nan_scores_go_through():
    result = softmax_cross_entropy([[np.nan, 1.0], [0.0, 0.0]], [1, 1])
    assert np.isnan(result[0])
    assert result[1] == pytest.approx(LOG2, rel=1e-15)
    assert np.isnan(softmax_cross_entropy([[np.nan, 1.0]], [[0, 1]])).all()
    assert np.isnan(binary_cross_entropy([np.nan], [0])).all()
    assert np.isnan(logistic_loss(np.nan))


def test_cross_entropy_is_smallest_at_the_distribution_itself():
    p, q = softmax(np.random.default_rng(14).standard_normal((2, 100, 6)))
    assert (cross_entropy(p, q) > cross_entropy(p, p)).all()


def test_cross_entropy_along_an_axis():
    p, q = softmax(np.random.default_rng(15).standard_normal((2, 3, 4, 5)), axis=2)
    expected = -(p * np.log(q)).sum(axis=1)
    np.testing.assert_allclose(cross_entropy(p, q, axis=1), expected, rtol=1e-14)  # the order of a sum of 4 terms
    np.testing.assert_array_equal(cross_entropy(p, q, axis=-2), cross_entropy(p, q, axis=1))


@pytest.mark.parametrize("dtype", FLOATS)
def test_what_counts_as_a_sum_of_one(dtype):
    """Rounding passes, a mistake does not: the allowance is (K + 100)·eps."""
    K = 1000
    p = softmax(30 * np.random.default_rng(16).standard_normal((50, K)).astype(dtype))
    assert np.isfinite(softmax_cross_entropy(np.zeros((50, K), dtype), p)).all()
    eps = np.finfo(dtype).eps
    half = np.array([0.5, 0.5], dtype)
    for off, allowed in ((90 * eps, True), (120 * eps, False)):
        q = np.array([0.5, 0.5 + off], dtype)
        if allowed:
            assert np.isfinite(cross_entropy(half, q))
        else:
            with pytest.raises(ValueError, match=r"q must sum to 1 along axis -1; got a sum of 1\.0000"):
                cross_entropy(half, q)


S = np.zeros((3, 4))


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        ([0, 1, 4], ValueError, r"y must hold classes 0\.\.3, as scores has 4 columns; got 4 at index \(2,\)"),
        ([0, -1, 2], ValueError, r"y must hold classes 0\.\.3, as scores has 4 columns; got -1 at index \(1,\)"),
        ([0.0, 1.0, 2.0], TypeError, r"y must hold classes 0\.\.3 as integers; got floats \(y.astype\(int\)"),
        ([0.0, np.nan, 2.0], TypeError, r"y must hold classes 0\.\.3 as integers; got labels with NaN"),
        (["a", "b", "c"], TypeError, "y must hold real numbers.*<U1"),
        ([[0], [1], [2]], ValueError, r"y must hold a class per row.*got \(3, 1\) \(use y.ravel\(\)\)"),
        ([0, 1], ValueError, r"y must hold a class per row of scores, shape \(3,\),.*\(3, 4\); got \(2,\)$"),
        (0, ValueError, r"y must hold a class per row of scores.*got \(\)$"),
        (np.ones((3, 5)) / 5, ValueError, r"y must hold a class per row of scores.*got \(3, 5\)$"),
        (np.ones((3, 4)), ValueError, "y must sum to 1 along axis 1; got a sum of 4.0"),
        (np.eye(4)[:3] * [2, 1, 1, 1], ValueError, "y must sum to 1 along axis 1; got a sum of 2.0"),
        ([[1.5, -0.5, 0, 0]] * 3, ValueError, r"y must hold probabilities, none below 0; got -0.5 at index \(0, 1\)"),
        ([[1, np.nan, 0, 0]] * 3, ValueError, r"y must hold probabilities, none below 0; got nan at index \(0, 1\)"),
        ([[INF, 0, 0, 0]] * 3, ValueError, "y must sum to 1 along axis 1; got a sum of inf"),
    ],
)
def test_softmax_cross_entropy_refuses_labels(y, error, message):
    with pytest.raises(error, match=message):
        softmax_cross_entropy(S, y)


@pytest.mark.parametrize(
    ("scores", "error", "message"),
    [
        (np.zeros(4), ValueError, r"scores must have the shape \(n, K\), a row per sample; got \(4,\)"),
        (np.zeros((2, 3, 4)), ValueError, r"scores must have the shape \(n, K\), a row per sample; got \(2, 3, 4\)"),
        (np.zeros((3, 0)), ValueError, r"scores must have entries along axis 1; got the shape \(3, 0\)"),
        (np.zeros((3, 2), complex), TypeError, "scores must hold real numbers.*complex128"),
    ],
)
def test_softmax_cross_entropy_refuses_scores(scores, error, message):
    with pytest.raises(error, match=message):
        softmax_cross_entropy(scores, [0, 0, 0])


@pytest.mark.parametrize(
    ("score", "y", "error", "message"),
    [
        ([0.0, 1.0], [0, 2], ValueError, r"y must lie in \[0, 1\]; got 2.0 at index \(1,\)$"),
        ([0.0, 1.0], [0, -0.1], ValueError, r"y must lie in \[0, 1\]; got -0.1 at index \(1,\)$"),
        ([0.0, 1.0], [0, np.nan], ValueError, r"y must lie in \[0, 1\]; got nan at index \(1,\)$"),
        ([0.0, 1.0], [1, -1], ValueError, r"y must lie in \[0, 1\].*logistic_loss\(y \* score\)"),
        ([0.0, 1.0], [[0], [1]], ValueError, r"y must have the shape of score, \(2,\); got \(2, 1\) \(y.ravel\(\)"),
        ([0.0, 1.0], [0], ValueError, r"y must have the shape of score, \(2,\); got \(1,\)$"),
        ([0.0, 1.0], ["no", "yes"], TypeError, "y must hold real numbers"),
        (["a", "b"], [0, 1], TypeError, "score must hold real numbers"),
    ],
)
def test_binary_cross_entropy_refuses(score, y, error, message):
    with pytest.raises(error, match=message):
        binary_cross_entropy(score, y)


def test_logistic_loss_refuses():
    with pytest.raises(TypeError, match="margin must hold real numbers"):
        logistic_loss(["a"])


@pytest.mark.parametrize(
    ("p", "q", "axis", "error", "message"),
    [
        ([0.5, 0.5], [0.5, 0.4], -1, ValueError, "q must sum to 1 along axis -1; got a sum of 0.9"),
        ([2.0, 3.0], [0.5, 0.5], -1, ValueError, "p must sum to 1 along axis -1; got a sum of 5.0"),
        ([1.5, -0.5], [0.5, 0.5], -1, ValueError, "p must hold probabilities, none below 0; got -0.5"),
        ([0.5, 0.5], [np.nan, 1.0], -1, ValueError, "q must hold probabilities, none below 0; got nan"),
        ([0.5, 0.5], [[0.5, 0.5]], -1, ValueError, r"p and q must have one shape; got \(2,\) and \(1, 2\)"),
        ([0.5, 0.5], [0.5, 0.5], 1, ValueError, r"axis must be in -1\.\.0 for p"),
        ([0.5, 0.5], [0.5, 0.5], "rows", TypeError, "axis must be an integer; got 'rows'"),
        (["a", "b"], [0.5, 0.5], -1, TypeError, "p must hold real numbers"),
        ([0.5, 0.5], ["a", "b"], -1, TypeError, "q must hold real numbers"),
        (1.0, 1.0, -1, ValueError, "p must have at least one axis"),
    ],
)
def test_cross_entropy_refuses(p, q, axis, error, message):
    with pytest.raises(error, match=message):
        cross_entropy(p, q, axis=axis)
