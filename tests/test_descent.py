"""Gradient and sub-gradient descent: known paths and rates, the record, and what stops them."""

import subprocess
import sys

import numpy as np
import pytest
from scipy.optimize import minimize

from dlkit import autograd as ag
from dlkit.descent import History, NonFiniteError, _progress, gradient_descent, subgradient_descent
from dlkit.optim import GradientDescent, Momentum

EPS = np.finfo(np.float64).eps


def quadratic(seed=0, d=4):
    """½ xᵀAx − bᵀx with eigenvalues 1 … 10 of A: f, its gradient, A and the minimum."""
    rng = np.random.default_rng(seed)
    Q = np.linalg.qr(rng.standard_normal((d, d)))[0]
    A = Q * np.linspace(1, 10, d) @ Q.T
    b = rng.standard_normal(d)
    return lambda x: x @ A @ x / 2 - b @ x, lambda x: A @ x - b, A, np.linalg.solve(A, b)


def absolute(seed=1, m=12, d=3):
    """The mean of |aᵢᵀ(x − x*)|, with minimum 0 at x*: f, a sub-gradient, x* and a bound G on the sub-gradients."""
    rng = np.random.default_rng(seed)
    A, best = rng.standard_normal((m, d)), rng.standard_normal(d)
    G = np.linalg.norm(A, axis=1).mean()
    return lambda x: np.abs(A @ (x - best)).mean(), lambda x: np.sign(A @ (x - best)) @ A / m, best, G


# Where it goes


def test_path_on_a_quadratic_is_the_known_one():
    """x⁽ᵏ⁾ − x* = (I − ηA)ᵏ (x⁽⁰⁾ − x*)."""
    f, gradient, A, best = quadratic()
    start, rate = np.array([3.0, -2.0, 1.0, 5.0]), 0.15
    history = gradient_descent(f, start, rate, steps=40, gradient=gradient, iterates=True)
    expected = [best + np.linalg.matrix_power(np.eye(4) - rate * A, k) @ (start - best) for k in range(41)]
    # 40 steps of some 20 roundings, in numbers of size 10
    np.testing.assert_allclose(history.iterates, expected, rtol=0, atol=40 * 20 * 10 * EPS)
    np.testing.assert_array_equal(history.values, [f(x) for x in history.iterates])
    np.testing.assert_array_equal(history.x, history.iterates[-1])
    np.testing.assert_array_equal(history.steps, np.arange(41))
    np.testing.assert_array_equal(history.gradients, np.arange(41))
    np.testing.assert_array_equal(history.epochs, np.arange(41.0))
    assert (np.diff(history.seconds) > 0).all()
    assert history.reason == "made all 40 steps"
    assert (np.diff(history.values) < 0).all()  # η < 2/L = 0.2: every step descends


def test_agrees_with_scipy_on_a_logistic_loss():
    rng = np.random.default_rng(2)
    X, y = rng.standard_normal((60, 3)), rng.choice([-1.0, 1.0], 60)

    def f(w):
        return ag.softplus(-y * (X @ w)).mean() + 0.05 * (w * w).sum()

    history = gradient_descent(f, np.zeros(3), Momentum(0.3, momentum=0.8), steps=2000, tol=1e-9)
    reference = minimize(f, np.zeros(3), method="BFGS", options={"gtol": 1e-9})
    assert "within tol" in history.reason
    # f is 0.1-strongly convex: a gradient of 1e-9 is within 1e-8 of the minimum; BFGS stops at much the same
    np.testing.assert_allclose(history.x, reference.x, rtol=0, atol=1e-7)
    assert history.values[-1] <= reference.fun + 1e-14


def test_autograd_and_a_given_gradient_walk_the_same_path():
    f, gradient, *_ = quadratic()
    given = gradient_descent(f, np.ones(4), 0.1, steps=30, gradient=gradient)
    derived = gradient_descent(f, np.ones(4), 0.1, steps=30)
    np.testing.assert_allclose(derived.x, given.x, rtol=1e-13)
    np.testing.assert_allclose(derived.values, given.values, rtol=1e-13)


