"""Proximal gradient: the map, the two rates, and margin losses with the ℓ1 penalty."""

import cvxpy as cp
import numpy as np
import pytest

from dlkit.linear.margin_losses import MARGIN_LOSSES
from dlkit.linear.problem import BinaryProblem
from dlkit.linear.solvers.proximal import l1_margin, proximal_gradient, soft_threshold


def test_soft_threshold_is_the_proximal_map():
    z, t = np.array([-3.0, -0.5, 0.0, 0.5, 0.9, 2.0]), 0.9
    grid = np.linspace(-4, 4, 80_001)  # every 1e-4
    for entry, moved in zip(z, soft_threshold(z, t), strict=True):
        assert moved == pytest.approx(grid[np.argmin(0.5 * (grid - entry) ** 2 + t * np.abs(grid))], abs=1e-4)
    np.testing.assert_array_equal(soft_threshold(np.array([2.0, -2.0]), np.array([0.5, 3.0])), [1.5, 0.0])


@pytest.fixture(scope="module")
def squares():
    """½‖Ax − b‖² + 0.1‖x‖₁, badly conditioned, with its minimum and its curvature."""
    rng = np.random.default_rng(0)
    A, b = rng.standard_normal((60, 20)) * np.geomspace(1, 0.02, 20), rng.standard_normal(60)
    x = cp.Variable(20)
    minimum = cp.Problem(cp.Minimize(cp.sum_squares(A @ x - b) / 2 + 0.1 * cp.norm1(x))).solve(
        solver=cp.CLARABEL, tol_gap_rel=1e-12, tol_gap_abs=0, tol_feas=1e-12
    )
    return A, b, minimum, np.linalg.norm(x.value), np.linalg.norm(A, 2) ** 2


def run(squares, accelerate, steps, **settings):
    A, b, *_ = squares
    return proximal_gradient(
        lambda x: (0.5 * np.sum((A @ x - b) ** 2), A.T @ (A @ x - b)),
        lambda z, t: soft_threshold(z, 0.1 * t),
        lambda x: 0.1 * np.abs(x).sum(),
        np.zeros(20),
        accelerate=accelerate,
        max_iter=steps,
        **settings,
    )


def test_rates_of_beck_and_teboulle(squares):
    """With steps of 1/L: ISTA's error is at most LR²/2k, FISTA's 2LR²/(k + 1)²; ISTA never rises."""
    *_, minimum, R, L = squares
    ista, fista = (np.array(run(squares, a, 300, step=1 / L, growth=1.0).curve) - minimum for a in (False, True))
    k = np.arange(1, 301)
    assert (ista[1:] <= L * R**2 / (2 * k) + 1e-9).all()
    assert (fista[1:] <= 2 * L * R**2 / (k + 1) ** 2 + 1e-9).all()
    assert (np.diff(ista) <= 1e-12).all()
    assert fista[60] < 0.1 * ista[60]


def test_zeros_are_exact_and_stop_is_asked(squares):
    result = run(squares, True, 5000)
    assert 0 < np.count_nonzero(result.x == 0) < 20
    assert result.curve[-1] == pytest.approx(squares[2], rel=1e-9)
    stopped = run(squares, True, 5000, stop=lambda x: np.count_nonzero(x) >= 3)
    assert stopped.converged and stopped.n_iter < result.n_iter
    assert not run(squares, False, 3).converged


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("name", MARGIN_LOSSES)
def test_margin_losses_with_l1(name, intercept):
    rng = np.random.default_rng(1)
    X = rng.standard_normal((80, 6))
    y = np.sign(X[:, 0] - 0.7 * X[:, 1] + rng.standard_normal(80) + 0.3)
    w, b = cp.Variable(6), cp.Variable()
    m = cp.multiply(y, X @ w + (b if intercept else 0))
    loss = {"hinge": cp.pos(1 - m), "squared_hinge": cp.square(cp.pos(1 - m)), "logistic": cp.logistic(-m)}[name]
    for C in (0.1, 2.0):
        want = cp.Problem(cp.Minimize(cp.norm1(w) + C * cp.sum(loss))).solve(solver=cp.CLARABEL)
        problem = BinaryProblem(X, y, np.full(80, C), MARGIN_LOSSES[name], "l1", intercept)
        fit = l1_margin(problem, tol=1e-5, max_iter=100_000)
        assert fit.converged, fit.reason
        assert -1e-7 <= fit.primal / want - 1 <= 1e-5
        assert fit.dual <= want * (1 + 1e-7)
        assert fit.primal == pytest.approx(problem.primal(fit.w, problem.margins(fit.w, fit.b)), rel=1e-12)


