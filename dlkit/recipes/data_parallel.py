"""A Keras model of which several processes train a copy each."""

from __future__ import annotations

from typing import Any

from dlkit.descent.distributed import Group
from dlkit.keras import Sequential

__all__ = ["DataParallel"]


class DataParallel(Sequential):
    """A model that trains on its process's share of every batch, with the average of all gradients.

    The copies draw the same order of samples, and dropout's masks for the whole batch, of which each takes its rows.
    So together they compute what one process would, dropout included, but for rounding. What is different: batch
    normalization takes its averages over a share, and an optimizer's clipping sees a share's gradient.

    Parameters
    ----------
    model : Sequential
        A compiled model, alike in every process; its layers and its optimizer become this one's.
    group : Group
        The processes.
    """

    def __init__(self, model: Sequential, group: Group) -> None:
        vars(self).update(vars(model))
        self.group = group
        self.set_weights(group.from_first(self.get_weights()))
        self.optimizer.rule = group.averaging(self.optimizer.rule)
        for layer in self.layers:
            layer.masks = _Masks(layer.masks, self)  # type: ignore[assignment]
        self.rows, self.share = 0, slice(0)

    def _step(self, batch: Any, where: str) -> None:
        self.rows, self.share = len(batch), self.group.share(len(batch))
        super()._step(batch.part(self.share), where)

    def _epoch(self, *arguments: Any) -> dict[str, float]:
        """Return the averages over all samples, each process having seen a part."""
        logs = super()._epoch(*arguments)
        return dict(zip(logs, self.group.means(list(logs.values()), self._seen), strict=True))


class _Masks:
    """Dropout's masks: drawn for the whole batch, cut to the process's share."""

    def __init__(self, masks: Any, model: DataParallel) -> None:
        self.masks, self.model = masks, model
        self.state, self.restore = masks.state, masks.restore

    def draw(self, rate: float, like: Any, shape: tuple[int, ...]) -> Any:
        share = self.model.share
        if shape[0] != share.stop - share.start:  # one decision for all rows
            return self.masks.draw(rate, like, shape)
        return self.masks.draw(rate, like, (self.model.rows, *shape[1:]))[share]
