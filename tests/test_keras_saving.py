"""Models of the Keras face in files: what comes back, going on from there, and files that do not fit."""

import json

import numpy as np
import pytest
from safetensors import safe_open

from dlkit import checkpoint, keras
from dlkit.keras import callbacks, constraints, initializers, losses, optimizers, regularizers
from dlkit.keras.layers import (
    ELU,
    Activation,
    BatchNormalization,
    Dense,
    Dropout,
    Flatten,
    Layer,
    LeakyReLU,
    Maxout,
    MaxoutDense,
    ReLU,
    Reshape,
    Softmax,
)
from dlkit.keras.models import Sequential, load_model, model_from_json

RNG = np.random.default_rng(0)
X = RNG.standard_normal((48, 4)).astype(np.float32)
LABELS = (X[:, 0] > 0).astype(int)
SPARSE = "sparse_categorical_crossentropy"


def network(optimizer="adam", **settings):
    layers = [Dense(8, "relu", input_shape=(4,)), BatchNormalization(), Dropout(0.3), Dense(2, "softmax")]
    model = Sequential(layers, seed=1, **settings)
    model.compile(optimizer, SPARSE, ["accuracy"])
    return model


@pytest.mark.parametrize(
    "optimizer",
    [
        "sgd",
        "adam",
        "rmsprop",
        "adadelta",
        optimizers.SGD(0.1, momentum=0.9, decay=0.1),
        optimizers.RMSprop(0.01, momentum=0.9, centered=True),
    ],
)
def test_going_on_from_a_file_is_not_having_stopped(tmp_path, device, optimizer):
    """Weights, averages of normalization, state of the optimizer, masks of dropout, order of samples: all go on."""
    if not isinstance(optimizer, str):
        optimizer = optimizers.deserialize(optimizers.serialize(optimizer))
    path = tmp_path / "model.safetensors"
    model = network(optimizer, device=device)
    model.fit(X, LABELS, batch_size=16, epochs=2, verbose=0)
    model.save(path)
    history = model.fit(X, LABELS, batch_size=16, epochs=4, initial_epoch=2, verbose=0)
    again = load_model(path, device=device)
    resumed = again.fit(X, LABELS, batch_size=16, epochs=4, initial_epoch=2, verbose=0)
    assert resumed.history == history.history and resumed.epoch == [2, 3]
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_saving_changes_nothing(tmp_path):
    saved, not_saved = network(), network()
    saved.fit(X, LABELS, epochs=2, verbose=0, callbacks=[callbacks.ModelCheckpoint(tmp_path / "m.safetensors")])
    not_saved.fit(X, LABELS, epochs=2, verbose=0)
    np.testing.assert_array_equal(saved.get_weights()[0], not_saved.get_weights()[0])


def test_a_model_may_come_back_elsewhere(tmp_path, device):
    model = network(device="numpy")
    model.fit(X, LABELS, epochs=1, verbose=0)
    model.save(tmp_path / "m")
    again = load_model(tmp_path / "m", device=device)
    assert again.device.startswith(device)
    np.testing.assert_allclose(again.predict(X), model.predict(X), rtol=1e-5, atol=1e-6)
    again.fit(X, LABELS, epochs=1, verbose=0)  # the optimizer's state came along
    assert again.optimizer.iterations == 4


def test_every_layer_and_setting_comes_back(tmp_path):
    model = Sequential(
        [
            Reshape((2, 2), input_shape=(4,), name="first"),
            Flatten(),
            Dense(
                6,
                "swish",
                kernel_initializer=initializers.VarianceScaling(2.0, "fan_out", "uniform", seed=4),
                bias_initializer=initializers.Constant(0.1),
                kernel_regularizer=regularizers.l1_l2(0.1, 0.2),
                bias_regularizer=regularizers.L1(0.3),
                kernel_constraint=constraints.MaxNorm(3.0),
                bias_constraint="NonNeg",
            ),
            BatchNormalization(momentum=0.8, epsilon=0.01, scale=False, beta_regularizer="l2", name="norm"),
            LeakyReLU(0.2),
            Dropout(0.4, noise_shape=(None, 1), seed=3),
            Dense(8, use_bias=False, trainable=False),
            ELU(0.7),
            Maxout(4),
            ReLU(),
            MaxoutDense(3, pieces=3),
            Activation("tanh"),
            Softmax(),
        ],
        name="all of them",
    )
    model.compile(
        optimizers.AdamW(0.002, weight_decay=0.1, clipnorm=2.0),
        losses.CategoricalCrossentropy(label_smoothing=0.1),
        ["accuracy", "mse"],
        ["acc"],
    )
    model.save(tmp_path / "m")
    again = load_model(tmp_path / "m")
    assert again.get_config() == model.get_config() and again.name == "all of them"
    assert [layer.trainable for layer in again.layers].count(False) == 1
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert again.loss.get_config() == model.loss.get_config() and again._compiled == model._compiled
    assert optimizers.serialize(again.optimizer) == optimizers.serialize(model.optimizer)
    assert sum(layer.penalty().value for layer in again.layers if layer._regularizers) == pytest.approx(
        sum(layer.penalty().value for layer in model.layers if layer._regularizers)
    )
    copy = model_from_json(model.to_json())
    assert copy.get_config() == model.get_config() and copy.optimizer is None
    with pytest.raises(RuntimeError, match="compiled first"):
        load_model(tmp_path / "m", compile=False).evaluate(X, X, verbose=0)


