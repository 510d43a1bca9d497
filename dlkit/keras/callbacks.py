"""What is called between epochs and batches of `fit`: history, early stopping, smaller rates, checkpoints, logs."""

from __future__ import annotations

import math
import operator
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dlkit._checks import count, number
from dlkit.keras._names import refuse

__all__ = [
    "Callback",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ReduceLROnPlateau",
    "TensorBoard",
]


class Callback:
    """What is called during `fit`. One of one's own defines what it needs of these methods.

    Attributes
    ----------
    model : Sequential
        The model that is trained.
    params : dict
        Its ``epochs``, ``steps`` (batches an epoch) and ``verbose``.
    """

    model: Any = None
    params: dict[str, Any]

    def set_model(self, model: Any) -> None:
        """Get to know the model."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Get to know the arguments of `fit`."""
        self.params = params

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Do something before the first epoch."""

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Do something after the last epoch."""

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Do something before an epoch; the first is number 0."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Do something after an epoch, given its averages: ``loss``, metrics, and the same with ``val_`` before."""

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Do something before a batch; the first of an epoch is number 0."""

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Do something after a batch, with the averages of the epoch so far."""


class CallbackList:
    """Callbacks that are called together."""

    def __init__(self, callbacks: Any, model: Any, params: dict[str, Any]) -> None:
        given = [] if callbacks is None else list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
        for callback in given:
            if not isinstance(callback, Callback):
                raise TypeError(f"callbacks must be objects of keras.callbacks.Callback; got {callback!r}")
        self.history = History()
        self.callbacks: list[Callback] = [*given, self.history]
        for callback in self.callbacks:
            callback.set_model(model)
            callback.set_params(params)
        # Called for each batch are those that do something then: making logs for all would cost as much as a layer.
        batch_methods = ("on_train_batch_begin", "on_train_batch_end")
        self.for_batches = [
            c for c in self.callbacks if any(getattr(type(c), m) is not getattr(Callback, m) for m in batch_methods)
        ]

    def call(self, method: str, *arguments: Any) -> None:
        """Call a method of all, the history last: what the others add to the logs is in it."""
        callbacks = self.for_batches if "batch" in method else self.callbacks
        for callback in callbacks:
            getattr(callback, method)(*arguments)


class History(Callback):
    """The averages of each epoch; `fit` returns one.

    Attributes
    ----------
    epoch : list of int
        The epochs, from 0.
    history : dict of str to list of float
        A list of a number per epoch for ``loss``, each metric, and the same with ``val_`` in front.
    """

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = {}

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write down the averages."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)


class _Monitor(Callback):
    """Watches one number for improvements."""

    def __init__(self, monitor: str, mode: str, min_delta: float) -> None:
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"mode must be 'auto', 'min' or 'max'; got {mode!r}")
        self.monitor, self.mode = monitor, mode
        self.min_delta = abs(number(min_delta, "min_delta"))
        grows = mode == "max" or (mode == "auto" and any(word in monitor for word in ("acc", "auc", "precision")))
        self.better: Callable[[float, float], bool] = operator.gt if grows else operator.lt
        self.worst = -math.inf if grows else math.inf

    def improved(self, value: float, best: float) -> bool:
        """Tell whether a value is better than the best by more than `min_delta`."""
        return self.better(value - self.min_delta if self.worst < 0 else value + self.min_delta, best)

    def watched(self, logs: dict[str, float] | None) -> float | None:
        """Return the number to watch; with a warning None where there is no such number."""
        value = (logs or {}).get(self.monitor)
        if value is None:
            warnings.warn(
                f"{type(self).__name__} watches {self.monitor!r}, which is not among {', '.join(logs or {})}"
                + ("; give fit validation_data or validation_split" if self.monitor.startswith("val_") else ""),
                stacklevel=2,
            )
        return value


