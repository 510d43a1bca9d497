"""Layers by one call (``tf.layers``): a dense one, dropout, batch normalization, flattening.

A layer makes its variables in a scope of its own, by `tf.get_variable`: ``dense/kernel:0`` and ``dense/bias:0``, then
``dense_1/kernel:0``. With a name and ``reuse=True`` it takes those that are there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dlkit.autograd import operations as op
from dlkit.tf import nn
from dlkit.tf.building import add_formula, convert_to_tensor
from dlkit.tf.errors import not_offered
from dlkit.tf.graph import Tensor, name_scope
from dlkit.tf.mathematics import where
from dlkit.tf.random import ones_initializer, zeros_initializer
from dlkit.tf.scopes import get_variable, variable_scope
from dlkit.tf.shapes import written
from dlkit.tf.shaping import identity, reshape
from dlkit.tf.shaping import shape as shape_of
from dlkit.tf.variables import Variable

__all__ = ["Dense", "batch_normalization", "dense", "dropout", "flatten"]

Function = Callable[..., Any]


class Dense:
    """A dense layer, activation(x W + b), that can be called several times with the same variables.

    Parameters
    ----------
    units : int
        How many numbers come out for each row.
    activation : callable or str, optional
        A function such as ``tf.nn.relu``, or its name; none by default.
    use_bias : bool, default True
        Whether there is a b.
    kernel_initializer, bias_initializer : callable, optional
        What W and b start with: Glorot's uniform initialiser and zeros by default.
    kernel_regularizer, bias_regularizer : callable, optional
        Penalties, from the variable to a tensor: `tf.losses.get_regularization_loss` adds them up.
    trainable : bool, default True
        Whether optimizers change W and b.
    name : str, optional
        That of the scope.

    Attributes
    ----------
    kernel, bias : Variable
        W and b, once the layer has been called.
    """

    def __init__(
        self,
        units: int,
        activation: Function | str | None = None,
        use_bias: bool = True,
        kernel_initializer: Any = None,
        bias_initializer: Any = None,
        kernel_regularizer: Function | None = None,
        bias_regularizer: Function | None = None,
        activity_regularizer: None = None,
        kernel_constraint: None = None,
        bias_constraint: None = None,
        trainable: bool = True,
        name: str | None = None,
        _reuse: Any = None,
    ) -> None:
        if isinstance(units, bool) or not hasattr(units, "__index__") or int(units) < 1:
            raise ValueError(f"units must be an integer >= 1; got {units!r}")
        for value, what in ((activity_regularizer, "activity_regularizer"), (kernel_constraint, "kernel_constraint"),
                            (bias_constraint, "bias_constraint")):  # fmt: skip
            if value is not None:
                raise ValueError(f"{what} is not offered; got {value!r}")
        self.units, self.activation, self.use_bias = int(units), _activation(activation), use_bias
        self.name, self.trainable, self._reuse = name, trainable, _reuse
        self._initializers = kernel_initializer, bias_initializer or zeros_initializer()
        self._regularizers = kernel_regularizer, bias_regularizer
        self.kernel: Variable | None = None
        self.bias: Variable | None = None

    @property
    def weights(self) -> list[Variable]:
        """W and b, as far as they are there."""
        return [v for v in (self.kernel, self.bias) if v is not None]

    variables = weights

    @property
    def trainable_variables(self) -> list[Variable]:
        """Those of them that optimizers change."""
        return [v for v in self.weights if v.trainable]

    trainable_weights = trainable_variables

    def __call__(self, inputs: Any) -> Tensor:
        """Return the layer's result for `inputs`, floats of shape (…, n) with a known n."""
        x = _floats(inputs, "dense")
        if not x._shape or x._shape[-1] is None:
            raise ValueError(
                f"inputs of a dense layer must have a known last dimension; {x.name} has the shape {written(x._shape)}"
                f" (tf.layers.flatten or set_shape can settle it)"
            )
        if self.kernel is not None:
            with name_scope(self.name):
                return self._result(x)
        name = self.name or ("dense" if self._reuse else None)
        with variable_scope(name, default_name="dense", reuse=self._reuse) as scope:
            self.name = scope.name.rsplit("/", 1)[-1]
            (of_kernel, of_bias), (on_kernel, on_bias) = self._initializers, self._regularizers
            shape = (x._shape[-1], self.units)
            self.kernel = get_variable("kernel", shape, x.dtype, of_kernel, on_kernel, self.trainable)
            if self.use_bias:
                self.bias = get_variable("bias", (self.units,), x.dtype, of_bias, on_bias, self.trainable)
            return self._result(x)

    def _result(self, x: Tensor) -> Tensor:
        if self.kernel is not None and x._shape and x._shape[-1] != self.kernel._shape[0]:  # type: ignore[index]
            raise ValueError(
                f"inputs must have the last dimension {self.kernel.shape[0]}, as {self.kernel.name} has; {x.name} has "
                f"the shape {written(x._shape)}"
            )
        if self.bias is None:
            result = add_formula(op.matmul, (x, self.kernel), name="MatMul")
        else:
            result = add_formula(op.linear, (x, self.kernel, self.bias), name="BiasAdd")
        return result if self.activation is None else self.activation(result)


