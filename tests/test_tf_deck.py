"""The deck's programs in TensorFlow 1, word for word but for the import, and what they printed."""

import numpy as np
import pytest

import dlkit.tf as tf
from dlkit.tf.graph import reset_default_graph


@pytest.fixture(autouse=True)
def empty_graph():
    reset_default_graph()
    yield
    reset_default_graph()


@pytest.fixture
def run(device, capsys, monkeypatch):
    """Run a program whose sessions are on the device; return what it prints."""
    if device != "numpy":
        pytest.importorskip("torch")
    plain = tf.Session

    class OnDevice(plain):
        def __init__(self, *args, **options):
            super().__init__(*args, device=device, **options)

    monkeypatch.setattr(tf, "Session", OnDevice)

    def printed(program, **names):
        exec(program.replace("import tensorflow as tf", "import dlkit.tf as tf"), {"tf": tf, "np": np, **names})
        return capsys.readouterr().out.splitlines()

    return printed


NODES = """
node1 = tf.constant(3.0, dtype=tf.float32)
node2 = tf.constant(4.0) # also tf.float32 implicitly
print((node1, node2))
sess = tf.Session()
print(sess.run([node1, node2]) == [3.0, 4.0])
"""


def test_two_nodes(run):
    """Python 2 printed the pair, so it is made a pair here; and numpy's numbers have names since numpy 2."""
    assert run(NODES) == [
        "(<tf.Tensor 'Const:0' shape=() dtype=float32>, <tf.Tensor 'Const_1:0' shape=() dtype=float32>)",
        "True",
    ]


SUM = """
node1 = tf.constant(3.0, dtype=tf.float32)
node2 = tf.constant(4.0) # also tf.float32 implicitly
sess = tf.Session()
node3 = tf.add(node1, node2)
print(("node3: ", node3))
print("sess.run(node3): ", sess.run(node3))
"""


def test_a_sum(run):
    assert run(SUM) == ["('node3: ', <tf.Tensor 'Add:0' shape=() dtype=float32>)", "sess.run(node3):  7.0"]


PLACEHOLDERS = """
sess = tf.Session()
a = tf.placeholder(tf.float32)
b = tf.placeholder(tf.float32)
adder_node = a + b # + provides a shortcut for tf.add(a, b)
print(sess.run(adder_node, feed_dict={a: 3, b:4.5}))
print(sess.run(adder_node, feed_dict={a: [1,3], b: [2, 4]}))
add_and_triple = adder_node * 3.
print(sess.run(add_and_triple, {a: 3, b:4.5}))
"""


def test_placeholders(run):
    assert run(PLACEHOLDERS) == ["7.5", "[3. 7.]", "22.5"]


LINEAR = """
sess = tf.Session()
W = tf.Variable([.3], dtype=tf.float32)
b = tf.Variable([- .3], dtype=tf.float32)
x = tf.placeholder(tf.float32)
linear_model = W * x + b
init = tf.global_variables_initializer()
sess.run(init)
print(sess.run(linear_model, {x:[1,2,3,4]}))
print(sess.run(linear_model, {x:[1,2,3,4]}).dtype)
y = tf.placeholder(tf.float32)
squared_deltas = tf.square(linear_model - y)
loss = tf.reduce_sum(squared_deltas)
print(sess.run(loss, {x:[1,2,3,4], y:[0,-1,-2,-3]}))
optimizer = tf.train.GradientDescentOptimizer(0.01)
train = optimizer.minimize(loss)
sess.run(init) # reset values to incorrect defaults.
for i in range(1000):
    sess.run(train, {x:[1,2,3,4], y:[0,-1,-2,-3]})

print(sess.run([W, b]))
"""


def test_a_linear_model(run):
    """In 2017 numpy printed [ 0. 0.30000001 0.60000002 0.90000004]; now, the digits that tell float32s apart."""
    values, dtype, loss, parameters = run(LINEAR)
    assert values == "[0.         0.3        0.6        0.90000004]"
    assert dtype == "float32"
    assert loss == "23.66"
    assert parameters == "[array([-0.9999969], dtype=float32), array([0.9999908], dtype=float32)]"
    assert f"{np.float32('0.9999908'):.8f}" == "0.99999082"  # which the deck shows


COMPLETE = """
import numpy as np
import tensorflow as tf

# Model parameters
W = tf.Variable([.3], dtype=tf.float32)
b = tf.Variable([- .3], dtype=tf.float32)
# Model input and output
x = tf.placeholder(tf.float32)
linear_model = W * x + b
y = tf.placeholder(tf.float32)
# loss
loss = tf.reduce_sum(tf.square(linear_model - y)) # sum of the squares
# optimizer
optimizer = tf.train.GradientDescentOptimizer(0.01)
train = optimizer.minimize(loss)
# training data
x_train = [1,2,3,4]
y_train = [0,-1,-2,-3]

# training loop
init = tf.global_variables_initializer()
sess = tf.Session()
sess.run(init) # reset values to wrong
for i in range(1000):
    sess.run(train, {x:x_train, y:y_train})

# evaluate training accuracy
curr_W, curr_b, curr_loss = sess.run([W, b, loss], {x:x_train, y:y_train})
print("W: %s b: %s loss: %s"%(curr_W, curr_b, curr_loss))
print("%.8f %.8f %.5e"%(curr_W[0], curr_b[0], curr_loss))
"""


