"""tf.layers, variables by name, collections, tf.contrib.layers, clipping, checks: what they compute and are called."""

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
    if not hasattr(real.layers, "dense"):
        pytest.skip("tf.layers of TensorFlow needs the package tf_keras, and TF_USE_LEGACY_KERAS=1")
    return real


def names(variables=None):
    return [v.name for v in (tf.global_variables() if variables is None else variables)]


def run(*fetches, feed=None, device="numpy"):
    with tf.Session(device=device) as sess:
        sess.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        return sess.run(list(fetches) if len(fetches) > 1 else fetches[0], feed)


X = np.random.default_rng(0).standard_normal((6, 3)).astype(np.float32)

# ---- variables by name ----------------------------------------------------------------------------------------------


def test_a_scope_numbers_its_layers_from_the_start_each_time():
    def net(x):
        return tf.layers.dense(tf.layers.dense(x, 4), 2)

    x = tf.placeholder(tf.float32, [None, 3])
    with tf.variable_scope("net"):
        net(x)
    with tf.variable_scope("net", reuse=True):
        net(x)
    assert names() == ["net/dense/kernel:0", "net/dense/bias:0", "net/dense_1/kernel:0", "net/dense_1/bias:0"]


def test_variables_are_found_again_or_not():
    with tf.variable_scope("a") as scope:
        w = tf.get_variable("w", [2, 3])
        with pytest.raises(ValueError, match="Variable a/w already exists, disallowed"):
            tf.get_variable("w", [2, 3])
        scope.reuse_variables()
        assert tf.get_variable("w", [2, 3]) is w
        with pytest.raises(ValueError, match=r"specified shape \(3, 3\) and found shape \(2, 3\)"):
            tf.get_variable("w", [3, 3])
        with pytest.raises(TypeError, match="specified dtype float64 and found dtype float32"):
            tf.get_variable("w", dtype=tf.float64)
        with pytest.raises(ValueError, match=r"Variable a/v does not exist.*there are \['a/w'\]"):
            tf.get_variable("v", [2])
    with tf.variable_scope(scope, reuse=tf.AUTO_REUSE):
        assert tf.get_variable("w") is w
        assert tf.get_variable("v", [2]).name == "a/v:0"
        with tf.variable_scope("b"):
            assert tf.get_variable_scope().name == "a/b"
            assert tf.get_variable("v", [2]) is tf.get_variable("v")


def test_get_variable_heeds_variable_scopes_and_variable_all_scopes():
    with tf.name_scope("n"), tf.variable_scope("v"):
        a, b = tf.get_variable("a", [1]), tf.Variable(1.0, name="b")
    assert (a.name, b.name) == ("v/a:0", "n/v/b:0")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"initializer": [[1.0, 2.0]]}, [[1, 2]]),
        ({"initializer": 3.0}, 3),
        ({"shape": [2], "initializer": tf.zeros_initializer}, [0, 0]),
        ({"shape": [2], "initializer": tf.ones_initializer()}, [1, 1]),
        ({"shape": 2, "initializer": tf.constant_initializer(7)}, [7, 7]),
        ({"shape": [2], "dtype": tf.int32}, [0, 0]),
    ],
)
def test_what_variables_start_with(arguments, expected):
    variable = tf.get_variable("v", **arguments)
    found = run(variable)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == arguments.get("dtype", tf.float32).numpy


def test_a_scope_says_how_its_variables_start_and_are_penalised():
    penalty = tf.contrib.layers.l2_regularizer(0.5)
    with tf.variable_scope("s", initializer=tf.ones_initializer(), regularizer=penalty):
        w = tf.get_variable("w", [4])
    (found,) = tf.losses.get_regularization_losses()
    assert run(w, found)[1] == 0.5 * 0.5 * 4
    with tf.variable_scope("s", reuse=True, regularizer=penalty):
        tf.get_variable("w", [4])
    assert len(tf.losses.get_regularization_losses()) == 1


