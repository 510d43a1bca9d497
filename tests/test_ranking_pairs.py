"""Counts of and sums over pairs, the squared hinge, samples of pairs, and what the ranking SVM makes of them."""

import cvxpy as cp
import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.exceptions import ConvergenceWarning

from dlkit.linear import RankSVM
from dlkit.linear.ranking import Pairs, pairwise_hinge, pairwise_squared_hinge
from dlkit.linear.ranking.pairwise import SquaredHinge, hinge_of
from dlkit.linear.ranking.sampled import ROUNDED_HINGE, SampledPairs
from dlkit.linear.ranking.solvers import written_out
from dlkit.linear.solvers.bundle import bundle


def documents(n, levels, n_queries, seed):
    """Scores in quarters, so that ties and kinks are exact; relevances from `levels`, or all distinct for None."""
    rng = np.random.default_rng(seed)
    scores = np.round(8 * rng.standard_normal(n)) / 4
    relevance = rng.standard_normal(n) if levels is None else rng.integers(0, levels, n) * 3 - 5
    return scores, relevance, rng.integers(0, n_queries, n)


def all_pairs(relevance, group):
    return (relevance[:, None] > relevance) & (group[:, None] == group)


SIZES = [(1, 1, 1), (2, 2, 1), (40, 2, 1), (60, 5, 3), (60, 17, 40), (150, 300, 2), (129, None, 1), (64, None, 5)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("margin", [1.0, 0.0, -1.5])
@pytest.mark.parametrize("touching", [False, True])
def test_counts(size, margin, touching):
    s, r, g = documents(*size, seed=1)
    apart = s[:, None] - s
    active = all_pairs(r, g) & ((apart <= margin) if touching else (apart < margin))
    as_better, as_worse = Pairs(r, g).counts(s, margin, touching)
    np.testing.assert_array_equal(as_better, active.sum(axis=1))
    np.testing.assert_array_equal(as_worse, active.sum(axis=0))


def test_a_relevance_keeps_its_digits():
    """Integers beyond 2⁵³ differ, though their float64s do not."""
    assert Pairs([2**60, 2**60 + 1]).n_pairs == [1]


@pytest.mark.parametrize("size", SIZES)
def test_sums_over_active_pairs(size):
    s, r, g = documents(*size, seed=2)
    A = all_pairs(r, g) & (s[:, None] - s < 1)
    v = np.random.default_rng(0).standard_normal(len(s))
    # differences of partial sums of up to 150 numbers below 5: 150 · 150 · 5 · eps
    np.testing.assert_allclose(Pairs(r, g).active(s).sums(v), A @ v + A.T @ v, atol=3e-11)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("weighted", [False, True])
def test_squared_hinge(size, weighted):
    s, r, g = documents(*size, seed=3)
    w = 0.5 + g if weighted else None
    loss = np.where(all_pairs(r, g), np.maximum(1 - s[:, None] + s, 0), 0) * (1 if w is None else np.sqrt(w)[:, None])
    here = SquaredHinge(Pairs(r, g), s, w)
    each = 2 * loss * (1 if w is None else np.sqrt(w)[:, None])
    assert here.value == pytest.approx((loss**2).sum(), rel=1e-11, abs=1e-11)
    np.testing.assert_allclose(here.gradient, each.sum(axis=0) - each.sum(axis=1), rtol=1e-10, atol=1e-10)
    if w is None:
        value, gradient = pairwise_squared_hinge(s, r, g)
        assert value == here.value and (gradient == here.gradient).all()
    else:
        root = np.sqrt(w)[:, None]
        assert hinge_of(Pairs(r, g), s, w)[0] == pytest.approx((loss * root).sum(), rel=1e-11, abs=1e-11)


def test_second_derivative():
    """No pair is within 1e-4 of the kink, so that differences of gradients are exact but for rounding: 1e-11/1e-4."""
    rng = np.random.default_rng(5)
    s, r = rng.standard_normal(50), rng.integers(0, 4, 50)
    assert np.abs(s[:, None] - s - 1)[all_pairs(r, r * 0)].min() > 2e-4
    v, step = rng.uniform(-1, 1, 50), 1e-4
    pairs = Pairs(r)
    difference = SquaredHinge(pairs, s + step * v).gradient - SquaredHinge(pairs, s - step * v).gradient
    np.testing.assert_allclose(SquaredHinge(pairs, s).hessian_times(v), difference / (2 * step), atol=1e-6)


def test_offsets_of_queries_cost_no_digits():
    """Quarters beside 2⁴⁸ are exact in float64, but their products with counts are not."""
    s, r, g = documents(60, 5, 3, seed=6)
    for loss in (pairwise_hinge, pairwise_squared_hinge):
        value, slope = loss(s + 2.0**48 * (g - 1), r, g)
        assert value == pytest.approx(loss(s, r, g)[0], rel=1e-12)
        np.testing.assert_allclose(slope, loss(s, r, g)[1], atol=1e-10)


# A sample of the pairs ----------------------------------------------------------------------------------------------


def test_sample_draws_each_pair_alike():
    _, r, g = documents(30, 3, 2, seed=0)
    pairs, among = Pairs(r, g), all_pairs(r, g)
    size = 200_000
    drawn = np.zeros((30, 30))
    np.add.at(drawn, pairs.sample(size, np.random.default_rng(0)), 1)
    assert not drawn[~among].any()
    mean = size / among.sum()
    assert np.abs(drawn[among] - mean).max() <= 5 * np.sqrt(mean)  # five standard deviations, of some 100 numbers
    twice = np.zeros((30, 30))
    np.add.at(twice, pairs.sample(size, np.random.default_rng(0), 1.0 + 2 * g), 1)
    share = twice[g == 1].sum() / size
    n = pairs.n_pairs
    assert share == pytest.approx(3 * n[1] / (n[0] + 3 * n[1]), abs=5 / np.sqrt(size))


def test_written_out():
    _, r, g = documents(30, 3, 4, seed=0)
    better, worse = written_out(Pairs(r, g))
    made = np.zeros((30, 30), dtype=int)
    np.add.at(made, (better, worse), 1)
    np.testing.assert_array_equal(made, all_pairs(r, g))


def test_rounded_hinge():
    m = np.linspace(-1, 3, 4001)
    value, slope = ROUNDED_HINGE.value(m), ROUNDED_HINGE.slope(m)
    far = np.abs(m - 1) >= 0.5
    np.testing.assert_allclose(value[far], np.maximum(1 - m, 0)[far], atol=1e-15)
    assert np.abs(value - np.maximum(1 - m, 0)).max() == pytest.approx(0.125)
    np.testing.assert_allclose(np.gradient(value, m)[1:-1], slope[1:-1], atol=1e-3)  # steps of 1e-3, curvature 1
    np.testing.assert_allclose(np.trapezoid(ROUNDED_HINGE.curvature(m), m), slope[-1] - slope[0], atol=1e-3)
    for a in (0.0, 0.3, 1.0):
        assert ROUNDED_HINGE.gain(a) == pytest.approx((value + a * m).min(), abs=1e-6)


@pytest.fixture(scope="module")
def many():
    """2000 documents of one query, 10⁶ pairs and more; the last feature is on another scale."""
    rng = np.random.default_rng(7)
    X = rng.standard_normal((2000, 6)) * [1, 1, 1, 1, 1, 0.1]
    r = np.digitize(X @ [1, -1, 0.5, 0, 0, 3] + rng.standard_normal(2000), [0, 1, 2, 3])
    return X, r


@pytest.mark.parametrize("squared", [False, True])
def test_guesses_come_closer_by_a_factor(many, squared):
    X, r = many
    pairs = Pairs(r)
    c = np.full(2000, 100 / pairs.n_pairs.sum())
    sample = SampledPairs(X, pairs, c, squared, 20_000, np.random.default_rng(0))

    def gradient(w):
        if squared:
            return X.T @ SquaredHinge(pairs, X @ w, c).gradient
        return X.T @ hinge_of(pairs, X @ w, c)[1]

    w = sample.start()
    lengths = [np.linalg.norm(w + gradient(w))]
    for _ in range(3):
        w = sample(w, gradient(w))
        lengths.append(np.linalg.norm(w + gradient(w)))
    assert lengths[0] < 0.2 * np.linalg.norm(gradient(np.zeros(6)))
    assert (np.array(lengths[1:]) < 0.5 * np.array(lengths[:-1])).all()


def test_bundle_listens_to_a_good_proposal_and_forgets_a_bad_one():
    a, asked = np.array([3.0, -1.0]), []

    def oracle(w):
        return 50 * np.sum((w - a) ** 2), 100 * (w - a)

    def newton(w, g):
        asked.append(w)
        np.testing.assert_allclose(g, 100 * (w - a))
        return w - (w + g) / 101

    good = bundle(oracle, 2, tol=1e-9, propose=newton)
    assert good.converged and good.n_iter == 1 and good.n_looks == 2
    np.testing.assert_allclose(good.w, a * 100 / 101, rtol=1e-12)
    asked.clear()
    bad = bundle(oracle, 2, tol=1e-6, propose=lambda w, g: asked.append(w) or w + 5.0)
    assert bad.converged and len(asked) == 3
    assert bad.value == pytest.approx(good.value, rel=1e-6)


# The ranking SVM ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def queries():
    rng = np.random.default_rng(4)
    X, g = rng.normal(size=(90, 4)), np.repeat(np.arange(6), 15)
    return X, np.digitize(X @ [1.0, -1.0, 0.5, 0.0] + 0.5 * rng.normal(size=90), [-1, 0, 1]), g


def optimum(X, r, g, c, squared):
    better, worse = np.nonzero(all_pairs(r, g))
    w = cp.Variable(X.shape[1])
    lack = cp.pos(1 - (X[better] - X[worse]) @ w)
    losses = cp.square(lack) if squared else lack
    return cp.Problem(cp.Minimize(cp.sum_squares(w) / 2 + c[better] @ losses)).solve(solver=cp.CLARABEL)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("solver", "loss", "tol"),
    [
        ("auto", "hinge", 1e-5),
        ("auto", "squared_hinge", 1e-5),
        ("bundle", "squared_hinge", 1e-5),
        ("newton", "squared_hinge", 1e-5),
        ("quadratic_program", "hinge", 1e-5),
        ("quadratic_program", "squared_hinge", 1e-5),
        ("subgradient", "squared_hinge", 0.05),
    ],
)
def test_reaches_the_optimum(queries, solver, loss, tol, weighted):
    X, r, g = queries
    weight = np.array([1, 2, 0, 0.5, 1, 3])[g] if weighted else np.ones(90)
    C = 0.02
    want = optimum(X, r, g, C * weight, loss == "squared_hinge")
    model = RankSVM(C=C, loss=loss, solver=solver, tol=tol, max_iter=3000)
    model.fit(csr_array(X) if weighted else X, r, group=g, query_weight=weight if weighted else None)
    assert want * (1 - 1e-6) <= model.objective_ <= want * (1 + tol + 1e-6)
    assert model.dual_objective_ <= want * (1 + 1e-6)
    assert model.duality_gap_ <= tol * model.objective_
    assert len(model.loss_curve_) >= 1 and model.loss_curve_.min() >= want * (1 - 1e-6)


