"""Every function of tf and tf.nn: values, types, first and second derivatives, with shapes known and unknown."""

import numpy as np
import pytest
from tf_table import ROWS

import dlkit.tf as tf
from dlkit.autograd.check import numerical_gradient
from dlkit.tf import mathematics, shaping
from dlkit.tf.shapes import compatible

every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name.replace(" ", "-"))

pytestmark = pytest.mark.usefixtures("no_warnings")


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as graph:
        yield graph


@pytest.fixture(params=["numpy", "cpu"])
def session(request):
    if request.param != "numpy":
        pytest.importorskip("torch")
    return lambda: tf.Session(device=request.param)


def placeholders(points, known="known"):
    shapes = {"known": lambda x: x.shape, "rows": lambda x: (None,) * (x.ndim > 0) + x.shape[1:], "any": lambda x: None}
    return [tf.placeholder(x.dtype.name, shapes[known](x)) for x in points]


def close(got, expected, dtype, roundings=64):
    """To some roundings of the largest entry; see test_autograd_operations."""
    expected = np.asarray(expected)
    assert got.shape == expected.shape
    if expected.dtype.kind != "f":
        np.testing.assert_array_equal(got, expected)
        return
    size = max(1.0, np.abs(expected).max(initial=0))
    np.testing.assert_allclose(got, expected, rtol=0, atol=roundings * np.finfo(dtype).eps * size)


def weights(shape):
    return 0.5 + 0.25 * (np.arange(np.prod(shape, dtype=int)) % 4).reshape(shape)


def test_every_function_has_a_row():
    """Asked with a module that notes what is taken from it."""
    used = set()

    class Noting:
        def __init__(self, module, prefix):
            self.module, self.prefix = module, prefix

        def __getattr__(self, name):
            used.add(self.prefix + name)
            found = getattr(self.module, name)
            return Noting(found, "nn.") if name == "nn" else found

    for row in ROWS:
        row.call(Noting(tf, ""), *placeholders(row.points()))
    public = {name for module in (mathematics, shaping) for name in module.__all__ if name in tf.__all__}
    public |= {f"nn.{name}" for name in tf.nn.__all__}
    assert public - used == set()


# ---- values ---------------------------------------------------------------------------------------------------------


@every_row
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_are_numpys(row, dtype):
    points = row.points(dtype)
    xs = placeholders(points)
    z = row.call(tf, *xs)
    expected = np.asarray(row.numpys(*row.points("float64")))
    got = tf.Session().run(z, dict(zip(xs, points, strict=True)))
    close(got, expected, dtype)
    assert isinstance(got, np.ndarray | np.generic)
    assert isinstance(got, np.generic) == (got.shape == ())
    assert compatible(expected.shape, z._shape)
    assert "by tensors" in row.name or z.shape.is_fully_defined()  # known before
    assert got.dtype == z.dtype.numpy  # promised and kept
    if points and points[0].dtype.kind == "f" and row.smooth:
        assert got.dtype == dtype  # float32 stays float32
    elif expected.dtype.kind in "ib":
        assert got.dtype == expected.dtype


@pytest.mark.parametrize(
    ("row", "known"),
    [
        pytest.param(row, known, id=f"{row.name}-{known}".replace(" ", "-"))
        for row in ROWS
        for known in {"any": ("rows", "any"), "rows": ("rows",), "known": ()}[row.shapes]
    ],
)
def test_values_with_shapes_unknown(row, known):
    """What is said of the shape beforehand holds in the end; types and values are the same."""
    points = row.points()
    xs = placeholders(points, known)
    z = row.call(tf, *xs)
    wanted = [x for x in xs if x.dtype.is_floating] if row.smooth else []
    gradients = tf.gradients(z, wanted) if wanted else []
    exact = placeholders(points)
    with tf.Session() as sess:
        fed = {**dict(zip(xs, points, strict=True)), **dict(zip(exact, points, strict=True))}
        got, parts = sess.run((z, gradients), fed)
        expected = sess.run(row.call(tf, *exact), fed)
    np.testing.assert_array_equal(got, expected)
    assert got.dtype == z.dtype.numpy
    assert compatible(got.shape, z._shape)
    for x, g, part in zip(wanted, gradients, parts, strict=True):
        assert g.shape == x.shape
        assert compatible(part.shape, g._shape)


