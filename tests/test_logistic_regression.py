"""Logistic regression and the truncated Newton method that fits it."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
from scipy.optimize import linprog
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression as Reference
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_limits

from dlkit.activations import log_softmax, sigmoid, softmax
from dlkit.linear import LogisticRegression, conjugate_gradient, newton_cg

EPS = np.finfo(np.float64).eps
SEPARABLE = "look linearly separable: with C=inf the weights would grow without bound.*choose a finite C"


@pytest.fixture(autouse=True)
def no_warnings():
    """A warning that a test does not expect is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """These matrices are small: several threads would mostly wait for one another."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def data():
    """Samples and labels by name; ``overlap`` and ``noisy`` have a best fit without a penalty, the others have none."""
    breast, iris, digits = (f(return_X_y=True) for f in (load_breast_cancer, load_iris, load_digits))
    rng = np.random.default_rng(3)
    X = rng.standard_normal((300, 4))
    y = (X @ rng.standard_normal((4, 3)) + rng.gumbel(size=(300, 3))).argmax(axis=1)
    standardised = StandardScaler().fit_transform(breast[0])
    return {
        "breast": (standardised, breast[1]),
        "overlap": (standardised[:, :3], breast[1]),  # radius, texture and perimeter alone do not separate
        "iris": iris,
        "digits": (digits[0][::4] / 16, digits[1][::4]),
        "noisy": (X, y),  # three classes drawn from a softmax model
    }


def objective(model, X, y, weight=1.0):
    """scikit-learn's objective, written without the code under test."""
    scores = X @ model.coef_.T + model.intercept_
    if len(model.classes_) == 2:
        scores = np.hstack([np.zeros_like(scores), scores])
    losses = np.logaddexp.reduce(scores, axis=1) - scores[np.arange(len(y)), np.searchsorted(model.classes_, y)]
    if np.isinf(model.C):
        return np.sum(weight * losses)
    return 0.5 * np.sum(model.coef_**2) + model.C * np.sum(weight * losses)


def warned(*args, match, **kwargs):
    """Fit on `args` a model with the parameters `kwargs`, expecting one warning."""
    with pytest.warns(ConvergenceWarning, match=match):
        return LogisticRegression(**kwargs).fit(*args)


@parametrize_with_checks([LogisticRegression()])
def test_keeps_scikit_learns_contract(estimator, check):
    check(estimator)


# Agreement with scikit-learn. Both solvers stop at a gradient g; a penalty makes the objective 1-strongly convex in the
# weights, which are then within ‖g‖ of the best ones. At tol=1e-12 that is 1e-12 · C · Σ|x| ≤ 1e-12 · 100 · 1e4 = 1e-6
# for ours, and Newton's last step lands far below it, as scikit-learn's does. And 1e-6 is far below what a wrong
# objective does: a penalised intercept or a factor of 1/2 on C moves a weight by more than 1e-3.
AGREEMENT = {"breast": (0.01, 1, 100), "iris": (0.01, 1, 100), "digits": (0.01, 1), "overlap": (np.inf,)}
AGREEMENT["noisy"] = (1, np.inf)


@pytest.mark.parametrize(("name", "C"), [(name, C) for name, values in AGREEMENT.items() for C in values])
def test_agrees_with_scikit_learn(data, name, C):
    X, y = data[name]
    ours = LogisticRegression(C=C, tol=1e-12).fit(X, y)
    reference = Reference(C=C, tol=1e-12, max_iter=1000, solver="newton-cholesky").fit(X, y)
    assert ours.coef_.shape == reference.coef_.shape
    assert ours.intercept_.shape == reference.intercept_.shape
    np.testing.assert_allclose(ours.coef_, reference.coef_, rtol=0, atol=1e-6)
    np.testing.assert_allclose(ours.intercept_, reference.intercept_, rtol=0, atol=1e-6)
    for method in ("predict_proba", "decision_function"):
        np.testing.assert_allclose(getattr(ours, method)(X), getattr(reference, method)(X), rtol=0, atol=1e-5)
    np.testing.assert_array_equal(ours.predict(X), reference.predict(X))


