"""The step-size schedules: their formulas, torch's schedulers as oracle, what they refuse."""

import doctest
import math
import pickle

import numpy as np
import pytest

from dlkit.optim import (
    Constant,
    Cosine,
    GradientDescent,
    InverseSquareRoot,
    InverseTime,
    StepDecay,
    WarmUp,
    as_schedule,
    schedules,
)

EPS = np.finfo(np.float64).eps
STEPS = range(1, 41)

# (schedule, its formula written out)
FORMULAS = [
    (Constant(0.3), lambda t: 0.3),
    (InverseTime(0.3), lambda t: 0.3 / t),
    (InverseTime(0.3, delay=5), lambda t: 0.3 * 5 / (4 + t)),
    (InverseSquareRoot(0.3), lambda t: 0.3 * t**-0.5),
    (InverseSquareRoot(0.3, delay=5), lambda t: 0.3 * math.sqrt(5 / (4 + t))),
    (StepDecay(0.3, every=7, factor=0.5), lambda t: 0.3 * 0.5 ** sum(t > 7 * k for k in range(1, 10))),
    (Cosine(0.3, steps=20, floor=0.1), lambda t: 0.1 + 0.2 * math.cos(math.pi * min(t - 1, 20) / 40) ** 2),
    (WarmUp(0.3, steps=6), lambda t: 0.3 * min(t / 6, 1)),
    (WarmUp(InverseTime(0.3), steps=6), lambda t: 0.3 * t / 6 if t <= 6 else 0.3 / (t - 5)),
    (WarmUp(InverseTime(0.3), steps=1), lambda t: 0.3 / t),
]


@pytest.mark.parametrize(
    ("schedule", "formula"), FORMULAS, ids=lambda value: repr(value) if not callable(value) else ""
)
def test_schedules_follow_their_formulas(schedule, formula):
    # Fewer than 10 roundings on each side, all relative to 0.3 at most.
    for t in STEPS:
        assert abs(schedule(t) - formula(t)) <= 20 * EPS * 0.3, t


def test_the_series_promised_for_convergence():
    """Σ η_t grows without bound for 1/t and 1/√t: like log T and 2√T, the integrals that bound the sums."""
    T = 10_000
    assert math.log(T) <= sum(InverseTime(1.0)(t) for t in range(1, T + 1)) <= math.log(T) + 1
    assert 2 * math.sqrt(T) - 2 <= sum(InverseSquareRoot(1.0)(t) for t in range(1, T + 1)) <= 2 * math.sqrt(T)


