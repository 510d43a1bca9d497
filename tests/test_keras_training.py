"""How the Keras face trains: the deck's program, losses and metrics by hand, callbacks, and what goes wrong."""

import math
import re
import sys
import types
import warnings

import numpy as np
import pytest

from dlkit import keras, optim
from dlkit.autograd import Tensor
from dlkit.keras import callbacks, losses, metrics, optimizers
from dlkit.keras.layers import Activation, BatchNormalization, Dense, Dropout, Flatten, Softmax
from dlkit.keras.models import Sequential
from dlkit.keras.utils import to_categorical

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 4)).astype(np.float32)
LABELS = (X @ RNG.standard_normal((4, 3))).argmax(1)
Y = to_categorical(LABELS, 3)


def classifier(seed=0, loss="categorical_crossentropy", optimizer="sgd", compiled_metrics=("accuracy",), **settings):
    model = Sequential([Dense(8, "tanh", input_shape=(4,)), Dense(3, "softmax")], seed=seed, **settings)
    model.compile(optimizer, loss, list(compiled_metrics))
    return model


# The deck


DECK = """
model = Sequential()
model.add(Dense(512, activation='relu', input_shape=(784,)))
model.add(Dropout(0.2))
model.add(Dense(512, activation='relu'))
model.add(Dropout(0.2))
model.add(Dense(10, activation='softmax'))
model.summary()
model.compile(loss='categorical_crossentropy',
              optimizer=RMSprop(),
              metrics=['accuracy'])
history = model.fit(x_train, y_train,
                     batch_size=batch_size,
                     epochs=epochs,
                     verbose=1,
                     validation_data=(x_test, y_test))
score = model.evaluate(x_test, y_test, verbose=0)
"""


def test_the_program_of_the_deck(device, capsys):
    """Line by line, with the imports and the data that the slide leaves out; 8×8 digits resized to 28×28."""
    imports = """
from dlkit.keras.layers import Dense, Dropout
from dlkit.keras.models import Sequential
from dlkit.keras.optimizers import RMSprop
"""
    (x_train, y_train), (x_test, y_test) = keras.datasets.digits.load_data()
    assert x_train.shape[1:] == (28, 28) and x_train.dtype == np.uint8 and x_train.max() == 255
    x_train, x_test = (x.reshape(-1, 784).astype("float32") / 255 for x in (x_train, x_test))
    y_train, y_test = (keras.utils.to_categorical(y, 10) for y in (y_train, y_test))
    names = {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test, "batch_size": 128, "epochs": 6}
    keras.utils.set_random_seed(0)
    program = DECK if device == "numpy" else DECK.replace("Sequential()", f"Sequential(device={device!r})")
    exec(compile(imports + program, "the deck", "exec"), names)
    history, score = names["history"], names["score"]
    assert score[1] > 0.93  # digits are easy; a slip in any part of it leaves far less
    last = [history.history[name][-1] for name in ("val_loss", "val_accuracy")]
    assert last == pytest.approx(score, rel=1e-5)  # other batches, so another order of summation
    assert list(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"] and history.epoch == [*range(6)]
    printed = capsys.readouterr().out
    assert "│ dense_2 (Dense)                 │ (None, 10)             │         5,130 │" in printed
    assert " Total params: 669,706 (2.55 MB)" in printed
    bar = (
        r"Epoch 6/6\n12/12 ━{20} \d+s \d+m?s/step - accuracy: 0\.\d{4} - loss: 0\.\d{4} - val_accuracy: 0\.9\d{3} - val"
    )
    assert re.search(bar, printed)


# Losses and metrics by hand. The formulas are Keras's, with its ε = 1e-7.

P = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.2, 0.7, 0.1], [1.0, 0.0, 0.0]], np.float32)
T = np.eye(3, dtype=np.float32)[[0, 2, 0, 1]]
A, B = RNG.standard_normal((2, 4, 3)).astype(np.float32)
EPS = 1e-7
CLIPPED = np.clip(P, EPS, 1 - EPS)
BY_HAND = [
    ("mean_squared_error", A, B, ((A - B) ** 2).mean(1)),
    ("mse", A, B, ((A - B) ** 2).mean(1)),
    ("MeanAbsoluteError", A, B, abs(A - B).mean(1)),
    ("mean_absolute_percentage_error", A, B, 100 * (abs(A - B) / abs(A)).mean(1)),
    ("mean_squared_logarithmic_error", abs(A), abs(B), ((np.log1p(abs(A)) - np.log1p(abs(B))) ** 2).mean(1)),
    ("huber", A, B, np.where(abs(A - B) < 1, (A - B) ** 2 / 2, abs(A - B) - 0.5).mean(1)),
    ("log_cosh", A, B, np.log(np.cosh(A - B)).mean(1)),
    ("poisson", abs(A), abs(B), (abs(B) - abs(A) * np.log(abs(B))).mean(1)),
    ("hinge", np.sign(A), B, np.maximum(0, 1 - np.sign(A) * B).mean(1)),
    ("hinge", (A > 0) * 1.0, B, np.maximum(0, 1 - np.sign(A) * B).mean(1)),
    ("squared_hinge", np.sign(A), B, (np.maximum(0, 1 - np.sign(A) * B) ** 2).mean(1)),
    ("categorical_hinge", T, B, np.maximum(0, 1 + (B * (1 - T)).max(1) - (B * T).sum(1))),
    (
        "kullback_leibler_divergence",
        T,
        P,
        (np.clip(T, EPS, 1) * np.log(np.clip(T, EPS, 1) / np.clip(P, EPS, 1))).sum(1),
    ),
    ("cosine_proximity", A, B, -(A * B).sum(1) / np.linalg.norm(A, axis=1) / np.linalg.norm(B, axis=1)),
    ("categorical_crossentropy", T, P, -np.log(np.clip(P, EPS, 1 - EPS))[range(4), [0, 2, 0, 1]]),
    ("categorical_crossentropy", T, 2 * P, -np.log(np.clip(P, EPS, 1 - EPS))[range(4), [0, 2, 0, 1]]),
    ("sparse_categorical_crossentropy", np.array([0, 2, 0, 1]), P, -np.log(CLIPPED)[range(4), [0, 2, 0, 1]]),
    ("binary_crossentropy", T, P, -(T * np.log(CLIPPED) + (1 - T) * np.log(1 - CLIPPED)).mean(1)),
]