@pytest.mark.parametrize("name", ["breast", "iris"])
def test_default_tolerance_is_enough_for_four_digits(data, name):
    X, y = data[name]
    for C in (0.01, 1.0, 100.0):
        ours, reference = LogisticRegression(C=C).fit(X, y), Reference(C=C, tol=1e-10, max_iter=10_000).fit(X, y)
        np.testing.assert_allclose(ours.predict_proba(X), reference.predict_proba(X), rtol=0, atol=1e-4)
        assert objective(ours, X, y) <= objective(reference, X, y) * (1 + 1e-12)  # ours is the lower one, or equal


@pytest.mark.parametrize("name", ["overlap", "noisy"])
def test_without_intercept(data, name):
    X, y = data[name]
    ours = LogisticRegression(fit_intercept=False, tol=1e-12).fit(X, y)
    reference = Reference(fit_intercept=False, tol=1e-12, solver="newton-cholesky").fit(X, y)
    np.testing.assert_allclose(ours.coef_, reference.coef_, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(ours.intercept_, np.zeros(1 if name == "overlap" else 3))


@pytest.mark.parametrize("C", [1.0, np.inf])
@pytest.mark.parametrize("name", ["overlap", "noisy"])
def test_sample_weights(data, name, C):
    X, y = data[name]
    rng = np.random.default_rng(4)
    weight = rng.random(len(y))
    ours = LogisticRegression(C=C, tol=1e-12).fit(X, y, weight)
    reference = Reference(C=C, tol=1e-12, solver="newton-cholesky").fit(X, y, weight)
    np.testing.assert_allclose(ours.coef_, reference.coef_, rtol=0, atol=1e-6)
    assert ours.loss_curve_[-1] == pytest.approx(objective(ours, X, y, weight), rel=1e-13)

    count = rng.integers(0, 4, len(y))  # weight 0: not there; weight 2: there twice
    weighted = LogisticRegression(C=C, tol=1e-12).fit(X, y, sample_weight=count)
    repeated = LogisticRegression(C=C, tol=1e-12).fit(X.repeat(count, axis=0), y.repeat(count))
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=0, atol=1e-9)


@pytest.mark.parametrize(("name", "C"), [("breast", 1.0), ("iris", 10.0), ("noisy", np.inf)])
def test_gradient_vanishes(data, name, C):
    """C Xᵀ(Y − P) = W for the weights, and 1ᵀ(Y − P) = 0 for the intercept."""
    X, y = data[name]
    model = LogisticRegression(C=C).fit(X, y)
    residual = np.eye(len(model.classes_))[np.searchsorted(model.classes_, y)] - model.predict_proba(X)
    left, right = (X.T @ residual, 0.0) if np.isinf(C) else (C * X.T @ residual, model.coef_.T)
    if len(model.classes_) == 2:
        left = left[:, 1:]
    # what tol promises, doubled for the rounding of the probabilities computed anew
    bound = 2e-10 * np.abs(X).sum(axis=0)[:, None] * (1 if np.isinf(C) else C)
    assert np.all(np.abs(left - right) <= bound)
    assert np.all(np.abs(residual.sum(axis=0)) <= 2e-10 * len(y))


def test_tol_is_what_the_docstring_says(data):
    """A looser tol stops earlier, at a gradient within its own bound; the unit of a feature makes no difference."""
    X, y = data["noisy"]
    fits = {tol: LogisticRegression(tol=tol).fit(X, y) for tol in (1e-2, 1e-4, 1e-10)}
    steps = [m.n_iter_ for m in fits.values()]
    assert steps == sorted(set(steps))
    for tol, m in fits.items():
        gradient = m.coef_.T - X.T @ (np.eye(3)[y] - m.predict_proba(X))
        assert np.all(np.abs(gradient) <= tol * np.abs(X).sum(axis=0)[:, None] * (1 + 1e-3))
    X, y = data["overlap"]
    unit = np.array([1e-3, 1.0, 1e3])
    one, other = (LogisticRegression(C=np.inf, tol=1e-12).fit(A, y) for A in (X, X * unit))
    np.testing.assert_allclose(other.coef_ * unit, one.coef_, rtol=1e-8)  # 1e-12 · 569 over the least curvature, 0.04


