"""The update rules: torch and Keras as oracles, TensorFlow's documented formulas, state, projected steps, refusals."""

import copy
import doctest
import math
import os
import pickle
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest

from dlkit import optim
from dlkit.optim import (
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Box,
    Cosine,
    Ftrl,
    FullAdagrad,
    GradientDescent,
    InverseSquareRoot,
    L1Ball,
    L2Ball,
    Momentum,
    Nadam,
    RMSProp,
    Simplex,
    UpdateRule,
    _arrays,
    update,
)

FLOATS = [np.float32, np.float64]
STEPS = 100
SHAPES = [(6, 5), (7,), ()]
SCHEDULE = Cosine(0.05, steps=80, floor=0.001)

# One of each rule, with what is not optional.
RULES = [
    GradientDescent(0.1),
    Momentum(0.1, 0.9),
    Momentum(0.1, 0.9, nesterov=True),
    Momentum(0.1, 0.9, convention="keras"),
    Adagrad(0.1),
    FullAdagrad(0.1),
    RMSProp(0.01),
    RMSProp(0.01, convention="tensorflow"),
    RMSProp(0.01, momentum=0.9),
    RMSProp(0.01, convention="keras", momentum=0.9, centered=True),
    Adam(0.1),
    AdamW(0.1),
    Nadam(0.1),
    Adamax(0.1),
    Adadelta(),
    Ftrl(0.1, l1=0.01, l2=0.1, l2_shrinkage=0.1, beta=1.0),
]


def data(dtype, shapes=SHAPES, steps=STEPS, seed=11):
    """Parameters, and gradients from far below every ε to far above, each coordinate with a size of its own."""
    rng = np.random.default_rng(seed)
    x = [np.array(rng.standard_normal(shape), dtype) for shape in shapes]
    sizes = [10 ** rng.uniform(-9, 1, shape) for shape in shapes]
    return x, [
        [np.array(s * rng.standard_normal(s.shape), dtype) for s in map(np.asarray, sizes)] for _ in range(steps)
    ]


def bound(path, dtype, amplification=1.0):
    """How far two computations of the same steps may be apart, given the iterates of one, shape (steps + 1, n).

    A step makes fewer than 16 roundings on either side, those of x relative to x, the others to the step or, where
    it is an average of gradients of both signs, to one without the signs: `amplification` is how much longer that is.
    An error of the state stays in it, so that after t steps there are up to t of them: at most 16 STEPS in each of
    the steps, which together make up the path.
    """
    path = np.asarray(path, np.float64)
    steps = len(path) - 1
    length = np.abs(np.diff(path, axis=0)).sum(axis=0).max()
    return 32 * np.finfo(dtype).eps * steps * (np.abs(path).max() + amplification * length)


def flat(arrays):
    return np.concatenate([np.asarray(a, np.float64).ravel() for a in arrays])


def run(rule, x, gradients, wrap=lambda a: a, unwrap=lambda a: a):
    """The iterates of a rule, one row each, from copies of `x`."""
    x = [wrap(p.copy()) for p in x]
    path = [flat(map(unwrap, x))]
    for g in gradients:
        rule.update(x, [wrap(p) for p in g])
        path.append(flat(map(unwrap, x)))
    return np.array(path)


# torch

TORCH = [
    (lambda rate: GradientDescent(rate), "SGD", {}),
    (lambda rate: Momentum(rate, 0.9), "SGD", {"momentum": 0.9}),
    (lambda rate: Momentum(rate, 0.9, nesterov=True), "SGD", {"momentum": 0.9, "nesterov": True}),
    (lambda rate: Adagrad(rate), "Adagrad", {}),
    (lambda rate: Adagrad(rate, 1e-3, 0.2), "Adagrad", {"eps": 1e-3, "initial_accumulator_value": 0.2}),
    (lambda rate: RMSProp(rate), "RMSprop", {}),
    (lambda rate: RMSProp(rate, 0.9, 1e-3), "RMSprop", {"alpha": 0.9, "eps": 1e-3}),
    (lambda rate: RMSProp(rate, momentum=0.9), "RMSprop", {"momentum": 0.9}),
    (lambda rate: RMSProp(rate, centered=True), "RMSprop", {"centered": True}),
    (lambda rate: RMSProp(rate, momentum=0.9, centered=True), "RMSprop", {"momentum": 0.9, "centered": True}),
    (lambda rate: Adam(rate), "Adam", {}),
    (lambda rate: Adam(rate, 0.8, 0.99, 1e-3), "Adam", {"betas": (0.8, 0.99), "eps": 1e-3}),
    (lambda rate: AdamW(rate), "AdamW", {}),
    (lambda rate: AdamW(rate, weight_decay=0.3), "AdamW", {"weight_decay": 0.3}),
    (lambda rate: Nadam(rate), "NAdam", {}),
    (
        lambda rate: Nadam(rate, 0.8, 0.99, 1e-3, 0.1),
        "NAdam",
        {"betas": (0.8, 0.99), "eps": 1e-3, "momentum_decay": 0.1},
    ),
    (lambda rate: Adamax(rate), "Adamax", {}),
    (lambda rate: Adamax(rate, 0.8, 0.99, 1e-3), "Adamax", {"betas": (0.8, 0.99), "eps": 1e-3}),
    (lambda rate: Adadelta(rate), "Adadelta", {}),
    (lambda rate: Adadelta(rate, 0.8, 1e-3), "Adadelta", {"rho": 0.8, "eps": 1e-3}),
]
TORCH_IDS = [f"{name}-{settings}" for _, name, settings in TORCH]


def torch_path(torch, name, settings, x, gradients, schedule):
    x = [torch.nn.Parameter(torch.from_numpy(p.copy())) for p in x]
    optimizer = getattr(torch.optim, name)(x, **settings)
    path = [flat(p.detach() for p in x)]
    for t, g in enumerate(gradients, 1):
        if schedule is not None:
            optimizer.param_groups[0]["lr"] = schedule(t)
        for p, gradient in zip(x, g, strict=True):
            p.grad = torch.from_numpy(gradient.copy())
        optimizer.step()
        path.append(flat(p.detach() for p in x))
    return np.array(path)


@pytest.mark.parametrize("schedule", [None, SCHEDULE], ids=["default rate", "schedule"])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("make", "name", "settings"), TORCH, ids=TORCH_IDS)
def test_rules_agree_with_torch(make, name, settings, dtype, schedule):
    """One step and a hundred, on numpy arrays and on tensors, with torch's default rate and with a schedule."""
    torch = pytest.importorskip("torch")
    x, gradients = data(dtype)
    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # in which NAdam keeps the product of its μ, whatever its parameters are of
    try:
        theirs = torch_path(torch, name, settings, x, gradients, schedule)
    finally:
        torch.set_default_dtype(usual)
    ours = run(make(schedule), x, gradients)
    tensors = run(make(schedule), x, gradients, wrap=torch.from_numpy)
    # Averages and velocities with β₁ or μ = 0.9 add up 1/(1 − 0.9) = 10 gradients, which may cancel.
    for steps in (1, STEPS):
        for path in (ours, tensors):
            assert np.abs(path[steps] - theirs[steps]).max() <= bound(theirs[: steps + 1], dtype, 10), steps


# Keras

KERAS = [
    (lambda rate: GradientDescent(rate, convention="keras"), "SGD", {}),
    (lambda rate: Momentum(rate, 0.9, convention="keras"), "SGD", {"momentum": 0.9}),
    (
        lambda rate: Momentum(rate, 0.9, nesterov=True, convention="keras"),
        "SGD",
        {"momentum": 0.9, "nesterov": True},
    ),
    (lambda rate: Adagrad(rate, convention="keras"), "Adagrad", {}),
    (lambda rate: RMSProp(rate, convention="keras"), "RMSprop", {}),
    (lambda rate: RMSProp(rate, momentum=0.9, convention="keras"), "RMSprop", {"momentum": 0.9}),
    (lambda rate: RMSProp(rate, centered=True, convention="keras"), "RMSprop", {"centered": True}),
    (
        lambda rate: RMSProp(rate, momentum=0.9, centered=True, convention="keras"),
        "RMSprop",
        {"momentum": 0.9, "centered": True},
    ),
    (lambda rate: Adam(rate, convention="keras"), "Adam", {}),
    (lambda rate: AdamW(rate, convention="keras"), "AdamW", {}),
    (lambda rate: Nadam(rate, convention="keras"), "Nadam", {}),
    (lambda rate: Adamax(rate, convention="keras"), "Adamax", {}),
    (lambda rate: Adadelta(rate, convention="keras"), "Adadelta", {}),
    (lambda rate: Ftrl(rate), "Ftrl", {}),
    (
        lambda rate: Ftrl(rate, 0.3, 0.2, 0.1, 0.5, -0.4, 0.3),
        "Ftrl",
        {
            "l1_regularization_strength": 0.3,
            "l2_regularization_strength": 0.2,
            "l2_shrinkage_regularization_strength": 0.1,
            "beta": 0.5,
            "learning_rate_power": -0.4,
            "initial_accumulator_value": 0.3,
        },
    ),
]