def test_sampled_and_exact_newton_agree(many):
    """10⁶ pairs: "bundle" takes points from a sample of them, "newton" does not; ½‖w − w*‖² ≤ gap for both."""
    X, r = many
    C = 100 / Pairs(r).n_pairs.sum()
    one = RankSVM(C=C, loss="squared_hinge", tol=1e-7).fit(X, r)
    two = RankSVM(C=C, loss="squared_hinge", tol=1e-7, solver="newton").fit(X, r)
    assert one.objective_ == pytest.approx(two.objective_, rel=2e-7)
    assert np.linalg.norm(one.coef_ - two.coef_) <= np.sqrt(2 * one.duality_gap_) + np.sqrt(2 * two.duality_gap_)
    other = RankSVM(C=C, loss="squared_hinge", tol=1e-7, random_state=5).fit(csr_array(X), r)
    assert other.objective_ == pytest.approx(two.objective_, rel=2e-7)
    again = RankSVM(C=C, loss="squared_hinge", tol=1e-7).fit(X, r)
    np.testing.assert_array_equal(again.coef_, one.coef_)
    assert one.n_iter_ <= 8


def test_few_looks_for_the_hinge(many):
    X, r = many
    model = RankSVM(C=100 / Pairs(r).n_pairs.sum(), tol=1e-3).fit(X, r)
    assert model.duality_gap_ <= 1e-3 * model.objective_
    assert model.n_iter_ <= 4  # some 20 without a sample
    assert model.score(X, r) > 0.5


