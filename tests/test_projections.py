"""The projections: each answer comes with a proof that it is the nearest point."""

import doctest
import math

import numpy as np
import pytest

from dlkit.optim import Box, L1Ball, L2Ball, Projection, Simplex, projections

EPS = np.finfo(np.float64).eps

# y is the point of a convex set X nearest to z in the norm √(Σ sᵢ yᵢ²) if and only if y is in X and c = s(z − y) is
# normal to X at y: max over x in X of c·x, the support function of X, is c·y (Boyd and Vandenberghe, 2004, section
# 4.2.3). So each set needs its support function, and how far a point is outside.
SETS = {
    "box": (
        Box(-0.5, 2.0),
        lambda c: np.sum(np.maximum(-0.5 * c, 2.0 * c)),
        lambda y: max(np.max(-0.5 - y), np.max(y - 2.0)),
    ),
    "ray": (Box(0, None), lambda c: 0.0 if np.all(c <= 0) else math.inf, lambda y: np.max(-y)),
    "l2": (L2Ball(1.5), lambda c: 1.5 * np.linalg.norm(c), lambda y: np.linalg.norm(y) - 1.5),
    "l1": (L1Ball(1.5), lambda c: 1.5 * np.max(np.abs(c)), lambda y: np.abs(y).sum() - 1.5),
    "simplex": (Simplex(1.5), lambda c: 1.5 * np.max(c), lambda y: max(np.max(-y), abs(y.sum() - 1.5))),
}


def assert_nearest(name, z, s, y):
    """Check the two conditions.

    In float64 the projections make a few times n roundings, relative to |z| and |y|, and c has those of z − y times s.
    """
    _, support, outside = SETS[name]
    z, s, y = (np.asarray(a, np.float64).ravel() for a in (z, s, y))
    slack = 16 * (len(z) + 8) * EPS
    assert outside(y) <= slack * (1.5 + np.abs(y).sum())
    c = s * (z - y)
    assert support(c) - c @ y <= slack * (s * (np.abs(z) + np.abs(y))).sum() * (2 + np.abs(y).max())


def points(rng, n):
    """From inside all of the sets to far away, with ties, with zeros."""
    z = rng.standard_normal(n)
    yield 0.1 * z / n
    yield z
    yield np.round(3 * z)
    yield 1e4 * z
    yield np.zeros(n)
    yield np.full(n, 3.0)
    yield -np.abs(z)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", SETS)
def test_the_nearest_point(name, weighted):
    rng = np.random.default_rng(1)
    project = SETS[name][0]
    for n in (1, 2, 3, 50, 1000):
        for z in points(rng, n):
            s = 10 ** rng.uniform(-2, 2, n) if weighted else np.ones(n)
            y = project(z, s) if weighted else project(z)
            assert y is not z
            assert_nearest(name, z, s, y)


@pytest.mark.parametrize("name", SETS)
def test_a_point_of_the_set_stays(name):
    rng = np.random.default_rng(2)
    project = SETS[name][0]
    for n in (1, 3, 50):
        y = project(rng.standard_normal(n) * 5)
        # Projected again it moves by the rounding of the first time.
        assert np.abs(project(y) - y).max() <= 16 * (n + 8) * EPS * 1.5
        if name != "simplex":  # the others have an inside, where nothing may change at all
            inside = np.abs(y) * 0.9
            assert np.array_equal(project(inside), inside)


@pytest.mark.parametrize("name", ["l2", "l1", "simplex"])
def test_weights_matter_but_not_their_unit(name):
    rng = np.random.default_rng(3)
    project = SETS[name][0]
    z, s = 3 * np.abs(rng.standard_normal(20)), 10 ** rng.uniform(-1, 1, 20)
    y = project(z, s)
    assert np.abs(y - project(z)).max() > 0.01
    # A factor of all weights is a factor of what is minimised; powers of two are exact.
    assert np.allclose(project(z, 1024 * s), y, rtol=0, atol=100 * EPS * np.abs(z).max())
    assert np.allclose(project(z, np.full(20, 7.0)), project(z), rtol=0, atol=100 * EPS * np.abs(z).max())


def test_a_box_is_the_same_in_every_diagonal_norm():
    rng = np.random.default_rng(4)
    z, s = rng.standard_normal(20), 10 ** rng.uniform(-4, 4, 20)
    assert np.array_equal(Box(-0.1, 0.2)(z, s), np.clip(z, -0.1, 0.2))
    assert np.array_equal(Box(None, 0.2)(z), np.minimum(z, 0.2))