def test_what_get_variable_refuses():
    with pytest.raises(ValueError, match="must be fully defined, but instead was <unknown>"):
        tf.get_variable("w")
    with pytest.raises(ValueError, match=r"must be fully defined, but instead was \(\?, 2\)"):
        tf.get_variable("w", [None, 2])
    with pytest.raises(ValueError, match="shape of w must be that of its initializer"):
        tf.get_variable("w", [2], initializer=[1.0, 2.0, 3.0])
    with pytest.raises(TypeError, match="name_or_scope must be a name or a scope"), tf.variable_scope(3):
        pass


def test_local_variables_are_neither_saved_nor_trained():
    w = tf.Variable(1.0, name="w")
    count = tf.Variable(0.0, name="count", collections=[tf.GraphKeys.LOCAL_VARIABLES])
    assert names() == ["w:0"]
    assert tf.local_variables() == [count]
    assert tf.get_collection(tf.GraphKeys.GLOBAL_VARIABLES) == tf.get_collection("trainable_variables") == [w]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        with pytest.raises(tf.errors.FailedPreconditionError, match="count"):
            sess.run(count)
        sess.run(tf.local_variables_initializer())
        assert sess.run(count) == 0


def test_collections():
    a = tf.constant(1.0, name="here/a")
    tf.add_to_collection("mine", a)
    tf.add_to_collection("mine", tf.constant(1.0, name="b"))
    assert len(tf.get_collection("mine")) == 2
    assert tf.get_collection("mine", scope="here") == [a]
    assert tf.get_collection("yours") == []
    with pytest.raises(ValueError, match="variables are added to it as they are made"):
        tf.add_to_collection(tf.GraphKeys.GLOBAL_VARIABLES, a)
    with pytest.raises(TypeError, match="name must be a string"):
        tf.add_to_collection(3, a)


# ---- dense ----------------------------------------------------------------------------------------------------------


def test_dense_is_its_formula(device):
    x = tf.placeholder(tf.float32, [None, 3])
    y = tf.layers.dense(x, 4, activation=tf.nn.sigmoid, bias_initializer=tf.constant_initializer(0.5))
    w, b = tf.global_variables()
    found, W, bias = run(y, w, b, feed={x: X}, device=device)
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-(X @ W + bias))), rtol=1e-5)
    assert bias.tolist() == [0.5] * 4
    assert abs(W).max() < np.sqrt(6 / 7)
    assert W.std() > 0.2
    assert (y.name, y.get_shape().as_list()) == ("dense/Sigmoid:0", [None, 4])


def test_dense_is_named_as_tensorflow_names_it():
    x = tf.placeholder(tf.float32, [None, 3])
    with tf.name_scope("layers"):
        y = tf.layers.dense(x, 4, tf.nn.relu)
    tf.layers.dense(y, 2, use_bias=False)
    z = tf.layers.dense(y, 2, name="out", trainable=False)
    with tf.variable_scope("scope"):
        tf.layers.dense(y, 2)
    assert names() == [
        "dense/kernel:0",
        "dense/bias:0",
        "dense_1/kernel:0",
        "out/kernel:0",
        "out/bias:0",
        "scope/dense/kernel:0",
        "scope/dense/bias:0",
    ]
    assert (y.name, z.name) == ("layers/dense/Relu:0", "out/BiasAdd:0")
    assert not {"out/kernel:0", "out/bias:0"} & set(names(tf.trainable_variables()))


def test_a_dense_layer_is_used_again():
    x = tf.constant(X)
    first = tf.layers.dense(x, 2, name="fc")
    second = tf.layers.dense(x, 2, name="fc", reuse=True)
    layer = tf.layers.Dense(2, kernel_initializer=tf.ones_initializer())
    third, fourth = layer(x), layer(x * 2.0)
    found = run(first, second, third, fourth)
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_allclose(found[2], X.sum(1, keepdims=True) @ [[1, 1]], rtol=1e-6)
    np.testing.assert_allclose(found[3], 2 * found[2], rtol=1e-6)
    assert names(layer.variables) == ["dense/kernel:0", "dense/bias:0"]
    with pytest.raises(ValueError, match="Variable fc/kernel already exists"):
        tf.layers.dense(x, 2, name="fc")
    with pytest.raises(ValueError, match=r"inputs must have the last dimension 3"):
        layer(tf.ones([2, 5]))


