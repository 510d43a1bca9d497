"""The same programs in TensorFlow itself, by its version 1 face: the same values and gradients to float32's accuracy.

TensorFlow is no dependency (1.6 GB); where it is not installed, nothing here runs.
"""

import os

import numpy as np
import pytest
from tf_table import ROWS

import dlkit.tf as ours

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
theirs = pytest.importorskip("tensorflow.compat.v1", reason="TensorFlow is not installed: pip install tensorflow")


@pytest.fixture(autouse=True)
def graphs():
    with theirs.Graph().as_default(), ours.Graph().as_default():
        yield


def asked(tf, row, dtype, derivatives):
    """The value, and the first and second derivatives, as arrays; None where there is none."""
    points = row.points(dtype)
    xs = [tf.placeholder(x.dtype.name, x.shape) for x in points]
    z = row.call(tf, *xs)
    nodes = [z]
    floats = [x for x in xs if x.dtype.is_floating]
    if derivatives:
        w = np.linspace(0.5, 1.5, int(np.prod(np.shape(row.numpys(*row.points()))))).astype(dtype)
        first = tf.gradients(tf.reduce_sum(tf.reshape(z, [-1]) * w), floats)
        first = [tf.convert_to_tensor(g) for g in first]  # tf.gather's are IndexedSlices there
        nodes += first
        if derivatives > 1:
            second = tf.gradients([tf.square(g) for g in first], floats)
            nodes += [None if g is None else tf.convert_to_tensor(g) for g in second]
    with tf.Session() as sess:
        found = iter(sess.run([x for x in nodes if x is not None], dict(zip(xs, points, strict=True))))
    return z, [None if x is None else next(found) for x in nodes]


@pytest.mark.parametrize("row", [row for row in ROWS if row.theirs], ids=lambda row: row.name.replace(" ", "-"))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_table(row, dtype):
    derivatives = 2 if row.smooth else 0
    if row.name == "nn.softmax_cross_entropy_with_logits_v2":
        derivatives = 1  # the second one by the labels is missing there
    if row.name.startswith("nn.leaky_relu") and dtype == "float64":
        pytest.skip("its slope has 32 bits there")
    (z, got), (reference, expected) = (asked(tf, row, dtype, derivatives) for tf in (ours, theirs))
    assert z.dtype.name == reference.dtype.name
    known = [None if n is None else int(n) for n in reference.shape]
    assert z.shape.as_list() == known or None in z.shape.as_list()  # what TensorFlow folds may be unknown here
    for g, e in zip(got, expected, strict=True):
        if g is None or e is None:  # one says None where the other says 0
            assert not np.any(g if e is None else e)
            continue
        assert g.shape == e.shape
        assert g.dtype == e.dtype
        if e.dtype.kind != "f":
            np.testing.assert_array_equal(g, e)
            continue
        size = max(1.0, np.abs(e).max(initial=0))
        np.testing.assert_allclose(g, e, rtol=0, atol=512 * np.finfo(dtype).eps * size)


def program(tf, rng, steps):
    """A random graph: each step takes one or two of what there is already, matrices of 3 rows and 4 columns."""
    x, y = (tf.placeholder(tf.float32, [None, 4]) for _ in range(2))
    w = tf.constant(rng.standard_normal((4, 4)).astype("f4") / 2)
    there = [x, y]

    def any_of():
        return there[rng.integers(len(there))]

    moves = [
        lambda: any_of() + any_of(),
        lambda: any_of() - 0.5 * any_of(),
        lambda: tf.tanh(any_of()) * any_of(),
        lambda: any_of() / (1.5 + tf.square(any_of())),
        lambda: tf.matmul(any_of(), w),
        lambda: tf.matmul(any_of(), w, transpose_b=True),
        lambda: tf.nn.sigmoid(any_of()),
        lambda: tf.nn.softmax(any_of()),
        lambda: tf.nn.elu(any_of()),
        lambda: tf.nn.relu(any_of()),
        lambda: tf.maximum(any_of(), any_of() - 0.123),
        lambda: tf.exp(-tf.abs(any_of())),
        lambda: tf.sqrt(1.0 + tf.square(any_of())),
        lambda: any_of() - tf.reduce_mean(any_of(), 1, keepdims=True),
        lambda: any_of() * tf.reduce_sum(any_of(), axis=0),
        lambda: tf.concat([any_of()[:, 2:], any_of()[:, :2]], 1),
        lambda: tf.reshape(tf.transpose(tf.reshape(any_of(), [-1, 2, 2]), [0, 2, 1]), [-1, 4]),
        lambda: tf.where(any_of() > 0.1, any_of(), any_of()),
        lambda: tf.stop_gradient(any_of()) * any_of(),
        lambda: tf.nn.log_softmax(any_of()),
        lambda: tf.clip_by_value(any_of(), -1.0, 1.0),
        lambda: tf.gather(any_of(), [3, 0, 1, 1], axis=1),
        lambda: tf.stack(tf.unstack(any_of(), axis=1)[::-1], axis=1),
    ]
    for _ in range(steps):
        there.append(tf.tanh(moves[rng.integers(len(moves))]()))
    loss = tf.reduce_mean(tf.square(tf.add_n(there[-3:]))) + tf.reduce_sum(there[-1][0])
    return x, y, [loss, *there[-2:], *tf.gradients(loss, [x, y])]


