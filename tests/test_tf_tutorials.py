"""Programs in the manner of TensorFlow 1's tutorials, on small data: they run, learn, and do what TensorFlow does.

Each is a function of the module, ``dlkit.tf`` or TensorFlow itself, as if only the import had been changed.
"""

import functools

import numpy as np
import pytest
from sklearn.datasets import load_digits

import dlkit.tf as dlkit_tf


@pytest.fixture
def tensorflow():
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed: it is the oracle, not a requirement")
    import tensorflow.compat.v1 as real

    real.disable_v2_behavior()
    return real


class Digits:
    """Handwritten digits, 8 × 8, one half to learn and one half to test, by `next_batch` as tutorials have it."""

    def __init__(self, one_hot=True):
        images, labels = load_digits(return_X_y=True)
        images = (images / 16).astype(np.float32)
        labels = np.eye(10, dtype=np.float32)[labels] if one_hot else labels
        order = np.random.default_rng(0).permutation(len(images))
        self.images, self.labels = images[order[:900]], labels[order[:900]]
        self.test_images, self.test_labels = images[order[900:]], labels[order[900:]]
        self.num_examples, self._at = 900, 0

    def next_batch(self, size):
        self._at = (self._at + size) % (self.num_examples - size)
        return self.images[self._at : self._at + size], self.labels[self._at : self._at + size]


# ---- linear regression: one sample at a time, scalars fed ------------------------------------------------------------


def linear_regression(tf):
    tf.reset_default_graph()
    rng = np.random.RandomState(1)
    train_X = np.asarray([3.3, 4.4, 5.5, 6.71, 6.93, 4.168, 9.779, 6.182, 7.59, 2.167])
    train_Y = 0.25 * train_X + 0.8 + 0.1 * rng.randn(10)
    n_samples = train_X.shape[0]

    X = tf.placeholder("float")
    Y = tf.placeholder("float")
    W = tf.Variable(rng.randn(), name="weight")
    b = tf.Variable(rng.randn(), name="bias")
    pred = tf.add(tf.multiply(X, W), b)
    cost = tf.reduce_sum(tf.pow(pred - Y, 2)) / (2 * n_samples)
    optimizer = tf.train.GradientDescentOptimizer(0.01).minimize(cost)
    init = tf.global_variables_initializer()
    lines = []
    with tf.Session() as sess:
        sess.run(init)
        for epoch in range(40):
            for x, y in zip(train_X, train_Y, strict=True):
                sess.run(optimizer, feed_dict={X: x, Y: y})
            if (epoch + 1) % 10 == 0:
                c = sess.run(cost, feed_dict={X: train_X, Y: train_Y})
                lines.append(f"Epoch: {epoch + 1:04d} cost={c:.5f} W={sess.run(W):.4f} b={sess.run(b):.4f}")
    return lines


def test_linear_regression():
    lines = linear_regression(dlkit_tf)
    costs = [float(line.split("cost=")[1].split()[0]) for line in lines]
    assert len(costs) == 4
    assert costs == sorted(costs, reverse=True)


def test_linear_regression_prints_what_tensorflow_prints(tensorflow):
    assert linear_regression(dlkit_tf) == linear_regression(tensorflow)


# ---- logistic regression: softmax by hand, accuracy.eval -------------------------------------------------------------


def logistic_regression(tf):
    tf.reset_default_graph()
    data = Digits()
    x = tf.placeholder(tf.float32, [None, 64])
    y = tf.placeholder(tf.float32, [None, 10])
    W = tf.Variable(tf.zeros([64, 10]))
    b = tf.Variable(tf.zeros([10]))
    pred = tf.nn.softmax(tf.matmul(x, W) + b)
    cost = tf.reduce_mean(-tf.reduce_sum(y * tf.log(pred), reduction_indices=1))
    optimizer = tf.train.GradientDescentOptimizer(0.5).minimize(cost)
    init = tf.global_variables_initializer()
    with tf.Session() as sess:
        sess.run(init)
        averages = []
        for _ in range(5):
            avg_cost = 0.0
            total_batch = int(data.num_examples / 100)
            for _ in range(total_batch):
                batch_xs, batch_ys = data.next_batch(100)
                _, c = sess.run([optimizer, cost], feed_dict={x: batch_xs, y: batch_ys})
                avg_cost += c / total_batch
            averages.append(avg_cost)
        correct_prediction = tf.equal(tf.argmax(pred, 1), tf.argmax(y, 1))
        accuracy = tf.reduce_mean(tf.cast(correct_prediction, tf.float32))
        return averages, accuracy.eval({x: data.test_images, y: data.test_labels})