def test_the_ball_with_weights_of_all_sizes():
    """Newton's method converges where the weights range over 16 decades, for points just outside and far away."""
    rng = np.random.default_rng(5)
    for far in (1.6, 1e3, 1e15):
        z, s = rng.standard_normal(200), 10 ** rng.uniform(-8, 8, 200)
        z *= far / np.linalg.norm(z)
        y = L2Ball(1.5)(z, s)
        assert abs(np.linalg.norm(y) - 1.5) <= 8 * EPS * 1.5
        # y = s z/(s + λ): the multiplier λ = s (z − y)/y is the same on all axes, as far as z − y can be told from
        # rounding: where it is above z/1000, its rounding is below 1000 times that of z and y.
        multiplier = s * (z - y) / y
        clear = np.abs(z - y) > 1e-3 * np.abs(z)
        assert clear.sum() > 50
        assert np.ptp(multiplier[clear]) <= 16e3 * EPS * multiplier[clear].max()


def test_huge_points_keep_the_sum():
    """Where the total is far below the rounding of z, the answer is still that of the differences."""
    assert np.array_equal(Simplex()(np.array([1e20, 1e20, 0.0])), [0.5, 0.5, 0.0])
    assert np.array_equal(L1Ball(1.0)(np.array([1e20, -3.0])), [1.0, 0.0])
    assert np.allclose(L2Ball(1.0)(np.array([3e200, -4e200])), [0.6, -0.8], rtol=4 * EPS, atol=0)
    assert np.allclose(L2Ball(1e-3)(np.array([3e-200, 0.0])), [3e-200, 0.0], rtol=0, atol=0)


@pytest.mark.parametrize("name", SETS)
def test_shapes_dtypes_and_nan(name):
    project = SETS[name][0]
    rng = np.random.default_rng(6)
    z = (4 * rng.standard_normal((3, 5))).astype(np.float32)
    y = project(z)
    assert y.shape == (3, 5)
    assert y.dtype == np.float32
    # Computed in float64 and rounded once.
    assert np.array_equal(y, project(z.astype(np.float64)).astype(np.float32))
    assert np.array_equal(project(z.T), y.T)
    assert project(np.array(3.0)).shape == ()
    z[1, 2] = np.nan
    assert np.isnan(project(z)[1, 2])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", SETS)
def test_torch_tensors(name, weighted):
    torch = pytest.importorskip("torch")
    project = SETS[name][0]
    rng = np.random.default_rng(7)
    for dtype in (np.float32, np.float64):
        z = (3 * rng.standard_normal((4, 5))).astype(dtype)
        s = 10 ** rng.uniform(-1, 1, (4, 5)).astype(dtype)
        if weighted:
            ours, theirs = project(z, s), project(torch.from_numpy(z), torch.from_numpy(s))
        else:
            ours, theirs = project(z), project(torch.from_numpy(z))
        assert isinstance(theirs, torch.Tensor)
        assert theirs.numpy().dtype == dtype
        # The same formula; sums may be taken in another order.
        assert np.abs(ours - theirs.numpy()).max() <= (np.finfo(dtype).eps + 200 * EPS) * np.abs(z).max()


def test_a_set_of_ones_own():
    class Hyperplane(Projection):
        """Σ y = 0."""

        def nearest(self, z, s):
            return z - z.sum() / (1 / s).sum() / s

    z, s = np.array([[1.0, 2.0], [3.0, 6.0]]), np.array([[1.0, 1.0], [2.0, 4.0]])
    assert np.array_equal(Hyperplane()(z), z - 3)
    assert abs(Hyperplane()(z, s).sum()) <= 16 * EPS * 12
    with pytest.raises(NotImplementedError, match="Projection must define nearest"):
        Projection()(z)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Box(1, 0), ValueError, "low must not be above high; got 1 and 0"),
        (lambda: Box(math.nan, 0), ValueError, "low must not be above high; got nan and 0"),
        (lambda: L2Ball(0), ValueError, "radius must be finite and greater than 0; got 0"),
        (lambda: L1Ball(math.inf), ValueError, "radius must be finite and greater than 0; got inf"),
        (lambda: Simplex(-1), ValueError, "total must be finite and greater than 0; got -1"),
        (lambda: Simplex()(np.array([1, 2])), TypeError, "x must be .* of float32 or float64; got int64"),
        (lambda: Simplex()([1.0, 2.0]), TypeError, "x must be .* of float32 or float64; got list"),
        (lambda: Simplex()(np.ones(0)), ValueError, "x must have at least one entry"),
        (
            lambda: L1Ball(1)(np.ones(3), np.ones(2)),
            ValueError,
            r"weights must have the shape of x, \(3,\); got \(2,\)",
        ),
        (lambda: L1Ball(1)(np.ones(2), np.array([1.0, 0.0])), ValueError, "weights must be greater than 0; the .* 0.0"),
    ],
)
def test_what_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_the_examples_in_the_docstrings():
    failed, tried = doctest.testmod(projections, extraglobs={"np": np})
    assert tried >= 4
    assert not failed
