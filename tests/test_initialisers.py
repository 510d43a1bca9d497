"""Initialisers: exact where a seed decides, torch's formulas for the scales, and moments within derived tolerances."""

import math
import subprocess
import sys

import numpy as np
import pytest

from dlkit.nn import initialisers
from dlkit.nn.initialisers import fans, glorot_normal, glorot_uniform, he, normal, variance_calibrated, zeros

SHAPE = (300, 200)
RANDOM = [normal, variance_calibrated, he, glorot_normal, glorot_uniform]
STD = {
    normal: 0.01,
    variance_calibrated: 1 / math.sqrt(300),
    he: math.sqrt(2 / 300),
    glorot_normal: math.sqrt(2 / 500),
    glorot_uniform: math.sqrt(2 / 500),
}


@pytest.mark.parametrize("initialise", RANDOM)
def test_moments(initialise):
    """Mean and standard deviation of 60000 draws, each within 5 standard errors: wrong by chance once in 10⁶."""
    w = initialise(SHAPE, 1)
    std, n = STD[initialise], w.size
    assert abs(w.mean()) < 5 * std / math.sqrt(n)
    # Var(s²)/σ⁴ = (κ − 1)/n, κ the fourth standardised moment: 3 for a normal, 9/5 for a uniform distribution;
    # s has half the relative error of s².
    kurtosis = 9 / 5 if initialise is glorot_uniform else 3
    assert abs(w.std() / std - 1) < 5 * math.sqrt((kurtosis - 1) / n) / 2
    fourth = np.mean((w / w.std()) ** 4)
    assert abs(fourth - kurtosis) < 0.15  # tells normal from uniform; 5 standard errors are √(24/n)·5 = 0.1


@pytest.mark.parametrize("initialise", RANDOM)
def test_a_seed_decides_in_every_precision(initialise):
    w = initialise(SHAPE, np.random.default_rng(2))
    np.testing.assert_array_equal(initialise(SHAPE, 2), w)
    assert (initialise(SHAPE, 3) != w).mean() > 0.99
    for dtype in (np.float16, np.float32):
        small = initialise(SHAPE, 2, dtype)
        assert small.dtype == dtype
        np.testing.assert_array_equal(small, w.astype(dtype))
    assert w.dtype == np.float64


@pytest.mark.parametrize("initialise", RANDOM)
def test_a_generator_goes_on(initialise):
    rng = np.random.default_rng(4)
    assert not np.array_equal(initialise(SHAPE, rng), initialise(SHAPE, rng))


def test_exact_draws():
    z = np.random.default_rng(5).standard_normal((40, 10))
    np.testing.assert_array_equal(normal((40, 10), 5), 0.01 * z)
    np.testing.assert_array_equal(normal((40, 10), 5, std=0.1), 0.1 * z)
    np.testing.assert_array_equal(normal((40, 10), 5, std=0), 0 * z)
    for initialise, std in ((variance_calibrated, 40**-0.5), (he, 20**-0.5), (glorot_normal, 25**-0.5)):
        np.testing.assert_allclose(initialise((40, 10), 5), std * z, rtol=1e-15)
    u = np.random.default_rng(5).random((40, 10))
    bound = math.sqrt(6 / 50)
    np.testing.assert_allclose(glorot_uniform((40, 10), 5), bound * (2 * u - 1), rtol=1e-14, atol=1e-16)
    assert np.abs(glorot_uniform(SHAPE, 6)).max() <= math.sqrt(6 / 500)


def test_zeros():
    for w in (zeros((3, 4)), zeros((3, 4), 7), zeros((3, 4), np.random.default_rng(7))):
        np.testing.assert_array_equal(w, np.zeros((3, 4)))
    assert zeros(5).shape == (5,)
    assert zeros((2, 0), dtype=np.float32).dtype == np.float32