def fit_l1(name="hinge", C=2.0, seed=1, **settings):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((80, 6))
    y = np.sign(X[:, 0] - 0.7 * X[:, 1] + rng.standard_normal(80) + 0.3)
    problem = BinaryProblem(X, y, np.full(80, C), MARGIN_LOSSES[name], "l1", True)
    return problem, l1_margin(problem, **settings)


def test_a_step_too_long_is_halved_until_it_descends(squares):
    *_, minimum, _, L = squares
    curve = np.array(run(squares, False, 200, step=100 / L, growth=1.0).curve)
    assert (np.diff(curve) <= 1e-12).all()
    # ISTA's bound, with the half of 1/L that halving may end at
    assert curve[-1] - minimum <= 2 * L * squares[3] ** 2 / (2 * 200)


def test_restarts_make_the_end_linear(squares):
    """Momentum without restarts comes back at each turn: it needs 1,470 steps here, with restarts 256."""
    *_, minimum, _, L = squares
    error = np.array(run(squares, True, 600, step=1 / L, growth=1.0).curve) - minimum
    assert error[500:].max() < 1e-9 * minimum


def test_growing_steps_pay_where_the_curvature_falls():
    """(x − 1)⁴ is flat at its minimum: steps of one length creep, and the bound on their error is all that is left."""

    def quartic(x):
        return float(np.sum((x - 1) ** 4)), 4 * (x - 1) ** 3

    def end(growth):
        return proximal_gradient(
            quartic, lambda z, t: z, lambda x: 0.0, np.array([4.0]), accelerate=False, growth=growth, max_iter=100
        ).curve[-1]

    assert end(1.1) < 1e-3 * end(1.0)


def test_rounding_of_a_large_value_does_not_stop_it(squares):
    """f + 10¹⁰ is known to 1e-6 only; the gradients take over."""
    A, b, *_ = squares
    result = proximal_gradient(
        lambda x: (0.5 * np.sum((A @ x - b) ** 2) + 1e10, A.T @ (A @ x - b)),
        lambda z, t: soft_threshold(z, 0.1 * t),
        lambda x: 0.1 * np.abs(x).sum(),
        np.zeros(20),
        max_iter=3000,
    )
    np.testing.assert_allclose(result.x, run(squares, True, 3000).x, atol=1e-6)


def test_it_ends_where_no_step_moves():
    result = proximal_gradient(
        lambda x: (0.5 * float(x @ x), x), lambda z, t: soft_threshold(z, t), lambda x: np.abs(x).sum(), np.zeros(3)
    )
    assert (result.n_iter, result.converged, result.reason) == (1, True, "no step moves x any more")


def test_a_good_start_is_kept():
    problem, fit = fit_l1("logistic", tol=1e-6)
    again = l1_margin(problem, tol=1e-5, start=(fit.w, fit.b))
    assert (again.n_iter, again.converged, len(again.curve)) == (0, True, 1)
    np.testing.assert_array_equal(again.w, fit.w)


def test_stages_of_the_smoothed_hinge_count_as_one_run():
    told = []
    problem, fit = fit_l1(tol=1e-6, max_iter=100_000, report=lambda *line: told.append(line))
    assert len(fit.curve) == fit.n_iter + 1
    steps = [step for step, *_ in told]
    assert sorted(set(steps)) == list(range(fit.n_iter + 1))
    assert told[-1][1:] == (fit.primal, pytest.approx(fit.gap, abs=1e-12))
    _, short = fit_l1(tol=1e-6, max_iter=30)
    assert (short.n_iter, short.converged, short.reason) == (30, False, "max_iter=30 iterations were made")
    # the intercept is the hinge's own best one, not that of the smoothed hinge
    scores = problem.X @ short.w
    for b in short.b + np.array([-0.1, -0.01, 0.01, 0.1]):
        assert short.primal <= problem.primal(short.w, problem.y * (scores + b)) + 1e-12


def test_l1_margin_refuses_what_it_cannot_do():
    X, y = np.array([[1.0], [-1.0]]), np.array([1.0, -1.0])
    for c, penalty in ((1.0, "l2"), (np.inf, "l1")):
        with pytest.raises(ValueError, match="problem must have the penalty 'l1' and finite weights c"):
            l1_margin(BinaryProblem(X, y, np.full(2, c), MARGIN_LOSSES["hinge"], penalty, True))
