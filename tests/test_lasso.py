"""The LASSO: scikit-learn's objective, its optimum, its certificate, its path."""

import warnings

import cvxpy as cp
import numpy as np
import pytest
from scipy.sparse import csr_array, random_array
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Lasso as Reference
from sklearn.linear_model import lasso_path as reference_path
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_limits

from dlkit.linear import Lasso, alpha_max, lasso_path
from dlkit.linear.solvers.coordinate_descent import LeastSquares, coordinate_descent

SOLVERS = ("coordinate", "fista", "ista")


@pytest.fixture(autouse=True)
def strict():
    """A warning that a test does not expect is an error; small matrices want one thread."""
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture(scope="module")
def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return X / X.std(axis=0), y


def objective(model, X, y, weight=None):
    s = np.ones(len(y)) if weight is None else weight
    r = y - X @ model.coef_ - model.intercept_
    return s @ r**2 / (2 * s.sum()) + model.alpha * np.abs(model.coef_).sum()


@parametrize_with_checks([Lasso(tol=1e-14), Lasso(solver="fista", alpha=0.1, tol=1e-12)])
def test_keeps_scikit_learns_contract(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("alpha", [0.1, 1.0, 20.0])
def test_agrees_with_scikit_learn(diabetes, alpha, intercept, solver):
    X, y = diabetes
    theirs = Reference(alpha=alpha, fit_intercept=intercept, tol=1e-12, max_iter=100_000).fit(X, y)
    ours = Lasso(alpha=alpha, fit_intercept=intercept, solver=solver, tol=1e-9, max_iter=100_000).fit(X, y)
    best = objective(theirs, X, y)
    assert ours.objective_ == pytest.approx(objective(ours, X, y), rel=1e-12)
    assert -1e-11 <= ours.objective_ / best - 1 <= 1e-9
    assert ours.dual_objective_ <= best * (1 + 1e-11)
    # the squares are strongly convex here: ½λ‖w − w*‖² ≤ gap, with the least eigenvalue λ of XᵀX/n, some 9e-3
    least = np.linalg.eigvalsh((X - X.mean(axis=0) * intercept).T @ (X - X.mean(axis=0) * intercept) / len(y))[0]
    assert np.linalg.norm(ours.coef_ - theirs.coef_) <= np.sqrt(2e-9 * best / least) + 1e-5
    assert ours.intercept_ == pytest.approx(theirs.intercept_, abs=1e-3)


@pytest.mark.parametrize("solver", SOLVERS)
def test_optimality_conditions(diabetes, solver):
    """Each feature goes with the residual by α where its weight is not 0, and at most by α elsewhere."""
    X, y = diabetes
    model = Lasso(alpha=3.0, solver=solver, tol=1e-12, max_iter=100_000).fit(X, y)
    pull = (X - X.mean(axis=0)).T @ (y - model.predict(X)) / len(y)
    used = model.coef_ != 0
    assert 0 < used.sum() < 10
    # a gap of 1e-12·1600 leaves the gradient within √(2·λmax·gap) < 2e-4 of what it should be
    np.testing.assert_allclose(pull[used], 3.0 * np.sign(model.coef_[used]), atol=2e-4)
    assert np.abs(pull[~used]).max() <= 3.0 + 2e-4


def test_agrees_with_cvxpy_in_the_decks_form(diabetes):
    X, y = diabetes
    w, b, n, alpha = cp.Variable(10), cp.Variable(), len(y), 2.0
    C = 1 / (2 * n * alpha)
    deck = cp.Problem(cp.Minimize(cp.norm1(w) + C * cp.sum_squares(y - X @ w - b))).solve(solver=cp.CLARABEL)
    assert Lasso(alpha=alpha, tol=1e-9).fit(X, y).objective_ == pytest.approx(alpha * deck, rel=1e-6)


@pytest.mark.parametrize("solver", SOLVERS)
def test_more_features_than_samples(solver):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 200))
    y = X[:, :3] @ [3.0, -2.0, 1.0] + 0.1 * rng.standard_normal(40)
    ours = Lasso(alpha=0.1, solver=solver, tol=1e-8, max_iter=100_000).fit(X, y)
    theirs = Reference(alpha=0.1, tol=1e-12, max_iter=100_000).fit(X, y)
    assert ours.objective_ == pytest.approx(objective(theirs, X, y), rel=2e-8)
    assert set(np.flatnonzero(np.abs(ours.coef_) > 0.5)) == {0, 1, 2}


