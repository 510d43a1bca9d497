"""LinearSVM: the contract, the optimum, its certificate, the forms of the deck; and the fast solver for the hinge."""

import warnings

import cvxpy as cp
import numpy as np
import pytest
from scipy.sparse import csr_array, csr_matrix
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris, make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_limits

from dlkit.linear import LinearSVM
from dlkit.linear.margin_losses import HINGE
from dlkit.linear.problem import BinaryProblem
from dlkit.linear.solvers.augmented_lagrangian import augmented_lagrangian
from dlkit.losses import hinge_loss, multiclass_hinge, squared_hinge_loss
from dlkit.optim import InverseTime


@pytest.fixture(autouse=True)
def strict():
    """A warning that a test does not expect is an error; small matrices want one thread."""
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture(scope="module")
def breast():
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


@pytest.fixture(scope="module")
def overlapping():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((120, 4)) * [1.0, 2.0, 0.5, 1.0]
    return X, (X @ [1.0, -0.5, 0.3, 0.0] + rng.standard_normal(120) > 0.2).astype(int)


def objective(model, X, y, weight=1.0):
    """The objective of a model with two classes, written without the code under test."""
    m = np.where(y == model.classes_[1], 1, -1) * (X @ model.coef_[0] + model.intercept_[0])
    loss = {"hinge": np.maximum(0, 1 - m), "squared_hinge": np.maximum(0, 1 - m) ** 2}[model.loss]
    size = {"l2": 0.5 * np.sum(model.coef_**2), "l1": np.abs(model.coef_).sum()}[model.penalty]
    return size + model.C * np.sum(weight * loss)


def by_cvxpy(X, y, C, loss, penalty, intercept):
    w, b = cp.Variable(X.shape[1]), cp.Variable()
    lack = cp.pos(1 - cp.multiply(np.where(y, 1, -1), X @ w + (b if intercept else 0)))
    size = cp.sum_squares(w) / 2 if penalty == "l2" else cp.norm1(w)
    problem = cp.Problem(cp.Minimize(size + C * cp.sum(lack if loss == "hinge" else cp.square(lack))))
    return problem.solve(solver=cp.CLARABEL, tol_gap_rel=1e-10, tol_gap_abs=0, tol_feas=1e-10)


COMBINATIONS = [(loss, penalty) for loss in ("hinge", "squared_hinge") for penalty in ("l2", "l1")]

# The checks compare fits with weighted and with repeated samples to seven digits, so those that end by their gap need a
# small one. The hinge's solver and the quadratic program end exactly, or nearly so.
CHECKED = [
    LinearSVM(tol=1e-9),
    LinearSVM(loss="squared_hinge", tol=1e-15),
    LinearSVM(penalty="l1", solver="quadratic_program"),
    LinearSVM(solver="quadratic_program"),
    LinearSVM(multi_class="crammer_singer", solver="quadratic_program"),
]