@pytest.mark.parametrize(("name", "y_true", "y_pred", "expected"), BY_HAND, ids=[row[0] for row in BY_HAND])
def test_losses_by_hand(name, y_true, y_pred, expected):
    y_true = y_true if y_true.dtype.kind == "i" else y_true.astype(np.float32)
    loss = losses.get(name)
    np.testing.assert_allclose(loss.each(y_true, y_pred), expected, rtol=2e-5, atol=1e-6)  # float32, logarithms
    through = loss(y_true, Tensor(y_pred))
    np.testing.assert_allclose(through.value, np.mean(expected), rtol=2e-5)
    through.backward()
    np.testing.assert_allclose(
        loss(y_true, y_pred, np.array([2, 0, 0, 2], np.float32)), 2 * (expected[0] + expected[3]) / 4, rtol=2e-5
    )


def test_losses_of_logits_and_smoothed_labels():
    logits = 3 * B
    softmax = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    for name, y in (("CategoricalCrossentropy", T), ("SparseCategoricalCrossentropy", T.argmax(1))):
        loss = getattr(losses, name)(from_logits=True)
        np.testing.assert_allclose(loss(y, logits), -np.log(softmax)[range(4), T.argmax(1)].mean(), rtol=1e-5)
    sigmoid = 1 / (1 + np.exp(-logits))
    expected = -(T * np.log(sigmoid) + (1 - T) * np.log(1 - sigmoid)).mean()
    np.testing.assert_allclose(losses.BinaryCrossentropy(from_logits=True)(T, logits), expected, rtol=1e-5)
    smooth = 0.9 * T + 0.1 / 3
    expected = -(smooth * np.log(softmax)).sum(1).mean()
    np.testing.assert_allclose(losses.CategoricalCrossentropy(label_smoothing=0.1)(T, softmax), expected, rtol=1e-5)
    smooth = 0.9 * T + 0.05
    expected = -(smooth * np.log(sigmoid) + (1 - smooth) * np.log(1 - sigmoid)).mean()
    np.testing.assert_allclose(losses.BinaryCrossentropy(label_smoothing=0.1)(T, sigmoid), expected, rtol=1e-5)


def test_metrics_by_hand():
    def of(name, y_true, y_pred):
        metric = metrics.get(name)
        metric.update_state(y_true, y_pred)
        return metric.result()

    assert of("categorical_accuracy", T, P) == 0.5
    assert of("sparse_categorical_accuracy", T.argmax(1), P) == of(
        "sparse_categorical_accuracy", T.argmax(1)[:, None], P
    )
    assert of("sparse_categorical_accuracy", T.argmax(1), P) == 0.5
    assert of(metrics.TopKCategoricalAccuracy(k=2), T, P) == 1.0
    assert of(metrics.TopKCategoricalAccuracy(k=1), T, P) == 0.5
    assert of(metrics.BinaryAccuracy(threshold=0.65), T, P) == pytest.approx((3 + 2 + 1 + 1) / 12)
    assert of("mse", A, B) == pytest.approx(((A - B) ** 2).mean(), rel=1e-5)
    assert of("cosine_similarity", A, A) == pytest.approx(1, rel=1e-5)  # as a loss it is −1
    metric = metrics.CategoricalAccuracy()
    metric.update_state(T, P, np.array([1, 1, 2, 0], np.float32))
    metric.update_state(T[:1], P[:1])
    assert metric.result() == 3 / 5
    metric.reset_state()
    assert metric.result() == 0


