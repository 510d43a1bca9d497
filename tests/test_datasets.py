"""Data sets: scikit-learn and torch as oracles, geometry of the toy sets, IDX files byte by byte, a local server."""

import contextlib
import functools
import gzip
import hashlib
import http.server
import socket
import struct
import threading

import numpy as np
import pytest

from dlkit import datasets
from dlkit.datasets import (
    Dataset,
    blobs,
    breast_cancer,
    circles,
    diabetes,
    digits,
    digits_28x28,
    iris,
    mnist,
    mnist_files,
    moons,
    photo_patches,
    read_idx,
    separable,
    spiral,
    split,
    xor,
)
from dlkit.datasets.download import fetch
from dlkit.errors import CourseError

BUNDLED = [digits, digits_28x28, breast_cancer, iris, diabetes, functools.partial(photo_patches, 20, 0)]
TOYS = [blobs, moons, circles, spiral, xor, separable]


# --- what every data set promises ---


@pytest.mark.parametrize("load", [*BUNDLED, *(functools.partial(toy, 30, 0) for toy in TOYS)])
def test_one_form(load):
    data = load()
    n, d = data.X.shape
    assert len(data) == n == len(data.y)
    assert len(data.feature_names) == d == len(set(data.feature_names))
    assert all(type(name) is str for name in data.feature_names + data.class_names)
    assert np.isfinite(data.X).all()
    if data.class_names:
        assert data.y.dtype == np.int64
        np.testing.assert_array_equal(np.unique(data.y), np.arange(len(data.class_names)))
        assert f"{len(data.class_names)} classes" in repr(data)
    else:
        assert "regression" in repr(data)
    for dtype in (np.float32, np.float64):
        again = load(dtype=dtype)
        assert again.X.dtype == dtype
        np.testing.assert_array_equal(again.X.astype(np.float32), data.X.astype(np.float32))
        np.testing.assert_array_equal(again.y.astype(np.float32), data.y.astype(np.float32))
    with pytest.raises(TypeError, match="dtype must be a floating-point type"):
        load(dtype=int)
    data.X[0] = 7  # the data are the caller's: neither read-only nor shared with the next call
    assert not (load().X[0] == 7).all()


def test_what_scikit_learn_has():
    sklearn = pytest.importorskip("sklearn.datasets")
    for load, theirs in ((breast_cancer, sklearn.load_breast_cancer()), (iris, sklearn.load_iris())):
        data = load()
        np.testing.assert_array_equal(data.X, theirs.data)
        np.testing.assert_array_equal(data.y, theirs.target)
        assert data.feature_names == tuple(theirs.feature_names)
        assert data.class_names == tuple(theirs.target_names)
    theirs, data = sklearn.load_diabetes(), diabetes()
    np.testing.assert_array_equal(data.X, theirs.data)
    np.testing.assert_array_equal(data.y, theirs.target)
    assert diabetes(np.float32).y.dtype == np.float32
    theirs, data = sklearn.load_digits(), digits()
    np.testing.assert_array_equal(data.images * 16, theirs.images)
    np.testing.assert_array_equal(data.y, theirs.target)
    assert data.feature_names == tuple(theirs.feature_names)


def test_digits_28x28():
    torch = pytest.importorskip("torch")
    data, small = digits_28x28(np.float64), digits()
    assert (data.images.shape, data.X.min(), data.X.max()) == ((1797, 28, 28), 0, 1)
    assert digits_28x28().X.dtype == np.float32
    np.testing.assert_array_equal(data.y, small.y)
    theirs = torch.nn.functional.interpolate(
        torch.from_numpy(small.images)[:, None], (28, 28), mode="bilinear", align_corners=False
    )
    np.testing.assert_allclose(data.images, theirs[:, 0].numpy(), rtol=0, atol=1e-14)  # averages of numbers up to 1


