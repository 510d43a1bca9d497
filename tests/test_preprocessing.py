"""Preprocessing: scikit-learn as oracle, and what the words promise: mean 0, covariance I, there and back."""

import numpy as np
import pytest

from dlkit.preprocessing import PCAWhitening, PrincipalDirections, Standardise, ZCAWhitening, ZeroMean

STEPS = [ZeroMean, Standardise, PrincipalDirections, PCAWhitening, ZCAWhitening]
FLOATS = [np.float32, np.float64]


def data(n=200, d=8, dtype=np.float64, seed=0):
    """Correlated features of different scales with means far from 0; the variances fall from 16 by halves or so."""
    rng = np.random.default_rng(seed)
    Q, _ = np.linalg.qr(rng.standard_normal((d, d)))
    return (rng.standard_normal((n, d)) * 4 * 0.7 ** np.arange(d) @ Q + 5 * rng.standard_normal(d)).astype(dtype)


def covariance(X):
    return np.cov(X.astype(np.float64), rowvar=False)


def eps(dtype, factor):
    """So many roundings of numbers about 1."""
    return factor * float(np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("Step", STEPS)
def test_mean_zero_there_and_back_in_the_same_dtype(Step, dtype):
    X, new = data(dtype=dtype), data(50, dtype=dtype, seed=1)
    before = X.copy()
    step = Step()
    Z = step.fit_transform(X)
    # The mean is off by a rounding of its own size, up to 15; whitening divides by the smallest deviation, 0.3.
    np.testing.assert_allclose(Z.mean(axis=0, dtype=np.float64), 0, atol=eps(dtype, 15 / 0.3))
    np.testing.assert_array_equal(step.transform(X), Z)
    for rows in (X, new, new[:1], new[:0]):
        there = step.transform(rows)
        back = step.inverse_transform(there)
        assert there.dtype == back.dtype == dtype
        assert there.shape == back.shape == rows.shape
        np.testing.assert_allclose(back, rows, rtol=0, atol=eps(dtype, 300))  # numbers up to 20, two products of 8
    assert {v.dtype for v in vars(step).values() if isinstance(v, np.ndarray)} == {np.dtype(dtype)}
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("Step", STEPS)
def test_new_data_do_not_change_what_was_learnt(Step):
    step = Step().fit(data())
    learnt = {k: np.copy(v) for k, v in vars(step).items()}
    alone = step.transform(data(1, seed=2))
    together = step.transform(np.concatenate([data(1, seed=2), 100 * data(seed=3)]))
    np.testing.assert_allclose(together[:1], alone, rtol=1e-12, atol=1e-12)  # no row depends on another
    for k, v in learnt.items():
        np.testing.assert_array_equal(vars(step)[k], v)


@pytest.mark.parametrize("Step", STEPS)
def test_integers_are_float64(Step):
    X = np.random.default_rng(4).integers(0, 256, (40, 5)).astype(np.uint8)
    np.testing.assert_array_equal(Step().fit_transform(X), Step().fit_transform(X.astype(np.float64)))


def test_zero_mean_and_standardise_are_scikit_learns():
    sklearn = pytest.importorskip("sklearn.preprocessing")
    X, new = data(), data(50, seed=1)
    for ours, theirs in (
        (ZeroMean(), sklearn.StandardScaler(with_std=False)),
        (Standardise(), sklearn.StandardScaler()),
    ):
        np.testing.assert_allclose(ours.fit(X).transform(new), theirs.fit(X).transform(new), rtol=0, atol=1e-13)
    np.testing.assert_allclose(Standardise().fit_transform(X).std(axis=0), 1, rtol=1e-14)


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_constant_feature(dtype):
    X = data(7, dtype=dtype)
    X[:, 3] = 0.1  # of which seven do not add up to 0.7
    for Step in (ZeroMean, Standardise):
        step = Step().fit(X)
        assert (step.transform(X)[:, 3] == 0).all()
        np.testing.assert_allclose(step.transform(X + dtype(1))[:, 3], 1, rtol=eps(dtype, 2))
        np.testing.assert_allclose(step.inverse_transform(step.transform(X)), X, rtol=0, atol=eps(dtype, 50))


def test_a_long_float32_sum_keeps_its_digits():
    X = np.full((300_000, 2), 1.1, np.float32)  # two columns: numpy adds up one in pairs
    X[0] = 1.2
    error = ZeroMean().fit(X).mean_ - X.mean(axis=0, dtype=np.float64)
    assert np.abs(error).max() <= np.spacing(np.float32(1.1)) / 2


@pytest.mark.parametrize("k", [1, 3, 8])
def test_directions_and_whitening_are_scikit_learns(k):
    decomposition = pytest.importorskip("sklearn.decomposition")
    X, new = data(), data(50, seed=1)
    plain = decomposition.PCA(k, svd_solver="full").fit(X)
    white = decomposition.PCA(k, svd_solver="full", whiten=True).fit(X)
    ours = PrincipalDirections(k).fit(X)
    np.testing.assert_allclose(ours.components_, plain.components_, rtol=0, atol=1e-12)  # signs and all
    np.testing.assert_allclose(ours.variances_, plain.explained_variance_, rtol=1e-12)
    np.testing.assert_allclose(ours.transform(new), plain.transform(new), rtol=0, atol=1e-11)
    expected = plain.inverse_transform(plain.transform(new))
    np.testing.assert_allclose(ours.reconstruct(new), expected, rtol=0, atol=1e-11)
    np.testing.assert_allclose(ours.inverse_transform(ours.transform(new)), expected, rtol=0, atol=1e-11)
    np.testing.assert_allclose(PCAWhitening(k).fit(X).transform(new), white.transform(new), rtol=0, atol=1e-11)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("k", [None, 1, 5])
def test_whitened_covariance(k, dtype):
    X = data(dtype=dtype)
    Z = PCAWhitening(k).fit_transform(X)
    # the directions are good to eps·σ₁/σ_k (in size 12), in a covariance of 8 products
    close = {"rtol": 0, "atol": eps(dtype, 500)}
    np.testing.assert_allclose(covariance(Z), np.eye(k or 8) if k != 1 else 1, **close)
    step = ZCAWhitening(k).fit(X)
    U = step.components_.astype(np.float64)
    np.testing.assert_allclose(covariance(step.transform(X)), U.T @ U, **close)


def test_the_directions():
    step = PrincipalDirections().fit(data())
    U = step.components_
    np.testing.assert_allclose(U @ U.T, np.eye(8), rtol=0, atol=1e-14)
    assert (np.diff(step.variances_) < 0).all()
    np.testing.assert_allclose(U @ covariance(data()) @ U.T, np.diag(step.variances_), rtol=0, atol=1e-12)
    assert (U[np.arange(8), np.abs(U).argmax(axis=1)] > 0).all()
    assert len(PrincipalDirections().fit(data(5)).components_) == 4  # five points span four dimensions


def test_epsilon_is_added_to_the_variances():
    X, epsilon = data(), 0.5
    plain, white = PrincipalDirections().fit(X), PCAWhitening(epsilon=epsilon).fit(X)
    np.testing.assert_array_equal(white.variances_, plain.variances_)
    expected = np.diag(plain.variances_ / (plain.variances_ + epsilon))
    np.testing.assert_allclose(covariance(white.transform(X)), expected, rtol=0, atol=1e-12)
    for Step in (PCAWhitening, ZCAWhitening):
        step = Step(epsilon=epsilon).fit(X)
        np.testing.assert_allclose(step.inverse_transform(step.transform(X)), X, rtol=0, atol=1e-12)
    assert PCAWhitening(epsilon=epsilon).fit_transform(X.astype(np.float32)).dtype == np.float32


def test_zca_is_pca_turned_back_and_changes_least():
    X = data()
    zca, pca = ZCAWhitening().fit(X), PCAWhitening().fit(X)
    np.testing.assert_allclose(zca.transform(X), pca.transform(X) @ pca.components_, rtol=0, atol=1e-13)
    W = zca.components_.T / np.sqrt(zca.variances_) @ zca.components_
    np.testing.assert_allclose(W @ covariance(X) @ W, np.eye(8), rtol=0, atol=1e-12)  # the symmetric square root
    centred, white = X - X.mean(axis=0), zca.transform(X)
    distance = np.sum((white - centred) ** 2)
    rng = np.random.default_rng(5)
    for _ in range(20):
        Q, _ = np.linalg.qr(rng.standard_normal((8, 8)))
        assert np.sum((white @ Q - centred) ** 2) > distance


def test_what_is_kept_of_the_top_k():
    """The squared error of a reconstruction is the sum of the dropped variances; equalising drops the same."""
    X = data(dtype=np.float64)
    all_of_them = PrincipalDirections().fit(X).variances_
    for k in (2, 5):
        step = ZCAWhitening(k).fit(X)
        error = np.sum((step.reconstruct(X) - X) ** 2) / (len(X) - 1)
        np.testing.assert_allclose(error, all_of_them[k:].sum(), rtol=1e-12)
        back = step.inverse_transform(step.transform(X))
        np.testing.assert_allclose(back, step.reconstruct(X), rtol=0, atol=1e-12)


def test_the_decks_pictures():
    """Patches by their top 144 directions, and with those equalised."""
    datasets = pytest.importorskip("dlkit.datasets")
    X = datasets.photo_patches(800, 6, size=16, dtype=np.float32).X
    step = ZCAWhitening(144).fit(X)
    kept = np.var(step.reconstruct(X), axis=0).sum() / np.var(X, axis=0).sum()
    assert 0.95 < kept < 1  # of 768 directions
    white = step.transform(X)
    assert white.shape == X.shape
    values = np.linalg.eigvalsh(covariance(white))
    # 144 ones and 624 zeros, to the precision of float32 with σ₁/σ₁₄₄ about 100
    np.testing.assert_allclose(values[-144:], 1, atol=eps(np.float32, 1e4))
    np.testing.assert_allclose(values[:-144], 0, atol=eps(np.float32, 1e4))


def test_in_a_pipeline_of_scikit_learn():
    pipeline, base = pytest.importorskip("sklearn.pipeline"), pytest.importorskip("sklearn.base")
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV

    X = data()
    y = (X[:, 0] > X[:, 0].mean()).astype(int)
    model = pipeline.make_pipeline(Standardise(), PCAWhitening(3), LogisticRegression())
    search = GridSearchCV(model, {"pcawhitening__k": [1, 8]}, cv=3).fit(X, y)
    assert search.best_params_ == {"pcawhitening__k": 8}
    assert search.score(X, y) > 0.95
    copy = base.clone(ZCAWhitening(4, epsilon=0.1).fit(X))
    assert (copy.get_params(), vars(copy)) == ({"k": 4, "epsilon": 0.1}, {"k": 4, "epsilon": 0.1})
    assert copy.set_params(k=2) is copy and copy.k == 2
    assert repr(copy) == "ZCAWhitening(k=2, epsilon=0.1)"
    with pytest.raises(ValueError, match=r"ZeroMean has no parameter 'k'; it has \[\]"):
        ZeroMean().set_params(k=2)


@pytest.mark.parametrize("Step", STEPS)
@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (
            np.zeros((4, 3, 3)),
            ValueError,
            r"X must have the shape \(n, d\).*got \(4, 3, 3\) \(X.reshape\(len\(X\), -1\)",
        ),
        (np.zeros(3), ValueError, r"X must have the shape \(n, d\), a row per sample; got \(3,\)$"),
        (np.zeros((3, 0)), ValueError, r"X must have the shape \(n, d\), .*got \(3, 0\)"),
        (np.zeros((0, 3)), ValueError, r"X must have at least one row to fit to; got the shape \(0, 3\)"),
        ([[1.0, np.nan], [2.0, 0.0]], ValueError, r"X must be finite; got nan at index \(0, 1\)"),
        ([[1.0, 2.0], [-np.inf, 0.0]], ValueError, r"X must be finite; got -inf at index \(1, 0\)"),
        (np.zeros((3, 2), np.float16), TypeError, r"X must be float32 or float64; got float16 \(X.astype"),
        (np.zeros((3, 2), complex), TypeError, "X must hold real numbers.*complex128"),
    ],
)
def test_refused_data(Step, X, error, message):
    with pytest.raises(error, match=message):
        Step().fit(X)


