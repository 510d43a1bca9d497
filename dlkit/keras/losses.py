"""Keras's losses: functions of (y_true, y_pred), in this order, with a number for each sample.

The averages over a sample's outputs, the ε that logarithms and quotients are kept from 0 with, and the signs are
Keras's. What is computed is made of `dlkit.autograd`'s operations and `dlkit.losses`; y_true may be an array, y_pred an
array or a Tensor. As an object a loss takes the mean over the batch, with sample weights where there are any.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from dlkit import losses as ours
from dlkit._checks import number
from dlkit._operands import like, plain
from dlkit.autograd import operations as op
from dlkit.keras._names import described, find, made_from, snake

EPSILON = 1e-7  # Keras's


def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """Return the mean of (y_pred − y_true)² over the outputs."""
    return op.mean(ours.squared_error(y_pred, y_true), axis=-1)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """Return the mean of |y_pred − y_true| over the outputs."""
    return op.mean(op.abs(op.subtract(y_true, y_pred)), axis=-1)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """Return 100 times the mean of |y_pred − y_true|/|y_true|, with ε in place of smaller |y_true|."""
    scale = op.clip(op.abs(y_true), low=EPSILON, high=math.inf)
    return op.mean(op.abs(op.divide(op.subtract(y_true, y_pred), scale)), axis=-1) * 100.0


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """Return the mean of (log(1 + y_pred) − log(1 + y_true))², with ε in place of what is smaller."""
    ends = {"low": EPSILON, "high": math.inf}
    return op.mean(op.subtract(op.log1p(op.clip(y_true, **ends)), op.log1p(op.clip(y_pred, **ends))) ** 2, axis=-1)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """Return the mean of r²/2 up to |r| = delta, and of delta·(|r| − delta/2) beyond, with r = y_true − y_pred."""
    distance = op.abs(op.subtract(y_true, y_pred))
    near = op.clip(distance, low=0.0, high=delta)
    return op.mean(near * (distance - near / 2), axis=-1)


def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """Return the mean of log cosh r = r + log(1 + e⁻²ʳ) − log 2, with r = y_pred − y_true."""
    r = op.subtract(y_pred, y_true)
    return op.mean(r + op.softplus(r * -2.0) - math.log(2.0), axis=-1)


def poisson(y_true: Any, y_pred: Any) -> Any:
    """Return the mean of y_pred − y_true·log(y_pred + ε)."""
    return op.mean(op.subtract(y_pred, op.multiply(y_true, op.log(y_pred + EPSILON))), axis=-1)


def hinge(y_true: Any, y_pred: Any) -> Any:
    """Return the mean of max(0, 1 − y_true·y_pred); labels 0 and 1 count as −1 and 1."""
    return op.mean(ours.hinge_loss(op.multiply(_signs(y_true), y_pred)), axis=-1)


def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """Return the mean of max(0, 1 − y_true·y_pred)²; labels 0 and 1 count as −1 and 1."""
    return op.mean(ours.squared_hinge_loss(op.multiply(_signs(y_true), y_pred)), axis=-1)


def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """Return max(0, 1 + the largest score of another class − the score of the right one); y_true is one-hot."""
    own = op.sum(op.multiply(y_true, y_pred), axis=-1)
    other = op.max(op.multiply(1 - y_true, y_pred), axis=-1)
    return ours.hinge_loss(own - other)


def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """Return Σ p log(p/q), with p = y_true and q = y_pred, both put into [ε, 1]."""
    p = op.clip(y_true, low=EPSILON, high=1.0)
    q = op.clip(y_pred, low=EPSILON, high=1.0)
    return op.sum(op.multiply(p, op.log(op.divide(p, q))), axis=-1)


def cosine_similarity(y_true: Any, y_pred: Any) -> Any:
    """Return −cos of the angle between y_true and y_pred: −1 where they point the same way."""
    return -op.sum(op.multiply(_unit(y_true), _unit(y_pred)), axis=-1)


def categorical_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0) -> Any:
    """Return −Σ y_true log q; q is y_pred, its rows divided by their sums and put into [ε, 1 − ε].

    With `from_logits` y_pred are scores, and q is their softmax. With `label_smoothing` s, y_true is taken as
    (1 − s)·y_true + s/K.
    """
    if label_smoothing:
        y_true = y_true * (1 - label_smoothing) + label_smoothing / y_pred.shape[-1]
    if from_logits:
        return op.softmax_cross_entropy(y_pred, y=y_true)
    return -op.sum(op.multiply(y_true, _log_of_probabilities(y_pred)), axis=-1)


def sparse_categorical_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False) -> Any:
    """Return −log q of the right class; y_true holds classes, shape (n,) or (n, 1). See `categorical_crossentropy`."""
    y_true = _classes(y_true)
    if from_logits:
        return op.softmax_cross_entropy(y_pred, y=y_true)
    log_q = _log_of_probabilities(y_pred)
    rows = like(np.arange(y_pred.shape[0]), y_true)
    return -op.getitem(log_q, key=(rows, y_true))


def binary_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0) -> Any:
    """Return the mean of −y_true·log q − (1 − y_true)·log(1 − q); q is y_pred, put into [ε, 1 − ε].

    With `from_logits` y_pred are scores, and q is σ of them. With `label_smoothing` s, y_true is taken as
    (1 − s)·y_true + s/2.
    """
    if label_smoothing:
        y_true = y_true * (1 - label_smoothing) + 0.5 * label_smoothing
    if from_logits:
        return op.mean(ours.binary_cross_entropy(y_pred, y_true), axis=-1)
    q = op.clip(y_pred, low=EPSILON, high=1 - EPSILON)
    return -op.mean(op.multiply(y_true, op.log(q)) + op.multiply(1 - y_true, op.log(1 - q)), axis=-1)


def _log_of_probabilities(y_pred: Any) -> Any:
    q = op.divide(y_pred, op.sum(y_pred, axis=-1, keepdims=True))
    return op.log(op.clip(q, low=EPSILON, high=1 - EPSILON))


def _classes(y_true: Any) -> Any:
    return y_true[:, 0] if len(y_true.shape) == 2 else y_true


def _signs(y_true: Any) -> Any:
    y = plain(y_true)
    return 2.0 * y - 1.0 if ((y == 0) | (y == 1)).all() else y_true


def _unit(x: Any) -> Any:
    squares = op.sum(op.multiply(x, x), axis=-1, keepdims=True)
    return op.divide(x, op.sqrt(op.clip(squares, low=1e-12, high=math.inf)))


class Loss:
    """A loss as an object: it takes the mean over the batch.

    Parameters
    ----------
    function : callable
        ``function(y_true, y_pred)`` returns a number for each sample, made of operations of `dlkit.autograd`.
    name : str, optional
        By default the function's.
    **settings
        Further arguments of the function.

    Attributes
    ----------
    labels : {"values", "signs", "probabilities", "rows", "classes", "any"}
        What y_true must hold, so that mistakes are found before training: any numbers in the outputs' shape, −1 and 1
        (or 0 and 1), numbers in [0, 1], rows that sum to 1, or classes 0 … K−1. "any" is for functions of one's own.
    """

    def __init__(self, function: Callable[..., Any], name: str | None = None, **settings: Any) -> None:
        if not callable(function):
            raise TypeError(f"function must be one of (y_true, y_pred); got {function!r}")
        self.function = function
        self.name = name or getattr(function, "__name__", "loss")
        self.settings = settings
        self.labels: str = _LABELS.get(function, "any")

    def each(self, y_true: Any, y_pred: Any) -> Any:
        """Return a number for each sample."""
        return self.function(y_true, y_pred, **self.settings)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the mean over the batch, (Σ weight·loss)/n."""
        values = self.each(y_true, y_pred)
        return op.mean(values if sample_weight is None else op.multiply(values, sample_weight))

    def get_config(self) -> dict[str, Any]:
        """Return the settings and the name."""
        return {"name": self.name, **self.settings}