@pytest.mark.parametrize(
    ("y_shape", "outputs", "function"),
    [
        ((5, 1), 1, metrics.binary_accuracy),
        ((5, 3), 3, metrics.categorical_accuracy),
        ((5,), 3, metrics.sparse_categorical_accuracy),
        ((5, 1), 3, metrics.sparse_categorical_accuracy),
    ],
)
def test_accuracy_is_the_one_that_the_labels_ask_for(y_shape, outputs, function):
    for name in ("accuracy", "acc"):
        metric = metrics.get(name, y_shape, outputs)
        assert (metric.function, metric.name) == (function, name)


# Training


@pytest.mark.parametrize("head", [lambda: Activation("softmax"), Softmax, None], ids=["Activation", "Softmax", "Dense"])
@pytest.mark.parametrize("sparse", [False, True])
def test_softmax_and_crossentropy_together_are_what_they_are_apart(head, sparse):
    def train(apart):
        layers = [Dense(8, "tanh", input_shape=(4,)), Dense(3, None if head else "softmax")]
        model = Sequential([*layers, *([head()] if head else [])], seed=1)
        name = ("sparse_" if sparse else "") + "categorical_crossentropy"
        model.compile("sgd", losses.Loss(lambda y, p: getattr(losses, name)(y, p)) if apart else name, ["accuracy"])
        if apart:
            model.loss.labels = losses.get(name).labels
        assert model._joined is not apart
        history = model.fit(X, LABELS if sparse else Y, epochs=3, shuffle=False, verbose=0)
        return [*model.get_weights(), *history.history.values()]

    for a, b in zip(train(False), train(True), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)  # six steps in float32


def test_beyond_keras_epsilon_the_loss_is_keras_flat_one():
    """A class of probability e⁻³⁰ costs −log 1e-7 and teaches nothing, in Keras."""
    model = Sequential([Dense(2, "softmax", input_shape=(1,))])
    model.set_weights([[[30.0, 0.0]], [0.0, 0.0]])
    model.compile(optimizers.SGD(1.0), "categorical_crossentropy")
    assert model.train_on_batch([[1.0]], [[0.0, 1.0]]) == pytest.approx(-math.log(1e-7), rel=1e-6)
    assert model.get_weights()[0].tolist() == [[30.0, 0.0]]
    model.set_weights([[[10.0, 0.0]], [0.0, 0.0]])
    assert model.train_on_batch([[1.0]], [[0.0, 1.0]]) == pytest.approx(10.0000454, rel=1e-6)
    assert model.get_weights()[0][0] == pytest.approx([9.0000454, 0.9999546], rel=1e-5)


def test_a_step_by_hand():
    model = Sequential([Dense(1, input_shape=(2,), kernel_regularizer=keras.regularizers.l2(0.5))])
    model.set_weights([[[1.0], [-1.0]], [0.5]])
    model.compile(optimizers.SGD(0.1), "mse", ["mae"])
    x, y = np.array([[1.0, 2.0], [3.0, 0.0]]), np.array([1.0, 1.0])
    # Outputs −0.5 and 3.5, errors −1.5 and 2.5: mean square (2.25 + 6.25)/2 = 4.25, penalty 0.5·2 = 1.
    assert model.train_on_batch(x, y) == pytest.approx([5.25, 2.0])
    # ∂/∂w = (−1.5·(1, 2) + 2.5·(3, 0)) + w = (6 + 1, −3 − 1), ∂/∂b = 1.
    assert [w.ravel().tolist() for w in model.get_weights()] == [pytest.approx([0.3, -0.6]), pytest.approx([0.4])]
    # The next step has a gradient of its own, nothing of the first one's.
    w, b = np.array([0.3, -0.6]), 0.4
    error = x @ w + b - y
    model.train_on_batch(x, y)
    expected = [w - 0.1 * (x.T @ error + w), [b - 0.1 * error.sum()]]
    assert [a.ravel().tolist() for a in model.get_weights()] == [pytest.approx(list(e), rel=1e-5) for e in expected]


def test_weights_of_samples_and_classes():
    def after(**settings):
        model = classifier()
        model.compile("sgd", "categorical_crossentropy", ["accuracy"], ["accuracy"] if "weighted" in settings else None)
        settings.pop("weighted", None)
        history = model.fit(X, Y, epochs=1, batch_size=60, verbose=0, **settings)
        return model.get_weights()[0], history.history["loss"][0]

    rare = np.where(LABELS == 1, 3.0, 1.0)
    by_class, by_sample = after(class_weight={1: 3.0}), after(sample_weight=rare)
    np.testing.assert_array_equal(by_class[0], by_sample[0])
    assert by_class[1] == by_sample[1] != after()[1]
    both = after(class_weight={1: 3.0}, sample_weight=rare)
    np.testing.assert_array_equal(both[0], after(sample_weight=rare**2)[0])
    model = classifier()
    p = model.predict(X)
    each = -np.log((p * Y).sum(1))
    assert model.evaluate(X, Y, 60, 0, rare)[0] == pytest.approx(
        (rare * each).mean(), rel=1e-5
    )  # divided by n, as Keras
    right = p.argmax(1) == LABELS
    model.compile("sgd", "categorical_crossentropy", weighted_metrics=["accuracy"])
    assert model.evaluate(X, Y, 60, 0, rare)[1] == pytest.approx((rare * right).sum() / rare.sum(), rel=1e-5)


