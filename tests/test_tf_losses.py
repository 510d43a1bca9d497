"""tf.losses and tf.metrics: formulas written out, weights, TensorFlow's own, and what is refused."""

import numpy as np
import pytest

import dlkit.tf as tf


@pytest.fixture(autouse=True)
def _new_graph():
    tf.reset_default_graph()


def tensorflow():
    """Return TensorFlow in the manner of version 1, or skip."""
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed: it is the oracle, not a requirement")
    import tensorflow.compat.v1 as real

    real.disable_v2_behavior()
    real.reset_default_graph()
    return real


RNG = np.random.default_rng(3)
N, K = 7, 4
SCORES = (3 * RNG.standard_normal((N, K))).astype(np.float32)
TARGETS = RNG.standard_normal((N, K)).astype(np.float32)
CLASSES = RNG.integers(0, K, N)
HOT = np.eye(K, dtype=np.float32)[CLASSES]
BITS = RNG.integers(0, 2, (N, K)).astype(np.float32)
CHANCES = RNG.uniform(0.01, 0.99, (N, K)).astype(np.float32)
PER_ENTRY = RNG.uniform(0, 2, (N, K)).astype(np.float32) * (RNG.random((N, K)) > 0.3)
PER_ROW = PER_ENTRY[:, 0]


def log_softmax(f):
    return f - np.log(np.exp(f).sum(1, keepdims=True))


def entropy(y, f):
    return -(y * log_softmax(f)).sum(1)


def binary(y, f):
    return np.log1p(np.exp(-np.abs(f))) + np.maximum(f, 0) - f * y


def huber(e, delta):
    return np.where(np.abs(e) <= delta, e**2 / 2, delta * np.abs(e) - delta**2 / 2)


F = SCORES.astype(float)
# name of the function, its arguments, the losses by their formula, what weights they take
CASES = {
    "mean_squared_error": ((TARGETS, SCORES), {}, (F - TARGETS) ** 2),
    "absolute_difference": ((TARGETS, SCORES), {}, np.abs(F - TARGETS)),
    "huber_loss": ((TARGETS, SCORES), {}, huber(F - TARGETS, 1)),
    "huber_loss delta": ((TARGETS, SCORES), {"delta": 2.5}, huber(F - TARGETS, 2.5)),
    "log_loss": ((BITS, CHANCES), {}, -BITS * np.log(CHANCES + 1e-7) - (1 - BITS) * np.log(1 - CHANCES + 1e-7)),
    "hinge_loss": ((BITS, SCORES), {}, np.maximum(0, 1 - (2 * BITS - 1) * F)),
    "sigmoid_cross_entropy": ((BITS, SCORES), {}, binary(BITS, F)),
    "sigmoid_cross_entropy smooth": ((BITS, SCORES), {"label_smoothing": 0.2}, binary(0.8 * BITS + 0.1, F)),
    "softmax_cross_entropy": ((HOT, SCORES), {}, entropy(HOT, F)),
    "softmax_cross_entropy smooth": ((HOT, SCORES), {"label_smoothing": 0.2}, entropy(0.8 * HOT + 0.2 / K, F)),
    "sparse_softmax_cross_entropy": ((CLASSES, SCORES), {}, entropy(HOT, F)),
    "sparse_softmax_cross_entropy column": ((CLASSES[:, None], SCORES), {}, entropy(HOT, F)),
}


def value(m, name, weights=None, reduction=None):
    """Return a loss and its gradient by the predictions, in a module: dlkit's, or TensorFlow's."""
    (labels, predictions), options, _ = CASES[name]
    if weights is not None:
        options = {**options, "weights": weights}
    if reduction is not None:
        options = {**options, "reduction": reduction}
    p = m.placeholder(m.float32, [None, K])
    loss = getattr(m.losses, name.split()[0])(labels, p, **options)
    with m.Session() as sess:
        return sess.run([loss, *m.gradients(loss, p)], {p: predictions})