def test_dense_on_more_axes():
    y = tf.layers.dense(tf.ones([5, 2, 3]), 4, kernel_initializer=tf.ones_initializer())
    assert y.shape.as_list() == [5, 2, 4]
    np.testing.assert_array_equal(run(y), np.full((5, 2, 4), 3))


def test_penalties_of_layers_are_put_aside():
    x = tf.ones([2, 3])
    one, l2 = tf.ones_initializer(), tf.contrib.layers.l2_regularizer(0.1)
    tf.layers.dense(x, 4, kernel_initializer=one, kernel_regularizer=l2)
    tf.layers.dense(x, 4, kernel_initializer=one, kernel_regularizer=tf.contrib.layers.l1_regularizer(0.1))
    tf.layers.dense(x, 4, kernel_regularizer=tf.contrib.layers.l2_regularizer(0.0))
    found = tf.losses.get_regularization_losses()
    assert run(*found) == pytest.approx([0.1 * 6, 0.1 * 12])
    assert found[0].name.startswith("dense/kernel/Regularizer/")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: tf.layers.dense(x, 0), ValueError, "units must be an integer >= 1; got 0"),
        (lambda x: tf.layers.dense(x, 2, activation="rule"), ValueError, "activation must be .* got 'rule'"),
        (lambda x: tf.layers.dense(x, 2, activation=3), TypeError, "activation must be a function"),
        (lambda x: tf.layers.dense(tf.cast(x, tf.int32), 2), TypeError, "inputs of dense must be floats"),
        (lambda x: tf.layers.dense(x, 2, kernel_constraint=abs), ValueError, "kernel_constraint is not offered"),
        (lambda x: tf.layers.dense(tf.placeholder(tf.float32), 2), ValueError, "known last dimension"),
        (lambda x: tf.layers.dropout(x, 1.0), ValueError, r"rate must be in \[0, 1\)"),
        (lambda x: tf.layers.dropout(x, 0.5, training=tf.constant(1.0)), TypeError, "training must be True, False"),
        (lambda x: tf.layers.batch_normalization(x, axis=0), ValueError, "axis must be the last one"),
        (lambda x: tf.layers.batch_normalization(x, momentum=2), ValueError, r"momentum must be in \[0, 1\]"),
        (lambda x: tf.layers.flatten(tf.constant(1.0)), ValueError, "must have a batch as its first axis"),
    ],
)
def test_layers_refuse_what_makes_no_sense(call, error, message):
    with pytest.raises(error, match=message):
        call(tf.constant(X))


# ---- dropout, flatten -----------------------------------------------------------------------------------------------


def test_dropout_is_for_training(device):
    tf.set_random_seed(0)
    training = tf.placeholder(tf.bool)
    x = tf.ones([100, 100])
    fed = tf.layers.dropout(x, 0.2, training=training)
    on, off = tf.layers.dropout(x, 0.2, training=True), tf.layers.dropout(x, 0.2)
    with tf.Session(device=device) as sess:
        for dropped in (sess.run(fed, {training: True}), sess.run(on)):
            assert set(np.unique(dropped)) == {0, np.float32(1) / np.float32(0.8)}
            assert (dropped == 0).mean() == pytest.approx(0.2, abs=0.02)
        assert (sess.run(fed, {training: False}) == 1).all()
        assert (sess.run(off) == 1).all()


def test_flatten():
    x = tf.placeholder(tf.float32, [None, 4, 5])
    y = tf.layers.flatten(x)
    z = tf.layers.flatten(tf.placeholder_with_default(tf.ones([2, 3, 4]), [None, None, 4]))
    assert y.shape.as_list() == [None, 20]
    data = np.arange(40.0).reshape(2, 4, 5)
    np.testing.assert_array_equal(run(y, feed={x: data}), data.reshape(2, 20))
    assert run(z).shape == (2, 12)


