"""Layers: functions of a batch with weights, to be stacked in a `dlkit.keras.Sequential`.

``core``
    Dense, Activation, Dropout, Flatten, Reshape, Input, Maxout and MaxoutDense.
``normalization``
    BatchNormalization.
``advanced_activations``
    LeakyReLU, ELU, ReLU and Softmax.
``base``
    Layer, which a layer of one's own is made from.
"""

from typing import Any

from dlkit.keras._names import nearest
from dlkit.keras.layers.advanced_activations import ELU, LeakyReLU, ReLU, Softmax
from dlkit.keras.layers.base import Layer
from dlkit.keras.layers.core import (
    Activation,
    Dense,
    Dropout,
    Flatten,
    Input,
    InputLayer,
    Maxout,
    MaxoutDense,
    Reshape,
)
from dlkit.keras.layers.normalization import BatchNormalization

__all__ = [
    "ELU",
    "Activation",
    "BatchNormalization",
    "Dense",
    "Dropout",
    "Flatten",
    "Input",
    "InputLayer",
    "Layer",
    "LeakyReLU",
    "Maxout",
    "MaxoutDense",
    "ReLU",
    "Reshape",
    "Softmax",
]

KNOWN: dict[str, type[Layer]] = {
    kind.__name__: kind
    for kind in (
        *(Activation, BatchNormalization, Dense, Dropout, ELU, Flatten, InputLayer, LeakyReLU, Maxout, MaxoutDense),
        *(ReLU, Reshape, Softmax),
    )
}


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    raise AttributeError(f"dlkit.keras.layers has no {name!r}. {nearest(name, __all__)}")
