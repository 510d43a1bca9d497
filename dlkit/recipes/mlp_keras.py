"""The deck's multilayer perceptron, in the manner of Keras: stack layers, compile, fit.

Two hidden layers with ReLU and dropout, softmax and cross-entropy, RMSprop. How to run it is told by
``python -m dlkit.recipes.mlp_keras --help``. In a program for Keras `multilayer_perceptron` and `train` are the same,
under imports from ``keras``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any

from dlkit.errors import CourseError
from dlkit.keras.callbacks import Callback
from dlkit.keras.layers import Dense, Dropout
from dlkit.keras.models import Sequential, load_model
from dlkit.keras.optimizers import RMSprop
from dlkit.recipes.arguments import parser, part
from dlkit.recipes.data import DataSets
from dlkit.recipes.program import Run, Scores, run

__all__ = ["main", "multilayer_perceptron", "train"]

# ---- the model: a stack of layers ------------------------------------------------------------------------------------


def multilayer_perceptron(
    n_input: int, n_hidden_1: int, n_hidden_2: int, n_classes: int, learning_rate: float = 0.001, dropout: float = 0.2,
    **options: Any,
) -> Sequential:  # fmt: skip
    """Return the model, ready to be trained; `options` are those of `Sequential`: device and seed."""
    model = Sequential(**options)
    model.add(Dense(n_hidden_1, activation="relu", input_shape=(n_input,)))
    model.add(Dropout(dropout))
    model.add(Dense(n_hidden_2, activation="relu"))
    model.add(Dropout(dropout))
    model.add(Dense(n_classes, activation="softmax"))

    model.compile(loss="categorical_crossentropy", optimizer=RMSprop(learning_rate), metrics=["accuracy"])
    return model


# ---- the training ----------------------------------------------------------------------------------------------------


def train(model: Sequential, mnist: DataSets, batch_size: int, epochs: int, **options: Any) -> Any:
    """Train up to epoch number `epochs`; `options` are further ones of `fit`. Return Keras's history."""
    x_train, y_train = mnist.train.images, mnist.train.labels
    x_test, y_test = mnist.test.images, mnist.test.labels
    return model.fit(
        x_train, y_train, batch_size=batch_size, epochs=epochs, validation_data=(x_test, y_test), **options
    )


class Keep(Callback):
    """Keeps the model and the numbers of each epoch."""

    def __init__(self, this: Run) -> None:
        self.this = this

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Look at the clock."""
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keep what there is."""
        self.this.keep(self.model.save, {**(logs or {}), "seconds": time.perf_counter() - self.began})


# ---- the program: what is around it ----------------------------------------------------------------------------------


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program, and return its exit code."""
    found = parser(
        "dlkit.recipes.mlp_keras",
        "Train the deck's multilayer perceptron on handwritten digits, as a stack of layers in the manner of Keras.",
        epochs=20,
        batch_size=128,
        learning_rate=0.001,
        hidden=512,
    )
    found.option("--dropout", 0.2, "which part of the hidden units is left out in each step", type=part)
    return run("mlp_keras", found, _train, argv)


def _train(this: Run) -> Scores:
    options, mnist, group = this.options, this.mnist, this.group
    batch_size = options["batch_size"]
    if this.folder is not None and options["resume"]:
        with this.folder.read() as path:
            model = load_model(path, device=group.device)
        this.go_on_after(model.optimizer.iterations // -(-mnist.train.num_examples // batch_size))
    else:
        n_input, n_classes = mnist.train.images.shape[1], mnist.train.labels.shape[1]
        n_hidden_1, n_hidden_2 = options["hidden"]
        model = multilayer_perceptron(
            n_input, n_hidden_1, n_hidden_2, n_classes, options["learning_rate"], options["dropout"],
            device=group.device, seed=options["seed"],
        )  # fmt: skip
        if this.first:
            model.summary()

    try:
        train(
            model, mnist, batch_size, options["epochs"], group=group, initial_epoch=this.epochs_done,
            callbacks=[Keep(this)], verbose=1 if sys.stdout.isatty() else 2, validation_batch_size=1000,
        )  # fmt: skip
    except FloatingPointError as error:
        raise CourseError(f"{error}; try a smaller --learning-rate") from None
    scores = {}
    for name, data in (("train", mnist.train), ("test", mnist.test)):
        loss, accuracy = model.evaluate(data.images, data.labels, batch_size=1000, verbose=0)
        scores[name] = loss, accuracy
    return scores


if __name__ == "__main__":
    sys.exit(main())