def test_logistic_regression():
    averages, accuracy = logistic_regression(dlkit_tf)
    assert averages == sorted(averages, reverse=True)
    assert accuracy > 0.85


def test_logistic_regression_is_tensorflows(tensorflow):
    ours, theirs = logistic_regression(dlkit_tf), logistic_regression(tensorflow)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-5)
    assert ours[1] == theirs[1]


# ---- a perceptron of several layers: dicts of weights, name scopes, summaries, dropout, Saver ------------------------


def perceptron(tf, folder):
    tf.reset_default_graph()
    tf.set_random_seed(1)
    rng = np.random.default_rng(5)
    data = Digits()

    def start(*shape):
        return tf.Variable((0.2 * rng.standard_normal(shape)).astype(np.float32), name="w" if len(shape) > 1 else "b")

    x = tf.placeholder(tf.float32, [None, 64], name="InputData")
    y = tf.placeholder(tf.float32, [None, 10], name="LabelData")
    keep_prob = tf.placeholder(tf.float32)

    def multilayer_perceptron(x, weights, biases):
        layer_1 = tf.nn.relu(tf.add(tf.matmul(x, weights["h1"]), biases["b1"]))
        layer_2 = tf.nn.dropout(tf.nn.relu(tf.add(tf.matmul(layer_1, weights["h2"]), biases["b2"])), keep_prob)
        return tf.add(tf.matmul(layer_2, weights["out"]), biases["out"])

    weights = {"h1": start(64, 32), "h2": start(32, 32), "out": start(32, 10)}
    biases = {"b1": start(32), "b2": start(32), "out": start(10)}
    with tf.name_scope("Model"):
        logits = multilayer_perceptron(x, weights, biases)
    with tf.name_scope("Loss"):
        loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(logits=logits, labels=y))
    with tf.name_scope("Adam"):
        global_step = tf.Variable(0, trainable=False, name="global_step")
        optimizer = tf.train.AdamOptimizer(learning_rate=0.01)
        # Not tf.gradients: with it TensorFlow may change a variable that another gradient has yet to read.
        grads = optimizer.compute_gradients(loss, tf.trainable_variables())
        apply_grads = optimizer.apply_gradients(grads_and_vars=grads, global_step=global_step)
    with tf.name_scope("Accuracy"):
        acc = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(logits, 1), tf.argmax(y, 1)), tf.float32))
    tf.summary.scalar("loss", loss)
    tf.summary.scalar("accuracy", acc)
    for var in tf.trainable_variables():
        tf.summary.histogram(var.name.replace(":", "_"), var)
    merged_summary_op = tf.summary.merge_all()
    saver = tf.train.Saver()
    with tf.Session(config=tf.ConfigProto(allow_soft_placement=True)) as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(60):
            batch_x, batch_y = data.next_batch(100)
            feed = {x: batch_x, y: batch_y, keep_prob: 1.0}
            _, c, summary = sess.run([apply_grads, loss, merged_summary_op], feed_dict=feed)
        path = saver.save(sess, f"{folder}/model.ckpt", global_step=global_step)
        test = {x: data.test_images, y: data.test_labels, keep_prob: 1.0}
        before = acc.eval(test)
    with tf.Session() as sess:
        saver.restore(sess, path)
        assert sess.run(acc, test) == before
        for _ in range(20):
            batch_x, batch_y = data.next_batch(100)
            sess.run(apply_grads, {x: batch_x, y: batch_y, keep_prob: 0.8})
        after = sess.run([acc, global_step], test)
    return c, before, after, path, summary


def test_a_perceptron_of_several_layers(tmp_path):
    cost, before, (after, steps), path, summary = perceptron(dlkit_tf, tmp_path)
    assert cost < 0.2
    assert before > 0.9
    assert after > 0.9
    assert steps == 80
    assert path == f"{tmp_path}/model.ckpt-60"
    # "Loss" is taken by the scope, and upper and lower case make no difference: "loss" becomes "loss_1".
    values = {v.tag: v.simple_value for v in summary.value}
    assert values["loss_1"] == pytest.approx(cost)
    assert {"w_0", "w_1_0", "b_2_0"} < values.keys()


