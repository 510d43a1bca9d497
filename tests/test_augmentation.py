"""Augmentation: loops over single images, numpy's and scipy's own as oracles, and counts within derived tolerances."""

import math

import numpy as np
import pytest
from scipy import ndimage

from dlkit.augmentation import delete_columns, delete_rows, flip, rotate, rotate_by, shift, shift_by

RANDOM = [flip, rotate, shift, delete_rows, delete_columns]
DTYPES = [np.float32, np.float64, np.uint8, np.int16, bool]


def images(n=20, h=6, w=9, dtype=np.float64, seed=0):
    x = np.random.default_rng(seed).random((n, h, w)) * 0.8 + 0.1  # nowhere 0, the default fill
    if dtype is bool:
        return x > 0.5
    return x.astype(dtype) if np.dtype(dtype).kind == "f" else (x * 100).astype(dtype)


def dtypes_of(change):
    return DTYPES[:2] if change is rotate else DTYPES


@pytest.mark.parametrize("change", RANDOM)
def test_shape_dtype_and_the_old_batch(change):
    for dtype in dtypes_of(change):
        x = images(dtype=dtype)
        before = x.copy()
        x.flags.writeable = False
        y = change(x, 1)
        assert (y.shape, y.dtype) == (x.shape, x.dtype)
        assert not np.shares_memory(x, y)
        np.testing.assert_array_equal(x, before)
        np.testing.assert_array_equal(change(x, np.random.default_rng(1)), y)
        assert not np.array_equal(change(x, 2), y)
        assert change(x[:0], 1).shape == (0, 6, 9)


@pytest.mark.parametrize("change", RANDOM)
def test_each_image_on_its_own(change):
    """Equal images come out different from each other: the draws are per image, not per batch."""
    y = change(np.repeat(images(1), 50, axis=0), 3)
    assert len(np.unique(y, axis=0)) >= (2 if change is flip else 6)


@pytest.mark.parametrize(
    ("change", "arguments"),
    [
        (flip, {"probability": 0}),
        (rotate, {"max_degrees": 0}),
        (shift, {"max_pixels": 0}),
        (delete_rows, {"count": 0}),
        (delete_columns, {"count": 0}),
    ],
)
def test_nothing_asked_nothing_changed(change, arguments):
    x = images()
    y = change(x, 4, **arguments)
    np.testing.assert_array_equal(y, x)
    assert not np.shares_memory(x, y)


def test_flip():
    x = images(4000, 2, 3)
    for direction, axis in (("left-right", 2), ("up-down", 1)):
        np.testing.assert_array_equal(flip(x, 5, probability=1, direction=direction), np.flip(x, axis))
        y = flip(x, 5, probability=0.3, direction=direction)
        mirrored = (y == np.flip(x, axis)).all(axis=(1, 2))
        assert ((y == x).all(axis=(1, 2)) ^ mirrored).all()
        assert abs(mirrored.mean() - 0.3) < 5 * math.sqrt(0.3 * 0.7 / 4000)  # 5 standard errors


@pytest.mark.parametrize("side", [1, 4, 7])
def test_quarter_turns(side):
    x = images(3, side, side)
    for quarters in range(-4, 5):
        turned = rotate_by(x, 90 * quarters)
        # cos 90° comes out as 6e-17 and angles up to 360° are off by eps of 2π; a few pixels wide, values below 1
        np.testing.assert_allclose(turned, np.rot90(x, quarters, axes=(1, 2)), rtol=0, atol=1e-14)


@pytest.mark.parametrize("fill", [0, -1.5])
@pytest.mark.parametrize("size", [(6, 9), (7, 7), (1, 5)])
def test_rotation_is_scipys(size, fill):
    x = images(8, *size)
    degrees = np.random.default_rng(6).uniform(-180, 180, 8)
    centre = (np.array(size) - 1) / 2
    for image, angle, turned in zip(x, np.deg2rad(degrees), rotate_by(x, degrees, fill=fill), strict=True):
        # scipy asks where an output pixel (row, column) comes from, too
        back = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        expected = ndimage.affine_transform(
            image, back, centre - back @ centre, order=1, mode="grid-constant", cval=fill
        )
        np.testing.assert_allclose(turned, expected, rtol=0, atol=1e-13)