@pytest.mark.parametrize("shape", [(300, 200), (7, 5), (3, 3, 8, 16), (5, 4, 2)])
def test_scales_of_torch(shape):
    """torch draws nothing here: its std is read off its formulas for the same fans, √(2/fan_in) and so on."""
    torch = pytest.importorskip("torch")
    # torch has (outputs, inputs, field…) for our (field…, inputs, outputs)
    w = torch.empty((shape[-1], shape[-2], *shape[:-2]))
    fan_in, fan_out = torch.nn.init._calculate_fan_in_and_fan_out(w)
    assert fans(shape) == (fan_in, fan_out)
    z = np.random.default_rng(8).standard_normal(shape)
    relu, linear = (torch.nn.init.calculate_gain(f) / math.sqrt(fan_in) for f in ("relu", "linear"))
    np.testing.assert_allclose(he(shape, 8), relu * z, rtol=1e-15)
    np.testing.assert_allclose(variance_calibrated(shape, 8), linear * z, rtol=1e-15)
    torch.manual_seed(0)
    bound = float(torch.nn.init.xavier_uniform_(torch.empty(2000, 1000)).abs().max())
    ours = np.abs(glorot_uniform((1000, 2000), 8)).max()
    # Of n uniform draws the largest misses the bound by about 1/n of it, n = 2·10⁶; 20/n once in e²⁰.
    assert abs(bound / ours - 1) < 2e-5


def test_what_calibration_is_for():
    """Through 20 layers of width 256 signals keep their size; uncalibrated ones are gone."""
    rng = np.random.default_rng(9)
    x = rng.standard_normal((500, 256))
    signals = {}
    for name, initialise, activation in (
        ("he with relu", he, lambda s: np.maximum(s, 0)),
        ("1/n, linear", variance_calibrated, lambda s: s),
        ("1/n with relu", variance_calibrated, lambda s: np.maximum(s, 0)),
        ("0.01", normal, lambda s: s),
    ):
        h = x
        for _ in range(20):
            h = activation(h @ initialise((256, 256), rng))
        signals[name] = np.mean(h**2)
    # E h² is kept; a layer's own factor varies by about √(c/256), c = 2 for linear and 5 for ReLU, so 20 of them by
    # exp(±√(20·5/256)) = e^±0.6: three of these are a factor 6. Without the 2, ReLU halves h² each time.
    assert 1 / 6 < signals["he with relu"] < 6
    assert 1 / 6 < signals["1/n, linear"] < 6
    assert signals["1/n with relu"] < 6 / 2**20
    assert signals["0.01"] < 6 * (256 * 1e-4) ** 20


@pytest.mark.parametrize("initialise", [variance_calibrated, he, glorot_normal, glorot_uniform])
@pytest.mark.parametrize("shape", [5, (5,), (), (0, 3), (3, 0), (0, 3, 3)])
def test_no_fans(initialise, shape):
    with pytest.raises(ValueError, match=r"shape must be \(…, inputs, outputs\), none of them 0; got"):
        initialise(shape, 0)


@pytest.mark.parametrize("initialise", RANDOM)
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((SHAPE, None), TypeError, "rng must be a numpy.random.Generator, .* got None"),
        ((SHAPE, -1), TypeError, "rng must be .* seed >= 0; got -1"),
        ((SHAPE, True), TypeError, "rng must be"),
        ((SHAPE, 0.5), TypeError, "rng must be .* got 0.5"),
        ((SHAPE, np.random.RandomState(0)), TypeError, "rng must be a numpy.random.Generator"),
        ((SHAPE, 0, int), TypeError, "dtype must be a floating-point type, .* got <class 'int'>"),
        ((SHAPE, 0, None), TypeError, "dtype must be a floating-point type, .* got None"),
        ((SHAPE, 0, complex), TypeError, "dtype must be a floating-point type"),
        (((3, -1), 0), ValueError, "each length in shape must be an integer >= 0; got -1"),
        (((3.0, 2), 0), TypeError, "each length in shape must be an integer >= 0; got 3.0"),
    ],
)
def test_refused(initialise, arguments, error, message):
    with pytest.raises(error, match=message):
        initialise(*arguments)


@pytest.mark.parametrize("std", [-0.1, math.nan, math.inf])
def test_refused_std(std):
    with pytest.raises(ValueError, match="std must be a finite number from 0"):
        normal(SHAPE, 0, std=std)


def test_every_initialiser_is_tested_here():
    assert set(initialisers.__all__) == {f.__name__ for f in RANDOM} | {"zeros", "fans"}


def test_imports_are_light():
    code = (
        "import sys, dlkit.nn.initialisers, dlkit.datasets, dlkit.preprocessing, dlkit.augmentation;"
        "print(sorted({'sklearn', 'scipy', 'torch', 'matplotlib', 'urllib.request'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
