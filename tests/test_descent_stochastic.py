"""SGD and SVRG: what a batch is worth, the known rates, and the record."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.sparse import csr_array, csr_matrix, random_array

from dlkit import autograd as ag
from dlkit.descent import NonFiniteError, sgd, svrg
from dlkit.descent.stochastic import batches
from dlkit.optim import Momentum


def squares(w, X, y):
    return ((X @ w - y) ** 2).mean() / 2


def squares_gradient(w, X, y):
    return X.T @ (X @ w - y) / len(y)


def regression(n=60, d=4, seed=0, noise=1.0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    return X, X @ rng.standard_normal(d) + noise * rng.standard_normal(n)


LAMBDA = 0.1


def logistic(w, X, y):
    return ag.softplus(-y * (X @ w)).mean() + LAMBDA / 2 * (w * w).sum()


def logistic_gradient(w, X, y):
    return X.T @ (-y / (1 + np.exp(y * (X @ w)))) / len(y) + LAMBDA * w


def classification(n=200, d=5, seed=1):
    """Samples of norm 1, so that a sample's loss is (1/4 + λ)-smooth, and the minimum of the regularised loss."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    y = np.where(X @ rng.standard_normal(d) + 0.3 * rng.standard_normal(n) > 0, 1.0, -1.0)
    found = minimize(logistic, np.zeros(d), (X, y), jac=logistic_gradient, method="BFGS", options={"gtol": 1e-12})
    w = found.x
    for _ in range(3):  # Newton's steps to the last digit
        p = 1 / (1 + np.exp(-(X @ w)))
        w = w - np.linalg.solve((X.T * p * (1 - p)) @ X / n + LAMBDA * np.eye(d), logistic_gradient(w, X, y))
    return (X, y), w


# What a batch is


@pytest.mark.parametrize("batch_size", [1, 7, 10, 60])
def test_an_epoch_without_replacement_meets_every_sample_once(batch_size):
    rng = np.random.default_rng(2)
    epochs = [list(batches(60, batch_size, rng, replace=False)) for _ in range(2)]
    for epoch in epochs:
        assert sorted(np.concatenate(epoch)) == list(range(60))
        assert [len(batch) for batch in epoch[:-1]] == [batch_size] * (len(epoch) - 1)
        assert 1 <= len(epoch[-1]) <= batch_size
    assert np.concatenate(epochs[0]).tolist() != np.concatenate(epochs[1]).tolist()


def test_an_epoch_with_replacement_has_full_batches_and_repeats():
    epoch = list(batches(60, 7, np.random.default_rng(3), replace=True))
    assert [len(batch) for batch in epoch] == [7] * 9
    assert len(set(np.concatenate(epoch).tolist())) < 60


@pytest.mark.parametrize("replace", [False, True])
def test_the_batch_gradient_is_unbiased_with_the_known_variance(replace):
    """Mean ∇f; variance σ²/b, times (n − b)/(n − 1) without replacement."""
    X, y = regression()
    w, n, size, draws = np.ones(4), 60, 12, 4000
    each = X * (X @ w - y)[:, None]
    spread = ((each - each.mean(axis=0)) ** 2).sum(axis=1).mean()
    expected = spread / size * (1 if replace else (n - size) / (n - 1))
    rng = np.random.default_rng(4)
    found = np.array(
        [squares_gradient(w, X[b], y[b]) for b in (next(batches(n, size, rng, replace)) for _ in range(draws))]
    )
    off = found.mean(axis=0) - each.mean(axis=0)
    assert off @ off <= 16 * expected / draws  # 4 standard errors
    # The relative error of a variance from N draws is about sqrt(2/N) = 2 % here, or less with several coordinates.
    np.testing.assert_allclose(((found - found.mean(axis=0)) ** 2).sum(axis=1).mean(), expected, rtol=0.09)


# SGD


@pytest.mark.parametrize("replace", [False, True])
def test_sgd_is_its_formula(replace):
    X, y = regression(n=10)
    history = sgd(
        squares, np.zeros(4), (X, y), lambda t: 0.3 / t, epochs=3, rng=5, batch_size=4, replace=replace,
        gradient=squares_gradient,
    )  # fmt: skip
    rng, w, values, t = np.random.default_rng(5), np.zeros(4), [squares(np.zeros(4), X, y)], 0
    for _ in range(3):
        order = rng.integers(10, size=12) if replace else rng.permutation(10)
        for batch in (order[:4], order[4:8], order[8:]):
            t += 1
            w = w - 0.3 / t * squares_gradient(w, X[batch], y[batch])
        values.append(squares(w, X, y))
    np.testing.assert_allclose(history.x, w, rtol=1e-12)
    np.testing.assert_allclose(history.values, values, rtol=1e-12)
    per_epoch = 12 if replace else 10
    np.testing.assert_array_equal(history.steps, [0, 3, 6, 9])
    np.testing.assert_array_equal(history.gradients, np.arange(4) * per_epoch)
    np.testing.assert_allclose(history.epochs, np.arange(4) * per_epoch / 10)
    assert history.reason == "made all 3 epochs"
    assert (np.diff(history.seconds) > 0).all()


