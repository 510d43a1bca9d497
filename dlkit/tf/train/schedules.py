"""Rates that fall, as tensors of the graph: functions of a variable that counts the steps.

Each is computed anew whenever the graph is run, so that an optimizer which is given one as its rate follows it. Below,
η is the rate at the start, t the step, counted from 0, and T the length of the decay, `decay_steps`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from dlkit.autograd import operations as op
from dlkit.tf.building import convert_to_tensor
from dlkit.tf.graph import Tensor, name_scope
from dlkit.tf.mathematics import cast, ceil, cos, equal, exp, floor, minimum, pow, where
from dlkit.tf.shaping import identity

__all__ = [
    "cosine_decay",
    "exponential_decay",
    "inverse_time_decay",
    "natural_exp_decay",
    "piecewise_constant",
    "polynomial_decay",
]


def exponential_decay(
    learning_rate: Any,
    global_step: Any,
    decay_steps: Any,
    decay_rate: Any,
    staircase: bool = False,
    name: str = "ExponentialDecay",
) -> Tensor:
    """Return η rᵗ⧸ᵀ, r being the `decay_rate`.

    Parameters
    ----------
    learning_rate : float or Tensor
        η, the rate at the start.
    global_step : Tensor or int
        t, the variable that counts the steps.
    decay_steps : int or Tensor
        T, after how many steps the rate is r times what it was.
    decay_rate : float or Tensor
        r.
    staircase : bool, default False
        Round t/T down, so that the rate falls all T steps at once.
    name : str
        The scope of the operations.

    Examples
    --------
    >>> import dlkit.tf as tf
    >>> step = tf.placeholder(tf.int32)
    >>> rate = tf.train.exponential_decay(0.5, step, 10, 0.5, staircase=True)
    >>> with tf.Session() as sess:
    ...     print([float(sess.run(rate, {step: t})) for t in (0, 9, 10, 20)])
    [0.5, 0.5, 0.25, 0.125]
    """
    with name_scope(name):
        rate, share = _started(learning_rate, global_step, decay_steps, staircase)
        return op.multiply(rate, pow(_number(decay_rate, "decay_rate", rate), share))


def inverse_time_decay(
    learning_rate: Any,
    global_step: Any,
    decay_steps: Any,
    decay_rate: Any,
    staircase: bool = False,
    name: str = "InverseTimeDecay",
) -> Tensor:
    """Return η / (1 + r t/T); the arguments are those of `exponential_decay`."""
    with name_scope(name):
        rate, share = _started(learning_rate, global_step, decay_steps, staircase)
        return rate / (_number(decay_rate, "decay_rate", rate) * share + 1)


def natural_exp_decay(
    learning_rate: Any,
    global_step: Any,
    decay_steps: Any,
    decay_rate: Any,
    staircase: bool = False,
    name: str = "NaturalExpDecay",
) -> Tensor:
    """Return η e⁻ʳᵗ⧸ᵀ; the arguments are those of `exponential_decay`."""
    with name_scope(name):
        rate, share = _started(learning_rate, global_step, decay_steps, staircase)
        return op.multiply(rate, exp(-_number(decay_rate, "decay_rate", rate) * share))


def polynomial_decay(
    learning_rate: Any,
    global_step: Any,
    decay_steps: Any,
    end_learning_rate: Any = 0.0001,
    power: Any = 1.0,
    cycle: bool = False,
    name: str = "PolynomialDecay",
) -> Tensor:
    """Return (η − η_T)(1 − t/T)ᵖ + η_T up to the step T, and η_T from then on.

    Parameters
    ----------
    learning_rate : float or Tensor
        η, the rate at the start.
    global_step : Tensor or int
        t, the variable that counts the steps.
    decay_steps : int or Tensor
        T, the length of the decay.
    end_learning_rate : float or Tensor
        η_T, the rate at its end.
    power : float or Tensor
        p; 1 falls along a line.
    cycle : bool, default False
        Begin anew at T with twice the length, then at 2T with 3T, and so on.
    name : str
        The scope of the operations.
    """
    with name_scope(name):
        rate, step, length = _parts(learning_rate, global_step, decay_steps)
        if cycle:
            length = length * where(equal(step, 0.0), 1.0, ceil(step / length))
        else:
            step = minimum(step, length)
        end = _number(end_learning_rate, "end_learning_rate", rate)
        falling = pow(1 - step / length, _number(power, "power", rate))
        return (rate - end) * falling + end


def piecewise_constant(
    x: Any, boundaries: Sequence[Any], values: Sequence[Any], name: str = "PiecewiseConstant"
) -> Tensor:
    """Return the first value up to the first boundary, included, the second up to the next, and so on.

    Parameters
    ----------
    x : Tensor
        The variable that counts the steps.
    boundaries : sequence of numbers
        Where the value changes, in rising order.
    values : sequence of numbers
        One more than the boundaries.
    name : str
        The scope of the operations.

    Raises
    ------
    ValueError
        If there are not that many, or the boundaries do not rise.
    """
    boundaries, values = list(boundaries), list(values)
    if not boundaries or len(values) != len(boundaries) + 1:
        raise ValueError(
            f"The length of boundaries should be 1 less than the length of values; got {len(boundaries)} and "
            f"{len(values)}"
        )
    plain = [b for b in boundaries if isinstance(b, int | float)]
    if len(plain) == len(boundaries) and any(b >= c for b, c in pairwise(plain)):
        raise ValueError(f"boundaries must rise; got {boundaries}")
    with name_scope(name):
        x = convert_to_tensor(x)
        found = convert_to_tensor(values[-1])
        for boundary, value in reversed(list(zip(boundaries, values, strict=False))):
            found = where(x <= _of_type(boundary, x), convert_to_tensor(value, found.dtype), found)
        return identity(found)


def _of_type(boundary: Any, x: Tensor) -> Any:
    """Return a boundary as a tensor of the counter's type, which its integers are compared with."""
    if isinstance(boundary, float) and x.dtype.is_integer:
        raise ValueError(f"boundaries must be {x.dtype.name}, as {x.name} is; got {boundary}")
    return convert_to_tensor(boundary, like=x) if not isinstance(boundary, Tensor) else cast(boundary, x.dtype)