@pytest.mark.parametrize("grey", [False, True])
def test_photo_patches(grey):
    photos = pytest.importorskip("sklearn.datasets").load_sample_images().images
    data = photo_patches(40, 1, size=20, grey=grey)
    assert data.images.shape == ((40, 20, 20) if grey else (40, 20, 20, 3))
    assert data.X.min() >= 0 and data.X.max() <= 1
    for patch, which in zip(data.images[:4], data.y, strict=False):
        photo = photos[which] / 255
        if grey:
            photo = photo @ [0.299, 0.587, 0.114]
        windows = np.lib.stride_tricks.sliding_window_view(photo, (20, 20), axis=(0, 1))
        corner = patch[0, 0] if grey else patch[0, 0, :]
        at = np.isclose(windows[..., 0, 0], corner, rtol=1e-12, atol=1e-15)
        at = at if grey else at.all(axis=-1)
        whole = patch if grey else np.moveaxis(patch, -1, 0)
        # what the first pixel allows, all pixels decide
        assert any(np.allclose(windows[i, j], whole, rtol=1e-12, atol=1e-15) for i, j in np.argwhere(at))
    tall = photo_patches(12, 2, size=427, grey=True)  # from the top to the bottom, but at 214 places across
    assert tall.X.shape == (12, 427**2)
    assert len(np.unique(tall.X[:, 0])) > 6
    with pytest.raises(ValueError, match=r"size must be an integer in 1\.\.427; got 428"):
        photo_patches(3, 2, size=428)


def test_signs_take_images():
    data = breast_cancer(np.float32)
    np.testing.assert_array_equal(data.signs, np.where(data.y == 1, 1, -1))
    assert data.signs.dtype == np.float32
    for which in ([3, 1], slice(0, 9, 2), data.y == 1):
        some = data.take(which)
        np.testing.assert_array_equal(some.X, data.X[which])
        np.testing.assert_array_equal(some.y, data.y[which])
        assert some.class_names == data.class_names
    assert np.shares_memory(digits_28x28().images, digits_28x28().images) is False
    images = digits()
    assert np.shares_memory(images.images, images.X)
    with pytest.raises(ValueError, match="iris holds no images; its features are sepal length"):
        _ = iris().images
    for data, number in ((iris(), "3"), (diabetes(), "none")):
        with pytest.raises(ValueError, match=f"signs are for two classes; .* has {number}"):
            _ = data.signs


X32 = np.zeros((3, 2), np.float32)
Y = np.array([0, 1, 1])


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((np.zeros(3), Y, "a", ("p",)), r"X must be floats of the shape \(n, d\); got float64 of \(3,\)"),
        ((np.zeros((3, 2), int), Y, "a", ("p", "q")), r"X must be floats .*got int64"),
        ((X32, Y[:2], "a", ("p", "q")), r"y must have an answer per row of X, shape \(3,\); got \(2,\)"),
        ((X32, Y, "a", ("p",)), "feature_names must name the 2 columns of X; got 1 names"),
        ((X32, Y, "a", ("p", "q"), (), (3, 1)), r"image_shape must hold the 2 columns of X; got \(3, 1\)"),
        ((X32, Y, "a", ("p", "q"), ("one",)), r"y must hold classes 0\.\.0 as integers"),
        ((X32, Y - 1, "a", ("p", "q"), ("one", "two")), r"y must hold classes 0\.\.1 as integers"),
        ((X32, Y * 1.0, "a", ("p", "q"), ("one", "two")), r"y must hold classes 0\.\.1 as integers"),
    ],
)
def test_parts_that_do_not_fit(parts, message):
    with pytest.raises(ValueError, match=message):
        Dataset(*parts)


# --- training and test data ---


@pytest.mark.parametrize("load", [digits, iris, diabetes])
def test_split(load):
    data = load()
    data.X[:, 0] = np.arange(len(data))  # so that every row can be told
    train, test = split(data, 0.25, 3)
    both = np.concatenate([train.X[:, 0], test.X[:, 0]]).astype(int)
    np.testing.assert_array_equal(np.sort(both), np.arange(len(data)))
    for part in (train, test):
        rows = part.X[:, 0].astype(int)
        np.testing.assert_array_equal(part.X, data.X[rows])
        np.testing.assert_array_equal(part.y, data.y[rows])
        assert (np.diff(rows) < 0).mean() > 0.3  # in random order: about half of the steps go down
        if data.class_names:  # and not one class after another
            changes = (np.diff(part.y) != 0).mean()
            assert changes > 0.5
    if data.class_names:
        expected = [round(0.25 * m) for m in np.bincount(data.y)]
        np.testing.assert_array_equal(np.bincount(test.y), expected)
    else:
        assert len(test) == round(0.25 * len(data))
    again = split(data, 0.25, np.random.default_rng(3))
    np.testing.assert_array_equal(again[1].X, test.X)
    assert not np.array_equal(split(data, 0.25, 4)[1].X, test.X)