def test_loss_curve(data):
    for name, C in (("breast", 1.0), ("iris", 100.0), ("digits", 0.01), ("noisy", np.inf)):
        X, y = data[name]
        m = LogisticRegression(C=C).fit(X, y)
        assert isinstance(m.n_iter_, int)
        assert m.loss_curve_.shape == (m.n_iter_ + 1,)
        weight = 1.0 if np.isinf(C) else C
        assert m.loss_curve_[0] == pytest.approx(weight * len(y) * np.log(len(m.classes_)), rel=1e-13)
        assert m.loss_curve_[-1] == pytest.approx(objective(m, X, y), rel=1e-12)
        assert np.all(np.diff(m.loss_curve_) <= 32 * EPS * m.loss_curve_[:-1])  # the line search's allowance
        assert m.n_iter_ <= 20


def test_two_classes_are_softmax_with_one_score_pinned_at_zero(data):
    X, y = data["breast"]
    m = LogisticRegression().fit(X, y)
    z = m.decision_function(X)
    assert z.shape == (len(y),)
    np.testing.assert_array_equal(m.predict_proba(X), softmax(np.stack([np.zeros_like(z), z], axis=1)))
    np.testing.assert_allclose(m.predict_proba(X)[:, 1], sigmoid(z), rtol=1e-14)  # a few roundings on either side
    np.testing.assert_array_equal(m.predict(X), (z > 0).astype(int))


def test_log_probabilities_where_probabilities_underflow():
    m = LogisticRegression(C=100).fit([[-1.0], [1.0]], [0, 1])
    far = [[1e6]]
    assert m.predict_proba(far)[0, 0] == 0
    assert m.predict_log_proba(far)[0, 0] == -m.decision_function(far)[0]
    X = load_iris().data
    m = LogisticRegression().fit(X, load_iris().target)
    np.testing.assert_array_equal(m.predict_log_proba(X), log_softmax(m.decision_function(X)))


def test_coefficients_of_several_classes_sum_to_zero(data):
    for model in (LogisticRegression().fit(*data["digits"]), warned(*data["iris"], C=np.inf, match=SEPARABLE)):
        assert np.abs(model.intercept_.sum()) <= 1e-9 * np.abs(model.intercept_).max()
        # rounding: 1e-16 from each of some 1e4 products with the Hessian, and a margin of 1000
        assert np.abs(model.coef_.sum(axis=0)).max() <= 1e-9 * np.abs(model.coef_).max()


def test_labels_of_any_kind(data):
    X, y = data["iris"]
    plain = LogisticRegression().fit(X, y)
    names = np.array(["setosa", "versicolor", "virginica"])
    named = LogisticRegression().fit(X, names[y])
    np.testing.assert_array_equal(named.classes_, names)
    np.testing.assert_array_equal(named.predict(X), names[plain.predict(X)])
    signs = LogisticRegression().fit(X, np.where(y == 0, 1, -1))
    np.testing.assert_array_equal(signs.classes_, [-1, 1])
    np.testing.assert_array_equal(signs.predict(X), np.where(y == 0, 1, -1))


def test_float32_and_lists_are_computed_in_float64():
    X, y = load_iris(return_X_y=True)
    single = LogisticRegression().fit(X.astype(np.float32), y)
    assert single.coef_.dtype == np.float64
    double = LogisticRegression().fit(X.astype(np.float32).astype(np.float64).tolist(), y.tolist())
    np.testing.assert_array_equal(single.coef_, double.coef_)