@pytest.mark.parametrize("name", CASES)
def test_losses_are_their_formulas(name):
    losses = CASES[name][2]
    assert value(tf, name)[0] == pytest.approx(losses.mean(), rel=2e-6)
    weights = PER_ENTRY if losses.ndim == 2 else PER_ROW
    expected = (losses * weights).sum() / (weights != 0).sum()
    assert value(tf, name, weights)[0] == pytest.approx(expected, rel=2e-6)
    assert value(tf, name, 3.0)[0] == pytest.approx(3 * losses.mean(), rel=2e-6)
    assert value(tf, name, 0.0)[0] == 0
    assert value(tf, name, weights * 0)[0] == 0


@pytest.mark.parametrize("name", CASES)
def test_losses_are_tensorflows(name):
    real = tensorflow()
    losses = CASES[name][2]
    for weights in (None, 0.5, 0.0, PER_ENTRY if losses.ndim == 2 else PER_ROW):
        for reduction in (None, *tf.losses.Reduction.all()):
            ours, theirs = (value(m, name, weights, reduction) for m in (tf, real))
            for x, y in zip(ours, theirs, strict=True):
                assert x.shape == y.shape
                np.testing.assert_allclose(x, y, rtol=2e-6, atol=1e-7, err_msg=f"{weights} {reduction}")


@pytest.mark.parametrize("reduction", tf.losses.Reduction.all())
def test_reductions(reduction):
    losses = (F - TARGETS) ** 2
    weighted = losses * PER_ENTRY
    expected = {
        "none": weighted,
        "weighted_sum": weighted.sum(),
        "weighted_mean": weighted.sum() / PER_ENTRY.sum(),
        "weighted_sum_over_batch_size": weighted.mean(),
        "weighted_sum_by_nonzero_weights": weighted.sum() / (PER_ENTRY != 0).sum(),
    }[reduction]
    np.testing.assert_allclose(value(tf, "mean_squared_error", PER_ENTRY, reduction)[0], expected, rtol=2e-6)


def test_weights_of_rows_hold_for_all_entries():
    column = PER_ENTRY[:, :1]
    expected = (((F - TARGETS) ** 2) * column).sum() / (K * (column != 0).sum())
    assert value(tf, "mean_squared_error", column)[0] == pytest.approx(expected, rel=2e-6)


def test_losses_on_a_device(device):
    loss = tf.losses.sparse_softmax_cross_entropy(CLASSES, SCORES, weights=PER_ROW)
    with tf.Session(device=device) as sess:
        expected = (entropy(HOT, F) * PER_ROW).sum() / (PER_ROW != 0).sum()
        assert sess.run(loss) == pytest.approx(expected, rel=2e-6)


def test_the_total_of_all_losses():
    w = tf.get_variable("w", [2], initializer=tf.ones_initializer(), regularizer=tf.contrib.layers.l2_regularizer(0.5))
    with tf.name_scope("task"):
        first = tf.losses.mean_squared_error([[3.0, 1.0]], [w])
    second = tf.losses.absolute_difference(4.0, 1.0, weights=2.0)
    hidden = tf.losses.mean_squared_error(4.0, 1.0, loss_collection=None)
    mine = tf.reduce_sum(w)
    tf.losses.add_loss(mine)
    assert first.name == "task/mean_squared_error/value:0"
    assert second.name == "absolute_difference/value:0"
    assert tf.losses.get_losses() == [first, second, mine]
    assert hidden not in tf.losses.get_losses()
    assert tf.losses.get_losses(scope="task") == [first]
    fetches = [
        tf.losses.get_total_loss(),
        tf.losses.get_total_loss(add_regularization_losses=False),
        tf.losses.get_regularization_loss(),
    ]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        assert sess.run(fetches) == [2 + 6 + 2 + 0.5, 2 + 6 + 2, 0.5]