def test_averages_of_an_epoch_are_over_samples_not_batches():
    model = classifier()
    at_once, in_parts = (model.evaluate(X, Y, batch_size=n, verbose=0) for n in (60, 7))
    assert at_once == pytest.approx(in_parts, rel=1e-6)
    assert model.evaluate(X, Y, verbose=0, return_dict=True) == pytest.approx(
        {"loss": at_once[0], "accuracy": at_once[1]}, rel=1e-6
    )
    assert model.metrics_names == ["loss", "accuracy"]
    assert model.test_on_batch(X, Y) == pytest.approx(at_once, rel=1e-6)
    model.compile("sgd", "categorical_crossentropy")
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(at_once[0], rel=1e-6)


def test_validation_split_takes_the_last_samples():
    split, given = classifier(), classifier()
    a = split.fit(X, Y, epochs=2, validation_split=0.25, verbose=0)
    b = given.fit(X[:45], Y[:45], epochs=2, validation_data=(X[45:], Y[45:]), verbose=0)
    assert a.history == b.history and len(a.history["val_loss"]) == 2


def test_batches_are_shuffled_by_the_models_seed():
    def after(seed, **settings):
        model = classifier(seed)
        start = classifier(0).get_weights()
        model.set_weights(start)
        model.fit(X, Y, batch_size=10, epochs=1, verbose=0, **settings)
        return model.get_weights()[0]

    np.testing.assert_array_equal(after(1), after(1))
    assert (after(1) != after(2)).any() and (after(1) != after(1, shuffle=False)).any()
    np.testing.assert_array_equal(after(1, shuffle=False), after(2, shuffle=False))


def test_devices_agree(device):
    def losses_on(where):
        layers = [Dense(8, "relu", input_shape=(4,)), BatchNormalization(), Dropout(0.3), Dense(3, "softmax")]
        model = Sequential(layers, seed=0)
        model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"], device=where)
        history = model.fit(X, LABELS, epochs=3, verbose=0)
        return history.history["loss"], model.predict(X)

    (here, p), (there, q) = losses_on("numpy"), losses_on(device)
    if device == "cuda":  # which draws other masks
        assert np.isfinite(there).all() and q.shape == p.shape
    else:
        np.testing.assert_allclose(here, there, rtol=1e-4)
        np.testing.assert_allclose(p, q, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("sgd", optim.GradientDescent),
        ("RMSprop", optim.RMSProp),
        ("rmsprop", optim.RMSProp),
        ("adagrad", optim.Adagrad),
        ("Adadelta", optim.Adadelta),
        ("adam", optim.Adam),
        ("adamw", optim.AdamW),
        ("adamax", optim.Adamax),
        ("nadam", optim.Nadam),
        ("ftrl", optim.Ftrl),
    ],
)
def test_every_optimizer_is_a_rule_in_kerass_convention_and_trains(name, rule):
    model = classifier(optimizer=name)
    assert type(model.optimizer.rule) is rule and model.optimizer.rule.convention == "keras"
    before = model.get_weights()[0]
    model.fit(X, Y, epochs=2, verbose=0)
    assert model.optimizer.iterations == 4 and (model.get_weights()[0] != before).any()
    again = optimizers.deserialize(optimizers.serialize(model.optimizer))
    assert repr(again.rule) == repr(model.optimizer.rule)


def test_optimizers_in_the_words_of_keras_2():
    sgd = optimizers.SGD(lr=0.1, decay=0.5, momentum=0.9, nesterov=True)
    assert repr(sgd.rule) == repr(optim.Momentum(optim.InverseTime(0.1, 2.0), 0.9, nesterov=True, convention="keras"))
    assert [sgd.rule.rate(t) for t in (1, 2, 3)] == pytest.approx([0.1, 0.1 / 1.5, 0.1 / 2])
    assert optimizers.deserialize(optimizers.serialize(sgd)).rule.rate == sgd.rule.rate
    adam = optimizers.Adam(lr=0.01, beta_1=0.8, epsilon=1e-8, amsgrad=False)
    assert (adam.learning_rate, adam.rule.beta1, adam.rule.epsilon) == (0.01, 0.8, 1e-8)
    adam.learning_rate = 0.5
    assert adam.rule.rate(1) == adam.lr == 0.5
    rmsprop = optimizers.RMSprop(0.01, 0.8, 0.5, 1e-6, True)  # in Keras's order
    assert (rmsprop.rule.rho, rmsprop.rule.momentum, rmsprop.rule.epsilon) == (0.8, 0.5, 1e-6) and rmsprop.rule.centered
    assert repr(optimizers.deserialize(optimizers.serialize(rmsprop)).rule) == repr(rmsprop.rule)
    model = classifier(optimizer=optim.Adam(0.01))
    assert model.optimizer.rule.convention == "torch"  # a rule as it is