def test_the_complete_program(run):
    """The loss is a sum of squares of the last bits; numpy now prints more of its digits than the deck shows."""
    *_, shown, digits = run(COMPLETE)
    assert shown.startswith("W: [-0.9999969] b: [0.9999908] loss: 5.6999")
    assert digits == "-0.99999690 0.99999082 5.69997e-11"


MLP = """
n_input, n_hidden_1, n_hidden_2, n_classes = 64, 32, 32, 10
learning_rate, training_epochs, batch_size = 0.001, 40, 50

# tf Graph input
x = tf.placeholder("float", [None, n_input])
y = tf.placeholder("float", [None, n_classes])

# Create model
def multilayer_perceptron(x, weights, biases):
    # Hidden layer with RELU activation
    layer_1 = tf.add(tf.matmul(x, weights['h1']), biases['b1'])
    layer_1 = tf.nn.relu(layer_1)
    # Hidden layer with RELU activation
    layer_2 = tf.add(tf.matmul(layer_1, weights['h2']), biases['b2'])
    layer_2 = tf.nn.relu(layer_2)
    # Output layer with linear activation
    out_layer = tf.matmul(layer_2, weights['out']) + biases['out']
    return out_layer

# Store layers weight & bias
weights = {
    'h1': tf.Variable(tf.random_normal([n_input, n_hidden_1])),
    'h2': tf.Variable(tf.random_normal([n_hidden_1, n_hidden_2])),
    'out': tf.Variable(tf.random_normal([n_hidden_2, n_classes]))
}
biases = {
    'b1': tf.Variable(tf.random_normal([n_hidden_1])),
    'b2': tf.Variable(tf.random_normal([n_hidden_2])),
    'out': tf.Variable(tf.random_normal([n_classes]))
}

# Construct model
pred = multilayer_perceptron(x, weights, biases)

# Define loss and optimizer
cost = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(logits=pred, labels=y))
optimizer = tf.train.AdamOptimizer(learning_rate=learning_rate).minimize(cost)

# Initializing the variables
init = tf.global_variables_initializer()

# Launch the graph
with tf.Session() as sess:
    sess.run(init)

    # Training cycle
    for epoch in range(training_epochs):
        avg_cost = 0.
        total_batch = int(mnist.train.num_examples/batch_size)
        # Loop over all batches
        for i in range(total_batch):
            batch_x, batch_y = mnist.train.next_batch(batch_size)
            _, c = sess.run([optimizer, cost], feed_dict={x: batch_x,
                                                           y: batch_y})
            # Compute average loss
            avg_cost += c / total_batch
        print(avg_cost)
    correct_prediction = tf.equal(tf.argmax(pred, 1), tf.argmax(y, 1))
    accuracy = tf.reduce_mean(tf.cast(correct_prediction, "float"))
    print(accuracy.eval({x: mnist.test.images, y: mnist.test.labels}))
"""


class Digits:
    """scikit-learn's digits as TensorFlow's `mnist` gave MNIST."""

    def __init__(self, images, labels, seed=0):
        self.images, self.labels = images.astype("float32"), np.eye(10)[labels]
        self.num_examples, self.at, self.rng = len(images), len(images), np.random.default_rng(seed)

    def next_batch(self, n):
        if self.at + n > self.num_examples:
            self.order, self.at = self.rng.permutation(self.num_examples), 0
        self.at += n
        rows = self.order[self.at - n : self.at]
        return self.images[rows], self.labels[rows]


@pytest.fixture(scope="module")
def digits():
    from types import SimpleNamespace

    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    return lambda: SimpleNamespace(
        train=Digits(images[:1200] / 16, labels[:1200]), test=Digits(images[1200:] / 16, labels[1200:])
    )


def test_the_perceptron_of_several_layers(run, digits):
    """With the deck's N(0, 1) weights: the loss starts in the tens, and two thirds are right in the end, of 600."""
    reset_default_graph()
    tf.set_random_seed(1)
    *costs, accuracy = map(float, run(MLP, mnist=digits()))
    assert costs[0] > 20
    assert costs[-1] < 0.1 * costs[0]
    assert costs == pytest.approx(sorted(costs, reverse=True), rel=0.05)  # it falls, epoch by epoch, but for noise
    assert accuracy > 0.6


def test_the_same_with_calibrated_weights(run, digits):
    """He's standard deviations in place of 1, five times the rate: nine tenths and more."""
    reset_default_graph()
    tf.set_random_seed(1)
    program = MLP.replace("= 0.001, 40, 50", "= 0.005, 12, 50")
    for shape in ("n_input, n_hidden_1", "n_hidden_1, n_hidden_2", "n_hidden_2, n_classes"):
        n = shape.split(",")[0]
        assert f"tf.random_normal([{shape}])" in program
        program = program.replace(f"tf.random_normal([{shape}])", f"tf.random_normal([{shape}], stddev=(2 / {n})**.5)")
    *costs, accuracy = map(float, run(program, mnist=digits()))
    assert 2 < costs[0] + 1.2 < 4
    assert costs[-1] < 0.1
    assert accuracy > 0.9


def test_the_same_seed_gives_the_same_run_another_gives_another(run, digits):
    program = MLP.replace("= 0.001, 40, 50", "= 0.001, 1, 50")
    found = []
    for seed in (1, 1, 2):
        reset_default_graph()
        tf.set_random_seed(seed)
        found.append(run(program, mnist=digits()))
    assert found[0] == found[1] != found[2]
