"""What all linear models say of bad input: the message names the argument and what was expected of it."""

import warnings

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from dlkit.linear import Lasso, LinearSVM, LogisticRegression, Perceptron, RankSVM

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
