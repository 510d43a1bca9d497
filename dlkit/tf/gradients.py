"""Derivatives as part of the graph: for each operation on the way back, nodes that carry out its rules.

This is the chain rule of `dlkit.autograd.engine`, with the same table of rules. But where the engine computes numbers,
here it adds operations, whose inputs are the gradient that arrives, the result, and the operands. So a session computes
a gradient like anything else; what of it is not asked for is not computed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from heapq import heappop, heappush
from typing import Any

from dlkit.autograd import Operation as Formula
from dlkit.autograd import Tensor as EagerTensor
from dlkit.autograd import gradients as eager_gradients
from dlkit.autograd.operation import _no_rule
from dlkit.autograd.operations.shapes import sum_to
from dlkit.tf import formulas
from dlkit.tf.building import add_formula, convert_to_tensor, type_of
from dlkit.tf.graph import Operation, Tensor, name_scope

__all__ = ["Rule", "gradients"]


class Rule(Formula):
    """The rule of an operation for one operand, as an operation of its own: from (g, z, operands…) to g·∂z/∂operand.

    It can be differentiated in turn. For that the rule is given tensors of `dlkit.autograd` when the graph is run.

    Parameters
    ----------
    formula : dlkit.autograd.Operation
        The operation.
    position : int
        Which operand.
    """

    def __init__(self, formula: Formula, position: int) -> None:
        self.name = f"{formula.name}_grad"
        names = formula.operands if not formula.variadic else (formula.operands[0],)
        self.operands = ("g", "z", *names)
        self.options = {}
        self.variadic = False
        self.constant = self.view = False
        self._rule = _rule(formula, position)
        self._position = position
        self.forward = self._apply
        self.rules = [partial(self._by, k) for k in range(2 + position + 1)]  # more are made as they are asked for

    def _apply(self, g: Any, z: Any, *operands: Any, **options: Any) -> Any:
        part = self._rule(g, z, *operands, **options)
        shape = operands[self._position].shape
        if part.shape == shape:
            return part
        return (sum_to if isinstance(part, EagerTensor) else sum_to.forward)(part, shape=shape)

    def _by(self, k: int, g: Any, z: Any, *inputs: Any, **options: Any) -> Any:
        """Differentiate the rule by its k-th input."""
        nested = any(isinstance(x, EagerTensor) for x in (g, *inputs))
        traced = [_traced(x, i == k) for i, x in enumerate(inputs)]
        result = self._apply(*traced, **options)
        return eager_gradients(result, [traced[k]], g, create_graph=nested)[0]


def _traced(x: Any, wanted: bool) -> Any:
    if isinstance(x, EagerTensor):
        return EagerTensor(x.value, requires_grad=True) if wanted and not x.requires_grad else x
    return EagerTensor(x, requires_grad=wanted) if "float" in str(x.dtype) else x


def _rule(formula: Formula, position: int) -> Callable[..., Any]:
    if isinstance(formula, Rule):
        return partial(formula._by, position)
    if formula.variadic:
        return partial(formula.rules.rule, position)
    return formula.rules[position]


@cache
def _derivative(formula: Formula, position: int) -> Rule:
    return Rule(formula, position)


def gradients(
    ys: Any,
    xs: Any,
    grad_ys: Any = None,
    name: str = "gradients",
    stop_gradients: Any = None,
    **_: Any,
) -> list[Tensor | None]:
    """Add to the graph the derivatives of the sum of `ys` by each of `xs`.

    Parameters
    ----------
    ys : Tensor or list of Tensor
        What to differentiate; all entries are summed.
    xs : Tensor or list of Tensor
        By what.
    grad_ys : Tensor or list, optional
        The gradients of some later quantity by `ys`; ones by default.
    name : str
        The scope of the new operations.
    stop_gradients : Tensor or list, optional
        What to take as constant.

    Returns
    -------
    list
        A tensor in the shape of each of `xs`; None where `ys` does not depend on it.

    Raises
    ------
    TypeError
        If an argument is no tensor of floats.
    LookupError
        If an operation on the way has no derivative.
    """
    ys, xs = _listed(ys, "ys"), _listed(xs, "xs")
    stopped = {x.op for x in _listed(stop_gradients, "stop_gradients")} if stop_gradients is not None else set()
    graph = xs[0].graph
    reached = _reached(xs, ys, stopped)
    arrived: dict[Tensor, list[Tensor]] = {}
    waiting: list[tuple[int, Tensor]] = []

    def arrives(tensor: Tensor, g: Tensor) -> None:
        if tensor not in arrived:
            arrived[tensor] = []
            heappush(waiting, (-tensor.op.number, tensor))
        arrived[tensor].append(g)

    with graph.as_default(), name_scope(name):
        given = [None] * len(ys) if grad_ys is None else _listed(grad_ys, "grad_ys", len(ys))
        for k, (y, g) in enumerate(zip(ys, given, strict=True)):
            if y.op in reached:
                arrives(y, _ones(y, k) if g is None else convert_to_tensor(g, like=y))
        found: dict[Tensor, Tensor] = {}
        while waiting:
            tensor = heappop(waiting)[1]
            g = _total(arrived.pop(tensor), tensor)
            found[tensor] = g
            op = tensor.op
            if op.formula is None or op in stopped:
                continue
            for position, operand in enumerate(op.inputs):
                if operand.op in reached and operand.dtype.is_floating:
                    arrives(operand, _part(op, position, operand, g))
    return [found.get(x) for x in xs]


def _reached(xs: Sequence[Tensor], ys: Sequence[Tensor], stopped: set[Operation]) -> set[Operation]:
    """Return the operations between xs and ys through which gradients flow, both included."""
    needed: set[Operation] = set()
    todo = [y.op for y in ys]
    while todo:
        op = todo.pop()
        if op not in needed:
            needed.add(op)
            todo += [x.op for x in op.inputs]
    reached = {x.op for x in xs}
    for op in sorted(needed, key=lambda op: op.number):
        flows = op.formula is not None and not op.formula.constant and op not in stopped
        if flows and any(x.op in reached and x.dtype.is_floating for x in op.inputs):
            reached.add(op)
    return reached & (needed | {x.op for x in xs})


def _part(op: Operation, position: int, operand: Tensor, g: Tensor) -> Tensor:
    formula = op.formula
    assert formula is not None and op.output is not None
    rule = _rule(formula, position) if not isinstance(formula, Rule) else None
    if isinstance(rule, partial) and rule.func is _no_rule:
        raise LookupError(f"{op.type} '{op.name}' has no derivative by its input {position}, {operand.name}")
    names = formula.operands * len(op.inputs) if formula.variadic else formula.operands
    short = op.name.rsplit("/", 1)[-1] if op.name.startswith(op.graph.scope) else op.name
    label = f"{short}_grad/{names[min(position, len(names) - 1)]}"
    node = Operation(
        f"{type_of(formula)}Grad",
        (g, op.output, *op.inputs),
        label,
        formula=_derivative(formula, position),
        options=op.options,
    )
    return node.gives(operand._shape, operand.dtype)


def _ones(y: Tensor, k: int) -> Tensor:
    from dlkit.tf.shaping import ones_like

    if not y.dtype.is_floating:
        raise TypeError(f"ys must be tensors of floats; got {y!r}")
    if y._shape == ():
        return convert_to_tensor(1.0, y.dtype, f"grad_ys_{k}")
    return ones_like(y, name=f"grad_ys_{k}")


def _total(parts: list[Tensor], tensor: Tensor) -> Tensor:
    if len(parts) == 1:
        return parts[0]
    return add_formula(formulas.add_n, parts, name="AddN", shape=tensor._shape)


def _listed(value: Any, name: str, length: int | None = None) -> list[Any]:
    tensors = list(value) if isinstance(value, list | tuple) else [value]
    for x in tensors:
        if not isinstance(x, Tensor) and name != "grad_ys":  # which may be arrays, or None for ones
            raise TypeError(f"{name} must be a tensor of a graph, or a list of them; got {x!r}")
    if not tensors or (length is not None and len(tensors) != length):
        raise ValueError(f"{name} must hold {length or 'at least one'} tensors; got {len(tensors)}")
    return tensors