@parametrize_with_checks(CHECKED)
def test_keeps_scikit_learns_contract(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize(("loss", "penalty"), COMBINATIONS)
def test_reaches_the_optimum(overlapping, loss, penalty, intercept, sparse):
    X, y = overlapping
    for C in (0.01, 1.0, 30.0):
        optimum = by_cvxpy(X, y, C, loss, penalty, intercept)
        model = LinearSVM(C=C, loss=loss, penalty=penalty, fit_intercept=intercept, tol=1e-6, max_iter=100_000)
        model.fit(csr_matrix(X) if sparse else X, y)
        # the two optima are good to 1e-10 each; the objective may be a share 1e-6 above
        assert model.objective_ == pytest.approx(objective(model, X, y), rel=1e-12)
        assert -1e-8 <= model.objective_ / optimum - 1 <= 1e-6
        assert model.dual_objective_ <= optimum * (1 + 1e-8)
        assert 0 <= model.duality_gap_ <= 1e-6 * model.objective_
        assert intercept or model.intercept_ == 0


def test_default_solvers_and_what_they_are_called():
    """The table of the docstring: what "auto" takes is the first that fits."""
    for settings, name in (
        ({}, "augmented_lagrangian"),
        ({"loss": "squared_hinge"}, "newton"),
        ({"penalty": "l1"}, "proximal"),
        ({"loss": "squared_hinge", "penalty": "l1"}, "proximal"),
        ({"C": np.inf}, "quadratic_program"),
    ):
        assert LinearSVM(**settings)._automatic("ovr") == name
    assert LinearSVM()._automatic("crammer_singer") == "bundle"
    assert LinearSVM(penalty="l1")._automatic("crammer_singer") == "quadratic_program"


@pytest.mark.parametrize("C", [0.01, 1.0, 100.0])
def test_agrees_with_libsvm(breast, C):
    """SVC with a linear kernel has the same objective, intercept and all."""
    X, y = breast
    ours = LinearSVM(C=C, tol=1e-9).fit(X, y)
    theirs = SVC(C=C, kernel="linear", tol=1e-8).fit(X, y)
    # ½‖w − w*‖² ≤ gap: ours is within √(2·1e-9·P) of w*, theirs by its own tolerance near 1e-8 times the spread of x
    bound = np.sqrt(2e-9 * ours.objective_) + 1e-5
    assert np.linalg.norm(ours.coef_ - theirs.coef_) <= bound
    assert ours.intercept_ == pytest.approx(theirs.intercept_, abs=10 * bound)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    free = (ours.dual_coef_[0] > 1e-3 * C) & (ours.dual_coef_[0] < (1 - 1e-3) * C)
    assert set(np.flatnonzero(free)) <= set(theirs.support_)
    np.testing.assert_allclose(np.abs(theirs.dual_coef_).sum(), ours.dual_coef_.sum(), rtol=1e-4)


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
def test_agrees_with_liblinear(breast, loss):
    """Without an intercept, LinearSVC has the same objective."""
    X, y = breast
    ours = LinearSVM(loss=loss, fit_intercept=False, tol=1e-9).fit(X, y)
    theirs = LinearSVC(loss=loss, fit_intercept=False, tol=1e-10, max_iter=1_000_000, dual=True).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=np.sqrt(2e-9 * ours.objective_) + 1e-6)


def test_weights_are_the_multipliers_combination(breast):
    X, y = breast
    model = LinearSVM(tol=1e-10).fit(X, y)
    alpha, sign = model.dual_coef_[0], np.where(y, 1, -1)
    # ½‖w − Σ αyx‖² is a part of the gap
    assert np.linalg.norm(model.coef_[0] - (alpha * sign) @ X) <= np.sqrt(2e-10 * model.objective_)
    assert abs(alpha @ sign) <= 1e-12 * alpha.sum()
    assert alpha.min() >= 0 and alpha.max() <= model.C
    margins = sign * model.decision_function(X)
    assert margins[alpha == 0].min() >= 1 - 1e-4  # complementary slackness, to the size of the gap
    assert margins[alpha == 1].max() <= 1 + 1e-4
    np.testing.assert_allclose(margins[(alpha > 1e-6) & (alpha < 1 - 1e-6)], 1, atol=1e-4)
    np.testing.assert_array_equal(model.support_, np.flatnonzero(alpha > 1e-6 * alpha.max()))


def test_the_decks_forms_are_equal(overlapping):
    """The program with ξ, the hinge form and the dual have one optimum; Σξ bounds the training errors from above."""
    X, y = overlapping
    sign, C = np.where(y, 1.0, -1.0), 0.7
    w, b, xi = cp.Variable(4), cp.Variable(), cp.Variable(120)
    with_xi = cp.Problem(
        cp.Minimize(cp.sum_squares(w) / 2 + C * cp.sum(xi)), [cp.multiply(sign, X @ w + b) >= 1 - xi, xi >= 0]
    ).solve(solver=cp.CLARABEL)
    alpha = cp.Variable(120)
    dual = cp.Problem(
        cp.Maximize(cp.sum(alpha) - cp.sum_squares(X.T @ cp.multiply(sign, alpha)) / 2),
        [alpha >= 0, alpha <= C, sign @ alpha == 0],
    ).solve(solver=cp.CLARABEL)
    hinge = LinearSVM(C=C, tol=1e-9).fit(X, y)
    # Clarabel's tolerance is 1e-8 relative to the objective
    assert with_xi == pytest.approx(dual, rel=1e-6)
    assert hinge.objective_ == pytest.approx(with_xi, rel=1e-6)
    np.testing.assert_allclose(xi.value, hinge_loss(sign * hinge.decision_function(X)), atol=1e-3)
    assert xi.value.sum() > 1.2 * np.sum(hinge.predict(X) != y)  # a bound, and no approximation


