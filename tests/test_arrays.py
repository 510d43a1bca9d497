"""Arrays: which functions belong to which, where they live, what does not go together, and what is imported when."""

import math
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from dlkit import arrays
from dlkit.arrays import array, check_agreement, device_of, is_array, is_torch, namespace, random_generator, to_numpy

NUMPY = namespace(np.ones(2))
SCALARS = namespace(np.float64(1))


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


# Namespaces


def test_namespace_by_type():
    assert NUMPY.name == "numpy"
    assert NUMPY.exp is np.exp
    for x in (1, 1.0, True, np.float64(1)):
        assert namespace(x) is SCALARS
    for x in (np.float32(1), np.int64(1), np.bool_(True), np.ma.masked_array([1.0]), np.ones(())):
        assert namespace(x) is NUMPY


def test_every_name_is_used():
    """The list of functions is what the package's formulas need, no more."""
    package = Path(arrays.__file__).parents[1]
    code = "".join(path.read_text("utf-8") for path in package.rglob("*.py") if path.name != "_namespaces.py")
    code = re.sub(r"namespace\([^()]*\)", "xp", code)
    assert not [name for name in vars(NUMPY) if not re.search(rf"\bxp\.{name}\b", code)]


def test_namespace_of_several():
    x = np.ones(2)
    for others in ((1.0,), (x,), (2, np.float64(1), np.float32(1)), (True,)):
        assert namespace(x, *others) is NUMPY
        assert namespace(*reversed(others), x) is NUMPY
    assert namespace(1, 2.0, np.float64(3)) is SCALARS


def test_namespace_of_torch(torch):
    t = torch.ones(2)
    xp = namespace(t)
    assert xp.name == "torch"
    assert namespace(t, 1.0) is xp
    assert namespace(1, t, np.float64(2)) is xp
    assert namespace(torch.nn.Parameter(t)) is xp
    for mixed in ((t, np.ones(2)), (np.ones(2), 1.0, t), (t, np.float32(1))):
        with pytest.raises(TypeError, match=r"numpy and torch arrays do not mix; got .*Tensor"):
            namespace(*mixed)


@pytest.mark.parametrize("x", ["abc", [1.0], None, 1j, {}])
def test_no_array(x):
    for call in (lambda: namespace(x), lambda: namespace(np.ones(1), x)):
        with pytest.raises(
            TypeError, match=rf"expected a numpy array, a torch tensor or a number; got {type(x).__name__}"
        ):
            call()


def test_the_same_names_everywhere(torch):
    names = set(vars(NUMPY)) | {"name"}
    assert set(vars(SCALARS)) == names
    assert names <= set(vars(namespace(torch.ones(1))))


@pytest.mark.parametrize(
    "name",
    [
        "exp",
        "expm1",
        "log",
        "log1p",
        "sqrt",
        "sin",
        "cos",
        "tanh",
        "abs",
        "sign",
        "isfinite",
        "ones_like",
        "zeros_like",
    ],
)
def test_torchs_functions_are_numpys(name, torch):
    x = np.array([0.25, 1.5, 3.0])
    got = getattr(namespace(torch.ones(1)), name)(torch.from_numpy(x))
    # each library is good to a few units in the last place
    np.testing.assert_allclose(got.numpy(), getattr(np, name)(x), rtol=4 * np.finfo(float).eps)


