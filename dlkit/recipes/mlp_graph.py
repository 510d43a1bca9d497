"""The deck's multilayer perceptron, in the manner of TensorFlow 1: first define a graph, then run it.

Two hidden layers with ReLU, softmax and cross-entropy, Adam. ``python -m dlkit.recipes.mlp_graph --help`` says how to
run it. In a program for TensorFlow 1 `model` and `train` are the same, under ``import tensorflow as tf``.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import dlkit.tf as tf
from dlkit.errors import CourseError
from dlkit.recipes.arguments import parser
from dlkit.recipes.data import DataSet
from dlkit.recipes.program import Run, Scores, run
from dlkit.recipes.report import Progress

__all__ = ["initial", "main", "model", "multilayer_perceptron", "train"]

# ---- the model: a graph ----------------------------------------------------------------------------------------------


def multilayer_perceptron(x: Any, weights: dict[str, Any], biases: dict[str, Any]) -> Any:
    """Return the scores of the classes: two hidden layers with ReLU, and a linear one."""
    layer_1 = tf.add(tf.matmul(x, weights["h1"]), biases["b1"])
    layer_1 = tf.nn.relu(layer_1)
    layer_2 = tf.add(tf.matmul(layer_1, weights["h2"]), biases["b2"])
    layer_2 = tf.nn.relu(layer_2)
    return tf.matmul(layer_2, weights["out"]) + biases["out"]


def initial(shape: list[int], how: str) -> Any:
    """Return what weights (two numbers in `shape`) or biases (one) begin with.

    Parameters
    ----------
    shape : list of int
        Inputs and outputs of a layer, or its outputs alone.
    how : {"normal", "calibrated"}
        The deck's N(0, 1) for all; or N(0, 2/inputs), which keeps the size of the signals from layer to layer, and
        biases of 0.
    """
    if how == "normal":
        return tf.random_normal(shape)
    return tf.random_normal(shape, stddev=math.sqrt(2 / shape[0])) if len(shape) == 2 else tf.zeros(shape)


def model(n_input: int, n_hidden_1: int, n_hidden_2: int, n_classes: int, learning_rate: float, how: str) -> Any:
    """Return the nodes of the graph that are to be fed and fetched."""
    x = tf.placeholder("float", [None, n_input])
    y = tf.placeholder("float", [None, n_classes])

    weights = {
        "h1": tf.Variable(initial([n_input, n_hidden_1], how)),
        "h2": tf.Variable(initial([n_hidden_1, n_hidden_2], how)),
        "out": tf.Variable(initial([n_hidden_2, n_classes], how)),
    }
    biases = {
        "b1": tf.Variable(initial([n_hidden_1], how)),
        "b2": tf.Variable(initial([n_hidden_2], how)),
        "out": tf.Variable(initial([n_classes], how)),
    }
    pred = multilayer_perceptron(x, weights, biases)

    cost = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(logits=pred, labels=y))
    optimizer = tf.train.AdamOptimizer(learning_rate=learning_rate).minimize(cost)

    correct_prediction = tf.equal(tf.argmax(pred, 1), tf.argmax(y, 1))
    accuracy = tf.reduce_mean(tf.cast(correct_prediction, "float"))
    return SimpleNamespace(x=x, y=y, pred=pred, cost=cost, optimizer=optimizer, accuracy=accuracy)


# ---- the training: a session -----------------------------------------------------------------------------------------


def train(sess: Any, nodes: Any, data: DataSet, batch_size: int, on_step: Any = None) -> float:
    """Go through the data once; return the average cost.

    Parameters
    ----------
    sess : Session
        Where the variables have their values.
    nodes : namespace
        What `model` returns.
    data : DataSet
        What to train on.
    batch_size : int
        Images a step.
    on_step : callable, optional
        Called with the number of each step, from 0, and its cost.
    """
    avg_cost = 0.0
    total_batch = int(data.num_examples / batch_size)
    for i in range(total_batch):
        batch_x, batch_y = data.next_batch(batch_size)
        _, c = sess.run([nodes.optimizer, nodes.cost], feed_dict={nodes.x: batch_x, nodes.y: batch_y})
        avg_cost += c / total_batch
        if on_step is not None:
            on_step(i, c)
    return avg_cost


def evaluate(sess: Any, nodes: Any, data: DataSet, part: int = 1000) -> tuple[float, float]:
    """Return cost and accuracy on all the data, which is fed in parts."""
    cost = accuracy = 0.0
    for start in range(0, data.num_examples, part):
        x, y = data.images[start : start + part], data.labels[start : start + part]
        c, a = sess.run([nodes.cost, nodes.accuracy], feed_dict={nodes.x: x, nodes.y: y})
        cost += c * len(x) / data.num_examples
        accuracy += a * len(x) / data.num_examples
    return float(cost), float(accuracy)


# ---- the program: what is around it ----------------------------------------------------------------------------------


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program, and return its exit code."""
    found = parser(
        "dlkit.recipes.mlp_graph",
        "Train the deck's multilayer perceptron on handwritten digits, as a graph in the manner of TensorFlow 1.",
        epochs=15,
        batch_size=100,
        learning_rate=0.001,
        hidden=256,
    )
    found.option(
        "--initial", "normal",
        "how the weights begin: normal, the deck's N(0, 1), which costs accuracy; or calibrated, N(0, 2/inputs)",
        choices=["normal", "calibrated"],
    )  # fmt: skip
    return run("mlp_graph", found, _train, argv)