def test_fits_are_repeatable_and_independent_of_the_past(data):
    X, y = data["iris"]
    first = LogisticRegression().fit(X, y)
    coef = first.coef_.copy()
    again = clone(first).fit(X, y)
    np.testing.assert_array_equal(again.coef_, coef)
    first.fit(*data["breast"]).fit(X, y)
    np.testing.assert_array_equal(first.coef_, coef)


def test_nothing_to_learn():
    """Labels that the feature tells nothing about: the start is the minimum."""
    m = LogisticRegression().fit([[0.0], [0.0], [1.0], [1.0]], [0, 1, 0, 1])
    assert m.n_iter_ == 0
    np.testing.assert_array_equal(m.predict_proba([[5.0]]), [[0.5, 0.5]])


# Separable data.


@pytest.mark.parametrize("name", ["breast", "digits"])
def test_separable_data_without_penalty(data, name):
    X, y = data[name]
    m = warned(X, y, C=np.inf, match=SEPARABLE)
    assert m.score(X, y) == 1
    assert m.n_iter_ <= 20  # once all are separated it stops; it would take 30 steps for the gradient to vanish
    assert np.isfinite(m.coef_).all()
    assert f"{np.abs(np.column_stack([m.coef_, m.intercept_])).max():.3g}" in warning_of(X, y)


def warning_of(X, y):
    with pytest.warns(ConvergenceWarning) as record:
        LogisticRegression(C=np.inf).fit(X, y)
    assert len(record) == 1
    assert record[0].filename == __file__  # points at the line that called fit
    return str(record[0].message)


def test_weights_on_separable_data_grow_with_c():
    X, y = [[-2.0], [-1.0], [1.0], [2.0]], [0, 0, 1, 1]
    size = [LogisticRegression(C=C).fit(X, y).coef_[0, 0] for C in 10.0 ** np.arange(0, 11, 2)]
    assert np.all(np.diff(size) > 2)  # by about log 100 each: the loss is near C·2e^(−w), so w ≈ log 2C


def test_no_warning_with_a_finite_c(data):
    m = LogisticRegression(C=1e6).fit(*data["iris"])
    assert m.score(*data["iris"]) > 0.98


def test_partly_separable_data(data):
    """One class of iris lies apart from the others: a minimum is missing though not all is separated."""
    m = warned(*data["iris"], C=np.inf, match=SEPARABLE)
    assert m.score(*data["iris"]) < 1
    warned([[-1.0], [0.0], [0.0], [1.0]], [0, 0, 1, 1], C=np.inf, match=SEPARABLE)
    warned([[-1.0], [0.0], [0.0], [1.0]], [0, 0, 1, 1], C=np.inf, tol=0.1, match=SEPARABLE)


def test_few_overlapping_samples_among_many():
    """8 samples of 20,000 on the wrong side: the minimum exists, and even a loose tol does not mistake it."""
    rng = np.random.default_rng(1)
    X = rng.standard_normal((20_000, 3))
    margin = X @ [1.0, -1.0, 0.5]
    X, margin = X[np.abs(margin) > 0.1], margin[np.abs(margin) > 0.1]
    y = margin > 0
    wrong = np.argsort(np.abs(margin))[:8]
    y[wrong] = ~y[wrong]
    for tol in (1e-10, 1e-2):
        assert LogisticRegression(C=np.inf, tol=tol).fit(X, y).n_iter_ > 5
    y[wrong] = ~y[wrong]
    warned(X, y, C=np.inf, match=SEPARABLE)


def test_a_sample_of_weight_zero_has_no_say_in_separability(data):
    X, y = data["overlap"]
    X, y, weight = np.vstack([X, [1e12, 0, 0]]), np.append(y, 0), np.append(np.ones(len(y)), 0)
    LogisticRegression(C=np.inf).fit(X, y, weight)  # a least step of the weights moves the score of the far sample
    X = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    with pytest.warns(ConvergenceWarning, match=SEPARABLE):
        m = LogisticRegression(C=np.inf).fit(X, [0, 0, 1, 0], [1, 1, 1, 0])
    assert m.n_iter_ == 1  # the rest is separated at once


