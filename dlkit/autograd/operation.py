"""A differentiable operation: a function with its derivatives written beside it.

The derivative of z = f(x, y) with respect to x is a rule: given g = ∂L/∂z, the gradient of some later scalar L, it
returns g·∂z/∂x = ∂L/∂x, as the chain rule has it. A rule sees g, the result z, and the operands::

    @operation
    def multiply(x, y):
        return x * y

    multiply.derivatives(
        x=lambda g, z, x, y: g * y,
        y=lambda g, z, x, y: g * x,
    )

It need not mind broadcasting: the engine sums its result to the shape of the operand. It is written with operators and
other operations, which take arrays and tensors alike: with arrays a rule computes a gradient, with tensors one that can
be differentiated again, with the nodes of a graph it adds nodes. So one table of rules serves them all.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import partial, update_wrapper
from itertools import count
from typing import Any

__all__ = ["Operation", "operation", "register_face"]

Face = Callable[["Operation", tuple[Any, ...], dict[str, Any]], Any]
_FACES: dict[type, Face] = {}


def register_face(kind: type, face: Face) -> None:
    """Let operations on arguments of type `kind` be carried out by ``face(operation, arguments, options)``."""
    _FACES[kind] = face


class Operation:
    """A function of arrays with a rule for its derivative by each operand; made by `operation`.

    Called with arrays it computes, and that is all. Called with a `Tensor` among the operands, it computes and is
    recorded, so that gradients can flow back.

    Attributes
    ----------
    name : str
        That of the function.
    forward : callable
        The function itself.
    operands : tuple of str
        The parameters before the ``*``: what it may be differentiated by.
    options : dict
        The parameters after the ``*``, with their defaults: numbers, shapes, axes. Rules get them by name.
    rules : sequence
        The rule for each operand; where there is none, one that says so.
    constant : bool
        Set it for a function that is flat wherever it has a derivative (the sign): no gradient flows through it.
    view : bool
        Set it for a function whose result may be its first operand's own memory, looked at in another way (a reshape).
    """

    def __init__(self, forward: Callable[..., Any]):
        parameters = inspect.signature(forward).parameters.values()
        for p in parameters:
            if p.kind is p.POSITIONAL_OR_KEYWORD and p.default is not p.empty:
                raise TypeError(
                    f"{forward.__name__}: {p.name} has a default, so it is an option; write it after a *, as in "
                    f"def {forward.__name__}(x, *, {p.name}={p.default!r})"
                )
            if p.kind in (p.POSITIONAL_ONLY, p.VAR_KEYWORD):
                what = f"**{p.name}" if p.kind is p.VAR_KEYWORD else f"{p.name} before a /"
                raise TypeError(f"{forward.__name__}: {what} is not possible; write operands, then options after a *")
        self.forward = forward
        self.name: str = forward.__name__
        self.operands = tuple(p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.VAR_POSITIONAL))
        self.options = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
        self.variadic = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        if self.variadic and len(self.operands) > 1:
            raise TypeError(f"{self.name}: beside *{self.operands[-1]} there can be no other operand")
        self.rules: Any = [partial(_no_rule, self.name, name) for name in self.operands]
        if self.variadic:
            self.rules = _SamePerOperand(self.rules[0])
        self.constant = self.view = False
        update_wrapper(self, forward)

    def derivatives(self, *unnamed: Any, **rules: Callable[..., Any]) -> None:
        """Write down the derivatives, a rule for each operand by its name.

        Parameters
        ----------
        **rules : callable
            ``rule(g, z, *operands, **options)`` returns g·∂z/∂operand. For an operation on any number of operands
            (``*xs``) the one rule is ``rule(i, g, z, *xs, **options)``, for the operand in position i.

        Raises
        ------
        TypeError
            If a name is not that of an operand, or a rule takes other arguments.
        """
        if unnamed:
            raise TypeError(f"name the operand of each rule: {self.name}.derivatives({self.operands[0]}=...)")
        for name, rule in rules.items():
            if name not in self.operands:
                raise TypeError(f"{self.name} has no operand {name!r}; its operands are {', '.join(self.operands)}")
            self._check_parameters(name, rule)
            if self.variadic:
                self.rules.rule = rule
            else:
                self.rules[self.operands.index(name)] = rule

    def _check_parameters(self, name: str, rule: Callable[..., Any]) -> None:
        leading = ["i", "g", "z"] if self.variadic else ["g", "z"]
        try:
            inspect.signature(rule).bind(*leading, *self.operands, **self.options)
        except TypeError as error:
            stars = "*" if self.variadic else ""
            wanted = ", ".join([*leading, *(stars + operand for operand in self.operands), *self.options])
            raise TypeError(f"{self.name}: the rule for {name} must take ({wanted}); {error}") from None

    def __call__(self, *operands: Any, **options: Any) -> Any:
        """Compute; and record, if an operand asks for it. Options may follow the operands by position."""
        if len(operands) != len(self.operands) or options.keys() != self.options.keys():
            operands, options = self._bind(operands, options)
        for operand in operands:
            face = _FACES.get(type(operand))
            if face is not None:
                return face(self, operands, options)
        return self.forward(*operands, **options)

    def _bind(self, operands: tuple[Any, ...], options: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Let options be given by position too, after the operands, and fill in their defaults."""
        n = len(self.operands)
        if not self.variadic:
            if len(operands) > n + len(self.options):
                raise TypeError(f"{self.name} takes {n + len(self.options)} arguments; got {len(operands)}")
            for name, _ in zip((*self.operands, *self.options), operands, strict=False):
                if name in options:
                    raise TypeError(f"{self.name} got {name} twice")
            options = {**dict(zip(self.options, operands[n:], strict=False)), **options}
            operands = operands[:n]
        if not self.variadic and len(operands) < n:
            try:
                operands += tuple(options.pop(name) for name in self.operands[len(operands) :])
            except KeyError as missing:
                raise TypeError(f"{self.name} lacks its argument {missing}") from None
        for name in options:
            if name not in self.options:
                raise TypeError(f"{self.name} has no argument {name!r}; it takes {self._parameters()}")
        options = {**self.options, **options}
        for name, value in options.items():
            if value is inspect.Parameter.empty:
                raise TypeError(f"{self.name} lacks its argument {name!r}")
        return operands, options

    def _parameters(self) -> str:
        return ", ".join([*self.operands, *self.options])

    def __repr__(self) -> str:
        return f"<operation {self.name}({self._parameters()})>"


def _no_rule(operation: str, operand: str, *_: Any, **__: Any) -> Any:
    raise TypeError(
        f"{operation} has no derivative by {operand}; write one with {operation}.derivatives({operand}=...)"
    )


class _SamePerOperand:
    """The rules of an operation on any number of operands: one, which is told the position."""

    rule: Callable[..., Any]

    def __init__(self, rule: Callable[..., Any]):
        self.rule = rule

    def __iter__(self) -> Iterator[Callable[..., Any]]:
        return (partial(self.rule, position) for position in count())


def operation(forward: Callable[..., Any]) -> Operation:
    """Make a function of arrays differentiable; its derivatives follow with `Operation.derivatives`.

    Parameters
    ----------
    forward : callable
        Takes arrays, then perhaps options after a ``*``, and returns an array. It must not change its operands.

    Returns
    -------
    Operation
        Callable like `forward`, with arrays and with tensors.

    Examples
    --------
    >>> @operation
    ... def cube(x):
    ...     return x**3
    >>> cube.derivatives(x=lambda g, z, x: g * 3 * x**2)
    >>> cube(2.0)
    8.0
    """
    return Operation(forward)