def test_margin_is_the_distance_of_the_hulls():
    X, y = make_blobs(60, centers=[[-2, -2], [2, 2]], cluster_std=0.9, random_state=3)
    model = LinearSVM(C=np.inf).fit(X, y)
    a, b = cp.Variable(np.sum(y == 0), nonneg=True), cp.Variable(np.sum(y == 1), nonneg=True)
    distance = cp.Problem(
        cp.Minimize(cp.norm(X[y == 0].T @ a - X[y == 1].T @ b)), [cp.sum(a) == 1, cp.sum(b) == 1]
    ).solve(solver=cp.CLARABEL)
    assert 2 / np.linalg.norm(model.coef_) == pytest.approx(distance, rel=1e-6)
    assert (np.where(y, 1, -1) * model.decision_function(X)).min() >= 1
    assert model.objective_ == pytest.approx(2 / distance**2, rel=1e-6)
    large = LinearSVM(C=1e6, tol=1e-9).fit(X, y)  # a C that is large enough gives the same
    np.testing.assert_allclose(large.coef_, model.coef_, rtol=1e-4)


def test_the_decks_multiclass_example():
    assert multiclass_hinge([[3.0, -5.0, 2.5]], [0]) == 0.5
    f = np.array([3.0, -5.0, 2.5])
    assert max(0.0, 1 + f[1:].max() - f[0]) == 0.5  # Crammer and Singer's maximum: here only one class is too near


def test_hard_margin_of_inseparable_data(overlapping):
    with pytest.raises(ValueError, match=r"not linearly separable.*choose a finite C"):
        LinearSVM(C=np.inf).fit(*overlapping)