def test_gradients_are_clipped():
    g = [np.array([3.0, 4.0]), np.array([0.3, 0.4]), None]
    assert np.allclose(optimizers.SGD(clipnorm=1.0)._clipped(g)[0], [0.6, 0.8])
    assert optimizers.SGD(clipnorm=1.0)._clipped(g)[1].tolist() == [0.3, 0.4]
    assert optimizers.SGD(clipvalue=0.35)._clipped(g)[1].tolist() == [0.3, 0.35]
    a, b, none = optimizers.SGD(global_clipnorm=1.0)._clipped(g)
    assert none is None and np.hypot(np.linalg.norm(a), np.linalg.norm(b)) == pytest.approx(1)


def test_frozen_layers_stay():
    model = classifier()
    model.layers[0].trainable = False
    model.compile("adam", "categorical_crossentropy")
    before = model.get_weights()
    model.fit(X, Y, epochs=1, verbose=0)
    same = [(a == b).all() for a, b in zip(before, model.get_weights(), strict=True)]
    assert same == [True, True, False, False]


def test_lists_integers_and_columns_will_do():
    model = Sequential([Flatten(input_shape=(2, 2)), Dense(1, "sigmoid")], seed=0)
    model.compile("adam", "binary_crossentropy", ["accuracy"])
    images = (RNG.random((20, 2, 2)) * 255).astype(np.uint8)
    y = (images[:, 0, 0] > 127).astype(int)
    for labels in (y, y.tolist(), y[:, None], y.astype(bool)):
        assert len(model.train_on_batch(images.tolist() if labels is y else images, labels)) == 2
    assert set(model.predict_classes(images).ravel()) <= {0, 1}
    assert model.predict(images, batch_size=3).shape == (20, 1)
    assert model.predict(images).flags.writeable


def test_a_loss_and_a_metric_of_ones_own():
    def quartic(y_true, y_pred):
        return ((y_pred - y_true) ** 4).mean(axis=-1)

    def largest(y_true, y_pred):
        return abs(y_pred - y_true).max()

    model = Sequential([Dense(1, input_shape=(4,))], seed=0)
    model.compile("sgd", quartic, [largest])
    y = X[:, :1]
    loss, most = model.evaluate(X, y, batch_size=60, verbose=0)
    assert loss == pytest.approx(((model.predict(X) - y) ** 4).mean(), rel=1e-4)
    assert most == pytest.approx(abs(model.predict(X) - y).max(), rel=1e-4)
    assert model.fit(X, y, epochs=1, verbose=0).history.keys() == {"loss", "largest"}
    column = model.evaluate(X, y, verbose=0)
    assert model.evaluate(X, y[:, 0], verbose=0) == column  # not (n,) beside (n, 1)
    model.compile("sgd", lambda y_true, y_pred: np.ones(len(y_true), np.float32))
    with pytest.raises(TypeError, match="loss '<lambda>' must be computed from y_pred by operators and operations"):
        model.fit(X, y, verbose=0)


# What is printed


def test_verbosity(capsys):
    model = classifier()
    model.fit(X, Y, epochs=1, verbose=0)
    assert capsys.readouterr().out == ""
    model.fit(X, Y, epochs=2, verbose=2, initial_epoch=1)
    number = r"\d\.\d{4}(e-\d\d)?"
    line = rf"2/2 - 0s - \d+[mu]s/step - accuracy: {number} - loss: {number}\n"
    assert re.fullmatch(r"Epoch 2/2\n" + line, capsys.readouterr().out)
    model.evaluate(X, Y)
    assert re.fullmatch(
        rf"2/2 ━{{20}} 0s \d+[mu]s/step - accuracy: {number} - loss: {number} *\n", capsys.readouterr().out
    )


def test_the_bar_moves_on_a_terminal(monkeypatch, capsys):
    from dlkit.keras import _progress

    monkeypatch.setattr(_progress, "INTERVAL", 0.0)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    bar = _progress.Bar(10, 1)
    bar.update(5, lambda: {"loss": 0.5})
    bar.update(10, lambda: {"loss": 0.4})  # the end prints it
    bar.end({"loss": 0.4, "a": 1e-5})
    first, last = capsys.readouterr().out.split("\r")[1:]
    assert first.startswith(" 5/10 ━━━━━━━━━━────────── 0s ") and first.endswith("/step - loss: 0.5000")
    assert last.startswith("10/10 ━━━━━━━━━━━━━━━━━━━━ 0s ") and last.rstrip().endswith(
        " - loss: 0.4000 - a: 1.0000e-05"
    )


# Callbacks


class Scripted(callbacks.Callback):
    """Puts numbers in place of what was measured."""

    def __init__(self, name, values):
        self.name, self.values = name, values

    def on_epoch_end(self, epoch, logs=None):
        logs[self.name] = self.values[epoch]


def run(values, *others, name="val_loss", **settings):
    model = classifier(**settings)
    history = model.fit(X, Y, epochs=len(values), verbose=0, callbacks=[Scripted(name, values), *others])
    return model, history


