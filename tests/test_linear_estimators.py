"""What all linear models say of bad input: the message names the argument and what was expected of it."""

import warnings

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from dlkit.linear import Lasso, LinearSVM, LogisticRegression, Perceptron, RankSVM
from dlkit.linear._estimator import Reporter, earlier_fit, training_set

CLASSIFIERS = [
    LinearSVM(),
    LinearSVM(loss="squared_hinge"),
    LinearSVM(penalty="l1"),
    LinearSVM(multi_class="crammer_singer"),
    LinearSVM(solver="subgradient"),
    LinearSVM(solver="pegasos"),
    LogisticRegression(),
    LogisticRegression(penalty="l1"),
    Perceptron(),
]
ALL = [*CLASSIFIERS, Lasso(), RankSVM()]


@pytest.fixture(autouse=True)
def quiet():
    """Whether a fit converges is not the question here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def data():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30, 3))
    return X, (X[:, 0] + 0.3 * rng.standard_normal(30) > 0).astype(int)


@pytest.mark.parametrize("model", ALL, ids=repr)
def test_samples_and_targets(model):
    X, y = data()
    holed = X.copy()
    holed[3, 1] = np.nan
    for bad, message in (
        ((holed, y), "Input X contains NaN"),
        ((csr_array(holed), y), "Input X contains NaN"),
        ((X * 1e400, y), "Input X contains (NaN|infinity)"),
        ((X[:0], y[:0]), "Found array with 0 sample"),
        ((X[:, :0], y), "0 feature"),
        ((X[:, 0], y), "Expected 2D array, got 1D array"),
        ((X, y[:-1]), "Found input variables with inconsistent numbers of samples: .30, 29."),
        ((X, None), "requires y to be passed"),
        ((X + 1j, y), "Complex data not supported"),
    ):
        with pytest.raises(ValueError, match=message), np.errstate(all="ignore"):
            model.fit(*bad)


@pytest.mark.parametrize("model", CLASSIFIERS, ids=repr)
def test_labels(model):
    X, y = data()
    for bad, kind, message in (
        (np.zeros(30), ValueError, "y must hold at least 2 classes, but the data contain only one class"),
        (np.linspace(0, 1, 30), ValueError, "Unknown label type: continuous"),
        (np.eye(30)[:, :2], ValueError, "y should be a 1d array"),
        (np.where(y, np.nan, 0.0), ValueError, "Input y contains NaN"),
        ([None] * 15 + [1] * 15, (TypeError, ValueError), "y|label|NaN"),
    ):
        with pytest.raises(kind, match=message):
            model.fit(X, bad)
    with pytest.raises(ValueError, match="sample_weight must leave some weight on every class"):
        model.fit(X, y, sample_weight=y)  # a fold, or weights, without one of the classes
    with pytest.raises(ValueError, match="Negative values in data passed to `sample_weight`"):
        model.fit(X, y, sample_weight=-np.ones(30))
    with pytest.raises(ValueError, match="sample_weight"):
        model.fit(X, y, sample_weight=np.ones(29))


@pytest.mark.parametrize("model", ALL, ids=repr)
def test_odd_but_right(model):
    """Constant features, more features than samples, labels that are no numbers."""
    X, y = data()
    constant = np.column_stack([X, np.full(30, 7.0), np.zeros(30)])
    assert np.isfinite(model.fit(constant, y).coef_).all()
    assert np.ravel(model.coef_)[-1] == pytest.approx(0, abs=1e-12)  # nothing speaks for a weight there
    wide = np.random.default_rng(1).standard_normal((10, 40))
    assert np.isfinite(model.fit(wide, np.arange(10) % 2).coef_).all()
    assert model.n_features_in_ == 40


@pytest.mark.parametrize("model", ALL, ids=repr)
def test_prediction(model):
    X, y = data()
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        clone(model).predict(X)
    with pytest.raises(ValueError, match=r"X has 2 features, but \w+ is expecting 3 features"):
        model.fit(X, y).predict(X[:, :2])


@pytest.mark.parametrize("C", [0, -1.0, np.nan, "1", None, True, [1.0]])
@pytest.mark.parametrize("model", [LinearSVM(), LogisticRegression(), RankSVM()], ids=repr)
def test_c(model, C):
    with pytest.raises((TypeError, ValueError), match="C must be"):
        clone(model).set_params(C=C).fit(*data())


@pytest.mark.parametrize("model", [LinearSVM(), LogisticRegression(), Lasso(), RankSVM()], ids=repr)
def test_unknown_names_are_answered_with_the_known_ones(model):
    with pytest.raises(ValueError, match=r"solver must be one of '.*', .*; got 'magic'"):
        clone(model).set_params(solver="magic").fit(*data())
    if hasattr(model, "penalty"):
        with pytest.raises(ValueError, match="penalty must be one of 'l2', 'l1'; got 'elastic'"):
            clone(model).set_params(penalty="elastic").fit(*data())


# What they share, by itself ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", CLASSIFIERS, ids=repr)
def test_labels_of_two_kinds_are_not_made_strings(model):
    X = np.arange(4.0)[:, None]
    for bad in (["a", 1, "a", 1], np.array(["a", 1, "a", 1], dtype=object)):
        with pytest.raises(TypeError, match="y must hold labels of one kind, numbers or strings; got int and str"):
            model.fit(X, bad)
    assert set(model.fit(X, ["a", "a", "b", "b"]).classes_) == {"a", "b"}


@pytest.mark.parametrize("model", [m for m in ALL if not isinstance(m, RankSVM)], ids=repr)
def test_a_weight_that_is_no_number(model):
    X, y = data()
    for bad in (np.nan, np.where(y, np.nan, 1.0)):
        with pytest.raises(ValueError, match="sample_weight"):
            model.fit(X, y, sample_weight=bad)


@pytest.mark.parametrize("model", [LinearSVM(tol=1e-12), Lasso(alpha=0.01), Perceptron(max_iter=20)], ids=repr)
def test_sparse_samples_of_any_make_are_dense_ones(model):
    """Entries in two parts, indices of 64 bits, other formats, float32; and nothing of the user's is changed."""
    X, y = data()
    X = np.round(X * 4) / 4 * (np.abs(X) > 0.5)  # halves of these are exact in float32
    want = clone(model).fit(X, y).coef_
    whole = csr_array(X)
    parts = csr_array((np.repeat(whole.data / 2, 2), np.repeat(whole.indices, 2), whole.indptr * 2), shape=X.shape)
    wide = csr_array(X)
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    for S in (parts, wide, whole.tocsc(), whole.tocoo(), whole.astype(np.float32), X.astype(np.float32), X.tolist()):
        before = S.copy()
        np.testing.assert_allclose(clone(model).fit(S, y).coef_, want, rtol=1e-5, atol=1e-9)  # √tol, for the SVM
        if S is parts:
            np.testing.assert_array_equal(S.data, before.data)
            np.testing.assert_array_equal(S.indices, before.indices)