@pytest.mark.parametrize("solver", SOLVERS)
def test_sparse_is_dense(solver):
    rng = np.random.default_rng(1)
    S = csr_array(random_array((80, 30), density=0.1, rng=rng))
    y = S @ rng.standard_normal(30) + 5
    weight = rng.integers(0, 3, 80)
    settings = {"alpha": 0.01, "solver": solver, "tol": 1e-9, "max_iter": 100_000}
    sparse, dense = Lasso(**settings).fit(S, y, weight), Lasso(**settings).fit(S.toarray(), y, weight)
    assert sparse.objective_ == pytest.approx(dense.objective_, rel=2e-9)
    assert sparse.objective_ == pytest.approx(objective(sparse, S.toarray(), y, weight), rel=1e-9)
    repeated = Lasso(**settings).fit(S.toarray().repeat(weight, axis=0), y.repeat(weight))
    assert repeated.objective_ == pytest.approx(sparse.objective_, rel=2e-9)
    np.testing.assert_allclose(sparse.predict(S), sparse.predict(S.toarray()), rtol=1e-12)


def test_from_alpha_max_on_all_weights_are_zero(diabetes):
    X, y = diabetes
    largest = alpha_max(X, y)
    assert not Lasso(alpha=largest * (1 + 1e-9)).fit(X, y).coef_.any()
    assert np.count_nonzero(Lasso(alpha=largest * 0.99, tol=1e-8).fit(X, y).coef_) == 1
    assert Lasso(alpha=2 * largest).fit(X, y).intercept_ == pytest.approx(y.mean())


def test_path(diabetes):
    X, y = diabetes
    alphas, coefs = lasso_path(X, y, n_alphas=20, tol=1e-9)
    assert alphas[0] == alpha_max(X, y) and alphas[-1] == pytest.approx(1e-3 * alphas[0])
    _, theirs, _ = reference_path(X - X.mean(axis=0), y - y.mean(), alphas=alphas, tol=1e-12, max_iter=100_000)
    np.testing.assert_allclose(coefs, theirs, atol=0.05)  # √(2·gap/λ), as above
    chosen, some = lasso_path(X, y, alphas=[0.5, 2.0])
    np.testing.assert_array_equal(chosen, [2.0, 0.5])
    assert np.count_nonzero(some[:, 0]) <= np.count_nonzero(some[:, 1])
    with pytest.raises(ValueError, match="alphas must be given for a y"):
        lasso_path(X, np.ones(len(y)))


def test_warm_start_verbose_and_warning(diabetes, capsys):
    X, y = diabetes
    model = Lasso(alpha=0.05, warm_start=True, solver="fista", tol=1e-8).fit(X, y)
    cold = model.n_iter_
    assert cold > 10 and len(model.loss_curve_) == cold + 1
    assert model.fit(X, y).n_iter_ == 0  # the start is good enough
    np.testing.assert_array_equal(model.loss_curve_, [model.objective_])
    with pytest.raises(ValueError, match="warm_start=True needs the 10 features"):
        model.fit(X[:, :3], y)
    for solver in SOLVERS:
        Lasso(solver=solver, verbose=1, alpha=20.0).fit(X, y)
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].split() == ["iteration", "objective", "gap"] and lines[-1].startswith("ended: ")
        with pytest.warns(ConvergenceWarning, match=r"the gap is .* Standardise the features, raise max_iter"):
            Lasso(solver=solver, max_iter=1, tol=1e-12, alpha=0.01).fit(X, y)


