"""What a session does to compute something: the operations needed, in order, ready to be carried out.

Finding them is work, and a training loop asks for the same thing again and again. So a plan is made once for what is
fetched and fed, and kept. Carrying it out is a loop of one line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

import numpy as np

from dlkit.arrays import array, device_of, to_numpy
from dlkit.tf.errors import InvalidArgumentError, OpError
from dlkit.tf.graph import Constant, Operation, Tensor
from dlkit.tf.shapes import written

__all__ = ["Plan"]


class Plan:
    """The operations that some fetches need, if some tensors are fed.

    Values lie in one list: first those that are fed, then the constants, then each operation's result.

    Parameters
    ----------
    session : Session
        Where the variables are.
    fetches : sequence of Tensor or Operation
        What to compute, or carry out.
    fed : sequence of Tensor
        Whose values will be given.
    """

    def __init__(self, session: Any, fetches: Sequence[Tensor | Operation], fed: Sequence[Tensor]) -> None:
        self.places: dict[Operation, int] = {x.op: k for k, x in enumerate(fed)}
        self.values: list[Any] = [None] * len(fed)
        self.operations: list[Operation] = []  # that of each step
        self.steps: list[tuple[Callable[..., Any], int, Callable[[list[Any]], Sequence[Any]]]] = []
        self._copies: dict[tuple[int, str], int] = {}
        self._devices = [session.device] * len(fed)
        for op in _needed([f.op if isinstance(f, Tensor) else f for f in fetches], set(self.places)):
            device = session.device_of(op)
            if isinstance(op, Constant):
                value = array(op.value, device=device)
                self._new(op, value[()] if isinstance(value, np.ndarray) else value, device)
            elif op.type == "Placeholder":
                raise InvalidArgumentError(
                    f"You must feed a value for placeholder tensor '{op.name}' with dtype "
                    f"{op.output.dtype.name} and shape {written(op.output._shape)}: pass it in feed_dict"  # type: ignore[union-attr]
                )
            else:
                inputs = tuple(self._moved(self.places[x.op], device, op) for x in op.inputs)
                self._step(op.kernel(session), self._new(op, None, device), inputs, op)
        self.results = [self.places[f.op] if isinstance(f, Tensor) else None for f in fetches]

    def _new(self, op: Operation | None, value: Any, device: str) -> int:
        self.values.append(value)
        self._devices.append(device)
        if op is not None:
            self.places[op] = len(self.values) - 1
        return len(self.values) - 1

    def _step(self, kernel: Callable[..., Any], place: int, inputs: tuple[int, ...], op: Operation) -> None:
        self.steps.append((kernel, place, _picker(inputs)))
        self.operations.append(op)

    def _moved(self, place: int, device: str, op: Operation) -> int:
        """Return where a value is on this device, which may take a step of its own."""
        if self._devices[place] == device:
            return place
        if (place, device) not in self._copies:
            self._copies[place, device] = copy = self._new(None, None, device)
            self._step(lambda value: array(value, device=device), copy, (place,), op)
        return self._copies[place, device]

    def run(self, fed: Sequence[Any]) -> list[Any]:
        """Carry out all steps; return what is fetched, as numpy arrays."""
        values = self.values.copy()
        values[: len(fed)] = fed
        try:
            for kernel, place, pick in self.steps:
                values[place] = kernel(*pick(values))
        except OpError:
            raise
        except (ValueError, TypeError, IndexError, RuntimeError) as error:
            raise self._explained(place, pick(values), error) from error
        return [None if k is None else _handed_out(values[k]) for k in self.results]

    def run_checked(self, fed: Sequence[Any]) -> list[Any]:
        """Do the same, but stop at the first result that is not finite."""
        values = self.values.copy()
        values[: len(fed)] = fed
        for (kernel, place, pick), op in zip(self.steps, self.operations, strict=True):
            values[place] = value = kernel(*pick(values))
            if value is not None and hasattr(value, "dtype") and "float" in str(value.dtype):
                found = to_numpy(value)
                if not np.isfinite(found).all():
                    what = "nan" if np.isnan(found).any() else "infinity"
                    given = ", ".join(f"'{x.name}'" for x in op.inputs) or "nothing"
                    raise InvalidArgumentError(
                        f"'{op.name}' ({op.type}) gave {what} in a result of shape {written(found.shape)}; it was "
                        f"computed from {given}, which are finite"
                    )
        return [None if k is None else _handed_out(values[k]) for k in self.results]

    def _explained(self, place: int, inputs: Sequence[Any], error: Exception) -> InvalidArgumentError:
        op = next(op for op, step in zip(self.operations, self.steps, strict=True) if step[1] == place)
        given = ", ".join(
            f"'{x.name}' {written(tuple(value.shape))}" if hasattr(value, "shape") else f"'{x.name}'"
            for x, value in zip(op.inputs, inputs, strict=False)
        )
        return InvalidArgumentError(f"'{op.name}' ({op.type}) could not be computed from {given or 'nothing'}: {error}")


def _picker(places: Sequence[int]) -> Callable[[list[Any]], Sequence[Any]]:
    """Return the function that takes what lies at these places out of a list, as a sequence."""
    if len(places) > 1:
        return itemgetter(*places)
    return itemgetter(slice(places[0], places[0] + 1) if places else slice(0, 0))


def _needed(targets: Sequence[Operation], given: set[Operation]) -> list[Operation]:
    """Return the operations that must be carried out, in the order in which they were made."""
    needed: set[Operation] = set()
    todo = list(targets)
    while todo:
        op = todo.pop()
        if op in needed or op in given:
            continue
        needed.add(op)
        todo += [x.op for x in op.inputs]
        todo += op.control_inputs
    return sorted(needed, key=lambda op: op.number)


def _handed_out(value: Any) -> Any:
    """Return a value as numpy's, and no one else's: a variable's array will change, a view of it too."""
    if type(value) is np.ndarray:
        return (
            value
            if value.ndim and value.base is None and value.flags.owndata and value.flags.writeable
            else value.copy()[()]
        )
    if value is None or device_of(value) == "numpy":
        return value
    return np.array(to_numpy(value))[()]
