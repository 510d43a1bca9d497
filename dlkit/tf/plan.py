"""What a session does to compute something: the operations needed, in order, ready to be carried out.

Finding them is work, and a training loop asks for the same thing again and again. So a plan is made once for what is
fetched and fed, and kept. Carrying it out is a loop of one line.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

import numpy as np

from dlkit.arrays import array, device_of, is_torch, to_numpy
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

    Attributes
    ----------
    fed : list of Tensor
        The same.
    """

    def __init__(self, session: Any, fetches: Sequence[Tensor | Operation], fed: Sequence[Tensor]) -> None:
        self.fed = list(fed)
        self.places: dict[Operation, int] = {x.op: k for k, x in enumerate(fed)}
        self.values: list[Any] = [None] * len(fed)
        self.operations: list[Operation] = []  # that of each step
        self.steps: list[tuple[Callable[..., Any], int, Callable[[list[Any]], Sequence[Any]]]] = []
        self._copies: dict[tuple[int, str], int] = {}
        self._devices = [session.device] * len(fed)
        self._session = session
        self._given = set(self.places)
        self._fresh: set[Operation] = set()  # reads of variables that nothing has changed since
        targets = [f.op if isinstance(f, Tensor) else f for f in fetches]
        needed = _needed(targets, self._given)
        copied = _views_that_outlive_a_change(needed, targets)
        for op in needed:
            if op.reads is not None:
                continue  # when it is needed
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
                inputs = tuple(self._moved(self._place(x.op), device, op) for x in op.inputs)
                kernel = op.kernel(session)
                self._step(_copying(kernel) if op in copied else kernel, self._new(op, None, device), inputs, op)
                if op.changes:
                    self._fresh = {read for read in self._fresh if read.reads not in op.changes}
        self.results = [self._place(f.op) if isinstance(f, Tensor) else None for f in fetches]

    def _place(self, op: Operation) -> int:
        """Return where a value lies; a variable is read when it is first needed, and again once it has changed."""
        if op.reads is not None and op not in self._fresh | self._given:
            device = self._session.device_of(op)
            place = self.places[op] if op in self.places else self._new(op, None, device)
            self._copies = {key: copy for key, copy in self._copies.items() if key[0] != place}
            self._step(op.kernel(self._session), place, (), op)
            self._fresh.add(op)
        return self.places[op]

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
        for op, k in self.places.items():
            if k < len(fed):
                _must_be_finite(fed[k], f"the value fed for '{op.name}' holds")
        for (kernel, place, pick), op in zip(self.steps, self.operations, strict=True):
            try:
                values[place] = kernel(*pick(values))
            except OpError:
                raise
            except (ValueError, TypeError, IndexError, RuntimeError) as error:
                raise self._explained(place, pick(values), error) from error
            given = ", ".join(f"'{x.name}'" for x in op.inputs) or "nothing"
            _must_be_finite(values[place], f"'{op.name}' ({op.type}), computed from {given}, holds")
            for variable in op.changes:
                _must_be_finite(self._session.values[variable], f"'{op.name}' ({op.type}) has made '{variable.name}'")
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


def _views_that_outlive_a_change(needed: Sequence[Operation], targets: Sequence[Operation]) -> set[Operation]:
    """Return what only looks at a variable's array, and is used after that has been changed in place: to be copied."""
    changes = [(op.number, v) for op in needed for v in op.changes]
    if not changes:
        return set()
    changed = {v for _, v in changes}
    seen: dict[Operation, Any] = {op: op.reads for op in needed if op.reads in changed}
    for op in needed:
        if op.formula is not None and op.formula.view and op.inputs[0].op in seen:
            seen[op] = seen[op.inputs[0].op]
        elif op.output is not None and len(op.changes) == 1:
            seen[op] = op.changes[0]  # an assignment's result is the array itself
    last_use: dict[Operation, float] = {x.op: op.number for op in needed for x in op.inputs}  # in ascending order
    last_use.update(dict.fromkeys(targets, math.inf))
    return {
        op
        for op, v in seen.items()
        if op.reads is None and any(w is v and op.number < number < last_use.get(op, 0) for number, w in changes)
    }


def _copying(kernel: Callable[..., Any]) -> Callable[..., Any]:
    def copied(*inputs: Any) -> Any:
        value = kernel(*inputs)
        return value.clone() if is_torch(value) else value.copy()

    return copied


def _must_be_finite(value: Any, what: str) -> None:
    if value is None or "float" not in str(getattr(value, "dtype", "")):
        return
    found = to_numpy(value)
    if not np.isfinite(found).all():
        kind = "nan" if np.isnan(found).any() else "infinity"
        raise InvalidArgumentError(f"{what} {kind}, in an array of shape {written(found.shape)}")


def _handed_out(value: Any) -> Any:
    """Return a value as numpy's, and no one else's: a variable's array will change, what was fed is the caller's."""
    if type(value) is np.ndarray:
        return value.copy()[()]
    if value is None or device_of(value) == "numpy":
        return value
    return np.array(to_numpy(value))[()]