@pytest.fixture(scope="module")
def keras():
    """Keras 3 on torch, where it is installed: it is no part of the course."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    return pytest.importorskip("keras")


def keras_path(keras, name, settings, x, gradients, schedule):
    torch = sys.modules["torch"]
    variables = [keras.Variable(p.copy(), dtype=str(p.dtype)) for p in x]
    optimizer = getattr(keras.optimizers, name)(**settings)
    path = [flat(keras.ops.convert_to_numpy(v) for v in variables)]
    for t, g in enumerate(gradients, 1):
        if schedule is not None:
            optimizer.learning_rate = schedule(t)
        optimizer.apply([torch.from_numpy(p.copy()) for p in g], variables)
        path.append(flat(keras.ops.convert_to_numpy(v) for v in variables))
    return np.array(path)


@pytest.mark.parametrize("schedule", [None, SCHEDULE], ids=["default rate", "schedule"])
@pytest.mark.parametrize(("make", "name", "settings"), KERAS, ids=[f"{name}-{s}" for _, name, s in KERAS])
def test_rules_agree_with_keras(keras, make, name, settings, schedule):
    """In float32, in which Keras keeps the rate whatever the dtype of the parameters."""
    x, gradients = data(np.float32)
    theirs = keras_path(keras, name, settings, x, gradients, schedule)
    ours = run(make(schedule), x, gradients)
    for steps in (1, STEPS):
        assert np.abs(ours[steps] - theirs[steps]).max() <= bound(theirs[: steps + 1], np.float32, 10), steps


# The formulas as documented, one number at a time. For TensorFlow 1 these are the docstrings of tf.train's optimizers
# (tensorflow/python/training/{gradient_descent,momentum,adagrad,rmsprop,adam,adadelta,ftrl}.py) with the operations
# they call (ApplyMomentum, ApplyAdagrad, ApplyRMSProp, ApplyAdam, ApplyAdadelta, ApplyFtrlV2 in
# tensorflow/core/kernels/training_ops.cc; the older documentation of ApplyFtrlV2 has the sign of σ and the gradient
# that goes into n otherwise than the kernel), and for AdamW DecoupledWeightDecayExtension of tensorflow/contrib/opt;
# for Keras those of keras/src/optimizers; for torch the algorithms in the documentation of torch.optim.


def tf_descent(x, g, s, eta, t):
    return x - eta * g


def tf_momentum(x, g, s, eta, t):
    s["accum"] = 0.9 * s.get("accum", 0) + g
    return x - eta * s["accum"]


def tf_nesterov(x, g, s, eta, t):
    s["accum"] = 0.9 * s.get("accum", 0) + g
    return x - (g * eta + s["accum"] * 0.9 * eta)


def keras_momentum(x, g, s, eta, t):
    s["velocity"] = 0.9 * s.get("velocity", 0) - eta * g
    return x + s["velocity"]


def keras_nesterov(x, g, s, eta, t):
    s["velocity"] = 0.9 * s.get("velocity", 0) - eta * g
    return x + 0.9 * s["velocity"] - eta * g


def torch_adagrad(x, g, s, eta, t):
    s["sum"] = s.get("sum", 0) + g**2
    return x - eta * g / (math.sqrt(s["sum"]) + 1e-10)


def keras_adagrad(x, g, s, eta, t):
    s["accumulator"] = s.get("accumulator", 0.1) + g**2
    return x - eta * g / math.sqrt(s["accumulator"] + 1e-7)


def tf_adagrad(x, g, s, eta, t):
    s["accum"] = s.get("accum", 0.1) + g**2
    return x - eta * g / math.sqrt(s["accum"])


def torch_rmsprop(x, g, s, eta, t):
    s["v"] = 0.99 * s.get("v", 0) + 0.01 * g**2
    return x - eta * g / (math.sqrt(s["v"]) + 1e-8)


def keras_rmsprop(x, g, s, eta, t):
    s["velocity"] = 0.9 * s.get("velocity", 0) + (1 - 0.9) * g**2
    return x - eta * g / math.sqrt(s["velocity"] + 1e-7)


def tf_rmsprop(x, g, s, eta, t):
    s["ms"] = 0.9 * s.get("ms", 1) + (1 - 0.9) * g**2
    return x - eta * g / math.sqrt(s["ms"] + 1e-10)


def torch_rmsprop_all(x, g, s, eta, t):
    s["v"] = 0.99 * s.get("v", 0) + 0.01 * g**2
    s["g_ave"] = 0.99 * s.get("g_ave", 0) + 0.01 * g
    s["b"] = 0.9 * s.get("b", 0) + g / (math.sqrt(s["v"] - s["g_ave"] ** 2) + 1e-8)
    return x - eta * s["b"]


def rmsprop_all(start, epsilon):
    """Keras's and TensorFlow's, with momentum and centered; ApplyCenteredRMSProp."""

    def formula(x, g, s, eta, t):
        s["ms"] = 0.9 * s.get("ms", start) + (1 - 0.9) * g**2
        s["mg"] = 0.9 * s.get("mg", 0) + (1 - 0.9) * g
        s["mom"] = 0.8 * s.get("mom", 0) + eta * g / math.sqrt(s["ms"] - s["mg"] ** 2 + epsilon)
        return x - s["mom"]

    return formula


def tf_rmsprop_momentum(x, g, s, eta, t):
    s["ms"] = 0.9 * s.get("ms", 1) + (1 - 0.9) * g**2
    s["mom"] = 0.8 * s.get("mom", 0) + eta * g / math.sqrt(s["ms"] + 1e-10)
    return x - s["mom"]


def tf_rmsprop_centered(x, g, s, eta, t):
    s["ms"] = 0.9 * s.get("ms", 1) + (1 - 0.9) * g**2
    s["mg"] = 0.9 * s.get("mg", 0) + (1 - 0.9) * g
    return x - eta * g / math.sqrt(s["ms"] - s["mg"] ** 2 + 1e-10)


def moments(s, g):
    s["m"] = 0.9 * s.get("m", 0) + (1 - 0.9) * g
    s["v"] = 0.999 * s.get("v", 0) + (1 - 0.999) * g**2
    return s["m"], s["v"]


def torch_adam(x, g, s, eta, t):
    m, v = moments(s, g)
    return x - eta * (m / (1 - 0.9**t)) / (math.sqrt(v / (1 - 0.999**t)) + 1e-8)


def epsilon_hat(epsilon):
    def adam(x, g, s, eta, t):
        m, v = moments(s, g)
        return x - eta * math.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (math.sqrt(v) + epsilon)

    return adam


def decayed(adam, decay):
    return lambda x, g, s, eta, t: adam(x - decay(eta) * x, g, s, eta, t)


def nadam(decay, epsilon):
    def formula(x, g, s, eta, t):
        m, v = moments(s, g)
        mu = [0.9 * (1 - 0.5 * 0.96 ** (i * decay)) for i in range(1, t + 2)]
        ahead = mu[t] * m / (1 - math.prod(mu)) + (1 - mu[t - 1]) * g / (1 - math.prod(mu[:t]))
        return x - eta * ahead / (math.sqrt(v / (1 - 0.999**t)) + epsilon)

    return formula


def torch_adamax(x, g, s, eta, t):
    s["m"] = 0.9 * s.get("m", 0) + (1 - 0.9) * g
    s["u"] = max(0.999 * s.get("u", 0), abs(g) + 1e-8)
    return x - eta * s["m"] / ((1 - 0.9**t) * s["u"])


def keras_adamax(x, g, s, eta, t):
    s["m"] = 0.9 * s.get("m", 0) + (1 - 0.9) * g
    s["u"] = max(0.999 * s.get("u", 0), abs(g))
    return x - eta * s["m"] / ((1 - 0.9**t) * (s["u"] + 1e-7))


def adadelta(rho, epsilon):
    def formula(x, g, s, eta, t):
        s["accum"] = rho * s.get("accum", 0) + (1 - rho) * g**2
        delta = math.sqrt(s.get("accum_update", 0) + epsilon) / math.sqrt(s["accum"] + epsilon) * g
        s["accum_update"] = rho * s.get("accum_update", 0) + (1 - rho) * delta**2
        return x - eta * delta

    return formula


def ftrl(l1=0.0, l2=0.0, l2_shrinkage=0.0, beta=0.0, rate_power=-0.5):
    def formula(x, g, s, eta, t):
        l2_adjusted = l2 + beta / (2 * eta)
        accum = s.get("accum", 0.1)
        s["accum"] = accum + g**2
        s["linear"] = s.get("linear", 0) + (g + 2 * l2_shrinkage * x)
        s["linear"] -= (s["accum"] ** -rate_power - accum**-rate_power) / eta * x
        if abs(s["linear"]) <= l1:
            return 0.0
        quadratic = s["accum"] ** -rate_power / eta + 2 * l2_adjusted
        return (math.copysign(l1, s["linear"]) - s["linear"]) / quadratic

    return formula


PENALTIES = {"l1": 0.3, "l2": 0.2, "l2_shrinkage": 0.1, "beta": 0.5, "rate_power": -0.4}

DOCUMENTED = {
    ("GradientDescent", "tensorflow"): (GradientDescent, {}, tf_descent),
    ("Momentum", "tensorflow"): (Momentum, {"momentum": 0.9}, tf_momentum),
    ("Nesterov", "tensorflow"): (Momentum, {"momentum": 0.9, "nesterov": True}, tf_nesterov),
    ("Momentum", "keras"): (Momentum, {"momentum": 0.9}, keras_momentum),
    ("Nesterov", "keras"): (Momentum, {"momentum": 0.9, "nesterov": True}, keras_nesterov),
    ("Adagrad", "torch"): (Adagrad, {}, torch_adagrad),
    ("Adagrad", "keras"): (Adagrad, {}, keras_adagrad),
    ("Adagrad", "tensorflow"): (Adagrad, {}, tf_adagrad),
    ("RMSProp", "torch"): (RMSProp, {}, torch_rmsprop),
    ("RMSProp", "keras"): (RMSProp, {}, keras_rmsprop),
    ("RMSProp", "tensorflow"): (RMSProp, {}, tf_rmsprop),
    ("RMSProp with all", "torch"): (RMSProp, {"momentum": 0.9, "centered": True}, torch_rmsprop_all),
    ("RMSProp with all", "keras"): (RMSProp, {"momentum": 0.8, "centered": True}, rmsprop_all(0, 1e-7)),
    ("RMSProp with all", "tensorflow"): (RMSProp, {"momentum": 0.8, "centered": True}, rmsprop_all(1, 1e-10)),
    ("RMSProp with momentum", "tensorflow"): (RMSProp, {"momentum": 0.8}, tf_rmsprop_momentum),
    ("RMSProp centered", "tensorflow"): (RMSProp, {"centered": True}, tf_rmsprop_centered),
    ("Adam", "torch"): (Adam, {}, torch_adam),
    ("Adam", "keras"): (Adam, {}, epsilon_hat(1e-7)),
    ("Adam", "tensorflow"): (Adam, {}, epsilon_hat(1e-8)),
    ("AdamW", "torch"): (AdamW, {}, decayed(torch_adam, lambda eta: 0.01 * eta)),
    ("AdamW", "keras"): (AdamW, {}, decayed(epsilon_hat(1e-7), lambda eta: 0.004 * eta)),
    ("AdamW", "tensorflow"): (AdamW, {"weight_decay": 0.02}, decayed(epsilon_hat(1e-8), lambda eta: 0.02)),
    ("Nadam", "torch"): (Nadam, {}, nadam(0.004, 1e-8)),
    ("Nadam", "keras"): (Nadam, {}, nadam(1, 1e-7)),
    ("Adamax", "torch"): (Adamax, {}, torch_adamax),
    ("Adamax", "keras"): (Adamax, {}, keras_adamax),
    ("Adadelta", "torch"): (Adadelta, {}, adadelta(0.9, 1e-6)),
    ("Adadelta", "keras"): (Adadelta, {}, adadelta(0.95, 1e-7)),
    ("Adadelta", "tensorflow"): (Adadelta, {}, adadelta(0.95, 1e-8)),
    ("Ftrl", "tensorflow"): (Ftrl, {}, ftrl()),
    ("Ftrl with penalties", "keras"): (Ftrl, PENALTIES, ftrl(**PENALTIES)),
}


def documented_path(formula, x, gradients, schedule):
    path = [flat(x)]
    states = [{} for _ in path[0]]
    for t, g in enumerate(gradients, 1):
        numbers = zip(path[-1], flat(g), states, strict=True)
        path.append(np.array([formula(float(a), float(b), s, schedule(t), t) for a, b, s in numbers]))
    return np.array(path)


@pytest.mark.parametrize("schedule", [lambda t: 0.02, SCHEDULE], ids=["constant", "schedule"])
@pytest.mark.parametrize("case", DOCUMENTED, ids="-".join)
def test_rules_follow_the_documented_formulas(case, schedule):
    make, settings, formula = DOCUMENTED[case]
    x, gradients = data(np.float64)
    expected = documented_path(formula, x, gradients, schedule)
    path = run(make(schedule, **settings, convention=case[1]), x, gradients)
    for steps in (1, STEPS):
        assert np.abs(path[steps] - expected[steps]).max() <= bound(expected[: steps + 1], np.float64, 10), steps


def test_these_tests_can_tell_the_conventions_apart():
    """On the same gradients, two conventions of a rule are a thousand tolerances apart after a hundred steps.

    But for momentum in torch and TensorFlow, whose formula is one.
    """
    x, gradients = data(np.float64)
    paths = {
        case: run(make(SCHEDULE, **settings, convention=case[1]), x, gradients)
        for case, (make, settings, _) in DOCUMENTED.items()
    }
    for a in paths:
        for b in paths:
            if a[0] == b[0] and a[1] < b[1]:
                apart = np.abs(paths[a][-1] - paths[b][-1]).max()
                assert apart > 1000 * bound(paths[a], np.float64, 10), (a, b)


@pytest.mark.parametrize("nesterov", [False, True])
def test_the_velocity_of_keras_is_torchs_times_minus_the_rate(nesterov):
    """The same steps at a constant rate; not with a schedule."""
    x, gradients = data(np.float64)
    ours = run(Momentum(0.1, 0.9, nesterov=nesterov), x, gradients)
    keras = run(Momentum(0.1, 0.9, nesterov=nesterov, convention="keras"), x, gradients)
    assert np.abs(ours - keras).max() <= bound(ours, np.float64, 10)


def test_heavy_ball_is_polyaks_two_term_formula():
    """x_{t+1} = x_t − η_t g_t + μ (x_t − x_{t−1}), also with a schedule, in the Keras convention."""
    x, gradients = data(np.float64)
    path = [flat(x)] * 2
    for t, g in enumerate(gradients, 1):
        path.append(path[-1] - SCHEDULE(t) * flat(g) + 0.9 * (path[-1] - path[-2]))
    ours = run(Momentum(SCHEDULE, 0.9, convention="keras"), x, gradients)
    # Differences of the iterates bring their rounding into the velocity, where ten of it add up.
    assert np.abs(ours[-1] - path[-1]).max() <= 10 * bound(ours, np.float64, 10)


def test_defaults_are_those_of_the_libraries():
    assert Adam().rate(1) == 0.001
    assert (Adam().epsilon, Adam(convention="keras").epsilon, Adam(convention="tensorflow").epsilon) == (
        1e-8,
        1e-7,
        1e-8,
    )
    assert (GradientDescent().rate(1), GradientDescent(convention="keras").rate(1)) == (0.001, 0.01)
    assert [Adadelta(convention=c).rate(1) for c in ("torch", "keras", "tensorflow")] == [1, 0.001, 0.001]
    for make in (GradientDescent, Adagrad, RMSProp, Ftrl):
        with pytest.raises(TypeError, match=f"{make.__name__} must be given rate: tensorflow has no default for it"):
            make(convention="tensorflow")
    with pytest.raises(TypeError, match="AdamW must be given weight_decay: tensorflow has no default"):
        AdamW(convention="tensorflow")
    with pytest.raises(TypeError, match="Momentum must be given momentum"):
        Momentum(0.1)


# RMSProp, Adadelta, Nadam, Adamax


def close(x, expected):
    """A few steps by hand, of a dozen roundings each, of numbers around 1; and ε = 1e-300, which is nothing."""
    assert np.abs(np.asarray(x) - expected).max() <= 64 * np.finfo(float).eps


@pytest.mark.parametrize("convention", ["torch", "keras"])
def test_rmsprop_with_momentum_and_centered_by_hand(convention):
    """With ρ = μ = ½: v = ½ and m = ½, √(½ − ¼) = ½, d = 2;  v = ¼ and m = ¼, √(3/16), for g = 0 d is halved.

    The rate falls from ½ to ¼: Keras's d is of the past's steps as they were made, torch's is not.
    """
    x = np.zeros(1)
    rule = RMSProp(lambda t: 0.5**t, 0.5, 1e-300, 0.5, centered=True, convention=convention)
    assert rule.slots == ("v", "m", "d")
    rule.update([x], [np.ones(1)])
    close(x, -1)
    rule.update([x], [np.zeros(1)])
    close(x, -1.5 if convention == "keras" else -1.25)
    state = rule.state_dict()
    close(state["v"][0], 0.25)
    close(state["m"][0], 0.25)
    close(state["d"][0], 0.5 if convention == "keras" else 1.0)


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize("dtype", FLOATS)
def test_a_variance_below_0_counts_as_0(dtype, library):
    """For a gradient that stays the same v − m² falls to 0, and by rounding below: 3.3² − 3.3² has no root."""
    wrap = (lambda a: a) if library == "numpy" else pytest.importorskip("torch").from_numpy
    x, v, m = (wrap(np.full(4, a, dtype)) for a in (1.0, 3.3**2 - 1e-5, 3.3))
    rule = RMSProp(0.1, centered=True)
    rule.load_state_dict({"rule": "RMSProp", "convention": "torch", "t": 5, "v": [v], "m": [m]})
    rule.update([x], [wrap(np.full(4, 3.3, dtype))])
    assert np.all(np.isfinite(np.asarray(x)))
    assert np.all(np.asarray(rule.state_dict()["v"][0]) < np.asarray(rule.state_dict()["m"][0]) ** 2)


def test_states_of_rmsprop_belong_to_their_settings():
    plain, x = RMSProp(0.1), np.ones(2)
    plain.update([x], [np.ones(2)])
    assert set(plain.state_dict()) == {"rule", "convention", "t", "v"}  # no arrays for what is not asked for
    with pytest.raises(ValueError, match=r"state must have the keys \['rule', 'convention', 't', 'v', 'd'\]"):
        RMSProp(0.1, momentum=0.9).load_state_dict(plain.state_dict())
    assert repr(RMSProp(momentum=0.5)) == (
        "RMSProp(rate=0.01, rho=0.99, epsilon=1e-08, momentum=0.5, centered=False, convention='torch')"
    )


def test_adadelta_by_hand():
    """v = ½, d = √½/√1, u = ¼;  v = ¾, d = √¾/√(5/4)."""
    x, rule = np.zeros(1), Adadelta(2.0, 0.5, 0.5)
    rule.update([x], [np.ones(1)])
    close(x, -2 * math.sqrt(0.5))
    close(rule.state_dict()["u"][0], 0.25)  # the average is of d, not of the step η d
    rule.update([x], [np.ones(1)])
    close(x, -2 * math.sqrt(0.5) - 2 * math.sqrt(0.6))


def test_the_steps_of_adadelta_do_not_depend_on_the_units_of_the_loss():
    x, gradients = data(np.float64, shapes=[(7,)])
    gradients = [[np.sign(p) * (1 + abs(p)) for p in g] for g in gradients]
    ours = run(Adadelta(1.0, 0.9, 1e-12), x, gradients)
    scaled = run(Adadelta(1.0, 0.9, 1e-12), x, [[1000 * p for p in g] for g in gradients])
    # All that differs is ε/v ≤ 1e-12/0.1 in v + ε, half of it in √(v + ε), once in each of the steps that u remembers.
    length = np.abs(np.diff(ours, axis=0)).sum(axis=0).max()
    assert np.abs(ours - scaled).max() <= STEPS * 1e-11 * length
    assert length > 1e-5


def test_adadelta_projects_in_the_norm_of_its_step():
    """With the u that the step was made with, not the one after it; ρ = ½ tells them apart."""
    rng, ball = np.random.default_rng(20), L2Ball(0.5)
    rule, x, u, met = Adadelta(1.0, 0.5, 0.01, project=ball), np.zeros(4), np.zeros(4), 0
    for _ in range(20):
        g = 10.0 ** np.arange(-2, 2) * (rng.standard_normal(4) - 1)
        before = x.copy()
        rule.update([x], [g])
        state = rule.state_dict()
        s = np.sqrt((state["v"][0] + 0.01) / (u + 0.01))
        close(x, ball(before - g / s, s))
        met += np.linalg.norm(before - g / s) > 0.5
        u = state["u"][0]
    assert met > 10


def test_nadam_by_hand():
    """With ψ = 0 each μ is β₁/2 = ¼; m = g/2, v̂ = g²: x = −η (¼ · ½/(1 − 1/16) + 1) at first.

    Then, for g = 0: m = g/4, v = ¼ g² of which v̂ is a third, and only m counts: 0.25 · 0.25/(1 − 1/64) · √3.
    """
    x, rule = np.zeros(1), Nadam(1.0, 0.5, 0.5, 1e-300, 0.0)
    rule.update([x], [np.full(1, 8.0)])
    close(x, -(0.125 / (15 / 16) + 1))
    rule.update([x], [np.zeros(1)])
    close(x, -(0.125 / (15 / 16) + 1) - 0.0625 / (63 / 64) * math.sqrt(3))


def test_nadam_knows_the_product_of_its_momenta_after_going_back_and_starting_afresh():
    x, gradients = data(np.float64, shapes=[(7,)], steps=6)
    rule, w = Nadam(0.1, convention="keras"), [x[0].copy()]
    for g in gradients[:2]:
        rule.update(w, g)
    state, early = rule.state_dict(), w[0].copy()
    for g in gradients[2:]:
        rule.update(w, g)
    for again, start in ((rule, early), (copy.copy(rule), early)):
        again.load_state_dict(state)
        other = [start.copy()]
        for g in gradients[2:]:
            again.update(other, g)
        assert np.array_equal(other[0], w[0])
    afresh = copy.copy(rule)
    assert np.array_equal(run(afresh, x, gradients), run(Nadam(0.1, convention="keras"), x, gradients))


@pytest.mark.parametrize("convention", ["torch", "keras"])
def test_adamax_by_hand(convention):
    """g = 4, 1, 0: m = 2, 1.5, 0.75 and u = 4, 2, 1, the second time ½ · 4 > 1."""
    x, rule = np.zeros(1), Adamax(0.25, 0.5, 0.5, 1e-300, convention=convention)
    for g, expected in ((4.0, -0.25), (1.0, -0.5), (0.0, -0.5 - 0.25 * 0.75 / 0.875)):
        rule.update([x], [np.full(1, g)])
        close(x, expected)
    close(rule.state_dict()["u"][0], 1.0)


def test_no_step_of_adamax_is_longer_than_the_rate_by_more_than_a_hundredth():
    """m̂ ≤ u Σ (1 − β₁) (β₁/β₂)ⁱ, which is (1 − 0.9)/(1 − 0.9/0.999) = 1.0091 u; a lone gradient comes near η."""
    x, gradients = data(np.float64)
    steps = np.abs(np.diff(run(Adamax(0.5), x, gradients), axis=0))
    assert 0.49 < steps.max() <= 0.5 * 1.0092
    path = run(Adam(0.5), [np.zeros(1)], [[np.zeros(1)]] * 3000 + [[np.ones(1)]])
    assert path[-1, 0] < -1.5  # Adam's may be: (1 − β₁)/√(1 − β₂) = 3.16 η for a first gradient after a long rest


# FTRL


def test_ftrl_by_hand():
    """From n = 9, with η = ½ and λ₁ = 1; the second entry stays at exactly 0 until its z is beyond λ₁."""
    x = np.zeros(2)
    rule = Ftrl(0.5, l1=1.0, initial_accumulator=9.0)
    rule.update([x], [np.array([4.0, 1.0])])
    close(x, [-0.3, 0])  # n = 25, z = 4, q = 5/η = 10: x = −(4 − 1)/10; and z = 1
    assert x[1] == 0
    rule.update([x], [np.array([-12.0, math.sqrt(6)])])
    # n = 169, σ = (13 − 5)/η = 16, z = 4 − 12 + 16 · 0.3 = −3.2, q = 26; and n = 16, z = 1 + √6, q = 8
    close(x, [2.2 / 26, -math.sqrt(6) / 8])


@pytest.mark.parametrize("convention", ["keras", "tensorflow"])
def test_ftrl_from_zero_is_the_adagrad_of_tensorflow(convention):
    x, gradients = data(np.float64)
    x = [np.zeros_like(p) for p in x]
    adagrad = run(Adagrad(0.05, convention="tensorflow"), x, gradients)
    path = run(Ftrl(0.05, convention=convention), x, gradients)
    # An error of z, of a few roundings of nᵖ x/η or of g at each step, is one of x when it is divided by q = nᵖ/η.
    assert np.abs(path - adagrad).max() <= bound(adagrad, np.float64, 10)


@pytest.mark.parametrize("power", [-0.5, -0.3, 0.0])
def test_ftrl_is_the_minimum_of_all_that_was_seen(power):
    """The conditions of the minimum in the docstring, with sums over the whole past in place of n and z."""
    rng = np.random.default_rng(18)
    eta, l1, l2, shrinkage, beta, start, p = 0.3, 2.0, 0.4, 0.05, 1.5, 0.2, -power
    rule = Ftrl(eta, l1, l2, shrinkage, beta, power, start)
    x, n = np.zeros(50), np.full(50, start)
    past, zeros = [], 0
    for _ in range(40):
        g = rng.standard_normal(50)
        past.append((g, ((n + g**2) ** p - n**p) / eta, x.copy()))
        n += g**2
        rule.update([x], [g])
        terms = [g + 2 * shrinkage * y for g, _, y in past] + [s * (x - y) for _, s, y in past]
        terms += [2 * l2 * x, (start**p + beta) / eta * x]
        slope = np.sum(terms, axis=0)
        allowed = 100 * np.finfo(float).eps * np.abs(terms).sum(axis=0)  # as many roundings as terms
        assert np.all(np.abs(slope + l1 * np.sign(x))[x != 0] <= allowed[x != 0])
        assert np.all(np.abs(slope)[x == 0] <= l1 + allowed[x == 0])
        zeros += np.sum(x == 0)
    assert 200 < zeros < 1800


def test_what_the_docstring_of_ftrl_warns_of():
    """Another start than 0 is forgotten, and a rate that falls draws to 0."""
    x = np.ones(1)
    Ftrl(1e-6).update([x], [np.full(1, 0.1)])
    assert abs(x[0] - (1 - math.sqrt(0.1 / 0.11))) <= 1e-6  # η g/√n < 1e-6
    x, rule = np.zeros(1), Ftrl(InverseSquareRoot(0.5))
    for _ in range(10_000):
        rule.update([x], [x - 1])
    assert x[0] < 0.9
    x, rule = np.zeros(1), Ftrl(0.5)
    for _ in range(1000):
        rule.update([x], [x - 1])
    assert abs(x[0] - 1) < 1e-6


@pytest.mark.parametrize("schedule", [lambda t: 0.1 if t < 3 else 0.0, Cosine(0.1, steps=2)], ids=["own", "cosine"])
def test_ftrl_refuses_a_rate_of_0(schedule):
    x, rule = np.zeros(1), Ftrl(schedule)
    for _ in range(2):
        rule.update([x], [np.ones(1)])
    before = x.copy()
    with pytest.raises(ValueError, match="rate must be greater than 0 for Ftrl, which divides by it; got 0"):
        rule.update([x], [np.ones(1)])
    assert rule.t == 2
    assert np.array_equal(x, before)


@pytest.mark.parametrize("project", [Box(-0.1, 0.3), Box(0.1, 0.2), L2Ball(0.4), L1Ball(0.4)], ids=repr)
def test_projected_ftrl_is_the_minimum_over_the_set(project):
    """No point of the set has a lower z x + ½ q x² + λ₁ |x|, far or near."""
    rng = np.random.default_rng(19)
    rule, x = Ftrl(0.5, l1=0.5, beta=1.0, project=project), project(np.zeros(5))
    scale = np.array([1.0, 0.3, 3.0, 1.0, 0.1])
    met = 0
    for _ in range(20):
        rule.update([x], [scale * (rng.standard_normal(5) - 1)])
        n, z = (rule.state_dict()[slot][0] for slot in "nz")
        q = (np.sqrt(n) + 1) / 0.5

        def objective(y, z=z, q=q):
            return (z * y + 0.5 * q * y**2 + 0.5 * np.abs(y)).sum(axis=-1)

        free = (np.clip(z, -0.5, 0.5) - z) / q
        met += np.abs(x - free).max() > 0.01
        others = [project(x + 10.0 ** rng.uniform(-6, 0) * rng.standard_normal(5)) for _ in range(300)]
        assert objective(np.array(others)).min() >= objective(x) - 1e-12 * np.abs(z).sum()  # rounding, of q x = z
    assert met > 10


# Adagrad with the full matrix


@pytest.mark.parametrize("dtype", FLOATS)
def test_full_adagrad_follows_its_formula(dtype):
    """With scipy's matrix square root and a linear solver."""
    from scipy.linalg import solve, sqrtm

    rng = np.random.default_rng(12)
    x, gradients = rng.standard_normal((2, 3)), rng.standard_normal((30, 2, 3))
    w = x.astype(dtype)
    G, rule = np.zeros((6, 6)), FullAdagrad(InverseSquareRoot(0.5), epsilon=0.1)
    for t, g in enumerate(gradients, 1):
        rule.update([w], [g.astype(dtype)])
        G += np.outer(g, g)
        root = sqrtm(G + 1e-12 * np.eye(6)).real  # Schur's method divides by sums of eigenvalue roots, 0 at first
        x -= 0.5 / math.sqrt(t) * solve(root + 0.1 * np.eye(6), g.ravel()).reshape(2, 3)
        # √ of an eigenvalue that should be 0 but is of the size eps·‖G‖ makes an error √(eps ‖G‖), which changes the
        # step, of the length |g|/0.1 at most, by √(eps ‖G‖)/0.1 of itself: only in directions g has next to nothing of.
        # The 1e-12 that sqrtm is given does the same.
        allowed = math.sqrt(np.finfo(dtype).eps * np.trace(G)) + 1e-6 * np.sqrt(np.trace(G))
        assert np.abs(w - x).max() <= allowed, t


