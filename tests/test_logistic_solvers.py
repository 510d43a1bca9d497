"""Logistic regression: its problem, its dual, and each solver against the others and against the libraries."""

import warnings

import cvxpy as cp
import numpy as np
import pytest
from scipy.sparse import coo_array, csr_array, csr_matrix, random_array
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression as Reference
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_limits

from dlkit.autograd import Tensor, jacobian, softmax_cross_entropy
from dlkit.linear import LogisticRegression
from dlkit.linear.margin_losses import LOGISTIC
from dlkit.linear.problem import BinaryProblem
from dlkit.linear.softmax_problem import SoftmaxProblem
from dlkit.linear.solvers.irls import normal_equations
from dlkit.linear.solvers.softmax_l1 import least_subgradient
from dlkit.linear.solvers.subsampled_newton import Whitening, subsampled_newton
from dlkit.optim import Constant, InverseTime

EXACT = ("newton", "irls", "subsampled_newton")


pytestmark = pytest.mark.filterwarnings("error")  # a warning that a test does not expect


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """These matrices are small: several threads would mostly wait for one another."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def data():
    """Samples and labels by name; with two, three and four classes."""
    breast, iris = load_breast_cancer(return_X_y=True), load_iris(return_X_y=True)
    return {
        "breast": (StandardScaler().fit_transform(breast[0]), breast[1]),
        "iris": (StandardScaler().fit_transform(iris[0]), iris[1]),
        "noisy": drawn(300, 5, 4, seed=3),
    }


def drawn(n, d, K, seed):
    """Return samples, and labels drawn from a softmax model with some weights 0."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    W = rng.standard_normal((d, K)) * (rng.random((d, K)) < 0.7)
    return X, (X @ W + rng.gumbel(size=(n, K))).argmax(axis=1)


def problem_of(K, penalty="l2", fit_intercept=True, sparse=False, n=40, d=3):
    """Return a small problem with weights of its own, and a point."""
    X, label = drawn(n, d, K, seed=K)
    label[:K] = np.arange(K)  # every class is there
    rng = np.random.default_rng(7)
    problem = SoftmaxProblem(csr_array(X) if sparse else X, label, rng.uniform(0.5, 2, n), K, penalty, fit_intercept)
    w = rng.standard_normal(problem.shape)
    return problem, (w - w.mean(axis=1, keepdims=True) if K > 2 else w).ravel()


COMBINATIONS = [LogisticRegression(solver=name) for name in ("irls", "subsampled_newton", "sgd")]
COMBINATIONS += [LogisticRegression(penalty="l1"), LogisticRegression(solver="newton", C=np.inf)]


BATCHES = "a sample there twice makes other batches than one of weight 2; both come near the same minimum"


def exempt(estimator):
    """Return the checks that a solver cannot pass, and why."""
    names = [f"check_sample_weight_equivalence_on_{kind}_data" for kind in ("dense", "sparse")]
    return dict.fromkeys(names, BATCHES) if estimator.solver == "sgd" else {}