def dense(
    inputs: Any,
    units: int,
    activation: Function | str | None = None,
    use_bias: bool = True,
    kernel_initializer: Any = None,
    bias_initializer: Any = None,
    kernel_regularizer: Function | None = None,
    bias_regularizer: Function | None = None,
    activity_regularizer: None = None,
    kernel_constraint: None = None,
    bias_constraint: None = None,
    trainable: bool = True,
    name: str | None = None,
    reuse: Any = None,
) -> Tensor:
    """Return activation(x W + b), a dense layer.

    Parameters
    ----------
    inputs : Tensor of shape (…, n)
        x, floats; n must be known.
    units : int
        How many numbers come out for each row.
    activation : callable or str, optional
        A function such as ``tf.nn.relu``, or its name; none by default.
    use_bias : bool, default True
        Whether there is a b.
    kernel_initializer, bias_initializer : callable, optional
        What W and b start with: Glorot's uniform initialiser and zeros by default.
    kernel_regularizer, bias_regularizer : callable, optional
        Penalties, from the variable to a tensor: `tf.losses.get_regularization_loss` adds them up.
    activity_regularizer, kernel_constraint, bias_constraint : None
        Not offered.
    trainable : bool, default True
        Whether optimizers change W and b.
    name : str, optional
        That of the scope; ``dense``, ``dense_1`` and so on by default.
    reuse : bool, optional
        Take the variables of the layer that has this name.

    Returns
    -------
    Tensor of shape (…, units)

    Examples
    --------
    >>> import dlkit.tf as tf
    >>> tf.reset_default_graph()
    >>> x = tf.placeholder(tf.float32, [None, 784])
    >>> print(tf.layers.dense(tf.layers.dense(x, 64, activation=tf.nn.relu), 10))
    Tensor("dense_1/BiasAdd:0", shape=(?, 10), dtype=float32)
    """
    return Dense(
        units, activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
        activity_regularizer, kernel_constraint, bias_constraint, trainable, name, reuse,
    )(inputs)  # fmt: skip


def dropout(
    inputs: Any,
    rate: Any = 0.5,
    noise_shape: Any = None,
    seed: int | None = None,
    training: Any = False,
    name: str | None = None,
) -> Tensor:
    """Return the tensor with each entry set to 0 by chance in training, the others divided by 1 − rate.

    Parameters
    ----------
    inputs : Tensor
        Of floats.
    rate : float or Tensor, default 0.5
        The probability of 0, in [0, 1): not that of being kept, which `tf.nn.dropout` takes.
    noise_shape : sequence of int, optional
        The shape of the mask, which is broadcast.
    seed : int, optional
        That of the mask.
    training : bool or Tensor of one bool, default False
        Whether to do it; else the tensor comes out as it is. A tensor can be fed.
    name : str, optional
        The scope of the operations.
    """
    x = _floats(inputs, "dropout")
    if isinstance(rate, int | float) and not 0 <= rate < 1:
        raise ValueError(f"rate must be in [0, 1), the probability to set an entry to 0; got {rate}")
    with name_scope(name, "dropout"):
        keep = 1 - rate
        if isinstance(training, Tensor):
            keep = where(_truth(training), convert_to_tensor(keep, like=x), convert_to_tensor(1.0, like=x))
        elif not training:
            return identity(x)
        return nn.dropout(x, keep, noise_shape, seed)