@pytest.mark.parametrize(
    ("schedule", "theirs"),
    [
        (StepDecay(0.3, every=7, factor=0.5), ("StepLR", {"step_size": 7, "gamma": 0.5})),
        (Cosine(0.3, steps=39, floor=0.1), ("CosineAnnealingLR", {"T_max": 39, "eta_min": 0.1})),
        (WarmUp(0.3, steps=10), ("LinearLR", {"start_factor": 0.1, "total_iters": 9})),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_schedules_agree_with_torch(schedule, theirs):
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    scheduler = getattr(torch.optim.lr_scheduler, theirs[0])(optimizer, **theirs[1])
    for t in STEPS:
        # torch goes from one rate to the next: up to 40 times a few roundings.
        assert abs(schedule(t) - optimizer.param_groups[0]["lr"]) <= 40 * 8 * EPS * 0.3, t
        optimizer.step()
        scheduler.step()


@pytest.mark.parametrize("schedule", [s for s, _ in FORMULAS], ids=repr)
def test_schedules_are_plain_data(schedule):
    again = pickle.loads(pickle.dumps(schedule))
    assert again == schedule
    assert [again(t) for t in STEPS] == [schedule(t) for t in STEPS]
    assert all(type(schedule(t)) is float for t in STEPS)


def test_a_number_or_a_function_is_a_schedule():
    assert as_schedule(0.1) == Constant(0.1)
    assert as_schedule(np.float32(0.5)) == Constant(0.5)
    assert as_schedule(1) == Constant(1.0)
    function = lambda t: 1 / t  # noqa: E731
    assert as_schedule(function) is function
    assert WarmUp(function, steps=2)(3) == 1 / 2


@pytest.mark.parametrize("rate", ["0.1", None, True, [0.1], np.array([0.1, 0.2])])
def test_what_is_no_rate(rate):
    with pytest.raises(TypeError, match=r"rate must be a number or a function of the step t = 1, 2, \.\.\.; got"):
        as_schedule(rate)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Constant(-0.1), ValueError, "rate must be finite and not negative; got -0.1"),
        (lambda: InverseTime(math.nan), ValueError, "rate must be finite and not negative; got nan"),
        (lambda: InverseSquareRoot(math.inf), ValueError, "rate must be finite and not negative; got inf"),
        (lambda: Constant("0.1"), TypeError, "rate must be a number; got '0.1', of type str"),
        (lambda: InverseTime(0.1, delay=0), ValueError, "delay must be greater than 0; got 0"),
        (lambda: InverseSquareRoot(0.1, delay=-1), ValueError, "delay must be greater than 0; got -1"),
        (lambda: StepDecay(0.1, every=0), ValueError, "every must be at least 1; got 0"),
        (lambda: StepDecay(0.1, every=2.5), TypeError, "every must be an integer; got 2.5, of type float"),
        (lambda: StepDecay(0.1, every=2, factor=2), ValueError, r"factor must be in \(0, 1\], as the rate .* got 2"),
        (lambda: Cosine(0.1, steps=0), ValueError, "steps must be at least 1; got 0"),
        (lambda: Cosine(0.1, steps=9, floor=0.2), ValueError, "floor must not be above rate, 0.1; got 0.2"),
        (lambda: WarmUp(0.1, steps=True), TypeError, "steps must be an integer; got True, of type bool"),
        (lambda: WarmUp("0.1", steps=3), TypeError, "rate must be a number or a function"),
        (lambda: Constant(0.1)(0), ValueError, "t must be at least 1, the first step; got 0"),
        (lambda: Cosine(0.1, steps=3)(-1), ValueError, "t must be at least 1, the first step; got -1"),
        (lambda: WarmUp(0.1, steps=3)(0), ValueError, "t must be at least 1, the first step; got 0"),
    ],
)
def test_what_schedules_refuse(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("rate", "error", "message"),
    [
        (lambda t: -1.0, ValueError, r"got -1.0 at t = 1 \(a rule subtracts the step already"),
        (lambda t: math.nan, ValueError, "rate must be finite and not negative; got nan at t = 1"),
        (lambda t: None, TypeError, "rate must give a number at each step; got None, of type NoneType at t = 1"),
        (lambda t: [0.1, 0.2], TypeError, "rate must give a number at each step"),
    ],
)
def test_what_a_schedule_must_not_return(rate, error, message):
    x = np.ones(2)
    with pytest.raises(error, match=message):
        GradientDescent(rate).update([x], [np.ones(2)])
    assert np.all(x == 1)


def test_a_rule_asks_once_an_update_and_counts_from_one():
    asked = []

    def rate(t):
        asked.append(t)
        return np.float64(0.5)  # a numpy number, which would make float64 of float32

    x, y = np.ones(2, np.float32), np.ones(3, np.float32)
    rule = GradientDescent(rate)
    for _ in range(3):
        rule.update([x, y], [np.ones(2, np.float32), np.ones(3, np.float32)])
    assert asked == [1, 2, 3]
    assert rule.t == 3
    assert rule.eta == 0.5
    assert np.all(x == -0.5)


def test_the_examples_in_the_docstrings():
    failed, tried = doctest.testmod(schedules)
    assert tried >= 6
    assert not failed