def test_callbacks_are_called_in_order():
    calls = []

    class Spy(callbacks.Callback):
        pass

    for name in [name for name in vars(callbacks.Callback) if name.startswith("on_")]:
        setattr(Spy, name, lambda self, *arguments, name=name: calls.append((name, *arguments[:-1])))
    model = classifier()
    model.fit(X, Y, epochs=3, initial_epoch=2, batch_size=40, verbose=0, callbacks=[spy := Spy()])
    assert spy.model is model and spy.params == {"epochs": 3, "steps": 2, "verbose": 0}
    batches = [(f"on_train_batch_{when}", k) for k in range(2) for when in ("begin", "end")]
    ends = [("on_epoch_end", 2), ("on_train_end",)]
    assert calls == [("on_train_begin",), ("on_epoch_begin", 2), *batches, *ends]


def test_early_stopping():
    _, history = run([5, 4, 4.5, 4.2, 3], callbacks.EarlyStopping(patience=2))
    assert history.epoch == [0, 1, 2, 3]
    _, history = run([5, 4, 3.95, 3.92, 3], callbacks.EarlyStopping(min_delta=0.1, patience=1))
    assert history.epoch == [0, 1, 2]
    _, history = run([0.1, 0.2, 0.3, 0.2, 0.9], callbacks.EarlyStopping("val_accuracy"), name="val_accuracy")
    assert history.epoch == [0, 1, 2, 3]
    _, history = run([0.1, 0.2, 0.3], callbacks.EarlyStopping("val_accuracy", mode="min"), name="val_accuracy")
    assert history.epoch == [0, 1]
    _, history = run([5, 5, 5, 5], callbacks.EarlyStopping(patience=2))
    assert history.epoch == [0, 1, 2]
    _, history = run([5, 5, 5, 5], callbacks.EarlyStopping(baseline=1, patience=2))
    assert history.epoch == [0, 1]  # the first epoch did not beat the baseline
    _, history = run([1, 2, 3, 4], callbacks.EarlyStopping(start_from_epoch=2))
    assert history.epoch == [0, 1, 2, 3]


def test_early_stopping_gives_the_best_weights_back():
    seen = []
    spy = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(spy.model.get_weights()[0]))
    model, _ = run([3, 1, 2, 2], spy, callbacks.EarlyStopping(patience=2, restore_best_weights=True))
    assert len(seen) == 4 and (seen[1] != seen[3]).any()
    np.testing.assert_array_equal(model.get_weights()[0], seen[1])


def test_reduce_on_plateau(capsys):
    plateau = callbacks.ReduceLROnPlateau(factor=0.5, patience=2, verbose=1, min_lr=0.003)
    model, history = run([1.0] * 8, plateau)
    # The first epoch is the best; each pair without a better one halves the rate of 0.01.
    assert history.history["learning_rate"] == pytest.approx([0.01, 0.01, 0.01, 0.005, 0.005, 0.003, 0.003, 0.003])
    assert model.optimizer.learning_rate == 0.003
    assert "Epoch 3: ReduceLROnPlateau reducing learning rate to 0.005." in capsys.readouterr().out
    _, history = run([1.0] * 6, callbacks.ReduceLROnPlateau(factor=0.5, patience=1, cooldown=2))
    assert history.history["learning_rate"] == pytest.approx([0.01, 0.01, 0.005, 0.005, 0.0025, 0.0025])


def test_the_rate_by_a_schedule_of_epochs():
    _, history = run([0] * 3, callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1)))
    assert history.history["learning_rate"] == pytest.approx([0.1, 0.05, 0.1 / 3])
    _, history = run([0] * 3, callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2))
    assert history.history["learning_rate"] == pytest.approx([0.005, 0.0025, 0.00125])


def test_checkpoints(tmp_path):
    every = callbacks.ModelCheckpoint(tmp_path / "{epoch:02d}-{val_loss:.1f}.safetensors")
    best = callbacks.ModelCheckpoint(tmp_path / "best.safetensors", save_best_only=True, save_weights_only=True)
    model, _ = run([3, 1, 2], every, best)
    assert {p.name for p in tmp_path.iterdir()} == {
        "best.safetensors", "01-3.0.safetensors", "02-1.0.safetensors", "03-2.0.safetensors"
    }  # fmt: skip
    second = keras.models.load_model(tmp_path / "02-1.0.safetensors")
    model.load_weights(tmp_path / "best.safetensors")
    np.testing.assert_array_equal(model.get_weights()[0], second.get_weights()[0])
    run([1, 1, 1, 1], callbacks.ModelCheckpoint(tmp_path / "p{epoch}", period=2))
    assert {p.name for p in tmp_path.glob("p*")} == {"p2", "p4"}