def test_several_parameters():
    def f(w, b):
        return ((w - 2.0) ** 2).sum() + (b + 1.0) ** 2

    w, b = np.zeros((2, 3)), np.array(0.0)
    for gradient in (None, lambda w, b: (2 * (w - 2), 2 * (b + 1))):
        history = gradient_descent(f, [w, b], 0.4, steps=60, gradient=gradient, iterates=True)
        np.testing.assert_allclose(history.x[0], np.full((2, 3), 2.0))
        np.testing.assert_allclose(history.x[1], -1.0)
        assert len(history.iterates) == 61
        assert [part.shape for part in history.iterates[0]] == [(2, 3), ()]
        assert isinstance(history.best_x, list)
    assert (w == 0).all()
    assert b == 0


def test_any_rule_makes_the_step():
    f, gradient, *_ = quadratic()
    x, v = np.ones(4), np.zeros(4)
    for _ in range(25):
        v = 0.9 * v + gradient(x)
        x = x - 0.02 * v
    history = gradient_descent(f, np.ones(4), Momentum(0.02, momentum=0.9), steps=25, gradient=gradient)
    np.testing.assert_allclose(history.x, x, rtol=1e-12)


def test_a_schedule_stands_for_the_plain_step():
    f, gradient, *_ = quadratic()
    x = np.ones(4)
    for t in range(1, 21):
        x = x - 0.2 / t * gradient(x)
    history = gradient_descent(f, np.ones(4), lambda t: 0.2 / t, steps=20, gradient=gradient)
    np.testing.assert_allclose(history.x, x, rtol=1e-12)


def test_what_is_given_stays_as_it_is():
    f, gradient, *_ = quadratic()
    start, rule = np.ones(4), Momentum(0.02, momentum=0.9)
    for descend in (gradient_descent, subgradient_descent):
        runs = [descend(f, start, rule, steps=10, gradient=gradient) for _ in range(2)]
        np.testing.assert_array_equal(runs[0].values, runs[1].values)  # the rule is as fresh as at first
    np.testing.assert_array_equal(start, np.ones(4))


def test_a_gradient_that_is_the_point_itself():
    """½‖x‖² has the gradient x: a rule that steps twice along it must not see it change in between."""

    class Twice:
        def update(self, parameters, gradients):
            for _ in range(2):
                parameters[0] -= 0.25 * gradients[0]

    history = gradient_descent(lambda x: (x * x).sum() / 2, np.ones(3), Twice(), steps=5, gradient=lambda x: x)
    np.testing.assert_allclose(history.x, 0.5**5)


@pytest.mark.parametrize("start", [3.0, 3, np.float32(3), [3.0, -1.0], [[1, 2], [3, 4]], np.arange(3)])
def test_whatever_becomes_an_array(start):
    history = gradient_descent(lambda x: (x * x).sum(), start, 0.25, steps=3, gradient=lambda x: 2 * x)
    x = np.asarray(start)
    assert history.x.dtype == (x.dtype if x.dtype.kind == "f" else np.float64)
    np.testing.assert_allclose(history.x, x / 8.0)


def test_torch_tensors():
    torch = pytest.importorskip("torch")
    start = torch.tensor([3.0, -1.0], requires_grad=True)
    history = gradient_descent(
        lambda x: ((x - 1) ** 2).sum(), start, 0.25, steps=30, gradient=lambda x: 2 * (x - 1), iterates=True
    )
    assert isinstance(history.x, torch.Tensor)
    torch.testing.assert_close(history.x, torch.ones(2))
    torch.testing.assert_close(history.iterates[0], torch.tensor([3.0, -1.0]))
    subgradient_descent(lambda x: x.abs().sum(), start.detach(), 0.25, steps=3, gradient=torch.sign)
    assert start.tolist() == [3.0, -1.0]
    with pytest.raises(NonFiniteError, match=r"parameter x at index \(1,\)"):
        gradient_descent(lambda x: x.sum(), start, 0.1, steps=3, gradient=lambda x: x / torch.tensor([1.0, 0.0]))


# Kinks


@pytest.mark.parametrize(
    "schedule",
    [lambda t: 0.1, lambda t: 0.5 / t, lambda t: 0.5 / t**0.5],
    ids=["constant", "1/k", "1/sqrt(k)"],
)
def test_best_value_is_within_the_bound_of_theory(schedule):
    f, g, best, G = absolute()
    history = subgradient_descent(f, best + 2.0, schedule, steps=400, gradient=g)
    rates = np.array([schedule(t) for t in range(1, 401)])
    R2 = 3 * 2.0**2
    bound = (R2 + G**2 * np.cumsum(rates**2)) / (2 * np.cumsum(rates))
    running = np.minimum.accumulate(history.values)
    assert (running[:-1] <= bound).all()
    assert running[-1] == history.best_value == f(history.best_x) == history.values[history.best_step]