def test_full_adagrad_turns_with_the_coordinates_and_the_diagonal_one_does_not():
    rng = np.random.default_rng(13)
    n = 5
    rotation, _ = np.linalg.qr(rng.standard_normal((n, n)))
    curvature = np.diag(10.0 ** np.arange(n)) / 1e3
    start = rng.standard_normal(n)

    def apart(make):
        x, y = start.copy(), rotation @ start
        a, b = make(), make()
        for _ in range(50):
            a.update([x], [curvature @ x])
            b.update([y], [rotation @ curvature @ rotation.T @ y])
        return np.abs(rotation @ x - y).max()

    # Between 1e-6 and 1, as eigenvalues of G below eps·‖G‖ are noise, whose roots are not below √eps.
    assert apart(lambda: FullAdagrad(0.3, epsilon=1e-2)) < 1e-6
    assert apart(lambda: Adagrad(0.3, epsilon=1e-2)) > 0.1


def test_full_adagrad_is_the_diagonal_one_along_the_axes():
    """One coordinate at a time G is diagonal."""
    rng = np.random.default_rng(14)
    x = rng.standard_normal(4)
    y = x.copy()
    full, diagonal = FullAdagrad(0.1, epsilon=1e-6), Adagrad(0.1, epsilon=1e-6)
    for t in range(40):
        g = np.zeros(4)
        g[t % 4] = rng.standard_normal()
        full.update([x], [g])
        diagonal.update([y], [g])
    # The eigenvectors are the axes; a few roundings a step, relative to steps of 0.1 and x.
    assert np.abs(x - y).max() <= 40 * 32 * np.finfo(float).eps * np.abs(y).max()


