"""Keras's metrics: what is reported beside the loss, as a mean over all samples seen since the last reset."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dlkit import arrays
from dlkit._checks import count
from dlkit._operands import like, plain
from dlkit.keras import losses
from dlkit.keras._names import find

__all__ = [
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "Metric",
    "SparseCategoricalAccuracy",
    "TopKCategoricalAccuracy",
    "binary_accuracy",
    "categorical_accuracy",
    "get",
    "sparse_categorical_accuracy",
    "sparse_top_k_categorical_accuracy",
    "top_k_categorical_accuracy",
]


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """Return, for each sample, the part of its outputs that are above the threshold where y_true is 1, and only there.

    Parameters
    ----------
    y_true, y_pred : arrays of one shape
        Labels 0 and 1, and probabilities.
    threshold : float, default 0.5
        Above it a probability says 1.
    """
    return like((y_pred > threshold) == (y_true > 0.5), y_pred).mean(-1)


def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """Return 1 for each row whose largest entry is where the largest one of y_true is, else 0."""
    return like(y_true.argmax(-1) == y_pred.argmax(-1), y_pred)


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """Return 1 for each row whose largest entry is at y_true, the class, else 0."""
    return like(_column(y_true) == y_pred.argmax(-1), y_pred)


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """Return 1 for each row in which fewer than k entries are larger than that of the right class, else 0."""
    return sparse_top_k_categorical_accuracy(y_true.argmax(-1), y_pred, k)


def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """Return the same for y_true that holds classes."""
    xp = arrays.namespace(y_pred)
    own = xp.take_along_axis(y_pred, arrays.array(_column(y_true), "int64")[:, None], axis=1)
    return like((y_pred > own).sum(-1) < k, y_pred)


def _column(y_true: Any) -> Any:
    return y_true[:, 0] if len(y_true.shape) == 2 else y_true


class Metric:
    """The mean of a function over samples, or over what their weights say.

    Parameters
    ----------
    function : callable
        ``function(y_true, y_pred)`` returns a number for each sample, or for all together; it is given arrays.
    name : str, optional
        By default the function's.
    **settings
        Further arguments of the function.
    """

    def __init__(self, function: Callable[..., Any], name: str | None = None, **settings: Any) -> None:
        self.function = function
        self.name: str = name or str(getattr(function, "__name__", "metric"))
        self.settings = settings
        self.reset_state()

    def reset_state(self) -> None:
        """Forget all samples."""
        self.total = 0.0
        self.weight = 0.0

    reset_states = reset_state

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in a batch.

        Parameters
        ----------
        y_true, y_pred : arrays, a row per sample
            On one device.
        sample_weight : array of shape (n,), optional
            How much each sample counts.
        """
        y_true, y_pred = (x if arrays.is_array(x) else arrays.array(plain(x)) for x in (y_true, y_pred))
        values = plain(self.function(y_true, y_pred, **self.settings))
        if not getattr(values, "shape", ()):
            self.total += float(values) * len(y_pred)
            self.weight += len(y_pred)
        elif sample_weight is None:
            self.total += float(values.sum())
            self.weight += len(values)
        else:
            self.total += float((values * sample_weight).sum())
            self.weight += float(sample_weight.sum())

    def result(self) -> float:
        """Return the mean; 0 before the first sample."""
        return self.total / self.weight if self.weight else 0.0


class BinaryAccuracy(Metric):
    """`binary_accuracy` as an object.

    Parameters
    ----------
    name : str, optional
        What it is called in logs.
    threshold : float, default 0.5
        Above it a probability says 1.
    """

    def __init__(self, name: str = "binary_accuracy", threshold: float = 0.5) -> None:
        super().__init__(binary_accuracy, name, threshold=threshold)


class CategoricalAccuracy(Metric):
    """`categorical_accuracy` as an object.

    Parameters
    ----------
    name : str, optional
        What it is called in logs.
    """

    def __init__(self, name: str = "categorical_accuracy") -> None:
        super().__init__(categorical_accuracy, name)


class SparseCategoricalAccuracy(Metric):
    """`sparse_categorical_accuracy` as an object.

    Parameters
    ----------
    name : str, optional
        What it is called in logs.
    """

    def __init__(self, name: str = "sparse_categorical_accuracy") -> None:
        super().__init__(sparse_categorical_accuracy, name)


class TopKCategoricalAccuracy(Metric):
    """`top_k_categorical_accuracy` as an object.

    Parameters
    ----------
    k : int, default 5
        How many guesses count.
    name : str, optional
        What it is called in logs.
    """

    def __init__(self, k: int = 5, name: str = "top_k_categorical_accuracy") -> None:
        super().__init__(top_k_categorical_accuracy, name, k=count(k, "k"))


_ACCURACIES: dict[str, Callable[..., Any]] = {
    "binary_accuracy": binary_accuracy,
    "categorical_accuracy": categorical_accuracy,
    "sparse_categorical_accuracy": sparse_categorical_accuracy,
    "top_k_categorical_accuracy": top_k_categorical_accuracy,
    "sparse_top_k_categorical_accuracy": sparse_top_k_categorical_accuracy,
}
_ACCURACY = {"values": binary_accuracy, "classes": sparse_categorical_accuracy, "rows": categorical_accuracy}


def get(identifier: Any, y_shape: tuple[int, ...] | None = None, outputs: int | None = None) -> Metric:
    """Return a metric object by its name or function; an object is itself.

    Parameters
    ----------
    identifier : str, callable or Metric
        ``"accuracy"`` (``"acc"``) means what the labels ask for, as in Keras: for one output the binary one, for
        several with a column of classes the sparse one, else the categorical one. Losses are metrics, too.
    y_shape : tuple of int, optional
        The shape of the labels, which the accuracy is chosen by.
    outputs : int, optional
        The length of the outputs' last axis, which it is chosen by as well.

    Raises
    ------
    ValueError
        If the name is not known; the message has the nearest ones.
    TypeError
        If it is none of these.
    """
    if isinstance(identifier, Metric):
        return identifier
    if isinstance(identifier, losses.Loss):
        return Metric(identifier.each, identifier.name)
    if isinstance(identifier, type) and issubclass(identifier, (Metric, losses.Loss)):
        return get(identifier())  # type: ignore[call-arg]
    if callable(identifier):
        return Metric(_cosine if identifier is losses.cosine_similarity else identifier, identifier.__name__)
    if not isinstance(identifier, str):
        raise TypeError(f"a metric must be a name, a Metric or a function of (y_true, y_pred); got {identifier!r}")
    if identifier.lower() in ("accuracy", "acc"):
        kind = "values" if outputs == 1 else "rows"
        if outputs != 1 and y_shape is not None and (len(y_shape) < 2 or y_shape[-1] == 1):
            kind = "classes"
        return Metric(_ACCURACY[kind], identifier)
    known = {name: kind.of for name, kind in losses.KNOWN.items()}
    cosine = {"cosine_similarity": _cosine, "cosine_proximity": _cosine}
    return Metric(find(identifier, {**_ACCURACIES, **known, **cosine, "accuracy": None}, "metric"), identifier)


def _cosine(y_true: Any, y_pred: Any) -> Any:
    return -losses.cosine_similarity(y_true, y_pred)  # as a metric it has the sign of the cosine