class _Named(Loss):
    """A loss of Keras's by its class."""

    of: ClassVar[Callable[..., Any]]

    def __init__(self, name: str | None = None, **settings: Any) -> None:
        super().__init__(type(self).of, name or snake(type(self).__name__), **settings)


class _Crossentropy(_Named):
    def __init__(self, from_logits: bool = False, name: str | None = None) -> None:
        super().__init__(name, **({"from_logits": True} if from_logits else {}))


class _SmoothedCrossentropy(_Named):
    def __init__(self, from_logits: bool = False, label_smoothing: float = 0.0, name: str | None = None) -> None:
        settings: dict[str, Any] = {"from_logits": True} if from_logits else {}
        if label_smoothing:
            settings["label_smoothing"] = number(label_smoothing, "label_smoothing", 0, 1)
        super().__init__(name, **settings)


_LABELS: dict[Any, str] = {
    **dict.fromkeys((mean_squared_error, mean_absolute_error, mean_absolute_percentage_error, huber), "values"),
    **dict.fromkeys((mean_squared_logarithmic_error, log_cosh, poisson, cosine_similarity), "values"),
    hinge: "signs",
    squared_hinge: "signs",
    categorical_hinge: "rows",
    kl_divergence: "rows",
    categorical_crossentropy: "rows",
    sparse_categorical_crossentropy: "classes",
    binary_crossentropy: "probabilities",
}