def test_a_target_that_does_not_vary(diabetes):
    X, y = diabetes
    for solver in SOLVERS:
        model = Lasso(solver=solver, alpha=1e-3).fit(X, np.full(len(y), 7.3))
        assert np.abs(model.coef_).max() < 1e-9
        assert model.intercept_ == pytest.approx(7.3)


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        ({"alpha": 0}, ValueError, "alpha must be finite and > 0"),
        ({"alpha": None}, TypeError, "alpha must be a number"),
        ({"solver": "lars"}, ValueError, "solver must be one of 'coordinate', 'fista', 'ista'"),
        ({"tol": 0}, ValueError, "tol must be finite and > 0"),
        ({"max_iter": 0}, ValueError, "max_iter must be an integer >= 1"),
        ({"fit_intercept": 1}, TypeError, "fit_intercept must be True or False"),
    ],
)
def test_bad_parameters(diabetes, settings, kind, message):
    with pytest.raises(kind, match=message):
        Lasso(**settings).fit(*diabetes)
    X, y = diabetes
    with pytest.raises(ValueError, match="sample_weight must not be zero for all"):
        Lasso().fit(X, y, np.zeros(len(y)))


def test_path_says_what_is_wrong(diabetes):
    X, y = diabetes
    for bad, message in (([1.0, 0.0], "alphas must be all finite and > 0"), (2.0, "alphas must be a list of numbers")):
        with pytest.raises(ValueError, match=message):
            lasso_path(X, y, alphas=bad)
    with pytest.warns(ConvergenceWarning, match="lasso_path has not converged: at alpha=0.5, "):
        lasso_path(X, y, alphas=[0.5, 2e3], tol=1e-300)  # which rounding forbids, except where all weights are 0


@pytest.fixture(scope="module")
def chained():
    """Features of which each goes along with the one before; ten of them count."""
    rng = np.random.default_rng(2)
    X = rng.standard_normal((400, 120))
    for j in range(1, 120):
        X[:, j] = 0.95 * X[:, j - 1] + np.sqrt(1 - 0.95**2) * X[:, j]
    return X, X[:, ::12] @ np.linspace(-2, 2, 10) + rng.standard_normal(400)


@pytest.mark.parametrize("intercept", [True, False])
def test_squares_of_sparse_samples_are_those_of_dense_ones(intercept):
    rng = np.random.default_rng(3)
    S = csr_array(random_array((50, 8), density=0.3, rng=rng))
    y, weight, w, r = rng.standard_normal(50) + 4, rng.uniform(0.5, 2, 50), rng.standard_normal(8), rng.random(50)
    sparse, dense = (LeastSquares(X, y, weight, intercept) for X in (S, S.toarray()))
    # sums of 50 products of numbers around 1
    close = {"rtol": 1e-12, "atol": 1e-13}
    few = np.where(np.arange(8) == 5, w, 0)  # few weights: their columns alone are used
    for weights in (w, few):
        np.testing.assert_allclose(sparse.residual(weights), dense.residual(weights), **close)
        s = weight / weight.sum()
        want = np.sqrt(s) * (y - S.toarray() @ weights - (s @ (y - S.toarray() @ weights) if intercept else 0))
        np.testing.assert_allclose(dense.residual(weights), want, **close)
        assert sparse.intercept(weights) == pytest.approx(dense.intercept(weights), rel=1e-12)
    np.testing.assert_allclose(sparse.correlation(r), dense.correlation(r), **close)
    left, right = np.array([0, 3, 5]), np.array([1, 3])
    np.testing.assert_allclose(sparse.gram(left, right), dense.gram(left, right), **close)