@pytest.mark.parametrize("as_torch", [False, True])
def test_what_the_standard_says(as_torch):
    """Names and arguments of the array API, the same for both libraries."""
    if as_torch:
        pytest.importorskip("torch")
    data = np.arange(6.0).reshape(2, 3)
    x = array(data, device="cpu" if as_torch else "numpy")
    xp = namespace(x)
    for got, expected in (
        (xp.sum(x, axis=(0, 1), keepdims=True), [[15.0]]),
        (xp.sum(x, axis=None), 15.0),
        (xp.mean(x, axis=0), [1.5, 2.5, 3.5]),
        (xp.max(x, axis=1, keepdims=True), [[2.0], [5.0]]),
        (xp.min(x), 0.0),
        (xp.prod(x, axis=1), [0.0, 60.0]),
        (xp.permute_dims(x, (1, 0)), data.T),
        (xp.reshape(x, (3, 2)), data.reshape(3, 2)),
        (xp.expand_dims(x, axis=1), data[:, None]),
        (xp.squeeze(x[:1], axis=0), data[0]),
        (xp.broadcast_to(x[:1], (2, 3)), [data[0]] * 2),
        (xp.concat((x, x), axis=1), np.concatenate([data, data], 1)),
        (xp.stack((x, x), axis=0), np.stack([data, data])),
        (xp.maximum(x, 2), np.maximum(data, 2)),
        (xp.maximum(2.0, x), np.maximum(data, 2)),
        (xp.minimum(x, 2), np.minimum(data, 2)),
        (xp.minimum(2.0, x), np.minimum(data, 2)),
        (xp.minimum(x, x * 0 + 2), np.minimum(data, 2)),
        (xp.maximum(x, x * 0 + 2), np.maximum(data, 2)),
        (xp.where(x > 2, x, 0.0), np.where(data > 2, data, 0)),
        (xp.argsort(-x, axis=1), [[2, 1, 0]] * 2),
        (xp.einsum("ij,ij->i", x, x), [5.0, 50.0]),
        (xp.scatter_add(x[0], array(np.array([1, 1, 3]), device=device_of(x)), (4,)), [0.0, 1.0, 0.0, 2.0]),
        (xp.scatter_add(x, (slice(None), slice(1, 4)), (2, 5)), np.pad(data, ((0, 0), (1, 1)))),
    ):
        assert type(got) is type(x) or not as_torch
        np.testing.assert_array_equal(to_numpy(got), expected)


# Scalars: as fast as math, with numpy's answers

POINTS = [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 2.0, 1e-300, -1e-20, 30.0, -30.0, 709.0, 800.0, -800.0, 1e300, -1e300]
EXTREMES = [math.inf, -math.inf, math.nan]


@pytest.mark.parametrize("name", ["exp", "expm1", "log", "log1p", "sqrt", "tanh", "sin", "cos", "abs", "sign"])
@pytest.mark.parametrize("x", POINTS + EXTREMES)
@pytest.mark.parametrize("kind", [float, np.float64])
def test_scalar_functions_are_numpys(name, x, kind):
    """Also where math would raise: overflow is inf, the logarithm of −1 is nan, with numpy's warnings."""

    def outcome(function, argument):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            return function(argument), [str(w.message).split(" encountered")[0] for w in told]

    expected, their_warnings = outcome(getattr(np, name), np.float64(x))
    got, our_warnings = outcome(getattr(SCALARS, name), kind(x))
    assert type(got) is np.float64 or (name == "abs" and kind is float)
    # two libraries of functions, each good to an ulp or two
    np.testing.assert_allclose(got, expected, rtol=4 * np.finfo(float).eps, atol=0)
    assert our_warnings == their_warnings


PAIRS = [
    (1.0, 2.0),
    (2.0, 1.0),
    (1.0, 1.0),
    (-0.5, 0),
    (0, -0.5),
    (math.inf, 1.0),
    (math.nan, 1.0),
    (1.0, math.nan),
    (3, 2),
]


@pytest.mark.parametrize(("x", "y"), PAIRS)
def test_larger_and_smaller_of_scalars(x, y):
    for a, b in ((x, y), (np.float64(x), y), (x, np.float64(y)), (np.float64(x), np.float64(y))):
        for name in ("maximum", "minimum"):
            got = getattr(SCALARS, name)(a, b)
            assert type(got) is np.float64
            np.testing.assert_array_equal(got, getattr(np, name)(x, y))


def test_where_likes_and_reductions_of_scalars():
    one, two = np.float64(1), np.float64(2)
    for condition in (True, False, np.bool_(True), np.bool_(False)):
        for x, y in ((one, two), (1.0, two), (one, 2), (1, two)):
            got = SCALARS.where(condition, x, y)
            assert type(got) is np.float64
            assert got == (1 if condition else 2)
        assert type(SCALARS.where(condition, 1.0, 2.0)) is float  # weak: a float32 array beside it decides the dtype
    for got, expected in (
        (SCALARS.zeros_like(two), 0),
        (SCALARS.ones_like(two), 1),
        (SCALARS.sum(two), 2),
        (SCALARS.max(two), 2),
    ):
        assert type(got) is np.float64
        assert got == expected


# Where arrays live