def test_squares_of_entries_in_two_parts():
    """A square of a sum is no sum of squares: the parts are put together before a solver sees them."""
    parts = csr_array((np.array([1.0, 2.0, 4.0]), np.array([0, 0, 0]), np.array([0, 2, 3])))
    X = training_set(LinearSVM(), parts, [0, 1]).X
    assert X.power(2).toarray().tolist() == [[9.0], [16.0]]
    assert parts.data.tolist() == [1.0, 2.0, 4.0]


def test_a_score_of_zero_is_the_first_class():
    model = Perceptron(fit_intercept=False).fit([[-1.0], [1.0]], ["left", "right"])
    assert model.predict([[0.0], [1e-9]]).tolist() == ["left", "right"]


@pytest.mark.parametrize("model", [LinearSVM(), LogisticRegression(), Perceptron()], ids=repr)
def test_a_warm_start_needs_the_classes_of_the_last_fit(model):
    X, y = data()
    model = clone(model).set_params(warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match="warm_start"):
        model.fit(X, np.where(y, "yes", "no"))
    with pytest.raises(ValueError, match="warm_start"):
        model.fit(X[:, :2], y)


def test_what_an_earlier_fit_left_is_not_written_on():
    X, y = data()
    model = Perceptron(warm_start=True, max_iter=1).fit(X, y)
    start = earlier_fit(model, model.classes_, 3)
    start[0][:] = np.nan
    assert np.isfinite(model.coef_).all()


def test_reporter_prints_few_lines_and_the_last(capsys):
    report = Reporter("iteration", "objective", title="class 0 against the rest")
    for iteration in range(1001):
        report(iteration, 1 / (1 + iteration))
    report.end("enough")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "class 0 against the rest" and lines[-1] == "ended: enough"
    shown = [int(line.split()[0]) for line in lines[2:-1]]
    assert shown == [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000]


@pytest.mark.parametrize(
    "model",
    [Perceptron(max_iter=1), Lasso(max_iter=1, alpha=1e-3, tol=1e-12), LogisticRegression(max_iter=1)],
    ids=repr,
)
def test_warnings_point_at_the_line_that_called(model):
    with pytest.warns(ConvergenceWarning) as record:
        model.fit(*data())
    assert record[0].filename == __file__
