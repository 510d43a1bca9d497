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
    assert model.fit(X, y).n_iter_ < cold / 4
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