def cosine_decay(
    learning_rate: Any, global_step: Any, decay_steps: Any, alpha: Any = 0.0, name: str = "CosineDecay"
) -> Tensor:
    """Return η ((1 − α) ½ (1 + cos πt/T) + α) up to the step T, and η α from then on (Loshchilov and Hutter, 2017).

    Parameters
    ----------
    learning_rate : float or Tensor
        η, the rate at the start.
    global_step : Tensor or int
        t, the variable that counts the steps.
    decay_steps : int or Tensor
        T, the length of the decay.
    alpha : float or Tensor
        What part of η is left at the end.
    name : str
        The scope of the operations.
    """
    with name_scope(name):
        rate, step, length = _parts(learning_rate, global_step, decay_steps)
        left = _number(alpha, "alpha", rate)
        falling = (cos(minimum(step, length) / length * math.pi) + 1) * 0.5
        return op.multiply(rate, (1 - left) * falling + left)


def _started(learning_rate: Any, global_step: Any, decay_steps: Any, staircase: bool) -> tuple[Tensor, Tensor]:
    """Return η and t/T, rounded down on a staircase."""
    rate, step, length = _parts(learning_rate, global_step, decay_steps)
    return rate, floor(step / length) if staircase else step / length


def _parts(learning_rate: Any, global_step: Any, decay_steps: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Return η, t and T as tensors of one type of floats."""
    if isinstance(learning_rate, int) and not isinstance(learning_rate, bool):
        learning_rate = float(learning_rate)
    rate = convert_to_tensor(learning_rate, name="learning_rate")
    if not rate.dtype.is_floating:
        raise TypeError(f"learning_rate must be a number or a tensor of floats; got {learning_rate!r}")
    if isinstance(decay_steps, int | float) and decay_steps <= 0:
        raise ValueError(f"decay_steps must be > 0; got {decay_steps}")
    return rate, _number(global_step, "global_step", rate), _number(decay_steps, "decay_steps", rate)


def _number(value: Any, name: str, like: Tensor) -> Tensor:
    if value is None:
        raise ValueError(f"{name} is required for a decay; got None")
    found = cast(convert_to_tensor(value, name=name), like.dtype)
    if found._shape not in (None, ()):
        raise ValueError(f"{name} must be a single number; got {value!r}")
    return found
