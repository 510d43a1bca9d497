"""The problem that linear models with two classes minimise: losses, dual, gap, and the best intercept."""

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import minimize_scalar

from dlkit.autograd import Tensor
from dlkit.linear.margin_losses import HINGE, LOGISTIC, MARGIN_LOSSES, SQUARED_HINGE
from dlkit.linear.problem import BinaryProblem, Solution

LOSSES = list(MARGIN_LOSSES.values())
NAMED = {"argvalues": LOSSES, "ids": list(MARGIN_LOSSES)}
HINGES = {"argvalues": [HINGE, SQUARED_HINGE], "ids": ["hinge", "squared_hinge"]}
ROUNDING = 1e-13  # sums of some 50 terms of size 1: 50 · 2e-16, and a factor of ten

pytestmark = pytest.mark.usefixtures("no_warnings")


def make(loss=HINGE, penalty="l2", fit_intercept=True, *, n=40, d=3, seed=0, c=None):
    """Return a problem with overlapping classes, weights between 0.1 and 2, and the generator."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)) + 1.0
    y = np.where(X[:, 0] + rng.standard_normal(n) > 0.7, 1.0, -1.0)
    c = rng.uniform(0.1, 2.0, n) if c is None else np.full(n, c)
    return BinaryProblem(X, y, c, loss, penalty, fit_intercept), rng


def value(problem, w, b):
    return problem.primal(w, problem.margins(w, b))


# ---- the losses


@pytest.mark.parametrize("loss", **NAMED)
def test_slope_is_the_derivative_of_the_value_by_autograd(loss):
    m = np.array([-30.0, -2.5, -1.0, 0.0, 0.3, 0.999, 1.001, 2.0, 30.0])
    x = Tensor(m)
    loss.value(x).sum().backward()
    # Both are closed forms of a few operations.
    np.testing.assert_allclose(loss.slope(m), x.grad, rtol=1e-14, atol=1e-300)


@pytest.mark.parametrize("loss", **NAMED)
def test_curvature_is_the_derivative_of_the_slope_away_from_the_kink(loss):
    m, h = np.array([-3.0, -0.4, 0.0, 0.7, 1.6, 3.0]), 1e-5
    # Central differences are off by h²/6·φ⁗ < 1e-11, and by rounding, 2e-16·8/h.
    np.testing.assert_allclose(loss.curvature(m), (loss.slope(m + h) - loss.slope(m - h)) / (2 * h), atol=1e-9)


@pytest.mark.parametrize("loss", **NAMED)
def test_slope_at_a_kink_is_the_one_nearest_to_zero(loss):
    m = np.array([1.0])
    steps = (loss.value(m + 1e-7) - loss.value(m)) / 1e-7, (loss.value(m) - loss.value(m - 1e-7)) / 1e-7
    expected = max(steps, key=lambda s: s[0])
    np.testing.assert_allclose(loss.slope(m), expected, atol=1e-6)


@pytest.mark.parametrize("loss", **NAMED)
def test_fenchel_young(loss):
    most = min(loss.most, 5.0)
    m = np.linspace(-4, 4, 81)[:, None]
    a = np.linspace(0, most, 41)[None, :]
    assert np.all(loss.value(m) >= loss.gain(a) - a * m - ROUNDING)
    pulled = -loss.slope(m)
    np.testing.assert_allclose(loss.value(m), loss.gain(pulled) - pulled * m, atol=ROUNDING)


@pytest.mark.parametrize("loss", **NAMED)
def test_gain_is_the_least_of_the_value_above_a_line(loss):
    # gain(a) = min over m of φ(m) + a·m, by a search in place of the formula.
    for a in (0.1, 0.5, 0.9):
        line = minimize_scalar(lambda m, a=a: float(loss.value(np.array(m)) + a * m), bounds=(-9, 9), method="bounded")
        assert loss.gain(np.array(a)) == pytest.approx(line.fun, abs=1e-5)  # the search ends 1e-5 from a kink


# ---- the problem


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("penalty", ["l2", "l1"])
@pytest.mark.parametrize("loss", **NAMED)
def test_weak_duality(loss, penalty, fit_intercept):
    problem, rng = make(loss, penalty, fit_intercept)
    most = np.minimum(problem.c * loss.most, 5.0)
    best_dual, best_primal = -np.inf, np.inf
    for scale in np.logspace(-3, 1, 60):
        w, b = scale * rng.standard_normal(3), float(rng.standard_normal()) * fit_intercept
        dual, alpha = problem.dual(min(scale, 1) * most * rng.uniform(0, 1, problem.n))
        best_dual, best_primal = max(best_dual, dual), min(best_primal, value(problem, w, b))
        assert np.all((alpha >= 0) & (alpha <= problem.c * loss.most))
        if fit_intercept:
            assert abs(problem.y @ alpha) <= ROUNDING * max(alpha.sum(), 1)
        if penalty == "l1":
            assert np.abs(problem.combination(alpha)).max() <= 1 + ROUNDING
    assert 0 < best_dual <= best_primal


@pytest.mark.parametrize("penalty", ["l2", "l1"])
@pytest.mark.parametrize("loss", **NAMED)
def test_the_dual_is_its_formula(loss, penalty):
    problem, rng = make(loss, penalty)
    alpha = 0.01 * problem.feasible(problem.c * rng.uniform(0, 1, problem.n))
    v = sum(a * yi * x for a, yi, x in zip(alpha, problem.y, problem.X, strict=True))
    assert np.abs(v).max() <= 1  # so that nothing is scaled for ℓ1
    gains = sum(ci * loss.gain(np.array(a / ci)) for a, ci in zip(alpha, problem.c, strict=True))
    expected = gains - (v @ v / 2 if penalty == "l2" else 0)
    dual, point = problem.dual(alpha)
    assert dual == pytest.approx(expected, rel=ROUNDING)
    np.testing.assert_allclose(point, alpha, rtol=ROUNDING)
    assert problem.bound(alpha, v)[0] == pytest.approx(dual, rel=ROUNDING)


def test_feasible_scales_the_heavier_class_down_and_keeps_what_is_feasible():
    problem, _ = make()
    positive = problem.y > 0
    alpha = np.where(positive, 0.05, 0.03)
    balanced = problem.feasible(alpha)
    heavier = positive if alpha[positive].sum() > alpha[~positive].sum() else ~positive
    np.testing.assert_array_equal(balanced[~heavier], alpha[~heavier])
    assert np.ptp(balanced[heavier]) == 0
    assert balanced[heavier][0] < alpha[heavier][0]
    np.testing.assert_allclose(problem.feasible(balanced), balanced, rtol=ROUNDING)
    np.testing.assert_array_equal(problem.feasible(-alpha), 0)


@pytest.mark.parametrize("penalty", ["l2", "l1"])
@pytest.mark.parametrize("loss", **NAMED)
def test_the_subgradient_supports_the_objective_from_below(loss, penalty):
    problem, rng = make(loss, penalty)
    for w in (np.zeros(3), np.array([0.0, 1.0, -0.2]), rng.standard_normal(3)):
        b = float(rng.standard_normal())
        here = value(problem, w, b)
        g, g_b = problem.subgradient(w, problem.multipliers(problem.margins(w, b)))
        for scale in (1e-3, 0.1, 1.0, 5.0):
            dw, db = scale * rng.standard_normal(3), scale * float(rng.standard_normal())
            assert value(problem, w + dw, b + db) >= here + g @ dw + g_b * db - ROUNDING * here


def test_the_subgradient_without_an_intercept_leaves_b_alone():
    problem, _ = make(fit_intercept=False)
    assert problem.subgradient(np.zeros(3), problem.c)[1] == 0


def test_a_weight_of_zero_resists_a_pull_of_up_to_one():
    problem, _ = make(penalty="l1")
    v = np.array([0.4, -0.9, 3.0])
    np.testing.assert_array_equal(problem.pull(np.zeros(3), v), [0.4, -0.9, 1.0])
    np.testing.assert_array_equal(problem.pull(np.array([-2.0, 1e-9, 0.0]), v), [-1.0, 1.0, 1.0])


def test_a_gap_is_never_negative():
    point = np.zeros(1)
    assert Solution(point, 0.0, 1.0, point, 1.0 + 1e-16, 1, True, "").gap == 0
    assert Solution(point, 0.0, 1.5, point, 1.0, 1, True, "").gap == 0.5


def test_sparse_samples_give_the_same_numbers():
    problem, rng = make()
    twin = BinaryProblem(sparse.csr_array(problem.X), problem.y, problem.c, HINGE, "l2", True)
    w, alpha = rng.standard_normal(3), problem.c * rng.uniform(0, 1, problem.n)
    assert value(twin, w, 0.3) == pytest.approx(value(problem, w, 0.3), rel=ROUNDING)
    assert twin.dual(alpha)[0] == pytest.approx(problem.dual(alpha)[0], rel=ROUNDING)


# ---- the best intercept


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("loss", **NAMED)
def test_the_best_intercept_is_the_minimum_in_b(loss, seed):
    problem, rng = make(loss, seed=seed)
    w = rng.standard_normal(3) * 10.0 ** rng.integers(-2, 3)
    scores = problem.X @ w
    b, alpha = problem.best_intercept(scores)
    here = value(problem, w, b)
    span = np.abs(scores).max() + 5
    search = minimize_scalar(lambda b: value(problem, w, b), bounds=(-span, span), method="bounded")
    assert here <= search.fun * (1 + 1e-12)
    for step in (-1e-3, 1e-3, -1.0, 1.0):
        assert here <= value(problem, w, b + step) * (1 + ROUNDING)
    # α belongs to the sub-differential at these margins: Fenchel and Young's inequality is an equality for it.
    m = problem.margins(w, b)
    assert abs(problem.y @ alpha) <= ROUNDING * alpha.sum()
    assert np.all((alpha >= 0) & (alpha <= problem.c * loss.most))
    equal = problem.c @ loss.gain(alpha / problem.c) - alpha @ m
    # α is off by the balancing, which repairs what 1e-14 in b leaves; times margins of up to 500.
    assert problem.c @ loss.value(m) == pytest.approx(equal, rel=1e-10)


def test_the_best_intercept_where_kinks_coincide():
    # Five samples at one place: any b in between is as good for equal weights, and the multipliers have to balance.
    X, y = np.zeros((5, 1)), np.array([1.0, 1.0, -1.0, -1.0, -1.0])
    problem = BinaryProblem(X, y, np.ones(5), HINGE, "l2", True)
    b, alpha = problem.best_intercept(X[:, 0])
    assert b == -1  # the majority has no loss
    assert value(problem, np.zeros(1), b) == 4
    np.testing.assert_allclose(alpha, [1, 1, 2 / 3, 2 / 3, 2 / 3], rtol=ROUNDING)  # alike for those alike


def test_the_best_intercept_of_separated_classes_is_in_the_middle():
    X, y = np.array([[-3.0], [-2.0], [4.0], [8.0]]), np.array([-1.0, -1.0, 1.0, 1.0])
    problem = BinaryProblem(X, y, np.ones(4), HINGE, "l2", True)
    b, alpha = problem.best_intercept(X[:, 0])
    assert b == -1  # margins of 1 and more from −3 to 1
    np.testing.assert_array_equal(alpha, 0)


def test_without_an_intercept_the_best_one_is_zero():
    problem, rng = make(fit_intercept=False)
    scores = problem.X @ rng.standard_normal(3)
    b, alpha = problem.best_intercept(scores)
    assert b == 0
    np.testing.assert_array_equal(alpha, problem.multipliers(problem.y * scores))


# ---- the hard margin


@pytest.mark.parametrize("loss", **HINGES)
def test_with_infinite_weights_a_loss_costs_everything_and_the_dual_is_the_limit(loss):
    X, y = np.array([[-2.0], [2.0]]), np.array([-1.0, 1.0])
    hard = BinaryProblem(X, y, np.full(2, np.inf), loss, "l2", True)
    assert value(hard, np.array([0.5]), 0.0) == 0.125
    assert value(hard, np.array([0.49]), 0.0) == np.inf
    alpha = np.array([0.125, 0.125])
    assert hard.dual(alpha)[0] == 0.125  # Σα − ½‖v‖² with v = ½
    nearly = BinaryProblem(X, y, np.full(2, 1e12), loss, "l2", True)
    assert nearly.dual(alpha)[0] == pytest.approx(0.125, rel=1e-12)  # α²/4c is 4e-15
    assert make(LOGISTIC)[0].hard is False
