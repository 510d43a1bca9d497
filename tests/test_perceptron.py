"""The perceptron: step for step the textbook's loop, with its theorem."""

import warnings

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Perceptron as Reference
from sklearn.utils.estimator_checks import parametrize_with_checks

from dlkit.linear import LinearSVM, Perceptron


@pytest.fixture(autouse=True)
def strict():
    """A warning that a test does not expect is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def loop(X, y, order, weight=None, intercept=True):
    """The textbook's loop over the samples, in the order of all epochs together; also the mean over all looks."""
    w, b, mistakes = np.zeros(X.shape[1]), 0.0, 0
    total_w, total_b = np.zeros(X.shape[1]), 0.0
    for i in order:
        if y[i] * (X[i] @ w + b) <= 0:
            s = 1.0 if weight is None else weight[i]
            w, b, mistakes = w + s * y[i] * X[i], b + s * y[i] * intercept, mistakes + 1
        total_w, total_b = total_w + w, total_b + b
    return w, b, mistakes, total_w / len(order), total_b / len(order)


@pytest.fixture(scope="module")
def separable():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((500, 4))
    m = X @ [1.0, -2.0, 0.5, 1.0] + 0.3
    return X[np.abs(m) > 0.2], (m[np.abs(m) > 0.2] > 0).astype(int)


@pytest.fixture(scope="module")
def noisy():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((300, 3))
    return X, (X @ [1.0, 1.0, 0.0] + 2 * rng.standard_normal(300) > 0).astype(int)


TWICE = "a sample that is there twice is met twice, at other moments"


@parametrize_with_checks(
    [Perceptron(max_iter=10), Perceptron(max_iter=10, averaged=True)],
    expected_failed_checks=lambda estimator: {
        f"check_sample_weight_equivalence_on_{kind}_data": TWICE for kind in ("dense", "sparse")
    },
)
def test_keeps_scikit_learns_contract(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("sparse", [False, True])
def test_is_the_loop_over_the_samples(noisy, sparse, intercept):
    X, y = noisy
    weight = np.random.default_rng(2).uniform(0.5, 2, len(y))
    order = np.tile(np.arange(len(y)), 3)
    w, b, mistakes, mean_w, mean_b = loop(X, 2 * y - 1, order, weight, intercept)
    settings = {"shuffle": False, "max_iter": 3, "fit_intercept": intercept}
    for averaged, (want_w, want_b) in ((False, (w, b)), (True, (mean_w, mean_b))):
        with pytest.warns(ConvergenceWarning):
            model = Perceptron(averaged=averaged, **settings).fit(csr_array(X) if sparse else X, y, weight)
        np.testing.assert_allclose(model.coef_[0], want_w, rtol=1e-10)  # some hundred additions
        assert model.intercept_[0] == pytest.approx(want_b, rel=1e-10)
        assert model.n_mistakes_.sum() == mistakes
        assert model.n_mistakes_.shape == (3,) and model.n_iter_ == 3


@pytest.mark.parametrize("sparse", [False, True])
def test_is_the_loop_where_mistakes_are_rare_and_orders_change(separable, sparse):
    """Long stretches without a mistake, an order for each epoch, weights that go along, and the mean over all looks."""
    X, y = np.tile(separable[0], (12, 1)), np.tile(separable[1], 12)
    weight = np.random.default_rng(3).uniform(0.5, 2, len(y))
    fit = csr_array(X) if sparse else X
    model = Perceptron(random_state=7).fit(fit, y, weight)
    rng = np.random.default_rng(7)
    order = np.concatenate([rng.permutation(len(y)) for _ in range(model.n_iter_)])
    w, b, mistakes, mean_w, mean_b = loop(X, 2 * y - 1, order, weight)
    assert mistakes == model.n_mistakes_.sum() and len(order) / mistakes > 100
    np.testing.assert_allclose(model.coef_[0], w, rtol=1e-10)
    assert model.intercept_[0] == pytest.approx(b, rel=1e-10)
    mean = Perceptron(random_state=7, averaged=True).fit(fit, y, weight)
    np.testing.assert_allclose(mean.coef_[0], mean_w, rtol=1e-9)  # sums of some ten thousand terms
    assert mean.intercept_[0] == pytest.approx(mean_b, rel=1e-9)


@pytest.mark.parametrize("epochs", [1, 4])
def test_agrees_with_scikit_learn(noisy, epochs):
    X, y = noisy
    theirs = Reference(shuffle=False, tol=None, max_iter=epochs).fit(X, y)
    with pytest.warns(ConvergenceWarning):
        ours = Perceptron(shuffle=False, max_iter=epochs).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-10)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-10)


