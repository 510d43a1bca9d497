"""A run of a graph, as the deck's programs make it: dlkit.tf, TensorFlow's version 1 face, torch eager."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks import mlp

# ---- the deck's linear regression, fed lists ------------------------------------------------------------------------

POINTS, LABELS = [1, 2, 3, 4], [0, -1, -2, -3]


def _regression(tf: Any, session: Any) -> Callable[[], Any]:
    W = tf.Variable([0.3], dtype=tf.float32)
    b = tf.Variable([-0.3], dtype=tf.float32)
    x, y = tf.placeholder(tf.float32), tf.placeholder(tf.float32)
    loss = tf.reduce_sum(tf.square(W * x + b - y))
    train = tf.train.GradientDescentOptimizer(0.01).minimize(loss)
    session.run(tf.global_variables_initializer())
    return lambda: session.run(train, {x: POINTS, y: LABELS})


def regression_dlkit() -> Callable[[], Any]:
    """Set up the regression on numpy."""
    import dlkit.tf as tf

    return _regression(tf, tf.Session())


def regression_dlkit_on_torch() -> Callable[[], Any]:
    """Set up the same on torch's arrays."""
    import dlkit.tf as tf

    return _regression(tf, tf.Session(device="cpu"))


def regression_tensorflow() -> Callable[[], Any]:
    """Set up the same program in TensorFlow."""
    tf = _tensorflow()
    return _regression(tf, tf.Session())


def regression_tensorflow_one_thread() -> Callable[[], Any]:
    """Set up the same program in TensorFlow, whose session is told to use one thread, which is faster here."""
    tf = _tensorflow()
    return _regression(tf, _session(tf))


def regression_torch() -> Callable[[], Any]:
    """Set up the regression in torch, eager; the parameters are changed by hand, which is faster than its optimizer."""
    import torch

    W = torch.tensor([0.3], requires_grad=True)
    b = torch.tensor([-0.3], requires_grad=True)
    points, labels = [float(v) for v in POINTS], [float(v) for v in LABELS]

    def run() -> Any:
        x, y = torch.tensor(points), torch.tensor(labels)
        loss = ((W * x + b - y) ** 2).sum()
        by_w, by_b = torch.autograd.grad(loss, [W, b])
        with torch.no_grad():
            W.sub_(by_w, alpha=0.01)
            b.sub_(by_b, alpha=0.01)

    return run


# ---- the MLPs -------------------------------------------------------------------------------------------------------


def _mlp(tf: Any, session: Any, width: int, batch: int) -> Callable[[], Any]:
    images, labels, W, b = _data(width, batch)
    x, y = tf.placeholder("float", [None, 784]), tf.placeholder("float", [None, 10])
    weights, biases = [tf.Variable(w) for w in W], [tf.Variable(v) for v in b]
    hidden = tf.nn.relu(tf.add(tf.matmul(x, weights[0]), biases[0]))
    hidden = tf.nn.relu(tf.add(tf.matmul(hidden, weights[1]), biases[1]))
    scores = tf.matmul(hidden, weights[2]) + biases[2]
    cost = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(logits=scores, labels=y))
    train = tf.train.AdamOptimizer(mlp.RATE).minimize(cost)
    session.run(tf.global_variables_initializer())
    return lambda: session.run([train, cost], {x: images, y: labels})


def _data(width: int, batch: int) -> tuple[Any, ...]:
    sizes = (784, width, width, 10)
    rng = np.random.default_rng(0)
    images = rng.random((batch, 784), dtype=np.float32)
    labels = np.eye(10, dtype=np.float32)[rng.integers(0, 10, batch)]
    W = [(rng.standard_normal((n, m)) * np.sqrt(2 / n)).astype(np.float32) for n, m in pairwise(sizes)]
    return images, labels, W, [np.zeros(m, np.float32) for m in sizes[1:]]


def _torch(width: int, batch: int) -> Callable[[], Any]:
    import torch

    images, labels, W, b = _data(width, batch)
    x, y = torch.from_numpy(images), torch.from_numpy(labels)
    W1, W2, W3, b1, b2, b3 = parameters = [torch.nn.Parameter(torch.from_numpy(p)) for p in W + b]
    adam = torch.optim.Adam(parameters, lr=mlp.RATE)

    def run() -> float:
        adam.zero_grad()
        hidden = torch.relu(torch.addmm(b1, x, W1))
        hidden = torch.relu(torch.addmm(b2, hidden, W2))
        loss = torch.nn.functional.cross_entropy(torch.addmm(b3, hidden, W3), y)
        loss.backward()
        adam.step()
        return loss.item()

    return run


def _on_dlkit(width: int, batch: int, device: str) -> Callable[[], Any]:
    import dlkit.tf as tf

    return _mlp(tf, tf.Session(device=device), width, batch)


def mlp256_dlkit() -> Callable[[], Any]:
    """Set up 784-256-256-10, batch 100, on numpy."""
    return _on_dlkit(256, 100, "numpy")


def mlp256_dlkit_on_torch() -> Callable[[], Any]:
    """Set up the same on torch's arrays."""
    return _on_dlkit(256, 100, "cpu")


def mlp256_tensorflow() -> Callable[[], Any]:
    """Set up the same in TensorFlow."""
    tf = _tensorflow()
    return _mlp(tf, _session(tf), 256, 100)


def mlp256_torch() -> Callable[[], Any]:
    """Set up the same in torch, eager, with its default Adam."""
    return _torch(256, 100)


def mlp512_dlkit() -> Callable[[], Any]:
    """Set up 784-512-512-10, batch 128, on numpy."""
    return _on_dlkit(512, 128, "numpy")


def mlp512_dlkit_on_torch() -> Callable[[], Any]:
    """Set up the same on torch's arrays."""
    return _on_dlkit(512, 128, "cpu")


def mlp512_tensorflow() -> Callable[[], Any]:
    """Set up the same in TensorFlow."""
    tf = _tensorflow()
    return _mlp(tf, _session(tf), 512, 128)


def mlp512_torch() -> Callable[[], Any]:
    """Set up the same in torch, eager, with its default Adam."""
    return _torch(512, 128)


def _tensorflow() -> Any:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tensorflow.compat.v1 as tf

    tf.disable_v2_behavior()
    return tf


def _session(tf: Any) -> Any:
    threads = int(os.environ.get("OMP_NUM_THREADS", "1"))
    return tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads))