@pytest.mark.parametrize(
    ("test", "rng", "error", "message"),
    [
        (0, 0, ValueError, "test must leave samples on either side; test=0 takes 0 of 150"),
        (1, 0, ValueError, "test must leave samples on either side; test=1 takes 150 of 150"),
        (0.001, 0, ValueError, "test must leave samples on either side; test=0.001 takes 0 of 150"),
        (30, 0, ValueError, "test must be a finite number from 0 to 1; got 30"),
        (0.25, None, TypeError, "rng must be a numpy.random.Generator, .* got None"),
    ],
)
def test_refused_split(test, rng, error, message):
    with pytest.raises(error, match=message):
        split(iris(), test, rng)


# --- toy sets ---


@pytest.mark.parametrize("toy", TOYS)
def test_toys(toy):
    for n in (10, 101):
        data = toy(n, 5)
        assert data.X.shape == (n, 2)
        counts = np.bincount(data.y)
        assert counts.max() - counts.min() <= 1
        assert (np.diff(data.y) != 0).any() and (np.diff(data.y) == 0).any()  # neither sorted nor alternating
        np.testing.assert_array_equal(toy(n, np.random.default_rng(5)).X, data.X)
        assert not np.array_equal(toy(n, 6).X, data.X)
    with pytest.raises(ValueError, match=r"n must be an integer >= [23]; got 1"):
        toy(1, 5)
    with pytest.raises(TypeError, match=r"rng must be a numpy\.random\.Generator, .* got None"):
        toy(10, None)


def test_blobs():
    n = 6000
    data = blobs(n, 7, centres=[[0, 0], [3, -2]], std=0.5)
    for k, centre in enumerate([[0, 0], [3, -2]]):
        X = data.X[data.y == k]
        # 5 standard errors of a mean, and of a standard deviation, of n/2 draws
        assert np.abs(X.mean(axis=0) - centre).max() < 5 * 0.5 / np.sqrt(n / 2)
        assert np.abs(X.std(axis=0) / 0.5 - 1).max() < 5 / np.sqrt(n)
    centres = blobs(5, 7, centres=5, std=0).X
    np.testing.assert_allclose(np.hypot(*centres.T), 4, rtol=1e-15)
    assert len(np.unique(centres.round(6), axis=0)) == 5


def test_curves_without_noise():
    data = moons(4000, 8, noise=0)
    upper, lower = data.X[data.y == 0], data.X[data.y == 1]
    np.testing.assert_allclose(np.hypot(*upper.T), 1, rtol=1e-14)
    np.testing.assert_allclose(np.hypot(*(lower - [1, 0.5]).T), 1, rtol=1e-14)
    assert upper[:, 1].min() >= 0 and lower[:, 1].max() <= 0.5
    # uniform angles: the middle third of the half circle has a third of the points, 5 standard errors
    assert abs((np.abs(upper[:, 0]) < 0.5).mean() - 1 / 3) < 5 * np.sqrt(2 / 9 / 2000)

    data = circles(500, 8, noise=0, factor=0.3)
    np.testing.assert_allclose(np.hypot(*data.X.T), np.where(data.y == 0, 1, 0.3), rtol=1e-14)
    assert np.abs(data.X[data.y == 0].mean(axis=0)).max() < 5 / np.sqrt(2 * 250)

    data = spiral(500, 8, arms=4, turns=1.5, noise=0)
    r, angle = np.hypot(*data.X.T), np.arctan2(data.X[:, 1], data.X[:, 0])
    assert r.max() <= 1
    off = (angle / (2 * np.pi) - data.y / 4 - 1.5 * r + 0.5) % 1 - 0.5
    np.testing.assert_allclose(off, 0, atol=1e-12)