def test_full_adagrad_knows_its_limits():
    with pytest.raises(ValueError, match="at most 4096 entries, for it keeps n² numbers; got 4097"):
        FullAdagrad(0.1).update([np.ones(4097)], [np.ones(4097)])
    with pytest.raises(ValueError, match="epsilon must be greater than 0"):
        FullAdagrad(0.1, epsilon=0)
    for project in (Box(0, 1), L1Ball(1), Simplex(), lambda x: x):
        with pytest.raises(TypeError, match="project must be an L2Ball for FullAdagrad"):
            FullAdagrad(0.1, project=project)


# Projected steps


def test_projected_gradient_descent():
    x, g = np.array([0.9, -0.2, 0.5]), np.array([-2.0, 3.0, 0.1])
    w = x.copy()
    GradientDescent(0.1, project=Box(0, 1)).update([w], [g])
    assert np.array_equal(w, np.clip(x - 0.1 * g, 0, 1))
    w = x.copy()
    GradientDescent(0.1, project=lambda y: y / np.linalg.norm(y)).update([w], [g])  # a function of one's own
    assert np.array_equal(w, (x - 0.1 * g) / np.linalg.norm(x - 0.1 * g))


@pytest.mark.parametrize("project", [Box(0, 0.5), L2Ball(0.5), L1Ball(0.5), Simplex()], ids=repr)
@pytest.mark.parametrize(
    "make",
    [
        GradientDescent,
        lambda rate, **k: Momentum(rate, 0.5, **k),
        Adagrad,
        lambda rate, **k: Adagrad(rate, convention="keras", **k),
        RMSProp,
        lambda rate, **k: RMSProp(rate, convention="tensorflow", **k),
        lambda rate, **k: RMSProp(rate, momentum=0.5, **k),
        Adam,
        lambda rate, **k: AdamW(rate, weight_decay=0, **k),
        Nadam,
        Adamax,
        lambda rate, **k: Adamax(rate, convention="keras", **k),
        lambda rate, **k: Adadelta(lambda t: 20 * rate(t), **k),  # from 1, the paper's
        lambda rate, **k: Ftrl(1.0, l2=0.3, beta=1.0, **k),  # whose rate must stay as it is
    ],
)
def test_projected_rules_find_the_constrained_minimum(make, project):
    """½ Σ aᵢ (xᵢ − cᵢ)² over the set: its minimum is the projection of c with the weights a.

    Only the projection in the rule's own norm stays there: at the minimum, a step must be undone exactly.
    """
    a, c = np.array([0.5, 1.0, 3.0, 2.0, 1.0, 4.0]), np.array([0.5, 0.4, 0.3, -0.8, 0.1, 0.25])
    minimum = project(c, a)
    x = project(np.zeros(6))
    rule = make(lambda t: 0.05 if t < 2000 else 0.05 * 0.99 ** (t - 2000), project=project)
    for _ in range(4000):
        rule.update([x], [a * (x - c)])
    # The rate falls to 0.05 · 0.99²⁰⁰⁰ = 1e-10, and whatever circles the minimum does so in proportion to it. Adagrad's
    # is divided by √Σ g² on top, so that it is slowest: the worst here is 8e-7, and 7e-7 for Ftrl, which is Adagrad but
    # for its start; all the others are below 1e-13.
    assert np.abs(x - minimum).max() < 1e-5