@pytest.mark.parametrize("Step", STEPS)
def test_refused_new_data(Step):
    exceptions = pytest.importorskip("sklearn.exceptions")
    for method in ("transform", "inverse_transform"):
        with pytest.raises(exceptions.NotFittedError, match=rf"{Step.__name__}\(.*\) must be fitted to training data"):
            getattr(Step(), method)(data())
    step = Step().fit(data())
    with pytest.raises(ValueError, match="X must have the 8 columns that fit saw; got 7"):
        step.transform(data(d=7))
    with pytest.raises(ValueError, match="X must have the 8 columns that transform returns; got 7"):
        step.inverse_transform(data(d=7))
    with pytest.raises(ValueError, match="X must be finite"):
        step.transform(data() * np.inf)


def test_refused_widths_after_pca():
    step = PCAWhitening(3).fit(data())
    assert step.transform(data()).shape == (200, 3)
    with pytest.raises(ValueError, match="X must have the 3 columns that transform returns; got 8"):
        step.inverse_transform(data())


@pytest.mark.parametrize("Step", STEPS[2:])
@pytest.mark.parametrize(
    ("k", "error", "message"),
    [
        (0, ValueError, r"k must be an integer in 1\.\.8; got 0"),
        (9, ValueError, r"k must be an integer in 1\.\.8; got 9"),
        (0.95, TypeError, r"k must be an integer in 1\.\.8; got 0.95"),
    ],
)
def test_refused_k(Step, k, error, message):
    with pytest.raises(error, match=message):
        Step(k).fit(data())


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("Step", [PCAWhitening, ZCAWhitening])
def test_directions_without_variance_are_not_blown_up(Step, dtype):
    X = data(dtype=dtype)
    X[:, 6:] = 0.1 * X[:, :2]  # six directions are left
    with pytest.raises(
        ValueError, match=r"X varies in 6 directions only, and 8 were .* give k <= 6 or an epsilon above 0"
    ):
        Step().fit(X)
    np.testing.assert_allclose(covariance(PCAWhitening(6).fit_transform(X)), np.eye(6), rtol=0, atol=eps(dtype, 500))
    white = Step(epsilon=1e-3).fit_transform(X)
    assert np.isfinite(white).all() and np.abs(white).max() < 10
    with pytest.raises(ValueError, match="X must vary to be whitened; all its rows are equal"):
        Step().fit(np.full((5, 3), 0.1, dtype))
    with pytest.raises(ValueError, match="X must have at least two rows to vary; got 1"):
        Step().fit(X[:1])
    with pytest.raises(ValueError, match="epsilon must be a finite number from 0"):
        Step(epsilon=-1).fit(X)


def test_principal_directions_need_no_variance():
    X = np.ones((5, 3))
    np.testing.assert_array_equal(PrincipalDirections().fit_transform(X), np.zeros((5, 3)))
    np.testing.assert_array_equal(PrincipalDirections(1).fit(X).reconstruct(X), X)
