"""What training by several processes asks of a model; the messages are those of `dlkit.descent.distributed`.

Each process has a copy of the model and all samples, and takes its share of every batch. A process by itself is a group
of one, with nothing to exchange.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from dlkit import arrays
from dlkit.descent.distributed import Group

if TYPE_CHECKING:
    from dlkit.keras._training import Trainer

__all__ = ["ALONE", "averages", "begin_alike", "checked_group", "end_alike", "sharing", "stopped_by_any"]

ALONE = Group()


def checked_group(group: Any, device: str) -> Group:
    """Return the group; this process by itself for None.

    Raises
    ------
    TypeError
        If it is no group.
    ValueError
        If its messages would not come from where the model is.
    """
    if group is None:
        return ALONE
    if not isinstance(group, Group):
        raise TypeError(f"group must be what dlkit.descent.distributed.join() returns; got {group!r}")
    there, here = ("cpu" if place == "numpy" else place for place in (group.device, device))
    if group.size > 1 and there != here:
        raise ValueError(
            f"group is of processes on {group.device!r}, the model is on {device!r}; "
            f"Sequential(device=group.device) makes one for them"
        )
    return group


def begin_alike(model: Trainer, group: Group) -> None:
    """Let all begin with the weights of process 0, and draw what it draws: the order of samples, dropout's masks.

    So a model without a seed is one model all the same. On a GPU masks are drawn by the GPU, from the model's seed.
    """
    if group.size == 1:
        return
    model.set_weights(group.from_first(model.get_weights()))
    masks = {layer.name: {**layer.masks.state(), "on_gpu": {}} for layer in model.layers}
    state = {"shuffle": model._shuffle.bit_generator.state, "masks": masks}
    state = _from_first(group, state)
    model._shuffle.bit_generator.state = state["shuffle"]
    for layer in model.layers:
        layer.masks.restore(state["masks"][layer.name])


def _from_first(group: Group, found: Any) -> Any:
    """Return what process 0 has; it is something that JSON can say."""
    text = np.frombuffer(json.dumps(found).encode(), np.uint8)
    (length,) = group.from_first([np.array(len(text))])  # which may differ: all send arrays of one shape
    (sent,) = group.from_first([np.resize(text, int(length))])
    return json.loads(sent.tobytes())


@contextmanager
def sharing(model: Trainer, group: Group, n: int) -> Iterator[slice]:
    """Lend the rows of a batch of `n` that are this process's; within it, dropout's masks are for these rows.

    They are drawn for the whole batch, and cut: so together the processes drop what one would.
    """
    part = group.share(n)
    for layer in model.layers:
        layer.masks.share = None if group.size == 1 else (n, part)
    try:
        yield part
    finally:
        for layer in model.layers:
            layer.masks.share = None


def averages(model: Trainer, group: Group) -> dict[str, float]:
    """Return loss and metrics, over all samples that any process has seen since the last reset."""
    logs = model._logs()
    if group.size == 1:
        return logs
    least = 1e-300  # what a process that has seen nothing counts: it has no averages, and no other one notices it
    found = dict(zip(logs, group.means(list(logs.values()), model._seen or least), strict=True))
    for metric in model._weighted:
        (found[metric.name],) = group.means([metric.result()], metric.weight or least)
    return found


def end_alike(model: Trainer, group: Group) -> None:
    """Let all have the moving averages of process 0: each has made its own, of its shares."""
    if group.size == 1:
        return
    names = [(layer, name) for layer in model.layers for name in layer.buffers]
    kept = group.from_first([layer.buffers[name] for layer, name in names])
    for (layer, name), value in zip(names, kept, strict=True):
        layer.buffers[name] = arrays.array(value, device=model.device)


def stopped_by_any(model: Trainer, group: Group) -> bool:
    """Return whether a callback of any process has stopped the training."""
    return not group.everywhere(not model.stop_training)
