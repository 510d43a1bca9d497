"""Batch normalization."""

from __future__ import annotations

from typing import Any

from dlkit._checks import number
from dlkit._operands import plain
from dlkit.autograd import operations as op
from dlkit.keras import constraints, initializers, regularizers
from dlkit.keras.layers.base import Layer, Shape

__all__ = ["BatchNormalization"]


class BatchNormalization(Layer):
    """γ (x − mean)/√(variance + ε) + β, feature by feature (Ioffe and Szegedy, 2015, algorithm 1).

    In training mean and variance are those of the batch (Σ(x − mean)²/n, without Bessel's n − 1), and moving averages
    follow them: moving ← momentum·moving + (1 − momentum)·batch. In use the moving averages stand for them.

    Parameters
    ----------
    axis : int, default −1
        The axis of the features; −1 is the last.
    momentum : float in [0, 1], default 0.99
        How slowly the averages move: after t batches 0.99ᵗ of the start is left.
    epsilon : float > 0, default 1e-3
        See above.
    center, scale : bool, default True
        Whether there are β and γ.
    beta_initializer, gamma_initializer : str, Initializer or callable
        What β and γ start with: 0 and 1.
    moving_mean_initializer, moving_variance_initializer : str, Initializer or callable
        What the averages start with: 0 and 1.
    beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint : optional
        As for `Dense`.
    **kwargs
        See `Layer`. A layer with ``trainable=False`` takes the moving averages in training, too, as in Keras 3.
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.axis = int(axis)
        self.momentum = number(momentum, "momentum", 0, 1)
        self.epsilon = number(epsilon, "epsilon", above=0)
        self.center, self.scale = bool(center), bool(scale)
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)

    def build(self, shape: Shape) -> None:
        """Make γ, β and the averages."""
        axes = len(shape) + 1
        if not -axes < self.axis < axes or self.axis % axes == 0:
            raise ValueError(f"layer {self.name!r}: axis must be one of a sample's, 1..{axes - 1}; got {self.axis}")
        place = self.axis % axes
        features = (shape[place - 1],)
        if self.scale:
            self.add_weight("gamma", features, self.gamma_initializer, self.gamma_regularizer, self.gamma_constraint)
        if self.center:
            self.add_weight("beta", features, self.beta_initializer, self.beta_regularizer, self.beta_constraint)
        self.add_weight("moving_mean", features, self.moving_mean_initializer, trainable=False)
        self.add_weight("moving_variance", features, self.moving_variance_initializer, trainable=False)
        self._others = tuple(k for k in range(axes) if k != place)
        self._broadcast = None if place == axes - 1 else tuple(-1 if k == place else 1 for k in range(axes))

    def call(self, x: Any, training: bool = False) -> Any:
        """Return x, normalized by the batch in training, by the moving averages else."""
        if training and self.trainable:
            mean = op.mean(x, axis=self._others, keepdims=True)
            centred = op.subtract(x, mean)
            variance = op.mean(op.multiply(centred, centred), axis=self._others, keepdims=True)
            self._follow("moving_mean", mean)
            self._follow("moving_variance", variance)
        else:
            centred = op.subtract(x, self._shaped(self.buffers["moving_mean"]))
            variance = self._shaped(self.buffers["moving_variance"])
        factor = op.power_of(op.add(variance, self.epsilon), exponent=-0.5)
        if self.scale:
            factor = op.multiply(factor, self._shaped(self.parameters["gamma"]))
        normalized = op.multiply(centred, factor)
        return op.add(normalized, self._shaped(self.parameters["beta"])) if self.center else normalized

    def _shaped(self, weight: Any) -> Any:
        return weight if self._broadcast is None else op.reshape(weight, shape=self._broadcast)

    def _follow(self, name: str, batch: Any) -> None:
        moving, batch = self.buffers[name], plain(batch).reshape(-1)
        self.buffers[name] = moving * self.momentum + batch * (1 - self.momentum)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, as JSON can say them."""
        config = {**super().get_config(), "axis": self.axis, "momentum": self.momentum, "epsilon": self.epsilon}
        config |= {"center": self.center, "scale": self.scale}
        for name in ("beta", "gamma", "moving_mean", "moving_variance"):
            config[f"{name}_initializer"] = initializers.serialize(getattr(self, f"{name}_initializer"))
        for name in ("beta", "gamma"):
            config[f"{name}_regularizer"] = regularizers.serialize(getattr(self, f"{name}_regularizer"))
            config[f"{name}_constraint"] = constraints.serialize(getattr(self, f"{name}_constraint"))
        return config