@parametrize_with_checks(COMBINATIONS, expected_failed_checks=exempt)
def test_keeps_scikit_learns_contract(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # SGD's, and that data are separable
        check(estimator)


# The problem and its derivatives


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("K", [2, 3])
def test_derivatives_are_those_of_autograd(K, fit_intercept, sparse):
    """The gradient, and the Hessian column by column, from the objective written with dlkit's operations."""
    problem, w = problem_of(K, fit_intercept=fit_intercept, sparse=sparse)
    X = problem.X.toarray() if sparse else problem.X
    pin = np.eye(K)[-problem.columns :]  # puts the free columns in their places

    def objective(w):
        W = w.reshape(problem.shape)
        Z = X @ W[:3] + (W[3] if fit_intercept else 0.0)
        return (softmax_cross_entropy(Z @ pin, y=problem.label) * problem.weight).sum() + (W[:3] ** 2).sum() / 2

    def gradient(w):
        w = Tensor(w)
        f = objective(w)
        f.backward()
        return f.item(), w.grad

    f, g = gradient(w)
    ours = problem.objective_and_gradient(w)
    assert ours[0] == pytest.approx(f, rel=1e-13)  # 40 terms, summed in another order
    np.testing.assert_allclose(ours[1], g, rtol=0, atol=1e-12)  # 40 terms of a size up to 10, each rounded
    for v in np.eye(w.size):
        if K > 2:  # a direction that can occur
            v = (v.reshape(problem.shape) - v.reshape(problem.shape).mean(axis=1, keepdims=True)).ravel()
        numeric = (gradient(w + 1e-5 * v)[1] - gradient(w - 1e-5 * v)[1]) / 2e-5
        # differences: 1e-10 times a third derivative of a size up to 100, and 1e-13/1e-5 of rounding
        np.testing.assert_allclose(problem.hessian_vector_product(w, v), numeric, rtol=0, atol=5e-8)


def test_the_hessian_of_irls_is_the_one_of_the_products():
    for K in (2, 3):
        for sparse in (False, True):
            problem, w = problem_of(K, sparse=sparse)
            g = problem.objective_and_gradient(w)[1]
            H, right = normal_equations(problem, w, g)
            np.testing.assert_allclose(H, H.T, rtol=0, atol=1e-13)  # entries up to 20, sums of 40 terms
            for v in np.eye(w.size):
                v = v.reshape(problem.shape)
                v = (v - v.mean(axis=1, keepdims=True) if K > 2 else v).ravel()
                np.testing.assert_allclose(H @ v, problem.hessian_vector_product(w, v), rtol=0, atol=1e-11)
            assert np.linalg.eigvalsh(H).min() > 0.1  # regular, though shifts common to all classes cost nothing
            np.testing.assert_allclose(right, H @ w - g, rtol=1e-13)


def test_irls_solves_the_textbooks_least_squares_problem():
    """The normal equations are those of ½‖w‖² + ½ Σ sᵢ (tᵢ − xᵢ·w)² with the working response t."""
    problem, w = problem_of(2)
    design = np.column_stack([problem.X, np.ones(problem.n)])
    p = 1 / (1 + np.exp(-design @ w))
    s = problem.weight * p * (1 - p)
    t = design @ w + problem.weight * (problem.label - p) / s
    rows = np.vstack([np.sqrt(s)[:, None] * design, np.diag([1.0, 1, 1, 0])])
    expected = np.linalg.lstsq(rows, np.append(np.sqrt(s) * t, np.zeros(4)))[0]
    H, right = normal_equations(problem, w, problem.objective_and_gradient(w)[1])
    np.testing.assert_allclose(np.linalg.solve(H, right), expected, rtol=1e-10)  # a condition number below 1e3


def test_a_part_of_the_samples_stands_for_all():
    """On average over all parts of a kind, value and gradient of the losses are those of the whole."""
    problem, w = problem_of(3, penalty="none")
    f, g = problem.objective_and_gradient(w)
    parts = [problem.part(slice(first, first + 8)).objective_and_gradient(w) for first in range(0, 40, 8)]
    assert np.mean([part[0] for part in parts]) == pytest.approx(f, rel=1e-13)
    np.testing.assert_allclose(np.mean([part[1] for part in parts], axis=0), g, rtol=0, atol=1e-12)


@pytest.mark.parametrize("sparse", [False, True])
def test_sums_over_samples(sparse):
    problem, _ = problem_of(3, sparse=sparse)
    design = np.column_stack([problem.X.toarray() if sparse else problem.X, np.ones(40)])
    c = problem.weight
    np.testing.assert_allclose(problem.term_sizes(), np.repeat(c @ np.abs(design), 3), rtol=1e-13)
    np.testing.assert_allclose(problem.squares(), c @ design**2, rtol=1e-13)
    np.testing.assert_allclose(problem.gram(c), design.T @ (c[:, None] * design), rtol=0, atol=1e-12)
    X = np.random.default_rng(0).standard_normal((1000, 300))  # more than one block of rows
    wide = SoftmaxProblem(csr_array(X) if sparse else X, np.arange(1000) % 2, np.ones(1000), 2, "l2", False)
    np.testing.assert_allclose(wide.term_sizes(), np.abs(X).sum(axis=0), rtol=1e-13)


# The dual


@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("penalty", ["l2", "l1"])
@pytest.mark.parametrize("K", [2, 3])
def test_the_dual_bounds_the_minimum_from_below_and_meets_it(K, penalty, fit_intercept):
    problem, w = problem_of(K, penalty, fit_intercept)
    W = cp.Variable(problem.shape)
    scores = problem.X @ W[:3] + (np.ones((40, 1)) @ W[3:] if fit_intercept else 0)
    if K == 2:
        scores = cp.hstack([np.zeros((40, 1)), scores])
    own = cp.sum(cp.multiply(np.eye(K)[problem.label], scores), axis=1)
    losses = problem.weight @ (cp.log_sum_exp(scores, axis=1) - own)
    size = cp.sum_squares(W[:3]) / 2 if penalty == "l2" else cp.sum(cp.abs(W[:3]))
    task = cp.Problem(cp.Minimize(size + losses))
    minimum = task.solve(solver=cp.CLARABEL, tol_gap_abs=1e-10, tol_gap_rel=1e-10, tol_feas=1e-10)
    best = W.value - (W.value.mean(axis=1, keepdims=True) if K > 2 and penalty == "l2" else 0)
    assert problem.primal(best.ravel()) == pytest.approx(minimum, rel=1e-8)  # what cvxpy promises
    # The dual is off by the first order of the solver's error of the weights, some 1e-6; 1e-4 of the objective is ample
    # to tell a wrong constant from it.
    assert minimum * (1 - 1e-4) <= problem.dual(best.ravel()) <= minimum * (1 + 1e-8)
    rng = np.random.default_rng(1)
    for scale in (0.0, 0.1, 1.0, 10.0):
        anywhere = scale * rng.standard_normal(w.size)
        assert problem.dual(anywhere) <= minimum + 1e-8 * abs(minimum)
    assert problem.dual(0 * w) < problem.dual(best.ravel())


def test_two_classes_have_the_dual_of_the_margins():
    """For probabilities that already fulfil the constraint, the dual is BinaryProblem's."""
    for penalty in ("l2", "l1"):
        problem, w = problem_of(2, penalty, fit_intercept=False)
        y = np.where(problem.label == 1, 1.0, -1.0)
        binary = BinaryProblem(problem.X, y, problem.weight, LOGISTIC, penalty, False)
        margins = binary.margins(w, 0.0)
        assert problem.primal(w) == pytest.approx(binary.primal(w, margins), rel=1e-13)
        assert problem.dual(w) == pytest.approx(binary.dual(binary.multipliers(margins))[0], rel=1e-11)


def test_no_lower_bound_is_known_without_a_penalty(data):
    m = LogisticRegression(C=np.inf).fit(*data["noisy"])
    assert (m.dual_objective_, m.duality_gap_) == (-np.inf, np.inf)


@pytest.mark.parametrize("name", ["breast", "iris", "noisy"])
@pytest.mark.parametrize(("penalty", "bound"), [("l2", 1e-9), ("l1", 1e-5)])
def test_the_gap_is_small_at_the_solution(data, name, penalty, bound):
    """For ℓ2 it is of second order in the gradient, for ℓ1 of the first: the size of the largest |V| beyond 1."""
    m = LogisticRegression(penalty=penalty, C=0.1).fit(*data[name])
    assert 0 <= m.duality_gap_ <= bound * m.objective_
    assert m.duality_gap_ == pytest.approx(m.objective_ - m.dual_objective_, abs=1e-12 * m.objective_)
    assert m.objective_ == pytest.approx(m.loss_curve_[-1], rel=1e-12)


# The solvers, against one another and the libraries


@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("name", ["breast", "iris", "noisy"])
def test_exact_solvers_agree(data, name, fit_intercept):
    """A 1-strongly convex objective: within ‖g‖ of the minimum, 1e-11 · Σ|x| ≤ 1e-11 · 2e4; the intercept likewise."""
    fits = [LogisticRegression(solver=s, tol=1e-11, fit_intercept=fit_intercept).fit(*data[name]) for s in EXACT]
    for m in fits[1:]:
        np.testing.assert_allclose(m.coef_, fits[0].coef_, rtol=0, atol=1e-6)
        np.testing.assert_allclose(m.intercept_, fits[0].intercept_, rtol=0, atol=1e-6)
        assert m.objective_ == pytest.approx(fits[0].objective_, rel=1e-12)
    assert fits[1].n_iter_ <= 12


def test_irls_without_a_penalty(data):
    X, y = data["noisy"]
    exact, irls = (LogisticRegression(C=np.inf, solver=s).fit(X, y) for s in ("newton", "irls"))
    # the gradient is within 1e-10 · Σ|x| = 3e-8 of 0, and the least curvature there is above 1
    np.testing.assert_allclose(irls.coef_, exact.coef_, rtol=0, atol=1e-7)
    with pytest.warns(ConvergenceWarning, match="look linearly separable"):
        LogisticRegression(C=np.inf, solver="irls").fit(*data["breast"])


@pytest.mark.parametrize("C", [0.05, 0.4])
@pytest.mark.parametrize("name", ["breast", "iris", "noisy"])
def test_l1_agrees_with_saga(data, name, C):
    X, y = data[name]
    ours = LogisticRegression(penalty="l1", C=C, tol=1e-10).fit(X, y)
    reference = Reference(l1_ratio=1.0, C=C, solver="saga", tol=1e-8, max_iter=20_000, random_state=0).fit(X, y)

    def objective(model):
        Z = X @ model.coef_.T + model.intercept_
        Z = np.hstack([np.zeros_like(Z), Z]) if name == "breast" else Z
        losses = np.logaddexp.reduce(Z, axis=1) - Z[np.arange(len(y)), y]
        return np.abs(model.coef_).sum() + C * losses.sum()

    assert ours.objective_ == pytest.approx(objective(ours), rel=1e-12)
    assert ours.objective_ <= objective(reference) * (1 + 1e-9)
    # saga stops at a relative change of 1e-8 of the weights in an epoch; it needs up to thousands of epochs
    assert objective(reference) == pytest.approx(ours.objective_, rel=1e-6)
    assert C > 0.1 or 0 < np.count_nonzero(ours.coef_) < ours.coef_.size
    np.testing.assert_allclose(ours.predict_proba(X), reference.predict_proba(X), rtol=0, atol=1e-2)


@pytest.mark.parametrize("tol", [1e-4, 1e-8])
@pytest.mark.parametrize("name", ["breast", "noisy"])
def test_l1_fulfils_the_conditions_of_its_minimum(data, name, tol):
    """C xⱼᵀ(Y − P) is sign(w) where w ≠ 0 and within [−1, 1] where w = 0, up to tol · C Σ|xⱼ|."""
    X, y = data[name]
    C = 0.2
    m = LogisticRegression(penalty="l1", C=C, tol=tol).fit(X, y)
    residual = np.eye(len(m.classes_))[y] - m.predict_proba(X)
    pull = (C * X.T @ residual)[:, -len(m.coef_) :].T
    slack = 1.001 * tol * C * np.abs(X).sum(axis=0) + 1e-12  # the rounding of probabilities computed anew
    zero = m.coef_ == 0
    assert np.all(np.where(zero, np.abs(pull) - 1, np.abs(pull - np.sign(m.coef_))) <= slack)
    assert np.all(np.abs(residual.sum(axis=0)) <= 1.001 * tol * len(y))
    assert zero.any()


def test_the_subgradient_nearest_to_zero():
    w, kink = np.array([2.0, -1.0, 0.0, 0.0, 0.0, 5.0]), np.array([1.0, 1, 1, 1, 1, 0])
    g = np.array([-1.0, 3.0, 0.5, -4.0, 1.0, 0.25])
    np.testing.assert_array_equal(least_subgradient(w, g, kink), [0, 2, 0, -3, 0, 0.25])


def test_l1_in_other_units_of_the_features_is_still_the_same_problem(data):
    """The solver changes the units within; what it minimises is still Σ|W| in the user's."""
    X, y = data["noisy"]
    unit = np.array([0.01, 1.0, 10.0, 1.0, 3.0])
    m = LogisticRegression(penalty="l1", C=0.3, tol=1e-10).fit(X * unit, y)
    reference = Reference(l1_ratio=1.0, C=0.3, solver="saga", tol=1e-10, max_iter=20_000, random_state=0)
    reference.fit(X * unit, y)
    np.testing.assert_allclose(m.predict_proba(X * unit), reference.predict_proba(X * unit), rtol=0, atol=1e-4)
    assert np.count_nonzero(m.coef_[:, 0]) == 0  # a small unit: no weight is worth its price


@pytest.mark.parametrize("kind", [csr_array, csr_matrix, coo_array])
@pytest.mark.parametrize("name", ["newton", "irls", "subsampled_newton", "proximal", "sgd"])
def test_sparse_samples_are_as_good_as_dense_ones(data, name, kind):
    X, y = data["noisy"]
    X = np.where(np.abs(X) < 0.5, 0, X)
    model = LogisticRegression(
        solver=name, penalty="l1" if name == "proximal" else "l2", tol=0.05 if name == "sgd" else None
    )
    dense, sparse = clone(model).fit(X, y), clone(model).fit(kind(X), y)
    # the same steps, but for the order of sums; where steps are many, some 1e-16 a step grow with the condition
    np.testing.assert_allclose(sparse.coef_, dense.coef_, rtol=0, atol=1e-7)
    np.testing.assert_allclose(sparse.predict_proba(kind(X)), dense.predict_proba(X), rtol=0, atol=1e-7)
    assert sparse.duality_gap_ == pytest.approx(dense.duality_gap_, abs=1e-6 * dense.objective_)


@pytest.mark.parametrize(("name", "penalty"), [("newton", "l2"), ("subsampled_newton", "l2"), ("proximal", "l1")])
def test_sparse_samples_stay_sparse(name, penalty):
    """2000 × 200,000 numbers would be 3.2 GB, and the square matrix of the features 320 GB."""
    X = random_array((2000, 200_000), density=1e-4, format="csr", rng=np.random.default_rng(0))
    X.data[:] = 1
    y = (X[:, :1000].sum(axis=1) + X[:, 1000:2000].sum(axis=1) > 0).astype(int)
    m = LogisticRegression(solver=name, penalty=penalty, C=0.5, tol=1e-4).fit(X, y)
    assert m.coef_.shape == (1, 200_000)
    assert m.duality_gap_ <= 0.01 * m.objective_


@pytest.mark.parametrize(("name", "penalty"), [("irls", "l2"), ("subsampled_newton", "l2"), ("proximal", "l1")])
def test_a_weight_counts_as_repetition(data, name, penalty):
    X, y = data["noisy"]
    count = np.random.default_rng(4).integers(0, 4, len(y))
    model = LogisticRegression(solver=name, penalty=penalty, tol=1e-10)
    weighted = clone(model).fit(X, y, sample_weight=count)
    repeated = clone(model).fit(X.repeat(count, axis=0), y.repeat(count))
    # both are within ‖g‖ ≤ 1e-10 · Σ|x| = 5e-8 of the minimum over a curvature of at least 1 (ℓ1: on its support)
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["newton", "irls", "subsampled_newton", "proximal"])
def test_a_warm_start_saves_iterations_along_a_path(data, name):
    X, y = data["noisy"]
    path = (0.5, 0.6, 0.7)
    penalty = "l1" if name == "proximal" else "l2"
    warm = LogisticRegression(solver=name, penalty=penalty, tol=1e-9, warm_start=True)
    for k, C in enumerate(path):
        cold = LogisticRegression(solver=name, penalty=penalty, tol=1e-9, C=C).fit(X, y)
        warm.set_params(C=C).fit(X, y)
        # the gradients are within 1e-9 · Σ|x| = 2.5e-7 of 0. With ℓ1 and four classes a shift of all may differ
        shift = np.median(warm.coef_ - cold.coef_, axis=0) if name == "proximal" else 0
        np.testing.assert_allclose(warm.coef_ - shift, cold.coef_, rtol=0, atol=1e-5)
        assert warm.objective_ == pytest.approx(cold.objective_, rel=1e-9)
        if k > 0:
            assert warm.loss_curve_[0] < cold.loss_curve_[0]
            # a fit from scratch by "subsampled_newton" has a good start as well
            assert warm.n_iter_ < cold.n_iter_ + 3 * (name == "subsampled_newton")
    warm.fit(X, y)
    assert warm.n_iter_ == 0