@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if row.shapes != "known" and all(x.ndim for x in row.points())],
    ids=lambda row: row.name.replace(" ", "-"),
)
def test_feeding_twice_as_many_rows_agrees_with_the_shape_told(row):
    """The lengths that shapes are tried with are no one's business: another number of rows fits, too."""
    points = row.points()
    xs = placeholders(points, "rows")
    z = row.call(tf, *xs)
    fed = {x: np.concatenate([p, p]) for x, p in zip(xs, points, strict=True)}
    try:
        got = tf.Session().run(z, fed)
    except tf.errors.InvalidArgumentError:
        return  # rows that must be as many as something else
    assert compatible(got.shape, z._shape)


# ---- derivatives ----------------------------------------------------------------------------------------------------


def weighted(row, xs):
    z = row.call(tf, *xs)
    return tf.reduce_sum(z * weights(np.shape(row.numpys(*row.points()))))


def first_and_second(row, dtype):
    """Placeholders, a scalar, its gradients, and a scalar of these with its gradients where there are such."""
    points = row.points(dtype)
    xs = placeholders(points)
    floats = [x for x in xs if x.dtype.is_floating]
    scalar = weighted(row, xs)
    first = tf.gradients(scalar, floats)
    assert None not in first
    if row.smooth < 2:
        return dict(zip(xs, points, strict=True)), floats, scalar, first, None, []
    again = tf.add_n([tf.reduce_sum(g * weights(tuple(g.shape.as_list()))) for g in first])
    return dict(zip(xs, points, strict=True)), floats, scalar, first, again, tf.gradients(again, floats)


def agrees_with_differences(scalar, gradients, fed, loose=1.0):
    """A gradient of None stands for one that is 0."""
    sess = tf.Session()
    for x, g in gradients.items():
        expected = numerical_gradient(lambda moved, x=x: sess.run(scalar, {**fed, x: moved}), fed[x])
        got = np.zeros_like(fed[x]) if g is None else sess.run(g, fed)
        assert got.shape == fed[x].shape
        assert got.dtype == fed[x].dtype
        size = max(1.0, np.abs(expected).max(initial=0))
        np.testing.assert_allclose(got, expected, rtol=0, atol=loose * 1e-8 * size)


has_derivatives = pytest.mark.parametrize(
    "row", [row for row in ROWS if row.smooth], ids=lambda row: row.name.replace(" ", "-")
)


@has_derivatives
def test_derivatives_are_those_of_differences(row):
    fed, floats, scalar, first, again, second = first_and_second(row, "float64")
    assert [g.shape for g in first] == [x.shape for x in floats]
    agrees_with_differences(scalar, dict(zip(floats, first, strict=True)), fed)
    if row.smooth > 1:
        assert any(g is not None for g in second)
        agrees_with_differences(again, dict(zip(floats, second, strict=True)), fed, loose=10)


@has_derivatives
def test_derivatives_stay_float32(row):
    found = []
    for dtype in ("float32", "float64"):
        fed, _, scalar, first, _, second = first_and_second(row, dtype)
        found.append(tf.Session().run([scalar, *first, *(g for g in second if g is not None)], fed))
    for g, e in zip(*found, strict=True):
        assert g.dtype == np.float32
        close(g, e, "float32", roundings=256)


def agrees_with_numpy(row, dtype, device):
    points = row.points(dtype)
    xs = placeholders(points)
    fed, nodes = dict(zip(xs, points, strict=True)), [row.call(tf, *xs)]
    if row.smooth:
        more, _, scalar, first, _, second = first_and_second(row, dtype)
        fed |= more
        nodes += [scalar, *first, *(g for g in second if g is not None)]
    expected = tf.Session().run(nodes, fed)
    for g, e in zip(tf.Session(device=device).run(nodes, fed), expected, strict=True):
        assert type(g) is type(e)
        assert g.dtype == e.dtype
        close(g, e, dtype, roundings=256)


