"""How a stack of layers is trained: `compile`, `fit`, `evaluate`, `predict`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any

import numpy as np

from dlkit import arrays
from dlkit._checks import count
from dlkit._operands import plain
from dlkit.autograd import Tensor, no_grad
from dlkit.autograd import operations as op
from dlkit.descent.distributed import Group
from dlkit.keras import _data, losses, metrics, optimizers
from dlkit.keras._data import Data
from dlkit.keras._diagnosis import not_finite
from dlkit.keras._names import arguments, refuse
from dlkit.keras._processes import ALONE, averages, begin_alike, checked_group, end_alike, sharing, stopped_by_any
from dlkit.keras._progress import Bar, checked_verbosity
from dlkit.keras.callbacks import CallbackList, History

if TYPE_CHECKING:
    from dlkit.keras.layers.base import Layer

__all__ = ["Trainer"]

# Up to this loss of a sample Keras's crossentropy of probabilities is that of their logits: the probability of its
# class is above the ε that Keras puts in place of smaller ones.
_UNCLIPPED = -math.log(losses.EPSILON)


def _quietly(method: Callable[..., Any]) -> Callable[..., Any]:
    """Let a method compute without numpy's warnings: what is not finite is found at the loss, and explained."""

    @wraps(method)
    def quiet(*args: Any, **kwargs: Any) -> Any:
        with np.errstate(all="ignore"):
            return method(*args, **kwargs)

    return quiet


