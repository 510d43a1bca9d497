"""The layers that a multilayer perceptron is stacked from."""

from __future__ import annotations

from math import prod
from typing import Any

from dlkit import activations as ours
from dlkit._checks import count, number
from dlkit.autograd import operations as op
from dlkit.keras import activations, constraints, initializers, regularizers
from dlkit.keras.layers.base import Layer, Shape, checked_shape

__all__ = ["Activation", "Dense", "Dropout", "Flatten", "Input", "InputLayer", "Maxout", "MaxoutDense", "Reshape"]


class Dense(Layer):
    """A fully connected layer: activation(x W + b).

    Parameters
    ----------
    units : int
        How many numbers come out, the columns of W.
    activation : str or callable, optional
        See `dlkit.keras.activations`; none by default.
    use_bias : bool, default True
        Whether there is a b.
    kernel_initializer, bias_initializer : str, Initializer or callable
        What W (by default Glorot's uniform numbers) and b (zeros) start with.
    kernel_regularizer, bias_regularizer : str, regularizer or None
        Penalties on W and b, added to the loss.
    kernel_constraint, bias_constraint : str, constraint or None
        Where W and b are brought back to after each step.
    **kwargs
        See `Layer`: name, trainable, seed, input_shape, input_dim.

    Notes
    -----
    Takes batches of shape (n, …, inputs) and returns (n, …, units).
    """

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = count(units, "units")
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)

    def build(self, shape: Shape) -> None:
        """Make W and b."""
        if not shape:
            raise ValueError(f"layer {self.name!r} must get vectors; got single numbers: x.reshape(-1, 1)")
        self._make(shape[-1], self.units)

    def _make(self, inputs: int, columns: int) -> None:
        self.add_weight(
            "kernel", (inputs, columns), self.kernel_initializer, self.kernel_regularizer, self.kernel_constraint
        )
        if self.use_bias:
            self.add_weight("bias", (columns,), self.bias_initializer, self.bias_regularizer, self.bias_constraint)

    @property
    def kernel(self) -> Any:
        """W, of shape (inputs, units)."""
        return self.parameters["kernel"]

    @property
    def bias(self) -> Any:
        """The bias b, of shape (units,); None without one."""
        return self.parameters.get("bias")

    @property
    def activation_at_the_end(self) -> Any:
        """The layer's activation."""
        return self.activation

    def scores(self, x: Any, training: bool = False) -> Any:
        """Return x W + b."""
        parameters = self.parameters
        if self.use_bias:
            return op.linear(x, parameters["kernel"], parameters["bias"])
        return op.matmul(x, parameters["kernel"])

    def call(self, x: Any, training: bool = False) -> Any:
        """Return activation(x W + b)."""
        return self.activation(self.scores(x))

    def compute_output_shape(self, shape: Shape) -> Shape:
        """Return the shape with `units` in place of the inputs."""
        return (*shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, as JSON can say them."""
        return {
            **super().get_config(),
            "units": self.units,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
        }


class MaxoutDense(Dense):
    """Units that take the largest of several linear functions of x (Goodfellow et al., 2013; the layer of Keras 1).

    Parameters
    ----------
    units : int
        How many numbers come out.
    pieces : int, default 2
        How many linear functions each unit takes the largest of.
    **kwargs
        As for `Dense`, but for the activation: the maximum is one.
    """

    def __init__(self, units: int, pieces: int = 2, **kwargs: Any) -> None:
        if "activation" in kwargs:
            raise TypeError("MaxoutDense has no argument 'activation': the maximum is its activation")
        super().__init__(units, **kwargs)
        self.pieces = count(pieces, "pieces")

    def build(self, shape: Shape) -> None:
        """Make W and b of all pieces: the columns of a unit stand beside each other."""
        self._make(shape[-1], self.units * self.pieces)

    @property
    def activation_at_the_end(self) -> Any:
        """None that a loss could be joined with."""
        return None

    def call(self, x: Any, training: bool = False) -> Any:
        """Return the largest piece of each unit."""
        return ours.maxout(self.scores(x), self.pieces)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, as JSON can say them."""
        config = super().get_config()
        del config["activation"]
        return {**config, "pieces": self.pieces}


class Maxout(Layer):
    """The largest of each group of numbers that stand beside each other, as TensorFlow Addons' layer of this name.

    ``Dense(2 * m)`` and then ``Maxout(m)`` are m maxout units of two pieces each; so is ``MaxoutDense(m)``.

    Parameters
    ----------
    num_units : int
        How many groups, and numbers that come out; the inputs must be a multiple of it.
    **kwargs
        See `Layer`.
    """

    def __init__(self, num_units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_units = count(num_units, "num_units")

    def build(self, shape: Shape) -> None:
        """Look whether the groups come out even."""
        if not shape or shape[-1] % self.num_units:
            raise ValueError(
                f"layer {self.name!r}: num_units must divide the {shape[-1] if shape else 0} inputs; "
                f"got {self.num_units}"
            )

    def call(self, x: Any, training: bool = False) -> Any:
        """Return the largest number of each group."""
        return ours.maxout(x, x.shape[-1] // self.num_units)

    def compute_output_shape(self, shape: Shape) -> Shape:
        """Return the shape with `num_units` in place of the inputs."""
        return (*shape[:-1], self.num_units)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, as JSON can say them."""
        return {**super().get_config(), "num_units": self.num_units}


class Activation(Layer):
    """An activation as a layer of its own.

    Parameters
    ----------
    activation : str or callable
        See `dlkit.keras.activations`.
    **kwargs
        See `Layer`.
    """

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    @property
    def activation_at_the_end(self) -> Any:
        """The activation."""
        return self.activation

    def scores(self, x: Any, training: bool = False) -> Any:
        """Return x."""
        return x

    def call(self, x: Any, training: bool = False) -> Any:
        """Return activation(x)."""
        return self.activation(x)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, as JSON can say them."""
        return {**super().get_config(), "activation": activations.serialize(self.activation)}


class Dropout(Layer):
    """In training each number is 0 with probability `rate`, else divided by 1 − rate; later nothing happens to it.

    So the mean stays as it is, and nothing need be scaled in use: inverted dropout (Srivastava, Hinton, Krizhevsky,
    Sutskever and Salakhutdinov, 2014, section 10).

    Parameters
    ----------
    rate : float in [0, 1]
        The part that is dropped; on a CPU rounded to 1/65536. 1 drops everything.
    noise_shape : tuple of int or None, optional
        A shape with 1 (or None for the full length) along axes where one decision counts for all; the batch comes
        first.
    seed : int, optional
        Where the decisions are drawn from; by default the model says.
    **kwargs
        See `Layer`.
    """

    def __init__(self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed=seed, **kwargs)
        self.rate = number(rate, "rate", 0, 1)
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)

    def call(self, x: Any, training: bool = False) -> Any:
        """Return x with what is dropped put to 0, in training; else x."""
        if not training or self.rate == 0:
            return x
        shape, for_all = tuple(x.shape), False
        if self.noise_shape is not None:
            shape = tuple(n if asked is None else asked for n, asked in zip(shape, self.noise_shape, strict=True))
            for_all = self.noise_shape[0] is not None
        return op.multiply(x, self.masks.draw(self.rate, getattr(x, "value", x), shape, for_all))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, as JSON can say them."""
        noise_shape = None if self.noise_shape is None else list(self.noise_shape)
        return {**super().get_config(), "rate": self.rate, "noise_shape": noise_shape}


class Flatten(Layer):
    """All numbers of a sample in one row: (n, 28, 28) becomes (n, 784)."""

    def call(self, x: Any, training: bool = False) -> Any:
        """Return the samples as vectors."""
        return op.reshape(x, shape=(x.shape[0], prod(x.shape[1:])))

    def compute_output_shape(self, shape: Shape) -> Shape:
        """Return the length of a row."""
        return (prod(shape),)


class Reshape(Layer):
    """The numbers of a sample in another shape.

    Parameters
    ----------
    target_shape : tuple of int
        Without the batch.
    **kwargs
        See `Layer`.
    """

    def __init__(self, target_shape: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target_shape = checked_shape(target_shape, "target_shape")

    def build(self, shape: Shape) -> None:
        """Look whether there are as many numbers."""
        if prod(shape) != prod(self.target_shape):
            raise ValueError(
                f"layer {self.name!r}: target_shape must hold the {prod(shape)} numbers of {shape}; "
                f"got {self.target_shape}"
            )

    def call(self, x: Any, training: bool = False) -> Any:
        """Return the samples in the shape."""
        return op.reshape(x, shape=(x.shape[0], *self.target_shape))

    def compute_output_shape(self, shape: Shape) -> Shape:
        """Return it."""
        return self.target_shape

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, as JSON can say them."""
        return {**super().get_config(), "target_shape": list(self.target_shape)}


class InputLayer(Layer):
    """Says what shape a model's samples have. It is no layer of the model: nothing happens in it.

    Parameters
    ----------
    shape : tuple of int
        That of one sample; `input_shape` says the same.
    **kwargs
        See `Layer`.
    """

    def __init__(self, shape: Any = None, **kwargs: Any) -> None:
        if shape is not None:
            kwargs["input_shape"] = shape
        super().__init__(**kwargs)
        if self.given_input_shape is None:
            raise TypeError("InputLayer must be given shape, that of one sample, as (784,)")

    def call(self, x: Any, training: bool = False) -> Any:
        """Return x."""
        return x


def Input(shape: Any = None, **kwargs: Any) -> InputLayer:  # noqa: N802  (Keras's name)
    """Return an `InputLayer`, to be the first of a list of layers."""
    return InputLayer(shape, **kwargs)