@every_row
def test_on_torch_as_on_numpy(row):
    pytest.importorskip("torch")
    agrees_with_numpy(row, "float32", "cpu")
    agrees_with_numpy(row, "float64", "cpu")


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_on_a_gpu_as_on_numpy(dtype):
    """Rows are no parameters here, not to be skipped by the hundred."""
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    failed = []
    for row in ROWS:
        try:
            agrees_with_numpy(row, dtype, "cuda")
        except Exception as error:
            failed.append(f"{row.name}: {type(error).__name__}: {error}")
    assert not failed, "\n".join(failed)


def test_third_and_fourth_derivatives(session):
    x = tf.placeholder(tf.float64, [3])
    y = tf.exp(2 * x) + x**5 + tf.nn.sigmoid(x)
    for k in range(4):
        y = tf.gradients(y, x)[0]
        s = 1 / (1 + np.exp(-np.array([0.5, -1, 0])))
        p = [
            s * (1 - s),
            s * (1 - s) * (1 - 2 * s),
            s * (1 - s) * (1 - 6 * s + 6 * s**2),
            s * (1 - s) * (1 - 2 * s) * (1 - 12 * s + 12 * s**2),
        ]
        at = np.array([0.5, -1, 0])
        power = np.prod([5 - i for i in range(k + 1)]) * at ** (4 - k)
        np.testing.assert_allclose(session().run(y, {x: at}), 2 ** (k + 1) * np.exp(2 * at) + power + p[k], rtol=1e-10)


# ---- gradients as such ----------------------------------------------------------------------------------------------


def test_what_does_not_depend_has_no_gradient():
    x, y = tf.placeholder(tf.float32, [2]), tf.placeholder(tf.float32, [2])
    i = tf.placeholder(tf.int32, [2])
    assert tf.gradients(x * 2, [y])[0] is None
    for flat in (tf.stop_gradient(x), tf.floor(x), tf.cast(tf.argmax(x), tf.float32), tf.cast(x > 0, tf.float32)):
        assert tf.gradients(flat, x) == [None]
    assert tf.gradients(tf.cast(i, tf.float32), i) == [None]
    assert tf.gradients(tf.one_hot(i, 3), i) == [None]
    assert tf.gradients(tf.cast(tf.cast(x, tf.int32), tf.float32), x) == [None]


def test_stop_gradient_stops_one_path_only():
    x = tf.placeholder(tf.float64, [2])
    sess = tf.Session()
    assert sess.run(tf.gradients(tf.stop_gradient(x) * x, x)[0], {x: [3, 4]}).tolist() == [3, 4]
    y = x * x
    z = y * x
    assert sess.run(tf.gradients(z, x, stop_gradients=[y])[0], {x: [3, 4]}).tolist() == [9, 16]
    by_x, by_y = sess.run(tf.gradients(z, [x, y], stop_gradients=y), {x: [3, 4]})
    assert (by_x.tolist(), by_y.tolist()) == ([9, 16], [3, 4])


def test_several_ys_and_their_gradients():
    x = tf.placeholder(tf.float64, [2])
    sess = tf.Session()
    (g,) = tf.gradients([x * x, 3 * x, x], x)
    assert sess.run(g, {x: [1, 2]}).tolist() == [6, 8]
    (g,) = tf.gradients([x * x, 3 * x], x, grad_ys=[np.array([1.0, 10.0]), None])
    assert sess.run(g, {x: [1, 2]}).tolist() == [5, 43]
    (g,) = tf.gradients(x * x, x, grad_ys=x)
    assert sess.run(g, {x: [1, 2]}).tolist() == [2, 8]
    with pytest.raises(ValueError, match="grad_ys must hold 1"):
        tf.gradients(x, x, grad_ys=[x, x])


def test_by_itself_and_by_what_lies_between():
    x = tf.placeholder(tf.float64)
    y = x * x
    z = y * y * x
    assert tf.Session().run(tf.gradients(z, [z, y, x]), {x: 2.0}) == [1.0, 16.0, 80.0]


