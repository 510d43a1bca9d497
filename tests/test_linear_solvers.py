"""Sub-gradient descent, mini-batches, the quadratic program and the lower bound, against LIBSVM, LIBLINEAR and LPs."""

import cvxpy
import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linprog
from sklearn.datasets import load_breast_cancer
from sklearn.svm import SVC, LinearSVC

from dlkit.descent import subgradient_descent
from dlkit.linear.margin_losses import HINGE, LOGISTIC, MARGIN_LOSSES, SQUARED_HINGE
from dlkit.linear.problem import BinaryProblem
from dlkit.linear.solvers.augmented_lagrangian import augmented_lagrangian
from dlkit.linear.solvers.lower_bound import lower_bound
from dlkit.linear.solvers.pegasos import pegasos
from dlkit.linear.solvers.quadratic_program import quadratic_program
from dlkit.linear.solvers.subgradient import subgradient
from dlkit.optim import InverseSquareRoot, InverseTime

LOSSES = list(MARGIN_LOSSES.values())
BOTH_HINGES = pytest.mark.parametrize("loss", [HINGE, SQUARED_HINGE], ids=lambda loss: loss.name)
ALL_LOSSES = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
PENALTIES = pytest.mark.parametrize("penalty", ["l2", "l1"])
INTERCEPT = pytest.mark.parametrize("fit_intercept", [True, False], ids=["intercept", "no intercept"])
FORMS = pytest.mark.parametrize("form", ["primal", "dual"])
ROUNDING = 1e-12  # of an objective: 200 terms, and the two that a gap is the difference of


def clouds(n=120, d=2, seed=0, shift=1.0):
    """Return two overlapping classes, about as many of the one as of the other."""
    rng = np.random.default_rng(seed)
    y = np.where(rng.random(n) < 0.55, 1.0, -1.0)
    towards = np.where(np.arange(d) % 2, -1, 1) / np.sqrt(d)  # weights of both signs
    return rng.standard_normal((n, d)) + shift * y[:, None] * towards + 0.5, y


def make(loss=HINGE, penalty="l2", fit_intercept=True, C=1.0, **data):
    X, y = clouds(**data)
    return BinaryProblem(X, y, np.full(len(y), float(C)), loss, penalty, fit_intercept)


def changed(problem, X=None, c=None):
    """Return the problem with other samples or weights."""
    parts = problem.loss, problem.penalty, problem.fit_intercept
    return BinaryProblem(
        problem.X if X is None else X, problem.y, problem.c if c is None else np.broadcast_to(c, problem.n), *parts
    )


def start_of(problem):
    """Return the objective at w = 0 with the best intercept."""
    w = np.zeros(problem.d)
    return problem.primal(w, problem.margins(w, problem.best_intercept(np.zeros(problem.n))[0]))


def by_minibatches(problem, **options):
    return pegasos(problem, rng=0, **options)


DESCENTS = pytest.mark.parametrize("descent", [subgradient, by_minibatches], ids=["subgradient", "pegasos"])


def check_certificate(problem, solution, minimum, accuracy=ROUNDING):
    """The numbers belong to the points, the dual point is feasible, and the bounds hold, to the oracle's accuracy."""
    primal = problem.primal(solution.w, problem.margins(solution.w, solution.b))
    assert solution.primal == pytest.approx(primal, rel=ROUNDING)
    assert solution.dual == pytest.approx(problem.dual(solution.alpha)[0], rel=ROUNDING, abs=ROUNDING)
    assert np.all((solution.alpha >= 0) & (solution.alpha <= problem.c * problem.loss.most))
    if problem.fit_intercept:
        assert abs(problem.y @ solution.alpha) <= ROUNDING * max(solution.alpha.sum(), 1)
    slack = accuracy * minimum
    assert solution.dual <= minimum + slack
    assert minimum <= solution.primal + slack
    assert solution.gap >= solution.primal - minimum - slack


# ---- the quadratic program


@pytest.mark.parametrize("C", [1e-4, 0.1, 1.0, 1e4])
@INTERCEPT
@PENALTIES
@BOTH_HINGES
@FORMS
def test_strong_duality(form, loss, penalty, fit_intercept, C):
    problem = make(loss, penalty, fit_intercept, C)
    solution = quadratic_program(problem, form=form)
    assert solution.converged
    assert solution.gap <= 1e-7 * solution.primal
    check_certificate(problem, solution, solution.primal, accuracy=1e-7)