@pytest.mark.parametrize("data", [3.0, [1.0, 2.0], [[1, 2], [3, 4]], np.ones((2, 0)), np.float32(2), True, np.ones(())])
@pytest.mark.parametrize("device", ["numpy", "cpu"])
def test_array_keeps_shape_and_dtype(data, device):
    if device == "cpu":
        pytest.importorskip("torch")
    x = array(data, device=device)
    expected = np.asarray(data)
    assert device_of(x) == device
    assert tuple(x.shape) == expected.shape
    assert str(x.dtype).removeprefix("torch.") == expected.dtype.name
    np.testing.assert_array_equal(to_numpy(x), expected)


def test_dtypes_by_any_name(torch):
    names = ["float32", np.float32, np.dtype("float32"), torch.float32]
    for name in names:
        assert array([1.0], name).dtype == np.float32
        assert array([1.0], name, "cpu").dtype == torch.float32
        assert array(torch.ones(1, dtype=torch.float64), name, "numpy").dtype == np.float32
    for name in (float, "float", "f8", "double"):
        assert array([1], name).dtype == np.float64
        assert array([1], name, "cpu").dtype == torch.float64
    assert array([1.5], torch.bfloat16, "cpu").dtype == torch.bfloat16
    assert array([True], int, "cpu").dtype == torch.int64
    for device in ("numpy", "cpu"):
        with pytest.raises(TypeError, match="flaot32"):
            array([1.0], "flaot32", device)


def test_there_and_back(torch):
    x = np.arange(6.0).reshape(2, 3)
    t = array(x, device="cpu")
    assert is_torch(t)
    assert array(t) is not t  # detached, but no copy:
    assert array(t).data_ptr() == t.data_ptr()
    assert array(x) is x
    for odd in (x[::-1], x.T, x[:, ::2]):
        np.testing.assert_array_equal(array(odd, device="cpu").numpy(), odd)
    back = array(t, device="numpy")
    assert type(back) is np.ndarray
    np.testing.assert_array_equal(back, x)
    tracked = torch.ones(2, requires_grad=True)
    assert not array(tracked).requires_grad
    np.testing.assert_array_equal(to_numpy(tracked * 2), [2.0, 2.0])
    assert array(x, device=torch.device("cpu")).device.type == "cpu"


def test_a_read_only_array_is_copied_without_a_warning(torch):
    x = np.ones(3)
    x.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        t = array(x, device="cpu")
    t += 1
    np.testing.assert_array_equal(x, 1.0)


def test_what_is_an_array(torch):
    for x in (np.ones(1), np.float64(1), np.bool_(True), torch.ones(1)):
        assert is_array(x)
    for x in (1.0, 1, [1.0], "abc", None):
        assert not is_array(x)
    assert not is_torch(np.ones(1))
    assert device_of([1.0]) == device_of(2.0) == "numpy"


@pytest.mark.parametrize("device", ["gpu", "CPU", "tpu:0", "", "cuda:x", "cuda:-1"])
def test_no_such_device(device, torch):
    for call in (lambda: array([1.0], device=device), lambda: random_generator(0, device)):
        with pytest.raises(ValueError, match=rf"device must be 'numpy', 'cpu', 'cuda' or 'cuda:N'; got '{device}'"):
            call()


def test_no_gpu(torch):
    last = torch.cuda.device_count()
    device = f"cuda:{last}"
    for call in (lambda: array([1.0], device=device), lambda: random_generator(0, device)):
        with pytest.raises(
            ValueError, match=rf"'{device}' is not there: torch sees {last} CUDA devices.*'numpy' or 'cpu'"
        ):
            call()
    if not last:
        with pytest.raises(ValueError, match="device 'cuda' is not there: torch sees 0 CUDA devices"):
            array([1.0], device="cuda")


def test_no_torch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    for device in ("cpu", "cuda"):
        with pytest.raises(
            ValueError, match=f"device '{device}' needs torch, which is not installed; use device='numpy'"
        ):
            array([1.0], device=device)
    assert not is_torch(np.ones(1))
    np.testing.assert_array_equal(array([1.0]), [1.0])


def test_random_generators(torch):
    for device, draw in (
        ("numpy", lambda g: g.random(5)),
        ("cpu", lambda g: torch.rand(5, generator=g).numpy()),
    ):
        first, again, other = (draw(random_generator(seed, device)) for seed in (7, 7, 8))
        np.testing.assert_array_equal(first, again)
        assert (first != other).all()
    assert isinstance(random_generator(7), np.random.Generator)