def test_a_gradient_costs_what_it_costs():
    """Of a chain of 200 doublings each link is passed once, and a fetch computes what it needs only."""
    x = tf.placeholder(tf.float64)
    y = x
    for _ in range(200):
        y = y + y
    before = len(tf.get_default_graph().operations)
    (g,) = tf.gradients(y, x)
    assert len(tf.get_default_graph().operations) - before < 4 * 200
    assert tf.Session().run(g, {x: 1}) == 2.0**200


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x, i: tf.gradients(i, i), TypeError, "ys must be tensors of floats"),
        (lambda x, i: tf.gradients(3.0, x), TypeError, "ys must be a tensor of a graph"),
        (lambda x, i: tf.gradients(x, "x"), TypeError, "xs must be a tensor"),
        (lambda x, i: tf.gradients(x, []), ValueError, "at least one"),
    ],
)
def test_gradients_of_what_has_none(call, error, words):
    with pytest.raises(error, match=words):
        call(tf.placeholder(tf.float32, [2]), tf.placeholder(tf.int32, [2]))


# ---- at the kinks, as TensorFlow has it -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "at", "slopes"),
    [
        (lambda x: tf.abs(x), [0.0], [0]),
        (lambda x: tf.nn.relu(x), [0.0], [0]),
        (lambda x: tf.nn.relu6(x), [-1, 0, 1, 6, 7], [0, 0, 1, 0, 0]),
        (lambda x: tf.clip_by_value(x, 0.0, 1.0), [-1, 0, 0.5, 1, 2], [0, 1, 1, 1, 0]),
        (lambda x: tf.nn.leaky_relu(x), [0.0], [0.2]),
        (lambda x: tf.nn.elu(x), [0.0], [1]),
        (lambda x: tf.reduce_max(x), [1.0, 1.0, 0.0], [0.5, 0.5, 0]),
        (lambda x: tf.maximum(x, 2.0), [2.0], [0.5]),  # dlkit.autograd's half; TensorFlow's x gets all
        (lambda x: tf.minimum(x, 2.0), [2.0], [0.5]),
        (lambda x: x**2, [0.0], [0]),
        (lambda x: x**1.0, [0.0], [1]),
        (lambda x: tf.reduce_prod(x), [0.0, 3.0, 0.0], [0, 0, 0]),
        (lambda x: tf.reduce_prod(x), [0.0, 3.0, 2.0], [6, 0, 0]),
    ],
)
def test_at_a_kink(call, at, slopes, session):
    x = tf.placeholder(tf.float32, [len(at)])
    np.testing.assert_allclose(session().run(tf.gradients(call(x), x)[0], {x: at}), slopes, rtol=1e-6)


# ---- extremes: where a formula written carelessly overflows ---------------------------------------------------------


@pytest.mark.parametrize("big", [100.0, 1000.0])
def test_large_logits(session, big):
    x = tf.placeholder(tf.float32, [1, 2])
    labels = tf.constant([[0.0, 1.0]])
    dense = tf.nn.softmax_cross_entropy_with_logits_v2(labels=labels, logits=x)
    sparse = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[1], logits=x)
    logistic = tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=x)
    losses = [dense, sparse, logistic]
    for found, expected in zip(
        session().run([losses, [tf.gradients(y, x)[0] for y in losses]], {x: [[big, -big]]}),
        [[[2 * big], [2 * big], [[big, big]]], [[[1, -1]], [[1, -1]], [[1, -1]]]],
        strict=True,
    ):
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b)


# ---- dropout, constants ---------------------------------------------------------------------------------------------


def test_dropout_keeps_the_mean_and_drops_its_share(session):
    x = tf.placeholder(tf.float32, [None, 100])
    keep = tf.placeholder(tf.float32)
    dropped = tf.nn.dropout(x, keep)
    assert dropped.shape.as_list() == [None, 100]
    (g,) = tf.gradients(dropped, x)
    with session() as sess:
        got, slope = sess.run([dropped, g], {x: np.ones((300, 100)), keep: 0.8})
        assert set(np.unique(got)) == {np.float32(0), np.float32(1.25)}
        assert abs((got == 0).mean() - 0.2) < 0.02  # 30,000 entries: six standard deviations are 0.014
        np.testing.assert_array_equal(slope, got)
        assert got.dtype == np.float32
        again = sess.run(dropped, {x: np.ones((300, 100)), keep: 0.8})
        assert (again != got).any()
        np.testing.assert_array_equal(sess.run(dropped, {x: np.full((2, 100), 3), keep: 1}), np.full((2, 100), 3))