@pytest.mark.parametrize("solver", ["bundle", "quadratic_program", "subgradient"])
def test_crammer_singer(solver):
    X, y = load_iris(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    names = np.array(["a", "b", "c"])[y]
    W, b = cp.Variable((3, 4)), cp.Variable(3)
    scores = X @ W.T + np.ones((150, 1)) @ cp.reshape(b, (1, 3), order="C")
    own = cp.sum(cp.multiply(scores, np.eye(3)[y]), axis=1)
    lack = cp.max(scores + 1 - np.eye(3)[y], axis=1) - own
    problem = cp.Problem(cp.Minimize(cp.sum_squares(W) / 2 + 0.1 * cp.sum(lack)))
    optimum = problem.solve(solver=cp.CLARABEL)
    tol = {"subgradient": 0.2}.get(solver, 1e-4)
    model = LinearSVM(C=0.1, multi_class="crammer_singer", solver=solver, tol=tol).fit(X, names)
    assert -1e-6 <= model.objective_ / optimum - 1 <= tol
    assert model.dual_objective_ <= optimum * (1 + 1e-6)
    assert model.duality_gap_ <= tol * model.objective_
    # ½‖W − the combination of the multipliers‖² is a part of the gap
    pulls = np.where(np.eye(3)[y].T == 1, 1, -1) * model.dual_coef_
    assert 0.5 * np.sum((pulls @ X - model.coef_) ** 2) <= model.duality_gap_ + 1e-9
    assert model.score(X, names) > 0.95
    twice = LinearSVM(C=0.1, multi_class="crammer_singer", solver=solver, tol=tol)
    assert twice.fit(X, y, np.full(150, 2.0)).objective_ > 1.3 * model.objective_


def test_crammer_singer_hears_its_schedule():
    X, y = load_iris(return_X_y=True)
    settings = {"multi_class": "crammer_singer", "solver": "subgradient", "max_iter": 20, "tol": 1e-12}
    with pytest.warns(ConvergenceWarning, match="20 .*leave the solver to 'auto'"):
        slow = LinearSVM(schedule=1e-7, **settings).fit(X, y)
    with pytest.warns(ConvergenceWarning):
        default = LinearSVM(**settings).fit(X, y)
    assert slow.objective_ > 1.3 * default.objective_


def test_crammer_singer_needs_a_finite_c():
    with pytest.raises(ValueError, match="C must be finite with multi_class='crammer_singer'"):
        LinearSVM(C=np.inf, multi_class="crammer_singer").fit(*load_iris(return_X_y=True))


# What solvers share -------------------------------------------------------------------------------------------------

SOLVERS = {
    "augmented_lagrangian": {},
    "newton": {"loss": "squared_hinge"},
    "proximal": {"penalty": "l1"},
    "quadratic_program": {},
    "subgradient": {"tol": 1e-2, "max_iter": 5000},
    "pegasos": {"tol": 5e-2, "max_iter": 300},
}


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_certificate_is_true(overlapping, solver):
    X, y = overlapping
    model = LinearSVM(solver=solver, **SOLVERS[solver]).fit(X, y)
    optimum = by_cvxpy(X, y, 1.0, model.loss, model.penalty, True)
    assert model.objective_ - model.duality_gap_ <= optimum * (1 + 1e-8)
    assert model.objective_ >= optimum * (1 - 1e-8)
    assert model.duality_gap_ <= model.tol * model.objective_
    assert model.loss_curve_.min() == pytest.approx(model.objective_, rel=1e-9)
    assert isinstance(model.n_iter_, int) and model.n_iter_ >= 1


@pytest.mark.parametrize("solver", SOLVERS)
def test_sample_weights_repeat_samples(overlapping, solver):
    X, y = overlapping
    count = np.random.default_rng(1).integers(0, 3, len(y))
    tight = {"tol": 1e-8, "max_iter": 100_000} if solver not in ("subgradient", "pegasos") else {}
    model = LinearSVM(solver=solver, **{**SOLVERS[solver], **tight})
    weighted = clone(model).fit(X, y, sample_weight=count)
    repeated = clone(model).fit(X.repeat(count, axis=0), y.repeat(count))
    tol = model.tol
    assert weighted.objective_ == pytest.approx(repeated.objective_, rel=1.01 * tol)
    assert weighted.objective_ == pytest.approx(objective(weighted, X, y, count), rel=1e-12)
    assert np.all(weighted.dual_coef_[0, count == 0] == 0)
    assert weighted.dual_coef_.shape == (1, len(y))


@pytest.mark.parametrize("solver", SOLVERS)
def test_sparse_is_dense(overlapping, solver):
    X, y = overlapping
    model = LinearSVM(solver=solver, **SOLVERS[solver])
    dense, sparse = clone(model).fit(X, y), clone(model).fit(csr_array(X), y)
    np.testing.assert_allclose(sparse.coef_, dense.coef_, atol=0.05 * np.abs(dense.coef_).max())
    assert sparse.objective_ == pytest.approx(dense.objective_, rel=1.01 * model.tol)
    np.testing.assert_allclose(sparse.decision_function(csr_array(X)), sparse.decision_function(X), atol=1e-12)


@pytest.mark.parametrize("solver", ["augmented_lagrangian", "newton", "proximal", "subgradient"])
def test_warm_start_saves_iterations(breast, solver):
    X, y = breast
    model = LinearSVM(solver=solver, warm_start=True, **{**SOLVERS[solver], "C": 0.1}).fit(X, y)
    cold = model.n_iter_
    again = model.fit(X, y).n_iter_
    assert again < cold
    model.set_params(C=0.12).fit(X, y)
    anew = clone(model).set_params(warm_start=False).fit(X, y)
    assert model.n_iter_ <= anew.n_iter_
    assert model.objective_ == pytest.approx(anew.objective_, rel=1.01 * model.tol)
    assert model.objective_ == pytest.approx(objective(model, X, y), rel=1e-12)
    with pytest.raises(ValueError, match="warm_start=True goes on from the last fit, which had 30 features"):
        model.fit(X[:, :5], y)


def test_verbose_prints_a_table(overlapping, capsys):
    LinearSVM(verbose=1).fit(*overlapping)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["iteration", "objective", "gap"]
    assert lines[-1].startswith("ended: the duality gap is within tol=0.0001")
    LinearSVM(verbose=1).fit(*load_iris(return_X_y=True))
    assert "class 2 against the rest" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({"max_iter": 2}, "2 Newton steps were made; the gap is .* of the objective. Raise max_iter or tol."),
        ({"solver": "subgradient", "max_iter": 3, "tol": 1e-9}, "leave the solver to 'auto'"),
        ({"solver": "pegasos", "max_iter": 1, "tol": 1e-9}, "leave the solver to 'auto'"),
    ],
)
def test_warning_says_what_to_do(overlapping, settings, advice):
    with pytest.warns(ConvergenceWarning, match=advice) as record:
        model = LinearSVM(**settings).fit(*overlapping)
    assert record[0].filename == __file__
    X, y = overlapping
    assert model.objective_ == pytest.approx(objective(model, X, y), rel=1e-12)
    assert model.dual_objective_ <= by_cvxpy(X, y, 1.0, "hinge", "l2", True)