@pytest.mark.gpu
def test_on_a_gpu():
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("torch sees no CUDA device")
    t = array([1.0, 2.0], "float32", "cuda")
    assert device_of(t) == "cuda:0"
    assert device_of(array(3.0, device="cuda:0")) == "cuda:0"
    np.testing.assert_array_equal(to_numpy(t), [1.0, 2.0])
    assert torch.rand(3, generator=random_generator(7, "cuda"), device="cuda").shape == (3,)
    with pytest.raises(TypeError, match="f: argument 1 is on device 'cuda:0', argument 2 on 'cpu'"):
        check_agreement("f", [t, t.cpu()])


# What goes together

F32, F64, INT, BOOL = np.ones(2, np.float32), np.ones(2), np.arange(2), np.array([True, False])


@pytest.mark.parametrize(
    "values",
    [
        [],
        [F64],
        [F64, F64, np.float64(1)],
        [F32, F32, np.float32(1)],
        [F32, 1.0, 2, True],
        [1.0, F32],
        [F64, INT, BOOL],
        [INT, BOOL, F64],
        [BOOL, F32],
        [F32, np.ones(2, np.int16), np.ones(2, np.uint8)],
        [INT, INT, BOOL],
    ],
)
def test_agreement(values):
    check_agreement("f", values)


@pytest.mark.parametrize(
    ("values", "names", "message"),
    [
        ([F32, F64], ("x", "y"), r"f: x is float32, y is float64; convert one of them"),
        ([F64, F32], (), r"f: argument 1 is float64, argument 2 is float32"),
        ([1.0, BOOL, F32, F64], ("a", "b", "c"), r"f: c is float32, argument 4 is float64"),
        ([F32, np.float64(1)], (), r"argument 1 is float32, argument 2 is float64"),
        ([F64, np.ones(2, complex)], (), r"argument 1 is float64, argument 2 is complex128"),
        (
            [F32, INT],
            ("x", "k"),
            r"f: x is float32, k is int64, of which numpy would make float64; .*astype\('float32'\)",
        ),
        ([INT, F32], (), r"argument 2 is float32, argument 1 is int64"),
        ([F32, INT, BOOL], (), r"argument 1 is float32, argument 2 is int64"),
        ([INT, BOOL, F32], (), r"argument 3 is float32, argument 1 is int64"),
    ],
)
def test_disagreement(values, names, message):
    with pytest.raises(TypeError, match=message):
        check_agreement("f", values, names)


def test_disagreement_of_libraries_and_torch_dtypes(torch):
    t = torch.ones(2)
    check_agreement("f", [t, torch.arange(2), torch.ones(2, dtype=torch.bool), 2.0])
    check_agreement("f", [torch.ones(2, dtype=torch.bfloat16)] * 2)
    for values, message in (
        (
            [t, F32],
            r"f: argument 1 is on device 'cpu', argument 2 on 'numpy'; move one of them with dlkit.arrays.array",
        ),
        ([INT, t], r"argument 1 is on device 'numpy', argument 2 on 'cpu'"),
        ([t, t.double()], r"argument 1 is float32, argument 2 is float64"),
        ([t.bfloat16(), t], r"argument 1 is bfloat16, argument 2 is float32"),
    ):
        with pytest.raises(TypeError, match=message):
            check_agreement("f", values)


# What is imported


@pytest.mark.parametrize("module", ["dlkit.arrays", "dlkit.autograd"])
def test_importing_and_using_numpy_loads_nothing_large(module):
    code = f"""
import sys
import {module}
from dlkit import arrays
arrays.array([1.0]), arrays.namespace(arrays.array([1.0])), arrays.is_torch(1.0), arrays.device_of(1.0)
if "{module}".endswith("autograd"):
    x = dlkit.autograd.Tensor([1.0, 2.0])
    dlkit.autograd.softmax(x @ x * x).sum().backward()
    repr(x)
large = ["torch", "sklearn", "matplotlib", "scipy", "IPython", "jupyter_core", "array_api_compat.torch"]
print([name for name in large if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_everything_public_is_there():
    assert all(hasattr(arrays, name) for name in arrays.__all__)
