"""Synchronous training by several processes, on several GPUs or machines: each takes its share of every batch.

The gradient of a mean over a batch is the mean of the shares' gradients, weighted by their sizes. So the processes,
which begin with the same parameters, exchange gradients and make the same step, each on its own copy: they compute
what one process would, but for rounding. A step costs one message, all gradients joined in a single array (the engine
of DistributedDataParallel; Li et al., 2020, *PyTorch distributed: experiences on accelerating data parallel training*).

`torchrun` starts the processes and tells them of each other; `join` reads what it has told::

    with join("numpy") as group:
        rule = group.averaging(Adam(0.001))
        ...
        mine = group.share(len(batch))
        rule.update(parameters, gradient(batch[mine]))

Messages go through torch.distributed: gloo on a CPU, nccl between GPUs. A process that is not started by `torchrun`
makes a group by itself, in which the same program runs as if nothing of this were there; torch is not loaded then.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from copy import copy
from math import prod
from typing import Any

import numpy as np

from dlkit._checks import count
from dlkit.arrays import array, namespace, to_numpy
from dlkit.optim import UpdateRule

__all__ = ["Group", "join"]


class Group:
    """Processes that train together, as one of them sees it; `join` makes it.

    Parameters
    ----------
    rank : int
        The number of this process; 0 is the one that prints and writes.
    size : int
        How many there are.
    device : str
        Where this process computes, see `dlkit.arrays`.

    Attributes
    ----------
    weight : float
        What this process's mean counts in that of the whole batch: its part of the samples of the last `share`.
    """

    def __init__(self, rank: int = 0, size: int = 1, device: str = "numpy") -> None:
        self.rank, self.size, self.device = rank, size, device
        self.weight = 1 / size

    def share(self, n: int) -> slice:
        """Return which rows of a batch of `n` are this process's.

        Shares differ by one row at most. Where there are fewer rows than processes, those that would have none take
        the first row, since the mean of nothing is no number, and weigh it 0.
        """
        count(n, "n")
        begin, end = (n * k // self.size for k in (self.rank, self.rank + 1))
        self.weight = (end - begin) / n
        return slice(begin, end) if begin < end else slice(0, 1)

    def average(self, gradients: Sequence[Any]) -> list[Any]:
        """Return the gradients on the whole batch, given those on the last `share`.

        Parameters
        ----------
        gradients : list of arrays, or None where there is no gradient
            In every process of the same shapes, with None in the same places.

        Returns
        -------
        list of arrays
            The same ones, bit by bit, in every process.

        Raises
        ------
        ConnectionError
            If another process has stopped.
        """
        gradients = [getattr(g, "value", g) for g in gradients]
        if self.size == 1:
            return gradients
        there = [g for g in gradients if g is not None]
        xp = namespace(there[0])
        bucket = xp.concat([g.reshape(-1) for g in there])
        bucket *= self.weight
        self._sum(bucket)
        averaged, at = [], 0
        for g in gradients:
            if g is not None:
                size = prod(g.shape)
                g, at = xp.astype(bucket[at : at + size].reshape(g.shape), g.dtype, copy=False), at + size
            averaged.append(g)
        return averaged

    def averaging(self, rule: UpdateRule) -> UpdateRule:
        """Return a rule that goes on as `rule` would, and steps along the average of all processes' gradients.

        Parameters
        ----------
        rule : UpdateRule
            It stays as it is.

        Returns
        -------
        UpdateRule
            Of the same name and slots, so that either goes on from a state of the other.
        """
        if self.size == 1:
            return rule
        group = self

        def update(self: Any, parameters: Sequence[Any], gradients: Sequence[Any] | None = None) -> None:
            own = [p.grad for p in parameters] if gradients is None else gradients
            type(rule).update(self, parameters, group.average(own))

        averaging = copy(rule)
        averaging.__class__ = type(type(rule).__name__, (type(rule),), {"update": update, "__doc__": rule.__doc__})
        if rule.t:
            averaging.load_state_dict(rule.state_dict())
        return averaging

    def means(self, numbers: Sequence[float], weight: float | None = None) -> list[float]:
        """Return the means over all samples, given those over this process's: of a loss, say.

        Parameters
        ----------
        numbers : list of float
            In every process as many.
        weight : float, optional
            What this process's count, its number of samples say; its part of the last `share` by default.
        """
        weight = self.weight if weight is None else weight
        total, *sums = self._sums([weight, *(weight * x for x in numbers)])
        return [x / total for x in sums]

    def everywhere(self, so: bool) -> bool:
        """Return whether something is so in every process."""
        return self._sums([float(so)]) == [self.size]

    def from_first(self, arrays: Sequence[Any]) -> list[Any]:
        """Return the arrays of process 0, which all then begin with, as numpy arrays.

        Parameters
        ----------
        arrays : list of arrays
            In every process of the same shapes and dtypes.
        """
        found = [to_numpy(a) for a in arrays]
        if self.size == 1:
            return found
        from torch import distributed

        sent = [array(a.copy(), device=self._place) for a in found]
        for a in sent:
            distributed.broadcast(a, 0)
        return [to_numpy(a) for a in sent]

    def __enter__(self) -> Group:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        # After an error the others may wait for a message that never comes; nccl would wait with them.
        if self.size > 1 and (kind is None or not self.device.startswith("cuda")):
            from torch import distributed

            distributed.destroy_process_group()

    @property
    def _place(self) -> str:
        """Where messages lie."""
        return "cpu" if self.device == "numpy" else self.device

    def _sums(self, numbers: Sequence[float]) -> list[float]:
        if self.size == 1:
            return list(numbers)
        sent = array(np.array(numbers, dtype=np.float64), device=self._place)
        self._sum(sent)
        return to_numpy(sent).tolist()

    def _sum(self, a: Any) -> None:
        """Put the sum over all processes into an array."""
        from torch import distributed

        try:
            distributed.all_reduce(array(a, device=self._place))  # a numpy array and its tensor are one memory
        except RuntimeError as error:
            raise ConnectionError("another process has stopped, or cannot be reached") from error


def join(device: str = "numpy") -> Group:
    """Return the group of processes that `torchrun` has started this one in, having met the others.

    Parameters
    ----------
    device : {"numpy", "cpu", "cuda"}
        Where to compute; of several processes on a machine each takes a GPU of its own for "cuda".

    Raises
    ------
    ValueError
        If there is no such device: fewer GPUs than processes on this machine, say.
    """
    size = int(os.environ.get("WORLD_SIZE", 1))
    if size > 1 and device == "cuda":
        device = f"cuda:{os.environ['LOCAL_RANK']}"
    array(0.0, "float32", device)  # a device that is not there is noticed now
    if size > 1:
        import torch
        from torch import distributed

        if device.startswith("cuda"):
            torch.cuda.set_device(device)
        distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    return Group(int(os.environ.get("RANK", 0)) if size > 1 else 0, size, device)