def test_certificate(diabetes):
    """The point of the dual is one, its value is what is said, and no other multiple of the residual has a better."""
    X, y = diabetes
    rng = np.random.default_rng(4)
    weight, alpha = rng.uniform(0.5, 2, len(y)), 5.0
    problem = LeastSquares(X, y, weight, True)
    s = weight / weight.sum()

    def value(theta):
        return theta @ y - 0.5 * np.sum(theta**2 / s)

    best = coordinate_descent(problem, alpha).w
    for w in (best, 0.9 * best, 1.5 * best, rng.standard_normal(10), np.zeros(10)):
        at = problem.solution(w, alpha, 0, True, "", [])
        assert abs(at.alpha.sum()) < 1e-11 * np.abs(at.alpha).sum()
        assert np.abs(at.alpha @ X).max() <= alpha * (1 + 1e-12)
        assert at.dual == pytest.approx(value(at.alpha), rel=1e-11)
        unit = problem.root * problem.residual(w)
        most = alpha / np.abs(unit @ X).max()
        assert at.dual >= max(value(k * unit) for k in np.linspace(0, most, 1001)) - 1e-9 * abs(at.dual)


@pytest.mark.parametrize("start", [None, 5.0])
def test_constant_features_get_no_weight(diabetes, start):
    """Not even where α is as small as what rounding leaves of them, and whatever they start from."""
    X, y = diabetes
    constants = np.full((len(y), 2), [0.1, 1e6 / 3])
    for samples in (np.hstack([X, constants]), csr_array(np.hstack([X, constants]))):
        model = Lasso(alpha=1e-7, warm_start=True, tol=1e-6)
        if start is not None:
            model.fit(np.random.default_rng(5).standard_normal(samples.shape), y)
            assert model.coef_[10:].all()
        np.testing.assert_array_equal(model.fit(samples, y).coef_[10:], 0)
        assert model.objective_ == pytest.approx(
            np.mean((y - y.mean() - (X - X.mean(axis=0)) @ np.linalg.lstsq(X - X.mean(axis=0), y - y.mean())[0]) ** 2)
            / 2,
            rel=1e-5,
        )


def test_steps_to_the_best_weights_for_the_signs_are_quick_and_exact(chained):
    """Sweeps alone take 2,000 to a relative gap of 1e-6 here."""
    X, y = chained
    model = Lasso(alpha=alpha_max(X, y) / 1000, tol=1e-11).fit(X, y)
    assert model.n_iter_ <= 100
    assert (np.diff(model.loss_curve_) <= 1e-13 * model.loss_curve_[0]).all()


def test_features_that_depend_on_one_another():
    """With each feature there twice and more features than samples, and a small α: the weights are not unique."""
    rng = np.random.default_rng(6)
    X = np.tile(rng.standard_normal((30, 60)), 2)
    y = rng.standard_normal(30)
    model = Lasso(alpha=1e-3 * alpha_max(X, y), tol=1e-8).fit(X, y)
    assert model.duality_gap_ <= 1e-8 * model.objective_
    assert model.objective_ == pytest.approx(objective(model, X, y), rel=1e-11)


def test_sweeps_are_counted(chained):
    with pytest.warns(ConvergenceWarning, match="max_iter=3 sweeps were made; the gap is"):
        model = Lasso(alpha=0.01, max_iter=3).fit(*chained)
    assert model.n_iter_ == 3 and len(model.loss_curve_) == 4
    assert model.objective_ == pytest.approx(model.loss_curve_[-1], rel=1e-12)


def test_momentum_is_what_fista_adds(chained, capsys):
    n_iter = {}
    for solver in ("ista", "fista"):
        model = Lasso(solver=solver, alpha=0.05, tol=1e-3, max_iter=100_000, verbose=1).fit(*chained)
        n_iter[solver] = model.n_iter_
        assert len(model.loss_curve_) == model.n_iter_ + 1
        lines = [line.split() for line in capsys.readouterr().out.splitlines()]
        assert [line[0] for line in lines[1:6]] == ["0", "1", "2", "4", "8"]
        assert lines[-2][0] == str(model.n_iter_)
        assert float(lines[-2][1]) == pytest.approx(model.objective_, rel=1e-5)
        assert float(lines[-2][2]) == pytest.approx(model.duality_gap_, rel=1e-5)
    assert n_iter["fista"] < n_iter["ista"] / 3