def test_a_warm_start_from_l1_leaves_no_common_shift(data):
    """ℓ1 has weights that do not sum to 0 over the classes; ℓ2 starts from the same scores' differences."""
    X, y = data["noisy"]
    m = LogisticRegression(penalty="l1", C=0.1, warm_start=True).fit(X, y)
    assert np.abs(m.coef_.sum(axis=0)).max() > 0.01
    m.set_params(penalty="l2", C=1.0).fit(X, y)
    np.testing.assert_allclose(m.coef_, LogisticRegression().fit(X, y).coef_, rtol=0, atol=1e-6)


def test_a_warm_start_needs_the_same_classes_and_features(data):
    m = LogisticRegression(warm_start=True).fit(*data["noisy"])
    with pytest.raises(ValueError, match="warm_start=True goes on from the last fit, which had 5 features"):
        m.fit(*data["breast"])


# Newton's method with the curvature of a sample


def test_whitened_features_have_a_hessian_near_the_identity():
    for K in (2, 3):
        problem, w = problem_of(K, n=400)
        white = Whitening(problem)
        for v in np.eye(w.size):
            v = v.reshape(problem.shape)
            v = (v - v.mean(axis=1, keepdims=True) if K > 2 else v).ravel()
            product = white.gradient(problem.hessian_vector_product(0 * w, white.step(v)))
            # At w = 0 all classes are alike: for two exactly, q = 1/4; for K it is 1/K = q + 1/K² off the shifts.
            part = problem.ridge.mean() if K == 2 else None
            if K == 2:
                assert part is not None
                np.testing.assert_allclose(product, v, rtol=0, atol=1e-9)
            else:
                assert 0.99 * v @ v <= v @ product <= 1.5 * v @ v * (1 + 1e-9)
        rng = np.random.default_rng(0)
        u, v = rng.standard_normal((2, w.size))
        assert white.gradient(u) @ v == pytest.approx(u @ white.step(v), rel=1e-12)  # one is the other's transpose


