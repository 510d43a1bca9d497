"""Reverse-mode automatic differentiation: record what is computed, then go back through it by the chain rule.

Recording. An operation on nodes makes a node, which remembers the operation and its operands. Every node gets its
number from one counter, so a node is always younger than the operands it was computed from.

Going back. From the root, always take the youngest node waiting: everything computed from it is younger still, so all
parts of its gradient have arrived. Its operands' rules send parts on, which are added up where they meet. This is an
order in which a topological sort of the reversed graph could list the nodes, found without a search and without
recursion (Linnainmaa, 1976, *Taylor expansion of the accumulated rounding error*, BIT 16; Griewank and Walther, 2008,
*Evaluating Derivatives*, chapter 3).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Container
from functools import wraps
from heapq import heappop, heappush
from itertools import count
from typing import Any

from numpy import bool_, float64, ndarray

from dlkit.arrays import check_agreement
from dlkit.autograd.operation import Operation
from dlkit.autograd.operations.shapes import sum_to

__all__ = ["Node", "is_recording", "no_grad", "record", "recording", "reverse"]

# Downwards, so that the youngest node has the smallest number: heapq gives the smallest first.
next_number = count(0, -1).__next__

_NUMBERS = frozenset({float64, float, int, bool, bool_})  # they go with each other, in whatever combination


class Node:
    """A value, and how it came about.

    Attributes
    ----------
    requires_grad : bool
        Whether gradients flow to this node, and through it.
    grad : array or None
        For a leaf, a node that was given and not computed: the gradient found so far.
    """

    __slots__ = ("__weakref__", "_number", "_origin", "_value", "grad", "requires_grad")

    _value: Any
    _number: int
    # The operation, its operands (nodes, arrays, numbers), their values and its options. None for a leaf, and for a
    # constant; RELEASED once a backward pass has forgotten it.
    _origin: tuple[Operation, tuple[Any, ...], list[Any], dict[str, Any]] | None
    requires_grad: bool
    grad: Any


RELEASED: Any = ()


def record(operation: Operation, operands: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Carry out an operation on operands that are nodes, arrays or numbers; return the node of its result."""
    values = []
    kind: type[Node] = Node
    requires_grad = False
    # Nothing but float64 and Python's numbers, which always agree: the check, slow beside work on numbers, is spared.
    numbers_only = True
    for operand in operands:
        if isinstance(operand, Node):
            kind = type(operand)
            if operand.requires_grad:
                requires_grad = True
            operand = operand._value
            if type(operand) is not float64:
                numbers_only = False
        elif type(operand) not in _NUMBERS:
            numbers_only = False
        values.append(operand)
    if not numbers_only and len(values) > 1:
        check_agreement(operation.name, values, operation.operands)
    node = object.__new__(kind)
    node._value = value = operation.forward(*values, **options)
    node._number = next_number()
    node.grad = None
    if type(value) is not float64:
        if type(value) is ndarray:
            value.flags.writeable = False  # rules will read it: a change would falsify the gradient, so it is refused
        elif not hasattr(value, "dtype"):
            raise TypeError(f"{operation.name} must return one array; got {type(value).__name__}")
    if requires_grad and _mode.recording and not operation.constant:
        node.requires_grad = True
        node._origin = (operation, operands, values, options)
    else:
        node.requires_grad = False
        node._origin = None
    return node