def test_tensorboard_gets_the_numbers_of_each_epoch(tmp_path, monkeypatch):
    written = []

    class SummaryWriter:
        def __init__(self, log_dir):
            self.part = log_dir.rsplit("/", 1)[-1]

        def add_scalar(self, *what):
            written.append((self.part, *what))

        def add_histogram(self, name, values, epoch):
            written.append((self.part, name, values.shape, epoch))

        def close(self):
            written.append("closed")

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", types.SimpleNamespace(SummaryWriter=SummaryWriter))
    _, history = run([0.5, 0.25], callbacks.TensorBoard(tmp_path, histogram_freq=2))
    loss = history.history["loss"]
    assert written[:3] == [
        ("train", "epoch_accuracy", history.history["accuracy"][0], 0),
        ("train", "epoch_loss", loss[0], 0),
        ("validation", "epoch_loss", 0.5, 0),
    ]
    assert ("train", "dense_1/kernel", (8, 3), 1) in written and written[-2:] == ["closed", "closed"]


def test_tensorboard_says_what_it_needs(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ImportError, match="pip install tensorboard"):
        run([1], callbacks.TensorBoard())


def test_training_can_be_stopped_within_an_epoch():
    class Stop(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            assert logs.keys() == {"accuracy", "loss"}
            self.model.stop_training = batch == 2

    model = classifier()
    history = model.fit(X, Y, batch_size=10, epochs=3, verbose=0, callbacks=[Stop()])
    assert model.optimizer.iterations == 3 and history.epoch == [0]


# One-hot rows


def test_to_categorical():
    assert to_categorical([0, 2, 1]).tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0]]
    assert to_categorical([[1], [0]], 4).tolist() == [[0, 1, 0, 0], [1, 0, 0, 0]]
    assert to_categorical(np.array([[1, 0]])).shape == (1, 2, 2)
    assert to_categorical([], 3).shape == (0, 3) and to_categorical([1.0]).dtype == np.float32
    for x, classes, message in (
        ([0, 3], 3, r"classes 0\.\.2; got 3 at index \(1,\)"),
        ([-1], None, "got -1"),
        ([0.5], None, "whole"),
    ):
        with pytest.raises(ValueError, match=message):
            to_categorical(x, classes)


# What goes wrong


def fit(y=Y, x=X, loss="categorical_crossentropy", **settings):
    return lambda: classifier(loss=loss).fit(x, y, verbose=0, epochs=1, **settings)


