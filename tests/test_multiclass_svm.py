"""Crammer and Singer's problem: its loss, its dual, and three solvers beside cvxpy, LIBLINEAR and the binary SVM."""

import cvxpy as cp
import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import load_iris
from sklearn.svm import LinearSVC

from dlkit.linear.margin_losses import HINGE
from dlkit.linear.multiclass import CrammerSingerProblem, crammer_singer
from dlkit.linear.multiclass_problem import _balanced
from dlkit.linear.problem import BinaryProblem
from dlkit.linear.solvers.quadratic_program import quadratic_program
from dlkit.losses import multiclass_hinge


@pytest.fixture(scope="module")
def iris():
    X, label = load_iris(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    return X, label, 0.1 * np.random.default_rng(0).uniform(0.5, 2, len(label))


def optimum(X, label, c, K, penalty, intercept):
    """The minimum as it is written, with maxima; cvxpy does the rest."""
    W, b = cp.Variable((K, X.shape[1])), cp.Variable(K)
    total = cp.sum_squares(W) / 2 if penalty == "l2" else cp.sum(cp.abs(W))
    for x, y, weight in zip(X, label, c, strict=True):
        f = W @ x + (b if intercept else 0)
        total += weight * cp.max(f + (np.arange(K) != y) - f[y])
    return cp.Problem(cp.Minimize(total)).solve(solver=cp.CLARABEL)


def test_worst_rival_and_sum_of_rivals_on_the_decks_example():
    problem = CrammerSingerProblem(np.zeros((1, 1)), np.array([0]), np.ones(1), 3, "l2", True)
    scores = np.array([[3.0, -5.0, 2.5]])
    assert problem.losses(scores)[0] == multiclass_hinge(scores, [0]) == 0.5
    scores = np.array([[3.0, 2.75, 2.5]])  # two rivals within 1: the sum counts both
    assert problem.losses(scores)[0] == 0.75 and multiclass_hinge(scores, [0]) == 1.25
    last = CrammerSingerProblem(np.zeros((1, 1)), np.array([2]), np.ones(1), 3, "l2", True)
    loss, worst = last.losses(np.array([[2.0, -1.0, 3.0]]))  # at the kink no one is paid for
    assert loss == 0 and worst == 2


def test_subgradient(iris):
    """L(V) ≥ L(W) + ⟨G, V − W⟩, by the definition."""
    X, label, c = iris
    problem = CrammerSingerProblem(X, label, c, 3, "l2", False)
    rng = np.random.default_rng(1)
    for _ in range(20):
        W, V = rng.standard_normal((2, 3, 4))
        loss, worst = problem.losses(X @ W.T)
        G = -problem.combination(problem.pulls(worst))
        assert c @ problem.losses(X @ V.T)[0] >= c @ loss + (G * (V - W)).sum() - 1e-12


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize(
    ("solver", "penalty", "tol"),
    [
        ("bundle", "l2", 1e-6),
        ("quadratic_program", "l2", 1e-6),
        ("quadratic_program", "l1", 1e-6),
        ("subgradient", "l2", 3e-2),
        ("subgradient", "l1", 0.15),
    ],
)
def test_reaches_the_optimum(iris, solver, penalty, tol, intercept, sparse):
    X, label, c = iris
    want = optimum(X, label, c, 3, penalty, intercept)
    s = crammer_singer(
        csr_array(X) if sparse else X,
        label,
        c,
        3,
        penalty=penalty,
        fit_intercept=intercept,
        solver=solver,
        tol=tol,
        max_iter=2000,
    )
    assert s.converged and "within tol" in s.reason
    size = 0.5 * (s.W**2).sum() if penalty == "l2" else np.abs(s.W).sum()
    f = X @ s.W.T + s.b
    loss = (f + (np.arange(3) != label[:, None])).max(axis=1) - f[np.arange(150), label]
    assert s.primal == pytest.approx(size + c @ loss, rel=1e-12)
    # cvxpy's interior-point method is good to 1e-8 of the objective
    assert want * (1 - 1e-7) <= s.primal <= want * (1 + tol + 1e-7)
    assert want * (1 - tol - 1e-7) <= s.dual <= want * (1 + 1e-7)
    assert s.gap == pytest.approx(s.primal - s.dual, abs=1e-12)
    assert abs(s.b.sum()) < 1e-12 and s.b.any() == intercept
    # a point of the dual, by its conditions
    others = s.alpha.sum(axis=0) - s.alpha[label, np.arange(150)]
    assert (s.alpha >= 0).all()
    np.testing.assert_allclose(s.alpha[label, np.arange(150)], others, atol=1e-14)
    assert (others <= c * (1 + 1e-12)).all()
    signed = np.where(np.arange(3)[:, None] == label, 1, -1) * s.alpha
    if intercept:
        np.testing.assert_allclose(signed.sum(axis=1), 0, atol=1e-12 * c.sum())
    V = signed @ X
    assert np.abs(V).max() <= 1 + 1e-12 if penalty == "l1" else True
    assert s.dual == pytest.approx(others.sum() - (0.5 * (V**2).sum() if penalty == "l2" else 0), rel=1e-10)


def test_classes_sum_to_nothing(iris):
    """With ℓ2 a common part of all classes costs and changes no score. ½‖W − W*‖² is at most the gap."""
    X, label, c = iris
    s = crammer_singer(X, label, c, 3, tol=1e-8)
    assert np.abs(s.W.sum(axis=0)).max() <= 3 * np.sqrt(2 * s.gap)
    other = crammer_singer(X, label, c, 3, tol=1e-8, solver="quadratic_program")
    assert np.linalg.norm(s.W - other.W) <= np.sqrt(2 * s.gap) + np.sqrt(2 * other.gap)


@pytest.mark.parametrize("C", [0.01, 1.0])
def test_liblinear_minimises_the_same(iris, C):
    X, label, _ = iris
    theirs = LinearSVC(C=C, multi_class="crammer_singer", fit_intercept=False, tol=1e-8, max_iter=100_000)
    theirs.fit(X, label)
    c = np.full(150, C)
    ours = crammer_singer(X, label, c, 3, fit_intercept=False, tol=1e-7)
    problem = CrammerSingerProblem(X, label, c, 3, "l2", False)
    assert problem.primal(theirs.coef_, np.zeros(3)) == pytest.approx(ours.primal, rel=2e-7)


@pytest.mark.parametrize("intercept", [False, True])
def test_two_classes_are_the_binary_machine(iris, intercept):
    """W = ∓w/2, so ½‖W‖² = ¼‖w‖²: half the binary objective with 2C, at the same w."""
    X, label, c = (part[50:] for part in iris)
    label = label - 1
    s = crammer_singer(X, label, c, 2, fit_intercept=intercept, tol=1e-9)
    binary = quadratic_program(BinaryProblem(X, 2.0 * label - 1, 2 * c, HINGE, "l2", intercept))
    assert 2 * s.primal == pytest.approx(binary.primal, rel=1e-7)
    distance = np.sqrt(2 * s.gap) * 2 + np.sqrt(2 * binary.gap) + 1e-9
    np.testing.assert_allclose(s.W[1] - s.W[0], binary.w, atol=distance)
    np.testing.assert_allclose(s.W[0], -s.W[1], atol=distance)


def test_any_multipliers_give_a_lower_bound(iris):
    X, label, c = iris
    least = optimum(X, label, c, 3, "l2", True)
    rng = np.random.default_rng(3)
    problem = CrammerSingerProblem(X, label, c, 3, "l2", True)
    for scale in (1e-3, 0.1, 10.0):
        alpha = scale * rng.uniform(-0.2, 1, (3, 150)) ** 3
        value, point = problem.dual(alpha)
        assert value <= least * (1 + 1e-9) and (point >= 0).all()
        again, same = problem.dual(point)
        assert again == pytest.approx(value, rel=1e-9, abs=1e-12)
        np.testing.assert_allclose(same, point, atol=1e-10 * point.max())


def test_balance():
    """Osborne's: rows sum to what columns do; a class without a way back has no part."""
    rng = np.random.default_rng(0)
    F = rng.uniform(0, 1, (6, 6)) ** 4
    np.fill_diagonal(F, 0)
    balanced = _balanced(F) * F
    np.testing.assert_allclose(balanced.sum(axis=0), balanced.sum(axis=1), rtol=1e-10)
    assert balanced.max() > 1e-3
    F[:, 2] = 0  # no one pulls at class 2
    balanced = _balanced(F) * F
    assert not balanced[2].any()
    np.testing.assert_allclose(balanced.sum(axis=0), balanced.sum(axis=1), rtol=1e-10, atol=1e-14)
    cycle = np.array([[0, 1.0, 0], [0, 0, 8.0], [1.0, 0, 0]])
    np.testing.assert_allclose((_balanced(cycle) * cycle)[cycle > 0], 2)  # the geometric mean


@pytest.mark.parametrize("solver", ["bundle", "subgradient"])
def test_start_report_and_max_iter(iris, solver):
    X, label, c = iris
    best = crammer_singer(X, label, c, 3, tol=1e-8)
    lines = []
    s = crammer_singer(
        X,
        label,
        c,
        3,
        solver=solver,
        tol=1e-9,
        max_iter=3,
        start=(best.W, best.b),
        report=lambda *line: lines.append(line),
    )
    assert s.curve[0] == pytest.approx(best.primal, rel=1e-12)
    assert s.primal <= best.primal * (1 + 1e-12)
    assert [line[0] for line in lines] == [0, 1, 2, 3]
    assert not s.converged and s.n_iter == 3 and "max_iter=3" in s.reason
    slow = crammer_singer(X, label, c, 3, solver="subgradient", max_iter=5, schedule=1e-9)
    assert slow.primal > 0.99 * c.sum()  # hardly away from 0


def test_unknown_requests(iris):
    X, label, c = iris
    with pytest.raises(ValueError, match="solver must be 'bundle', 'subgradient' or 'quadratic_program'; got 'sgd'"):
        crammer_singer(X, label, c, 3, solver="sgd")
    with pytest.raises(ValueError, match="solver='bundle' is for penalty='l2'; got 'l1'"):
        crammer_singer(X, label, c, 3, penalty="l1")
