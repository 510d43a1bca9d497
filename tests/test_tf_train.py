"""tf.train: schedules and the step that they are functions of; optimizers against their formulas and TensorFlow's."""

import math

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


# ---- the step -------------------------------------------------------------------------------------------------------


def test_there_is_one_global_step():
    assert tf.train.get_global_step() is None
    with tf.name_scope("inside"), tf.variable_scope("scope"):
        step = tf.train.get_or_create_global_step()
    assert (step.name, step.dtype, step.trainable) == ("global_step:0", tf.int64, False)
    assert tf.train.get_or_create_global_step() is step is tf.train.get_global_step()
    assert tf.global_variables() == [step]
    with pytest.raises(ValueError, match='"global_step" already exists'):
        tf.train.create_global_step()


def test_a_step_by_another_way_is_found_by_its_name():
    step = tf.Variable(0, name="global_step", trainable=False)
    assert tf.train.get_global_step() is step


def test_steps_are_counted():
    w = tf.Variable(1.0)
    step = tf.train.create_global_step()
    train = tf.train.GradientDescentOptimizer(0.1).minimize(w * w, global_step=step)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(3):
            sess.run(train)
        assert tf.train.global_step(sess, step) == 3


# ---- schedules ------------------------------------------------------------------------------------------------------

PI = math.pi


def cycled(t, T, low, power):
    length = T * (1 if t == 0 else math.ceil(t / T))
    return (0.1 - low) * (1 - t / length) ** power + low


