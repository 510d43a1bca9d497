"""From a function to the function that computes its derivative: `grad`, `value_and_grad`, `jacobian`, `hessian`.

They nest: ``grad(grad(f))`` is the second derivative. Arrays in, arrays out; given tensors they return tensors, whose
gradients can be taken in turn.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import wraps
from operator import index
from typing import Any

from numpy import ndarray, ndindex

from dlkit.arrays import namespace
from dlkit.autograd import operations as op
from dlkit.autograd.engine import recording, reverse
from dlkit.autograd.operation import operation
from dlkit.autograd.tensor import Tensor, seed

__all__ = ["grad", "gradients", "hessian", "jacobian", "value_and_grad"]


# Makes a fresh node, for each of several nested derivatives, of an input that is a Tensor already. A gradient by that
# Tensor itself would take in what reaches f by other ways: by a closure, or by the derivative around this one.
@operation
def _same(x: Any) -> Any:
    return x


_same.derivatives(x=lambda g, z, x: g)


def gradients(
    y: Tensor,
    xs: Sequence[Tensor],
    gradient: Any = None,
    *,
    create_graph: bool = False,
    retain_graph: bool | None = None,
) -> list[Any]:
    """Return the gradient of `y` with respect to each of `xs`, results of operations among them; ``grad`` stays as is.

    Parameters
    ----------
    y : Tensor
        With one entry, unless `gradient` is given.
    xs : sequence of Tensor
        What to differentiate by.
    gradient : array or Tensor, optional
        The gradient of a later quantity with respect to `y`; 1 by default.
    create_graph : bool, default False
        Return tensors that can be differentiated again, instead of arrays.
    retain_graph : bool, optional
        Keep what was recorded, for another pass; as `create_graph` by default.

    Returns
    -------
    list
        An array (a Tensor with `create_graph`) for each of `xs`, in its shape; zeros where `y` does not depend on it.

    Raises
    ------
    TypeError
        If `xs` is not a list of tensors.
    ValueError
        If `y` has several entries and `gradient` is not given, or has another shape.
    RuntimeError
        If what was recorded is released already, or a tensor was changed since it was used.
    """
    if isinstance(xs, Tensor):
        raise TypeError("xs must be a list: write [t] for a single tensor t")
    for position, x in enumerate(xs):
        if not isinstance(x, Tensor):
            raise TypeError(f"xs[{position}] must be a Tensor; got {type(x).__name__}")
    found = {}
    if y.requires_grad and xs:
        start = seed(y, gradient, "gradients")
        if create_graph:
            start = gradient if isinstance(gradient, Tensor) else Tensor(start, requires_grad=False)
        release = not (create_graph if retain_graph is None else retain_graph)
        numbers = {x._number for x in xs}
        oldest = max(getattr(x, "_first_number", x._number) for x in xs)  # where a tensor was changed, be told so
        passed = reverse(y, start, numbers, oldest=oldest, create_graph=create_graph, release=release)
        found = {node._number: g for node, g in passed}
    result = []
    for x in xs:
        g = found.get(x._number)
        if g is None:
            g = namespace(x._value).zeros_like(x._value)
        if type(g) is ndarray and not g.shape:
            g = g[()]
        if create_graph and not isinstance(g, Tensor):
            g = Tensor(g, requires_grad=False)
        result.append(g)
    return result


def value_and_grad(f: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., tuple[Any, Any]]:
    """Return a function that gives the value of `f` and its gradient.

    Parameters
    ----------
    f : callable
        Returns one number, computed from its arguments with operators and the operations of `dlkit.autograd`.
    argnums : int or sequence of int, default 0
        The positions of the arguments to differentiate by. Each is an array or a number of floats, or a list, tuple or
        dict of such (the parameters of a network, say).

    Returns
    -------
    callable
        ``value, gradient = value_and_grad(f)(*args, **kwargs)``. The gradient has the structure of the argument; for
        several `argnums` it is a tuple of them. Tensors that `f` takes from elsewhere count as constants, unless it is
        called within a function that is itself being differentiated.

    Raises
    ------
    TypeError
        If `f` is no function, or `argnums` holds anything but integers. When called: if an argument to differentiate by
        does not hold floats, or `f` does not return a Tensor.
    ValueError
        When called: if `f` returns more than one number.
    """
    several = isinstance(argnums, Sequence)
    positions = _positions(argnums)
    _check_function(f)

    @wraps(f)
    def value_and_gradient(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        y, inputs, differentiable = _trace(f, positions, args, kwargs)
        if y.size != 1:
            raise ValueError(
                f"{_name(f)} must return one number to have a gradient; got shape {y.shape}. Sum or average it, or "
                f"use jacobian"
            )
        flat = [x for structure in inputs for x in _leaves(structure)]
        found = iter(gradients(y, flat, create_graph=differentiable))
        result = tuple(_rebuild(structure, found) for structure in inputs)
        return (y if differentiable else y.value), (result if several else result[0])

    return value_and_gradient


def grad(f: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """Return the function that computes the gradient of `f`; see `value_and_grad`.

    Examples
    --------
    >>> from dlkit.autograd import exp, grad
    >>> print(grad(lambda x: x * exp(x))(0.0))
    1.0
    >>> print(grad(grad(lambda x: x**3))(2.0))
    12.0
    """
    both = value_and_grad(f, argnums)

    @wraps(f)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        return both(*args, **kwargs)[1]

    return gradient


def jacobian(f: Callable[..., Any], argnums: int = 0) -> Callable[..., Any]:
    """Return the function that computes all partial derivatives of all entries of f.

    Parameters
    ----------
    f : callable
        Returns an array, computed as for `value_and_grad`.
    argnums : int, default 0
        The position of the argument to differentiate by, an array or number.

    Returns
    -------
    callable
        ``jacobian(f)(x)`` has the shape of f(x) followed by that of x. It makes one backward pass for each entry of
        f(x): cheap for few outputs, however many inputs there are.
    """
    if isinstance(argnums, Sequence):
        raise TypeError(f"argnums must be an integer; got {argnums!r}")
    positions = _positions(argnums)
    _check_function(f)

    @wraps(f)
    def all_partial_derivatives(*args: Any, **kwargs: Any) -> Any:
        y, (x,), differentiable = _trace(f, positions, args, kwargs)
        xp = namespace(y.value)
        rows = []
        for place in ndindex(y.shape):
            unit = xp.zeros_like(y.value) if y.shape else xp.ones_like(y.value)
            if y.shape:
                unit[place] = 1
            rows += gradients(y, [x], unit, create_graph=differentiable, retain_graph=True)
        if not y.shape:
            return rows[0]
        shape = (*y.shape, *x.shape)
        if not rows:
            return xp.reshape(xp.zeros_like(y.value), shape)
        return op.reshape(op.stack(rows), shape=shape)

    return all_partial_derivatives


def hessian(f: Callable[..., Any], argnums: int = 0) -> Callable[..., Any]:
    """Return the function that computes the matrix of second derivatives of `f`, which returns one number.

    Parameters
    ----------
    f : callable
        As for `value_and_grad`.
    argnums : int, default 0
        The position of the argument to differentiate by, an array or number.

    Returns
    -------
    callable
        ``hessian(f)(x)`` has the shape of x twice: ∂²f/∂xᵢ∂xⱼ at [i, j].
    """
    return jacobian(grad(f, argnums), argnums)


class _Nesting(threading.local):
    depth = 0  # how many functions are being differentiated, each within the one before


_nesting = _Nesting()


def _trace(
    f: Callable[..., Any], positions: Sequence[int], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Tensor, list[Any], bool]:
    """Call f with tensors at the given positions.

    Return its result, those tensors, and whether tensors that require gradients came in: then what is found is to be
    differentiable as well.
    """
    for position in positions:
        if not -len(args) <= position < len(args):
            raise TypeError(
                f"argnums: {_name(f)} was called with {len(args)} arguments, so there is none at {position}"
            )
    if len({position % len(args) for position in positions}) < len(positions):
        raise ValueError(f"argnums must name each argument once; got {tuple(positions)}")
    # Within a function that is being differentiated, tensors may also come in unseen, as those of a closure do.
    differentiable = _nesting.depth > 0 or any(
        isinstance(x, Tensor) and x.requires_grad for arg in args for x in _leaves(arg)
    )
    given = list(args)
    inputs = []
    for position in positions:
        with recording():
            leaves = [
                _same(x) if isinstance(x, Tensor) and x.requires_grad else Tensor(x) for x in _leaves(args[position])
            ]
        given[position] = _rebuild(args[position], iter(leaves))
        inputs.append(given[position])
    _nesting.depth += 1
    try:
        with recording():
            y = f(*given, **kwargs)
    finally:
        _nesting.depth -= 1
    if not isinstance(y, Tensor):
        raise TypeError(
            f"{_name(f)} must return a Tensor, computed from its arguments by operators and operations of "
            f"dlkit.autograd; got {type(y).__name__}"
        )
    return y, inputs, differentiable


def _check_function(f: Any) -> None:
    if not callable(f):
        hint = "; for a tensor, call its backward()" if isinstance(f, Tensor) else ""
        raise TypeError(f"f must be a function, which then is differentiated where it is called; got {_name(f)}{hint}")


def _positions(argnums: Any) -> tuple[int, ...]:
    several = argnums if isinstance(argnums, Sequence) else (argnums,)
    try:
        return tuple(index(position) for position in several)
    except TypeError:
        raise TypeError(f"argnums must be an integer or a tuple of integers; got {argnums!r}") from None


def _leaves(structure: Any) -> list[Any]:
    if isinstance(structure, dict):
        return [x for part in structure.values() for x in _leaves(part)]
    if isinstance(structure, (list, tuple)) and not all(isinstance(part, (int, float)) for part in structure):
        return [x for part in structure for x in _leaves(part)]
    return [structure]


def _rebuild(structure: Any, leaves: Any) -> Any:
    """Return the structure with the given leaves in it."""
    if isinstance(structure, dict):
        return {key: _rebuild(part, leaves) for key, part in structure.items()}
    if isinstance(structure, (list, tuple)) and not all(isinstance(part, (int, float)) for part in structure):
        parts = [_rebuild(part, leaves) for part in structure]
        return type(structure)(*parts) if hasattr(structure, "_fields") else type(structure)(parts)  # a namedtuple
    return next(leaves)


def _name(f: Any) -> str:
    return getattr(f, "__name__", type(f).__name__)