def batch_normalization(
    inputs: Any,
    axis: int = -1,
    momentum: float = 0.99,
    epsilon: float = 1e-3,
    center: bool = True,
    scale: bool = True,
    beta_initializer: Any = None,
    gamma_initializer: Any = None,
    moving_mean_initializer: Any = None,
    moving_variance_initializer: Any = None,
    beta_regularizer: Function | None = None,
    gamma_regularizer: Function | None = None,
    beta_constraint: None = None,
    gamma_constraint: None = None,
    training: Any = False,
    trainable: bool = True,
    name: str | None = None,
    reuse: Any = None,
    **_: Any,
) -> Tensor:
    """Return γ (x − μ)/√(σ² + ε) + β: batch normalization (Ioffe and Szegedy, 2015).

    In training μ and σ² are those of the batch; else their moving averages. These are followed by two operations that
    are put aside under ``tf.GraphKeys.UPDATE_OPS``, and must be run with each training step::

        with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
            train = optimizer.minimize(loss)

    Parameters
    ----------
    inputs : Tensor
        x, floats.
    axis : int
        The axis of the features, which must be the last; mean and variance are taken over all others.
    momentum : float, default 0.99
        What part of the moving averages is kept in each step.
    epsilon : float, default 0.001
        ε.
    center, scale : bool, default True
        Whether there are β and γ.
    beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer : callable, optional
        What β, γ and the moving averages start with: 0, 1, 0, 1.
    beta_regularizer, gamma_regularizer : callable, optional
        Penalties; see `dense`.
    beta_constraint, gamma_constraint : None
        Not offered.
    training : bool or Tensor of one bool, default False
        Whether to take the batch's mean and variance. A tensor can be fed; then the averages move only where it is
        True.
    trainable : bool, default True
        Whether optimizers change β and γ.
    name : str, optional
        That of the scope; ``batch_normalization``, ``batch_normalization_1`` and so on by default.
    reuse : bool, optional
        Take the variables of the layer that has this name.

    Returns
    -------
    Tensor of the shape of `inputs`
    """
    x = _floats(inputs, "batch_normalization")
    if beta_constraint is not None or gamma_constraint is not None:
        raise ValueError(f"constraints are not offered; got {beta_constraint or gamma_constraint!r}")
    if not x._shape or x._shape[-1] is None:
        raise ValueError(f"inputs must have a known last dimension; {x.name} has the shape {written(x._shape)}")
    if axis not in (-1, len(x._shape) - 1):
        raise ValueError(f"axis must be the last one, -1 or {len(x._shape) - 1}; got {axis!r}")
    if not 0 <= momentum <= 1:
        raise ValueError(f"momentum must be in [0, 1]; got {momentum}")
    zeros, ones = zeros_initializer(), ones_initializer()
    name = name or ("batch_normalization" if reuse else None)

    def variable(label: str, initializer: Any, regularizer: Any = None, trained: bool = True) -> Variable:
        return get_variable(label, x._shape[-1:], x.dtype, initializer, regularizer, trained)  # type: ignore[index]

    with variable_scope(name, default_name="batch_normalization", reuse=reuse):
        gamma = variable("gamma", gamma_initializer or ones, gamma_regularizer, trainable) if scale else None
        beta = variable("beta", beta_initializer or zeros, beta_regularizer, trainable) if center else None
        moving = (
            variable("moving_mean", moving_mean_initializer or zeros, trained=False),
            variable("moving_variance", moving_variance_initializer or ones, trained=False),
        )
        if isinstance(training, bool | int) and not training:
            return nn.batch_normalization(x, *moving, beta, gamma, epsilon)
        batch = nn.moments(x, list(range(len(x._shape) - 1)))
        mean, variance = batch
        pace = convert_to_tensor(1 - momentum, like=x)
        if isinstance(training, Tensor):
            training = _truth(training)
            mean, variance = (where(training, now, kept) for now, kept in zip(batch, moving, strict=True))
            pace = where(training, pace, convert_to_tensor(0.0, like=x))
        result = nn.batch_normalization(x, mean, variance, beta, gamma, epsilon)
        for kept, now in zip(moving, batch, strict=True):
            moved = kept.assign_sub((kept - now) * pace)
            x.graph.collections.setdefault("update_ops", []).append(moved)
        return result


def flatten(inputs: Any, name: str | None = None) -> Tensor:
    """Return the tensor with all axes but the first made one: (n, 28, 28) becomes (n, 784).

    Parameters
    ----------
    inputs : Tensor
        With at least one axis.
    name : str, optional
        The scope of the operations.
    """
    x = convert_to_tensor(inputs)
    if not x._shape:
        raise ValueError(f"inputs must have a batch as its first axis; {x.name} has the shape {written(x._shape)}")
    with name_scope(name, "flatten"):
        size = 1
        for n in x._shape[1:]:
            if n is None:
                return reshape(x, [shape_of(x)[0], -1])
            size *= n
        return reshape(x, (-1, size))


def _floats(inputs: Any, where: str) -> Tensor:
    x = convert_to_tensor(inputs)
    if not x.dtype.is_floating:
        raise TypeError(f"inputs of {where} must be floats; {x.name} is {x.dtype.name}: tf.cast converts it")
    return x


def _truth(training: Tensor) -> Tensor:
    if training.dtype.name != "bool" or training._shape not in ((), None):
        raise TypeError(f"training must be True, False or a tensor of one bool; got {training!r}")
    return training


def _activation(activation: Any) -> Function | None:
    if isinstance(activation, str):
        known = ["elu", "leaky_relu", "relu", "relu6", "sigmoid", "softmax", "softplus", "tanh"]
        if activation not in known:
            raise ValueError(f"activation must be a function or one of {', '.join(known)}; got {activation!r}")
        return getattr(nn, activation)
    if activation is not None and not callable(activation):
        raise TypeError(f"activation must be a function, as tf.nn.relu, its name or None; got {activation!r}")
    return activation


def __getattr__(name: str) -> Any:
    """Say what there is when something is asked for that there is not."""
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    raise not_offered("tf.layers", name, __all__)
