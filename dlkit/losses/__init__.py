"""Losses of classification and regression, one value per sample: the caller writes ``.mean()`` or ``.sum()``.

``margins``
    Two classes, labels −1 and +1: functions of the margin m = y·f(x), positive where the score f(x) has the sign of y.
``classes``
    Two or more classes, labels 0 … K−1: functions of the scores and the labels.
``distributions``
    Functions of two distributions: cross entropy and the Kullback–Leibler divergence.
``regression``
    Functions of a prediction and a target: the squared error.

The losses of the margin, beside the 0-1 loss that they stand in for (``zero_one_loss``, 1 where m ≤ 0):

===========================  ================  ======  ===============  =========================================
loss                         φ(m)              convex  ≥ 0-1 loss       for m → −∞
===========================  ================  ======  ===============  =========================================
hinge_loss                   max(0, 1 − m)     yes     yes              linear
squared_hinge_loss           max(0, 1 − m)²    yes     yes              quadratic
logistic_loss                log(1 + e⁻ᵐ)      yes     no, log 2 at 0   linear
log2_logistic_loss           log₂(1 + e⁻ᵐ)     yes     yes              linear
modified_huber_loss          see there         yes     yes              linear from 0 on, as on the deck
modified_huber_loss_sklearn  see there         yes     yes              linear from −1 on, as in scikit-learn
exponential_loss             e⁻ᵐ               yes     yes              exponential
sigmoid_loss                 1 / (1 + eᵐ)      no      no, 1/2 at 0     bounded by 1
===========================  ================  ======  ===============  =========================================

All of them are classification-calibrated (Fisher consistent): the m that minimises the expected loss
η·φ(m) + (1 − η)·φ(−m) has the sign of η − 1/2, where η is the probability of the label +1 (Bartlett, Jordan and
McAuliffe, 2006, *Convexity, classification, and risk bounds*, JASA 101).

What they take and return is as in `dlkit.activations`: numpy arrays (and what becomes one), torch tensors on any
device, or Tensors, through which gradients flow. Arguments of one call agree in library, device and floating dtype,
or a ``TypeError`` names both; but lists, Python numbers, integers and booleans follow the others, wherever they are:
labels may be a list or a numpy array beside scores on a GPU. Labels are constants: a Tensor among them must not ask
for a gradient.

A NaN among scores gives NaN for that sample; a NaN among labels or probabilities is an error. No value emits a
floating-point warning.
"""

from dlkit.losses.classes import binary_cross_entropy, multiclass_hinge, softmax_cross_entropy
from dlkit.losses.distributions import cross_entropy, kl_divergence
from dlkit.losses.margins import (
    exponential_loss,
    hinge_loss,
    log2_logistic_loss,
    logistic_loss,
    modified_huber_loss,
    modified_huber_loss_sklearn,
    sigmoid_loss,
    squared_hinge_loss,
    zero_one_loss,
)
from dlkit.losses.regression import squared_error

__all__ = [
    "binary_cross_entropy",
    "cross_entropy",
    "exponential_loss",
    "hinge_loss",
    "kl_divergence",
    "log2_logistic_loss",
    "logistic_loss",
    "modified_huber_loss",
    "modified_huber_loss_sklearn",
    "multiclass_hinge",
    "sigmoid_loss",
    "softmax_cross_entropy",
    "squared_error",
    "squared_hinge_loss",
    "zero_one_loss",
]
