"""The layers of the Keras face: what they compute, what they start with, what they refuse; and the stack of them."""

import math
import subprocess
import sys

import numpy as np
import pytest

from dlkit import arrays, keras
from dlkit.autograd import Tensor, no_grad
from dlkit.keras import initializers, regularizers
from dlkit.keras.layers import (
    ELU,
    Activation,
    BatchNormalization,
    Dense,
    Dropout,
    Flatten,
    Input,
    InputLayer,
    Layer,
    LeakyReLU,
    Maxout,
    MaxoutDense,
    ReLU,
    Reshape,
    Softmax,
)
from dlkit.keras.models import Sequential

RNG = np.random.default_rng(0)
X = RNG.standard_normal((6, 4)).astype(np.float32)


def value(x):
    return arrays.to_numpy(x.value if isinstance(x, Tensor) else x)


def test_importing_it_loads_nothing_heavy():
    code = (
        "import sys, dlkit.keras; print([m for m in ('torch', 'matplotlib', 'sklearn', 'safetensors') "
        "if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_paths_of_the_deck_and_of_keras_2():
    from dlkit.keras.callbacks import EarlyStopping  # noqa: F401
    from dlkit.keras.constraints import maxnorm  # noqa: F401
    from dlkit.keras.layers.advanced_activations import LeakyReLU as Leaky
    from dlkit.keras.layers.core import Dense as Core
    from dlkit.keras.layers.core import Dropout as Drop
    from dlkit.keras.layers.normalization import BatchNormalization as Normalization
    from dlkit.keras.optimizers import RMSprop  # noqa: F401
    from dlkit.keras.regularizers import l2  # noqa: F401
    from dlkit.keras.utils.np_utils import to_categorical  # noqa: F401

    assert (Core, Drop, Normalization, Leaky) == (Dense, Dropout, BatchNormalization, LeakyReLU)
    assert keras.layers.Dense is Dense and keras.models.Sequential is keras.Sequential is Sequential


# Dense


def test_dense_is_an_affine_map_and_an_activation(device):
    layer = Dense(3, activation="tanh", seed=1)
    layer.to(device)
    found = layer(X)
    W, b = layer.get_weights()
    assert (W.shape, b.shape, W.dtype) == ((4, 3), (3,), np.float32)
    assert arrays.device_of(found.value).startswith(device)
    np.testing.assert_allclose(value(found), np.tanh(X @ W + b), rtol=1e-5, atol=1e-6)  # sums of 4 products
    assert (layer.input_shape, layer.output_shape, layer.count_params()) == ((None, 4), (None, 3), 15)


def test_dense_without_a_bias_and_on_more_axes():
    layer = Dense(3, use_bias=False)
    x = RNG.standard_normal((2, 5, 4)).astype(np.float32)
    assert layer(x).shape == (2, 5, 3)
    assert layer.bias is None and len(layer.get_weights()) == 1
    np.testing.assert_allclose(value(layer(x)), x @ layer.get_weights()[0], rtol=1e-5, atol=1e-6)


def test_gradients_flow_through_a_stack():
    model = Sequential([Dense(3, "tanh", input_shape=(4,)), BatchNormalization(), MaxoutDense(2)], seed=0)
    kernel = model.layers[0].kernel
    model(X, training=True).sum().backward()
    assert kernel.grad.shape == (4, 3)
    assert abs(kernel.grad).max() > 0


@pytest.mark.parametrize(
    ("layer", "formula"),
    [
        (Activation("relu"), lambda x: np.maximum(x, 0)),
        (ReLU(), lambda x: np.maximum(x, 0)),
        (LeakyReLU(alpha=0.2), lambda x: np.where(x > 0, x, 0.2 * x)),
        (LeakyReLU(), lambda x: np.where(x > 0, x, 0.3 * x)),
        (ELU(0.5), lambda x: np.where(x > 0, x, 0.5 * np.expm1(x))),
        (Softmax(), lambda x: np.exp(x) / np.exp(x).sum(1, keepdims=True)),
        (Activation("sigmoid"), lambda x: 1 / (1 + np.exp(-x))),
        (Activation("softplus"), lambda x: np.log1p(np.exp(x))),
        (Activation("softsign"), lambda x: x / (1 + abs(x))),
        (Activation("swish"), lambda x: x / (1 + np.exp(-x))),
        (Activation("hard_sigmoid"), lambda x: np.clip(x / 6 + 0.5, 0, 1)),
        (Activation("leaky_relu"), lambda x: np.where(x > 0, x, 0.2 * x)),
        (Activation("selu"), lambda x: 1.050701 * np.where(x > 0, x, 1.6732632 * np.expm1(x))),
        (Activation(None), lambda x: x),
        (Activation(lambda x: x * 3), lambda x: 3 * x),
        (Maxout(2), lambda x: np.maximum(x[:, ::2], x[:, 1::2])),
        (Reshape((2, 2)), lambda x: x.reshape(-1, 2, 2)),
    ],
    ids=lambda v: repr(v) if isinstance(v, Layer) else "",
)
def test_layers_without_weights(layer, formula):
    np.testing.assert_allclose(value(layer(X)), formula(X), rtol=1e-5, atol=1e-6)  # float32, a few roundings
    assert layer.output_shape == (None, *value(layer(X)).shape[1:])
    assert layer.get_weights() == []


def test_maxout_layers_agree():
    dense, maxout = Dense(6, seed=3), MaxoutDense(2, pieces=3, seed=3)
    np.testing.assert_array_equal(value(Maxout(2)(dense(X))), value(maxout(X)))
    assert maxout.count_params() == 4 * 6 + 6


def test_flatten():
    images = RNG.standard_normal((5, 3, 2)).astype(np.float32)
    np.testing.assert_array_equal(value(Flatten()(images)), images.reshape(5, 6))


# Dropout


def test_dropout_scales_what_it_keeps_and_is_off_in_use(device):
    layer = Dropout(0.25, seed=5)
    ones = arrays.array(np.ones((400, 300), np.float32), device=device)
    dropped = value(layer(ones, training=True))
    kept = dropped != 0
    np.testing.assert_allclose(dropped[kept], 1 / 0.75, rtol=1e-6)
    # 120,000 decisions: the part that is kept has the standard deviation √(¾·¼/120000) = 0.00125; five of them.
    assert abs(kept.mean() - 0.75) < 5 * 0.00125
    assert abs(kept.mean(0) - 0.75).max() < 6 * math.sqrt(0.75 * 0.25 / 400)  # no column is favoured
    assert (dropped != value(layer(ones, training=True))).any()  # each step draws anew
    assert layer.call(ones) is ones


def test_dropout_is_what_the_seed_says():
    x = np.ones((20, 30), np.float32)
    first, same, other = (value(Dropout(0.5, seed=seed)(x, training=True)) for seed in (1, 1, 2))
    assert (first == same).all() and (first != other).any()
    assert (value(Dropout(0.5)(x, True)) != value(Dropout(0.5)(x, True))).any()


def test_dropout_lets_gradients_through_where_it_lets_values_through():
    x = Tensor(np.ones((30, 20)), dtype="float32")
    y = Dropout(0.5, seed=0)(x, training=True)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, y.value)