def test_dropout_by_rate_noise_shape_and_seed(session):
    x = tf.ones([50, 20])
    rows = tf.nn.dropout(x, 0.5, noise_shape=[50, 1], seed=3)
    assert rows.shape.as_list() == [50, 20]
    same = tf.nn.dropout(x, rate=0.5, noise_shape=[50, 1], seed=3)
    with session() as sess:
        a, b = sess.run([rows, same])
    np.testing.assert_array_equal(a, b)
    assert set(map(tuple, a)) == {(0.0,) * 20, (2.0,) * 20}


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x: tf.nn.dropout(x), ValueError, "keep_prob must be given"),
        (lambda x: tf.nn.dropout(x, 0.0), ValueError, r"keep_prob must be in \(0, 1\]; got 0"),
        (lambda x: tf.nn.dropout(x, 1.5), ValueError, "got 1.5"),
        (lambda x: tf.nn.softmax_cross_entropy_with_logits(x, x), ValueError, "named arguments"),
        (lambda x: tf.nn.softmax_cross_entropy_with_logits(labels=x), ValueError, "named arguments"),
        (
            lambda x: tf.nn.softmax_cross_entropy_with_logits(labels=[1, 2], logits=x),
            ValueError,
            "for class numbers there is sparse",
        ),
        (lambda x: tf.nn.softmax_cross_entropy_with_logits(labels=[[1.0]], logits=x), ValueError, "the same shape"),
        (lambda x: tf.nn.softmax_cross_entropy_with_logits_v2(labels=x, logits=x, axis=0), ValueError, "last axis"),
        (lambda x: tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[[1], [0]], logits=x), ValueError, "one-hot"),
        (lambda x: tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[1.0], logits=x), TypeError, "integers"),
        (lambda x: tf.nn.bias_add(x, [[1.0]]), ValueError, "bias must be a vector"),
        (lambda x: tf.matmul(x, [1.0, 2.0, 3.0]), ValueError, "multiplies matrices"),
        (lambda x: tf.matmul(x, tf.ones([4, 2])), ValueError, r"do not fit together, Placeholder:0 of shape \(\?, 3\)"),
        (lambda x: tf.add(x, [1.0, 2.0]), ValueError, "the shapes do not fit together"),
        (lambda x: tf.concat(0, [x, x]), TypeError, "then the axis"),
        (lambda x: tf.concat([], 0), TypeError, "at least one tensor"),
        (lambda x: tf.where(x > 0), TypeError, "a condition and two tensors"),
        (lambda x: tf.tensordot(x, x, axes=2), ValueError, "axes must be 1"),
        (lambda x: tf.split(x, 2), ValueError, "cannot be cut into 2 equal parts"),
        (lambda x: tf.split(x, 2, axis=1), ValueError, "cannot be cut into 2 equal parts"),
        (lambda x: tf.unstack(x), ValueError, "num must be given"),
        (lambda x: tf.squeeze(tf.placeholder(tf.float32)), ValueError, "axis must be given"),
        (lambda x: tf.squeeze(x, 1), ValueError, "not of length 1"),
        (lambda x: tf.squeeze(tf.ones([2, 3]), 1), ValueError, "do not fit"),
        (lambda x: tf.reshape(x, [-1, -1]), ValueError, "one -1"),
        (lambda x: tf.reshape(x, [4]), ValueError, "cannot be brought into"),
        (lambda x: tf.reshape(tf.ones([2, 3]), [4]), ValueError, "do not fit"),
        (lambda x: tf.zeros([None, 3]), ValueError, r"must not hold None here; got \[None, 3\]"),
        (lambda x: x[:, 3], ValueError, "index 3 is out of bounds"),
        (lambda x: x[0, 0, 0], ValueError, "fewer axes"),
        (lambda x: x["a"], TypeError, "integers, slices"),
        (lambda x: x[[0, 1]], TypeError, "use tf.gather"),
        (lambda x: tf.reduce_sum(x, 2), ValueError, "out of bounds"),
        (lambda x: tf.constant(x), TypeError, "not a tensor"),
        (lambda x: tf.constant("text"), TypeError, "holds numbers"),
        (lambda x: tf.constant([[1], [1, 2]]), ValueError, "rectangular"),
        (lambda x: tf.constant(1.5, tf.int32), TypeError, "1.5"),
        (lambda x: tf.constant([1, 2, 3], shape=[2]), ValueError, "3 entries"),
        (lambda x: tf.random_uniform([2], dtype=tf.int32), ValueError, "maxval must be given"),
        (lambda x: x * tf.constant([1, 2, 3]), TypeError, "convert one of them with tf.cast"),
        (lambda x: x * tf.constant(np.ones(3)), TypeError, "x|Placeholder:0 is float32, Const:0 is float64"),
        (lambda x: tf.constant([1, 2]) * 1.5, TypeError, "convert one of them"),
        (lambda x: tf.constant([1, 2]) ** 0.5, TypeError, "convert one of them"),
        (lambda x: tf.equal(tf.argmax(x, 1), tf.constant([1])), TypeError, "int64.*int32"),
        (lambda x: bool(x > 0), TypeError, "tf.where chooses"),
        (lambda x: len(x), TypeError, r"tf.shape\(x\)\[0\]"),
        (lambda x: list(x), TypeError, "known number of rows"),
        (lambda x: np.sin(x), TypeError, "ufunc"),
        (lambda x: np.mean(x), TypeError, "has no value yet"),
        (lambda x: float(x), TypeError, "float"),
    ],
)
def test_bad_arguments(call, error, words):
    with pytest.raises(error, match=words):
        call(tf.placeholder(tf.float32, [None, 3]))