def test_the_euclidean_projection_would_miss_adagrads_minimum():
    """What the weights are for: with them the minimum stays where it is, without them it does not."""
    a, c = np.array([1.0, 100.0]), np.array([1.0, 1.0])
    ball = L2Ball(1.0)
    minimum = ball(c, a)
    with_metric, without = minimum.copy(), minimum.copy()
    rule, plain = Adagrad(0.1, project=ball), Adagrad(0.1)
    for _ in range(20):
        rule.update([with_metric], [a * (with_metric - c)])
        plain.update([without], [a * (without - c)])
        without[...] = ball(without)
    # At the minimum the step goes along s⁻¹ a (c − x) with a multiple λ x of x: in the norm of s the projection takes
    # back just that. Rounding only: 20 steps of a few roundings, magnified by the ratio of weights.
    assert np.abs(with_metric - minimum).max() <= 20 * 100 * 64 * np.finfo(float).eps
    assert np.abs(without - minimum).max() > 0.01


def test_full_adagrad_projects_in_the_norm_of_its_matrix():
    """The conditions of the nearest point: on the sphere, with A(z − y) = λ y, λ ≥ 0, for A = G^{1/2} + ε I."""
    rng = np.random.default_rng(16)
    x = 0.5 * rng.standard_normal(4)
    free, gradients = FullAdagrad(0.5, epsilon=0.01), rng.standard_normal((6, 4))
    rule = FullAdagrad(0.5, epsilon=0.01, project=L2Ball(0.7))
    met = 0
    for g in gradients:
        z = x.copy()
        free.load_state_dict(rule.state_dict() if rule.t else {"rule": "FullAdagrad", "t": 0, "G": [np.zeros((4, 4))]})
        free.update([z], [g])
        rule.update([x], [g])
        if np.linalg.norm(z) <= 0.7:
            assert np.abs(x - z).max() <= 1e-12
            continue
        met += 1
        eigenvalues, Q = np.linalg.eigh(rule.state_dict()["G"][0])
        A = Q @ np.diag(np.sqrt(np.maximum(eigenvalues, 0)) + 0.01) @ Q.T
        pull = A @ (z - x)
        # √ of eigenvalues that are 0 but for rounding: √(eps ‖G‖) ≈ 1e-7 in A.
        assert abs(np.linalg.norm(x) - 0.7) <= 1e-12
        assert pull @ x > 0
        assert np.linalg.norm(pull - (pull @ x) / 0.49 * x) <= 1e-6 * np.linalg.norm(pull)
    assert met >= 3


def test_what_projections_must_be():
    with pytest.raises(TypeError, match=r"project must be a projection, as dlkit\.optim\.Box"):
        GradientDescent(0.1, project=3)
    for make in (Adagrad, RMSProp, Adam, AdamW, Nadam, Adamax, Adadelta, Ftrl):
        with pytest.raises(TypeError, match=f"project must be a .*Projection, as {make.__name__} projects in its own"):
            make(0.1, project=lambda x: x)
    with pytest.raises(ValueError, match=r"project must keep the shape \(3,\); it returned \(2,\)"):
        GradientDescent(0.1, project=lambda x: x[:2]).update([np.ones(3)], [np.ones(3)])


# Arrays


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_blocks_change_nothing(rule, library, monkeypatch):
    """In blocks of 8 numbers, with a remainder, to the last bit: every entry takes the same operations."""
    wrap = (lambda a: a) if library == "numpy" else pytest.importorskip("torch").from_numpy
    for dtype in FLOATS:
        x, gradients = data(dtype, steps=3)
        whole = run(copy.copy(rule), x, gradients, wrap)
        with monkeypatch.context() as patched:
            patched.setattr(_arrays, "NUMPY_BLOCK", 8 * np.dtype(dtype).itemsize)
            patched.setattr(_arrays, "TORCH_BLOCK", 8 * np.dtype(dtype).itemsize)
            blocks = copy.copy(rule)
            path = run(blocks, x, gradients, wrap)
        assert np.abs(path[-1] - path[0]).min() > 0 or rule.t == 0
        # torch vectorises a block's remainder differently, with its own roundings; numpy does not.
        assert np.array_equal(path, whole) if library == "numpy" else np.abs(path - whole).max() <= bound(whole, dtype)


def test_large_parameters_do_come_in_blocks():
    seen = []

    class Looking(UpdateRule):
        elementwise = True

        def step(self, x, g):
            seen.append(x.size)
            x -= self.eta * g

    x, g = np.zeros((300, 500), np.float32), np.ones((300, 500), np.float32)
    Looking(1.0).update([x], [g])
    assert seen == [65536, 65536, 18928]
    assert np.all(x == -1)


@pytest.mark.parametrize("base", [UpdateRule, GradientDescent], ids=lambda base: base.__name__)
def test_a_rule_of_ones_own_sees_large_parameters_whole(base):
    """Unless it says itself that it goes entry by entry; that its base class did is no promise for another step."""

    class Normalised(base):
        def step(self, x, g):
            x -= self.eta * g / np.linalg.norm(g)

    class Heir(Normalised):
        pass

    for make in (Normalised, Heir):
        x, g = np.zeros((300, 500), np.float32), np.ones((300, 500), np.float32)
        make(1.0).update([x], [g])
        assert np.linalg.norm(x) == pytest.approx(1, rel=1e-3)  # in blocks it would be √3


def test_the_shipped_rules_go_by_entries_but_for_the_full_matrix():
    assert [type(rule) for rule in RULES if not rule.elementwise] == [FullAdagrad]


@pytest.mark.parametrize("rule", RULES, ids=repr)
@pytest.mark.parametrize("dtype", FLOATS)
def test_in_place_and_the_gradient_untouched(rule, dtype):
    rule = copy.copy(rule)
    x, gradients = data(dtype, steps=2)
    kept = [g.copy() for step in gradients for g in step]
    arrays = list(x)
    addresses = [p.ctypes.data for p in x]
    for g in gradients:
        for p in g:
            p.flags.writeable = False
        rule.update(x, g)
    assert all(p is q and p.ctypes.data == address for p, q, address in zip(x, arrays, addresses, strict=True))
    assert all(p.dtype == dtype for p in x)
    assert all(np.array_equal(g, k) for g, k in zip((g for step in gradients for g in step), kept, strict=True))
    assert all(a.dtype == dtype for slot in rule.slots for a in rule.state_dict()[slot])


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_layouts(rule, monkeypatch):
    """Fortran order, strides, no axes, no entries: as the same numbers in a plain array."""
    monkeypatch.setattr(_arrays, "NUMPY_BLOCK", 8 * 4)
    rng = np.random.default_rng(17)
    values, gradients = rng.standard_normal((4, 6)), rng.standard_normal((3, 4, 6))

    def result(x):
        r = copy.copy(rule)
        for g in gradients:
            r.update([x], [g[: x.size, 0].reshape(x.shape) if x.ndim < 2 else g])
        return np.array(x)

    expected = result(values.copy())
    spread = np.zeros((8, 12))
    spread[::2, ::2] = values
    # A matrix product may take the entries of another layout in another order.
    close = {"rtol": 1e-9, "atol": 1e-9} if isinstance(rule, FullAdagrad) else {"rtol": 0, "atol": 0}
    np.testing.assert_allclose(result(np.asfortranarray(values)), expected, **close)
    np.testing.assert_allclose(result(spread[::2, ::2]), expected, **close)
    assert np.all(spread[1::2] == 0)
    np.testing.assert_allclose(result(np.array(values[0, 0])), result(values[:1, 0].copy())[0], **close)
    empty = np.zeros((0, 3))
    if not isinstance(rule, FullAdagrad):
        copy.copy(rule).update([empty], [np.zeros((0, 3))])


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_a_gradient_may_be_a_parameter(rule):
    """f = ½‖x‖² has the gradient x, and x·y the gradients y and x: the values before the step count."""
    x, y = np.array([1.0, 2.0]), np.array([-3.0, 0.5])
    expected = [x.copy(), y.copy()]
    copy.copy(rule).update(expected, [y.copy(), x.copy()])
    copied = [x.copy(), y.copy()]
    copy.copy(rule).update(copied, [copied[1], copied[0]])
    assert np.array_equal(copied, expected)
    expected, itself = [x.copy()], [x.copy()]
    copy.copy(rule).update(expected, [x.copy()])
    copy.copy(rule).update(itself, itself)
    assert np.array_equal(itself, expected)


