"""An epoch of the deck's Keras program: 784-512-512-10, dropout 0.2, batch 128, with the accuracy; 30 batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

SAMPLES, BATCH = 30 * 128, 128


def data() -> tuple[np.ndarray, np.ndarray]:
    """Return samples and one-hot labels, the same for all competitors."""
    rng = np.random.default_rng(0)
    X = rng.random((SAMPLES, 784), dtype=np.float32)
    return X, np.eye(10, dtype=np.float32)[rng.integers(0, 10, SAMPLES)]


def _fit(keras: Any, optimizer: str, **place: Any) -> Callable[[], Any]:
    X, Y = data()
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((784,)),
            layers.Dense(512, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(512, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(loss="categorical_crossentropy", optimizer=optimizer, metrics=["accuracy"], **place)
    return lambda: model.fit(X, Y, batch_size=BATCH, epochs=1, verbose=0)


def _torch_loop(optimizer: str) -> Callable[[], Any]:
    """Set up what a student writes in torch, with loss and accuracy of the epoch as `fit` reports them."""
    import torch
    from torch import nn

    X, Y = data()
    X, y = torch.from_numpy(X), torch.from_numpy(Y.argmax(1))  # type: ignore[assignment]
    model = nn.Sequential(
        nn.Linear(784, 512),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(512, 512),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(512, 10),
    )
    rule = getattr(torch.optim, optimizer)(model.parameters(), lr=1e-3)
    loss_function = nn.CrossEntropyLoss()

    def run() -> Any:
        total = correct = 0.0
        order = torch.randperm(SAMPLES)
        model.train()
        for start in range(0, SAMPLES, BATCH):
            rows = order[start : start + BATCH]
            target = y[rows]
            rule.zero_grad()
            scores = model(X[rows])
            loss = loss_function(scores, target)
            loss.backward()
            rule.step()
            total += loss.item() * len(rows)
            correct += (scores.argmax(1) == target).sum().item()
        return total / SAMPLES, correct / SAMPLES

    return run


def dlkit_adam() -> Callable[[], Any]:
    """Set up dlkit.keras on numpy, with Adam."""
    from dlkit import keras

    return _fit(keras, "adam")


def dlkit_rmsprop() -> Callable[[], Any]:
    """Set up dlkit.keras on numpy, with RMSprop."""
    from dlkit import keras

    return _fit(keras, "rmsprop")


def dlkit_on_torch_adam() -> Callable[[], Any]:
    """Set up dlkit.keras on torch's arrays, with Adam."""
    from dlkit import keras

    return _fit(keras, "adam", device="cpu")


def dlkit_on_torch_rmsprop() -> Callable[[], Any]:
    """Set up dlkit.keras on torch's arrays, with RMSprop."""
    from dlkit import keras

    return _fit(keras, "rmsprop", device="cpu")


def torch_loop_adam() -> Callable[[], Any]:
    """Set up a loop in torch, with its default Adam."""
    return _torch_loop("Adam")


def torch_loop_rmsprop() -> Callable[[], Any]:
    """Set up a loop in torch, with its default RMSprop."""
    return _torch_loop("RMSprop")


def keras_adam() -> Callable[[], Any]:
    """Set up Keras 3 on torch, with Adam."""
    return _fit(_keras(), "adam")


def keras_rmsprop() -> Callable[[], Any]:
    """Set up Keras 3 on torch, with RMSprop."""
    return _fit(_keras(), "rmsprop")


def _keras() -> Any:
    import os

    os.environ["KERAS_BACKEND"] = "torch"
    import keras

    return keras