def test_totals_of_nothing():
    with tf.Session() as sess:
        assert sess.run(tf.losses.get_regularization_loss()) == 0
    with pytest.raises(ValueError, match="there are no losses"):
        tf.losses.get_total_loss()


A, COLUMN = np.ones(3, np.float32), np.ones((3, 1), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: tf.losses.mean_squared_error(A, COLUMN), ValueError, r"same shape; got \(3,\) and \(3, 1\)"),
        (lambda: tf.losses.mean_squared_error(None, A), ValueError, "labels must not be None"),
        (lambda: tf.losses.hinge_loss(A, None), ValueError, "logits must not be None"),
        (lambda: tf.losses.mean_squared_error(COLUMN, COLUMN, A), ValueError, r"weights must be .* weights \(3,\)"),
        (lambda: tf.losses.mean_squared_error(A, A, reduction="mean"), ValueError, "reduction must be one of none"),
        (
            lambda: tf.losses.sparse_softmax_cross_entropy(COLUMN, np.ones((3, 2))),
            TypeError,
            "labels must be integers",
        ),
        (
            lambda: tf.losses.softmax_cross_entropy(COLUMN, np.ones((3, 2), np.float32)),
            ValueError,
            r"onehot_labels and logits must have the same shape",
        ),
        (lambda: tf.losses.add_loss(3.0), TypeError, "loss must be a tensor"),
    ],
)
def test_losses_refuse_what_makes_no_sense(call, error, message):
    with pytest.raises(error, match=message):
        call()


# ---- metrics --------------------------------------------------------------------------------------------------------


def metrics_of(m):
    """Return the values of metrics over two batches, one after the other, in a module."""
    labels, found = m.placeholder(m.int64, [None]), m.placeholder(m.int64, [None])
    weights = m.placeholder(m.float32, [None])
    pairs = [
        m.metrics.accuracy(labels, found),
        m.metrics.accuracy(labels, found, weights=weights),
        m.metrics.mean(m.cast(found, m.float32) * 0.5, weights=weights),
    ]
    values, updates = zip(*pairs, strict=True)
    with m.Session() as sess:
        sess.run(m.local_variables_initializer())
        results = [sess.run(list(values))]
        for batch in ([[0, 1, 2], [0, 2, 2], [1, 1, 0]], [[1, 1], [1, 0], [0.5, 2]]):
            results.append(sess.run(list(updates), dict(zip((labels, found, weights), batch, strict=True))))
            results.append(sess.run(list(values)))
        sess.run(m.local_variables_initializer())
        results.append(sess.run(list(values)))
    return results, [v.name for v in m.local_variables()], [x.name for pair in pairs for x in pair]


def test_metrics_go_over_all_batches():
    results, variables, _ = metrics_of(tf)
    one, two = [2 / 3, 1 / 2, 0.5], [3 / 5, 1.5 / 4.5, (0 + 1 + 0.25) / 4.5]
    for found, expected in zip(results, [[0, 0, 0], one, one, two, two, [0, 0, 0]], strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert variables[:2] == ["accuracy/total:0", "accuracy/count:0"]
    assert tf.global_variables() == []
    assert len(tf.get_collection(tf.GraphKeys.METRIC_VARIABLES)) == 6


def test_metrics_are_tensorflows():
    real = tensorflow()
    ours, theirs = metrics_of(tf), metrics_of(real)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-6)
    assert ours[1:] == theirs[1:]


def test_columns_of_classes_and_other_types():
    value, update = tf.metrics.accuracy(
        tf.constant([[1], [0]]), tf.constant([1.0, 1.0]), metrics_collections=["m"], updates_collections=["u"]
    )
    assert (tf.get_collection("m"), tf.get_collection("u")) == ([value], [update])
    with tf.Session() as sess:
        sess.run(tf.local_variables_initializer())
        assert sess.run(update) == 0.5
    with pytest.raises(ValueError, match=r"same shape; got \(2,\) and \(2, 3\)"):
        tf.metrics.accuracy([1, 0], np.ones((2, 3)))