def test_very_many_features_are_scaled_only():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 2001)) * np.geomspace(0.01, 100, 2001)
    problem = SoftmaxProblem(X, np.arange(60) % 3, np.ones(60), 3, "l2", True)
    white = Whitening(problem)
    assert white.L.shape == (2002, 1)
    np.testing.assert_allclose(white.L[:-1, 0] ** 2, 2 / 9 * (X**2).sum(axis=0) + 1, rtol=1e-12)
    ours = LogisticRegression(solver="subsampled_newton", tol=1e-8).fit(X, np.arange(60) % 3)
    exact = LogisticRegression(solver="newton").fit(X, np.arange(60) % 3)
    assert ours.objective_ == pytest.approx(exact.objective_, rel=1e-6)


@pytest.mark.parametrize("order", ["shuffled", "sorted by class"])
def test_many_samples_take_few_passes(order):
    """Passes over all samples: a value with its gradient is one, and so are 4 products with a fourth."""
    X, y = drawn(20_000, 20, 5, seed=0)
    X *= np.geomspace(0.1, 10, 20)  # which gradient methods would not like
    if order == "sorted by class":
        place = np.argsort(y, kind="stable")
        X, y = X[place], y[place]
    problem = SoftmaxProblem(X, y, np.full(20_000, 0.01), 5, "l2", True)
    rows = 0
    combination = SoftmaxProblem.combination

    def counted(self, A):
        nonlocal rows
        rows += len(A)
        return combination(self, A)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SoftmaxProblem, "combination", counted)
        result = subsampled_newton(problem, x0=None, tol=1e-6, max_iter=100, rng=np.random.default_rng(0))
    exact = LogisticRegression(solver="newton", C=0.01).fit(X, y)
    assert result.converged
    assert result.curve[0] <= exact.objective_ * 1.05  # the sample's minimum; it is 1.6 times as large at 0
    assert result.curve[-1] == pytest.approx(exact.objective_, rel=1e-9)
    assert rows <= 30 * 20_000