def separable(X, y):
    """Decide by linear programming whether some direction has all margins ≥ 0 and not all 0 (Albert and Anderson)."""
    K = y.max() + 1
    A = np.column_stack([X, np.ones(len(X))])
    rows = []
    for a, own in zip(A, y, strict=True):
        for other in set(range(K)) - {own}:
            U = np.zeros((K, A.shape[1]))
            U[own], U[other] = a, -a
            rows.append(U.ravel())
    M = np.array(rows)
    n, d = M.shape
    result = linprog(  # the largest Σt with 0 ≤ t ≤ 1 and margins M u ≥ t
        np.r_[np.zeros(d), -np.ones(n)],
        A_ub=np.hstack([-M, np.eye(n)]),
        b_ub=np.zeros(n),
        bounds=[(None, None)] * d + [(0, 1)] * n,
    )
    assert result.status == 0
    return -result.fun > 1e-6  # either 0 or at least 1, as directions can be scaled


def test_separability_is_told_as_by_linear_programming():
    verdicts = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        n, d, K = rng.integers(8, 50), rng.integers(1, 5), rng.integers(2, 5)
        X = rng.standard_normal((n, d)) if seed % 2 else rng.integers(-2, 3, (n, d)).astype(float)
        y = (X @ rng.standard_normal((d, K)) * rng.choice([0.3, 1, 4]) + rng.gumbel(size=(n, K))).argmax(axis=1)
        y = np.unique(y, return_inverse=True)[1]
        if y.max() == 0:
            continue
        expected = separable(X, y)
        if seed % 3 == 0:  # collinear features change nothing, but for rounding
            X = np.column_stack([X, X @ rng.standard_normal((d, 2)), np.ones(n), np.zeros(n)])
        with warnings.catch_warnings(record=True) as record:
            warnings.simplefilter("always")
            LogisticRegression(C=np.inf).fit(X, y)
        messages = [str(w.message) for w in record]
        assert len(messages) == int(expected), (seed, messages)
        assert all("separable" in m for m in messages), (seed, messages)
        verdicts.append(expected)
    assert 20 < sum(verdicts) < 80  # both kinds were tried


# What it refuses.


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"C": 0}, ValueError, "C must be > 0, or np.inf for no penalty; got 0"),
        ({"C": -1.0}, ValueError, "C must be > 0.*got -1.0"),
        ({"C": np.nan}, ValueError, "C must be > 0.*got nan"),
        ({"C": "1"}, TypeError, "C must be a number; got '1'"),
        ({"C": True}, TypeError, "C must be a number; got True"),
        ({"C": None}, TypeError, "C must be a number; got None"),
        ({"tol": 0.0}, ValueError, "tol must be finite and > 0; got 0.0"),
        ({"tol": np.inf}, ValueError, "tol must be finite and > 0; got inf"),
        ({"tol": np.nan}, ValueError, "tol must be finite and > 0; got nan"),
        ({"tol": "small"}, TypeError, "tol must be a number; got 'small'"),
        ({"max_iter": 0}, ValueError, "max_iter must be an integer >= 1; got 0"),
        ({"max_iter": 10.0}, TypeError, "max_iter must be an integer >= 1; got 10.0"),
        ({"max_iter": True}, TypeError, "max_iter must be an integer >= 1; got True"),
        ({"fit_intercept": "no"}, TypeError, "fit_intercept must be True or False; got 'no'"),
    ],
)
def test_refuses_parameters(parameters, error, message):
    with pytest.raises(error, match=message):
        LogisticRegression(**parameters).fit([[0.0], [1.0]], [0, 1])