@PENALTIES
@BOTH_HINGES
def test_both_forms_give_the_same_numbers(loss, penalty):
    problem = make(loss, penalty)
    primal, dual = (quadratic_program(problem, form=form) for form in ("primal", "dual"))
    # Objectives to the tolerance; points to its root, as the objective is flat around them.
    assert primal.primal == pytest.approx(dual.primal, rel=2e-8)
    np.testing.assert_allclose(primal.w, dual.w, atol=1e-3)
    assert primal.b == pytest.approx(dual.b, abs=1e-3)
    if penalty == "l2":
        np.testing.assert_allclose(primal.w, problem.combination(primal.alpha), atol=1e-3)


@pytest.mark.parametrize("C", [0.01, 1.0, 100.0])
def test_against_libsvm(C):
    problem = make(C=C)
    solution = quadratic_program(problem)
    theirs = SVC(kernel="linear", C=C, tol=1e-10).fit(problem.X, problem.y)
    at_theirs = problem.primal(theirs.coef_[0], problem.margins(theirs.coef_[0], theirs.intercept_[0]))
    assert solution.primal == pytest.approx(at_theirs, rel=2e-6)  # LIBSVM stops 5e-7 above, whatever its tol
    assert solution.primal <= at_theirs
    alpha = np.zeros(problem.n)
    alpha[theirs.support_] = np.abs(theirs.dual_coef_[0])
    # In general position the support vectors on the margin line, at most d + 1, have unique multipliers.
    np.testing.assert_allclose(solution.alpha, alpha, atol=1e-3 * C)
    inside = np.flatnonzero(solution.alpha > 1e-3 * C)
    np.testing.assert_array_equal(inside, np.flatnonzero(alpha > 1e-3 * C))


@PENALTIES
def test_against_liblinear(penalty):
    # LIBLINEAR would penalise an intercept, so there is none.
    problem = make(SQUARED_HINGE, penalty, fit_intercept=False)
    theirs = LinearSVC(penalty=penalty, dual=False, fit_intercept=False, tol=1e-10, max_iter=10**5)
    w = theirs.fit(problem.X, problem.y).coef_[0]
    assert quadratic_program(problem).primal == pytest.approx(problem.primal(w, problem.margins(w, 0.0)), rel=1e-7)


def test_with_l1_and_the_hinge_it_is_a_linear_program():
    problem = make(penalty="l1")
    n, d = problem.n, problem.d
    signed = problem.y[:, None] * problem.X
    # w = p − q with p, q ≥ 0, then b, then ξ ≥ 0.
    theirs = linprog(
        np.concatenate([np.ones(2 * d), [0.0], problem.c]),
        A_ub=-np.column_stack([signed, -signed, problem.y, np.eye(n)]),
        b_ub=-np.ones(n),
        bounds=[(0, None)] * (2 * d) + [(None, None)] + [(0, None)] * n,
    )
    assert quadratic_program(problem).primal == pytest.approx(theirs.fun, rel=1e-7)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize(("n", "d"), [(100, 2), (60, 100)], ids=["overlapping", "separable"])
@PENALTIES
@BOTH_HINGES
@FORMS
def test_the_quadratic_program_on_any_scale(form, loss, penalty, n, d, scale):
    for C in (1e-4, 1.0, 1e4):
        problem = make(loss, penalty, C=C, n=n, d=d)
        problem = changed(problem, X=problem.X * scale)
        solution = quadratic_program(problem, form=form)
        assert solution.gap <= 1e-6 * solution.primal


@PENALTIES
@FORMS
def test_the_quadratic_program_far_from_the_origin(form, penalty):
    problem = make(penalty=penalty)
    here, there = (quadratic_program(changed(problem, X=problem.X + shift), form=form) for shift in (0, 1e5))
    assert there.primal == pytest.approx(here.primal, rel=1e-7)  # scores of 1e5 have an error of 1e-11


def test_another_solver_of_cvxpy():
    problem = make()
    # SCS stops at 1e-4 by its own standards, which are not ours.
    assert quadratic_program(problem, solver="SCS").primal == pytest.approx(quadratic_program(problem).primal, rel=1e-2)
    with pytest.raises(ValueError, match="NO_SUCH_SOLVER"):
        quadratic_program(problem, solver="NO_SUCH_SOLVER")
    with pytest.raises(ValueError, match=r"form must be 'primal' or 'dual'; got 'both'"):
        quadratic_program(problem, form="both")