class Lent:
    """As much of dlkit.autograd's Tensor as the rules use."""

    def __init__(self, value, grad=None):
        self.value = value
        self.grad = grad
        self.value.flags.writeable = False
        self.times = 0

    @contextmanager
    def writing(self):
        self.times += 1
        self.value.flags.writeable = True
        yield self.value
        self.value.flags.writeable = False


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_tensors_lend_their_arrays(rule):
    x, gradients = data(np.float64, steps=3)
    expected = run(copy.copy(rule), x, gradients)[-1]
    tensors = [Lent(p.copy()) for p in x]
    rule = copy.copy(rule)
    for g in gradients:
        for tensor, gradient in zip(tensors, g, strict=True):
            tensor.grad = gradient
        rule.update(tensors)
    assert np.array_equal(flat(t.value for t in tensors), expected)
    assert all(t.times == 3 and not t.value.flags.writeable for t in tensors)
    rule.update(tensors, [Lent(g) for g in gradients[0]])  # gradients that are tensors themselves
    assert rule.t == 4


def test_autograds_tensors():
    from dlkit.autograd import Tensor

    x, y = Tensor(np.array([1.0, 2.0])), Tensor(3.0)
    rule = Momentum(0.1, 0.5)
    for _ in range(2):
        x.grad = y.grad = None
        ((x * x).sum() * y).backward()
        rule.update([x, y])
    # x: v = 2xy = (6, 12), x = (0.4, 0.8); y: v = 5, y = 2.5; then v = (3, 6) + 2xy = (5, 10), x = (−0.1, −0.2), and
    # v = 2.5 + 0.8 = 3.3, y = 2.17. Each within a few roundings of numbers below 12.
    assert np.abs(x.value - [-0.1, -0.2]).max() <= 16 * 12 * np.finfo(float).eps
    assert abs(y.value - 2.17) <= 16 * 12 * np.finfo(float).eps


def test_torch_parameters_are_changed_without_a_trace():
    torch = pytest.importorskip("torch")
    w = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    rule = Adam(0.1)
    for _ in range(2):
        w.grad = None
        (w**2).sum().backward()
        rule.update([w])
    assert w.is_leaf
    assert w.requires_grad
    assert torch.all(w < torch.tensor([1.0, 2.0]) - 0.15)
    # Given other memory, as by `module.to` or `p.data = …`, it is that which is changed.
    w.data = torch.tensor([5.0, 5.0])
    rule.update([w], [torch.ones(2)])
    assert torch.all(w < 5)
    # A gradient that has one of its own does not drag a graph along.
    loss = (w**3).sum()
    (g,) = torch.autograd.grad(loss, [w], create_graph=True)
    rule.update([w], [g])
    assert not any(a.requires_grad for a in rule.state_dict()["m"])


@pytest.mark.gpu
def test_on_a_gpu():
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    for rule in RULES:
        for dtype in FLOATS:
            x, gradients = data(dtype, steps=5)
            ours = run(copy.copy(rule), x, gradients)
            theirs = run(
                copy.copy(rule), x, gradients, lambda a: torch.from_numpy(a).to("cuda"), lambda a: a.cpu().numpy()
            )
            tolerance = 1e-2 if isinstance(rule, FullAdagrad) else bound(ours, dtype, 10)
            assert np.abs(ours - theirs).max() <= tolerance


# Missing gradients


def test_a_parameter_without_a_gradient_is_left_alone():
    x, y = np.ones(2), np.ones(3)
    rule = Momentum(0.1, 0.5)
    rule.update([x, y], [np.ones(2), None])
    assert np.array_equal(y, np.ones(3))
    assert rule.state_dict()["v"][1] is None
    rule.update([x, y], [None, np.ones(3)])
    assert rule.t == 2
    assert np.array_equal(rule.state_dict()["v"][0], np.ones(2))
    assert np.array_equal(x, np.full(2, 0.9))
    assert np.array_equal(y, np.full(3, 0.9))


def test_no_gradient_at_all_is_an_error():
    with pytest.raises(ValueError, match="gradients must hold at least one array; got None for every parameter"):
        GradientDescent(0.1).update([np.ones(2)], [None])
    with pytest.raises(
        ValueError, match=r"gradients must be given, as \.grad is None for every parameter; was backward"
    ):
        GradientDescent(0.1).update([Lent(np.ones(2))])
    with pytest.raises(
        TypeError, match=r"gradients must be given, as parameters\[1\] has no \.grad: it is a numpy array"
    ):
        GradientDescent(0.1).update([Lent(np.ones(2), np.ones(2)), np.ones(2)])


# State


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_resuming_goes_on_as_if_nothing_had_happened(rule):
    x, gradients = data(np.float64, steps=6)
    expected = run(copy.copy(rule), x, gradients)[-1]
    first, second = copy.copy(rule), copy.copy(rule)
    for g in gradients[:3]:
        first.update(x, g)
    state, halfway = first.state_dict(), [p.copy() for p in x]
    assert set(state) == {"rule", "t", *rule.slots} | ({"convention"} if hasattr(rule, "convention") else set())
    assert state["t"] == 3
    second.load_state_dict(state)
    assert second.t == 3
    read = pickle.dumps(state)
    first.update(x, gradients[0])
    assert pickle.dumps(state) == read  # the state that was read does not change with the rule it was read from,
    again = second.state_dict()
    for arrays in [state[slot] for slot in rule.slots]:
        for a in arrays:
            a[...] = np.nan  # nor the rule with the state it was given
    for slot in rule.slots:
        for a in second.state_dict()[slot]:
            a[...] = np.nan  # or gave back
    for g in gradients[3:]:
        second.update(halfway, g)
    assert np.array_equal(flat(halfway), expected)
    assert second.state_dict()["t"] == 6
    assert all(
        np.any(a != b) for slot in rule.slots for a, b in zip(second.state_dict()[slot], again[slot], strict=True)
    )


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda r: pickle.loads(pickle.dumps(r))])
def test_copies_start_afresh_with_the_same_settings(duplicate):
    x, y = np.ones(3), np.full((2, 2), 5.0)
    rule = Adam(InverseSquareRoot(0.1), 0.8)
    rule.update([x], [np.ones(3)])
    again = duplicate(rule)
    assert again.t == 0
    assert repr(again) == repr(rule)
    again.update([y], [np.ones((2, 2))])
    assert np.allclose(y, 4.9, rtol=0, atol=1e-7)  # the first step of Adam has the length of the rate, but for ε
    assert (rule.t, again.t) == (1, 1)
    assert rule.state_dict()["m"][0].shape == (3,)


def test_reset():
    x, y = np.ones(3), np.ones(2)
    rule = Momentum(0.1, 0.9)
    rule.update([x], [np.ones(3)])
    rule.reset()
    assert rule.t == 0
    assert rule.state_dict() == {"rule": "Momentum", "convention": "torch", "t": 0, "v": []}
    rule.update([y], [np.ones(2)])
    assert np.array_equal(y, np.full(2, 0.9))


def test_another_problem_without_reset_is_an_error():
    rule = Momentum(0.1, 0.9)
    x, y = np.ones(3), np.ones(3)
    rule.update([x, y], [np.ones(3)] * 2)
    other = r"parameters\[{}\] must be the array of the last update, whose state this is; got another one. reset\(\)"
    with pytest.raises(ValueError, match="parameters must be those of the last update, 2 of them; got 1"):
        rule.update([x], [np.ones(3)])
    with pytest.raises(ValueError, match=other.format(1)):
        rule.update([x, y.copy()], [np.ones(3)] * 2)
    with pytest.raises(ValueError, match=other.format(0)):
        rule.update([y, x], [np.ones(3)] * 2)
    assert rule.t == 1
    assert np.array_equal(x, np.full(3, 0.9))


def test_views_of_the_same_memory_are_the_same_parameter():
    w = np.ones((2, 3))
    rule = Momentum(0.1, 0.5)
    for _ in range(2):
        rule.update([w[0], w[1]], [np.ones(3), np.ones(3)])  # new views each time
    assert np.allclose(w, 1 - 0.1 - 0.15, rtol=0, atol=1e-15)
    with pytest.raises(ValueError, match=r"parameters\[0\] must be the array of the last update"):
        rule.update([w[1], w[0]], [np.ones(3), np.ones(3)])
    square = np.ones((3, 3))
    rule = Momentum(0.1, 0.5)
    rule.update([square], [np.ones((3, 3))])
    with pytest.raises(ValueError, match=r"parameters\[0\] must be the array of the last update"):
        rule.update([square.T], [np.ones((3, 3))])  # the same place, other entries
    torch = pytest.importorskip("torch")
    w = torch.ones(2, 3)
    rule = Momentum(0.1, 0.5)
    for _ in range(2):
        rule.update([w[0], w[1]], [torch.ones(3), torch.ones(3)])
    assert torch.allclose(w, torch.tensor(0.75))