def _train(this: Run) -> Scores:
    options, mnist, group = this.options, this.mnist, this.group
    batch_size, epochs = options["batch_size"], options["epochs"]
    n_input, n_classes = mnist.train.images.shape[1], mnist.train.labels.shape[1]
    n_hidden_1, n_hidden_2 = options["hidden"]
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(options["seed"])
        nodes = model(n_input, n_hidden_1, n_hidden_2, n_classes, options["learning_rate"], options["initial"])
        epoch_done = tf.Variable(0, trainable=False, name="epoch_done")
        one_more = tf.assign_add(epoch_done, 1)
        init, saver = tf.global_variables_initializer(), tf.train.Saver(max_to_keep=1)

    with tf.Session(graph=graph, device=group.device) as sess:
        if this.folder is not None and options["resume"]:
            with this.folder.read() as path:
                saver.restore(sess, path.with_suffix(""))
            this.go_on_after(int(sess.run(epoch_done)))
        else:
            sess.run(init)
        sess.load(dict(zip(graph.variables, group.from_first(sess.run(graph.variables)), strict=True)))
        sess.rules[nodes.optimizer] = group.averaging(nodes.optimizer.rule_in(sess))

        steps = mnist.train.num_examples // batch_size
        mnist.train.drawn = this.epochs_done * steps * batch_size
        progress = Progress(epochs, this.epochs_done, steps, batch_size, quiet=not this.first)
        for epoch in range(this.epochs_done, epochs):
            began = time.perf_counter()

            def on_step(i: int, c: float, epoch: int = epoch) -> None:
                if not math.isfinite(c):
                    where = f"step {i + 1} of epoch {epoch + 1}"
                    raise CourseError(f"the cost is {c} in {where}; try a smaller --learning-rate")
                progress.step(epoch, i)

            (avg_cost,) = group.means([train(sess, nodes, mnist.train, batch_size, on_step)])
            trained = time.perf_counter() - began
            cost, accuracy = evaluate(sess, nodes, mnist.test)
            seconds = time.perf_counter() - began
            sess.run(one_more)
            progress.epoch(epoch, trained, {"cost": avg_cost, "test cost": cost, "test accuracy": accuracy})
            numbers = {"loss": avg_cost, "val_loss": cost, "val_accuracy": accuracy, "seconds": seconds}
            this.keep(lambda path: saver.save(sess, path.with_suffix("")), numbers)
        return {name: evaluate(sess, nodes, data) for name, data in (("train", mnist.train), ("test", mnist.test))}


if __name__ == "__main__":
    sys.exit(main())