BAD_ROWS = Y.copy()
BAD_ROWS[7] = [1, 1, 0]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (fit(LABELS), ValueError, r"shape \(n, 3\) .*got \(60,\) \(class numbers: .*to_categorical\(y, 3\)"),
        (fit(LABELS[:, None]), ValueError, "sparse_categorical_crossentropy"),
        (fit(BAD_ROWS), ValueError, "asks for one-hot rows, .*got a sum of 2.0"),
        (fit(to_categorical(LABELS, 4)), ValueError, r"y must have the shape \(n, 3\).*got \(60, 4\)"),
        (fit(Y, loss="sparse_categorical_crossentropy"), ValueError, r"a class per sample.*\(60, 3\).*one-hot"),
        (fit(LABELS + 1, loss="sparse_categorical_crossentropy"), ValueError, r"classes 0\.\.2, .*; got 3 at index"),
        (fit(LABELS + 0.5, loss="sparse_categorical_crossentropy"), ValueError, "whole numbers"),
        (fit(LABELS, loss="mse"), ValueError, r"y must have the shape \(n, 3\).*Dense\(1\)"),
        (fit(2 * Y, loss="binary_crossentropy"), ValueError, r"y must lie in \[0, 1\].*; got 2.0 at index"),
        (fit(3 * Y, loss="hinge"), ValueError, "y must hold -1 and 1, or 0 and 1"),
        (fit(Y[:-1]), ValueError, r"y must hold a label for each of the 60 samples; got the shape \(59, 3\)"),
        (fit(None), TypeError, "y must be given"),
        (fit(np.array(["a"] * 60)), TypeError, "y must hold numbers; got dtype"),
        (fit(x=X.reshape(-1, 2, 2)), ValueError, r"shape \(n, 4\), as layer 'dense' asks; got \(60, 2, 2\) .*Flat"),
        (fit(x=X[:, :3]), ValueError, r"x must have the shape \(n, 4\).*got \(60, 3\)"),
        (fit(x=X[0], y=Y[:1]), ValueError, r"a single sample is a batch of one: x\[None\]"),
        (fit(x=X[:0], y=Y[:0]), ValueError, "x must hold samples"),
        (fit(batch_size=0), ValueError, "batch_size must be"),
        (fit(validation_split=1.5), ValueError, r"validation_split must be in \(0, 1\)"),
        (fit(validation_split=0.999), ValueError, "leaves none to train on"),
        (fit(validation_data=X), TypeError, "validation_data must be a tuple"),
        (fit(validation_data=(X, LABELS)), ValueError, "y of validation_data must have the shape"),
        (fit(sample_weight=np.ones(3)), ValueError, r"sample_weight must have the shape \(60,\)"),
        (fit(sample_weight=-np.ones(60)), ValueError, "sample_weight must not be negative; got -1.0"),
        (fit(class_weight=[1, 2, 3]), TypeError, "class_weight must be a dict"),
        (fit(nb_epoch=3), TypeError, "fit has no argument 'nb_epoch': Keras 2 and 3 call it 'epochs'"),
        (fit(callbacks=[print]), TypeError, "callbacks must be objects"),
        (lambda: classifier().fit(X, Y, verbose=3), ValueError, "verbose must be"),
        (lambda: Sequential([Dense(3, input_shape=(4,))]).fit(X, Y), RuntimeError, "the model must be compiled first"),
        (lambda: classifier(loss=None).fit(X, Y), RuntimeError, "compiled without a loss"),
        (lambda: classifier(loss="categorical_crossentrop"), ValueError, "Did you mean 'categorical_crossentropy'"),
        (lambda: classifier(loss="squared"), ValueError, "loss must be one that is known; got 'squared'"),
        (lambda: classifier(loss=3), TypeError, "loss must be a name"),
        (lambda: classifier(optimizer="rmspop"), ValueError, "optimizer .*; got 'rmspop'. Did you mean 'RMSprop'"),
        (lambda: classifier(optimizer=0.1), TypeError, "optimizer must be a name"),
        (lambda: classifier(compiled_metrics=["acuracy"]), ValueError, "metric .*; got 'acuracy'. Did you mean 'acc"),
        (lambda: Sequential().compile(los="mse"), TypeError, "compile has no argument 'los'. Did you mean 'loss'"),
        (lambda: Sequential().compile("sgd", "mse", metrics={}), TypeError, "metrics must be a list"),
        (lambda: Sequential().compile("sgd", "mse", device="cuda:99"), ValueError, "device 'cuda:99' is not there"),
        (lambda: optimizers.SGD(learning_rat=1), TypeError, "no argument 'learning_rat'. Did you mean 'learning_rate'"),
        (lambda: optimizers.Adam(amsgrad=True), ValueError, "Adam: amsgrad is not offered"),
        (lambda: optimizers.RMSprop(momentum=1.5), ValueError, r"momentum must be in \[0, 1\); got 1.5"),
        (lambda: optimizers.Adam(centered=False), TypeError, "Adam has no argument 'centered'"),
        (lambda: optimizers.SGD(clipnorm=1, clipvalue=1), ValueError, "only one of clipnorm"),
        (lambda: optimizers.SGD(clipnorm=0), ValueError, "clipnorm must be"),
        (lambda: optimizers.Optimizer("sgd"), TypeError, "rule must be an UpdateRule"),
        (lambda: callbacks.EarlyStopping(mode="up"), ValueError, "mode must be"),
        (lambda: callbacks.LambdaCallback(on_epoch=print), TypeError, "LambdaCallback has no argument 'on_epoch'"),
        (lambda: callbacks.ModelCheckpoint("x", save_freq=10), ValueError, "save_freq must be 'epoch'"),
        (lambda: run([1], callbacks.ModelCheckpoint("{nothing}")), ValueError, "filepath names 'nothing'"),
        (
            lambda: run([1], callbacks.ReduceLROnPlateau(), optimizer=optimizers.SGD(lambda t: 1 / t)),
            ValueError,
            "needs a learning_rate that is a number",
        ),
    ],
)  # fmt: skip
def test_mistakes_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_what_is_watched_must_be_there():
    with pytest.warns(
        UserWarning, match="EarlyStopping watches 'val_loss', .*accuracy, loss; give fit validation_data"
    ):
        classifier().fit(X, Y, epochs=1, verbose=0, callbacks=[callbacks.EarlyStopping()])


def test_a_loss_that_is_no_number_names_the_step_and_the_layer():
    def stack(rate):
        layers = [Dense(8, input_shape=(4,)), Dense(8, name="middle"), Dense(1)]
        model = Sequential(layers, seed=0)
        model.compile(optimizers.SGD(rate), "mse")
        return model

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # numpy's are silenced: the error says more
        expected = r"the loss is (nan|inf) at step \d+ of 2 in epoch \d+: .*smaller learning rate than 1e\+10"
        with pytest.raises(FloatingPointError, match=expected):
            stack(1e10).fit(100 * X, X[:, :1], epochs=50, verbose=0)
    model = stack(0.1)
    weights = model.get_weights()
    weights[2][0, 0] = np.nan
    model.set_weights(weights)
    expected = (
        r"the loss is nan at step 1 of 1 in epoch 1: the first layer whose output is not finite is 'middle' \(Dense\): "
        r"its kernel was no longer finite after an earlier step"
    )
    with pytest.raises(FloatingPointError, match=expected):
        model.fit(X, X[:, :1], batch_size=60, verbose=0)
    model = stack(0.1)
    x = X.copy()
    x[3, 2] = np.inf
    with pytest.raises(FloatingPointError, match="the loss is nan: x itself holds NaN or infinity"):
        model.train_on_batch(x, X[:, :1])
    with pytest.raises(FloatingPointError, match="comes from the loss 'broken' itself"):
        model.compile("sgd", losses.Loss(lambda y, p: p * np.nan, "broken"))
        model.train_on_batch(X, X[:, :1])


def test_a_model_without_weights_to_train():
    model = Sequential([Flatten(input_shape=(4,))])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="no weights to train"):
        model.fit(X, X, verbose=0)