def test_a_sample_that_speaks_for_too_few_is_doubled():
    """Weights that sit on few samples: a fourth of them says little about the curvature."""
    X, y = drawn(2000, 30, 2, seed=0)
    X[::50] *= 30
    sizes = set()
    product = SoftmaxProblem.hessian_vector_product

    def watched(self, w, v):
        sizes.add(self.n)
        return product(self, w, v)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SoftmaxProblem, "hessian_vector_product", watched)
        m = LogisticRegression(solver="subsampled_newton", tol=1e-9).fit(X, y)
    assert {500, 1000} <= sizes or {1000, 2000} <= sizes
    assert m.objective_ == pytest.approx(LogisticRegression().fit(X, y).objective_, rel=1e-10)


def test_the_solver_is_chosen_by_size():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((64_000, 100)), rng.integers(0, 5, 64_000)
    X[np.arange(64_000), y] += 3

    def chosen(X, y, **parameters):
        m = LogisticRegression(**parameters)
        K, penalty = len(np.unique(y)), "none" if np.isinf(m.C) else m.penalty
        return m._automatic(SoftmaxProblem(X, y, np.ones(len(y)), K, penalty, True))

    assert chosen(X, y) == "subsampled_newton"
    assert chosen(X[:, :80], y) == "newton"  # smaller
    assert chosen(csr_array(X), y) == "newton"
    assert chosen(X, y, C=np.inf) == "newton"
    assert chosen(X, y, penalty="l1") == "proximal"
    assert chosen(X, y, penalty="l1", C=np.inf) == "newton"  # no penalty is no penalty