def test_problems_that_are_no_quadratic_programs():
    with pytest.raises(ValueError, match=r"loss must be 'hinge' or 'squared_hinge'.*got 'logistic'"):
        quadratic_program(make(LOGISTIC))
    problem = make()
    c = problem.c.copy()
    c[3] = np.inf
    with pytest.raises(ValueError, match=r"C must be finite for all samples, or np\.inf for all"):
        quadratic_program(changed(problem, c=c))


# ---- the hard margin


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
@BOTH_HINGES
@FORMS
def test_the_hard_margin_is_the_distance_between_the_convex_hulls(form, loss, scale):
    X, y = clouds(shift=4.0)
    problem = BinaryProblem(X * scale, y, np.full(len(y), np.inf), loss, "l2", True)
    solution = quadratic_program(problem, form=form)
    margins = problem.margins(solution.w, solution.b)
    assert margins.min() >= 1
    assert margins.min() <= 1 + 1e-10
    assert min(margins[y > 0].min(), margins[y < 0].min()) == pytest.approx(
        max(margins[y > 0].min(), margins[y < 0].min())
    )
    assert solution.primal == pytest.approx(solution.w @ solution.w / 2, rel=ROUNDING)
    v = problem.combination(solution.alpha)
    assert solution.dual == pytest.approx(solution.alpha.sum() - v @ v / 2, rel=ROUNDING)
    assert solution.gap <= 1e-7 * solution.primal

    p, q = cvxpy.Variable((y > 0).sum(), nonneg=True), cvxpy.Variable((y < 0).sum(), nonneg=True)
    distance = cvxpy.norm2(X[y > 0].T @ p - X[y < 0].T @ q)
    cvxpy.Problem(cvxpy.Minimize(distance), [cvxpy.sum(p) == 1, cvxpy.sum(q) == 1]).solve("CLARABEL")
    assert 2 / np.linalg.norm(solution.w) == pytest.approx(scale * distance.value, rel=1e-6)