def test_a_perceptron_of_several_layers_is_tensorflows(tensorflow, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    ours, theirs = perceptron(dlkit_tf, tmp_path / "a"), perceptron(tensorflow, tmp_path / "b")
    assert ours[0] == pytest.approx(theirs[0], rel=1e-3)
    assert ours[1] == theirs[1]


# ---- tf.layers, batch normalization, sparse labels, in_top_k, penalties ----------------------------------------------


def layers(tf, batch_norm, steps=60):
    tf.reset_default_graph()
    data = Digits(one_hot=False)
    n_inputs, n_hidden1, n_hidden2, n_outputs = 64, 40, 20, 10
    rng = np.random.default_rng(7)

    def start(shape, dtype=None, partition_info=None):
        return tf.constant(rng.standard_normal([int(n) for n in shape]).astype(np.float32) * 0.2)

    X = tf.placeholder(tf.float32, shape=(None, n_inputs), name="X")
    y = tf.placeholder(tf.int64, shape=(None), name="y")
    training = tf.placeholder_with_default(False, shape=(), name="training")
    my_batch_norm = functools.partial(tf.layers.batch_normalization, training=training, momentum=0.9)
    my_dense = functools.partial(tf.layers.dense, kernel_initializer=start, use_bias=not batch_norm)
    with tf.name_scope("dnn"):
        hidden1 = my_dense(X, n_hidden1, name="hidden1")
        act1 = tf.nn.elu(my_batch_norm(hidden1) if batch_norm else hidden1)
        hidden2 = my_dense(act1, n_hidden2, name="hidden2")
        act2 = tf.nn.elu(my_batch_norm(hidden2) if batch_norm else hidden2)
        logits = my_dense(act2, n_outputs, name="outputs", use_bias=True)
    with tf.name_scope("loss"):
        loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=logits)
    with tf.name_scope("train"):
        update_ops = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
        global_step = tf.train.get_or_create_global_step()
        rate = tf.train.exponential_decay(0.1, global_step, 20, 0.8, staircase=True)
        optimizer = tf.train.MomentumOptimizer(rate, momentum=0.9, use_nesterov=True)
        threshold = 1.0
        capped = [
            (tf.clip_by_value(grad, -threshold, threshold), var) for grad, var in optimizer.compute_gradients(loss)
        ]
        with tf.control_dependencies(update_ops):
            training_op = optimizer.apply_gradients(capped, global_step=global_step)
    with tf.name_scope("eval"):
        correct = tf.nn.in_top_k(logits, y, 1)
        accuracy = tf.reduce_mean(tf.cast(correct, tf.float32))
    confusion = tf.confusion_matrix(y, tf.argmax(logits, 1), num_classes=n_outputs)
    init = tf.global_variables_initializer()
    with tf.Session() as sess:
        init.run()
        for _ in range(steps):
            X_batch, y_batch = data.next_batch(50)
            sess.run(training_op, feed_dict={training: True, X: X_batch, y: y_batch})
        feed = {X: data.test_images, y: data.test_labels}
        names = [v.name for v in tf.trainable_variables()]
        return accuracy.eval(feed_dict=feed), loss.eval(feed), sess.run(confusion, feed), names


@pytest.mark.parametrize("batch_norm", [False, True])
def test_layers_by_one_call(batch_norm):
    accuracy, _, confusion, names = layers(dlkit_tf, batch_norm)
    assert accuracy > 0.9
    assert np.trace(confusion) / confusion.sum() == pytest.approx(accuracy, abs=1e-6)
    if batch_norm:
        assert names[:3] == ["hidden1/kernel:0", "batch_normalization/gamma:0", "batch_normalization/beta:0"]
    else:
        assert names[:3] == ["hidden1/kernel:0", "hidden1/bias:0", "hidden2/kernel:0"]


@pytest.mark.parametrize("batch_norm", [False, True])
def test_layers_by_one_call_are_tensorflows(tensorflow, batch_norm):
    if not hasattr(tensorflow.layers, "dense"):
        pytest.skip("tf.layers of TensorFlow needs the package tf_keras, and TF_USE_LEGACY_KERAS=1")
    ours, theirs = (layers(m, batch_norm, steps=20) for m in (dlkit_tf, tensorflow))
    assert ours[1] == pytest.approx(theirs[1], rel=1e-3)
    assert ours[0] == pytest.approx(theirs[0], abs=0.005)
    assert ours[3] == theirs[3]