def test_rotation_stays_in_range_and_keeps_a_plain_middle():
    x = images(50, 10, 10, np.float32)
    y = rotate(x, 7, max_degrees=180, fill=0.5)
    eps = np.finfo(np.float32).eps
    assert min(x.min(), 0.5) - eps <= y.min() and y.max() <= max(x.max(), 0.5) + eps
    plain = rotate(np.ones((50, 11, 11)), 7, max_degrees=180)
    np.testing.assert_allclose(plain[:, 3:-3, 3:-3], 1, rtol=1e-15)  # within the inner circle nothing comes in
    np.testing.assert_allclose(rotate(plain * 0 + 0.5, 7, max_degrees=180, fill=0.5), 0.5, rtol=1e-15)


def test_angles_are_uniform():
    """A bright pixel on a dark image shows the angle by its centre of mass."""
    n, radius = 4000, 8
    x = np.zeros((n, 21, 21))
    x[:, 10, 10 + radius] = 1
    y = rotate(x, 8, max_degrees=30)
    mass = y.sum(axis=(1, 2))
    right = (y.sum(axis=1) @ np.arange(21)) / mass - 10
    up = 10 - (y.sum(axis=2) @ np.arange(21)) / mass
    degrees = np.rad2deg(np.arctan2(up, right))
    assert np.abs(degrees).max() < 30 + 3  # bilinear weights shift the centre by some tenths of a pixel in 8
    assert abs(degrees.mean()) < 5 * 30 / math.sqrt(3 * n) + 0.1
    assert np.histogram(degrees, [-30, -15, 0, 15, 30])[0].min() > n / 4 * 0.85


def test_shift_by_slices():
    x = images(dtype=np.int16)
    rng = np.random.default_rng(9)
    down, right = rng.integers(-12, 13, (2, len(x)))
    y = shift_by(x, down, right, fill=-7)
    for image, moved, dy, dx in zip(x, y, down, right, strict=True):
        for i in range(6):
            for j in range(9):
                inside = 0 <= i - dy < 6 and 0 <= j - dx < 9
                assert moved[i, j] == (image[i - dy, j - dx] if inside else -7)
    np.testing.assert_array_equal(shift_by(x, 2, -3)[:, 2:, :-3], x[:, :-2, 3:])
    np.testing.assert_array_equal(shift_by(x, 0, 0), x)


def test_shifts_are_uniform():
    n = 5000
    x = np.zeros((n, 9, 9), np.uint8)
    x[:, 4, 4] = 1
    _, i, j = np.nonzero(shift(x, 10, max_pixels=2))
    assert len(i) == n
    counts = np.zeros((9, 9))
    np.add.at(counts, (i, j), 1)
    assert counts.sum() == counts[2:7, 2:7].sum()
    # 25 places, binomial counts: 5 standard errors each
    assert np.abs(counts[2:7, 2:7] - n / 25).max() < 5 * math.sqrt(n / 25 * 24 / 25)