@FORMS
def test_a_hard_margin_that_is_tiny(form):
    # Separable, by a margin of a thousandth of the samples' size.
    X, y = load_breast_cancer(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    problem = BinaryProblem(X, 2.0 * y - 1, np.full(len(y), np.inf), HINGE, "l2", True)
    solution = quadratic_program(problem, form=form)
    assert problem.margins(solution.w, solution.b).min() >= 1
    assert 1 / np.linalg.norm(solution.w) < 0.01 * np.linalg.norm(X, axis=1).mean()
    assert solution.gap <= 1e-6 * solution.primal


@INTERCEPT
def test_the_hard_margin_with_l1(fit_intercept):
    X, y = clouds(shift=4.0)
    X = X - 0.5  # so that a line through 0 separates them
    problem = BinaryProblem(X, y, np.full(len(y), np.inf), HINGE, "l1", fit_intercept)
    solution = quadratic_program(problem)
    assert problem.margins(solution.w, solution.b).min() >= 1
    assert solution.gap <= 1e-7 * solution.primal
    assert fit_intercept or solution.b == 0


@INTERCEPT
@PENALTIES
@FORMS
def test_what_is_not_separable_has_no_hard_margin(form, penalty, fit_intercept):
    with pytest.raises(ValueError, match=r"not linearly separable.*choose a finite C"):
        quadratic_program(make(penalty=penalty, fit_intercept=fit_intercept, C=np.inf), form=form)


def test_a_large_weight_is_the_hard_margin():
    X, y = clouds(shift=4.0)
    hard = BinaryProblem(X, y, np.full(len(y), np.inf), HINGE, "l2", True)
    soft = changed(hard, c=1e3)
    np.testing.assert_allclose(quadratic_program(soft).w, quadratic_program(hard).w, rtol=1e-4)


# ---- descents


@pytest.mark.parametrize("C", [0.01, 1.0])
@INTERCEPT
@PENALTIES
@BOTH_HINGES
@DESCENTS
def test_the_certificate_holds_wherever_a_descent_stops(descent, loss, penalty, fit_intercept, C):
    problem = make(loss, penalty, fit_intercept, C, d=3)
    minimum = quadratic_program(problem, tol=1e-10).primal
    for max_iter in (0, 1, 2, 7, 30):
        solution = descent(problem, max_iter=max_iter, tol=1e-6)
        check_certificate(problem, solution, minimum, accuracy=1e-8)
        assert solution.converged == (solution.gap <= 1e-6 * solution.primal)
        assert solution.n_iter <= max_iter
    loose = descent(problem, max_iter=1000, tol=1e-2)
    assert loose.converged
    assert loose.primal <= minimum * 1.0102  # 1/(1 − tol), as the gap is relative to the objective
    check_certificate(problem, loose, minimum, accuracy=1e-8)


@PENALTIES
@DESCENTS
def test_the_logistic_loss_too(descent, penalty):
    problem = make(LOGISTIC, penalty)
    solution = descent(problem, tol=1e-3)
    assert solution.converged
    finer = subgradient(problem, tol=1e-5, max_iter=10**4)
    assert finer.converged
    check_certificate(problem, solution, finer.primal, accuracy=1e-5)


@pytest.mark.parametrize(("C", "steps"), [(0.01, 10), (1.0, 25), (100.0, 60)])
def test_subgradient_descent_comes_within_a_thousandth_in_few_steps(C, steps):
    problem = make(C=C)
    solution = subgradient(problem, tol=1e-3, max_iter=steps)
    assert solution.converged
    assert solution.primal <= quadratic_program(problem).primal * 1.0011


@pytest.mark.parametrize("C", [1e-4, 1e-2, 1.0, 1e2, 1e4])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
@ALL_LOSSES
@DESCENTS
def test_no_scale_makes_a_descent_diverge(descent, loss, scale, C):
    problem = make(loss, C=C)
    problem = changed(problem, X=problem.X * scale)
    solution = descent(problem, max_iter=20)
    at_start = start_of(problem)
    assert np.isfinite(solution.w).all()
    assert solution.primal <= at_start * (1 + ROUNDING)
    assert solution.dual > 0
    # Where there is anything to gain by w at all, some of it has been gained.
    if C * scale**2 >= 1e-2:
        assert solution.primal < 0.95 * at_start


@ALL_LOSSES
@DESCENTS
def test_the_unit_of_the_data_does_not_matter(descent, loss):
    # With x ← 1024 x and c ← c/1024², w ← w/1024 makes the same steps; powers of 2 are exact.
    problem = make(loss)
    other = BinaryProblem(problem.X * 1024, problem.y, problem.c / 1024**2, loss, "l2", True)
    ours, theirs = descent(problem, tol=1e-3), descent(other, tol=1e-3)
    assert ours.n_iter == theirs.n_iter
    np.testing.assert_allclose(theirs.w * 1024, ours.w, rtol=1e-6)
    assert theirs.primal * 1024**2 == pytest.approx(ours.primal, rel=1e-9)


@PENALTIES
@ALL_LOSSES
def test_weights_are_repetitions(loss, penalty):
    X, y = clouds(n=40)
    times = np.random.default_rng(1).integers(1, 4, 40)
    weighted = BinaryProblem(X, y, times.astype(float), loss, penalty, True)
    repeated = BinaryProblem(X.repeat(times, axis=0), y.repeat(times), np.ones(times.sum()), loss, penalty, True)
    ours, theirs = (subgradient(problem, tol=1e-12, max_iter=7) for problem in (weighted, repeated))
    # The same steps but for the order of sums; rounding grows with every step.
    np.testing.assert_allclose(ours.w, theirs.w, rtol=1e-8, atol=1e-10)
    assert ours.primal == pytest.approx(theirs.primal, rel=1e-10)
    if loss is not LOGISTIC:
        exact = [quadratic_program(problem).primal for problem in (weighted, repeated)]
        assert exact[0] == pytest.approx(exact[1], rel=2e-8)


@PENALTIES
@pytest.mark.parametrize("solve", [subgradient, by_minibatches, quadratic_program], ids=lambda solve: solve.__name__)
def test_sparse_samples_give_the_same_solution(solve, penalty):
    problem = make(penalty=penalty)
    problem = changed(problem, X=np.where(np.abs(problem.X) < 0.7, 0, problem.X))
    dense, thin = solve(problem, tol=1e-3), solve(changed(problem, X=sparse.csr_array(problem.X)), tol=1e-3)
    # Descents make the same steps but for the order of sums. The program is scaled in another way: to its tolerance.
    accuracy = 2e-3 if solve is quadratic_program else 1e-8
    assert thin.primal == pytest.approx(dense.primal, rel=accuracy)
    if solve is not quadratic_program:
        assert thin.n_iter == dense.n_iter
        np.testing.assert_allclose(thin.w, dense.w, rtol=1e-6, atol=1e-9)


@DESCENTS
def test_a_descent_from_the_optimum_stays_there(descent):
    problem = make()
    optimum = quadratic_program(problem)
    kept = optimum.w.copy()
    solution = descent(problem, start=(optimum.w, optimum.b))
    assert solution.primal <= optimum.primal * (1 + 1e-12)
    assert solution.converged
    assert solution.n_iter == 0  # the lower bound from there is tight
    np.testing.assert_array_equal(optimum.w, kept)


@DESCENTS
def test_reports_and_the_curve(descent):
    seen = []
    problem = make()
    solution = descent(problem, max_iter=6, tol=1e-9, report=lambda *numbers: seen.append(numbers))
    assert [t for t, _, _ in seen] == list(range(7))
    assert len(solution.curve) == 7
    assert solution.curve[0] == start_of(problem)
    best = np.minimum.accumulate(solution.curve)
    np.testing.assert_array_equal([primal for _, primal, _ in seen], best)
    assert solution.primal == best[-1]
    gaps = [gap for _, _, gap in seen]
    assert np.all(np.diff(gaps) <= ROUNDING * gaps[0])
    assert solution.gap == pytest.approx(gaps[-1], rel=1e-9)
    assert solution.reason in ("max_iter=6 steps were made", "max_iter=6 epochs were made")


# ---- what is special to one of them


@pytest.mark.parametrize(
    "schedule", [0.003, InverseSquareRoot(0.01), lambda t: 0.02 / t], ids=["number", "rule", "own"]
)
def test_with_a_schedule_the_steps_are_those_of_subgradient_descent(schedule):
    problem = make(fit_intercept=False)
    solution = subgradient(problem, schedule=schedule, max_iter=25, tol=1e-12)

    def gradient(w):
        return problem.subgradient(w, problem.multipliers(problem.margins(w, 0.0)))[0]

    history = subgradient_descent(
        lambda w: problem.primal(w, problem.margins(w, 0.0)),
        np.zeros(2),
        schedule,
        25,
        gradient=gradient,
        progress=False,
    )
    np.testing.assert_allclose(solution.curve, history.values, rtol=1e-10)  # rounding, over 25 steps
    np.testing.assert_allclose(solution.w, history.best_x, rtol=1e-10)


def test_the_mean_of_the_multipliers_belongs_to_the_iterate():
    # Bach's equivalence: with η = 1/t, w is the mean of the v(a) so far, and α that of the a. Without a lower bound
    # (which is first looked for after 8 steps, or at the end) the dual value is that of such a mean.
    problem = make(C=0.01)
    seen = []
    subgradient(problem, schedule=InverseTime(1.0), max_iter=5, tol=1e-12, report=lambda *numbers: seen.append(numbers))
    w, alphas, best, dual = np.zeros(2), [], np.inf, 0.0
    for t in range(5):
        b, a = problem.best_intercept(problem.X @ w)
        best = min(best, problem.primal(w, problem.margins(w, b)))
        if alphas:
            dual = max(dual, problem.dual(np.mean(alphas, axis=0))[0])
        assert seen[t][1:] == pytest.approx((best, best - dual), rel=1e-9)
        alphas.append(a)
        w = w - (w - problem.combination(a)) / (t + 1)
        np.testing.assert_allclose(w, problem.combination(np.mean(alphas, axis=0)), rtol=1e-9)


def test_with_l1_the_multipliers_are_weighted_by_the_rates():
    problem = make(penalty="l1", C=0.05)
    rates, seen = [0.5, 0.1, 0.3, 0.2, 0.4], []

    def report(*numbers):
        seen.append(numbers)

    subgradient(problem, schedule=lambda t: rates[t - 1], max_iter=5, tol=1e-12, report=report)
    w, alphas, best, dual = np.zeros(2), [], np.inf, 0.0
    for t in range(5):
        b, a = problem.best_intercept(problem.X @ w)
        best = min(best, problem.primal(w, problem.margins(w, b)))
        if alphas:
            dual = max(dual, problem.dual(np.average(alphas, axis=0, weights=rates[:t]))[0])
        assert seen[t][1:] == pytest.approx((best, best - dual), rel=1e-9)
        alphas.append(a)
        v = problem.combination(a)
        w = w - rates[t] * (problem.pull(w, v) - v)
    assert dual > 0


def test_minibatches_do_not_mind_where_the_origin_is():
    problem = make()
    here, there = (by_minibatches(changed(problem, X=problem.X + shift), max_iter=5, tol=1e-9) for shift in (0, 64))
    np.testing.assert_allclose(there.curve, here.curve, rtol=1e-8)  # rounding of scores of 64, over 50 steps


def test_the_mean_of_the_iterates_is_better_where_single_ones_are_noisy():
    problem = make(n=2000, d=20)
    minimum = quadratic_program(problem, tol=1e-6).primal
    solution = by_minibatches(problem, schedule=0.3, max_iter=5, tol=1e-9)
    assert solution.primal < 1.007 * minimum  # 1.0056; the best of the last iterates of the epochs has 1.0089


@DESCENTS
def test_too_large_a_rate_ends_with_a_word(descent, no_warnings):
    problem = make(SQUARED_HINGE)
    solution = descent(problem, schedule=1e3, max_iter=1000)
    assert not solution.converged
    assert "diverge" in solution.reason
    assert np.isfinite(solution.w).all()
    assert solution.n_iter < 1000
    check_certificate(problem, solution, quadratic_program(problem).primal, accuracy=1e-8)


@DESCENTS
def test_a_rate_below_zero_is_refused(descent):
    with pytest.raises(ValueError, match=r"rate must be finite and not negative; got -0\.1 at t = 1"):
        descent(make(), schedule=lambda t: -0.1)
    with pytest.raises(TypeError, match="rate must be a number or a function of the step"):
        descent(make(), schedule="fast")


def test_batches_are_decided_by_the_seed():
    problem = make()
    first, again, other = (pegasos(problem, rng=seed, max_iter=3, tol=1e-9) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.w, again.w)
    assert np.any(first.w != other.w)
    generated = pegasos(problem, rng=np.random.default_rng(0), max_iter=3, tol=1e-9)
    np.testing.assert_array_equal(first.w, generated.w)
    with pytest.raises(TypeError, match="rng must be"):
        pegasos(problem, rng=None)
    with pytest.raises(ValueError, match="batch_size must be an integer >= 1; got 0"):
        pegasos(problem, rng=0, batch_size=0)


def test_the_schedule_of_pegasos_suits_a_small_weight_and_the_default_a_large_one():
    small, large = make(C=0.01), make(C=10.0)
    assert pegasos(small, rng=0, schedule="pegasos", tol=1e-2).converged
    minimum = quadratic_program(large).primal
    above = {
        s: pegasos(large, rng=0, schedule=s, max_iter=10, tol=1e-6).primal / minimum - 1 for s in ("pegasos", None)
    }
    assert above[None] < 0.02
    assert above["pegasos"] > 5 * above[None]


def test_a_batch_of_all_samples_is_subgradient_descent():
    problem = make(fit_intercept=False)
    total = problem.c.sum()
    batch = pegasos(problem, rng=0, batch_size=problem.n, schedule=lambda t: 0.01 * total, max_iter=1, tol=1e-12)
    whole = subgradient(problem, schedule=0.01, max_iter=1, tol=1e-12)
    np.testing.assert_allclose(batch.w, whole.w, rtol=1e-10)


@PENALTIES
@ALL_LOSSES
def test_the_lower_bound_is_one_and_is_tight(loss, penalty):
    problem = make(loss, penalty)
    if loss is LOGISTIC:
        near = subgradient(problem, tol=1e-6, max_iter=10**5)
        assert near.converged
        minimum, optimum = near.primal, (near.w, near.b)
    else:
        exact = quadratic_program(problem)
        minimum, optimum = exact.primal, (exact.w, exact.b)
    far = np.array([-3.0, 5.0]), 2.0
    for (w, b), share in ((optimum, 1e-3), (far, 1e-2)):
        dual, alpha = lower_bound(problem, w, b, 1e-4)
        assert dual <= minimum * (1 + 1e-8)
        assert dual == pytest.approx(problem.dual(alpha)[0], rel=ROUNDING)
        assert dual >= minimum * (1 - share)


# ---- the augmented Lagrangian


@pytest.mark.parametrize("C", [1e-6, 1.0, 1e4])
@INTERCEPT
def test_a_rare_class_that_nothing_is_near_to(fit_intercept, C):
    # At first no sample is near its margin line, and the few positives' multipliers have no match among the others.
    X = np.random.default_rng(0).standard_normal((20_000, 5))
    problem = BinaryProblem(X, np.where(X[:, 0] > 2.3, 1.0, -1.0), np.full(20_000, C), HINGE, "l2", fit_intercept)
    solution = augmented_lagrangian(problem, tol=1e-8)
    assert solution.converged
    assert solution.n_iter < 100
    check_certificate(problem, solution, solution.primal, accuracy=1e-8)


@pytest.mark.parametrize("C", [1e-6, 1.0, 1e2, 1e4])
@pytest.mark.parametrize("thin", [False, True], ids=["dense", "sparse"])
@INTERCEPT
def test_the_certificate_of_sums_kept_up_to_date(fit_intercept, thin, C):
    # Separable: with a large C the multipliers go through sums that are many times those at the end.
    rng = np.random.default_rng(0)
    X = rng.standard_normal((100, 700))
    y = np.sign(X @ rng.standard_normal(700))
    X = np.where(np.abs(X) > 1, X, 0)
    c = np.full(100, C)
    problem = BinaryProblem(sparse.csr_array(X) if thin else X, y, c, HINGE, "l2", fit_intercept)
    solution = augmented_lagrangian(problem, tol=1e-8)
    assert solution.converged
    assert solution.n_iter < 700
    check_certificate(problem, solution, solution.primal, accuracy=1e-8)


# ---- small and odd data


@pytest.mark.parametrize("solve", [subgradient, by_minibatches, quadratic_program], ids=lambda solve: solve.__name__)
@PENALTIES
@BOTH_HINGES
def test_one_sample_of_each_class(loss, penalty, solve):
    X, y = np.array([[0.0, 1.0], [4.0, 1.0]]), np.array([-1.0, 1.0])
    problem = BinaryProblem(X, y, np.full(2, 10.0), loss, penalty, True)
    solution = solve(problem, tol=1e-2, **({"max_iter": 2000} if solve is by_minibatches else {}))
    assert solution.converged
    # The line halves the way from the one to the other. The squared hinge gives way by some per cent, as do the weights
    # for a tolerance of a hundredth: by its root, where the objective is flat.
    assert solution.w[0] == pytest.approx(0.5, rel=0.1)
    assert solution.w[1] == pytest.approx(0, abs=1e-9)
    assert solution.w[0] * 2 + solution.b == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("solve", [subgradient, by_minibatches, quadratic_program], ids=lambda solve: solve.__name__)
def test_more_features_than_samples(solve):
    problem = make(n=20, d=50, C=0.01)
    solution = solve(problem, tol=1e-2)
    assert solution.converged
    check_certificate(problem, solution, quadratic_program(problem).primal, accuracy=1e-8)


@pytest.mark.parametrize("solve", [subgradient, by_minibatches, quadratic_program], ids=lambda solve: solve.__name__)
@PENALTIES
@BOTH_HINGES
def test_constant_features_are_worth_nothing(loss, penalty, solve, no_warnings):
    X, y = clouds()
    problem = BinaryProblem(np.column_stack([X, np.full(len(y), 7.0)]), y, np.ones(len(y)), loss, penalty, True)
    without = BinaryProblem(X, y, np.ones(len(y)), loss, penalty, True)
    solution = solve(problem, tol=1e-3)
    assert solution.converged
    assert solution.primal == pytest.approx(quadratic_program(without).primal, rel=1.1e-3)
    assert abs(solution.w[2]) < 1e-3


@pytest.mark.parametrize("solve", [subgradient, by_minibatches, quadratic_program], ids=lambda solve: solve.__name__)
@PENALTIES
@BOTH_HINGES
def test_features_that_are_all_zero_leave_the_intercept(loss, penalty, solve, no_warnings):
    y = np.array([1.0, 1.0, 1.0, -1.0])
    problem = BinaryProblem(np.zeros((4, 2)), y, np.ones(4), loss, penalty, True)
    solution = solve(problem)
    assert solution.converged
    np.testing.assert_allclose(solution.w, 0, atol=1e-12)
    # The hinge: the majority has no loss, and one sample has 2. Its square: 3(1 − b)² + (1 + b)² is least at b = ½.
    assert solution.primal == pytest.approx(2.0 if loss is HINGE else 3.0, rel=1e-6)
    assert solution.b == pytest.approx(1.0 if loss is HINGE else 0.5, abs=1e-5)