class EarlyStopping(_Monitor):
    """Stops training when a number no longer improves.

    Parameters
    ----------
    monitor : str, default "val_loss"
        The number.
    min_delta : float ≥ 0, default 0
        An improvement is more than this.
    patience : int ≥ 0, default 0
        After so many epochs without one training stops.
    verbose : {0, 1}
        Whether to say so.
    mode : {"auto", "min", "max"}
        Whether smaller or larger is better; "auto" takes it from the name.
    baseline : float, optional
        What is to be improved on at first.
    restore_best_weights : bool, default False
        Whether to end with the weights of the best epoch.
    start_from_epoch : int, default 0
        Epochs before this one do not count.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience, self.verbose, self.baseline = count(patience, "patience", 0), verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Begin to count."""
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = self.worst
        self.best_weights: Any = None

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Count, and stop if it is time to."""
        value = self.watched(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if self.improved(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self.improved(value, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Put the best weights back."""
        if self.stopped_epoch and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                print(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


class ReduceLROnPlateau(_Monitor):
    """Makes the learning rate smaller when a number no longer improves.

    Parameters
    ----------
    monitor : str, default "val_loss"
        The number.
    factor : float in (0, 1), default 0.1
        The rate becomes factor · rate.
    patience : int ≥ 0, default 10
        After so many epochs without an improvement.
    verbose : {0, 1}
        Whether to say so.
    mode : {"auto", "min", "max"}
        Whether smaller or larger is better.
    min_delta : float ≥ 0, default 1e-4
        An improvement is more than this.
    cooldown : int ≥ 0, default 0
        How many epochs after that do not count.
    min_lr : float ≥ 0, default 0
        The rate gets no smaller.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.factor = number(factor, "factor", above=0, below=1)
        self.patience, self.cooldown = count(patience, "patience", 0), count(cooldown, "cooldown", 0)
        self.verbose, self.min_lr = verbose, number(min_lr, "min_lr", 0)

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Begin to count."""
        if self.model.optimizer.scheduled:
            raise ValueError("ReduceLROnPlateau needs a learning_rate that is a number; the optimizer's is a schedule")
        self.wait = self.cooling = 0
        self.best = self.worst

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Count, and make the rate smaller if it is time to."""
        optimizer = self.model.optimizer
        if logs is not None:
            logs["learning_rate"] = optimizer.learning_rate
        value = self.watched(logs)
        if value is None:
            return
        if self.cooling:
            self.cooling, self.wait = self.cooling - 1, 0
        if self.improved(value, self.best):
            self.best, self.wait = value, 0
        elif not self.cooling:
            self.wait += 1
            if self.wait >= self.patience and optimizer.learning_rate > self.min_lr:
                optimizer.learning_rate = max(optimizer.learning_rate * self.factor, self.min_lr)
                self.cooling, self.wait = self.cooldown, 0
                if self.verbose:
                    print(
                        f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {optimizer.learning_rate}."
                    )


class ModelCheckpoint(_Monitor):
    """Saves the model after each epoch, or after those that are better than all before.

    Parameters
    ----------
    filepath : str or path
        Where to. ``{epoch:02d}``, from 1, and ``{val_loss:.2f}`` or any other number of the logs are filled in.
    monitor : str, default "val_loss"
        What better is measured by.
    verbose : {0, 1}
        Whether to say so.
    save_best_only : bool, default False
        Whether to save better ones only.
    save_weights_only : bool, default False
        Whether to leave out the layers' settings and the optimizer.
    mode : {"auto", "min", "max"}
        Whether smaller or larger is better.
    save_freq : "epoch"
        Keras's other value, a number of batches, is not offered; `period`, of Keras 2, counts epochs.
    period : int, default 1
        Save after each so many epochs.
    initial_value_threshold : float, optional
        What is to be improved on at first.
    """

    def __init__(
        self,
        filepath: Any,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str = "epoch",
        period: int = 1,
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode, 0)
        if save_freq != "epoch":
            raise ValueError(f"save_freq must be 'epoch'; got {save_freq!r} (period counts epochs)")
        self.filepath, self.verbose = str(filepath), verbose
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        self.period = count(period, "period")
        self.best = self.worst if initial_value_threshold is None else initial_value_threshold

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Save, if it is time to."""
        if (epoch + 1) % self.period:
            return
        if self.save_best_only:
            value = self.watched(logs)
            if value is None or not self.improved(value, self.best):
                return
            self.best = value
        try:
            path = self.filepath.format(epoch=epoch + 1, **(logs or {}))
        except KeyError as missing:
            raise ValueError(f"filepath names {missing}, which is not among epoch, {', '.join(logs or {})}") from None
        save = self.model.save_weights if self.save_weights_only else self.model.save
        save(path)
        if self.verbose:
            print(f"\nEpoch {epoch + 1}: saving model to {path}")


class LearningRateScheduler(Callback):
    """Sets the learning rate before each epoch.

    Parameters
    ----------
    schedule : callable
        ``schedule(epoch, learning_rate)``, or ``schedule(epoch)``, returns the rate; the first epoch is number 0.
    verbose : {0, 1}
        Whether to say so.
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Set the rate."""
        import inspect

        optimizer = self.model.optimizer
        both = len(inspect.signature(self.schedule).parameters) > 1
        rate = self.schedule(epoch, optimizer.learning_rate) if both else self.schedule(epoch)
        optimizer.learning_rate = number(rate, "the schedule's rate", 0)
        if self.verbose:
            print(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}.")

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write the rate into the logs."""
        if logs is not None:
            logs["learning_rate"] = self.model.optimizer.learning_rate


class LambdaCallback(Callback):
    """A callback made of functions.

    Parameters
    ----------
    **methods : callable
        By the names of `Callback`'s methods, as ``on_epoch_end=lambda epoch, logs: print(logs)``.
    """

    def __init__(self, **methods: Callable[..., None]) -> None:
        known = [name for name in vars(Callback) if name.startswith("on_")]
        refuse("LambdaCallback", {name: m for name, m in methods.items() if name not in known}, known)
        for name, method in methods.items():
            setattr(self, name, method)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Do nothing, unless a function was given in place of this."""


class TensorBoard(Callback):
    """Writes the numbers of each epoch for TensorBoard, by torch's writer.

    Parameters
    ----------
    log_dir : str or path, default "logs"
        The folder; below it, ``train`` and ``validation``, as Keras has them.
    histogram_freq : int ≥ 0, default 0
        After each so many epochs, histograms of the weights; 0 for none.
    """

    def __init__(self, log_dir: Any = "logs", histogram_freq: int = 0) -> None:
        self.log_dir = Path(log_dir)
        self.histogram_freq = count(histogram_freq, "histogram_freq", 0)
        self._writers: dict[str, Any] = {}

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Look whether there is a writer."""
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ImportError(
                f"TensorBoard needs the packages torch and tensorboard: pip install tensorboard ({error})"
            ) from error
        self._make = SummaryWriter

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write the numbers."""
        for name, value in (logs or {}).items():
            part = "validation" if name.startswith("val_") else "train"
            self._writer(part).add_scalar(f"epoch_{name.removeprefix('val_')}", value, epoch)
        if self.histogram_freq and (epoch + 1) % self.histogram_freq == 0:
            for layer in self.model.layers:
                for name, value in zip([*layer.parameters, *layer.buffers], layer.get_weights(), strict=True):
                    self._writer("train").add_histogram(f"{layer.name}/{name}", np.asarray(value), epoch)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Close the files."""
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def _writer(self, part: str) -> Any:
        if part not in self._writers:
            self._writers[part] = self._make(log_dir=str(self.log_dir / part))
        return self._writers[part]
