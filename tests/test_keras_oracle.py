"""The Keras face beside Keras 3 on torch: the same weights, data and settings, one step and a hundred.

Keras is no dependency of the course; where it is not installed these tests are skipped. By hand, with what
``make bench`` installs: ``PYTHONPATH=.venv/lib/python3.11/site-packages .venv-bench/bin/python -m pytest`` this file.
"""

import os

import numpy as np
import pytest

from dlkit import keras as ours

os.environ.setdefault("KERAS_BACKEND", "torch")
STEPS = 100

# Sums and products in other orders: a few eps of float32, 1.2e-7, a step. The steps do not amplify them on this
# problem, so a hundred steps are apart by at most a hundred times as much.
ONE, HUNDRED = 1e-6, 2e-5


@pytest.fixture(scope="module")
def theirs():
    pytest.importorskip("torch")
    return pytest.importorskip("keras", reason="the oracle, Keras 3, is installed for benchmarks only")


def problem(seed=0, n=64, inputs=12, classes=4):
    """A little noise on what a network can learn; nothing lies at a kink of ReLU for long."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, inputs)).astype(np.float32)
    labels = (x @ rng.standard_normal((inputs, classes)) + rng.standard_normal((n, classes))).argmax(1)
    return x, labels


def stack(keras, classes=4, batch_normalization=True, regularized=True, head="softmax", inputs=12, bias=True):
    """The same stack in either library; dropout is there and off (rate 0)."""
    layers, penalty = keras.layers, keras.regularizers.L2(1e-3) if regularized else None
    model = keras.Sequential([layers.Input((inputs,)), layers.Dense(16, use_bias=bias, kernel_regularizer=penalty)])
    if batch_normalization:
        model.add(layers.BatchNormalization(momentum=0.9))
    model.add(layers.Activation("relu"))
    model.add(layers.Dropout(0.0))
    model.add(layers.Dense(16, activation="tanh"))
    model.add(layers.Dense(classes, activation=head))
    return model


def both(theirs, device="numpy", **settings):
    """A model of each library with the same weights."""
    mine, yours = stack(ours, **settings), stack(theirs, **settings)
    mine.set_weights(yours.get_weights())
    mine.to(device)
    return mine, yours


def apart(mine, yours):
    """How far the weights are apart, in parts of the largest of each array, or of 1."""
    pairs = zip(mine.get_weights(), yours.get_weights(), strict=True)
    return max(np.abs(a - b).max() / max(1.0, np.abs(b).max()) for a, b in pairs)


OPTIMIZERS = [
    ("SGD", {"learning_rate": 0.05}),
    ("SGD", {"learning_rate": 0.02, "momentum": 0.9}),
    ("SGD", {"learning_rate": 0.02, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"learning_rate": 0.05, "clipnorm": 0.1}),
    ("SGD", {"learning_rate": 0.05, "clipvalue": 0.01}),
    ("SGD", {"learning_rate": 0.05, "global_clipnorm": 0.2}),
    ("RMSprop", {}),
    ("RMSprop", {"momentum": 0.5}),
    ("RMSprop", {"centered": True}),
    ("RMSprop", {"momentum": 0.5, "centered": True, "rho": 0.8, "epsilon": 1e-5}),
    ("Adagrad", {"learning_rate": 0.01}),
    ("Adadelta", {"learning_rate": 1.0}),
    ("Adam", {}),
    ("AdamW", {}),
    ("Adamax", {}),
    ("Nadam", {}),
    ("Ftrl", {"learning_rate": 0.01}),
]


@pytest.mark.parametrize("device", ["numpy", "cpu"])
@pytest.mark.parametrize(("name", "settings"), OPTIMIZERS, ids=lambda v: v if isinstance(v, str) else str(list(v)[1:]))
def test_one_step_and_a_hundred(theirs, name, settings, device):
    x, labels = problem()
    y = ours.utils.to_categorical(labels)
    # Before batch normalization a bias has the gradient 0 but for rounding, of which some rules make whole steps.
    mine, yours = both(theirs, device, bias=False)
    mine.compile(getattr(ours.optimizers, name)(**settings), "categorical_crossentropy", metrics=["accuracy"])
    yours.compile(getattr(theirs.optimizers, name)(**settings), "categorical_crossentropy", metrics=["accuracy"])
    for k in range(STEPS):
        part = slice(16 * (k % 4), 16 * (k % 4) + 16)
        yours.reset_metrics()
        a, b = mine.train_on_batch(x[part], y[part]), yours.train_on_batch(x[part], y[part])
        assert a[1] == pytest.approx(float(b[1])), k
        assert a[0] == pytest.approx(float(b[0]), abs=HUNDRED if k else ONE), k
        if k == 0:
            assert apart(mine, yours) <= ONE
    assert apart(mine, yours) <= HUNDRED
    np.testing.assert_allclose(mine.predict(x), yours.predict(x, verbose=0), atol=HUNDRED)


LOSSES = [
    ("mean_squared_error", "linear", "one-hot"),
    ("mean_absolute_error", "linear", "one-hot"),
    ("mean_squared_logarithmic_error", "sigmoid", "one-hot"),
    ("huber", "linear", "one-hot"),
    ("log_cosh", "linear", "one-hot"),
    ("poisson", "sigmoid", "one-hot"),
    ("hinge", "tanh", "one-hot"),
    ("squared_hinge", "tanh", "one-hot"),
    ("categorical_hinge", "linear", "one-hot"),
    ("kl_divergence", "softmax", "one-hot"),
    ("cosine_similarity", "linear", "one-hot"),
    ("categorical_crossentropy", "softmax", "one-hot"),
    ("categorical_crossentropy", "softmax", "smoothed"),
    ("categorical_crossentropy", "sigmoid", "one-hot"),
    ("sparse_categorical_crossentropy", "softmax", "classes"),
    ("binary_crossentropy", "sigmoid", "one-hot"),
]


@pytest.mark.parametrize(("loss", "head", "labels"), LOSSES, ids=[" ".join(row) for row in LOSSES])
def test_losses_and_their_gradients(theirs, loss, head, labels):
    x, classes = problem()
    one_hot = ours.utils.to_categorical(classes)
    y = {"one-hot": one_hot, "classes": classes, "smoothed": 0.9 * one_hot + np.float32(0.025)}[labels]
    mine, yours = both(theirs, head=head, regularized=False)
    for model in (mine, yours):
        model.compile("sgd", loss, metrics=[loss] if loss not in ("huber", "log_cosh") else ["mse"])  # as Keras lets us
    a, b = (model.fit(x, y, batch_size=16, epochs=3, shuffle=False, verbose=0).history for model in (mine, yours))
    assert list(a) == list(b)
    for name in a:
        np.testing.assert_allclose(a[name], b[name], rtol=1e-5, atol=ONE)
    assert apart(mine, yours) <= HUNDRED


@pytest.mark.parametrize("weighted", ["classes", "samples"])  # both at once Keras refuses
def test_fit_with_everything(theirs, weighted):
    """Weights of samples and classes, validation, metrics, averages of epochs, evaluation."""
    x, labels = problem()
    weights = np.random.default_rng(1).uniform(0.5, 2, len(x)).astype(np.float32)
    mine, yours = both(theirs)
    found = []
    for model in (mine, yours):
        names = ["acc", "mse", "cosine_similarity", "hinge"]
        model.compile("adam", "categorical_crossentropy", metrics=names, weighted_metrics=["accuracy"])
        y = ours.utils.to_categorical(labels)
        settings = {"batch_size": 10, "epochs": 3, "shuffle": False, "verbose": 0}
        settings |= {"class_weight": {1: 2.0, 3: 0.5}} if weighted == "classes" else {"sample_weight": weights}
        history = model.fit(x, y, validation_split=0.2, **settings)
        found.append((history.history, model.evaluate(x, y, sample_weight=weights, verbose=0)))
    (a, evaluated), (b, theirs_evaluated) = found
    assert list(a) == list(b)
    for name in a:
        np.testing.assert_allclose(a[name], b[name], rtol=1e-4, err_msg=name)
    np.testing.assert_allclose(evaluated, theirs_evaluated, rtol=1e-4)


@pytest.mark.parametrize("outputs", ["one", "classes"])
def test_accuracy_is_resolved_alike(theirs, outputs):
    x, labels = problem()
    y = (labels > 1).astype(int) if outputs == "one" else labels
    loss = "binary_crossentropy" if outputs == "one" else "sparse_categorical_crossentropy"
    size, head = (1, "sigmoid") if outputs == "one" else (4, "softmax")
    mine, yours = both(theirs, classes=size, head=head)
    for model in (mine, yours):
        model.compile("sgd", loss, metrics=["accuracy"])
    assert mine.evaluate(x, y, verbose=0) == pytest.approx(yours.evaluate(x, y, verbose=0), rel=1e-5)


def test_learning_rates_fall_alike_on_a_plateau(theirs):
    x, labels = problem()
    rates = []
    for keras, model in zip((ours, theirs), both(theirs), strict=True):
        model.compile("sgd", "sparse_categorical_crossentropy")
        plateau = keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=0.05, cooldown=1)
        stop = keras.callbacks.EarlyStopping("loss", min_delta=0.02, patience=3)
        history = model.fit(x, labels, epochs=25, shuffle=False, verbose=0, callbacks=[plateau, stop])
        rates.append([float(rate) for rate in history.history["learning_rate"]])
    assert rates[0] == pytest.approx(rates[1]) and 3 < len(rates[0]) < 25 and rates[0][-1] < 0.01


def test_activations(theirs):
    x = np.linspace(-4, 4, 41, dtype=np.float32)[None]
    for name in ours.activations._KNOWN:
        a = ours.activations.get(name)(x)
        b = theirs.ops.convert_to_numpy(theirs.activations.get(name)(theirs.ops.convert_to_tensor(x)))
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6, err_msg=name)


def test_the_summary_is_theirs_to_the_letter(theirs):
    printed = []
    for keras in (ours, theirs):
        model = stack(keras)
        model.summary(print_fn=printed.append, line_length=76)
    mine, yours = ([line for line in text.split("\n") if line] for text in printed)
    for a, b in zip(mine[1:], yours[1:], strict=True):
        if "(Dense)" in a or "(Activation)" in a or "(Dropout)" in a or "batch_normalization" in a:
            assert a[35:] == b[35:] and len(a) == len(b)  # their names are counted over all models
        else:
            assert a == b
