"""Pairs that are counted without being made, the measures of a ranking, and the ranking SVM."""

import warnings

import cvxpy as cp
import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.stats import kendalltau
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import ndcg_score
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_limits

from dlkit.linear import RankSVM
from dlkit.linear.ranking import count_pairs, dcg, kendall_tau, ndcg, pairwise_hinge


@pytest.fixture(autouse=True)
def strict():
    """A warning that a test does not expect is an error; small matrices want one thread."""
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def by_pairs(s, r, g):
    """The loss and its sub-gradient, pair by pair."""
    loss, slope = 0.0, np.zeros(len(s))
    for i in range(len(s)):
        for j in range(len(s)):
            if g[i] == g[j] and r[i] > r[j] and s[i] < s[j] + 1:
                loss, slope[i], slope[j] = loss + 1 - s[i] + s[j], slope[i] - 1, slope[j] + 1
    return loss, slope


def some_documents(seed):
    """Up to 30 documents of up to 4 queries; scores in quarters, so that ties and kinks are exact and many."""
    rng = np.random.default_rng(seed)
    n = rng.integers(1, 30)
    scores = np.round(rng.normal(size=n) * rng.choice([1, 4])) / 4
    relevance = rng.integers(0, rng.integers(1, 9), n) * rng.choice([1.0, 0.5, -3.0])
    return scores, relevance, rng.integers(0, rng.integers(1, 5), n) * 7 - 3


@pytest.mark.parametrize("seed", range(60))
def test_loss_is_the_sum_over_pairs(seed):
    s, r, g = some_documents(seed)
    loss, slope = pairwise_hinge(s, r, g)
    want, want_slope = by_pairs(s, r, g)
    assert loss == pytest.approx(want, abs=1e-10)
    np.testing.assert_array_equal(slope, want_slope)
    named = np.array([f"query {k}" for k in g])
    assert pairwise_hinge(s, r, named)[0] == pytest.approx(want, abs=1e-10)


def test_a_shift_of_a_query_changes_nothing():
    s, r, g = some_documents(3)
    shifted = s + np.where(g == g[0], 1024.0, -512.0)
    assert pairwise_hinge(shifted, r, g)[0] == pairwise_hinge(s, r, g)[0]


def test_subgradient_at_scores_of_all_sizes():
    """L(t) ≥ L(s) + g·(t − s), the definition; also where scores are so large that 1 is lost in them."""
    rng = np.random.default_rng(0)
    r, g = rng.integers(0, 3, 40), rng.integers(0, 3, 40)
    for scale in (1e-3, 1.0, 1e3, 1e17):
        s = scale * rng.normal(size=40)
        loss, slope = pairwise_hinge(s, r, g)
        assert slope.sum() == 0
        for _ in range(20):
            t = s + scale * rng.normal(size=40)
            assert pairwise_hinge(t, r, g)[0] >= loss + slope @ (t - s) - 1e-12 * scale * 1600


def test_many_levels_of_relevance():
    rng = np.random.default_rng(1)
    s, r = np.round(4 * rng.normal(size=257)) / 4, rng.permutation(257)
    loss, slope = pairwise_hinge(s, r)
    want, want_slope = by_pairs(s, r, np.zeros(257))
    assert loss == pytest.approx(want, rel=1e-12)
    np.testing.assert_array_equal(slope, want_slope)