def test_newton_that_is_cut_short(many):
    with pytest.warns(ConvergenceWarning, match="max_iter=1 steps were made"):
        model = RankSVM(C=1e-3, loss="squared_hinge", solver="newton", max_iter=1, tol=1e-9).fit(*many)
    assert model.n_iter_ == 1 and len(model.loss_curve_) == 2
    assert model.duality_gap_ > 1e-9 * model.objective_
    X, r = many
    g = model.coef_ + 1e-3 * X.T @ SquaredHinge(Pairs(r), X @ model.coef_).gradient
    at_start = 1e-3 * X.T @ SquaredHinge(Pairs(r), np.zeros(2000)).gradient
    bounds = model.objective_ - 0.5 * g @ g, model.loss_curve_[0] - 0.5 * at_start @ at_start
    assert model.dual_objective_ == pytest.approx(max(bounds), rel=1e-9)


def test_weight_of_a_query_repeats_it(queries):
    X, r, g = queries
    weight = np.where(g == 1, 2.0, np.where(g == 2, 0.0, 1.0))
    weighted = RankSVM(C=0.05, tol=1e-7).fit(X, r, group=g, query_weight=weight)
    rows = np.concatenate([np.flatnonzero(g != 2), np.flatnonzero(g == 1)])
    named = np.concatenate([g[g != 2], np.full(15, 100)])
    repeated = RankSVM(C=0.05, tol=1e-7).fit(X[rows], r[rows], group=named)
    assert weighted.objective_ == pytest.approx(repeated.objective_, rel=2e-7)
    distance = np.sqrt(2 * weighted.duality_gap_) + np.sqrt(2 * repeated.duality_gap_)
    assert np.linalg.norm(weighted.coef_ - repeated.coef_) <= distance


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (lambda g: np.arange(90.0), "query_weight must be the same for all documents of a query; got 0 and 14 in one"),
        (lambda g: -1.0 * (g == 1), "Negative values in data"),
        (lambda g: np.ones(3), "shape"),
        (lambda g: np.zeros(90), "query_weight must be > 0 for a query at least"),
        (lambda g: np.where(g == 1, np.nan, 1), "NaN"),
    ],
)
def test_bad_weights(queries, weight, message):
    X, r, g = queries
    with pytest.raises(ValueError, match=message):
        RankSVM().fit(X, r, group=g, query_weight=weight(g))
