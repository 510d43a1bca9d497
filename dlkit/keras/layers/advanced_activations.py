"""Activations with settings, as layers."""

from __future__ import annotations

from typing import Any

from dlkit._checks import number
from dlkit.autograd import operations as op
from dlkit.keras.layers.base import Layer

__all__ = ["ELU", "LeakyReLU", "ReLU", "Softmax"]


class ReLU(Layer):
    """max(x, 0)."""

    def call(self, x: Any, training: bool = False) -> Any:
        """Return max(x, 0)."""
        return op.relu(x)


class LeakyReLU(Layer):
    """x where x > 0, negative_slope·x elsewhere.

    Parameters
    ----------
    negative_slope : float, default 0.3
        Keras 2 calls it alpha.
    **kwargs
        See `Layer`.
    """

    def __init__(self, negative_slope: float = 0.3, alpha: float | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.negative_slope = number(negative_slope if alpha is None else alpha, "negative_slope", 0)

    def call(self, x: Any, training: bool = False) -> Any:
        """Return x where x > 0, negative_slope·x elsewhere."""
        return op.leaky_relu(x, slope=self.negative_slope)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, as JSON can say them."""
        return {**super().get_config(), "negative_slope": self.negative_slope}


class ELU(Layer):
    """x where x > 0, α(eˣ − 1) elsewhere.

    Parameters
    ----------
    alpha : float ≥ 0, default 1.0
        α.
    **kwargs
        See `Layer`.
    """

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = number(alpha, "alpha", 0)

    def call(self, x: Any, training: bool = False) -> Any:
        """Return x where x > 0, α(eˣ − 1) elsewhere."""
        return op.elu(x, alpha=self.alpha)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, as JSON can say them."""
        return {**super().get_config(), "alpha": self.alpha}


class Softmax(Layer):
    """The softmax of each row.

    Parameters
    ----------
    axis : int, default −1
        Along which the numbers sum to 1.
    **kwargs
        See `Layer`.
    """

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = int(axis)

    @property
    def activation_at_the_end(self) -> Any:
        """The softmax of the last axis, which losses know."""
        return op.softmax if self.axis == -1 else None

    def scores(self, x: Any, training: bool = False) -> Any:
        """Return x."""
        return x

    def call(self, x: Any, training: bool = False) -> Any:
        """Return the softmax."""
        return op.softmax(x, axis=self.axis)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, as JSON can say them."""
        return {**super().get_config(), "axis": self.axis}