def _named(function: Callable[..., Any], base: type[_Named] = _Named) -> type[_Named]:
    name = "".join(word.capitalize() for word in function.__name__.split("_"))
    name = name.replace("KlDivergence", "KLDivergence")
    docstring = f"`{function.__name__}` as an object.\n\nParameters\n----------\nname : str, optional\n    Of the loss."
    return type(name, (base,), {"of": staticmethod(function), "__doc__": docstring, "__module__": __name__})


MeanSquaredError = _named(mean_squared_error)
MeanAbsoluteError = _named(mean_absolute_error)
MeanAbsolutePercentageError = _named(mean_absolute_percentage_error)
MeanSquaredLogarithmicError = _named(mean_squared_logarithmic_error)
LogCosh = _named(log_cosh)
Poisson = _named(poisson)
Hinge = _named(hinge)
SquaredHinge = _named(squared_hinge)
CategoricalHinge = _named(categorical_hinge)
KLDivergence = _named(kl_divergence)
CosineSimilarity = _named(cosine_similarity)
SparseCategoricalCrossentropy = _named(sparse_categorical_crossentropy, _Crossentropy)
CategoricalCrossentropy = _named(categorical_crossentropy, _SmoothedCrossentropy)
BinaryCrossentropy = _named(binary_crossentropy, _SmoothedCrossentropy)


class Huber(_Named):
    """`huber` as an object.

    Parameters
    ----------
    delta : float > 0, default 1.0
        Where the parabola ends.
    name : str, optional
        Of the loss.
    """

    of = staticmethod(huber)

    def __init__(self, delta: float = 1.0, name: str | None = None) -> None:
        super().__init__(name, delta=number(delta, "delta", above=0))


mse, mae, mape, msle = (
    mean_squared_error,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_logarithmic_error,
)
kullback_leibler_divergence = kld = kl_divergence
cosine_proximity = cosine_similarity  # what Keras 1 and 2 called it, the sign included
logcosh = log_cosh

_CLASSES: list[type[_Named]] = [
    *(MeanSquaredError, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredLogarithmicError, Huber, LogCosh),
    *(Poisson, Hinge, SquaredHinge, CategoricalHinge, KLDivergence, CosineSimilarity),
    *(CategoricalCrossentropy, SparseCategoricalCrossentropy, BinaryCrossentropy),
]
KNOWN: dict[str, type[_Named]] = {kind.of.__name__: kind for kind in _CLASSES}
KNOWN |= {
    "mse": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError,
    "kld": KLDivergence,
    "kullback_leibler_divergence": KLDivergence,
    "cosine_proximity": CosineSimilarity,
}

__all__ = [
    "KNOWN",
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "CosineSimilarity",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "binary_crossentropy",
    "categorical_crossentropy",
    "categorical_hinge",
    "cosine_proximity",
    "cosine_similarity",
    "deserialize",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "kld",
    "kullback_leibler_divergence",
    "log_cosh",
    "logcosh",
    "mae",
    "mape",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "mse",
    "msle",
    "poisson",
    "serialize",
    "sparse_categorical_crossentropy",
    "squared_hinge",
]


def get(identifier: Any) -> Loss:
    """Return a loss object by its name, function or class; an object is itself.

    Raises
    ------
    ValueError
        If the name is not known; the message has the nearest ones.
    TypeError
        If it is none of these.
    """
    if isinstance(identifier, Loss):
        return identifier
    if isinstance(identifier, str):
        return find(identifier, KNOWN, "loss")()
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, type) and issubclass(identifier, Loss):
        return identifier()  # type: ignore[call-arg]
    if callable(identifier):
        for kind in _CLASSES:
            if kind.of is identifier:
                return kind()
        return Loss(identifier)
    raise TypeError(f"loss must be a name, a Loss or a function of (y_true, y_pred); got {identifier!r}")


def serialize(loss: Loss) -> dict[str, Any]:
    """Return the name and the settings, as JSON can say them.

    Raises
    ------
    ValueError
        If it is not one of Keras's.
    """
    return described(loss, _CLASSES, "loss")


def deserialize(config: dict[str, Any]) -> Loss:
    """Return what `serialize` was given."""
    return made_from(config, KNOWN, "loss")
