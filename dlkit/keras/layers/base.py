"""What all layers share: weights that are made once the input's shape is known, a name, a place."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlkit import arrays
from dlkit._checks import count
from dlkit._operands import plain
from dlkit.autograd import Tensor
from dlkit.keras import constraints, initializers, regularizers
from dlkit.keras._names import arguments, misspelt, snake
from dlkit.keras._random import Masks, branch, generator

__all__ = ["Layer", "checked_shape"]

Shape = tuple[int, ...]


class Layer:
    """A function of a batch, with weights. A layer of one's own defines `call`, and `build` if it has weights.

    Parameters
    ----------
    name : str, optional
        By default made of the class, and a number if the model has several.
    trainable : bool, default True
        Whether training changes the weights.
    seed : int, optional
        Where the weights, and what is random later, are drawn from. By default the model says.
    input_shape : tuple of int, optional
        The shape of one sample, for the first layer of a model; `input_dim`, an integer, says the same of vectors,
        and `batch_input_shape` has a None for the batch in front.

    Attributes
    ----------
    parameters : dict of str to Tensor
        The weights that training changes.
    buffers : dict of str to array
        What else the layer remembers: the moving averages of batch normalization.
    built : bool
        Whether the weights are made.
    """

    def __init__(
        self,
        *,
        name: str | None = None,
        trainable: bool = True,
        seed: int | None = None,
        input_shape: Any = None,
        input_dim: int | None = None,
        batch_input_shape: Any = None,
        **unknown: Any,
    ) -> None:
        for argument in unknown:
            known = [*arguments(type(self).__init__), *arguments(Layer.__init__)]
            raise misspelt(type(self).__name__, argument, known)
        if name is not None and not isinstance(name, str):
            raise TypeError(f"name must be a string; got {name!r}")
        if input_dim is not None:
            input_shape = (count(input_dim, "input_dim"),)
        if batch_input_shape is not None:
            input_shape = tuple(batch_input_shape)[1:]
        self.name = name or snake(type(self).__name__)
        self.named = name is not None
        self.trainable = bool(trainable)
        self.seed = seed
        self.given_input_shape = None if input_shape is None else checked_shape(input_shape, "input_shape")
        self.parameters: dict[str, Tensor] = {}
        self.buffers: dict[str, Any] = {}
        self.built = False
        self.device = "numpy"
        self.sample_shape: Shape | None = None  # of one sample that comes in, once the layer is built
        self._regularizers: dict[str, Any] = {}
        self._constraints: dict[str, Any] = {}
        self._seeds: list[np.random.SeedSequence] = []
        if seed is not None:
            self.attach(branch(seed))

    # What a layer says

    def build(self, shape: Shape) -> None:
        """Make the weights for samples of a shape."""

    def call(self, x: Any, training: bool = False) -> Any:
        """Return what becomes of a batch."""
        raise NotImplementedError(f"{type(self).__name__} must define call(self, x, training)")

    def compute_output_shape(self, shape: Shape) -> Shape:
        """Return the shape of a sample that comes out, for one that goes in."""
        return shape

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor, as JSON can say them."""
        config: dict[str, Any] = {"name": self.name, "trainable": self.trainable}
        if self.seed is not None:
            config["seed"] = self.seed
        if self.given_input_shape is not None:
            config["input_shape"] = list(self.given_input_shape)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Layer:
        """Return a layer with the arguments that `get_config` returned."""
        return cls(**config)

    @property
    def activation_at_the_end(self) -> Any:
        """The activation that is the last thing the layer does; None where it does not end with one."""
        return None

    def scores(self, x: Any, training: bool = False) -> Any:
        """Return what `call` does, without the activation at the end."""
        raise NotImplementedError(f"{type(self).__name__} does not end with an activation")

    # What is done with it

    def __call__(self, x: Any, training: bool = False) -> Any:
        """Return what becomes of a batch; make the weights for it if there are none yet."""
        if not isinstance(x, Tensor):
            x = arrays.array(x, "float32", self.device if not arrays.is_torch(x) else None)
        if not self.built:
            self.ensure_built(tuple(x.shape)[1:])
        return self.call(x, training)

    def attach(self, seeds: np.random.SeedSequence) -> None:
        """Say where random numbers come from; what was said first counts."""
        if not self._seeds:
            self._seeds = seeds.spawn(2)
            self.masks = Masks(self._seeds[1])

    def ensure_built(self, shape: Shape) -> Shape:
        """Make the weights if there are none; return the shape of a sample that comes out."""
        if not self.built:
            self.attach(branch())
            self._rng = generator(self._seeds[0])
            self.build(shape)
            self.built, self.sample_shape = True, shape
        return self.compute_output_shape(shape)

    def add_weight(
        self,
        name: str,
        shape: Shape,
        initializer: Any = "glorot_uniform",
        regularizer: Any = None,
        constraint: Any = None,
        trainable: bool = True,
    ) -> Any:
        """Make a weight, and return it: a Tensor, or for one that training leaves alone an array in `buffers`.

        Parameters
        ----------
        name : str
            Its key in `parameters` or `buffers`.
        shape : tuple of int
            Its shape.
        initializer, regularizer, constraint : str or callable, optional
            See the modules of these names.
        trainable : bool, default True
            Whether gradients change it.
        """
        value = arrays.array(initializers.get(initializer)(shape, self._rng), "float32", self.device)
        if not trainable:
            self.buffers[name] = value
            return value
        self.parameters[name] = weight = Tensor(value)
        for kept, given in ((self._regularizers, regularizers.get(regularizer)), (self._constraints, constraint)):
            if given is not None:
                kept[name] = constraints.get(given) if kept is self._constraints else given
        return weight

    def to(self, device: str) -> None:
        """Move the weights to a device."""
        self.device = device
        for name, weight in self.parameters.items():
            if weight.device != device:
                self.parameters[name] = Tensor(weight.value, device=device)
        self.buffers = {name: arrays.array(value, device=device) for name, value in self.buffers.items()}

    def penalty(self) -> Any:
        """Return the sum of the regularizers' penalties; None without any."""
        parts = [regularizer(self.parameters[name]) for name, regularizer in self._regularizers.items()]
        return sum(parts[1:], parts[0]) if parts else None

    def constrain(self) -> None:
        """Bring the weights back to where their constraints say."""
        for name, constraint in self._constraints.items():
            with self.parameters[name].writing() as value:
                value[...] = constraint(value)

    @property
    def weights(self) -> list[Any]:
        """The weights: those that training changes, then the others."""
        return [*self.parameters.values(), *self.buffers.values()]

    @property
    def trainable_weights(self) -> list[Tensor]:
        """The weights that training changes."""
        return list(self.parameters.values()) if self.trainable else []

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """The shape of a batch that comes in."""
        return (None, *self._shape_in())

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """The shape of a batch that comes out."""
        return (None, *self.compute_output_shape(self._shape_in()))

    def _shape_in(self) -> Shape:
        if self.sample_shape is None:
            raise ValueError(f"layer {self.name!r} is not built yet: it has no input shape")
        return self.sample_shape

    def count_params(self) -> int:
        """Return how many numbers the weights are."""
        return sum(int(np.prod(tuple(w.shape))) for w in self.weights)

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of the weights, those that training changes first."""
        return [np.array(arrays.to_numpy(plain(w))) for w in self.weights]

    def set_weights(self, weights: Any) -> None:
        """Put other numbers in place of the weights.

        Parameters
        ----------
        weights : list of array_like
            As `get_weights` returns them.

        Raises
        ------
        ValueError
            If there are more or fewer, or one has another shape.
        """
        own = {**self.parameters, **self.buffers}
        given = list(weights)
        if len(given) != len(own):
            hint = "" if self.built else "; it is not built yet: give its model an input_shape"
            raise ValueError(f"layer {self.name!r} has {len(own)} weights; got {len(given)}{hint}")
        checked = []
        for (name, weight), value in zip(own.items(), given, strict=True):
            new = arrays.array(plain(value), "float32", self.device)
            if tuple(new.shape) != tuple(weight.shape):
                raise ValueError(
                    f"layer {self.name!r}: {name} must have the shape {tuple(weight.shape)}; got {tuple(new.shape)}"
                )
            checked.append((name, new))
        for name, new in checked:
            if name in self.parameters:
                with self.parameters[name].writing() as value:
                    value[...] = new
            else:
                self.buffers[name] = new.clone() if arrays.is_torch(new) else np.array(new)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}{'' if self.built else ', not built yet'}>"


def checked_shape(shape: Any, name: str) -> Shape:
    """Return the shape of a sample as a tuple; an integer is the length of a vector."""
    if isinstance(shape, (int, np.integer)) and not isinstance(shape, bool):
        shape = (shape,)
    try:
        lengths = tuple(shape)
    except TypeError:
        raise TypeError(f"{name} must be a tuple of integers, as (784,); got {shape!r}") from None
    if lengths and lengths[0] is None:
        raise ValueError(f"{name} must be that of one sample, without the batch: {lengths[1:]}; got {lengths}")
    return tuple(count(length, f"each length in {name}") for length in lengths)