@pytest.mark.parametrize(("change", "axis"), [(delete_rows, 1), (delete_columns, 2)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_deleted_lines(change, axis, dtype):
    x = np.swapaxes(images(3000, 4, 5, dtype), 1, 3 - axis)  # ahead of the change, the lines are 4 or 5 long
    x[x == 0] = 1
    length = x.shape[axis]
    y = change(x, 11, count=2, fill=0)
    gone = (y == 0).all(axis=3 - axis)
    assert (gone.sum(axis=1) == 2).all()
    kept = np.expand_dims(~gone, 3 - axis)
    np.testing.assert_array_equal(y, x * kept)
    # each line goes with the chance 2/length
    p = 2 / length
    assert np.abs(gone.mean(axis=0) - p).max() < 5 * math.sqrt(p * (1 - p) / 3000)
    assert (change(x, 12, count=length) == 0).all()


def test_fill_of_deleted_lines():
    assert (delete_rows(images(dtype=np.uint8), 13, fill=255) == 255).all(axis=2).sum() == 20
    y = delete_columns(images(dtype=np.float32), 13, fill=0.1)
    assert y.dtype == np.float32
    assert (y == np.float32(0.1)).all(axis=1).sum() == 20


@pytest.mark.parametrize("change", RANDOM)
@pytest.mark.parametrize(
    ("batch", "error", "message"),
    [
        (
            np.zeros((5, 784)),
            ValueError,
            r"images must have the shape \(n, height, width\).*got \(5, 784\) \(X.reshape",
        ),
        (np.zeros(784), ValueError, r"images must have the shape \(n, height, width\).*got \(784,\)$"),
        (np.zeros((5, 8, 8, 3)), ValueError, r"images must have the shape .*got \(5, 8, 8, 3\)$"),
        (np.zeros((5, 0, 8)), ValueError, r"images must have the shape .*no side 0; got \(5, 0, 8\)"),
        (np.zeros((5, 8, 8), complex), TypeError, "images must hold real numbers.*complex128"),
    ],
)
def test_refused_batches(change, batch, error, message):
    with pytest.raises(error, match=message):
        change(batch, 0)


@pytest.mark.parametrize("change", RANDOM)
def test_refused_generators(change):
    with pytest.raises(TypeError, match=r"rng must be a numpy\.random\.Generator, .* got None"):
        change(images(), None)


BYTES = images(dtype=np.uint8)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: rotate(BYTES, 0), TypeError, r"images must be floats to be rotated.*got uint8 \(images.astype"),
        (lambda: shift(BYTES, 0, fill=0.5), ValueError, "fill must be a value that images of uint8 can hold; got 0.5"),
        (lambda: shift(BYTES, 0, fill=256), ValueError, "fill must be a value that images of uint8 can hold; got 256"),
        (lambda: delete_rows(BYTES, 0, fill=-1), ValueError, "fill must be a value that images of uint8 can hold"),
        (lambda: delete_rows(BYTES > 3, 0, fill=2), ValueError, "fill must be a value that images of bool can hold"),
        (lambda: delete_rows(images(dtype=np.float16), 0, fill=1e6), ValueError, "images of float16 can hold"),
        (lambda: rotate(images(), 0, fill=math.nan), ValueError, "fill must be a finite number; got nan"),
        (
            lambda: flip(BYTES, 0, probability=1.1),
            ValueError,
            "probability must be a finite number from 0 to 1; got 1.1",
        ),
        (lambda: flip(BYTES, 0, direction="up"), ValueError, "direction must be 'left-right' or 'up-down'; got 'up'"),
        (lambda: rotate(images(), 0, max_degrees=-1), ValueError, "max_degrees must be a finite number from 0"),
        (lambda: shift(BYTES, 0, max_pixels=1.5), TypeError, "max_pixels must be an integer >= 0; got 1.5"),
        (lambda: shift(BYTES, 0, max_pixels=-1), ValueError, "max_pixels must be an integer >= 0; got -1"),
        (lambda: shift_by(BYTES, 0.5, 0), TypeError, "down must be whole pixels as integers; got dtype float64"),
        (lambda: shift_by(BYTES, 0, [1, 2]), ValueError, r"right must be one number or one per image.*got \(2,\)"),
        (lambda: rotate_by(images(), [1, 2]), ValueError, r"degrees must be one number or one per image.*got \(2,\)"),
        (lambda: rotate_by(images(), math.inf), ValueError, "degrees must be finite; got inf"),
        (lambda: delete_rows(BYTES, 0, count=7), ValueError, r"count must be an integer in 0\.\.6; got 7"),
        (lambda: delete_columns(BYTES, 0, count=10), ValueError, r"count must be an integer in 0\.\.9; got 10"),
        (lambda: delete_rows(BYTES, 0, count=True), TypeError, r"count must be an integer in 0\.\.6; got True"),
    ],
)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