# ---- an interactive session, variable scopes, the old names ----------------------------------------------------------


def interactive(tf):
    tf.reset_default_graph()
    data = Digits()
    sess = tf.InteractiveSession()

    def layer(x, width, scope, activation=None):
        with tf.variable_scope(scope, reuse=tf.AUTO_REUSE):
            W = tf.get_variable(
                "W", [x.get_shape()[1], width], initializer=tf.truncated_normal_initializer(stddev=0.1, seed=3)
            )
            b = tf.get_variable("b", [width], initializer=tf.constant_initializer(0.1))
            h = tf.nn.xw_plus_b(x, W, b)
            return h if activation is None else activation(h)

    def net(x):
        return layer(layer(x, 30, "fc1", tf.nn.relu), 10, "fc2")

    x = tf.placeholder(tf.float32, shape=[None, 64])
    y_ = tf.placeholder(tf.float32, shape=[None, 10])
    y = net(x)
    with tf.variable_scope("fc1", reuse=True):
        W1 = tf.get_variable("W")
    l2 = 1e-4 * sum(tf.nn.l2_loss(v) for v in tf.trainable_variables() if "b" not in v.op.name)
    cross_entropy = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y_, logits=y)) + l2
    train_step = tf.train.RMSPropOptimizer(1e-2).minimize(cross_entropy)
    correct_prediction = tf.equal(tf.argmax(net(x), 1), tf.argmax(y_, 1))
    accuracy = tf.reduce_mean(tf.cast(correct_prediction, "float"))
    sess.run(tf.initialize_all_variables())
    before = W1.eval()
    for _ in range(200):
        batch = data.next_batch(50)
        train_step.run(feed_dict={x: batch[0], y_: batch[1]})
    moved = np.abs(W1.eval() - before).max()
    found = accuracy.eval(feed_dict={x: data.test_images, y_: data.test_labels})
    names = [v.name for v in tf.global_variables() if "RMSProp" not in v.name]
    sess.close()
    return found, moved, names


def test_an_interactive_session():
    accuracy, moved, names = interactive(dlkit_tf)
    assert accuracy > 0.9
    assert moved > 0.01
    assert names == ["fc1/W:0", "fc1/b:0", "fc2/W:0", "fc2/b:0"]


def test_an_interactive_session_is_tensorflows(tensorflow):
    ours, theirs = interactive(dlkit_tf), interactive(tensorflow)
    assert min(ours[0], theirs[0]) > 0.9  # they begin with other random numbers
    assert ours[2] == theirs[2]


# ---- a layer as an object, a metric over batches ---------------------------------------------------------------------


def low_level(tf):
    tf.reset_default_graph()
    x = tf.constant([[1], [2], [3], [4]], dtype=tf.float32)
    y_true = tf.constant([[0], [-1], [-2], [-3]], dtype=tf.float32)
    linear_model = tf.layers.Dense(units=1, kernel_initializer=tf.ones_initializer())
    y_pred = linear_model(x)
    loss = tf.losses.mean_squared_error(labels=y_true, predictions=y_pred)
    train = tf.train.GradientDescentOptimizer(0.01).minimize(loss)
    mean, update = tf.metrics.mean(loss)
    with tf.Session() as sess:
        sess.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        for _ in range(100):
            _, _, _ = sess.run((train, loss, update))
        return sess.run({"mean": mean, "pred": y_pred, "vars": linear_model.trainable_variables[0]})


def test_a_layer_as_an_object():
    x, w, b, losses = np.arange(1.0, 5.0), 1.0, 0.0, []
    for _ in range(100):
        error = w * x + b + x - 1
        losses.append((error**2).mean())
        w, b = w - 0.01 * 2 * (error * x).mean(), b - 0.01 * 2 * error.mean()
    found = low_level(dlkit_tf)
    np.testing.assert_allclose(found["pred"].ravel(), w * x + b, rtol=1e-5)
    np.testing.assert_allclose([found["mean"], found["vars"].item()], [np.mean(losses), w], rtol=1e-5)


def test_a_layer_as_an_object_is_tensorflows(tensorflow):
    if not hasattr(tensorflow.layers, "dense"):
        pytest.skip("tf.layers of TensorFlow needs the package tf_keras, and TF_USE_LEGACY_KERAS=1")
    ours, theirs = low_level(dlkit_tf), low_level(tensorflow)
    for name in ours:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-5, err_msg=name)
