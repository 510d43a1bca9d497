"""One training step of a 784-512-512-10 network: batch 128, float32, ReLU, softmax cross entropy, Adam."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

SIZES = (784, 512, 512, 10)
BATCH = 128
RATE = 1e-3


def data(batch: int = BATCH) -> tuple[np.ndarray, np.ndarray, list[np.ndarray], list[np.ndarray]]:
    """Return a batch, its labels, the weights and the biases, the same for all competitors."""
    rng = np.random.default_rng(0)
    X = rng.random((batch, SIZES[0]), dtype=np.float32)
    y = rng.integers(0, SIZES[-1], batch)
    W = [(rng.standard_normal((n, m)) * np.sqrt(2 / n)).astype(np.float32) for n, m in pairwise(SIZES)]
    return X, y, W, [np.zeros(m, np.float32) for m in SIZES[1:]]


def products() -> Callable[[], Any]:
    """Set up the eight matrix products of a step, and nothing else: a bound for whoever calls the same library."""
    X, _, (W1, W2, W3), _ = data()
    H = np.random.default_rng(1).random((BATCH, 512), dtype=np.float32)
    O = np.random.default_rng(2).random((BATCH, 10), dtype=np.float32)  # noqa: E741

    def run() -> None:
        X @ W1, H @ W2, H @ W3  # forward
        H.T @ O, O @ W3.T, H.T @ H, H @ W2.T, X.T @ H  # backward

    return run


def dlkit(device: str = "numpy", optimizer: bool = True, batch: int = BATCH) -> Callable[[], Any]:
    """Set up dlkit's step."""
    from dlkit import arrays, optim
    from dlkit.autograd import Tensor, linear, mean, relu, softmax_cross_entropy

    X, y, W, b = data(batch)
    X, y = arrays.array(X, device=device), arrays.array(y, device=device)
    W1, W2, W3, b1, b2, b3 = parameters = [Tensor(p, device=device) for p in W + b]
    adam = optim.Adam(RATE)

    def run() -> Any:
        for p in parameters:
            p.grad = None
        hidden = relu(linear(X, W1, b1))
        hidden = relu(linear(hidden, W2, b2))
        loss = mean(softmax_cross_entropy(linear(hidden, W3, b3), y=y))
        loss.backward()
        if optimizer:
            adam.update(parameters)
        return loss

    return run


def dlkit_gradient() -> Callable[[], Any]:
    """Set up dlkit's forward and backward pass without the optimizer."""
    return dlkit(optimizer=False)


def dlkit_on_torch() -> Callable[[], Any]:
    """Set up the same with torch's arrays."""
    return dlkit(device="cpu")


def torch_default(fused: bool | None = None, device: str = "cpu", batch: int = BATCH) -> Callable[[], Any]:
    """Set up torch, eager, with its own autograd."""
    import torch

    X, y, W, b = data(batch)
    X, y = torch.from_numpy(X).to(device), torch.from_numpy(y).to(device)
    W1, W2, W3, b1, b2, b3 = parameters = [torch.nn.Parameter(torch.from_numpy(p).to(device)) for p in W + b]
    adam = torch.optim.Adam(parameters, lr=RATE, fused=fused)
    loss_function = torch.nn.functional.cross_entropy

    def run() -> Any:
        adam.zero_grad()
        hidden = torch.relu(torch.addmm(b1, X, W1))
        hidden = torch.relu(torch.addmm(b2, hidden, W2))
        loss = loss_function(torch.addmm(b3, hidden, W3), y)
        loss.backward()
        adam.step()
        return loss

    return run


def torch_fused() -> Callable[[], Any]:
    """Set up torch with its fused Adam."""
    return torch_default(fused=True)


def jax_jit() -> Callable[[], Any]:
    """Set up JAX: the whole step compiled, parameters and state donated."""
    import jax
    import jax.numpy as jnp

    X, y, W, b = data()

    def loss(parameters: Any, X: Any, y: Any) -> Any:
        W, b = parameters
        hidden = jax.nn.relu(X @ W[0] + b[0])
        hidden = jax.nn.relu(hidden @ W[1] + b[1])
        scores = jax.nn.log_softmax(hidden @ W[2] + b[2])
        return -jnp.mean(jnp.take_along_axis(scores, y[:, None], axis=1))

    def step(parameters: Any, m: Any, v: Any, t: Any, X: Any, y: Any) -> Any:
        g = jax.grad(loss)(parameters, X, y)
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        a, c = 1 - 0.9**t, 1 - 0.999**t
        new = jax.tree.map(lambda p, m, v: p - RATE * (m / a) / (jnp.sqrt(v / c) + 1e-8), parameters, m, v)
        return new, m, v, t + 1

    compiled = jax.jit(step, donate_argnums=(0, 1, 2))
    parameters = jax.tree.map(jnp.asarray, (W, b))
    state = (parameters, jax.tree.map(jnp.zeros_like, parameters), jax.tree.map(jnp.zeros_like, parameters), 1.0)
    X, y = jnp.asarray(X), jnp.asarray(y)

    def run() -> Any:
        nonlocal state
        state = jax.block_until_ready(compiled(*state, X, y))

    return run


def hips_autograd() -> Callable[[], Any]:
    """Set up HIPS autograd with its own Adam written out in place."""
    import autograd
    import autograd.numpy as anp

    X, y, W, b = data()
    parameters = W + b
    m, v = [np.zeros_like(p) for p in parameters], [np.zeros_like(p) for p in parameters]
    rows = np.arange(len(y))
    t = 0

    def loss(parameters: Any) -> Any:
        W1, W2, W3, b1, b2, b3 = parameters
        hidden = anp.maximum(X @ W1 + b1, 0)
        hidden = anp.maximum(hidden @ W2 + b2, 0)
        scores = hidden @ W3 + b3
        top = anp.max(scores, axis=1, keepdims=True)
        return anp.mean(anp.log(anp.sum(anp.exp(scores - top), axis=1)) + top[:, 0] - scores[rows, y])

    gradient = autograd.grad(loss)

    def run() -> None:
        nonlocal t
        t += 1
        for p, g, mp, vp in zip(parameters, gradient(parameters), m, v, strict=True):
            mp += 0.1 * (g - mp)
            vp += 0.001 * (g * g - vp)
            p -= (RATE / (1 - 0.9**t)) * mp / (np.sqrt(vp / (1 - 0.999**t)) + 1e-8)

    return run


def keras_on_torch() -> Callable[[], Any]:
    """Set up Keras 3 on torch."""
    import os

    os.environ["KERAS_BACKEND"] = "torch"
    import keras

    X, y, W, b = data()
    layers = [keras.layers.Dense(n, activation="relu" if n > 10 else None) for n in SIZES[1:]]
    model = keras.Sequential([keras.Input((SIZES[0],)), *layers])
    model.set_weights([p for pair in zip(W, b, strict=True) for p in pair])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(RATE), loss=loss)
    return lambda: model.train_on_batch(X, y)
