"""The table of derivatives: every differentiable operation of the package with its rules beside it.

``elementwise``
    Arithmetic and functions of each entry by itself.
``shapes``
    Moving entries about: reshape, transpose, index, join.
``reductions``
    Sums, means, extremes, norms.
``products``
    Matrix products, einsum, a linear layer.
``networks``
    Activations, softmax, softmax cross entropy.
``losses``
    The losses that `dlkit.losses` checks the arguments of and explains; call them there.
"""

from dlkit.autograd.operations.elementwise import (
    abs,
    add,
    clip,
    cos,
    divide,
    exp,
    expm1,
    log,
    log1p,
    maximum,
    minimum,
    multiply,
    negative,
    ones_like,
    power,
    power_of,
    sign,
    sin,
    sqrt,
    square,
    subtract,
    tanh,
    where,
)
from dlkit.autograd.operations.networks import (
    elu,
    gate,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    relu,
    sigmoid,
    softmax,
    softmax_cross_entropy,
    softplus,
)
from dlkit.autograd.operations.products import einsum, linear, matmul
from dlkit.autograd.operations.reductions import logsumexp, max, mean, min, norm, prod, sum, var
from dlkit.autograd.operations.shapes import (
    broadcast_to,
    concatenate,
    expand_dims,
    getitem,
    matrix_transpose,
    reshape,
    squeeze,
    stack,
    sum_to,
    transpose,
)

__all__ = [
    "abs",
    "add",
    "broadcast_to",
    "clip",
    "concatenate",
    "cos",
    "divide",
    "einsum",
    "elu",
    "exp",
    "expand_dims",
    "expm1",
    "gate",
    "getitem",
    "leaky_relu",
    "linear",
    "log",
    "log1p",
    "log_sigmoid",
    "log_softmax",
    "logsumexp",
    "matmul",
    "matrix_transpose",
    "max",
    "maximum",
    "mean",
    "min",
    "minimum",
    "multiply",
    "negative",
    "norm",
    "ones_like",
    "power",
    "power_of",
    "prod",
    "relu",
    "reshape",
    "sigmoid",
    "sign",
    "sin",
    "softmax",
    "softmax_cross_entropy",
    "softplus",
    "sqrt",
    "square",
    "squeeze",
    "stack",
    "subtract",
    "sum",
    "sum_to",
    "tanh",
    "transpose",
    "var",
    "where",
]