@pytest.mark.parametrize(
    ("X", "y", "weight", "error", "message"),
    [
        ([[0.0], [1.0]], [1, 1], None, ValueError, "y must hold at least 2 classes.*only one class: 1"),
        ([[0.0], [1.0]], [0.5, 1.5], None, ValueError, "Unknown label type: continuous"),
        ([[0.0], [np.nan]], [0, 1], None, ValueError, "Input X contains NaN"),
        ([[0.0], [1.0]], [0, np.nan], None, ValueError, "Input y contains NaN"),
        ([[0.0], [1.0]], [0, 1, 1], None, ValueError, "inconsistent numbers of samples"),
        ([0.0, 1.0], [0, 1], None, ValueError, "Expected 2D array"),
        ([[0.0], [1.0]], [0, 1], [1.0, -1.0], ValueError, "[Nn]egative values in .*sample_weight"),
        ([[0.0], [1.0]], [0, 1], [1.0], ValueError, "sample_weight.shape"),
        ([[0.0], [1.0]], [0, 1], [1.0, np.nan], ValueError, "sample_weight contains NaN"),
        ([[0.0], [1.0], [2.0]], list("abc"), [1, 1, 0], ValueError, "sample_weight must leave some.*class c have"),
    ],
)
def test_refuses_data(X, y, weight, error, message):
    with pytest.raises(error, match=message):
        LogisticRegression().fit(X, y, sample_weight=weight)


def test_refuses_to_predict_what_does_not_fit(data):
    with pytest.raises(NotFittedError):
        LogisticRegression().predict([[1.0]])
    m = LogisticRegression().fit(*data["iris"])
    with pytest.raises(ValueError, match="X has 2 features, but LogisticRegression is expecting 4"):
        m.predict_proba([[1.0, 2.0]])


def test_warns_when_stopped_early(data):
    match = "has not converged: max_iter=2 steps were made, short of tol=1e-10. Standardise the features, lower C, or"
    m = warned(*data["iris"], max_iter=2, match=match)
    assert m.n_iter_ == 2
    m = warned(*data["noisy"], C=np.inf, max_iter=2, match=match)  # not called separable
    assert np.isfinite(m.coef_).all()


def test_warns_when_rounding_allows_no_better(data):
    warned(
        *data["overlap"],
        tol=1e-300,
        match="has not converged: no step lowers the objective any further, short of tol=1e-300",
    )


# The solver.


def test_conjugate_gradient_solves_in_as_many_steps_as_unknowns():
    rng = np.random.default_rng(5)
    A = rng.standard_normal((6, 6))
    H, b = A @ A.T + np.eye(6), rng.standard_normal(6)
    calls = []
    p = conjugate_gradient(lambda v: calls.append(v) or H @ v, b, 1e-10 * np.linalg.norm(b))
    assert len(calls) <= 7  # 6 without rounding
    assert np.linalg.norm(H @ p - b) <= 2e-10 * np.linalg.norm(b)  # the recurrence's residual drifts by rounding
    rough = conjugate_gradient(lambda v: H @ v, b, 0.5 * np.linalg.norm(b))
    assert 1e-3 < np.linalg.norm(H @ rough - b) / np.linalg.norm(b) <= 0.5
    np.testing.assert_array_equal(conjugate_gradient(lambda v: H @ v, np.zeros(6), 0.0), np.zeros(6))


def test_conjugate_gradient_stops_at_negative_curvature():
    b = np.array([1.0, 1.0])
    np.testing.assert_array_equal(conjugate_gradient(lambda v: -v, b, 1e-8), b)
    H = np.diag([4.0, -1.0])  # b'Hb > 0, so one step is made before the curvature turns
    p = conjugate_gradient(lambda v: H @ v, b, 1e-8)
    np.testing.assert_allclose(p, 2 / 3 * b, rtol=1e-15)  # (b'b / b'Hb) b, two roundings


def rosenbrock(x):
    """(1 − a)² + 100 (b − a²)²: not convex; its only minimum, 0, is at (1, 1) (Rosenbrock, 1960)."""
    a, b = x
    return (1 - a) ** 2 + 100 * (b - a**2) ** 2, np.array([2 * (a - 1) - 400 * a * (b - a**2), 200 * (b - a**2)])


def rosenbrock_hessian(x, v):
    a, b = x
    return np.array([[2 - 400 * (b - 3 * a**2), -400 * a], [-400 * a, 200.0]]) @ v


