"""Networks as stacks of layers, as in Keras: `Sequential`, `compile`, `fit`.

>>> from dlkit import keras
>>> model = keras.Sequential([keras.layers.Dense(1, input_shape=(1,))], seed=0)
>>> model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mean_squared_error")
>>> history = model.fit([[0.0], [1.0]], [1.0, 3.0], epochs=200, verbose=0)
>>> print(model.predict([[2.0]]).round(2))
[[5.]]

A program for Keras runs with ``from dlkit import keras`` in place of ``import keras``, and ``dlkit.keras.models`` in
place of ``keras.models``, as long as it stacks the layers that are here. Names and formulas are those of Keras 3 (its
ε, its initial accumulators, its averages; everything in float32), and the spellings of Keras 2 are understood. What is
computed is the rest of this package's: derivatives come from the table of `dlkit.autograd`, steps from the rules of
`dlkit.optim`. ``device="cuda"`` in `Sequential` or ``compile`` trains on a GPU, ``"cpu"`` with torch's threads, and
``group=`` in ``fit`` with several processes.

``models``, ``layers``
    Sequential, and what it is made of.
``losses``, ``metrics``, ``optimizers``, ``callbacks``
    What `compile` and `fit` take, by name or as objects.
``activations``, ``initializers``, ``regularizers``, ``constraints``
    What layers take.
``utils``, ``datasets``, ``saving``, ``backend``
    One-hot rows and seeds; digits; files (safetensors and JSON).

Different from Keras, on purpose
--------------------------------
- A loss that is no finite number stops training, with the layer that is at fault.
- Labels that are not what the loss asks for are refused, also where Keras would broadcast them.
- Names of layers are counted in each model anew: what a cell of a notebook prints does not depend on how often it ran.
- ``train_on_batch`` returns the numbers of its batch, as Keras 2 did, not averages since an earlier call.
- Files are safetensors.
"""

from typing import Any

from dlkit.keras import (
    activations,
    backend,
    callbacks,
    constraints,
    datasets,
    initializers,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    regularizers,
    saving,
    utils,
)
from dlkit.keras._names import nearest
from dlkit.keras.layers import Input
from dlkit.keras.models import Sequential

__all__ = [
    "Input",
    "Sequential",
    "activations",
    "backend",
    "callbacks",
    "constraints",
    "datasets",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "regularizers",
    "saving",
    "utils",
]


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    raise AttributeError(f"dlkit.keras has no {name!r}. {nearest(name, __all__)}")