@pytest.mark.parametrize("toy", [moons, circles, spiral])
def test_noise(toy):
    n = 5000
    smooth, noisy = toy(n, 9, noise=0), toy(n, 9, noise=0.3)
    np.testing.assert_array_equal(smooth.y, noisy.y)
    difference = noisy.X - smooth.X
    assert np.abs(difference.mean(axis=0)).max() < 5 * 0.3 / np.sqrt(n)
    assert np.abs(difference.std(axis=0) / 0.3 - 1).max() < 5 / np.sqrt(2 * n)


@pytest.mark.parametrize("gap", [0, 0.1, 1])
def test_xor(gap):
    data = xor(4000, 10, gap=gap)
    np.testing.assert_array_equal(data.y, data.X[:, 0] * data.X[:, 1] < 0)
    size = np.abs(data.X)
    assert gap <= size.min() and size.max() <= 1
    quadrants = np.bincount((data.X > 0) @ [1, 2], minlength=4)
    assert np.abs(quadrants - 1000).max() < 5 * np.sqrt(2000 / 4)  # the classes are exact, their halves binomial
    assert np.abs(size.mean(axis=0) - (1 + gap) / 2).max() <= 5 * (1 - gap) / np.sqrt(12 * 4000)


@pytest.mark.parametrize("n", [2, 3, 60])
@pytest.mark.parametrize(("margin", "normal"), [(0.5, (1, 1)), (0.01, (-3, 0.5)), (2.0, (0, -1))])
def test_separable(margin, normal, n):
    data = separable(n, 11, margin=margin, normal=normal)
    w = np.array(normal) / np.hypot(*normal)
    distances = data.signs * (data.X @ w)
    assert distances.min() == pytest.approx(margin, rel=1e-12)
    assert set(data.y[:2]) == {0, 1}
    np.testing.assert_allclose(distances[:2], margin, rtol=1e-12)
    assert np.linalg.norm(data.X[0] - data.X[1]) == pytest.approx(2 * margin, rel=1e-12)


def test_separable_has_no_larger_margin():
    """A hard-margin SVM finds the same line: it is the one with the largest margin."""
    svm = pytest.importorskip("sklearn.svm")
    data = separable(60, 12, margin=0.3, normal=(2, 1))
    model = svm.SVC(kernel="linear", C=1e6, tol=1e-8).fit(data.X, data.y)
    w = model.coef_[0]
    assert 1 / np.linalg.norm(w) == pytest.approx(0.3, rel=1e-5)
    np.testing.assert_allclose(w / np.linalg.norm(w), np.array([2, 1]) / np.sqrt(5), atol=1e-5)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: blobs(10, 0, centres=0), ValueError, "centres must be an integer >= 1; got 0"),
        (lambda: blobs(10, 0, centres=2.5), TypeError, "centres must be an integer >= 1; got 2.5"),
        (lambda: blobs(10, 0, centres=[1, 2]), ValueError, r"centres must be a number K of classes, or finite"),
        (lambda: blobs(10, 0, centres=[[1, np.nan]]), ValueError, r"centres must be a number K of classes, or finite"),
        (lambda: blobs(2, 0, centres=3), ValueError, "n must be an integer >= 3; got 2"),
        (lambda: blobs(10.0, 0), TypeError, "n must be an integer >= 3; got 10.0"),
        (lambda: blobs(10, 0, std=-1), ValueError, "std must be a finite number from 0"),
        (lambda: moons(10, 0, noise=np.nan), ValueError, "noise must be a finite number from 0 to inf; got nan"),
        (lambda: circles(10, 0, factor=1.5), ValueError, "factor must be a finite number from 0 to 1; got 1.5"),
        (lambda: spiral(10, 0, arms=0), ValueError, "arms must be an integer >= 1; got 0"),
        (lambda: spiral(10, 0, turns="two"), TypeError, "turns must be a number; got .two."),
        (lambda: xor(10, 0, gap=2), ValueError, "gap must be a finite number from 0 to 1; got 2"),
        (lambda: separable(10, 0, margin=0), ValueError, "margin must be above 0, or the classes might touch; got 0"),
        (lambda: separable(10, 0, normal=(0, 0)), ValueError, "normal must be two finite numbers, not both 0"),
        (lambda: separable(10, 0, normal=(1, 2, 3)), ValueError, "normal must be two finite numbers"),
        (lambda: separable(10, 0, spread=[1, 2]), ValueError, r"spread must be a single number; got .*\(2,\)"),
        (lambda: separable(10, -3), TypeError, "rng must be .* seed >= 0; got -3"),
    ],
)
def test_refused_toys(call, error, message):
    with pytest.raises(error, match=message):
        call()