def test_constants():
    sess = tf.Session()
    assert tf.constant(3).dtype is tf.int32
    assert tf.constant(3.0).dtype is tf.constant([1, 2.5]).dtype is tf.float32
    assert tf.constant(True).dtype is tf.constant(True, shape=[2]).dtype is tf.bool
    assert tf.constant(np.ones(2)).dtype is tf.float64
    assert tf.constant(np.float64(2)).dtype is tf.constant(np.ones(2), shape=[4]).dtype is tf.float64
    assert tf.constant(2, tf.float64).dtype is tf.float64
    assert tf.constant(2, "float").dtype is tf.float32
    assert sess.run(tf.constant(2, shape=[2, 2])).tolist() == [[2, 2], [2, 2]]
    assert sess.run(tf.constant([1, 2, 3, 4], shape=[2, 2])).tolist() == [[1, 2], [3, 4]]
    assert sess.run(tf.constant([1, 2], shape=[4])).tolist() == [1, 2, 2, 2]
    assert sess.run(tf.constant(2.5, shape=[2])).dtype == np.float32
    assert sess.run(tf.constant([], shape=[0, 3])).shape == (0, 3)
    assert sess.run([tf.constant(1.5), tf.constant([[1]])]) == [1.5, [[1]]]


def test_a_constant_is_a_copy():
    given = np.zeros(2)
    node, sess = tf.constant(given), tf.Session()
    given[0] = 5
    found = sess.run(node)
    found[1] = 7
    assert sess.run(node).tolist() == [0, 0]


def test_numbers_take_the_tensors_type():
    half, double = tf.constant(1.0), tf.constant(1.0, tf.float64)
    for x in (half, double):
        for y in (x + 1, 1 - x, x * 2.5, x / np.float64(3), x + np.ones(2), np.arange(3) * x, x**2, tf.maximum(0, x)):
            assert y.dtype is x.dtype
    i = tf.constant([1, 2])
    assert (i + 1).dtype is (2 * i).dtype is (i + np.array([1, 2])).dtype is tf.int32
    assert (i / 2).dtype is tf.float64
    for reduced in (tf.reduce_sum(i), tf.reduce_max(i), tf.reduce_prod(i), tf.reduce_mean(i)):
        assert reduced.dtype is tf.int32