def reverse(
    root: Node,
    gradient: Any,
    wanted: Container[int] | None = None,
    *,
    oldest: int = 0,
    create_graph: bool = False,
    release: bool = False,
) -> list[tuple[Node, Any]]:
    """Go back from `root` and return nodes with the gradients there, youngest first.

    Parameters
    ----------
    root : Node
        Where to begin.
    gradient : array, or Node with `create_graph`
        The gradient of the final quantity with respect to `root`; its shape.
    wanted : container of int, optional
        The numbers of the nodes to return; all leaves by default.
    oldest : int
        Nodes older than the one with this number are not visited.
    create_graph : bool
        Give the rules nodes instead of arrays, so that the gradients are nodes and can be differentiated again.
    release : bool
        Forget each node's origin once its gradient was passed on, so that its memory is freed on the way.
    """
    found = []
    waiting = [root._number]
    # By number: the node, its gradient so far, and whether that is a sum made here, which nobody else holds.
    arrived: dict[int, tuple[Node, Any, bool]] = {root._number: (root, gradient, False)}
    while waiting:
        number = heappop(waiting)
        node, g, _ = arrived.pop(number)
        origin = node._origin
        asked_for = origin is None if wanted is None else number in wanted
        if asked_for:
            found.append((node, g))
        if origin is None:
            continue
        if origin is RELEASED:
            raise RuntimeError(
                "this part of the graph was released by an earlier backward pass; compute the value anew, or pass "
                "retain_graph=True to the first pass"
            )
        operation, operands, values, options = origin
        z = node._value
        if create_graph:
            z, values = node, list(operands)
        for operand, rule in zip(operands, operation.rules):  # noqa: B905  (strict= costs more than the zip; rules may have no end)
            if not isinstance(operand, Node) or not operand.requires_grad:
                continue
            key = operand._number
            if key > oldest:
                continue
            if key < number:
                raise RuntimeError(
                    f"{operation.name}: its operand of shape {tuple(operand._value.shape)} was changed after it was "
                    f"used; finish the backward pass before the values change"
                )
            part = rule(g, z, *values, **options)
            try:
                if part.shape != operand._value.shape:
                    part = sum_to(part, shape=operand._value.shape)
            except (AttributeError, ValueError) as error:
                raise _bad_part(operation, operands, operand, rule, part) from error
            earlier = arrived.get(key)
            if earlier is None:
                arrived[key] = (operand, part, False)  # kept as it is, though someone else may hold it as well
                heappush(waiting, key)
                continue
            _, total, ours = earlier
            if ours and not create_graph:
                total += part  # in place
            else:
                total = total + part
            arrived[key] = (operand, total, True)
        if release:
            node._origin = RELEASED
            del origin, operands, values, z
    return found


def _bad_part(operation: Operation, operands: tuple[Any, ...], operand: Node, rule: Any, part: Any) -> Exception:
    if operation.variadic:
        (position,) = rule.args
        name = f"argument {position + 1}"
    else:  # an operand may stand in several places: it is the one with this rule
        named = zip(operation.operands, operands, operation.rules, strict=True)
        name = next(name for name, other, its_rule in named if other is operand and its_rule is rule)
    shape = getattr(part, "shape", None)
    if shape is None:
        return TypeError(
            f"{operation.name}: the rule for {name} must return an array, g times the derivative; got {part!r}"
        )
    return ValueError(
        f"{operation.name}: the rule for {name} must return a gradient of the shape {tuple(operand._value.shape)} of "
        f"{name}, or one that was broadcast from it; got {tuple(shape)}"
    )


class _Mode(threading.local):
    recording = True


_mode = _Mode()


def is_recording() -> bool:
    """Tell whether operations of this thread are recorded."""
    return _mode.recording


class _Switch:
    """Turns recording on or off, as a context or a decorator; what was before comes back."""

    _records: bool

    def __init__(self) -> None:
        self._before: list[bool] = []  # one entry for each time it was entered and not yet left

    def __enter__(self) -> None:
        self._before.append(_mode.recording)
        _mode.recording = self._records

    def __exit__(self, *error: object) -> None:
        _mode.recording = self._before.pop()

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def switched(*args: Any, **kwargs: Any) -> Any:
            with type(self)():  # a new one for each call: calls in several threads do not mix
                return function(*args, **kwargs)

        return switched


class no_grad(_Switch):  # noqa: N801  (a function to its users: `with no_grad():`, `@no_grad()`)
    """Within it nothing is recorded: results require no gradient, and leaves may be updated in place.

    Examples
    --------
    >>> with no_grad():
    ...     weights -= 0.1 * weights.grad  # doctest: +SKIP
    """

    _records = False


class recording(_Switch):  # noqa: N801
    """Within it operations are recorded, inside of `no_grad` too: for functions whose business is a derivative."""

    _records = True