# ---- batch normalization --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fed", [False, True])
def test_batch_normalization_is_its_formula(fed, device):
    x = tf.placeholder(tf.float32, [None, 3])
    flag = tf.placeholder(tf.bool, []) if fed else True
    y = tf.layers.batch_normalization(x, momentum=0.9, epsilon=0.01, training=flag, name="bn")
    assert names() == ["bn/gamma:0", "bn/beta:0", "bn/moving_mean:0", "bn/moving_variance:0"]
    assert names(tf.trainable_variables()) == ["bn/gamma:0", "bn/beta:0"]
    updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    mean, variance = np.zeros(3), np.ones(3)
    with tf.Session(device=device) as sess:
        sess.run(tf.global_variables_initializer())
        for k in range(3):
            data = X + k
            found = sess.run([y, *updates], {x: data, flag: True} if fed else {x: data})[0]
            np.testing.assert_allclose(found, (data - data.mean(0)) / np.sqrt(data.var(0) + 0.01), atol=1e-5)
            mean = 0.9 * mean + 0.1 * data.mean(0)
            variance = 0.9 * variance + 0.1 * data.var(0)
        moving = sess.run(tf.global_variables()[2:])
        np.testing.assert_allclose(moving, [mean, variance], rtol=1e-5)
        if fed:
            found = sess.run([y, *updates], {x: X, flag: False})[0]
            np.testing.assert_allclose(found, (X - mean) / np.sqrt(variance + 0.01), atol=1e-5)
            np.testing.assert_array_equal(sess.run(tf.global_variables()[2:]), moving)


def test_batch_normalization_by_its_averages():
    y = tf.layers.batch_normalization(
        tf.constant(X),
        moving_mean_initializer=tf.constant_initializer(2.0),
        moving_variance_initializer=tf.constant_initializer(4.0),
        gamma_initializer=tf.constant_initializer(3.0),
        beta_initializer=tf.constant_initializer(1.0),
        epsilon=0.0,
    )
    np.testing.assert_allclose(run(y), (X - 2) / 2 * 3 + 1, rtol=1e-5)
    assert tf.get_collection(tf.GraphKeys.UPDATE_OPS) == []
    tf.layers.batch_normalization(tf.constant(X), center=False, scale=False, training=True)
    assert names()[4:] == ["batch_normalization_1/moving_mean:0", "batch_normalization_1/moving_variance:0"]


def trained_with_batch_normalization(m, steps):
    """Train a net with batch normalization in a module, dlkit's or TensorFlow's; return all variables."""
    x, y = m.placeholder(m.float32, [None, 3]), m.placeholder(m.float32, [None, 1])
    training = m.placeholder(m.bool, [])
    start = m.constant_initializer(np.linspace(-1, 1, 12).reshape(3, 4).astype(np.float32))
    # No bias: its gradient would be 0 but for rounding, and Adam takes full steps even along rounding.
    hidden = m.layers.dense(x, 4, kernel_initializer=start, use_bias=False)
    hidden = m.nn.relu(m.layers.batch_normalization(hidden, training=training, momentum=0.8))
    out = m.layers.dense(hidden, 1, kernel_initializer=m.ones_initializer())
    loss = m.losses.mean_squared_error(y, out)
    with m.control_dependencies(m.get_collection(m.GraphKeys.UPDATE_OPS)):
        train = m.train.AdamOptimizer(0.05).minimize(loss)
    mine = [v for v in m.global_variables() if "Adam" not in v.name and "beta" not in v.name.split("/")[0]]
    with m.Session() as sess:
        sess.run(m.global_variables_initializer())
        for k in range(steps):
            data = np.random.default_rng(k).standard_normal((32, 3)).astype(np.float32)
            sess.run(train, {x: data, y: data.sum(1, keepdims=True) ** 2, training: True})
        return {v.name: sess.run(v) for v in mine} | {"test": sess.run(out, {x: X, training: False})}


@pytest.mark.parametrize("steps", [1, 100])
def test_batch_normalization_is_tensorflows(steps):
    real = tensorflow()
    ours, theirs = trained_with_batch_normalization(tf, steps), trained_with_batch_normalization(real, steps)
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-5, atol=1e-5, err_msg=name)


def test_training_with_batch_normalization_moves_its_averages():
    found = trained_with_batch_normalization(tf, 50)
    assert (abs(found["batch_normalization/moving_mean:0"]) > 0.01).all()
    assert (found["batch_normalization/moving_variance:0"] != 1).all()


# ---- tf.contrib.layers ----------------------------------------------------------------------------------------------


