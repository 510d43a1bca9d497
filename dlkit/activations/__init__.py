"""Activations: what a neuron does to its score, and what turns scores into probabilities.

``saturating``
    sigmoid and tanh, which flatten out on both sides, with log_sigmoid and softplus.
``rectifiers``
    ReLU, leaky ReLU, ELU and maxout, which do not flatten out for large scores.
``along_axis``
    softmax, its logarithm, and logsumexp, which look at all scores of a sample.

The formulas, with their derivatives, are operations of `dlkit.autograd`; here they meet arguments of all kinds:

==============================================  ========================================================
given                                           comes back
==============================================  ========================================================
numpy array, or what ``numpy.asarray`` takes    numpy array (a numpy scalar for a number)
torch tensor, on a CPU or a GPU                 torch tensor there
`dlkit.autograd.Tensor`                         Tensor, recorded, so that gradients flow through it
==============================================  ========================================================

Floats keep their dtype; integers and booleans are taken as float64. NaN gives NaN. No finite score overflows: ``exp``
only ever sees numbers ≤ 0, and may underflow to 0, which is then the right answer. No value emits a floating-point
warning. Anything but real numbers raises a ``TypeError``, and so does a torch tensor that torch itself is recording,
since its gradient would be torch's own guess at these formulas: take ``x.detach()``, or a Tensor.
"""

from dlkit.activations.along_axis import log_softmax, logsumexp, softmax
from dlkit.activations.rectifiers import elu, leaky_relu, maxout, relu
from dlkit.activations.saturating import log_sigmoid, sigmoid, softplus, tanh

__all__ = [
    "elu",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "logsumexp",
    "maxout",
    "relu",
    "sigmoid",
    "softmax",
    "softplus",
    "tanh",
]
