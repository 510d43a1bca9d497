"""Operations that look for nan and infinity."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlkit.arrays import to_numpy
from dlkit.autograd.operation import operation
from dlkit.tf.building import add_formula, convert_to_tensor
from dlkit.tf.errors import InvalidArgumentError
from dlkit.tf.graph import Operation, Tensor, control_dependencies, get_default_graph
from dlkit.tf.variables import group

__all__ = ["add_check_numerics_ops", "check_numerics"]


@operation
def _check_numerics(x: Any, *, message: str) -> Any:
    found = to_numpy(x)
    if not np.isfinite(found).all():
        what = "NaN" if np.isnan(found).any() else "Inf"
        raise InvalidArgumentError(f"{message} : Tensor had {what} values")
    return x


_check_numerics.derivatives(x=lambda g, z, x, message: g)


def check_numerics(tensor: Any, message: str, name: str = "CheckNumerics") -> Tensor:
    """Return the tensor, but stop with an error if it has nan or infinity in it when the graph is run.

    Parameters
    ----------
    tensor : Tensor
        Of floats.
    message : str
        What the error begins with.
    name : str
        That of the operation.

    Raises
    ------
    InvalidArgumentError
        When the graph is run.
    """
    x = convert_to_tensor(tensor)
    if not x.dtype.is_floating:
        raise TypeError(f"tensor must be of floats; got {x!r}")
    return add_formula(_check_numerics, (x,), {"message": str(message)}, name)


def add_check_numerics_ops() -> Operation:
    """Return an operation that checks every result of floats in the graph so far, and names the first that is at fault.

    Run it together with the training step: all that was added to the graph before is computed and checked, after the
    step has been made. ``tf.Session(check_numerics=True)`` checks each operation as it is carried out, and adds nothing
    to the graph.
    """
    graph = get_default_graph()
    checks: list[Any] = []
    for op in graph.get_operations():
        if op.output is not None and op.formula is not None and op.output.dtype.is_floating:
            with control_dependencies(checks[-1:]):
                checks.append(check_numerics(op.output, op.output.name))
    return group(*checks, name="check_numerics_ops")
