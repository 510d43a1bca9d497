"""What `fit`, `evaluate` and `predict` are given, checked, as arrays on the model's device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from dlkit import arrays
from dlkit._checks import first
from dlkit._operands import distribution
from dlkit.keras.losses import Loss

__all__ = ["Data", "class_weights", "inputs", "targets"]

Shape = tuple[int, ...]


@dataclass
class Data:
    """Samples, with their labels and weights, on one device.

    Attributes
    ----------
    x : array of float32, shape (n, …)
        The samples.
    y : array or None
        The labels.
    weight : array of float32, shape (n,), or None
        How much each sample counts.
    one_hot : bool
        Whether each label names one class.
    """

    x: Any
    y: Any = None
    weight: Any = None
    one_hot: bool = False

    def __len__(self) -> int:
        return len(self.x)

    def part(self, index: Any) -> Data:
        """Return the samples of a slice, or of an array of integers in its order."""
        if not isinstance(index, slice):
            index = arrays.array(index, device=arrays.device_of(self.x))
        return Data(
            self.x[index],
            None if self.y is None else self.y[index],
            None if self.weight is None else self.weight[index],
            self.one_hot,
        )


def inputs(x: Any, shape: Shape, device: str, layer: str, name: str = "x") -> Any:
    """Return samples as float32; each must be of a shape, which the layer asks for."""
    x = _array(x, name)
    given = tuple(x.shape)
    if len(given) == 0 or given[0] == 0:
        raise ValueError(f"{name} must hold samples; got the shape {given}")
    if given[1:] != shape:
        hint = ""
        if prod(given[1:]) == prod(shape):
            hint = f" ({name}.reshape({', '.join(map(str, (-1, *shape)))}) would fit"
            hint += f", or Flatten(input_shape={given[1:]}) as first layer)" if len(shape) == 1 else ")"
        elif given == shape:
            hint = f" (a single sample is a batch of one: {name}[None])"
        raise ValueError(f"{name} must have the shape {_batch(shape)}, as layer {layer!r} asks; got {given}{hint}")
    return arrays.array(x, "float32", device)


def targets(y: Any, n: int, loss: Loss, shape: Shape, device: str, name: str = "y") -> tuple[Any, bool]:
    """Return labels as the loss needs them for outputs of a shape, and whether each names one class.

    Raises
    ------
    ValueError
        If they do not fit the outputs, or are not what the loss asks for.
    """
    y = _array(y, name)
    if len(y.shape) == 0 or len(y) != n:
        raise ValueError(f"{name} must hold a label for each of the {n} samples; got the shape {tuple(y.shape)}")
    if len(y.shape) == 1 and shape == (1,) and loss.labels != "classes":
        y = y.reshape(-1, 1)  # beside outputs (n, 1) it would be broadcast to n² differences
    if loss.labels == "any":
        floating = "float" in str(y.dtype)
        return arrays.array(y, "float32" if floating or str(y.dtype).endswith("bool") else None, device), False
    if loss.labels == "classes":
        return arrays.array(_classes(y, loss, shape, name), "int64", device), True
    if tuple(y.shape[1:]) != shape:
        raise ValueError(_wrong_shape(y, loss, shape, name))
    y = arrays.array(y, "float32", device)
    if loss.labels == "rows":
        try:
            distribution(y, name, -1)
        except ValueError as error:
            hint = " (class numbers become such rows by keras.utils.to_categorical)" if shape == (1,) else ""
            raise ValueError(f"{loss.name} asks for one-hot rows, or rows of probabilities: {error}{hint}") from None
        return y, bool(((y == 0) | (y == 1)).all())
    if loss.labels == "probabilities":
        _require((y >= 0) & (y <= 1), y, f"{name} must lie in [0, 1], as {loss.name} asks")
    elif loss.labels == "signs":
        wanted = f"{name} must hold -1 and 1, or 0 and 1, as {loss.name} asks"
        _require((y == -1) | (y == 0) | (y == 1), y, wanted)
    return y, False


def class_weights(weights: Mapping[int, float], y: Any, given: Any) -> Any:
    """Return the weight of each sample by its class, times the one it was given."""
    y = arrays.to_numpy(y)
    classes = y.argmax(-1) if y.ndim == 2 and y.shape[1] > 1 else y.reshape(len(y)).round().astype(int)
    if not isinstance(weights, Mapping):
        raise TypeError(f"class_weight must be a dict from class to weight; got {weights!r}")
    each = np.ones(len(y), np.float32)
    for label, weight in weights.items():
        each[classes == label] = weight
    return each if given is None else each * given


def weights(weight: Any, n: int, device: str) -> Any:
    """Return the weights of samples as float32."""
    if weight is None:
        return None
    weight = _array(weight, "sample_weight")
    if tuple(weight.shape) != (n,):
        raise ValueError(f"sample_weight must have the shape ({n},), a number per sample; got {tuple(weight.shape)}")
    _require(weight >= 0, weight, "sample_weight must not be negative")
    return arrays.array(weight, "float32", device)


def _array(x: Any, name: str) -> Any:
    if x is None:
        raise TypeError(f"{name} must be given; got None")
    if not arrays.is_torch(x):
        try:
            x = np.asarray(x)
        except ValueError:
            raise ValueError(f"{name} must be a rectangular array; got rows of different lengths") from None
        if x.dtype.kind not in "fiub":
            raise TypeError(f"{name} must hold numbers; got dtype {x.dtype}")
    return x


def _classes(y: Any, loss: Loss, shape: Shape, name: str) -> Any:
    if len(y.shape) == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if len(y.shape) != 1:
        hint = ""
        if tuple(y.shape[1:]) == shape:
            hint = f" (one-hot rows go with loss='categorical_crossentropy'; {name}.argmax(1) makes classes of them)"
        raise ValueError(
            f"{name} must hold a class per sample, as {loss.name} asks; got the shape {tuple(y.shape)}{hint}"
        )
    if len(shape) != 1 or shape[0] < 2:
        raise ValueError(
            f"{loss.name} needs as many outputs as there are classes, at least 2; the model's last layer has {shape}"
        )
    _require(y == y.round(), y, f"{name} must hold classes as whole numbers, as {loss.name} asks")
    allowed = f"{name} must hold classes 0..{shape[0] - 1}, as the model has {shape[0]} outputs"
    _require((y >= 0) & (y < shape[0]), y, allowed)
    return y


def _wrong_shape(y: Any, loss: Loss, shape: Shape, name: str) -> str:
    given = tuple(y.shape)
    message = f"{name} must have the shape {_batch(shape)} of the model's outputs, as {loss.name} asks; got {given}"
    if loss.labels == "rows" and (len(given) == 1 or given[1:] == (1,)):
        message += (
            f" (class numbers: keras.utils.to_categorical({name}, {shape[-1]}) makes one-hot rows of them, or take "
            f"loss='sparse_categorical_crossentropy')"
        )
    elif len(given) == 1 and len(shape) == 1:
        message += f" (a last layer Dense(1) has one output per sample, not {shape[0]})"
    return message


def _require(condition: Any, y: Any, wanted: str) -> None:
    if not condition.all():
        where = first(arrays.to_numpy(~condition))
        raise ValueError(f"{wanted}; got {arrays.to_numpy(y)[where]} at index {where}")


def _batch(shape: Shape) -> str:
    return "(" + ", ".join(["n", *map(str, shape)]) + ("" if shape else ",") + ")"
