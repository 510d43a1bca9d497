"""Update rules, step-size schedules and projections.

A rule is its formula: state and gradient in, step out. It changes the parameters in place:

>>> import numpy as np
>>> w = np.array([1.0, -2.0])
>>> rule = Momentum(rate=0.1, momentum=0.9)
>>> for _ in range(100):
...     rule.update([w], [2 * w])  # the gradient of ‖w‖²
>>> print(np.abs(w).max() < 0.05)
True

The same rules serve numpy arrays, torch tensors and `dlkit.autograd` tensors; importing this package loads numpy only.
In the formulas g is the gradient at x and η the rate of the step. The sign is that of minimising: a plus before the
gradient is a slip, or means to climb.

Three libraries, three conventions
----------------------------------
The same names stand for slightly different formulas in torch, Keras 3 and TensorFlow 1 (``tf.train``): where ε is
added, what the accumulators start with, where the rate enters the velocity, what the defaults are. A rule's
``convention`` chooses one of them, ``"torch"`` unless said otherwise (for `Ftrl`, which torch lacks, ``"keras"``);
its docstring has the table. A default that a library does not have (for most rules TensorFlow's rate) must be given. A
state belongs to its convention: `UpdateRule.load_state_dict` refuses that of another.
"""

from dlkit.optim.adadelta import Adadelta
from dlkit.optim.adagrad import Adagrad, FullAdagrad
from dlkit.optim.adam import Adam, Adamax, AdamW, Nadam
from dlkit.optim.ftrl import Ftrl
from dlkit.optim.momentum import GradientDescent, Momentum
from dlkit.optim.projections import Box, L1Ball, L2Ball, Projection, Simplex
from dlkit.optim.rmsprop import RMSProp
from dlkit.optim.schedules import Constant, Cosine, InverseSquareRoot, InverseTime, StepDecay, WarmUp, as_schedule
from dlkit.optim.update import UpdateRule

__all__ = [
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Box",
    "Constant",
    "Cosine",
    "Ftrl",
    "FullAdagrad",
    "GradientDescent",
    "InverseSquareRoot",
    "InverseTime",
    "L1Ball",
    "L2Ball",
    "Momentum",
    "Nadam",
    "Projection",
    "RMSProp",
    "Simplex",
    "StepDecay",
    "UpdateRule",
    "WarmUp",
    "as_schedule",
]