def test_a_constant_rate_stalls_at_a_distance_in_proportion_to_it():
    """On |x| a step of η overshoots 0 by a part of η, for ever; η/√k gets below any distance."""
    f, g = np.abs, np.sign
    floors = []
    for rate in (0.3, 0.03, 0.003):
        history = subgradient_descent(f, 1.0 + rate / 3, rate, steps=3000, gradient=g)
        assert history.best_value <= rate / 2 * (1 + 1e-9)  # G²η/2 with G = 1
        floors.append(history.values[-1000:].max())
    np.testing.assert_allclose(np.divide(floors[:-1], floors[1:]), 10, rtol=1e-6)
    falling = subgradient_descent(f, 1.1, lambda t: 0.3 / t**0.5, steps=3000, gradient=g)
    assert falling.values[-1000:].max() <= 0.3 / 2000**0.5


def test_the_best_iterate_is_kept_when_steps_ascend():
    f, g, best, _ = absolute()
    history = subgradient_descent(f, best + 0.01, 1.0, steps=50, gradient=g, every=50)
    assert history.best_step == 0
    assert history.best_value < history.values[-1] / 10
    np.testing.assert_array_equal(history.best_x, best + 0.01)
    # and when it is between two records
    walk = subgradient_descent(f, best + 2, 0.3, steps=100, gradient=g)
    rare = subgradient_descent(f, best + 2, 0.3, steps=100, gradient=g, every=99)
    assert rare.best_step == walk.best_step == walk.values.argmin()
    np.testing.assert_array_equal(rare.best_x, walk.best_x)


@pytest.mark.parametrize("average_from", [0, 7])
def test_the_mean_of_the_iterates(average_from):
    f, g, best, _ = absolute()
    history = subgradient_descent(f, best + 2, 0.5, steps=30, gradient=g, iterates=True, average_from=average_from)
    means = [history.iterates[min(k, average_from) : k + 1].mean(axis=0) for k in range(31)]
    np.testing.assert_allclose(history.average_x, means[-1], rtol=1e-13)
    np.testing.assert_allclose(history.average_values, [f(x) for x in means], rtol=1e-12)


def test_the_mean_smooths_out_the_zigzag():
    history = subgradient_descent(np.abs, 0.1, 0.4, steps=1000, gradient=np.sign)
    assert history.values[-1] > 0.09
    assert history.average_values[-1] <= 0.4 / 2 + 0.1**2 / (2 * 0.4 * 1000)  # the bound that the best value has
    assert history.average_values[-1] < history.values[-10:].mean() * 0.6


# What stops it


def test_tol_is_the_gradients_length():
    f, gradient, A, best = quadratic()
    history = gradient_descent(f, np.ones(4), 0.1, steps=10_000, gradient=gradient, tol=1e-6, iterates=True)
    lengths = np.linalg.norm(history.iterates @ A - A @ best, axis=1)
    assert lengths[-1] <= 1e-6 < lengths[-2]
    assert history.reason.startswith("the gradient's length ")
    assert history.steps[-1] < 1000


def test_a_small_change_proves_nothing():
    """The deck's convergence test is true at once for a small rate, far from the minimum."""
    f, gradient, _, best = quadratic()
    history = gradient_descent(f, best + 1, 1e-6, steps=100, gradient=gradient, change_tol=1e-3)
    assert history.steps[-1] == 1
    assert "proves no convergence" in history.reason
    assert f(history.x) - f(best) > 0.99 * (f(best + 1) - f(best))


def test_target():
    f, gradient, _, best = quadratic()
    target = f(best) + 1e-3
    history = gradient_descent(f, np.ones(4), 0.1, steps=1000, gradient=gradient, target=target)
    assert history.values[-1] <= target < history.values[-2]
    assert "target" in history.reason
    assert subgradient_descent(f, np.ones(4), 0.1, steps=1000, gradient=gradient, target=target).steps[-1] < 1000


