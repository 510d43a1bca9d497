"""Products of vectors, matrices and stacks of them."""

from __future__ import annotations

from math import prod
from string import ascii_letters
from typing import Any

from dlkit.arrays import namespace
from dlkit.autograd.operation import operation
from dlkit.autograd.operations.shapes import broadcast_to, expand_dims, matrix_transpose, reshape, squeeze


@operation
def matmul(x: Any, y: Any) -> Any:
    """Return the matrix product x @ y, for vectors, matrices and stacks of matrices (numpy's rules)."""
    return x @ y


def _matmul_by_x(g: Any, z: Any, x: Any, y: Any) -> Any:
    if len(y.shape) == 1:  # z = Σₖ x[…, k] y[k]
        return expand_dims(g, axis=-1) * y
    if len(x.shape) == 1:  # z[…, j] = Σₖ x[k] y[…, k, j]
        return squeeze(y @ expand_dims(g, axis=-1), axis=-1)
    return g @ matrix_transpose(y)


def _matmul_by_y(g: Any, z: Any, x: Any, y: Any) -> Any:
    if len(x.shape) == 1:
        return g * x if len(y.shape) == 1 else expand_dims(x, axis=-1) * expand_dims(g, axis=-2)
    if len(y.shape) == 1:
        return squeeze(matrix_transpose(x) @ expand_dims(g, axis=-1), axis=-1)
    return matrix_transpose(x) @ g


matmul.derivatives(x=_matmul_by_x, y=_matmul_by_y)


@operation
def linear(x: Any, W: Any, b: Any) -> Any:
    """Return x W + b, a layer before its activation, for x of shape (…, n_in), W (n_in, n_out), b (n_out,).

    The same as ``matmul(x, W) + b`` with one array less.
    """
    z = x @ W
    z += b
    return z


linear.derivatives(
    x=lambda g, z, x, W, b: g @ matrix_transpose(W),
    W=lambda g, z, x, W, b: matrix_transpose(_rows(x)) @ _rows(g),
    b=lambda g, z, x, W, b: g,
)


def _rows(x: Any) -> Any:
    return x if len(x.shape) == 2 else reshape(x, shape=(prod(x.shape[:-1]), x.shape[-1]))


def einsum(subscripts: str, *arrays: Any) -> Any:
    """Return a sum of products by Einstein's convention: ``einsum("ij,jk->ik", x, y)`` is the matrix product.

    Parameters
    ----------
    subscripts : str
        A letter for each axis of each array, ``...`` for any further axes, and after ``->`` the axes of the result;
        without ``->``, the letters that occur once, in alphabetical order.
    *arrays : array or Tensor
        As many as there are groups of letters.

    Raises
    ------
    ValueError
        If letters and axes do not fit.
    """
    groups, result = _explicit(subscripts, [len(x.shape) for x in arrays])
    operands = list(arrays)
    for k, (group, x) in enumerate(zip(list(groups), arrays, strict=True)):
        # A letter twice in a group takes a diagonal. With the unit matrix as one more factor it is an ordinary sum.
        for position, letter in enumerate(group):
            if letter in groups[k][:position]:
                fresh = _fresh_letter(groups, result)
                groups[k] = groups[k][:position] + fresh + groups[k][position + 1 :]
                groups.append(letter + fresh)
                operands.append(_unit_matrix(x, x.shape[position]))
    return _einsum(*operands, subscripts=",".join(groups) + "->" + result)


@operation
def _einsum(*arrays: Any, subscripts: str) -> Any:
    return namespace(*arrays).einsum(subscripts, *arrays)


def _other_factors(position: int, g: Any, z: Any, *arrays: Any, subscripts: str) -> Any:
    """∂z/∂x is the product of the other factors; a letter that x alone has is summed, so its gradient is repeated."""
    inputs, result = subscripts.split("->")
    groups = inputs.split(",")
    mine = groups.pop(position)
    others = [x for k, x in enumerate(arrays) if k != position]
    there = "".join(letter for letter in mine if letter in result or any(letter in group for group in groups))
    part = _einsum(g, *others, subscripts=",".join([result, *groups]) + "->" + there)
    length = dict(zip(there, part.shape, strict=True))
    if there != mine:
        part = reshape(part, shape=tuple(length.get(letter, 1) for letter in mine))
    # Repeated along those letters, and where the other factors have length 1; where x has, the engine will sum.
    shape = tuple(n if length.get(a, 1) == 1 else length[a] for a, n in zip(mine, arrays[position].shape, strict=True))
    return part if part.shape == shape else broadcast_to(part, shape=shape)


_einsum.derivatives(arrays=_other_factors)


def _explicit(subscripts: str, ranks: list[int]) -> tuple[list[str], str]:
    """Return a letter for every axis of every operand and of the result: no ``...``, no result left out."""
    inputs, arrow, result = subscripts.replace(" ", "").partition("->")
    groups = inputs.split(",")
    if len(groups) != len(ranks):
        raise ValueError(f"subscripts {subscripts!r} name {len(groups)} arrays; got {len(ranks)}")
    letters = inputs.replace("...", "").replace(",", "")
    if not arrow:
        once = sorted(letter for letter in set(letters) if letters.count(letter) == 1)
        result = ("..." if "..." in inputs else "") + "".join(once)
    more = [rank - len(group.replace("...", "")) for group, rank in zip(groups, ranks, strict=True)]
    for group, extra, rank in zip(groups, more, ranks, strict=True):
        if extra < 0 or (extra > 0 and "..." not in group):
            raise ValueError(f"subscripts {subscripts!r}: {group!r} does not fit an array with {rank} axes")
    spare = [letter for letter in ascii_letters if letter not in letters + result]
    most = max((extra for group, extra in zip(groups, more, strict=True) if "..." in group), default=0)
    dots = "".join(spare[:most])
    groups = [
        group.replace("...", dots[most - extra :] if extra else "") for group, extra in zip(groups, more, strict=True)
    ]
    return groups, result.replace("...", dots)


def _fresh_letter(groups: list[str], result: str) -> str:
    used = "".join(groups) + result
    return next(letter for letter in ascii_letters if letter not in used)


def _unit_matrix(like: Any, n: int) -> Any:
    x = getattr(like, "value", like)
    xp = namespace(x)
    return xp.eye(n, dtype=x.dtype) if xp.name == "numpy" else xp.eye(n, dtype=x.dtype, device=x.device)


__all__ = ["einsum", "linear", "matmul"]