def test_initialisers_of_contrib():
    tf.set_random_seed(0)
    made = {
        "xavier": (tf.contrib.layers.xavier_initializer(), 2 / 500),
        "normal": (tf.contrib.layers.xavier_initializer(uniform=False), 2 / 500),
        "he": (tf.contrib.layers.variance_scaling_initializer(), 2 / 300),
    }
    for name, (initializer, variance) in made.items():
        w = run(tf.get_variable(name, [300, 200], initializer=initializer))
        assert w.var() == pytest.approx(variance, rel=0.03), name


def test_fully_connected():
    x = tf.constant(X)
    y = tf.contrib.layers.fully_connected(x, 4, weights_initializer=tf.ones_initializer())
    tf.contrib.layers.fully_connected(y, 2, activation_fn=None, biases_initializer=None, scope="out")
    np.testing.assert_allclose(run(y), np.maximum(X.sum(1, keepdims=True), 0) @ np.ones((1, 4)), rtol=1e-5)
    assert names() == ["fully_connected/weights:0", "fully_connected/biases:0", "out/weights:0"]


def test_penalties_applied_by_hand():
    w = tf.Variable([3.0, 4.0])
    total = tf.contrib.layers.apply_regularization(tf.contrib.layers.l2_regularizer(2.0), [w])
    assert tf.losses.get_regularization_losses() == [total]
    assert run(total) == 25
    with pytest.raises(ValueError, match="scale must be a number >= 0; got -1"):
        tf.contrib.layers.l2_regularizer(-1)


# ---- clipping -------------------------------------------------------------------------------------------------------


def test_clipping_by_norm():
    t = tf.constant([[3.0, 4.0], [0.3, 0.4]])
    found = run(tf.clip_by_norm(t, 1.0, axes=1), tf.clip_by_norm(t, 100.0), tf.clip_by_norm(tf.zeros([2]), 1.0))
    np.testing.assert_allclose(found[0], [[0.6, 0.8], [0.3, 0.4]], rtol=1e-6)
    np.testing.assert_allclose(found[1], [[3, 4], [0.3, 0.4]], rtol=1e-6)
    np.testing.assert_array_equal(found[2], [0, 0])


def test_clipping_by_the_norm_of_all():
    a, b = tf.constant([3.0]), tf.constant([[4.0]])
    clipped, norm = tf.clip_by_global_norm([a, None, b], 1.0)
    kept, _ = tf.clip_by_global_norm([a, b], 10.0)
    bad, _ = tf.clip_by_global_norm([a, b * np.float32(np.inf)], 1.0)
    assert clipped[1] is None
    assert run(norm, tf.global_norm([a, b])) == [5, 5]
    np.testing.assert_allclose([x.item() for x in run(clipped[0], clipped[2])], [0.6, 0.8], rtol=1e-6)
    assert [x.item() for x in run(*kept)] == [3, 4]
    assert all(np.isnan(x.item()) for x in run(*bad))
    with pytest.raises(TypeError, match="t_list should be a sequence"):
        tf.clip_by_global_norm(a, 1.0)
    with pytest.raises(ValueError, match="clip_norm must be > 0"):
        tf.clip_by_norm(a, 0.0)
    with pytest.raises(ValueError, match="t_list must hold at least one tensor"):
        tf.global_norm([None])


def test_training_with_clipped_gradients():
    w = tf.Variable([30.0, 40.0])
    optimizer = tf.train.GradientDescentOptimizer(1.0)
    gradients, variables = zip(*optimizer.compute_gradients(tf.nn.l2_loss(w)), strict=True)
    gradients, _ = tf.clip_by_global_norm(gradients, 5.0)
    train = optimizer.apply_gradients(zip(gradients, variables, strict=True))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(train)
        np.testing.assert_allclose(sess.run(w), [27, 36], rtol=1e-6)


# ---- checks of numbers, classes, settings ---------------------------------------------------------------------------