# Stochastic gradient descent


def fitted_by_sgd(X, y, **parameters):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LogisticRegression(solver="sgd", **parameters).fit(X, y)


def test_mini_batches_come_near_the_minimum(data):
    X, y = drawn(5000, 10, 3, seed=2)
    exact = LogisticRegression(C=0.01).fit(X, y)
    m = fitted_by_sgd(X, y, C=0.01, tol=1e-6, max_iter=20)
    assert m.n_iter_ == 20
    assert exact.objective_ <= m.objective_ <= 1.001 * exact.objective_
    assert np.all(np.diff(m.loss_curve_) <= 0)  # the best so far
    assert m.loss_curve_[0] == pytest.approx(50 * np.log(3), rel=1e-12)


def test_mini_batches_are_drawn_by_the_seed(data):
    X, y = data["noisy"]
    one, same, other = (fitted_by_sgd(X, y, random_state=seed, max_iter=3) for seed in (1, np.random.default_rng(1), 2))
    np.testing.assert_array_equal(one.coef_, same.coef_)
    assert np.abs(one.coef_ - other.coef_).max() > 1e-6


def test_schedule_and_batch_size_are_heard(data):
    """One epoch with one batch of all samples and the rate η is a gradient step, whose mean is a half of the way."""
    X, y = data["noisy"]
    m = fitted_by_sgd(X, y, schedule=0.1, batch_size=300, max_iter=1, fit_intercept=False)
    # the first mean: 4/(1 + 3) = 1 of the step. Twice the order of summing 300 terms
    np.testing.assert_allclose(m.coef_.T, 0.1 / 300 * X.T @ (np.eye(4)[y] - 0.25), rtol=0, atol=1e-15)
    assert Constant(0.1)(1) == 0.1
    slow, fast = (fitted_by_sgd(X, y, schedule=InverseTime(rate), max_iter=2).objective_ for rate in (1e-4, 0.5))
    assert fast < slow