def test_every_records_the_start_and_the_end_too():
    f, gradient, *_ = quadratic()
    history = gradient_descent(f, np.ones(4), 0.1, steps=25, gradient=gradient, every=10)
    np.testing.assert_array_equal(history.steps, [0, 10, 20, 25])
    assert gradient_descent(f, np.ones(4), 0.1, steps=0, gradient=gradient).steps.tolist() == [0]


def test_too_large_a_rate_is_reported_with_the_step_and_the_last_value():
    with np.errstate(over="ignore"), pytest.raises(NonFiniteError) as caught:
        gradient_descent(lambda w: (w**4).sum(), np.full(2, 3.0), 1.0, steps=100, gradient=lambda w: 4 * w**3)
    error = caught.value
    k = len(error.history.values)
    assert str(error).startswith(f"gradient descent: f is inf after step {k}; the last finite value was ")
    assert f" after step {k - 1}. Try a smaller rate" in str(error)
    assert isinstance(error, FloatingPointError)
    assert np.isfinite(error.history.values).all()
    assert error.history.values[-1] > 1e30
    assert "not finite" in error.history.reason


def test_a_gradient_that_is_not_finite_is_named():
    def gradient(w, b):
        return (np.array([[1.0, 1.0], [np.nan, 1.0]]) if b < 0.75 else np.ones((2, 2))), 1.0

    message = (
        r"the gradient for step 4 is nan in parameter w at index \(1, 0\); the last finite value was .* after step 3"
    )
    with pytest.raises(NonFiniteError, match=message):
        gradient_descent(lambda w, b: w.sum() + b, [np.zeros((2, 2)), np.array(1.0)], 0.1, 9, gradient=gradient)
    with pytest.raises(NonFiniteError, match=r"gradient for step 1 is inf in parameter x0\[1\];"):
        gradient_descent(
            lambda *p: p[0] + p[1], [np.array(0.0), np.array(1.0)], 0.1, 9, gradient=lambda *p: (1.0, np.inf)
        )


def test_parameters_that_ceased_to_be_finite_are_named():
    with np.errstate(over="ignore"), pytest.raises(NonFiniteError, match=r"parameter x itself is -inf at index \(1,\)"):
        gradient_descent(lambda x: abs(x).sum(), np.zeros(2), 1e10, 5, gradient=lambda x: np.array([0.0, 1e300]))


def test_a_start_where_f_is_not_finite():
    with pytest.raises(NonFiniteError, match="f is nan at the start; there was no finite value before") as caught:
        gradient_descent(lambda x: np.nan, 1.0, 0.1, 5, gradient=lambda x: x)
    assert "not finite" in repr(caught.value.history)


def test_sums_that_overflow_are_finite_numbers():
    huge = np.full(4, 1e308)
    history = gradient_descent(lambda x: x[0], np.zeros(4), 1e-308, 1, gradient=lambda x: huge)
    np.testing.assert_allclose(history.x, -1)


# What is refused


def f1(x):
    return (x * x).sum()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"f": 3}, TypeError, "f must be a function; got int"),
        ({"gradient": 3}, TypeError, "gradient must be a function or None; got int"),
        ({"x0": ["a"]}, TypeError, "x0 must hold real numbers"),
        ({"rule": "fast"}, TypeError, "rule must be a rule of dlkit.optim, a rate .* got str"),
        ({"rule": True}, TypeError, "rule must be a rule of dlkit.optim.* got bool"),
        ({"steps": -1}, ValueError, "steps must be at least 0; got -1"),
        ({"steps": 1.5}, TypeError, "steps must be an integer; got 1.5"),
        ({"every": 0}, ValueError, "every must be at least 1; got 0"),
        ({"tol": -1.0}, ValueError, "tol must be None or a number >= 0; got -1.0"),
        ({"change_tol": np.nan}, ValueError, "change_tol must be None or a number >= 0; got nan"),
        ({"f": lambda x: x * x}, ValueError, r"f must return one number; got an array of shape \(3,\)"),
        ({"f": lambda x: None}, TypeError, "f must return one real number; got None"),
        ({"gradient": lambda x: 2 * x[:2]}, ValueError, r"the shape of its parameter x, \(3,\); got \(2,\)"),
        (
            {"x0": [np.ones(3), np.ones(2)], "f": lambda a, b: 0.0, "gradient": lambda a, b: (a,)},
            ValueError,
            "gradient must return 2 arrays, one per parameter; got 1",
        ),
    ],
)
def test_refuses(arguments, error, message):
    usual = {"f": f1, "x0": np.ones(3), "rule": 0.1, "steps": 3, "gradient": lambda x: 2 * x}
    with pytest.raises(error, match=message):
        gradient_descent(**(usual | arguments))