class Trainer:
    """The half of `Sequential` that learns; the other half is the stack of layers."""

    layers: list[Layer]
    device: str
    history: History | None = None
    stop_training = False
    optimizer: Any = None
    loss: Any = None
    _shuffle: np.random.Generator
    _compiled: dict[str, Any] | None = None
    _metrics: list[metrics.Metric]
    _weighted: list[metrics.Metric]

    # The stack of layers

    def to(self, device: str) -> None:
        """Move the model to a device."""
        raise NotImplementedError

    def build(self, input_shape: Any = None) -> None:
        """Make the weights."""
        raise NotImplementedError

    @property
    def built(self) -> bool:
        """Whether the weights are made."""
        raise NotImplementedError

    @property
    def trainable_weights(self) -> list[Tensor]:
        """The weights that training changes."""
        raise NotImplementedError

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of the weights."""
        raise NotImplementedError

    def set_weights(self, weights: Any) -> None:
        """Put other numbers in place of the weights."""
        raise NotImplementedError

    # What is used

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        *,
        device: str | None = None,
        **unknown: Any,
    ) -> None:
        """Say how the model is to be trained.

        Parameters
        ----------
        optimizer : str, Optimizer or UpdateRule
            See `dlkit.keras.optimizers`.
        loss : str, Loss or callable
            See `dlkit.keras.losses`; a function of (y_true, y_pred) made of operations of `dlkit.autograd`.
        metrics : list of str, Metric or callable, optional
            See `dlkit.keras.metrics`. Sample weights do not count in them.
        weighted_metrics : list, optional
            The same, with sample weights.
        device : {"numpy", "cpu", "cuda", "cuda:N"}, optional
            Where to train (see `dlkit.arrays`); where the model is by default.

        Raises
        ------
        ValueError
            If a name is not known, with the nearest ones, or there is no such device.
        TypeError
            If an argument is of the wrong kind.
        """
        refuse("compile", unknown, arguments(self.compile))
        chosen = optimizers.get(optimizer)
        self.loss = None if loss is None else losses.get(loss)
        plain_metrics, weighted = _listed(metrics, "metrics"), _listed(weighted_metrics, "weighted_metrics")
        for metric in (*plain_metrics, *weighted):
            _metric(metric)  # an unknown name is found now
        if device is not None:
            self.to(device)
        self.optimizer = chosen
        self._compiled = {"metrics": plain_metrics, "weighted_metrics": weighted}
        self._metrics, self._weighted = [], []

    @_quietly
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        validation_batch_size: int | None = None,
        validation_freq: int = 1,
        *,
        group: Group | None = None,
        **unknown: Any,
    ) -> History:
        """Train for a number of epochs.

        Parameters
        ----------
        x : array_like, shape (n, …)
            The samples.
        y : array_like, shape (n,) or (n, …)
            Their labels, as the loss asks for them.
        batch_size : int, default 32
            Samples a step; the last batch of an epoch may be smaller.
        epochs : int, default 1
            The number of the epoch to stop before; with `initial_epoch` fewer are made.
        verbose : {"auto", 0, 1, 2}
            Nothing, a progress bar (also for "auto"), or a line an epoch.
        callbacks : list of Callback, optional
            See `dlkit.keras.callbacks`.
        validation_split : float in [0, 1), default 0
            The part of the samples, the last ones, that is not trained on and that the model is evaluated with.
        validation_data : tuple (x, y) or (x, y, sample_weight), optional
            What the model is evaluated with after each epoch.
        shuffle : bool, default True
            Whether each epoch has an order of its own, drawn from the model's seed.
        class_weight : dict of int to float, optional
            How much the samples of a class count in the loss; 1 for classes that are not in it.
        sample_weight : array_like, shape (n,), optional
            How much each sample counts in the loss.
        initial_epoch : int, default 0
            The number of the first epoch, to go on from an earlier `fit`.
        validation_batch_size : int, optional
            Samples a batch of the evaluation; `batch_size` by default.
        validation_freq : int, default 1
            Evaluate after each so many epochs.
        group : Group, optional
            The processes that train the model together, each on its share of every batch (see Notes); this one by
            itself by default.

        Returns
        -------
        History
            The averages of each epoch: ``history.history["loss"]``.

        Raises
        ------
        RuntimeError
            If the model is not compiled.
        ValueError, TypeError
            If samples or labels do not fit the model or the loss.
        FloatingPointError
            If the loss is no finite number: the message names the step and the first layer that is at fault.
        ConnectionError
            If another process of the group has stopped.

        Notes
        -----
        A program that `torchrun` starts several times is one training::

            from dlkit.descent.distributed import join

            with join() as group:
                model = Sequential([...], device=group.device)
                model.compile("rmsprop", "categorical_crossentropy", metrics=["accuracy"])
                model.fit(x, y, batch_size=128, epochs=20, group=group)

        Every process has all samples and the same arguments. It begins with the weights of process 0, computes the
        gradient on its share of each batch, and makes the step of the whole batch: `batch_size` counts the samples of
        all. So together they compute what one process would, but for rounding, dropout and clipped gradients
        included. Each gets the same history; process 0 alone prints. Callbacks are called in every process: one that
        writes is given to process 0 only, ``[ModelCheckpoint(path)] if group.rank == 0 else []``. If one stops the
        training, all stop, after the epoch.

        Not as in one process: batch normalization looks at a share, and keeps the moving averages of process 0. The
        progress bar, and what callbacks see between batches, are of the process's own share.
        """
        refuse("fit", unknown, arguments(self.fit))
        batch_size = 32 if batch_size is None else count(batch_size, "batch_size")
        epochs, initial_epoch = count(epochs, "epochs", 0), count(initial_epoch, "initial_epoch", 0)
        group = checked_group(group, self.device)
        verbose = checked_verbosity(verbose) if group.rank == 0 else 0
        x, y, sample_weight, validation_data = _split(x, y, sample_weight, validation_data, validation_split)
        data = self._data(x, y, sample_weight, class_weight)
        validation = None if validation_data is None else self._data(*validation_data, name="validation_data")
        if not self.trainable_weights:
            raise ValueError("the model has no weights to train: no layer has any, or all are trainable=False")
        steps = -(-len(data) // batch_size)
        listeners = CallbackList(callbacks, self, {"epochs": epochs, "steps": steps, "verbose": verbose})
        self.history, self.stop_training = listeners.history, False
        begin_alike(self, group)
        logs: dict[str, float] = {}
        listeners.call("on_train_begin", {})
        for epoch in range(initial_epoch, epochs):
            listeners.call("on_epoch_begin", epoch, {})
            if verbose:
                print(f"Epoch {epoch + 1}/{epochs}")
            bar = Bar(steps, verbose)
            logs = self._epoch(data, batch_size, shuffle, epoch, listeners, bar, group)
            if validation is not None and (epoch + 1 - initial_epoch) % validation_freq == 0:
                found = self._evaluate(validation, validation_batch_size or batch_size)
                logs |= {f"val_{name}": value for name, value in found.items()}
            bar.end(logs)
            listeners.call("on_epoch_end", epoch, logs)
            self.stop_training = stopped_by_any(self, group)
            if self.stop_training:
                break
        listeners.call("on_train_end", logs)
        return listeners.history

    @_quietly
    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Return the loss, and the metrics, of samples that the model is not trained on.

        Parameters
        ----------
        x, y, sample_weight
            As for `fit`.
        batch_size : int, default 32
            Samples a batch.
        verbose : {"auto", 0, 1, 2}
            Nothing, a progress bar (also for "auto"), or a line.
        return_dict : bool, default False
            Whether to return the numbers by their names.

        Returns
        -------
        float, list of float or dict
            The loss; with metrics, a list with the loss first.
        """
        data = self._data(x, y, sample_weight)
        batch_size = 32 if batch_size is None else count(batch_size, "batch_size")
        bar = Bar(-(-len(data) // batch_size), checked_verbosity(verbose))
        logs = self._evaluate(data, batch_size, bar)
        bar.end(logs)
        return self._returned(logs, return_dict)

    @_quietly
    def predict(self, x: Any, batch_size: int | None = None, verbose: Any = 0) -> np.ndarray:
        """Return what the model says of samples, as a numpy array.

        Parameters
        ----------
        x : array_like, shape (n, …)
            The samples.
        batch_size : int, default 32
            Samples a batch.
        verbose : {0, 1, 2, "auto"}
            As for `evaluate`.

        Returns
        -------
        ndarray of float32, shape (n, …)
            The outputs of the last layer, a row per sample.
        """
        x = self._inputs(x)
        batch_size = 32 if batch_size is None else count(batch_size, "batch_size")
        starts = range(0, len(x), batch_size)
        bar = Bar(len(starts), checked_verbosity(verbose))
        parts = []
        with no_grad():
            for start in starts:
                parts.append(arrays.to_numpy(plain(self._forward(x[start : start + batch_size], False))))
                bar.update(len(parts), dict)
        bar.end({})
        return np.concatenate(parts)

    def predict_on_batch(self, x: Any) -> np.ndarray:
        """Return what the model says of one batch."""
        return self.predict(x, batch_size=len(x))

    @_quietly
    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Make one step; return the loss and the metrics of this batch, before the step, as `evaluate` does."""
        data = self._data(x, y, sample_weight, class_weight)
        self._reset()
        self._step(data, "")
        return self._returned(self._logs(), return_dict)

    @_quietly
    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Return the loss and the metrics of one batch, as `evaluate` does."""
        data = self._data(x, y, sample_weight)
        return self._returned(self._evaluate(data, len(data)), return_dict)

    @property
    def metrics_names(self) -> list[str]:
        """What the numbers that `evaluate` returns are called."""
        compiled = self._compiled or {}
        asked = [*compiled.get("metrics", []), *compiled.get("weighted_metrics", [])]
        return ["loss", *(_metric(metric).name for metric in asked)]

    # How it is done

    def _epoch(
        self, data: Data, batch_size: int, shuffle: bool, epoch: int, listeners: CallbackList, bar: Bar, group: Group
    ) -> dict[str, float]:
        n = len(data)
        order = self._shuffle.permutation(n) if shuffle else None
        self._reset()
        for step, start in enumerate(range(0, n, batch_size)):
            if listeners.for_batches:
                listeners.call("on_train_batch_begin", step, {})
            cut = slice(start, start + batch_size)
            where = f"step {step + 1} of {bar.steps} in epoch {epoch + 1}"
            self._step(data.part(cut if order is None else order[cut]), where, group)
            bar.update(step + 1, self._logs)
            if listeners.for_batches:
                listeners.call("on_train_batch_end", step, self._logs())
                if self.stop_training and group.size == 1:  # of several, the others would wait for this one
                    break
        end_alike(self, group)
        return averages(self, group)

    def _step(self, batch: Data, where: str, group: Group = ALONE) -> None:
        with sharing(self, group, len(batch)) as part:
            loss = self._take_in(batch.part(part), training=True, where=where, counts=group.weight > 0)
        parameters = self.trainable_weights
        if not isinstance(loss, Tensor):
            raise TypeError(
                f"loss {self.loss.name!r} must be computed from y_pred by operators and operations of dlkit.autograd; "
                f"no gradient flows through the {type(loss).__name__} that it returned"
            )
        loss.backward()
        self.optimizer.apply(group.average([p.grad for p in parameters]), parameters)
        for p in parameters:
            p.grad = None
        for layer in self.layers:
            if layer._constraints and layer.trainable:
                layer.constrain()

    def _evaluate(self, data: Data, batch_size: int, bar: Bar | None = None) -> dict[str, float]:
        self._reset()
        with no_grad():
            for step, start in enumerate(range(0, len(data), batch_size)):
                self._take_in(data.part(slice(start, start + batch_size)), training=False)
                if bar is not None:
                    bar.update(step + 1, self._logs)
        return self._logs()

    def _take_in(self, batch: Data, training: bool, where: str = "", counts: bool = True) -> Any:
        """Return the loss of a batch, having added it, and the metrics, to the averages if it counts in them."""
        values, y_pred = self._loss_values(batch, training)
        loss = op.mean(values if batch.weight is None else op.multiply(values, batch.weight))
        for layer in self.layers:
            if layer._regularizers:
                loss = op.add(loss, layer.penalty())
        number = float(plain(loss))
        if training and not math.isfinite(number):
            raise not_finite(self, batch.x, number, where)
        if not counts:
            return loss
        n = len(batch)
        self._total += n * number
        self._seen += n
        for metric in self._metrics:
            metric.update_state(batch.y, y_pred)
        for metric in self._weighted:
            metric.update_state(batch.y, y_pred, batch.weight)
        return loss

    def _loss_values(self, batch: Data, training: bool) -> tuple[Any, Any]:
        """Return the loss of each sample, and what the model says."""
        x = batch.x
        *hidden, last = self.layers
        for layer in hidden:
            x = layer.call(x, training)
        if batch.one_hot and self._joined:
            scores = last.scores(x, training)
            values = op.softmax_cross_entropy(scores, y=batch.y)
            # Beyond it Keras's loss is flat and has no gradient. That is a poor way to learn, but it is Keras's.
            if float(plain(values).max()) < _UNCLIPPED:
                return values, op.softmax(plain(scores))
            y_pred = op.softmax(scores)
        else:
            y_pred = last.call(x, training)
        return self.loss.each(batch.y, y_pred), plain(y_pred)

    @property
    def _joined(self) -> bool:
        """Whether softmax and crossentropy are taken together: faster, and with all digits of the logarithm."""
        last = self.layers[-1]
        return (
            last.activation_at_the_end is op.softmax
            and self.loss.function in (losses.categorical_crossentropy, losses.sparse_categorical_crossentropy)
            and not self.loss.settings
            and len(last.output_shape) == 2
        )

    def _forward(self, x: Any, training: bool) -> Any:
        for layer in self.layers:
            x = layer.call(x, training)
        return x

    def _reset(self) -> None:
        self._total, self._seen = 0.0, 0
        for metric in (*self._metrics, *self._weighted):
            metric.reset_state()

    def _logs(self) -> dict[str, float]:
        """Return the averages so far, sorted by name, as Keras has them."""
        logs = {metric.name: metric.result() for metric in (*self._metrics, *self._weighted)}
        return dict(sorted({**logs, "loss": self._total / max(self._seen, 1)}.items()))

    def _returned(self, logs: dict[str, float], return_dict: bool) -> Any:
        if return_dict:
            return logs
        values = [logs["loss"], *(metric.result() for metric in (*self._metrics, *self._weighted))]
        return values if len(values) > 1 else values[0]

    def _inputs(self, x: Any, name: str = "x") -> Any:
        if not self.layers:
            raise ValueError("the model has no layers; add some")
        if not self.built:
            if not hasattr(x, "shape"):
                x = np.asarray(x)
            self.build((None, *x.shape[1:]))
        first = self.layers[0]
        return _data.inputs(x, first._shape_in(), self.device, first.name, name)

    def _data(self, x: Any, y: Any, sample_weight: Any = None, class_weight: Any = None, *, name: str = "") -> Data:
        """Return samples and labels, checked, on the model's device."""
        if self._compiled is None:
            raise RuntimeError("the model must be compiled first: model.compile(optimizer=..., loss=...)")
        if self.loss is None:
            raise RuntimeError("the model was compiled without a loss; compile(loss=...) says which")
        x = self._inputs(x, f"x of {name}" if name else "x")
        last = self.layers[-1]
        outputs = last.compute_output_shape(last._shape_in())
        y, one_hot = _data.targets(
            y,
            len(x),
            self.loss,
            outputs,
            self.device,
            f"y of {name}" if name else "y",
        )
        if class_weight is not None:
            sample_weight = _data.class_weights(class_weight, y, sample_weight)
        weight = _data.weights(sample_weight, len(x), self.device)
        if not self._metrics and not self._weighted:
            shape, width = tuple(y.shape), outputs[-1] if outputs else 1
            self._metrics = [_metric(m, shape, width) for m in self._compiled["metrics"]]
            self._weighted = [_metric(m, shape, width) for m in self._compiled["weighted_metrics"]]
        return Data(x, y, weight, one_hot)


def _metric(identifier: Any, y_shape: Any = None, outputs: Any = None) -> metrics.Metric:
    return metrics.get(identifier, y_shape, outputs)


def _listed(given: Any, name: str) -> list[Any]:
    if given is None:
        return []
    if isinstance(given, Mapping):
        raise TypeError(f"{name} must be a list, as ['accuracy']; got a dict")
    return list(given) if isinstance(given, (list, tuple)) else [given]


def _split(x: Any, y: Any, weight: Any, validation: Any, part: float) -> tuple[Any, Any, Any, Any]:
    """Return what is trained on, and what the model is evaluated with: given, or the last samples."""
    if validation is not None:
        if not isinstance(validation, (tuple, list)) or len(validation) not in (2, 3):
            raise TypeError("validation_data must be a tuple (x, y) or (x, y, sample_weight)")
        return x, y, weight, tuple(validation)
    if not part:
        return x, y, weight, None
    if not 0 < part < 1:
        raise ValueError(f"validation_split must be in (0, 1); got {part}")
    x, y = (a if arrays.is_array(a) else np.asarray(a) for a in (x, y))
    weight = None if weight is None else np.asarray(weight)
    at = math.floor(len(x) * (1 - part))
    if at == 0 or at == len(x):
        raise ValueError(
            f"validation_split={part} of {len(x)} samples leaves none to train on, or none to evaluate with"
        )
    return (
        x[:at],
        y[:at],
        None if weight is None else weight[:at],
        (x[at:], y[at:], *([] if weight is None else [weight[at:]])),
    )
