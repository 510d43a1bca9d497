"""Descent: the loops that walk downhill, on any function.

``full``
    `gradient_descent` and `subgradient_descent`, which look at the whole function before each step.
``stochastic``
    `sgd` and `svrg`, for a function that is a mean over samples: a step looks at a few of them.
``parallel``
    `synchronous` and `hogwild`, which share that work among processes.
``distributed``
    The same for GPUs and machines, by torch.distributed: what processes exchange, for any rule and any loop.
``history``
    `History`, what every loop returns: where it went, what it cost, why it stopped.

The step itself is a rule of ``dlkit.optim``; wherever a rule is expected, a number or a schedule t ↦ rate stands for
plain gradient descent with that rate. No loop changes the starting point, the data or the rule it is given.

Importing this package imports numpy and nothing heavier.
"""

from dlkit.descent.full import gradient_descent, subgradient_descent
from dlkit.descent.history import History, NonFiniteError
from dlkit.descent.parallel import WorkerError, hogwild, synchronous
from dlkit.descent.stochastic import sgd, svrg

__all__ = [
    "History",
    "NonFiniteError",
    "WorkerError",
    "gradient_descent",
    "hogwild",
    "sgd",
    "subgradient_descent",
    "svrg",
    "synchronous",
]