def test_dropout_at_the_ends_and_with_one_decision_for_a_row():
    assert Dropout(0.0)(X, training=True) is not None
    np.testing.assert_array_equal(value(Dropout(0.0)(X, training=True)), X)
    np.testing.assert_array_equal(value(Dropout(1.0)(X, training=True)), 0 * X)
    rows = value(Dropout(0.5, noise_shape=(None, 1), seed=1)(np.ones((50, 4), np.float32), training=True))
    assert (rows == rows[:, :1]).all() and 0 < (rows[:, 0] > 0).sum() < 50


# Batch normalization


def test_batch_normalization_by_hand(device):
    layer = BatchNormalization(momentum=0.9, epsilon=0.01)
    layer.to(device)
    x = arrays.array(X, device=device)
    found = value(layer(x, training=True))
    mean, variance = X.mean(0), X.var(0)
    np.testing.assert_allclose(found, (X - mean) / np.sqrt(variance + 0.01), rtol=1e-4, atol=1e-5)
    gamma, beta, moving_mean, moving_variance = layer.get_weights()
    assert (gamma == 1).all() and (beta == 0).all()
    np.testing.assert_allclose(moving_mean, 0.1 * mean, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(moving_variance, 0.9 + 0.1 * variance, rtol=1e-5)  # n, not n − 1
    used = value(layer(x))
    np.testing.assert_allclose(used, (X - moving_mean) / np.sqrt(moving_variance + 0.01), rtol=1e-4, atol=1e-5)
    assert (layer.get_weights()[2] == moving_mean).all()  # use does not move them
    layer.set_weights([2 * gamma, beta + 1, moving_mean, moving_variance])
    np.testing.assert_allclose(value(layer(x)), 2 * used + 1, rtol=1e-5, atol=1e-5)


def test_batch_normalization_of_another_axis_and_without_its_parts():
    x = RNG.standard_normal((5, 3, 4)).astype(np.float32)
    found = value(BatchNormalization(axis=1, center=False, scale=False)(x, training=True))
    mean, variance = x.mean((0, 2), keepdims=True), x.var((0, 2), keepdims=True)
    np.testing.assert_allclose(found, (x - mean) / np.sqrt(variance + 1e-3), rtol=1e-4, atol=1e-5)


def test_batch_normalization_that_is_not_trainable_takes_the_averages():
    layer = BatchNormalization(trainable=False)
    np.testing.assert_allclose(value(layer(X, training=True)), X / np.sqrt(1.001), rtol=1e-5)


def test_the_gradient_of_batch_normalization_sees_through_the_batch():
    """The output's sum does not depend on the input at all: the mean is taken out."""
    x = Tensor(X)
    layer = BatchNormalization()
    layer(x, training=True).sum().backward()
    assert abs(x.grad).max() < 1e-5
    weights = RNG.standard_normal(X.shape)

    def through(x):
        mean = x.mean(axis=0, keepdims=True)
        variance = ((x - mean) ** 2).mean(axis=0, keepdims=True)
        return ((x - mean) / (variance + 1e-3) ** 0.5 * weights).sum()

    y = Tensor(X.astype(np.float64))
    through(y).backward()
    x.grad = None
    (layer(x, training=True) * weights.astype(np.float32)).sum().backward()
    np.testing.assert_allclose(x.grad, y.grad, rtol=1e-3, atol=1e-4)


# What weights start with


@pytest.mark.parametrize(
    ("name", "variance", "bound"),
    [
        ("glorot_uniform", 2 / 500, math.sqrt(6 / 500)),
        ("glorot_normal", 2 / 500, 2 * math.sqrt(2 / 500) / 0.8796),
        ("he_normal", 2 / 300, 2 * math.sqrt(2 / 300) / 0.8796),
        ("he_uniform", 2 / 300, math.sqrt(6 / 300)),
        ("lecun_normal", 1 / 300, 2 * math.sqrt(1 / 300) / 0.8796),
        ("lecun_uniform", 1 / 300, math.sqrt(3 / 300)),
        ("RandomNormal", 0.05**2, 5.5 * 0.05),
        ("uniform", 0.1**2 / 12, 0.05),
        ("truncated_normal", (0.05 * 0.8796) ** 2, 0.1),
    ],
)
def test_initializers_have_their_variance_and_their_bounds(name, variance, bound):
    W = initializers.get(name)((300, 200), np.random.default_rng(0))
    assert W.dtype == np.float32 and W.shape == (300, 200)
    # Of 60,000 numbers; the variance's own standard deviation is at most √(2/60000) = 0.6 %: five of them.
    assert abs(W.var() / variance - 1) < 0.03
    assert abs(W).max() <= bound * 1.0001
    assert abs(W).max() > 0.9 * bound or name == "RandomNormal"
    assert abs(W.mean()) < 5 * math.sqrt(variance / 60000)


def test_initializers_by_name_object_seed_and_description():
    rng = np.random.default_rng
    assert (initializers.get("zeros")((2, 2), rng(0)) == 0).all() and (
        initializers.get("ones")((2,), rng(0)) == 1
    ).all()
    assert (initializers.Constant(0.5)((2,), rng(0)) == 0.5).all()
    seeded = initializers.HeNormal(seed=3)
    assert (seeded((4, 4), rng(0)) == seeded((4, 4), rng(1))).all()
    again = initializers.deserialize(initializers.serialize(seeded))
    assert (again((4, 4), rng(2)) == seeded((4, 4), rng(0))).all()
    layer = Dense(2, kernel_initializer=lambda shape, rng: np.ones(shape), bias_initializer="ones")
    np.testing.assert_allclose(value(layer(X)), np.repeat(X.sum(1, keepdims=True) + 1, 2, 1), rtol=1e-5, atol=1e-6)


def test_the_default_is_glorots_uniform_numbers():
    layer = Dense(200, input_shape=(300,))
    Sequential([layer], seed=0)
    W, b = layer.get_weights()
    assert 0.9 * math.sqrt(6 / 500) < abs(W).max() <= math.sqrt(6 / 500) * 1.0001
    assert (b == 0).all()


def test_regularizers():
    w = np.array([[1.0, -2.0], [0.0, 3.0]])
    assert regularizers.l1(0.5)(w) == 3.0
    assert regularizers.l2(0.5)(w) == 7.0
    assert regularizers.l1_l2(0.5, 0.5)(w) == regularizers.L1L2(0.5, 0.5)(w) == 10.0
    assert regularizers.get("l2").l2 == 0.01 and regularizers.get("l1_l2").l1 == 0.01 and regularizers.get(None) is None
    layer = Dense(2, kernel_regularizer="l2", bias_regularizer=regularizers.l1(0.1), bias_initializer="ones")
    layer(X)
    np.testing.assert_allclose(layer.penalty().value, 0.01 * (layer.get_weights()[0] ** 2).sum() + 0.2, rtol=1e-5)


# The stack


def test_seeds_decide_everything_and_without_one_nothing_does():
    def build(**seed):
        return Sequential([Dense(5, input_shape=(4,)), Dropout(0.5), Dense(2)], **seed)

    def draws(model):
        return [*model.get_weights(), value(model.layers[1](np.ones((9, 5), np.float32), True))]

    def same(a, b):
        return [bool((x == y).all()) for x, y in zip(a, b, strict=True)]

    first = draws(build(seed=1))
    assert all(same(first, draws(build(seed=1))))
    assert same(first, draws(build(seed=2))) == [False, True, False, True, False]  # biases start at 0
    assert same(draws(build()), draws(build())) == [False, True, False, True, False]
    keras.utils.set_random_seed(7)
    planted, next_one = draws(build()), draws(build())
    assert same(planted, next_one)[0] is False
    keras.utils.set_random_seed(7)
    assert all(same(planted, draws(build())))
    own = Dense(5, seed=3), Dense(5, seed=3)
    assert (own[0](X).value == own[1](X).value).all()


def test_the_layers_see_each_other_and_names_are_counted_in_the_model():
    for _ in range(2):
        model = Sequential([Input((4,)), Dense(3), Dense(3, name="mine"), BatchNormalization(), Dense(2)])
        assert [layer.name for layer in model.layers] == ["dense", "mine", "batch_normalization", "dense_1"]
    assert model.input_shape == (None, 4) and model.output_shape == (None, 2)
    assert model.get_layer("mine") is model.layers[1] is model.get_layer(index=1)
    assert model.count_params() == 15 + 12 + 12 + 8
    assert len(model.weights) == 10 and len(model.trainable_weights) == 8
    model.layers[0].trainable = False
    assert len(model.trainable_weights) == 6
    assert model.pop().name == "dense_1" and model.output_shape == (None, 3)


def test_a_model_without_a_shape_is_built_when_it_is_told():
    model = Sequential([Dense(3), Dense(2)])
    assert not model.built
    model.build((None, 4))
    assert [w.shape for w in model.get_weights()] == [(4, 3), (3,), (3, 2), (2,)]
    late = Sequential([Dense(3)])
    assert late.predict(X).shape == (6, 3)


def test_weights_go_in_and_out():
    model = Sequential([Dense(3, input_shape=(4,)), BatchNormalization(), Dense(2)])
    new = [RNG.standard_normal(w.shape).astype(np.float32) for w in model.get_weights()]
    model.set_weights(new)
    for a, b in zip(model.get_weights(), new, strict=True):
        np.testing.assert_array_equal(a, b)
    model.get_weights()[0][:] = 0  # a copy
    assert model.get_weights()[0].any()
    new[-1][:] = 9
    assert not (model.get_weights()[-1] == 9).any()


def test_the_summary():
    printed = []
    Sequential([Dense(3, input_shape=(4,)), BatchNormalization(), Dense(2)], name="mine").summary(
        print_fn=printed.append
    )
    assert (
        printed[0]
        == """\
Model: "mine"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
│ dense (Dense)                   │ (None, 3)              │            15 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ batch_normalization             │ (None, 3)              │            12 │
│ (BatchNormalization)            │                        │               │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ dense_1 (Dense)                 │ (None, 2)              │             8 │
└─────────────────────────────────┴────────────────────────┴───────────────┘
 Total params: 35 (140.00 B)
 Trainable params: 29 (116.00 B)
 Non-trainable params: 6 (24.00 B)"""
    )
    Sequential([Dense(3)]).summary(print_fn=printed.append, line_length=90)
    assert "│ ?  " in printed[1] and "0 (unbuilt)" in printed[1]
    assert {len(line) for line in printed[1].splitlines()[1:-3]} == {90}


def test_a_layer_of_ones_own():
    class Scale(Layer):
        def build(self, shape):
            self.add_weight("factor", (shape[-1],), "ones")

        def call(self, x, training=False):
            return x * self.parameters["factor"]

    model = Sequential([Scale(input_shape=(4,)), Dense(1)], seed=0)
    model.compile("sgd", "mse")
    model.fit(X, X[:, :1], epochs=2, verbose=0)
    assert (model.layers[0].get_weights()[0] != 1).all()


def test_constraints_hold_after_training():
    model = Sequential([Dense(3, kernel_constraint=keras.constraints.maxnorm(0.5), input_shape=(4,)), Dense(1)], seed=0)
    model.layers[1].set_weights([np.ones((3, 1)), [0.0]])
    model.compile("sgd", "mse")
    model.fit(X, X[:, :1], epochs=1, verbose=0)
    norms = np.sqrt((model.layers[0].get_weights()[0] ** 2).sum(0))
    assert norms.max() <= 0.5 + 1e-5 and norms.max() > 0.45
    w = np.array([[3.0, -0.1], [4.0, 0.0]])
    np.testing.assert_allclose(keras.constraints.UnitNorm()(w), [[0.6, -1], [0.8, 0]], atol=1e-5)
    np.testing.assert_array_equal(keras.constraints.NonNeg()(w), [[3, 0], [4, 0]])


def test_moving_a_model(device):
    model = Sequential([Dense(3, input_shape=(4,)), BatchNormalization(), Dense(2)], seed=0)
    before = model.predict(X)
    model.to(device)
    assert all(arrays.device_of(w.value if isinstance(w, Tensor) else w) == model.device for w in model.weights)
    np.testing.assert_allclose(model.predict(X), before, rtol=1e-5, atol=1e-6)
    with no_grad():
        assert arrays.device_of(model(X).value) == model.device


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Dense(0), ValueError, "units must be an integer >= 1; got 0"),
        (lambda: Dense(3, activation="rellu"), ValueError, "activation .*; got 'rellu'. Did you mean 'relu'"),
        (lambda: Dense(3, activaton="relu"), TypeError, "Dense has no argument 'activaton'. Did you mean 'activation'"),
        (lambda: Dense(3, init="normal"), TypeError, "Keras 2 and 3 call it 'kernel_initializer'"),
        (lambda: Dense(3, kernel_initializer="he"), ValueError, "initializer must be .*; got 'he'. "),
        (lambda: Dense(3, kernel_initializer=3), TypeError, "initializer must be a name or an Initializer; got 3"),
        (
            lambda: Dense(3, kernel_regularizer="l3"),
            ValueError,
            "regularizer must be .*; got 'l3'. Known are l1, l1l2, l2",
        ),
        (lambda: Dense(3, kernel_constraint="norm"), ValueError, "constraint must be"),
        (lambda: Dense(3, seed=-1), ValueError, "seed must be"),
        (lambda: Dense(3, input_shape=(None, 4)), ValueError, r"without the batch: \(4,\); got \(None, 4\)"),
        (lambda: Dense(3, input_shape="4"), TypeError, "each length in input_shape must be"),
        (lambda: Dense(3, name=3), TypeError, "name must be a string"),
        (lambda: Dropout(1.5), ValueError, r"rate must be a finite number from 0 to 1; got 1.5"),
        (lambda: Dropout(p=0.5), TypeError, "rate"),
        (lambda: BatchNormalization(epsilon=0), ValueError, "epsilon must be"),
        (lambda: BatchNormalization(axis=2)(X), ValueError, "axis must be one of a sample's, 1..1; got 2"),
        (lambda: Maxout(3)(X), ValueError, "num_units must divide the 4 inputs; got 3"),
        (lambda: MaxoutDense(3, activation="relu"), TypeError, "the maximum is its activation"),
        (lambda: Reshape((3, 2))(X), ValueError, r"target_shape must hold the 4 numbers of \(4,\); got \(3, 2\)"),
        (lambda: InputLayer(), TypeError, "InputLayer must be given shape"),
        (lambda: Sequential([Dense]), TypeError, r"got the class Dense: write Dense\(...\)"),
        (lambda: Sequential(["dense"]), TypeError, "layer must be a layer of dlkit.keras.layers; got 'dense'"),
        (lambda: Sequential([Dense(2), Input((3,))]), ValueError, "an Input .* comes first"),
        (lambda: Sequential([Dense(2, name="a"), Dense(2, name="a")]), ValueError, "there is a 'a' already"),
        (lambda: Sequential([layer := Dense(2), layer]), ValueError, "'dense' is in the model already"),
        (lambda: Sequential([]).predict(X), ValueError, "the model has no layers"),
        (lambda: Sequential([Dense(2)]).build(), ValueError, "give the first layer an input_shape"),
        (lambda: Sequential(device="gpu"), ValueError, "device must be 'numpy', 'cpu', 'cuda'"),
        (
            lambda: Sequential([Dense(2, input_shape=(4,))]).set_weights([]),
            ValueError,
            "weights must be 2 arrays; got 0",
        ),
        (
            lambda: Sequential([Dense(2, input_shape=(4,))]).set_weights([np.zeros((4, 3)), np.zeros(2)]),
            ValueError,
            r"layer 'dense': kernel must have the shape \(4, 2\); got \(4, 3\)",
        ),
        (lambda: Sequential([Dense(2, input_shape=(4,))]).get_layer("x"), ValueError, "no layer 'x'"),
        (lambda: keras.layers.Conv2D, AttributeError, "dlkit.keras.layers has no 'Conv2D'. Known are"),
        (lambda: keras.Model, AttributeError, "dlkit.keras has no 'Model'. Did you mean 'models'"),
    ],
)
def test_what_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_layer_that_is_refused_is_not_in_the_model():
    model = Sequential([Dense(4, input_shape=(4,))])
    with pytest.raises(ValueError, match="num_units"):
        model.add(Maxout(3))
    model.add(Maxout(2))
    assert model.output_shape == (None, 2)