# --- IDX files ---

CODES = {0x08: "u1", 0x09: "i1", 0x0B: "i2", 0x0C: "i4", 0x0D: "f4", 0x0E: "f8"}


def idx(array, code=0x08):
    """An IDX file's bytes, written independently of the reader."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + b"".join(struct.pack(f">{array.dtype.char}", v) for v in array.ravel().tolist())


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("shape", [(5,), (2, 3), (2, 3, 4), (0, 4), (1, 2, 1, 3), ()])
def test_read_idx(tmp_path, code, shape):
    rng = np.random.default_rng(13)
    dtype = np.dtype(CODES[code])
    if dtype.kind == "f":
        array = rng.standard_normal(shape).astype(dtype) if shape else np.array(1.5, dtype)
    else:
        array = np.asarray(rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, shape, endpoint=True), dtype)
    (tmp_path / "plain").write_bytes(idx(array, code))
    (tmp_path / "compressed").write_bytes(gzip.compress(idx(array, code)))
    for path in (tmp_path / "plain", str(tmp_path / "compressed")):
        read = read_idx(path)
        assert read.dtype == dtype and read.dtype.isnative and read.flags.writeable
        np.testing.assert_array_equal(read, array)


def compressed_at_no_time(content):
    """The same bytes whenever: they name tests, and two processes that share tests out must name them alike."""
    return gzip.compress(content, mtime=0)


GOOD = idx(np.arange(6, dtype=np.uint8).reshape(2, 3))
PACKED = compressed_at_no_time(GOOD)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is too short for an IDX file: 0 bytes"),
        (GOOD[:3], "is too short for an IDX file: 3 bytes"),
        (b"\x89PNG\r\n\x1a\n", "is no IDX file: it must start with 00 00 and a type among 08, .* 0e; got 89 50 4e"),
        (b"\0\1" + GOOD[2:], "is no IDX file: .* got 00 01 08"),
        (b"\0\0\x0a" + GOOD[3:], "is no IDX file: .* got 00 00 0a"),
        (GOOD[:10], "is cut short: 2 axes need a header of 12 bytes; got 10"),
        (GOOD[:-1], r"is cut short: uint8 of the shape \(2, 3\) makes 18 bytes with the header; got 17"),
        (GOOD + b"\0", r"is too long: uint8 of the shape \(2, 3\) makes 18 bytes with the header; got 19"),
        (b"\0\0\x0e\x02" + b"\xff" * 8, r"is cut short: float64 of the shape \(4294967295, 4294967295\)"),
        (PACKED[:-9], "is damaged or cut short"),
        (PACKED[:12] + b"?" + PACKED[13:], "is damaged or cut short"),
        (compressed_at_no_time(GOOD[:-1]), "is cut short: uint8"),
        (PACKED + b"more", "is damaged or cut short"),
    ],
)
def test_bad_idx(tmp_path, content, message):
    path = tmp_path / "bad-idx"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"bad-idx {message}"):
        read_idx(path)


def test_no_idx(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_idx(tmp_path / "nowhere")


# --- MNIST ---


def tiny(n, seed):
    """Files as MNIST's, of n random images."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
    images[0, 0, :2] = 0, 255
    return images, (np.arange(n, dtype=np.uint8) % 10)


def put(folder, prefix, images, labels, compressed=False):
    for name, array in ((f"{prefix}-images-idx3-ubyte", images), (f"{prefix}-labels-idx1-ubyte", labels)):
        content = idx(array)
        path = folder / (f"{name}.gz" if compressed else name)
        path.write_bytes(gzip.compress(content) if compressed else content)