def test_three_classes_one_against_the_rest():
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    model = LinearSVM(tol=1e-8).fit(X, names)
    parts = [LinearSVM(tol=1e-8).fit(X, y == k) for k in range(3)]
    for k, part in enumerate(parts):
        np.testing.assert_array_equal(model.coef_[k], part.coef_[0])
        np.testing.assert_array_equal(model.dual_coef_[k], part.dual_coef_[0])
    assert model.objective_ == pytest.approx(sum(p.objective_ for p in parts))
    assert model.n_iter_ == max(p.n_iter_ for p in parts)
    assert len(model.loss_curve_) == 3
    assert model.decision_function(X).shape == (150, 3)
    np.testing.assert_array_equal(model.predict(X), np.unique(names)[model.decision_function(X).argmax(axis=1)])


def test_schedules_are_heard(overlapping):
    X, y = overlapping
    settings = {"solver": "subgradient", "max_iter": 20, "tol": 1e-12}
    with pytest.warns(ConvergenceWarning):
        slow = LinearSVM(schedule=1e-6, **settings).fit(X, y)
    with pytest.warns(ConvergenceWarning):
        decreasing = LinearSVM(schedule=InverseTime(0.01, delay=10), **settings).fit(X, y)
    assert slow.objective_ > 1.3 * decreasing.objective_


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        ({"C": 0}, ValueError, "C must be > 0, or np.inf for the hard margin; got 0"),
        ({"C": "1"}, TypeError, "C must be a number"),
        ({"C": True}, TypeError, "C must be a number"),
        ({"loss": "logistic"}, ValueError, "loss must be one of 'hinge', 'squared_hinge'; got 'logistic'"),
        ({"penalty": "elasticnet"}, ValueError, "penalty must be one of 'l2', 'l1'"),
        ({"multi_class": "ovo"}, ValueError, "multi_class must be one of"),
        ({"solver": "liblinear"}, ValueError, "solver must be one of 'auto', 'augmented_lagrangian'"),
        ({"solver": "newton"}, ValueError, "solver='newton' is for loss='squared_hinge'; got loss='hinge'"),
        (
            {"solver": "augmented_lagrangian", "penalty": "l1"},
            ValueError,
            "solver='augmented_lagrangian' is for penalty='l2'; got penalty='l1'. solver='auto' finds one",
        ),
        ({"solver": "bundle"}, ValueError, "is for multi_class='crammer_singer'; got multi_class='ovr'"),
        ({"C": np.inf, "solver": "subgradient"}, ValueError, "C=np.inf, the hard margin, needs solver='quad"),
        ({"multi_class": "crammer_singer", "loss": "squared_hinge"}, ValueError, "is for loss='hinge'"),
        ({"tol": 0}, ValueError, "tol must be finite and > 0; got 0"),
        ({"max_iter": 0}, ValueError, "max_iter must be an integer >= 1; got 0"),
        ({"max_iter": 1.5}, TypeError, "max_iter must be an integer"),
        ({"schedule": 0.1}, ValueError, "schedule is for solver='subgradient' or 'pegasos'; got it with solver='auto'"),
        ({"batch_size": 10, "solver": "subgradient"}, ValueError, "batch_size is for solver='pegasos'"),
        ({"solver": "pegasos", "random_state": None}, TypeError, "random_state must be a numpy.random.Generator"),
        ({"fit_intercept": "yes"}, TypeError, "fit_intercept must be True or False"),
        ({"warm_start": 1}, TypeError, "warm_start must be True or False"),
        ({"verbose": 3}, ValueError, "verbose must be 0 or 1"),
    ],
)
def test_bad_parameters(overlapping, settings, kind, message):
    with pytest.raises(kind, match=message):
        LinearSVM(**settings).fit(*overlapping)


# The fast solver ----------------------------------------------------------------------------------------------------


def problem(X, y, C=1.0, intercept=True):
    sign = np.where(y, 1.0, -1.0)
    return BinaryProblem(X, sign, np.broadcast_to(C, sign.shape).astype(float), HINGE, "l2", intercept)


@pytest.mark.parametrize("C", 10.0 ** np.arange(-8, 10, 2))
def test_any_size_of_c(breast, C):
    """From all samples inside the margin, with a free intercept that nothing holds, to the hard margin."""
    X, y = breast
    fit = augmented_lagrangian(problem(X, y, C), tol=1e-8)
    assert fit.converged, fit.reason
    assert fit.n_iter < 150
    assert fit.primal <= 1e-8 * fit.primal + fit.dual
    if C >= 1e6:
        hard = LinearSVM(C=np.inf).fit(X, y)
        assert fit.primal == pytest.approx(hard.objective_, rel=1e-6)