def test_too_large_a_rate_is_told(data):
    X, y = data["noisy"]
    with pytest.warns(ConvergenceWarning, match=r"the iterates diverge, as the rate is too large.*change the schedule"):
        m = LogisticRegression(solver="sgd", schedule=1e200, max_iter=5).fit(X, y)
    assert np.isfinite(m.coef_).all()
    assert m.objective_ <= 300 * np.log(4) * (1 + 1e-12)


# Progress, and what is refused


def test_progress_is_printed(data, capsys):
    X, y = data["noisy"]
    for name in (*EXACT, "proximal", "sgd"):
        m = fitted_by_sgd if name == "sgd" else None
        parameters = {"penalty": "l1" if name == "proximal" else "l2", "verbose": 1}
        model = m(X, y, **parameters) if m else LogisticRegression(solver=name, **parameters).fit(X, y)
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == f"LogisticRegression, solver={name!r}"
        assert lines[1].split() == ["iteration", "objective", "derivative"]
        first, last = lines[2].split(), lines[-2].split()
        assert first[0] == "0"
        assert float(first[1]) == pytest.approx(model.loss_curve_[0], rel=1e-5)  # six digits are printed
        assert int(last[0]) == model.n_iter_
        assert float(last[1]) == pytest.approx(model.objective_, rel=1e-5)
        assert lines[-1].startswith("ended: ")
    LogisticRegression().fit(X, y)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"penalty": "elasticnet"}, ValueError, "penalty must be one of 'l2', 'l1'; got 'elasticnet'"),
        ({"penalty": None}, TypeError, "penalty must be one of the strings"),
        ({"solver": "lbfgs"}, ValueError, "solver must be one of 'auto', 'newton'.*got 'lbfgs'"),
        ({"solver": "irls", "penalty": "l1"}, ValueError, "solver='irls' does not offer penalty='l1'.*'proximal', and"),
        ({"solver": "proximal"}, ValueError, "solver='proximal' does not offer penalty='l2'.*'newton', 'irls', 'sub"),
        ({"solver": "sgd", "C": np.inf}, ValueError, "does not offer C=np.inf.*those that do: 'newton', 'irls', and"),
        ({"solver": "proximal", "penalty": "l1", "C": np.inf}, ValueError, "does not offer C=np.inf"),
        ({"batch_size": 10}, ValueError, "batch_size is for solver='sgd' only; got batch_size=10 with solver='auto'"),
        ({"schedule": 0.1, "solver": "newton"}, ValueError, "schedule is for solver='sgd' only"),
        ({"schedule": "fast", "solver": "sgd"}, TypeError, "rate must be a number or a function"),
        ({"batch_size": 0, "solver": "sgd"}, ValueError, "batch_size must be an integer >= 1; got 0"),
        ({"random_state": "a"}, TypeError, "random_state must be a numpy.random.Generator"),
        ({"warm_start": 1}, TypeError, "warm_start must be True or False"),
        ({"verbose": 3}, ValueError, "verbose must be 0 or 1; got 3"),
    ],
)
def test_refuses_parameters(parameters, error, message):
    with pytest.raises(error, match=message):
        LogisticRegression(**parameters).fit([[0.0], [1.0], [2.0]], [0, 1, 1])