def test_novikoffs_bound(separable):
    X, y = separable
    best = LinearSVM(C=np.inf).fit(X, y)  # the largest margin without the intercept's share: a γ, if not the best
    length = np.hypot(np.linalg.norm(best.coef_), best.intercept_[0])
    R = np.sqrt((X**2).sum(axis=1) + 1).max()
    counts = set()
    for seed in range(10):
        model = Perceptron(random_state=seed).fit(X, y)
        assert model.score(X, y) == 1
        assert model.n_mistakes_[-1] == 0 and (model.n_mistakes_[:-1] > 0).all()
        assert model.n_mistakes_.sum() <= (R * length) ** 2
        counts.add(model.n_mistakes_.sum())
    assert len(counts) > 1


def test_the_order_decides_where_it_ends(separable):
    first, again, other = (Perceptron(random_state=seed).fit(*separable) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.coef_, again.coef_)
    assert np.abs(first.coef_ - other.coef_).max() > 0.1
    generator = np.random.default_rng(0)
    np.testing.assert_array_equal(Perceptron(random_state=generator).fit(*separable).coef_, first.coef_)


def test_each_class_against_the_rest():
    X, y = load_iris(return_X_y=True)
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        model = Perceptron(max_iter=50, shuffle=False).fit(X, y)
    assert ["class 1 against" in str(w.message) for w in record] == [True, False]
    assert "epoch 50 made 2 mistakes on class 2 against the rest" in str(record[1].message)
    first = Perceptron(shuffle=False).fit(X, y == 0)
    np.testing.assert_array_equal(model.coef_[0], first.coef_[0])
    assert [len(m) for m in model.n_mistakes_] == [first.n_iter_, 50, 50]
    assert model.n_iter_ == 50


def test_the_mean_is_the_sounder_on_noisy_data(noisy):
    X, y = noisy
    with pytest.warns(ConvergenceWarning, match="never ends: raise max_iter, use averaged=True, or fit a LinearSVM"):
        last = [Perceptron(max_iter=5, random_state=s).fit(X, y).score(X, y) for s in range(10)]
    with pytest.warns(ConvergenceWarning):
        mean = [Perceptron(max_iter=5, random_state=s, averaged=True).fit(X, y).score(X, y) for s in range(10)]
    assert min(mean) > max(np.median(last), 0.65)


def test_warm_start_goes_on(separable):
    X, y = separable
    model = Perceptron(warm_start=True).fit(X, y)
    coef = model.coef_.copy()
    model.fit(X, y)
    np.testing.assert_array_equal(model.coef_, coef)
    np.testing.assert_array_equal(model.n_mistakes_, [0])


def test_verbose(separable, capsys):
    Perceptron(verbose=1).fit(*separable)
    out = capsys.readouterr().out.splitlines()
    assert out[0].split() == ["epoch", "mistakes"]
    assert out[-1] == "ended: an epoch without a mistake"


def test_many_samples_do_not_take_long():
    """1,800 digits, ten classes: with few mistakes, most samples are passed by in large stretches."""
    X, y = load_digits(return_X_y=True)
    with pytest.warns(ConvergenceWarning):
        model = Perceptron(max_iter=20).fit(X, y)
    assert model.score(X, y) > 0.93


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        ({"max_iter": 0}, ValueError, "max_iter must be an integer >= 1"),
        ({"shuffle": 1}, TypeError, "shuffle must be True or False"),
        ({"averaged": "yes"}, TypeError, "averaged must be True or False"),
        ({"random_state": None}, TypeError, "random_state must be a numpy.random.Generator"),
        ({"averaged": True, "warm_start": True}, ValueError, "warm_start must be False with averaged=True"),
        ({"verbose": 2}, ValueError, "verbose must be 0 or 1"),
    ],
)
def test_bad_parameters(separable, settings, kind, message):
    with pytest.raises(kind, match=message):
        Perceptron(**settings).fit(*separable)
