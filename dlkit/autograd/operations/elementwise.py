"""Operations on each entry by itself. Operands are broadcast as in numpy; the engine undoes it for the gradients."""

from __future__ import annotations

from typing import Any

from dlkit.arrays import namespace
from dlkit.autograd.operation import operation


@operation
def add(x: Any, y: Any) -> Any:
    """Return the sum x + y."""
    return x + y


add.derivatives(x=lambda g, z, x, y: g, y=lambda g, z, x, y: g)


@operation
def subtract(x: Any, y: Any) -> Any:
    """Return the difference x − y."""
    return x - y


subtract.derivatives(x=lambda g, z, x, y: g, y=lambda g, z, x, y: -g)


@operation
def multiply(x: Any, y: Any) -> Any:
    """Return the product x·y."""
    return x * y


multiply.derivatives(x=lambda g, z, x, y: g * y, y=lambda g, z, x, y: g * x)


@operation
def divide(x: Any, y: Any) -> Any:
    """Return the quotient x / y."""
    return x / y


divide.derivatives(x=lambda g, z, x, y: g / y, y=lambda g, z, x, y: -g * z / y)


@operation
def negative(x: Any) -> Any:
    """Return −x."""
    return -x


negative.derivatives(x=lambda g, z, x: -g)


@operation
def power(x: Any, y: Any) -> Any:
    """Return x to the power y, both arrays; x must not be negative where y is to be differentiated.

    At x = 0 the derivative by y is taken as 0 where y ≥ 0, its limit for y > 0; where y < 0 it is nan. That by x is
    taken as 0 where x = y = 0.
    """
    return x**y


power.derivatives(
    # y less ones, not less 1, is of x's dtype even where y is a number.
    x=lambda g, z, x, y: g * y * x ** where((x == 0) & (y == 0), 1.0, y - ones_like(x)),
    y=lambda g, z, x, y: g * z * log(_ones_for_zeros(x * ones_like(z))),  # a number x takes z's dtype
)


def _ones_for_zeros(x: Any) -> Any:
    return where(x == 0, 1.0, x)


@operation
def power_of(x: Any, *, exponent: float) -> Any:
    """Return x to the power of a number."""
    return x**exponent


power_of.derivatives(
    x=lambda g, z, x, exponent: g * (exponent * x ** (exponent - 1)) if exponent else g * 0.0,
)


@operation
def square(x: Any) -> Any:
    """Return x²."""
    return x * x


square.derivatives(x=lambda g, z, x: g * (2 * x))


@operation
def exp(x: Any) -> Any:
    """Return eˣ."""
    return namespace(x).exp(x)


exp.derivatives(x=lambda g, z, x: g * z)


@operation
def expm1(x: Any) -> Any:
    """Return eˣ − 1, accurate near x = 0."""
    return namespace(x).expm1(x)


expm1.derivatives(x=lambda g, z, x: g * (z + 1))


@operation
def log(x: Any) -> Any:
    """Return the natural logarithm of x."""
    return namespace(x).log(x)


log.derivatives(x=lambda g, z, x: g / x)


@operation
def log1p(x: Any) -> Any:
    """Return log(1 + x), accurate near x = 0."""
    return namespace(x).log1p(x)


log1p.derivatives(x=lambda g, z, x: g / (1 + x))


@operation
def sqrt(x: Any) -> Any:
    """Return the square root of x."""
    return namespace(x).sqrt(x)


sqrt.derivatives(x=lambda g, z, x: g / (2 * z))


@operation
def sin(x: Any) -> Any:
    """Return the sine of x, in radians."""
    return namespace(x).sin(x)


sin.derivatives(x=lambda g, z, x: g * cos(x))


@operation
def cos(x: Any) -> Any:
    """Return the cosine of x, in radians."""
    return namespace(x).cos(x)


cos.derivatives(x=lambda g, z, x: -g * sin(x))


@operation
def tanh(x: Any) -> Any:
    """Return the hyperbolic tangent of x."""
    return namespace(x).tanh(x)


tanh.derivatives(x=lambda g, z, x: g * (1 - z * z))


@operation
def sign(x: Any) -> Any:
    """Return −1, 0 or 1, the sign of x. It is flat wherever it has a derivative, so no gradient flows through it."""
    return namespace(x).sign(x)


sign.constant = True


@operation
def ones_like(x: Any) -> Any:
    """Return ones in the shape of x; constant, so no gradient flows through it."""
    return namespace(x).ones_like(x)


ones_like.constant = True


@operation
def abs(x: Any) -> Any:
    """Return |x|. The subgradient taken at 0 is 0."""
    return namespace(x).abs(x)


abs.derivatives(x=lambda g, z, x: g * sign(x))


@operation
def maximum(x: Any, y: Any) -> Any:
    """Return the larger of x and y. Where they tie, each gets half the gradient."""
    return namespace(x, y).maximum(x, y)


maximum.derivatives(
    x=lambda g, z, x, y: where(x > y, g, where(x == y, 0.5 * g, 0.0)),
    y=lambda g, z, x, y: where(y > x, g, where(x == y, 0.5 * g, 0.0)),
)


@operation
def minimum(x: Any, y: Any) -> Any:
    """Return the smaller of x and y. Where they tie, each gets half the gradient."""
    return namespace(x, y).minimum(x, y)


minimum.derivatives(
    x=lambda g, z, x, y: where(x < y, g, where(x == y, 0.5 * g, 0.0)),
    y=lambda g, z, x, y: where(y < x, g, where(x == y, 0.5 * g, 0.0)),
)


@operation
def clip(x: Any, *, low: float, high: float) -> Any:
    """Return x with what lies outside low … high put onto the nearer end.

    The gradient passes where low ≤ x ≤ high, the ends included, and is 0 outside.
    """
    xp = namespace(x)
    return xp.minimum(xp.maximum(x, low), high)


clip.derivatives(x=lambda g, z, x, low, high: where(x >= low, where(x <= high, g, 0.0), 0.0))


@operation
def where(condition: Any, x: Any, y: Any) -> Any:
    """Return x where the condition holds, y elsewhere; the condition is an array of booleans."""
    return namespace(condition, x, y).where(condition, x, y)


where.derivatives(
    x=lambda g, z, condition, x, y: where(condition, g, 0.0),
    y=lambda g, z, condition, x, y: where(condition, 0.0, g),
)