@pytest.mark.parametrize("compressed", [False, True])
def test_mnist_from_a_folder(tmp_path, monkeypatch, compressed):
    sets = {"train": tiny(30, 14), "test": tiny(10, 15)}
    (tmp_path / "mnist").mkdir()
    put(tmp_path / "mnist", "train", *sets["train"], compressed)
    put(tmp_path / "mnist", "t10k", *sets["test"], compressed)
    monkeypatch.setenv("DLKIT_DATA", str(tmp_path))
    for part, (images, labels) in sets.items():
        data = mnist(part, tmp_path / "mnist")
        assert (data.X.dtype, data.y.dtype, data.image_shape) == (np.float32, np.int64, (28, 28))
        assert (data.X.min(), data.X.max()) == (0, 1)
        np.testing.assert_array_equal(data.images, images / np.float32(255))
        np.testing.assert_array_equal(data.y, labels)
        np.testing.assert_array_equal(mnist(part).X, data.X)  # DLKIT_DATA names the same
        np.testing.assert_array_equal(mnist(part, str(tmp_path / "mnist"), dtype=np.float64).images, images / 255)
        assert data.feature_names == digits_28x28().feature_names


def test_mnist_without_its_files(tmp_path, monkeypatch):
    monkeypatch.setenv("DLKIT_DATA", str(tmp_path))
    monkeypatch.setattr("urllib.request.urlopen", lambda *a, **k: pytest.fail("the network was asked unasked"))
    with pytest.raises(
        FileNotFoundError, match=r"train-images-idx3-ubyte .*is not in .*mnist.*download=True.*digits_28x28"
    ):
        mnist("train")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="part must be 'train' or 'test'; got 'all'"):
        mnist("all")
    with pytest.raises(TypeError, match="dtype must be a floating-point type"):
        mnist("train", dtype=np.uint8)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((3, 28), np.uint8), np.zeros(3, np.uint8), r"images.* must hold bytes of the shape \(n, 28, 28\)"),
        (np.zeros((3, 8, 8), np.uint8), np.zeros(3, np.uint8), r"images.* must hold bytes .*got uint8 \(3, 8, 8\)"),
        (
            np.zeros((3, 28, 28), np.uint8),
            np.zeros(2, np.uint8),
            r"labels.* a byte per image .*\(3,\); got uint8 \(2,\)",
        ),
        (np.zeros((3, 28, 28), np.uint8), np.full(3, 10, np.uint8), r"labels.* must hold digits 0\.\.9; got 10"),
    ],
)
def test_mnist_of_other_files(tmp_path, images, labels, message):
    put(tmp_path, "t10k", images, labels)
    with pytest.raises(ValueError, match=message):
        mnist("test", tmp_path)


def test_the_published_checksums():
    """Hex digits of the right length, all different; lengths as LeCun's page has them."""
    assert all(len(bytes.fromhex(sha256)) == 32 for sha256, _ in mnist_files.FILES.values())
    assert len({sha256 for sha256, _ in mnist_files.FILES.values()}) == 4
    assert [size for _, size in mnist_files.FILES.values()] == [9912422, 28881, 1648877, 4542]


# --- downloads, from a server on this machine ---


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        content, announced = self.server.files.get(self.path, (None, 0))
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(announced))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # the reader may have had enough
            self.wfile.write(content)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.files, server.asked = {}, []
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


CONTENT = bytes(range(256)) * 40
CHECKED = {"sha256": hashlib.sha256(CONTENT).hexdigest(), "size": len(CONTENT)}


def serve(server, **files):
    server.files.update({f"/{name}": (content, len(content)) for name, content in files.items()})


def test_fetch(server, tmp_path):
    serve(server, right=CONTENT)
    path = tmp_path / "new" / "folder" / "file"
    fetch([f"{server.url}/right"], path, **CHECKED)
    assert path.read_bytes() == CONTENT
    assert [p.name for p in path.parent.iterdir()] == ["file"]
    fetch([f"{server.url}/right"], path, **CHECKED)
    assert server.asked == ["/right"]  # once