def test_one_batch_of_all_samples_is_gradient_descent():
    from dlkit.descent import gradient_descent

    X, y = regression()
    steps = sgd(squares, np.zeros(4), (X, y), 0.2, epochs=20, rng=0, batch_size=60, gradient=squares_gradient)
    full = gradient_descent(
        lambda w: squares(w, X, y), np.zeros(4), 0.2, 20, gradient=lambda w: squares_gradient(w, X, y)
    )
    np.testing.assert_allclose(steps.values, full.values, rtol=1e-12)  # the samples are summed in another order


@pytest.mark.parametrize("seed", range(3))
def test_without_noise_in_the_data_sgd_finds_the_solution(seed):
    """Where one w fits every sample, the noise vanishes with the gradient, and a constant rate converges."""
    X, y = regression(noise=0.0, seed=seed)
    history = sgd(squares, np.zeros(4), (X, y), 0.1, epochs=60, rng=seed, gradient=squares_gradient)
    np.testing.assert_allclose(history.x, np.linalg.lstsq(X, y)[0], rtol=0, atol=1e-8)


@pytest.mark.parametrize("seed", range(3))
def test_noise_leaves_a_floor_in_proportion_to_the_rate(seed):
    data, best = classification()
    floors = []
    for rate in (0.8, 0.08):
        history = sgd(
            logistic, best, data, rate, epochs=round(40 / rate), rng=seed, replace=True, gradient=logistic_gradient
        )
        gaps = history.values - logistic(best, *data)
        floors.append(gaps[len(gaps) // 2 :].mean())
    assert 5 < floors[0] / floors[1] < 25  # near 10, from correlated values


def test_the_mean_of_the_iterates_is_below_the_floor():
    data, best = classification()
    history = sgd(
        logistic,
        best,
        data,
        0.5,
        epochs=40,
        rng=6,
        replace=True,
        gradient=logistic_gradient,
        average_from=200,
        every=50,
    )
    gaps = np.array([history.values[1:].mean(), history.average_values[-1]]) - logistic(best, *data)
    assert gaps[1] < gaps[0] / 5
    assert history.average_values[-1] == logistic(history.average_x, *data)
    assert (np.diff(history.steps) == 50).all()


def test_autograd_by_default_and_several_parameters():
    X, y = regression()

    def f(w, b, X, y):
        return ((X @ w + b - y) ** 2).mean() / 2

    def gradient(w, b, X, y):
        r = X @ w + b - y
        return X.T @ r / len(y), r.mean()

    usual = {"epochs": 3, "rng": 7, "batch_size": 8}
    derived = sgd(f, [np.zeros(4), np.array(0.0)], (X, y), Momentum(0.05, momentum=0.9), **usual)
    given = sgd(f, [np.zeros(4), np.array(0.0)], (X, y), Momentum(0.05, momentum=0.9), gradient=gradient, **usual)
    for a, b in zip(derived.x, given.x, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    np.testing.assert_allclose(derived.values, given.values, rtol=1e-12)


@pytest.mark.parametrize("kind", [csr_matrix, csr_array, lambda X: csr_array(X).tocoo()])
def test_sparse_data(kind):
    X = random_array((50, 20), density=0.2, rng=np.random.default_rng(8), format="csr").toarray()
    y = np.random.default_rng(9).standard_normal(50)
    for method, cost in ((sgd, {"epochs": 3}), (svrg, {"rounds": 2, "inner": 20})):
        usual = {"rng": 10, "batch_size": 5, "gradient": squares_gradient, **cost}
        sparse, dense = (method(squares, np.zeros(20), (A, y), 0.3, **usual) for A in (kind(X), X))
        np.testing.assert_allclose(sparse.x, dense.x, rtol=1e-12, atol=1e-15)


def test_float32_stays():
    X, y = (a.astype(np.float32) for a in regression())
    for history in (
        sgd(squares, np.zeros(4, np.float32), (X, y), 0.1, epochs=2, rng=0, batch_size=5),
        svrg(squares, np.zeros(4, np.float32), (X, y), 0.1, rounds=2, rng=0, batch_size=5),
    ):
        assert history.x.dtype == np.float32


def test_torch_tensors():
    torch = pytest.importorskip("torch")
    X, y = regression()
    usual = {"epochs": 2, "rng": 11, "batch_size": 5, "gradient": squares_gradient}
    ours = sgd(squares, np.zeros(4), (X, y), 0.1, **usual)
    theirs = sgd(squares, torch.zeros(4, dtype=torch.float64), (torch.from_numpy(X), torch.from_numpy(y)), 0.1, **usual)
    np.testing.assert_allclose(theirs.x.numpy(), ours.x, rtol=1e-12)


def test_seeds_and_generators():
    X, y = regression()

    def run(rng):
        return sgd(squares, np.zeros(4), (X, y), 0.1, epochs=1, rng=rng, gradient=squares_gradient).x

    np.testing.assert_array_equal(run(3), run(np.random.default_rng(3)))
    assert (run(3) != run(4)).all()
    generator = np.random.default_rng(3)
    run(generator)
    assert (run(generator) != run(3)).all()  # it goes on where it was


def test_what_is_given_stays_as_it_is():
    X, y = regression()
    start, rule, before = np.zeros(4), Momentum(0.01, momentum=0.9), X.copy()
    for method, cost in ((sgd, {"epochs": 2}), (svrg, {"rounds": 2})):
        runs = [method(squares, start, (X, y), rule, rng=0, gradient=squares_gradient, **cost) for _ in range(2)]
        np.testing.assert_array_equal(runs[0].values, runs[1].values)
    np.testing.assert_array_equal(start, 0)
    np.testing.assert_array_equal(X, before)


def test_target_and_iterates():
    X, y = regression(noise=0.0)
    history = sgd(
        squares, np.zeros(4), (X, y), 0.1, epochs=60, rng=0, gradient=squares_gradient, target=1e-6, iterates=True
    )
    assert history.values[-1] <= 1e-6 < history.values[-2]
    assert "target" in history.reason
    assert history.iterates.shape == (len(history.values), 4)
    np.testing.assert_allclose([squares(w, X, y) for w in history.iterates], history.values)
    again = sgd(squares, history.x, (X, y), 0.1, epochs=60, rng=0, gradient=squares_gradient, target=1e-6)
    assert again.reason.endswith("at the start")
    assert svrg(squares, np.zeros(4), (X, y), 0.05, rounds=90, rng=0, target=1e-6).values[-1] <= 1e-6


# SVRG


@pytest.mark.parametrize("option", ["I", "II"])
def test_svrg_is_its_formula(option):
    X, y = regression(n=10)
    history = svrg(
        squares, np.zeros(4), (X, y), 0.05, rounds=3, rng=12, option=option, batch_size=2, gradient=squares_gradient
    )
    rng, snapshot, values, steps = np.random.default_rng(12), np.zeros(4), [squares(np.zeros(4), X, y)], [0]
    gradients = [0]
    for _ in range(3):
        mu, w = squares_gradient(snapshot, X, y), snapshot
        made = 10 if option == "I" else rng.integers(10)
        for b in rng.integers(10, size=(made, 2)):
            w = w - 0.05 * (squares_gradient(w, X[b], y[b]) - squares_gradient(snapshot, X[b], y[b]) + mu)
        snapshot = w
        values.append(squares(w, X, y))
        steps.append(steps[-1] + made)
        gradients.append(gradients[-1] + 10 + 4 * made)
    np.testing.assert_allclose(history.x, snapshot, rtol=1e-12)
    np.testing.assert_allclose(history.values, values, rtol=1e-12)
    np.testing.assert_array_equal(history.steps, steps)
    np.testing.assert_array_equal(history.gradients, gradients)
    np.testing.assert_allclose(history.epochs, np.divide(gradients, 10))
    assert history.reason == "made all 3 rounds"


@pytest.mark.parametrize("seed", range(3))
def test_svrg_converges_linearly_where_sgd_meets_its_floor(seed):
    """The same constant rate, the same number of sample gradients."""
    data, best = classification()
    rate = 1.0  # of the order 1/L, L = 0.35
    reduced = svrg(logistic, np.zeros(5), data, rate, rounds=12, rng=seed, gradient=logistic_gradient)
    epochs = round(reduced.epochs[-1])
    plain = sgd(logistic, np.zeros(5), data, rate, epochs=epochs, rng=seed, gradient=logistic_gradient, replace=True)
    minimum = logistic(best, *data)
    gaps = reduced.values - minimum
    assert gaps[-1] < 1e-13
    falling = gaps[gaps > 1e-12]
    assert len(falling) >= 4
    assert (falling[1:] < falling[:-1] / 6).all()  # a constant factor a round
    floor = (plain.values - minimum)[epochs // 2 :]
    assert floor.mean() > 1e-4
    assert floor.min() > 1e-8


def test_svrg_option_two_converges_as_well():
    data, best = classification()
    history = svrg(logistic, np.zeros(5), data, 1.0, rounds=20, rng=1, option="II", gradient=logistic_gradient)
    assert history.values[-1] - logistic(best, *data) < 1e-9


def test_svrg_derives_gradients_by_default():
    X, y = regression(n=20)
    derived, given = (
        svrg(squares, np.zeros(4), (X, y), 0.05, rounds=2, rng=0, gradient=g) for g in (None, squares_gradient)
    )
    np.testing.assert_allclose(derived.x, given.x, rtol=1e-11)


# Trouble


@pytest.mark.parametrize(("method", "cost"), [(sgd, {"epochs": 50}), (svrg, {"rounds": 50})])
@pytest.mark.parametrize("gradient", [None, squares_gradient])
def test_too_large_a_rate_is_reported(method, cost, gradient):
    X, y = regression()
    with np.errstate(all="ignore"), pytest.raises(NonFiniteError, match=r"step \d+.*Try a smaller rate") as caught:
        method(squares, np.zeros(4), (X, y), 20.0, rng=0, gradient=gradient, **cost)
    assert caught.value.history.steps[0] == 0
    assert "the last finite value was" in str(caught.value)


def test_a_bad_sample_is_reported_with_the_step():
    X, y = regression()
    X[17] = np.nan
    k = int(np.flatnonzero(np.random.default_rng(13).permutation(60) == 17)[0])
    with pytest.raises(NonFiniteError, match="SGD: f is nan at the start"):
        sgd(squares, np.zeros(4), (X, y), 0.01, epochs=1, rng=13)

    def blind(w, X, y):  # on all the data it does not look
        return squares(w, X, y) if len(y) == 1 else (w * w).sum()

    with pytest.raises(NonFiniteError, match=f"f on the batch of step {k + 1} is nan"):
        sgd(blind, np.zeros(4), (X, y), 0.01, epochs=1, rng=13)
    with pytest.raises(NonFiniteError, match=rf"the gradient for step {k + 1} is nan in parameter w at index \(0,\)"):
        sgd(blind, np.zeros(4), (X, y), 0.01, epochs=1, rng=13, gradient=squares_gradient)


X0, Y0 = regression()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"data": X0}, TypeError, r"data must be a tuple of arrays, such as \(X, y\); got ndarray"),
        ({"data": ()}, ValueError, "data must hold at least one array"),
        ({"data": (X0, Y0[:5])}, ValueError, r"the same number of rows, at least one; got \[60, 5\]"),
        ({"data": (X0[:0], Y0[:0])}, ValueError, r"at least one; got \[0, 0\]"),
        ({"rng": None}, TypeError, "rng must be an integer; got None"),
        ({"rng": -1}, ValueError, "rng must be at least 0"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1; got 0"),
        ({"batch_size": 61}, ValueError, "batch_size must be at most the number of samples, 60; got 61"),
        ({"epochs": -1}, ValueError, "epochs must be at least 0; got -1"),
        ({"every": 0}, ValueError, "every must be at least 1; got 0"),
        ({"average_from": -1}, ValueError, "average_from must be at least 0"),
    ],
)
def test_sgd_refuses(arguments, error, message):
    usual = {"data": (X0, Y0), "rule": 0.1, "epochs": 1, "rng": 0, "gradient": squares_gradient}
    with pytest.raises(error, match=message):
        sgd(squares, np.zeros(4), **(usual | arguments))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"rounds": -1}, ValueError, "rounds must be at least 0"),
        ({"inner": 0}, ValueError, "inner must be at least 1; got 0"),
        ({"option": "III"}, ValueError, "option must be 'I' or 'II'; got 'III'"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
    ],
)
def test_svrg_refuses(arguments, error, message):
    usual = {"data": (X0, Y0), "rule": 0.1, "rounds": 1, "rng": 0, "gradient": squares_gradient}
    with pytest.raises(error, match=message):
        svrg(squares, np.zeros(4), **(usual | arguments))
