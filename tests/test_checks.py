"""What numbers and counts may be: the one check of each that the package has, and who asks it."""

import math
from fractions import Fraction

import numpy as np
import pytest

from dlkit import augmentation, datasets, descent, optim, preprocessing
from dlkit._checks import count, number
from dlkit.activations import elu, leaky_relu
from dlkit.nn import initialisers


@pytest.mark.parametrize(
    "value", [2, 2.0, Fraction(2), np.float32(2), np.float16(2), np.int8(2), np.array(2), np.array(2.0)], ids=repr
)
def test_numbers(value):
    result = number(value, "x", 2, 2)
    assert type(result) is float
    assert result == 2


@pytest.mark.parametrize("value", ["2", None, True, np.True_, np.array(True), 2j, np.complex128(2), math], ids=str)
def test_what_is_no_number(value):
    with pytest.raises(TypeError, match=r"^x must (be a number; got .*, of type|hold real numbers)"):
        number(value, "x")


@pytest.mark.parametrize("value", [[2.0], (1.0, 2.0), np.ones((1, 1))], ids=str)
def test_several_numbers(value):
    with pytest.raises(ValueError, match=r"x must be a single number; got an array of the shape \("):
        number(value, "x")


@pytest.mark.parametrize(
    ("bounds", "inside", "outside", "expected"),
    [
        ({}, [-1e308, 0], [math.inf, -math.inf, math.nan], "a finite number"),
        ({"least": 0}, [0, 5], [-1e-300, math.inf, math.nan], "a finite number from 0 to inf"),
        ({"least": 0, "most": 1}, [0, 1], [-0.1, 1.1], "a finite number from 0 to 1"),
        ({"above": 0}, [1e-300], [0, -1, math.inf], "finite and > 0"),
        ({"least": 0, "below": 1}, [0, 0.9], [-0.1, 1, math.nan], "in [0, 1)"),
        ({"above": 0, "most": 1}, [0.1, 1], [0, 1.1], "in (0, 1]"),
        ({"above": 0, "below": 1}, [0.5], [0, 1], "in (0, 1)"),
        ({"least": 0, "expected": "said so"}, [0], [-1], "said so"),
    ],
)
def test_bounds_of_numbers(bounds, inside, outside, expected):
    for value in inside:
        assert number(value, "x", **bounds) == value
    for value in outside:
        with pytest.raises(ValueError) as caught:
            number(value, "x", **bounds)
        assert str(caught.value) == f"x must be {expected}; got {value}"


def test_counts():
    assert [count(n, "n", 0) for n in (0, np.int8(3))] == [0, 3]
    assert type(count(np.int64(3), "n")) is int
    for value in (True, np.True_, 1.0, "1", None):
        with pytest.raises(TypeError, match=r"n must be an integer >= 1; got .*, of type"):
            count(value, "n")
        with pytest.raises(TypeError, match=r"n must be an integer; got .*, of type"):
            count(value, "n", expected="at least 1")
    for value in (0, 5):
        with pytest.raises(ValueError, match=rf"^n must be an integer in 1\.\.4; got {value}$"):
            count(value, "n", 1, 4)
    with pytest.raises(ValueError, match=r"^n must be at least 1; got 0$"):
        count(0, "n", expected="at least 1")


def descend(**settings):
    return descent.gradient_descent(lambda x: x**2, 1.0, 0.1, **({"steps": 1} | settings))


IMAGES = np.zeros((1, 2, 2))

ASKED = {
    "radius of L2Ball": optim.L2Ball,
    "radius of L1Ball": optim.L1Ball,
    "total of Simplex": optim.Simplex,
    "low of Box": lambda value: optim.Box(value, None),
    "high of Box": lambda value: optim.Box(None, value),
    "momentum of Momentum": lambda value: optim.Momentum(0.1, value),
    "epsilon of Adam": lambda value: optim.Adam(epsilon=value),
    "rate of Constant": optim.Constant,
    "delay of InverseTime": lambda value: optim.InverseTime(0.1, value),
    "every of StepDecay": lambda value: optim.StepDecay(0.1, value),
    "steps of gradient_descent": lambda value: descend(steps=value),
    "tol of gradient_descent": lambda value: descend(tol=value),
    "change_tol of gradient_descent": lambda value: descend(change_tol=value),
    "noise of moons": lambda value: datasets.moons(4, 0, noise=value),
    "arms of spiral": lambda value: datasets.spiral(4, 0, arms=value),
    "probability of flip": lambda value: augmentation.flip(IMAGES, 0, probability=value),
    "k of PrincipalDirections": lambda value: preprocessing.PrincipalDirections(value).fit(np.eye(3)),
    "std of normal": lambda value: initialisers.normal((2, 2), 0, std=value),
    "slope of leaky_relu": lambda value: leaky_relu(1.0, slope=value),
    "alpha of elu": lambda value: elu(1.0, alpha=value),
}


@pytest.mark.parametrize("value", ["1", True, np.True_, 1j], ids=repr)
@pytest.mark.parametrize("setting", ASKED)
def test_every_setting_asks_the_same(setting, value):
    name = setting.split()[0]
    with pytest.raises(
        TypeError, match=f"{name} must be (a number|an integer).*; got .*, of type {type(value).__name__}"
    ):
        ASKED[setting](value)
