"""`Sequential`: a stack of layers, each fed with what the one before it returns."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from dlkit import arrays
from dlkit.autograd import Tensor
from dlkit.keras import _summary, saving
from dlkit.keras._random import branch
from dlkit.keras._training import Trainer
from dlkit.keras.layers.base import Layer, checked_shape
from dlkit.keras.layers.core import Input, InputLayer
from dlkit.keras.saving import load_model, model_from_json, save_model

__all__ = ["Input", "Sequential", "load_model", "model_from_json", "save_model"]


class Sequential(Trainer):
    """A stack of layers.

    Parameters
    ----------
    layers : list of Layer, optional
        The layers, from the input on; `add` appends further ones.
    name : str, default "sequential"
        What `summary` calls it.
    device : {"numpy", "cpu", "cuda", "cuda:N"}, default "numpy"
        Where it lives: numpy arrays, or torch tensors on a CPU or GPU (see `dlkit.arrays`).
    seed : int, optional
        Where initial weights, dropout and the order of samples are drawn from; fresh entropy by default, or what
        `dlkit.keras.utils.set_random_seed` has planted.

    Examples
    --------
    >>> from dlkit.keras.layers import Dense
    >>> model = Sequential([Dense(8, activation="relu", input_shape=(4,)), Dense(3, activation="softmax")], seed=0)
    >>> model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    >>> history = model.fit(np.eye(4), np.eye(3)[[0, 1, 2, 0]], epochs=500, verbose=0)
    >>> model.predict(np.eye(4)).argmax(axis=1)
    array([0, 1, 2, 0])
    """

    def __init__(
        self,
        layers: Any = None,
        name: str | None = None,
        *,
        device: str = "numpy",
        seed: int | None = None,
    ) -> None:
        self.name = name or "sequential"
        self.layers: list[Layer] = []
        self.seed = seed
        self._seeds = branch(seed)
        self._shuffle = np.random.default_rng(self._seeds.spawn(1)[0])
        self._given_shape: tuple[int, ...] | None = None
        self.device = _checked_device(device)
        for layer in [] if layers is None else layers:
            self.add(layer)

    def add(self, layer: Layer) -> None:
        """Put a layer on top.

        Parameters
        ----------
        layer : Layer
            Its weights are made at once if the input's shape is known: by `input_shape` of the first layer, an `Input`
            before it, or `build`.

        Raises
        ------
        TypeError
            If it is no layer.
        ValueError
            If it is in the model already, an `Input` is not the first, or its input's shape does not fit.
        """
        if isinstance(layer, type) and issubclass(layer, Layer):
            raise TypeError(f"layer must be a layer; got the class {layer.__name__}: write {layer.__name__}(...)")
        if not isinstance(layer, Layer):
            raise TypeError(f"layer must be a layer of dlkit.keras.layers; got {layer!r}")
        if isinstance(layer, InputLayer):
            if self.layers or self._given_shape is not None:
                raise ValueError("an Input says the shape of samples, so it comes first, and once")
            self._given_shape = layer.given_input_shape
            return
        if layer in self.layers:
            raise ValueError(f"layer {layer.name!r} is in the model already; a second one has weights of its own")
        if layer.given_input_shape is not None and not self.layers and self._given_shape is None:
            self._given_shape = layer.given_input_shape
        self._name(layer)
        layer.attach(self._seeds.spawn(1)[0])
        if layer.device != self.device:
            layer.to(self.device)
        self.layers.append(layer)
        if self._given_shape is not None:
            try:
                self._build_last()
            except Exception:
                self.layers.pop()
                raise

    def pop(self) -> Layer:
        """Take the last layer off, and return it."""
        if not self.layers:
            raise ValueError("the model has no layers")
        return self.layers.pop()

    def _name(self, layer: Layer) -> None:
        taken = {other.name for other in self.layers}
        if layer.name in taken:
            if layer.named:
                raise ValueError(f"layers must have different names; there is a {layer.name!r} already")
            layer.name = next(name for k in range(1, len(taken) + 2) if (name := f"{layer.name}_{k}") not in taken)

    def _build_last(self) -> None:
        before = self.layers[-2] if len(self.layers) > 1 else None
        shape = self._given_shape if before is None else before.compute_output_shape(before._shape_in())
        assert shape is not None
        layer = self.layers[-1]
        if layer.built and layer.sample_shape != shape:
            raise ValueError(f"layer {layer.name!r} was built for samples of {layer.sample_shape}; got {shape}")
        layer.ensure_built(shape)

    def build(self, input_shape: Any = None) -> None:
        """Make the weights.

        Parameters
        ----------
        input_shape : tuple of int, optional
            That of a batch, with None in front, as in Keras; not needed where the first layer says it.
        """
        if input_shape is not None:
            lengths = tuple(input_shape)
            self._given_shape = checked_shape(lengths[1:] if lengths and lengths[0] is None else lengths, "input_shape")
        if self._given_shape is None:
            raise ValueError("the model does not know the shape of its samples: give the first layer an input_shape")
        layers, self.layers = self.layers, []
        for layer in layers:
            self.layers.append(layer)
            self._build_last()

    @property
    def built(self) -> bool:
        """Whether the weights are made."""
        return bool(self.layers) and all(layer.built for layer in self.layers)

    def __call__(self, x: Any, training: bool = False) -> Any:
        """Return what becomes of a batch: a Tensor, through which gradients flow."""
        return self._forward(x if isinstance(x, Tensor) else self._inputs(x), training)

    def to(self, device: str) -> None:
        """Move the model, with its optimizer's state, to another device.

        Parameters
        ----------
        device : {"numpy", "cpu", "cuda", "cuda:N"}
            Where to.

        Raises
        ------
        ValueError
            If there is no such device.
        """
        device = _checked_device(device)
        if device == self.device:
            return
        for layer in self.layers:
            layer.to(device)
        self.device = device
        if self.optimizer is not None and self.optimizer.iterations:
            state = self.optimizer.rule.state_dict()
            for slot in self.optimizer.rule.slots:
                state[slot] = [None if a is None else arrays.array(a, device=device) for a in state[slot]]
            self.optimizer.rule.load_state_dict(state)

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """The shape of a batch that comes in."""
        return self.layers[0].input_shape

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """The shape of a batch that comes out."""
        return self.layers[-1].output_shape

    @property
    def weights(self) -> list[Any]:
        """The weights of all layers."""
        return [w for layer in self.layers for w in layer.weights]

    @property
    def trainable_weights(self) -> list[Tensor]:
        """The weights that training changes."""
        return [w for layer in self.layers for w in layer.trainable_weights]

    def count_params(self) -> int:
        """Return how many numbers the weights are."""
        return sum(layer.count_params() for layer in self.layers)

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of the weights, layer by layer."""
        return [w for layer in self.layers for w in layer.get_weights()]

    def set_weights(self, weights: Any) -> None:
        """Put other numbers in place of the weights.

        Parameters
        ----------
        weights : list of array_like
            As `get_weights` returns them; those of the same model in Keras will do.

        Raises
        ------
        ValueError
            If there are more or fewer, or one has another shape.
        """
        given, counts = list(weights), [len(layer.weights) for layer in self.layers]
        if len(given) != sum(counts):
            hint = "" if self.built else "; the model is not built yet: give the first layer an input_shape"
            raise ValueError(f"weights must be {sum(counts)} arrays; got {len(given)}{hint}")
        at = 0
        for layer, n in zip(self.layers, counts, strict=True):
            layer.set_weights(given[at : at + n])
            at += n

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return a layer by its name or its place."""
        if index is not None:
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise ValueError(f"the model has no layer {name!r}; its layers are {[layer.name for layer in self.layers]}")

    def summary(self, line_length: int | None = None, print_fn: Any = None) -> None:
        """Print the layers, their outputs' shapes and how many weights they have.

        Parameters
        ----------
        line_length : int, optional
            How wide the table is.
        print_fn : callable, default print
            What is called with the table.
        """
        (print_fn or print)(_summary.summary(self, line_length))

    def predict_classes(self, x: Any, batch_size: int | None = None, verbose: Any = 0) -> np.ndarray:
        """Return the likeliest class of each sample, as Keras 2 did: of one output, whether it is above 1/2."""
        outputs = self.predict(x, batch_size, verbose)
        return (outputs > 0.5).astype(int) if outputs.shape[-1] == 1 else outputs.argmax(axis=-1)

    def predict_proba(self, x: Any, batch_size: int | None = None, verbose: Any = 0) -> np.ndarray:
        """Return what `predict` does, as Keras 2 did."""
        return self.predict(x, batch_size, verbose)

    def save(self, filepath: Any, include_optimizer: bool = True) -> None:
        """Write the model to a file; see `dlkit.keras.saving.save_model`."""
        save_model(self, filepath, include_optimizer)

    def save_weights(self, filepath: Any) -> None:
        """Write the weights to a file."""
        saving.save_weights(self, filepath)

    def load_weights(self, filepath: Any) -> None:
        """Put the weights of a file in place; of a whole model, too."""
        saving.load_weights(self, filepath)

    def get_config(self) -> dict[str, Any]:
        """Return the layers and their arguments, as JSON can say them."""
        shape = None if self._given_shape is None else list(self._given_shape)
        layers = [{"class_name": type(layer).__name__, "config": layer.get_config()} for layer in self.layers]
        return {"name": self.name, "input_shape": shape, "layers": layers}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None, device: str = "numpy") -> Sequential:
        """Return a model of the layers that `get_config` returned, with new weights."""
        return saving.from_config(cls, config, custom_objects, device)

    def to_json(self) -> str:
        """Return the layers and their arguments as JSON; `model_from_json` makes a model of it."""
        return json.dumps({"class_name": "Sequential", "config": self.get_config()})


def _checked_device(device: str) -> str:
    """Return the device by its full name, having made sure that it is there."""
    return "numpy" if device == "numpy" else arrays.device_of(arrays.array(np.zeros(1, np.float32), device=device))