@pytest.mark.parametrize(
    ("X", "y", "error", "message"),
    [
        (csr_array([[0.0], [np.nan]]), [0, 1], ValueError, "Input X contains NaN"),
        (np.empty((0, 2)), [], ValueError, "Found array with 0 sample"),  # an empty fold
        ([[0.0], [1.0]], [0, "a"], TypeError, "y must hold labels of one kind"),
        ([[0.0], [1.0]], [[0, 1], [1, 0]], ValueError, "y should be a 1d array"),
    ],
)
def test_refuses_data(X, y, error, message):
    with pytest.raises(error, match=message):
        LogisticRegression().fit(X, y)


def test_irls_refuses_what_it_cannot_do():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((20, 2000)), np.arange(20) % 3
    with pytest.raises(ValueError, match=r"takes at most 4000 unknowns; got 6003.*Take solver='newton'"):
        LogisticRegression(solver="irls").fit(X, y)
    X, y = drawn(50, 2, 2, seed=0)
    with pytest.raises(ValueError, match=r"singular Hessian: features that are constant.*or take solver='newton'"):
        LogisticRegression(solver="irls", C=np.inf).fit(np.column_stack([X, np.zeros(50)]), y)


@pytest.mark.parametrize("name", ["newton", "irls", "subsampled_newton", "proximal"])
def test_constant_features_and_more_features_than_samples(name):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((20, 60)), np.arange(20) % 3
    X[:, 0], X[:, 1] = 0, 7
    m = LogisticRegression(solver=name, penalty="l1" if name == "proximal" else "l2").fit(X, y)
    assert np.all(m.coef_[:, 0] == 0)
    # What a constant feature does, the intercept does for nothing; its weight is 0 up to tol · 7 · 20 of the derivative
    np.testing.assert_allclose(m.coef_[:, 1], 0, rtol=0, atol=2e-3 if name == "subsampled_newton" else 1e-7)
    assert m.duality_gap_ <= 1e-2 * m.objective_


def test_jacobian_agrees_with_the_gradient():
    """dlkit's own differentiation of the two-class objective, by another entrance."""
    problem, w = problem_of(2, fit_intercept=False)
    y = np.where(problem.label == 1, 1.0, -1.0)

    def objective(w):
        from dlkit.losses import logistic_loss

        return (logistic_loss((problem.X @ w) * y) * problem.weight).sum() + (w * w).sum() / 2

    np.testing.assert_allclose(jacobian(objective)(w), problem.objective_and_gradient(w)[1], rtol=0, atol=1e-12)