def test_fetch_goes_on_to_the_next_address(server, tmp_path):
    other = CONTENT[:-1] + b"?"
    serve(server, right=CONTENT, other=other, short=CONTENT[:100], long=CONTENT + b"?", page=b"<html>Please log in")
    server.files["/broken"] = (CONTENT[:5000], len(CONTENT))  # the connection ends in the middle
    bad = [f"{server.url}/{name}" for name in ("other", "short", "long", "page", "broken", "missing")]
    bad.append("http://127.0.0.1:9/nobody-listens")
    path = tmp_path / "file"
    with pytest.raises(CourseError) as caught:
        fetch(bad, path, **CHECKED)
    message = str(caught.value)
    assert message.startswith("file could not be downloaded:\n")
    assert [line.split(": ")[0].strip() for line in message.splitlines()[1:]] == bad
    for said in (
        f"other: not the file: {len(CONTENT)} bytes of {len(CONTENT)}, SHA-256 {hashlib.sha256(other).hexdigest()[:9]}",
        "short: not the file: 100 bytes of",
        f"long: not the file: more than {len(CONTENT)} bytes of",
        "page: not the file: 19 bytes",
        "missing: HTTP Error 404",
    ):
        assert said in message
    assert list(tmp_path.iterdir()) == []
    fetch([*bad, f"{server.url}/right"], path, **CHECKED)
    assert path.read_bytes() == CONTENT


def test_fetch_reads_no_more_than_it_must(tmp_path, monkeypatch):
    class Endless:
        taken, timeout = 0, None

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def read(self, n):
            self.taken += n
            return b"?" * n

    answer = Endless()
    monkeypatch.setattr(
        "urllib.request.urlopen", lambda url, timeout: answer.__dict__.update(timeout=timeout) or answer
    )
    with pytest.raises(CourseError, match="more than 1000 bytes of 1000"):
        fetch(["http://endless"], tmp_path / "file", sha256="0" * 64, size=1000, timeout=7)
    assert (answer.taken, answer.timeout) == (1001, 7)


def test_fetch_gives_up_on_silence(tmp_path):
    """A server that accepts and says nothing is left after the time-out."""
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(CourseError, match="timed out"):
        fetch([f"http://127.0.0.1:{silent.getsockname()[1]}/"], tmp_path / "file", **CHECKED, timeout=0.2)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_breaks_off_leaves_nothing(server, tmp_path, monkeypatch):
    serve(server, right=CONTENT)
    path = tmp_path / "file"

    def interrupt(self, target):
        assert self.read_bytes() == CONTENT and not path.exists()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            fetch([f"{server.url}/right"], path, **CHECKED)
    assert list(tmp_path.iterdir()) == []
    fetch([f"{server.url}/right"], path, **CHECKED)
    assert path.read_bytes() == CONTENT


def test_a_folder_that_cannot_be_made_is_no_matter_of_the_network(server, tmp_path):
    serve(server, right=CONTENT)
    (tmp_path / "not-a-folder").write_text("")
    with pytest.raises(OSError, match="not-a-folder"):
        fetch([f"{server.url}/right"], tmp_path / "not-a-folder" / "file", **CHECKED)


def test_mnist_by_a_download(server, tmp_path, monkeypatch):
    images, labels = tiny(12, 16)
    files = {"t10k-images-idx3-ubyte": idx(images), "t10k-labels-idx1-ubyte": idx(labels)}
    packed = {name: compressed_at_no_time(content) for name, content in files.items()}
    serve(server, **{f"data/{name}.gz": content for name, content in packed.items()})
    mirrors = [f"{server.url}/nothing", f"{server.url}/data/"]
    folder = tmp_path / "mnist"

    with pytest.raises(CourseError, match=r"(?s)not the file.*put the file into .*mnist by hand.*digits_28x28"):
        mnist("test", folder, download=True, mirrors=mirrors)  # they are not MNIST's

    sums = {name: (hashlib.sha256(content).hexdigest(), len(content)) for name, content in packed.items()}
    monkeypatch.setattr(mnist_files, "FILES", sums)
    server.asked.clear()
    data = mnist("test", folder, download=True, mirrors=mirrors)
    np.testing.assert_array_equal(data.images, images / np.float32(255))
    np.testing.assert_array_equal(data.y, labels)
    assert len(server.asked) == 4
    for download in (True, False):
        np.testing.assert_array_equal(mnist("test", folder, download=download, mirrors=mirrors).X, data.X)
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()  # what is there is not asked for again
    mnist("test", folder, download=True, mirrors=mirrors)
    assert len(server.asked) == 6


def test_every_name_is_there():
    assert all(hasattr(datasets, name) for name in datasets.__all__)
    tested = {load.func if isinstance(load, functools.partial) else load for load in BUNDLED} | set(TOYS)
    assert set(datasets.__all__) == {f.__name__ for f in tested} | {"Dataset", "mnist", "read_idx", "split"}