@pytest.mark.parametrize("unit", [1e-6, 1e-3, 1e3, 1e6])
def test_units_do_not_matter(overlapping, unit):
    """Features in another unit, with C to match, are the same problem: w·unit, and the objective by unit²."""
    X, y = overlapping
    one = augmented_lagrangian(problem(X, y), tol=1e-9)
    other = augmented_lagrangian(problem(X * unit, y, unit**-2), tol=1e-9)
    assert other.converged
    assert other.primal * unit**2 == pytest.approx(one.primal, rel=1e-8)


def test_starts_on_a_part_of_many_samples():
    """A part stands for the whole at the start only: the certificate is for all."""
    rng = np.random.default_rng(5)
    X = rng.standard_normal((20_000, 3))
    y = X @ [1.0, 2.0, -1.0] + rng.logistic(size=20_000) > 0.5
    fit = augmented_lagrangian(problem(X, y), tol=1e-7)
    assert fit.converged
    exact = LinearSVC(C=1.0, loss="hinge", dual=True, intercept_scaling=1e3, tol=1e-4, max_iter=300)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exact.fit(X, y)
    m = np.where(y, 1, -1) * exact.decision_function(X)
    theirs = 0.5 * np.sum(exact.coef_**2) + np.maximum(0, 1 - m).sum()
    assert fit.dual <= theirs
    assert fit.primal <= theirs * (1 + 1e-7)
    ordered = np.argsort(y, kind="stable")  # each 8th sample of sorted ones is still a fair part
    again = augmented_lagrangian(problem(X[ordered], y[ordered]), tol=1e-7)
    assert again.primal == pytest.approx(fit.primal, rel=2e-7)
    assert fit.n_iter < 30  # 15 here; each stride-th sample weighs too little if it does not stand for the others
    few = 600 * 14  # of either class: the stride is 28, and each 28th sample is of one class only
    alternating = np.ravel(np.column_stack([np.flatnonzero(y)[:few], np.flatnonzero(~y)[:few]]))
    assert len(alternating) == 2 * few
    assert augmented_lagrangian(problem(X[alternating], y[alternating]), tol=1e-6).converged


@pytest.mark.parametrize(
    ("X", "y"),
    [
        ([[0.0], [1.0]], [0, 1]),
        ([[1.0], [1.0]], [0, 1]),  # nothing to tell them apart
        ([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]], [0, 1, 1]),  # constant features
        (np.eye(3, 10), [0, 1, 1]),  # more features than samples
        (np.zeros((5, 2)), [0, 1, 1, 1, 1]),
    ],
)
@pytest.mark.parametrize("intercept", [False, True])
def test_small_and_odd_data(X, y, intercept):
    X, y = np.array(X), np.array(y)
    fit = augmented_lagrangian(problem(X, y, intercept=intercept), tol=1e-6)
    optimum = by_cvxpy(X, y, 1.0, "hinge", "l2", intercept)
    assert fit.converged
    assert fit.primal == pytest.approx(optimum, rel=2e-6)


def test_many_features_go_by_conjugate_gradients():
    rng = np.random.default_rng(2)
    X = rng.standard_normal((300, 600))
    y = X[:, 0] + 0.5 * rng.standard_normal(300) > 0
    dense = augmented_lagrangian(problem(X, y, 1e-3), tol=1e-6)
    sparse = augmented_lagrangian(problem(csr_array(X), y, 1e-3), tol=1e-6)
    exact = LinearSVM(C=1e-3, solver="quadratic_program").fit(X, y)
    for fit in (dense, sparse):
        assert fit.converged
        assert fit.primal == pytest.approx(exact.objective_, rel=2e-6)


def test_squared_hinge_is_not_the_hinge(overlapping):
    X, y = overlapping
    model = LinearSVM(loss="squared_hinge", tol=1e-10).fit(X, y)
    m = np.where(y, 1, -1) * model.decision_function(X)
    np.testing.assert_allclose(model.dual_coef_[0], 2 * np.maximum(0, 1 - m), atol=1e-4)  # α = −C φ′(m)
    assert model.objective_ == pytest.approx(0.5 * np.sum(model.coef_**2) + squared_hinge_loss(m).sum(), rel=1e-12)