SCHEDULES = {
    "exponential": (lambda m, t: m.exponential_decay(0.1, t, 7, 0.9), lambda t: 0.1 * 0.9 ** (t / 7)),
    "stairs": (lambda m, t: m.exponential_decay(0.1, t, 7, 0.9, staircase=True), lambda t: 0.1 * 0.9 ** (t // 7)),
    "inverse": (lambda m, t: m.inverse_time_decay(0.1, t, 7, 0.5), lambda t: 0.1 / (1 + 0.5 * t / 7)),
    "inverse stairs": (lambda m, t: m.inverse_time_decay(0.1, t, 7, 0.5, True), lambda t: 0.1 / (1 + 0.5 * (t // 7))),
    "natural": (lambda m, t: m.natural_exp_decay(0.1, t, 7, 0.5), lambda t: 0.1 * math.exp(-0.5 * t / 7)),
    "natural stairs": (
        lambda m, t: m.natural_exp_decay(0.1, t, 7, 0.5, staircase=True),
        lambda t: 0.1 * math.exp(-0.5 * (t // 7)),
    ),
    "line": (lambda m, t: m.polynomial_decay(0.1, t, 20), lambda t: (0.1 - 1e-4) * (1 - min(t, 20) / 20) + 1e-4),
    "parabola": (
        lambda m, t: m.polynomial_decay(0.1, t, 20, 0.01, power=2.0),
        lambda t: 0.09 * (1 - min(t, 20) / 20) ** 2 + 0.01,
    ),
    "cycles": (
        lambda m, t: m.polynomial_decay(0.1, t, 10, 0.01, power=0.5, cycle=True),
        lambda t: cycled(t, 10, 0.01, 0.5),
    ),
    "pieces": (
        lambda m, t: m.piecewise_constant(t, [7, 20], [0.1, 0.05, 0.01]),
        lambda t: 0.1 if t <= 7 else 0.05 if t <= 20 else 0.01,
    ),
    "cosine": (
        lambda m, t: m.cosine_decay(0.1, t, 20, alpha=0.1),
        lambda t: 0.1 * (0.9 * 0.5 * (1 + math.cos(PI * min(t, 20) / 20)) + 0.1),
    ),
}
STEPS = [0, 1, 6, 7, 8, 10, 14, 19, 20, 21, 35, 100]


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_are_their_formulas(name):
    make, formula = SCHEDULES[name]
    step = tf.placeholder(tf.int64, [])
    rate = make(tf.train, step)
    assert rate.dtype is tf.float32
    with tf.Session() as sess:
        found = [sess.run(rate, {step: t}) for t in STEPS]
    np.testing.assert_allclose(found, [formula(t) for t in STEPS], rtol=2e-6)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_are_tensorflows(name):
    real = tensorflow()
    make, _ = SCHEDULES[name]
    ours, theirs = tf.placeholder(tf.int64, []), real.placeholder(real.int64, [])
    rate, peer = make(tf.train, ours), make(real.train, theirs)
    with tf.Session() as sess, real.Session() as other:
        found = [sess.run(rate, {ours: t}) for t in STEPS]
        expected = [other.run(peer, {theirs: t}) for t in STEPS]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_an_optimizer_follows_its_schedule():
    w = tf.Variable(0.0)
    step = tf.train.create_global_step()
    rate = tf.train.exponential_decay(1.0, step, 2, 0.5, staircase=True)
    train = tf.train.GradientDescentOptimizer(rate).minimize(-w, global_step=step)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        found = [sess.run([train, w])[1] for _ in range(6)]
    assert np.diff([0, *found]).tolist() == [1, 1, 0.5, 0.5, 0.25, 0.25]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: tf.train.exponential_decay(0.1, None, 10, 0.9), ValueError, "global_step is required"),
        (lambda: tf.train.exponential_decay(0.1, 0, 0, 0.9), ValueError, "decay_steps must be > 0; got 0"),
        (lambda: tf.train.cosine_decay("fast", 0, 10), TypeError, "tensor holds numbers"),
        (lambda: tf.train.cosine_decay(0.1, [1, 2], 10), ValueError, "global_step must be a single number"),
        (lambda: tf.train.piecewise_constant(0, [1, 2], [0.1, 0.2]), ValueError, "got 2 and 2"),
        (lambda: tf.train.piecewise_constant(0, [2, 1], [0.1, 0.2, 0.3]), ValueError, "boundaries must rise"),
        (lambda: tf.train.piecewise_constant(0, [1.5], [0.1, 0.2]), ValueError, "boundaries must be int32"),
    ],
)
def test_schedules_refuse_what_makes_no_sense(call, error, message):
    with pytest.raises(error, match=message):
        call()


# ---- optimizers -----------------------------------------------------------------------------------------------------


def descent(x, g, s, t):
    return x - 0.05 * g


def momentum(x, g, s, t):
    s["v"] = 0.9 * s.get("v", 0) + g
    return x - 0.05 * s["v"]


def nesterov(x, g, s, t):
    s["v"] = 0.9 * s.get("v", 0) + g
    return x - 0.05 * (g + 0.9 * s["v"])


def adagrad(x, g, s, t):
    s["G"] = s.get("G", 0.1) + g**2
    return x - 0.05 * g / np.sqrt(s["G"])


def adadelta(x, g, s, t):
    s["G"] = 0.95 * s.get("G", 0) + 0.05 * g**2
    step = g * np.sqrt(s.get("D", 0) + 1e-6) / np.sqrt(s["G"] + 1e-6)
    s["D"] = 0.95 * s.get("D", 0) + 0.05 * step**2
    return x - 0.5 * step


def rmsprop(x, g, s, t):
    s["v"] = 0.9 * s.get("v", np.ones_like(x)) + 0.1 * g**2
    return x - 0.01 * g / np.sqrt(s["v"] + 1e-10)


def rmsprop_momentum(x, g, s, t):
    s["v"] = 0.9 * s.get("v", np.ones_like(x)) + 0.1 * g**2
    s["d"] = 0.5 * s.get("d", 0) + 0.01 * g / np.sqrt(s["v"] + 1e-10)
    return x - s["d"]


def rmsprop_centered(x, g, s, t):
    s["v"] = 0.8 * s.get("v", np.ones_like(x)) + 0.2 * g**2
    s["m"] = 0.8 * s.get("m", 0) + 0.2 * g
    s["d"] = 0.5 * s.get("d", 0) + 0.01 * g / np.sqrt(s["v"] - s["m"] ** 2 + 1e-4)
    return x - s["d"]


def adam(x, g, s, t):
    s["m"] = 0.9 * s.get("m", 0) + 0.1 * g
    s["v"] = 0.999 * s.get("v", 0) + 0.001 * g**2
    return x - 0.01 * math.sqrt(1 - 0.999**t) / (1 - 0.9**t) * s["m"] / (np.sqrt(s["v"]) + 1e-8)


def ftrl(x, g, s, t):
    n, z = s.get("n", np.full_like(x, 0.1)), s.get("z", 0)
    more = n + g**2
    z = z + g - (np.sqrt(more) - np.sqrt(n)) / 0.1 * x
    s["n"], s["z"] = more, z
    inside = np.sign(z) * 0.01 - z
    return np.where(np.abs(z) > 0.01, inside / (np.sqrt(more) / 0.1 + 2 * 0.02), 0)


OPTIMIZERS = {
    "GradientDescent": (lambda m: m.GradientDescentOptimizer(0.05), descent),
    "Momentum": (lambda m: m.MomentumOptimizer(0.05, 0.9), momentum),
    "Nesterov": (lambda m: m.MomentumOptimizer(0.05, 0.9, use_nesterov=True), nesterov),
    "Adagrad": (lambda m: m.AdagradOptimizer(0.05), adagrad),
    "Adadelta": (lambda m: m.AdadeltaOptimizer(0.5, epsilon=1e-6), adadelta),
    "RMSProp": (lambda m: m.RMSPropOptimizer(0.01), rmsprop),
    "RMSProp with momentum": (lambda m: m.RMSPropOptimizer(0.01, momentum=0.5), rmsprop_momentum),
    "RMSProp centered": (lambda m: m.RMSPropOptimizer(0.01, 0.8, 0.5, 1e-4, False, True), rmsprop_centered),
    "Adam": (lambda m: m.AdamOptimizer(0.01), adam),
    "Ftrl": (
        lambda m: m.FtrlOptimizer(0.1, l1_regularization_strength=0.01, l2_regularization_strength=0.02),
        ftrl,
    ),
}


def problem():
    """Return a problem of least squares: X, y, and weights to start with."""
    rng = np.random.default_rng(1)
    X = rng.standard_normal((20, 4))
    return X, X @ np.array([[1.0], [-2.0], [0.5], [0.0]]) + 0.1 * rng.standard_normal((20, 1)), np.full((4, 1), 0.3)


def trained(module, make, steps, dtype):
    """Return the weights after so many steps of a module's optimizer: dlkit's, or TensorFlow's."""
    X, y, start = problem()
    w = module.Variable(start.astype(dtype), name="w")
    loss = module.reduce_mean(module.square(module.matmul(module.constant(X.astype(dtype)), w) - y.astype(dtype)))
    train = make(module.train).minimize(loss)
    with module.Session() as sess:
        sess.run(module.global_variables_initializer())
        for _ in range(steps):
            sess.run(train)
        return sess.run(w)


@pytest.mark.parametrize("steps", [1, 100])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_are_their_formulas(name, steps):
    make, formula = OPTIMIZERS[name]
    X, y, x = problem()
    state = {}
    for t in range(1, steps + 1):
        x = formula(x, 2 * X.T @ (X @ x - y) / len(y), state, t)
    np.testing.assert_allclose(trained(tf, make, steps, np.float64), x, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(trained(tf, make, steps, np.float32), x, rtol=2e-4, atol=2e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("steps", [1, 100])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_are_tensorflows(name, steps, dtype):
    real = tensorflow()
    make, _ = OPTIMIZERS[name]
    ours, theirs = trained(tf, make, steps, dtype), trained(real, make, steps, dtype)
    # TensorFlow keeps the rates as float32, for weights of float64 too: there they differ in the eighth digit.
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=3e-7)