def test_subgradient_descent_refuses():
    with pytest.raises(ValueError, match="average_from must be at least 0; got -2"):
        subgradient_descent(f1, np.ones(3), 0.1, 3, gradient=np.sign, average_from=-2)


# The record


def test_repr_tells_the_story():
    history = gradient_descent(lambda x: x**2, 1.0, rule=0.25, steps=3, gradient=lambda x: 2 * x)
    text = repr(history)
    assert text.startswith("<History of gradient descent: 3 steps, 3 gradients, ")
    assert text.endswith(" s; f from 1 to 0.015625, best 0.015625 at step 3; made all 3 steps>")


def test_first_below():
    history = gradient_descent(lambda x: x**2, 1.0, rule=0.25, steps=3, gradient=lambda x: 2 * x)
    assert [history.first_below(v) for v in (2, 1, 0.25, 0.2, 0.01)] == [0, 0, 1, 2, None]


def test_plot():
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("agg")
    history = subgradient_descent(np.abs, 1.0, 0.3, steps=9, gradient=np.sign)
    ax = history.plot()
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), np.column_stack([history.steps, history.values]))
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_yscale()) == ("steps", "f", "linear")
    assert history.plot(ax, average=True, color="black", linestyle="--") is ax
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), history.average_values)
    assert [line.get_label() for line in ax.lines] == ["sub-gradient descent", "sub-gradient descent, averaged"]
    assert ax.lines[0].get_color() != ax.lines[1].get_color() == "black"
    ax = history.plot(against="seconds", above=-1.0, log="xy", label="mine")
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), history.values + 1)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("seconds", "f − -1")
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert ax.lines[0].get_label() == "mine"
    for wrong in ({"against": "miles"}, {"log": "z"}):
        with pytest.raises(ValueError, match="must be"):
            history.plot(**wrong)
    with pytest.raises(ValueError, match="kept no average"):
        gradient_descent(f1, 1.0, 0.1, 1, gradient=lambda x: x).plot(average=True)
    plt.close("all")


def test_the_rule_may_be_a_rate_or_a_rule():
    assert isinstance(gradient_descent(f1, 1.0, np.float64(0.1), 1, gradient=lambda x: x), History)
    assert isinstance(gradient_descent(f1, 1.0, GradientDescent(0.1), 1, gradient=lambda x: x), History)


# What it costs to have


def test_importing_it_imports_nothing_heavy():
    code = """
import sys
import numpy
before = set(sys.modules)
import dlkit.descent as descent
heavy = {"matplotlib", "scipy", "sklearn", "torch", "rich", "joblib", "cloudpickle", "IPython", "dlkit.plotting"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
history = descent.gradient_descent(lambda x: x**2, 1.0, 0.25, 50, gradient=lambda x: 2 * x)
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr


def slow_run(progress, capfd, monkeypatch):
    monkeypatch.setattr(_progress, "PATIENCE", 0.0)
    gradient_descent(lambda x: x**2, 1.0, 0.25, steps=20, gradient=lambda x: 2 * x, progress=progress)
    return capfd.readouterr()


def test_progress_goes_to_stderr_where_asked_for(capfd, monkeypatch):
    out, err = slow_run(True, capfd, monkeypatch)
    assert "gradient descent" in err
    assert "/20" in err
    assert out == ""


@pytest.mark.parametrize("progress", [None, False])
def test_no_progress_where_nobody_can_see_it_move(progress, capfd, monkeypatch):
    assert slow_run(progress, capfd, monkeypatch) == ("", "")


def test_no_progress_on_a_short_run(capfd):
    gradient_descent(lambda x: x**2, 1.0, 0.25, steps=20, gradient=lambda x: 2 * x, progress=True)
    assert capfd.readouterr() == ("", "")


def test_progress_without_rich(capfd, monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert slow_run(None, capfd, monkeypatch) == ("", "")
    with pytest.raises(ImportError, match="progress=True needs the package rich"):
        slow_run(True, capfd, monkeypatch)