def test_checks_of_numbers():
    x = tf.placeholder(tf.float32, [2], name="x")
    checked = tf.check_numerics(x, "x is wrong")
    (slope,) = tf.gradients(checked * 3.0, x)
    with tf.Session() as sess:
        assert sess.run([checked, slope], {x: [1, 2]})[1].tolist() == [3, 3]
        with pytest.raises(tf.errors.InvalidArgumentError, match="x is wrong : Tensor had NaN values"):
            sess.run(checked, {x: [1, np.nan]})
        with pytest.raises(tf.errors.InvalidArgumentError, match="x is wrong : Tensor had Inf values"):
            sess.run(checked, {x: [1, np.inf]})
    with pytest.raises(TypeError, match="tensor must be of floats"):
        tf.check_numerics(1, "")


@pytest.mark.filterwarnings("ignore:.*encountered in log:RuntimeWarning")
def test_the_first_operation_at_fault_is_named():
    x = tf.placeholder(tf.float32, [2], name="x")
    w = tf.Variable([5.0, 5.0])
    changed = tf.assign(w, x)
    y = tf.exp(tf.log(x, name="the_log"), name="the_exp") * w
    check = tf.add_check_numerics_ops()
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run([y, check], {x: [1, 2]})
        with pytest.raises(tf.errors.InvalidArgumentError, match="the_log:0 : Tensor had NaN"):
            sess.run([y, check], {x: [1, -2]})
        assert sess.run(w).tolist() == [5, 5]  # nothing was assigned
        sess.run(changed, {x: [1, 2]})


def test_the_best_k(device):
    scores = tf.constant([[0.1, 0.5, 0.4], [0.3, 0.3, 0.4], [0.1, np.nan, 0.2]])
    found = run(*(tf.nn.in_top_k(scores, tf.constant([2, 1, 1]), k) for k in (1, 2)), device=device)
    np.testing.assert_array_equal(found, [[False, False, False], [True, True, False]])
    with pytest.raises(ValueError, match="k must be an integer >= 1"):
        tf.nn.in_top_k(scores, [2, 1, 1], 0)
    with pytest.raises(TypeError, match="targets must be integers"):
        tf.nn.in_top_k(scores, [2.0, 1.0, 1.0], 1)


def test_which_class_is_taken_for_which(device):
    labels, found = tf.constant([0, 1, 1, 2]), tf.constant([0, 1, 0, 2])
    counts = tf.confusion_matrix(labels, found)
    larger = tf.confusion_matrix(labels, found, num_classes=4, dtype=tf.float32, weights=[1.0, 1.0, 0.5, 1.0])
    small = tf.confusion_matrix(labels, found, num_classes=2)
    a, b = run(counts, larger, device=device)
    assert a.dtype == np.int32
    assert a.tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 1]]
    assert b.tolist() == [[1, 0, 0, 0], [0.5, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    assert larger.shape.as_list() == [4, 4]
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"labels must be 0 … 1; got 0 … 2"):
        run(small, device=device)


def test_settings_of_sessions_are_taken():
    config = tf.ConfigProto(allow_soft_placement=True, device_count={"GPU": 0})
    config.gpu_options.allow_growth = True
    with tf.Session(config=config) as sess:
        assert sess.run(tf.constant(1.0)) == 1
    assert "allow_growth=True" in repr(tf.ConfigProto(gpu_options=tf.GPUOptions(allow_growth=True)))
    assert not tf.ConfigProto().gpu_options.allow_growth
    with pytest.raises(AttributeError, match="has no field 'allow_soft_placment'; it has allow_soft_placement"):
        tf.ConfigProto(allow_soft_placment=True)


@pytest.mark.parametrize(
    ("part", "name", "near"),
    [
        (tf.layers, "conv2d", "What it offers: Dense, batch_normalization, dense"),
        (tf.losses, "mean_square_error", "near to it are mean_squared_error"),
        (tf.metrics, "auc", "What it offers: accuracy, mean"),
        (tf.summary, "scaler", "near to it are scalar"),
        (tf.contrib.layers, "l2_regulariser", "near to it are l2_regularizer"),
        (tf.train, "import_meta_graph", "does not offer tf.train.import_meta_graph"),
    ],
)
def test_what_is_not_offered_is_said(part, name, near):
    with pytest.raises(AttributeError, match=near):
        getattr(part, name)


def test_importing_it_imports_no_torch():
    import subprocess
    import sys

    code = "import sys, dlkit.tf; print([m for m in ('torch', 'tensorboard', 'matplotlib') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