def test_a_parameter_that_changes_its_shape():
    tensor = Lent(np.ones(3))
    rule = Momentum(0.1, 0.5)
    rule.update([tensor], [np.ones(3)])
    tensor.value = np.ones(2)
    with pytest.raises(ValueError, match=r"parameters\[0\] must stay a numpy array of shape \(3,\) .*; got .* \(2,\)"):
        rule.update([tensor], [np.ones(2)])


def test_a_loaded_state_waits_for_its_parameters_first_gradient():
    x, y = np.ones(2), np.ones(3)
    rule = Momentum(0.1, 0.5)
    rule.load_state_dict({"rule": "Momentum", "convention": "torch", "t": 7, "v": [np.full(2, 2.0), np.full(3, 4.0)]})
    rule.update([x, y], [np.ones(2), None])
    state = rule.state_dict()
    assert state["t"] == 8
    assert np.array_equal(state["v"][0], [2, 2])
    assert np.array_equal(state["v"][1], [4, 4, 4])
    rule.update([x, y], [None, np.ones(3)])
    assert np.array_equal(y, np.full(3, 1 - 0.1 * 3.0))


def test_a_refused_first_update_binds_to_nothing():
    rule = Momentum(0.1, 0.5)
    with pytest.raises(ValueError, match=r"gradients\[0\] must have the shape"):
        rule.update([np.ones(2)], [np.ones(3)])
    x = np.ones(4)
    rule.update([x], [np.ones(4)])
    assert rule.t == 1


def test_states_that_do_not_fit():
    rule = Adam()
    mine = {"rule": "Adam", "convention": "torch"}
    with pytest.raises(
        ValueError,
        match=r"the keys \['rule', 'convention', 't', 'm', 'v'\] for Adam; got \['rule', 'convention', 't', 'v'\]$",
    ):
        rule.load_state_dict({**mine, "t": 1, "v": []})
    with pytest.raises(ValueError, match=r"state must have the keys \['rule', .*\] for Adam; got \['t', 'm', 'v'\]$"):
        rule.load_state_dict({"t": 1, "m": [], "v": []})
    with pytest.raises(ValueError, match=r"state must have as many arrays in each slot; got \[1, 0\]"):
        rule.load_state_dict({**mine, "t": 1, "m": [np.ones(2)], "v": []})
    state = {**mine, "t": 1, "m": [np.ones(2)], "v": [np.ones(2)]}
    rule.load_state_dict(state)
    with pytest.raises(ValueError, match="parameters must be 1, as the loaded state has; got 2"):
        rule.update([np.ones(2), np.ones(2)], [np.ones(2)] * 2)
    with pytest.raises(ValueError, match=r"parameters\[0\] needs as its m a numpy array of shape \(3,\)"):
        rule.update([np.ones(3)], [np.ones(3)])
    with pytest.raises(ValueError, match=r"dtype float32; the loaded one is a numpy array of shape .* dtype float64"):
        rule.update([np.ones(2, np.float32)], [np.ones(2, np.float32)])
    x = np.ones(2)
    rule.update([x], [np.ones(2)])
    assert rule.t == 2


def test_a_state_of_another_rule_is_refused():
    """The v of RMSProp is an average of squares, that of Momentum a velocity."""
    mine, x = Momentum(0.1, 0.9), np.ones(2)
    mine.update([x], [np.ones(2)])
    rule = RMSProp()
    with pytest.raises(ValueError, match="state must be one of RMSProp; got one of Momentum"):
        rule.load_state_dict(mine.state_dict())
    assert rule.state_dict() == {"rule": "RMSProp", "convention": "torch", "t": 0, "v": []}


def test_a_state_of_another_convention_is_refused():
    """The v of a Keras momentum is −η times torch's."""
    theirs, x = Momentum(0.1, 0.9, convention="keras"), np.ones(2)
    theirs.update([x], [np.ones(2)])
    rule, w = Momentum(0.1, 0.9), np.ones(2)
    rule.update([w], [np.ones(2)])
    with pytest.raises(
        ValueError, match="state must be one of Momentum in the convention of torch; got one in that of keras, whose"
    ):
        rule.load_state_dict(theirs.state_dict())
    assert rule.t == 1
    assert np.array_equal(rule.state_dict()["v"][0], np.ones(2))


def test_a_state_that_does_not_tell_its_convention_is_refused_until_it_does():
    """As those that older versions saved."""
    rule = Momentum(0.1, 0.9, convention="keras")
    state = {"rule": "Momentum", "t": 1, "v": [np.ones(2)]}
    with pytest.raises(
        ValueError,
        match=r"got \['rule', 't', 'v'\]; if it is one of keras, add state\['convention'\] = 'keras'$",
    ):
        rule.load_state_dict(state)
    state["convention"] = "keras"
    rule.load_state_dict(state)
    assert rule.t == 1


def test_the_state_of_a_rule_without_a_convention():
    rule = FullAdagrad(0.1)
    assert rule.state_dict() == {"rule": "FullAdagrad", "t": 0, "G": []}
    with pytest.raises(ValueError, match=r"the keys \['rule', 't', 'G'\] for FullAdagrad; got \['rule', .*\]$"):
        rule.load_state_dict({"rule": "FullAdagrad", "convention": "torch", "t": 0, "G": []})


# Refusals


def one(x, g):
    GradientDescent(0.1).update([np.ones(1), x], [np.ones(1), g])


READ_ONLY = np.ones(2)
READ_ONLY.flags.writeable = False

REFUSED = [
    (
        lambda: GradientDescent(0.1).update(np.ones(2), [np.ones(2)]),
        TypeError,
        r"parameters must be a list .* write \[w\]",
    ),
    (
        lambda: GradientDescent(0.1).update([np.ones(2)], np.ones(2)),
        TypeError,
        "gradients must be a list of arrays; got a",
    ),
    (
        lambda: GradientDescent(0.1).update({"w": np.ones(2)}, []),
        TypeError,
        "parameters must be a list of arrays; got dict",
    ),
    (
        lambda: GradientDescent(0.1).update([], []),
        ValueError,
        "parameters must hold at least one array; got an empty list",
    ),
    (
        lambda: GradientDescent(0.1).update([np.ones(2)] * 3, [np.ones(2)] * 2),
        ValueError,
        "gradients must hold one array per parameter, 3; got 2",
    ),
    (
        lambda: GradientDescent(0.1).update([READ_ONLY, np.ones(1), READ_ONLY], [None, np.ones(1), None]),
        ValueError,
        r"parameters must differ; \[0\] and \[2\] are the same array",
    ),
    (lambda: one(3.0, 1.0), TypeError, r"parameters\[1\] must be .* got a float; np.array\(x\) makes an array"),
    (
        lambda: one(np.float64(3.0), np.float64(1.0)),
        TypeError,
        r"parameters\[1\] must be a numpy array, .* got a float64",
    ),
    (lambda: one([1.0, 2.0], np.ones(2)), TypeError, r"parameters\[1\] must be .* got a list; np.array\(x\)"),
    (
        lambda: one(np.ones(2, int), np.ones(2)),
        TypeError,
        r"parameters\[1\] must be of dtype float32 or float64; got int64",
    ),
    (lambda: one(np.ones(2, np.float16), np.ones(2)), TypeError, r"parameters\[1\] must be of dtype .* got float16"),
    (lambda: one(np.ma.ones(2), np.ones(2)), TypeError, r"parameters\[1\] must be a plain array; got a masked array"),
    (lambda: one(READ_ONLY, np.ones(2)), ValueError, r"parameters\[1\] must be writeable; got a read-only array"),
    (lambda: one(np.ones(2), np.ones(3)), ValueError, r"gradients\[1\] must have the shape .* \(2,\); got \(3,\)$"),
    (
        lambda: one(np.ones(2), np.ones((2, 1))),
        ValueError,
        r"gradients\[1\] must have .*\(2,\); got \(2, 1\) \(as many numbers: reshape it\)",
    ),
    (
        lambda: one(np.ones(2, np.float32), np.ones(2)),
        TypeError,
        r"gradients\[1\] must have the dtype of its parameter, float32; got float64",
    ),
    (
        lambda: one(np.ones(2), [1.0, 1.0]),
        TypeError,
        r"gradients\[1\] must be a numpy array, as .* or None; got a list",
    ),
    (lambda: Adam(convention="jax"), ValueError, "convention must be one of .*keras.*tensorflow.*torch.*; got 'jax'"),
    (lambda: Adam(beta1=1.0), ValueError, r"beta1 must be in \[0, 1\); got 1.0"),
    (lambda: Adam(beta2=-0.1), ValueError, r"beta2 must be in \[0, 1\); got -0.1"),
    (lambda: Adam(epsilon=0), ValueError, "epsilon must be finite and > 0; got 0"),
    (lambda: RMSProp(rho=math.nan), ValueError, r"rho must be in \[0, 1\); got nan"),
    (lambda: RMSProp(momentum=1.0), ValueError, r"momentum must be in \[0, 1\); got 1.0"),
    (lambda: Momentum(0.1, "0.9"), TypeError, "momentum must be a number; got '0.9'"),
    (lambda: AdamW(weight_decay=-1), ValueError, "weight_decay must be finite and >= 0; got -1"),
    (lambda: Adagrad(epsilon=0), ValueError, "epsilon and initial_accumulator must not both be 0"),
    (lambda: Adagrad(0.1, 1e-7, convention="tensorflow"), ValueError, "epsilon must be 0 for tensorflow"),
    (lambda: Adadelta(rho=1), ValueError, r"rho must be in \[0, 1\); got 1"),
    (lambda: Adadelta(epsilon=0.0), ValueError, "epsilon must be finite and > 0; got 0.0"),
    (lambda: Nadam(beta1=1), ValueError, r"beta1 must be in \[0, 1\); got 1$"),
    (lambda: Nadam(momentum_decay=-0.1), ValueError, "momentum_decay must be finite and >= 0; got -0.1"),
    (lambda: Nadam(convention="tensorflow"), ValueError, r"convention must be one of \['keras', 'torch'\]; got 'tens"),
    (lambda: Adamax(beta2=math.inf), ValueError, r"beta2 must be in \[0, 1\); got inf"),
    (lambda: Adamax(epsilon=-1), ValueError, "epsilon must be finite and > 0; got -1"),
    (lambda: Adamax(convention="tensorflow"), ValueError, r"one of \['keras', 'torch'\]; got 'tensorflow'"),
    (lambda: Ftrl(0.1, convention="torch"), ValueError, r"one of \['keras', 'tensorflow'\]; got 'torch'"),
    (lambda: Ftrl(0.1, -1), ValueError, "l1 must be finite and >= 0; got -1"),
    (lambda: Ftrl(0.1, l2="a"), TypeError, "l2 must be a number; got 'a'"),
    (lambda: Ftrl(0.1, l2_shrinkage=math.nan), ValueError, "l2_shrinkage must be finite and >= 0; got nan"),
    (lambda: Ftrl(0.1, beta=-1), ValueError, "beta must be finite and >= 0; got -1"),
    (lambda: Ftrl(0.1, rate_power=0.5), ValueError, "rate_power must be finite and <= 0; got 0.5"),
    (lambda: Ftrl(0.1, initial_accumulator=-1), ValueError, "initial_accumulator must be finite and >= 0; got -1"),
    (lambda: Ftrl(0.1, initial_accumulator=0), ValueError, "initial_accumulator, beta and l2 must not all be 0"),
    (lambda: Ftrl(0.1, 0.2, project=Simplex()), ValueError, "l1 must be 0 on a Simplex, .* the same .*; got 0.2"),
    (lambda: GradientDescent("fast"), TypeError, "rate must be a number or a function of the step"),
    (lambda: UpdateRule(0.1).update([np.ones(1)], [np.ones(1)]), NotImplementedError, "UpdateRule must define step"),
]