def test_newton_finds_the_minimum_of_rosenbrocks_function():
    start = np.array([-1.2, 1.0])
    result = newton_cg(rosenbrock, rosenbrock_hessian, start, tol=1e-8, max_iter=100)
    assert result.converged
    assert result.reason == "the gradient is within the tolerance"
    np.testing.assert_allclose(result.x, 1, rtol=0, atol=1e-7)  # ‖H⁻¹‖ is 2.5 at the minimum: 2.5 · √2 · 1e-8
    assert np.all(np.diff(result.curve) < 0)
    assert result.curve[0] == rosenbrock(start)[0]
    np.testing.assert_array_equal(start, [-1.2, 1.0])


def test_newton_ends_fast():
    """Near the minimum the gradient falls faster than by any constant factor: the last steps prove it."""
    sizes = []

    def watched(x):  # Σ cosh(xᵢ − i), with its minimum at xᵢ = i
        sizes.append(np.abs(np.sinh(x - np.arange(4))).max())
        return np.cosh(x - np.arange(4)).sum(), np.sinh(x - np.arange(4))

    result = newton_cg(watched, lambda x, v: np.cosh(x - np.arange(4)) * v, np.zeros(4), tol=1e-13, max_iter=50)
    assert result.converged
    assert len(result.curve) <= 10
    assert sizes[-1] < 1e-4 * sizes[-2]
    # tol 1e-13 and ‖H⁻¹‖ = 1, besides an ulp of the coordinates
    np.testing.assert_allclose(result.x, np.arange(4), rtol=0, atol=2e-13)
    np.testing.assert_array_equal(result.last_step.shape, (4,))
    assert np.abs(result.last_step).max() == pytest.approx(sizes[-2], rel=1e-3)


def test_newton_stops_for_the_reason_it_gives():
    result = newton_cg(rosenbrock, rosenbrock_hessian, [-1.2, 1.0], tol=1e-8, max_iter=3)
    assert (result.converged, result.reason) == (False, "max_iter=3 steps were made")
    assert len(result.curve) == 4
    result = newton_cg(rosenbrock, rosenbrock_hessian, [-1.2, 1.0], 1e-8, 100, give_up=lambda x: x[0] > 0)
    assert (result.converged, result.reason) == (False, "give_up(x) became true")
    assert 0 < result.x[0] < 1
    uphill = newton_cg(lambda x: (x @ x, -2 * x), lambda x, v: 2 * v, [1.0], 1e-8, 100)
    assert (uphill.converged, uphill.reason) == (False, "no step lowers the objective any further")
    np.testing.assert_array_equal(uphill.x, [1.0])
    minimum = np.array([1.0, 1.0])
    there = newton_cg(rosenbrock, rosenbrock_hessian, minimum, 1e-8, 100)
    assert there.converged
    assert not np.shares_memory(there.x, minimum)
    np.testing.assert_array_equal(there.last_step, [0, 0])


def test_newton_takes_a_tolerance_for_each_coordinate():
    """A flat coordinate counts as converged at once, unless its own tolerance is small enough."""

    def f(x):
        return 0.5 * x[0] ** 2 + 0.5 * 1e-6 * x[1] ** 2, np.array([x[0], 1e-6 * x[1]])

    def product(x, v):
        return np.array([1.0, 1e-6]) * v

    loose = newton_cg(f, product, [1.0, 1.0], tol=1e-5, max_iter=10)
    assert loose.x[1] == pytest.approx(1, abs=1e-5)
    strict = newton_cg(f, product, [1.0, 1.0], tol=[1e-5, 1e-12], max_iter=10)
    assert abs(strict.x[1]) <= 1e-6  # 1e-12 over the curvature 1e-6


def test_importing_is_light():
    script = "import sys, dlkit.linear; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "sklearn" in result.stdout.split()
    assert not set(result.stdout.split()) & {"torch", "matplotlib", "IPython", "jupyterlab", "ipywidgets"}