def test_a_million_documents_make_no_pairs():
    """5·10¹¹ pairs: a sum known in closed form, in seconds and megabytes."""
    n = 1_000_000
    relevance = np.arange(n) % 2
    loss, slope = pairwise_hinge(np.zeros(n), relevance)
    assert loss == (n // 2) ** 2
    np.testing.assert_array_equal(slope, np.where(relevance, -n // 2, n // 2))


@pytest.mark.parametrize("seed", range(60))
def test_kendalls_tau_and_counts(seed):
    s, r, g = some_documents(seed)
    counts = count_pairs(s, r, g)
    taus = []
    for k, q in enumerate(np.unique(g)):
        a, b = s[g == q], r[g == q]
        da, db = np.sign(np.subtract.outer(a, a)), np.sign(np.subtract.outer(b, b))
        upper = np.triu(np.ones_like(da), 1) > 0
        assert counts.concordant[k] == np.sum(upper & (da * db > 0))
        assert counts.discordant[k] == np.sum(upper & (da * db < 0))
        assert counts.tied_scores[k] == np.sum(upper & (da == 0) & (db != 0))
        assert counts.tied_relevance[k] == np.sum(upper & (da != 0) & (db == 0))
        if np.ptp(b) > 0:
            taus.append(kendalltau(a, b).statistic if np.ptp(a) > 0 else 0.0)
    if taus:
        assert kendall_tau(r, s, g) == pytest.approx(np.mean(taus), abs=1e-12)
    else:
        with pytest.raises(ValueError, match="relevance must differ between two documents of a query"):
            kendall_tau(r, s, g)


@pytest.mark.parametrize("k", [None, 1, 5, 100])
@pytest.mark.parametrize("gain", ["linear", "exponential"])
def test_ndcg_agrees_with_scikit_learn(gain, k):
    rng = np.random.default_rng(2)
    r, s, g = rng.integers(0, 4, 90), np.round(2 * rng.normal(size=90)) / 2, np.repeat([5, 1, 9], 30)
    gains = r if gain == "linear" else 2.0**r - 1
    want = [ndcg_score([gains[g == q]], [s[g == q]], k=k) for q in (1, 5, 9)]
    assert ndcg(r, s, g, k=k, gain=gain) == pytest.approx(np.mean(want), rel=1e-12)
    mixed = rng.permutation(90)
    assert ndcg(r[mixed], s[mixed], g[mixed], k=k, gain=gain) == pytest.approx(np.mean(want), rel=1e-12)


def test_queries_without_a_relevant_document():
    r, s, g = [0, 0, 1, 0], [1, 2, 4, 3], [1, 1, 2, 2]
    assert ndcg(r, s, g) == 1
    np.testing.assert_allclose(dcg(r, s, g), [0, 1])
    with pytest.raises(ValueError, match="relevance must be > 0 for one document"):
        ndcg([0, 0], [1, 2])
    with pytest.raises(ValueError, match="relevance must be >= 0"):
        ndcg([-1, 2], [1, 2])


# The ranking SVM ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def queries():
    rng = np.random.default_rng(4)
    X, g = rng.normal(size=(120, 4)), np.repeat(np.arange(8), 15)
    r = np.digitize(X @ [1.0, -1.0, 0.5, 0.0] + 0.5 * rng.normal(size=120), [-1, 0, 1])
    return X, r, g


@parametrize_with_checks([RankSVM(), RankSVM(loss="squared_hinge"), RankSVM(solver="subgradient", tol=0.5)])
def test_keeps_scikit_learns_contract(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


def optimum(X, r, g, C):
    rows = [(i, j) for i in range(len(r)) for j in range(len(r)) if g[i] == g[j] and r[i] > r[j]]
    better, worse = np.array(rows).T
    w = cp.Variable(X.shape[1])
    lack = cp.pos(1 - (X[better] - X[worse]) @ w)
    return cp.Problem(cp.Minimize(cp.sum_squares(w) / 2 + C * cp.sum(lack))).solve(solver=cp.CLARABEL), len(rows)


@pytest.mark.parametrize("solver", ["bundle", "quadratic_program", "subgradient"])
@pytest.mark.parametrize("C", [1e-3, 0.1])
def test_reaches_the_optimum(queries, solver, C):
    X, r, g = queries
    want, n_pairs = optimum(X, r, g, C)
    tol = 0.05 if solver == "subgradient" else 1e-3
    model = RankSVM(C=C, solver=solver, tol=tol, max_iter=3000).fit(X, r, group=g)
    assert model.n_pairs_ == n_pairs
    loss, _ = by_pairs(X @ model.coef_, r, g)
    assert model.objective_ == pytest.approx(0.5 * model.coef_ @ model.coef_ + C * loss, rel=1e-9)
    assert -1e-6 <= model.objective_ / want - 1 <= tol
    assert model.dual_objective_ <= want * (1 + 1e-6)
    assert model.duality_gap_ <= tol * model.objective_
    assert model.n_iter_ >= 1


def test_order_of_documents_and_sparsity_do_not_matter(queries):
    X, r, g = queries
    model = RankSVM(C=0.01, tol=1e-6).fit(X, r, group=g)
    mixed = np.random.default_rng(0).permutation(len(r))
    other = RankSVM(C=0.01, tol=1e-6).fit(csr_array(X[mixed]), 10 * r[mixed] - 5, group=[f"q{k}" for k in g[mixed]])
    # ½‖w − w*‖² ≤ gap for both
    assert np.linalg.norm(other.coef_ - model.coef_) <= 2 * np.sqrt(2e-6 * model.objective_)
    np.testing.assert_allclose(other.predict(csr_array(X)), X @ other.coef_)


def test_score_is_kendalls_tau(queries):
    X, r, g = queries
    model = RankSVM(C=0.1).fit(X, r, group=g)
    assert model.score(X, r, g) == kendall_tau(r, model.predict(X), g)
    assert model.score(X, r, g) > 0.6
    assert model.score(X, -r, g) < -0.6


def test_queries_are_not_compared(queries):
    """A feature that tells queries apart, and which one is easy, is of no use; without groups it is."""
    X, r, g = queries
    X = np.column_stack([X, g])
    r = r + 10 * g
    apart = RankSVM(C=0.1).fit(X, r, group=g)
    together = RankSVM(C=0.001).fit(X, r)
    assert abs(apart.coef_[-1]) < 1e-9
    assert together.coef_[-1] > 0.3


def test_warm_start_and_schedule(queries):
    X, r, g = queries
    model = RankSVM(C=0.1, warm_start=True).fit(X, r, group=g)
    cold = model.n_iter_
    assert model.fit(X, r, group=g).n_iter_ < cold
    with pytest.raises(ValueError, match="warm_start=True needs the 4 features"):
        model.fit(X[:, :2], r, group=g)
    descent = RankSVM(C=0.1, solver="subgradient", max_iter=5, tol=1e-9)
    with pytest.warns(ConvergenceWarning, match="max_iter=5 steps were made; the gap is .* Raise max_iter or tol"):
        slow = clone(descent).set_params(schedule=1e-9).fit(X, r, group=g)
    with pytest.warns(ConvergenceWarning):
        assert descent.fit(X, r, group=g).objective_ < 0.9 * slow.objective_


def test_verbose(queries, capsys):
    RankSVM(verbose=1).fit(*queries[:2], group=queries[2])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["iteration", "objective", "gap"] and lines[-1].startswith("ended: ")


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        ({"C": 0}, ValueError, "C must be finite and > 0"),
        ({"C": np.inf}, ValueError, "C must be finite and > 0"),
        ({"solver": "simplex"}, ValueError, "solver must be one of 'auto', 'bundle'"),
        ({"solver": "newton"}, ValueError, "solver='newton' is for loss='squared_hinge'; got loss='hinge'"),
        ({"loss": "logistic"}, ValueError, "loss must be one of 'hinge', 'squared_hinge'"),
        ({"tol": -1}, ValueError, "tol must be finite and > 0"),
        ({"max_iter": 0}, ValueError, "max_iter must be an integer >= 1"),
        ({"schedule": 0.1}, ValueError, "schedule is for solver='subgradient'"),
        ({"warm_start": 0}, TypeError, "warm_start must be True or False"),
    ],
)
def test_bad_parameters(queries, settings, kind, message):
    with pytest.raises(kind, match=message):
        RankSVM(**settings).fit(*queries[:2], group=queries[2])


def test_bad_data(queries):
    X, r, g = queries
    for args, message in (
        ((X, r, np.arange(120)), "y must differ between two documents of a query at least"),
        ((X, np.ones(120), g), "there is no pair to learn from"),
        ((X, r, g[:5]), "group must hold one query id for each of the 120 documents"),
        ((X, r, np.where(g == 0, np.nan, g)), "group must hold query ids; got NaN"),
        ((X, np.where(r == 0, np.nan, r), g), "Input y contains NaN"),
        ((np.where(X > 2, np.inf, X), r, g), "Input X contains infinity"),
    ):
        with pytest.raises(ValueError, match=message):
            RankSVM().fit(args[0], args[1], group=args[2])
    with pytest.raises(ValueError, match="writes out all pairs, at most 20,000; got 499,500"):
        RankSVM(solver="quadratic_program").fit(np.zeros((1000, 1)), np.arange(1000))
    for args, message in (
        (([1.0, np.nan], [1, 2]), "scores must be finite; got nan"),
        (([1.0, 2.0], [1, 2, 3]), "scores and relevance must be as long as each other; got 2 and 3"),
        (([], []), "relevance must be a list of numbers, at least one"),
    ):
        with pytest.raises(ValueError, match=message):
            pairwise_hinge(*args)