@pytest.mark.parametrize(("make", "error", "message"), REFUSED, ids=[message for _, _, message in REFUSED])
def test_what_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


MISMADE = [
    ({"slots": "velocity"}, r"Own.slots must be a tuple of different names, as \('v',\), .*; got 'velocity'"),
    ({"slots": ["v"]}, r"Own.slots must be a tuple of different names.*; got \['v'\]"),
    ({"slots": ("v", "v")}, r"Own.slots must be a tuple of different names.*; got \('v', 'v'\)"),
    ({"slots": ("t",)}, r"Own.slots must be .*none of them 'rule', 'convention' or 't'; got \('t',\)"),
    ({"slots": ("convention",)}, r"Own.slots must be .*'convention' or 't'; got \('convention',\)"),
    (
        {"slots": ("v",), "step": lambda self, x, g: None},
        r"Own.step must take \(self, x, g, v\), with an array for each slot; got \(self, x, g\)",
    ),
    (
        {"slots": ("m", "v"), "step": lambda self, x, g, v, m: None},
        r"Own.step must take \(self, x, g, m, v\), .*; got \(self, x, g, v, m\)",
    ),
    (
        {"slots": ("v",), "step": lambda self, x, g, v, *, more: None},
        r"Own.step must take \(self, x, g, v\), .*; got \(self, x, g, v, \*, more\)",
    ),
    (
        {"slots": ("v",), "metric": lambda self: None},
        r"Own.metric must take \(self, v\), .*; got \(self\)",
    ),
]


@pytest.mark.parametrize(("members", "message"), MISMADE, ids=[message for _, message in MISMADE])
def test_a_class_that_cannot_work_is_refused_where_it_is_defined(members, message):
    with pytest.raises(TypeError, match=message):
        type("Own", (UpdateRule,), members)


def test_steps_may_name_the_state_as_they_like_or_take_it_together():
    def step(self, x, g, mean, *rest, more=1):
        mean += g
        rest[0][...] = more
        x -= mean * rest[0]

    own = type("Own", (UpdateRule,), {"slots": ("m", "v"), "step": step})
    w = np.array([3.0])
    own(0.1).update([w], [np.array([2.0])])
    assert w == 1


def test_a_rule_that_forgets_its_base_class():
    class Forgetful(UpdateRule):
        def __init__(self, beta):
            self.beta = beta

    rule, message = Forgetful(0.9), r"Forgetful.__init__ must call super\(\).__init__\(rate\)"
    for use in (lambda: rule.update([np.ones(1)], [np.ones(1)]), rule.state_dict, lambda: repr(rule)):
        with pytest.raises(AttributeError, match=message):
            use()
    with pytest.raises(AttributeError, match="'Forgetful' object has no attribute 'gamma'"):
        rule.gamma  # noqa: B018


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_a_step_before_any_update(rule):
    again = pickle.loads(pickle.dumps(rule))
    with pytest.raises(AttributeError, match=f"{type(rule).__name__} has no eta yet: .* call update, which calls step"):
        again.step(np.ones(1), np.ones(1), *(np.ones((1, 1)) for _ in rule.slots))


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_a_refused_update_changes_nothing(rule):
    rule = copy.copy(rule)
    x, y = np.ones(2), np.ones(3)
    rule.update([x, y], [np.ones(2), np.ones(3)])
    before, state = (x.copy(), y.copy()), pickle.dumps(rule.state_dict())
    with pytest.raises(ValueError, match=r"gradients\[1\] must have the shape"):
        rule.update([x, y], [np.ones(2), np.ones(2)])
    y.flags.writeable = False
    with pytest.raises(ValueError, match=r"parameters\[1\] must be writeable"):
        rule.update([x, y], [np.ones(2), np.ones(3)])
    assert np.array_equal(x, before[0])
    assert np.array_equal(y, before[1])
    assert pickle.dumps(rule.state_dict()) == state


def test_mixed_libraries_are_refused():
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=r"gradients\[1\] must be a numpy array, .* got a torch tensor"):
        one(np.ones(2), torch.ones(2, dtype=torch.float64))
    with pytest.raises(TypeError, match=r"gradients\[1\] must be a torch tensor, .* got a numpy array"):
        one(torch.ones(2, dtype=torch.float64), np.ones(2))
    with pytest.raises(TypeError, match=r"parameters\[1\] must be of dtype float32 or float64; got torch.int64"):
        one(torch.ones(2, dtype=torch.int64), torch.ones(2))
    with pytest.raises(TypeError, match=r"gradients\[1\] must have the dtype .* torch.float64; got torch.float32"):
        one(torch.ones(2, dtype=torch.float64), torch.ones(2))
    with pytest.raises(TypeError, match=r"gradients\[1\] must be where its parameter is, cpu \(.*; got meta"):
        one(torch.ones(2), torch.ones(2, device="meta"))


# The house


def test_rules_print_their_settings():
    assert repr(GradientDescent(0.1)) == "GradientDescent(rate=0.1, convention='torch')"
    assert repr(FullAdagrad(0.1, project=L2Ball(1))) == "FullAdagrad(rate=0.1, epsilon=1e-08, project=L2Ball(radius=1))"
    rule = Momentum(InverseSquareRoot(0.1), 0.9)
    rule.update([np.ones(2)], [np.ones(2)])
    assert repr(rule) == (
        "Momentum(rate=InverseSquareRoot(rate=0.1, delay=1), momentum=0.9, nesterov=False, convention='torch')"
    )


@pytest.mark.parametrize("module", [optim, update])
def test_the_examples_in_the_docstrings(module):
    failed, tried = doctest.testmod(module)
    assert tried
    assert not failed


def test_importing_loads_numpy_only():
    code = (
        "import sys, dlkit.optim\n"
        "print({'torch', 'scipy', 'sklearn', 'matplotlib', 'array_api_compat', 'dlkit.autograd'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("convention", ["torch", "keras", "tensorflow"])
@pytest.mark.parametrize("rule", [Adam, AdamW, RMSProp])
def test_the_fused_step_of_torch_is_the_rule(rule, convention, dtype):
    torch = pytest.importorskip("torch")
    dtype = getattr(torch, dtype)
    rng = np.random.default_rng(3)
    shapes = [(7, 5), (5,), (300, 400)]
    settings = {"rate": 1e-2, "convention": convention} | ({"weight_decay": 0.02} if rule is AdamW else {})
    together, each = rule(**settings), rule(**settings)
    each.step_all = lambda *arguments: False
    used = []
    step_all = together.step_all
    together.step_all = lambda *arguments: used.append(step_all(*arguments)) or used[-1]
    first = [torch.from_numpy(rng.normal(size=shape)).to(dtype) for shape in shapes]
    second = [p.clone() for p in first]
    for _ in range(50):
        # gradients around ε and far above it, where the conventions differ
        gradients = [torch.from_numpy(rng.normal(size=p.shape) * 10.0 ** rng.integers(-9, 2)).to(dtype) for p in first]
        gradients[0] = gradients[0].T.contiguous().T  # the same numbers, column by column
        gradients[1] = gradients[1][:1].expand(5)  # one number, five times, as the gradient of a sum is
        together.update(first, gradients)
        each.update(second, gradients)
    there = {AdamW: convention != "tensorflow", RMSProp: convention == "torch"}.get(rule, True)
    assert used == [there] * 50
    for p, q in zip(first, second, strict=True):
        # 50 steps of size at most 1e-2·a few, each some 10 roundings: 500 eps of a number of size 1
        assert float((p - q).abs().max()) < 500 * torch.finfo(dtype).eps


def test_a_parameter_that_is_no_single_piece_of_memory_is_stepped_by_the_rule():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(4)
    values, gradient = rng.normal(size=(7, 5)), torch.from_numpy(rng.normal(size=(5, 7)))
    whole, turned = torch.from_numpy(values.T.copy()), torch.from_numpy(values.copy()).T
    Adam(0.1).update([whole], [gradient])
    Adam(0.1).update([turned], [gradient])
    # one step: a dozen roundings of numbers below 4
    np.testing.assert_allclose(turned.numpy(), whole.numpy(), rtol=0, atol=50 * np.finfo(float).eps)


@pytest.mark.parametrize("settings", [{"momentum": 0.9}, {"centered": True}])
def test_a_rule_with_more_to_keep_than_the_fused_step_has_is_stepped_by_its_formula(settings):
    torch = pytest.importorskip("torch")
    x, gradients = data(np.float32, steps=20)
    ours, tensors = (run(RMSProp(0.01, **settings), x, gradients, wrap) for wrap in (np.array, torch.from_numpy))
    assert np.abs(ours - tensors).max() <= bound(ours, np.float32, 10)
    assert np.abs(ours - run(RMSProp(0.01), x, gradients)).max() > 1e-3


@pytest.mark.parametrize("rule", [Adam, AdamW, RMSProp])
def test_a_rule_made_from_another_is_stepped_by_its_own_formula(rule):
    torch = pytest.importorskip("torch")

    class Own(rule):
        def step(self, x, g, *state):
            x -= 1.0

    class Further(Own):
        pass

    for make in (Own, Further):
        x = torch.ones(3)
        make().update([x], [torch.ones(3)])
        assert torch.all(x == 0)
