"""Cutting planes: known minima, a bound that never lies, coordinates that the norm leaves out."""

import cvxpy as cp
import numpy as np
import pytest

from dlkit.linear.solvers.bundle import bundle


@pytest.fixture(scope="module")
def pieces():
    """The greatest of 30 affine functions of 5 numbers."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((30, 5)), rng.standard_normal(30) + 3


def greatest(A, c):
    def oracle(w):
        k = int(np.argmax(A @ w + c))
        return float(A[k] @ w + c[k]), A[k]

    return oracle


@pytest.mark.parametrize("tol", [1e-2, 1e-6])
def test_piecewise_affine(pieces, tol):
    A, c = pieces
    w = cp.Variable(5)
    want = cp.Problem(cp.Minimize(cp.sum_squares(w) / 2 + cp.max(A @ w + c))).solve(solver=cp.CLARABEL)
    result = bundle(greatest(A, c), 5, tol=tol, least=-1e3)
    assert result.converged
    assert want - 1e-7 <= result.value <= want + tol * result.value + 1e-7
    assert result.bound <= want + 1e-7
    assert result.value == pytest.approx(0.5 * result.w @ result.w + (A @ result.w + c).max(), rel=1e-12)
    assert (np.diff(result.curve) <= 0).all()


def test_every_bound_is_below_every_value(pieces):
    seen = []
    bundle(greatest(*pieces), 5, tol=1e-8, least=-1e3, report=lambda k, value, gap: seen.append((value, value - gap)))
    values, bounds = np.array(seen).T
    assert bounds.max() <= values.min() + 1e-9
    assert bounds[-1] > bounds[0]


def test_smooth_loss():
    """½‖w‖² + ½‖w − a‖² has its minimum at a/2; a square is its tangents too."""
    a = np.array([1.0, -2.0, 0.5])
    result = bundle(lambda w: (0.5 * np.sum((w - a) ** 2), w - a), 3, tol=1e-8)
    np.testing.assert_allclose(result.w, a / 2, atol=1e-4)  # ½·2·‖w − a/2‖² ≤ 1e-8
    assert result.value == pytest.approx(0.25 * a @ a, rel=1e-8)


@pytest.mark.parametrize("far", [0.0, 50.0, -3e3])
def test_coordinates_that_the_norm_leaves_out(far):
    """|w₀ + u − far| + |u − far| + 1 with u free: the minimum is at u = far, wherever that is, and is 1."""
    free = np.array([False, True])

    def oracle(x):
        first, second = x[0] + x[1] - far, x[1] - far
        return abs(first) + abs(second) + 1, np.array([np.sign(first), np.sign(first) + np.sign(second)])

    result = bundle(oracle, 2, free=free, tol=1e-6)
    assert result.converged
    np.testing.assert_allclose(result.w, [0, far], atol=2e-3)  # ½w₀² and the absolute values are within 1e-6 of 1
    assert 1 - 1e-5 <= result.bound <= 1 + 1e-9 <= result.value + 2e-9


def test_start_and_max_iter(pieces):
    oracle = greatest(*pieces)
    best = bundle(oracle, 5, tol=1e-8, least=-1e3)
    again = bundle(oracle, 5, tol=1e-4, least=-1e3, start=best.w)
    assert again.curve[0] == pytest.approx(best.value, rel=1e-12)
    short = bundle(oracle, 5, tol=1e-12, least=-1e3, max_iter=2)
    assert not short.converged and short.n_iter == 2 and "max_iter=2" in short.reason


def test_what_the_bound_stands_on():
    """The planes that touch the loss at `points`, mixed by `shares`, bound ½‖w‖² + L(w) from below by `bound`."""
    rng = np.random.default_rng(0)
    oracle = greatest(3 * rng.standard_normal((2000, 20)), rng.standard_normal(2000) + 3)
    result = bundle(oracle, 20, tol=1e-7, least=-1e3)
    assert result.n_iter > 25  # longer than an idle plane is kept
    looks = [(*oracle(w), w) for w in result.points]
    slope = result.shares @ [g for _, g, _ in looks]
    height = result.shares @ [value - g @ w for value, g, w in looks] + (1 - result.shares.sum()) * -1e3
    assert (result.shares > 0).all() and result.shares.sum() <= 1 + 1e-12
    assert height - 0.5 * slope @ slope == pytest.approx(result.bound, abs=1e-9)


def test_proposals_and_free_coordinates():
    """Bad proposals cost looks but no bound; what the model says of free coordinates is from where it was made."""
    free = np.array([False, True])

    def oracle(x):
        first, second = x[0] + x[1] - 50, x[1] - 50
        return abs(first) + abs(second) + 1, np.array([np.sign(first), np.sign(first) + np.sign(second)])

    result = bundle(oracle, 2, free=free, tol=1e-6, propose=lambda w, g: np.add(w, [0.0, 0.25]))
    assert result.converged and result.value <= 1 + 2e-6
    assert 1 - 1e-5 <= result.bound <= 1 + 1e-9