def test_the_file_holds_arrays_and_json_and_is_no_pickle(tmp_path):
    network().save(tmp_path / "m")
    with safe_open(tmp_path / "m", framework="numpy") as file:
        names, header = set(file.keys()), json.loads(file.metadata()["dlkit"])
    assert {"dense/kernel", "dense/bias", "batch_normalization/moving_variance", "dense_1/bias"} < names
    assert header["config"]["layers"][0]["config"]["units"] == 8
    assert header["compiled"]["loss"]["class_name"] == "SparseCategoricalCrossentropy"


def test_weights_alone(tmp_path):
    model = network()
    model.save_weights(tmp_path / "w")
    model.save(tmp_path / "m")
    for name in ("w", "m"):
        other = Sequential(
            [Dense(8, "relu", input_shape=(4,)), BatchNormalization(), Dropout(0.3), Dense(2, "softmax")], seed=2
        )
        assert (other.get_weights()[0] != model.get_weights()[0]).any()
        other.load_weights(tmp_path / name)
        np.testing.assert_array_equal(other.predict(X), model.predict(X))
    with pytest.raises(ValueError, match="holds weights, not a model"):
        load_model(tmp_path / "w")


def test_a_layer_of_ones_own(tmp_path):
    class Double(Layer):
        def call(self, x, training=False):
            return x * 2.0

    model = Sequential([Dense(2, input_shape=(4,)), Double()])
    model.save(tmp_path / "m")
    with pytest.raises(ValueError, match="layer must be one that is known; got 'Double'"):
        load_model(tmp_path / "m")
    again = load_model(tmp_path / "m", custom_objects={"Double": Double})
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_what_has_no_name_is_said_to_be_left_out(tmp_path):
    model = network()
    model.compile("adam", lambda y, p: ((y - p) ** 2).mean(axis=-1))
    with pytest.warns(UserWarning, match="saved without how the model was compiled"):
        model.save(tmp_path / "m")
    assert load_model(tmp_path / "m").optimizer is None
    model.compile("adam", "mse", [lambda y, p: 0.0, "mae"])
    with pytest.warns(UserWarning, match="saved without metrics that were given as objects"):
        model.save(tmp_path / "m")
    assert load_model(tmp_path / "m").metrics_names == ["loss", "mae"]
    with pytest.raises(ValueError, match=r"activation must be one of Keras's .*<lambda>; save_weights writes"):
        Sequential([Dense(2, lambda x: x, input_shape=(4,))]).save(tmp_path / "m")


def test_files_and_models_that_do_not_fit(tmp_path):
    network().save(tmp_path / "m")
    other = Sequential([Dense(8, input_shape=(4,)), Dense(2)])
    with pytest.raises(ValueError, match=r"holds the weights of other layers: it has also batch_normalization/beta"):
        other.load_weights(tmp_path / "m")
    with pytest.raises(ValueError, match=r"it lacks dense_2/kernel, dense_2/bias; it has also"):
        Sequential([Dense(8, input_shape=(4,)), Dense(2), Dense(2)]).load_weights(tmp_path / "m")
    narrow = Sequential([Dense(7, input_shape=(4,)), BatchNormalization(), Dropout(0.3), Dense(2)])
    with pytest.raises(ValueError, match=r"kernel must have the shape \(4, 7\); got \(4, 8\)"):
        narrow.load_weights(tmp_path / "m")
    with pytest.raises(ValueError, match="the model has no weights yet"):
        Sequential([Dense(2)]).save(tmp_path / "m")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        load_model(tmp_path / "none")
    checkpoint.save(tmp_path / "other", {}, {"kind": "something else"})
    with pytest.raises(ValueError, match="holds weights, not a model"):
        load_model(tmp_path / "other")
    with pytest.warns(UserWarning, match=r"m.h5 is written as a safetensors file"):
        network().save(tmp_path / "m.h5")
    assert load_model(tmp_path / "m.h5").built


def test_the_digits_say_what_they_are_and_mnist_what_it_lacks(tmp_path):
    (x, y), (x_test, _) = keras.datasets.digits.load_data()
    assert len(x) + len(x_test) == 1797 and x.shape[1:] == (28, 28) and set(y.tolist()) == set(range(10))
    with pytest.raises(FileNotFoundError, match=r"dlkit\.keras\.datasets\.digits\.load_data\(\)"):
        keras.datasets.mnist.load_data(tmp_path)
