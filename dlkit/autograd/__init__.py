"""Automatic differentiation, define by run: compute with tensors, then ask for gradients.

>>> from dlkit.autograd import Tensor, sigmoid
>>> x, y = Tensor(3.0), Tensor(-4.0)
>>> f = (x + sigmoid(y)) / (sigmoid(x) + (x + y) ** 2)
>>> f.backward()
>>> print(f.value, x.grad, y.grad)
1.5456448841066441 2.0595697955721652 1.5922327514838093

``operation``
    What a differentiable operation is; how to write one.
``operations``
    The table of operations with their derivatives.
``engine``
    Recording, and the way back by the chain rule.
``tensor``
    An array that remembers how it was computed.
``operators``
    Its operators and methods: the table's operations, written as Python and numpy write them.
``functions``
    From a function to its derivative: grad, jacobian, hessian.
``check``
    Is a derivative right?
``drawing``
    The graph of an expression as a picture, with values and gradients.
"""

from typing import TYPE_CHECKING, Any

from dlkit.autograd.check import check_gradients, numerical_gradient
from dlkit.autograd.engine import no_grad
from dlkit.autograd.functions import grad, gradients, hessian, jacobian, value_and_grad
from dlkit.autograd.operation import Operation, operation
from dlkit.autograd.operations import *  # noqa: F403  (the table is the interface)
from dlkit.autograd.operations import __all__ as _table
from dlkit.autograd.tensor import Tensor

if TYPE_CHECKING:
    from dlkit.autograd.drawing import draw
else:

    def __getattr__(name: str) -> Any:
        """Load the drawing when it is first asked for: few programs draw, and all wait for the import."""
        if name != "draw":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from dlkit.autograd.drawing import draw

        return draw


__all__ = [
    "Operation",
    "Tensor",
    "check_gradients",
    "draw",
    "grad",
    "gradients",
    "hessian",
    "jacobian",
    "no_grad",
    "numerical_gradient",
    "operation",
    "value_and_grad",
    *_table,
]