@pytest.mark.parametrize("seed", range(25))
def test_random_programs(seed):
    results = []
    for tf in (ours, theirs):
        rng = np.random.default_rng(seed)
        x, y, nodes = program(tf, rng, 12)
        fed = {x: rng.standard_normal((3, 4)), y: rng.standard_normal((3, 4))}
        with tf.Session() as sess:
            found = iter(sess.run([n for n in nodes if n is not None], fed))
        results.append([np.zeros((3, 4), "f4") if n is None else next(found) for n in nodes])
    for g, e in zip(*results, strict=True):
        assert g.dtype == e.dtype == np.float32
        np.testing.assert_allclose(g, e, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize(
    "make",
    [
        lambda train: train.GradientDescentOptimizer(0.1),
        lambda train: train.MomentumOptimizer(0.05, 0.9),
        lambda train: train.MomentumOptimizer(0.05, 0.9, use_nesterov=True),
        lambda train: train.AdagradOptimizer(0.3),
        lambda train: train.AdadeltaOptimizer(1.0),
        lambda train: train.RMSPropOptimizer(0.02),
        lambda train: train.RMSPropOptimizer(0.02, momentum=0.5),
        lambda train: train.RMSPropOptimizer(0.02, centered=True),
        lambda train: train.RMSPropOptimizer(0.02, 0.8, 0.5, 1e-8, False, True),
        lambda train: train.AdamOptimizer(0.05),
        lambda train: train.FtrlOptimizer(0.3, l1_regularization_strength=0.01, l2_regularization_strength=0.01),
    ],
)
def test_training(make):
    """Thirty steps of a network on the same data from the same weights."""
    rng = np.random.default_rng(0)
    data, labels = rng.standard_normal((50, 6)).astype("f4"), rng.integers(0, 3, 50)
    start = [rng.standard_normal(shape).astype("f4") / 2 for shape in ((6, 8), (8,), (8, 3), (3,))]
    found = []
    for tf in (ours, theirs):
        x, y = tf.placeholder(tf.float32, [None, 6]), tf.placeholder(tf.int64, [None])
        w, b, v, c = weights = [tf.Variable(s) for s in start]
        logits = tf.matmul(tf.nn.tanh(tf.matmul(x, w) + b), v) + c
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))
        count = tf.Variable(0, trainable=False)
        step = make(tf.train).minimize(loss + 0.01 * tf.nn.l2_loss(w), global_step=count)
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            losses = []
            for k in range(30):
                sess.run(step, {x: data[k % 5 :: 5], y: labels[k % 5 :: 5]})
                losses.append(sess.run(loss, {x: data, y: labels}))
            found.append([*sess.run(weights), np.array(losses), sess.run(count)])
    for g, e in zip(*found, strict=True):
        np.testing.assert_allclose(g, e, rtol=1e-4, atol=1e-5)
    assert found[0][-1] == 30


@pytest.mark.parametrize(
    ("call", "at"),
    [
        (lambda tf, x: tf.abs(x), [0.0]),
        (lambda tf, x: tf.nn.relu(x), [0.0]),
        (lambda tf, x: tf.nn.relu6(x), [-1, 0, 1, 6, 7]),
        (lambda tf, x: tf.clip_by_value(x, 0.0, 1.0), [-1, 0, 0.5, 1, 2]),
        (lambda tf, x: tf.nn.leaky_relu(x), [0.0]),
        (lambda tf, x: tf.nn.elu(x), [0.0]),
        (lambda tf, x: tf.reduce_max(x), [1.0, 1.0, 0.0]),
        (lambda tf, x: tf.reduce_prod(x), [0.0, 3.0, 0.0]),
        (lambda tf, x: x**2, [0.0]),
        (lambda tf, x: tf.nn.l2_normalize(x, 0), [0.0, 0.0]),
        (lambda tf, x: tf.nn.softmax_cross_entropy_with_logits_v2(labels=[[1.0, 0.0]], logits=[x]), [500.0, -500.0]),
        (lambda tf, x: tf.nn.sigmoid_cross_entropy_with_logits(labels=tf.ones_like(x), logits=x), [-90.0, 0.0, 90.0]),
    ],
)
def test_at_kinks_and_extremes(call, at):
    found = []
    for tf in (ours, theirs):
        x = tf.placeholder(tf.float32, [len(at)])
        with tf.Session() as sess:
            found.append(sess.run([call(tf, x), tf.gradients(call(tf, x), x)[0]], {x: at}))
    for g, e in zip(*found, strict=True):
        np.testing.assert_allclose(g, e, rtol=1e-6, atol=1e-12)


def test_where_we_differ():
    """What TensorFlow does and we do not, kept here so that it is known; the manual says the same."""
    x, y = ours.placeholder(ours.float32), theirs.placeholder(theirs.float32)
    for tf, at in ((ours, x), (theirs, y)):
        g = tf.gradients(tf.maximum(at, 2.0), at)[0]
        with tf.Session() as sess:
            assert sess.run(g, {at: 2.0}) == (0.5 if tf is ours else 1.0)
    assert ours.gradients(ours.sign(x), x) == [None]
    assert theirs.gradients(theirs.sign(y), y) != [None]
    v = ours.Variable([0.3])
    assert "float32_ref" in repr(v)  # as in version 1, and in the deck
    assert repr(theirs.Variable([0.3])) == "<tf.Variable 'Variable:0' shape=(1,) dtype=float32>"
