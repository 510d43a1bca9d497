"""Sessions: what is fetched and fed, in which order, whose the arrays are, and what is said of mistakes."""

import collections
import threading

import numpy as np
import pytest

import dlkit.tf as tf


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as graph:
        yield graph


@pytest.fixture(params=["numpy", "cpu"])
def session(request):
    """Return a session on numpy or torch, for the graph as it is; on a GPU the operations' own tests run."""
    device = request.param
    if device != "numpy":
        pytest.importorskip("torch")
    return lambda **options: tf.Session(device=device, **options)


@pytest.fixture
def initialised(session):
    def start(**options):
        sess = session(**options)
        sess.run(tf.global_variables_initializer())
        return sess

    return start


# ---- fetches --------------------------------------------------------------------------------------------------------


def test_fetches_come_back_in_their_structure(session):
    a, b = tf.constant(1.0, name="a"), tf.constant([2, 3], name="b")
    step = tf.no_op("step")
    pair = collections.namedtuple("Pair", "left right")
    ordered = collections.OrderedDict([("z", a), ("y", b)])
    sess = session()
    assert sess.run(a) == 1.0
    assert sess.run([a]) == [1.0]
    assert sess.run((a, step)) == (1.0, None)
    assert sess.run([]) == []
    assert sess.run({}) == {}
    assert sess.run({"x": a, "y": [a, (step, a)]}) == {"x": 1.0, "y": [1.0, (None, 1.0)]}
    found = sess.run(pair(a, [a]))
    assert type(found) is pair
    assert found == pair(1.0, [1.0])
    assert list(sess.run(ordered)) == ["z", "y"]
    assert sess.run(step) is None
    assert sess.run("a:0") == sess.run(["a:0"])[0] == 1.0
    assert sess.run("step") is None
    assert sess.run({"k": "b:0"})["k"].tolist() == [2, 3]
    assert sess.run([a, a, a]) == [1.0, 1.0, 1.0]


def test_numbers_and_arrays_are_numpys(session):
    number, array, whole = session().run([tf.constant(1.5), tf.constant([1.5]), tf.constant([True, False])])
    assert type(number) is np.float32
    assert type(array) is np.ndarray
    assert array.dtype == np.float32
    assert whole.dtype == bool


@pytest.mark.parametrize("wrong", [None, 3, 1.5, [None], {"a": 3}, np.ones(2), [np.ones(2)], object()])
def test_what_cannot_be_fetched(wrong):
    for _ in range(2):
        with pytest.raises(TypeError, match=r"Fetch argument .* has invalid type"):
            tf.Session().run(wrong)


def test_names_that_are_not_there():
    tf.constant(1.0, name="loss")
    with pytest.raises(KeyError, match="no operation named 'los'; did you mean 'loss'"):
        tf.Session().run("los:0")
    with pytest.raises(KeyError, match="no operation named 'Los'"):
        tf.Session().run("Los")


# ---- feeds ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", [[1, 2], (1.0, 2.0), np.array([1, 2]), np.array([1.0, 2.0], "f4"), [np.float32(1), 2]]
)
def test_feeding_lists_and_arrays(value, session):
    x = tf.placeholder(tf.float32)
    found = session().run(x * 2, {x: value})
    assert found.tolist() == [2, 4]
    assert found.dtype == np.float32


@pytest.mark.parametrize("value", [3, 3.0, np.float64(3), np.array(3), True + 2, np.int8(3)])
def test_feeding_numbers(value, session):
    x = tf.placeholder(tf.float32)
    found = session().run(x * 2, {x: value})
    assert found == 6
    assert type(found) is np.float32


def test_feeding_torchs_tensors(session):
    torch = pytest.importorskip("torch")
    x = tf.placeholder(tf.float32, [None])
    assert session().run(x + 1, {x: torch.tensor([1.0, 2.0], dtype=torch.float64)}).tolist() == [2, 3]


def test_feeding_by_name_and_what_is_no_placeholder(initialised):
    x = tf.placeholder(tf.float32, name="x")
    v = tf.Variable(10.0)
    y = x * 2
    z = y + v
    sess = initialised()
    assert sess.run(z, {"x:0": 1.0}) == 12
    assert sess.run(z, {y: 5.0}) == 15  # x is not needed then
    assert sess.run(z, {y: 5.0, v: 1.0}) == 6
    assert sess.run(v) == 10
    assert sess.run([z, y], {z: 1.0, y: 2.0}) == [1, 2]
    c = tf.constant(4.0)
    assert sess.run(c + 1, {c: 1.0}) == 2
    assert sess.run(x, {x: 7.0}) == 7


def test_a_default_that_can_be_fed(session):
    x = tf.placeholder_with_default(tf.constant([1.0, 2.0]), [None])
    (g,) = tf.gradients(x * x, x.op.inputs[0])
    sess = session()
    assert sess.run(x).tolist() == [1, 2]
    assert sess.run(x, {x: [5.0]}).tolist() == [5]
    assert sess.run(g).tolist() == [2, 4]


@pytest.mark.parametrize(
    ("make", "value", "error", "words"),
    [
        (
            lambda: tf.placeholder(tf.float32, [None, 3]),
            [1, 2],
            ValueError,
            r"Cannot feed value of shape \(2,\) for Tensor 'P.*0', which has shape '\(\?, 3\)'",
        ),
        (
            lambda: tf.placeholder(tf.float32, []),
            [1],
            ValueError,
            r"shape \(1,\) for Tensor 'Placeholder:0', which has shape '\(\)'",
        ),
        (lambda: tf.placeholder(tf.float32), [[1, 2], [3]], ValueError, "rectangular"),
        (lambda: tf.placeholder(tf.float32), "text", TypeError, "must be numbers"),
        (lambda: tf.placeholder(tf.float32), None, TypeError, "must be numbers"),
        (lambda: tf.placeholder(tf.float32), np.ones(2, complex), TypeError, "must be numbers"),
        (lambda: tf.placeholder(tf.float32), tf.constant, TypeError, "must be numbers"),
        (
            lambda: tf.placeholder(tf.int32),
            1.5,
            TypeError,
            "the value for Placeholder:0 must be int32, which 1.5 is not",
        ),
        (lambda: tf.placeholder(tf.uint8), [1, 256], TypeError, "uint8, which 256 is not"),
        (lambda: tf.placeholder(tf.bool), [0, 2], TypeError, "bool, which 2 is not"),
    ],
)
def test_feeds_that_do_not_fit(make, value, error, words):
    x = make()
    with pytest.raises(error, match=words):
        tf.Session().run(tf.identity(x), {x: value})


def test_whole_numbers_are_fed_to_integers(session):
    i = tf.placeholder(tf.int32)
    assert session().run(i + 1, {i: [1.0, 2.0]}).dtype == np.int32
    assert session().run(i + 1, {i: np.array([1, 2], "i8")}).tolist() == [2, 3]


def test_what_cannot_be_a_key():
    x = tf.placeholder(tf.float32)
    with pytest.raises(TypeError, match="feed_dict must have tensors as keys; got 3"):
        tf.Session().run(x, {3: 1})
    with pytest.raises(TypeError, match="must be numbers, not a tensor of the graph"):
        tf.Session().run(x, {x: tf.constant(1.0)})
    with pytest.raises(TypeError, match="tensors as keys"):
        tf.Session().run(x, {tf.no_op(): 1.0, x: 1.0})
    with pytest.raises(KeyError, match="no operation named 'y'"):
        tf.Session().run(x, {"y:0": 1.0})


def test_a_placeholder_that_is_not_fed():
    x, y = tf.placeholder(tf.float32, [None, 784], name="images"), tf.placeholder(tf.int64)
    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match=r"feed a value for placeholder tensor 'images' with dtype float32 and shape \(\?, 784\)",
    ):
        tf.Session().run(x * 2)
    with pytest.raises(ValueError, match="'Placeholder' with dtype int64 and shape <unknown>"):
        tf.Session().run([x, y], {x: np.ones((1, 784))})
    assert tf.Session().run(x, {x: np.ones((1, 784))}).sum() == 784  # y is not needed


# ---- the order of reads and writes ----------------------------------------------------------------------------------


def test_variables_keep_their_values_until_they_are_told(initialised):
    v = tf.Variable([1.0, 2.0])
    add, sub, change = v.assign_add([1.0, 1.0]), v.assign_sub([0.5, 0.5]), v.assign([9.0, 9.0])
    sess = initialised()
    assert sess.run(v).tolist() == [1, 2]
    assert sess.run(add).tolist() == [2, 3]
    assert sess.run(sub).tolist() == [1.5, 2.5]
    assert sess.run(v).tolist() == [1.5, 2.5]
    assert sess.run(change).tolist() == [9, 9]
    assert sess.run(tf.assign_add(v, v)).tolist() == [18, 18]
    assert sess.run([v.initializer, v])[1].tolist() == [1, 2]
    assert sess.run(v.assign_add(tf.constant(3.0))).tolist() == [4, 5]


def test_a_fetched_variable_is_that_at_the_end(initialised):
    v = tf.Variable(1.0)
    add = v.assign_add(1.0)
    sess = initialised()
    assert sess.run([v, add, v * 10.0]) == [2, 2, 20]  # the product was made later than the sum


def test_what_was_computed_before_a_change_stays(initialised):
    v = tf.Variable([[1.0, 2.0]])
    looks = [
        tf.identity(v),
        v[0],
        tf.reshape(v, [2]),
        tf.transpose(v),
        tf.squeeze(v),
        v.value(),
        tf.stop_gradient(v),
        v * 1.0,
    ]
    again = tf.identity(tf.reshape(tf.transpose(v), [2]))
    add = v.assign_add([[10.0, 10.0]])
    sess = initialised()
    *before, more, after, last = sess.run([*looks, again, add, v])
    for found in (*before, more):
        assert found.ravel().tolist() == [1, 2]
    assert after.tolist() == last.tolist() == [[11, 12]]


def test_each_change_has_its_own_result(initialised):
    v = tf.Variable([0.0])
    first = v.assign_add([1.0])
    with tf.control_dependencies([first]):
        second = v.assign_add([1.0])
    doubled = first * 2
    sess = initialised()
    assert [x.tolist() for x in sess.run([first, second, v])] == [[1], [2], [2]]
    assert sess.run([second, doubled])[1].tolist() == [6]


def test_control_dependencies_are_an_order(initialised):
    v = tf.Variable(1.0)
    before = tf.identity(v)
    with tf.control_dependencies([before]):
        step = v.assign(v * 3)
    with tf.control_dependencies([step]):
        after = tf.identity(v)
    sess = initialised()
    assert sess.run([after, before]) == [3, 1]
    assert sess.run(after) == 9
    assert sess.run(before) == 9


def test_initialised_by_what_waits_for_it(session):
    v = tf.Variable(1.0)
    with tf.control_dependencies([v.initializer]):
        ready = v + 1.0
    assert session().run(ready) == 2
    assert session().run([v.initializer, v]) == [None, 1] or session().run([v.initializer.outputs[0], v]) == [1, 1]


def test_a_variable_that_begins_with_another(session):
    a = tf.Variable(tf.random_normal([3]))
    b = tf.Variable(a.initialized_value() * 2)
    c = tf.Variable(a + 1.0)
    sess = session()
    sess.run(tf.global_variables_initializer())
    x, y, z = sess.run([a, b, c])
    np.testing.assert_allclose(y, 2 * x)
    np.testing.assert_allclose(z, x + 1)


def test_a_variable_of_any_shape(initialised):
    v = tf.Variable([1.0], validate_shape=False)
    assert v.shape.ndims is None
    early = v + 0.0
    grow = tf.assign(v, tf.ones([3]))  # in an array of its own, so what was read before is no good
    with tf.control_dependencies([grow]):
        total = tf.reduce_sum(v)
    sess = initialised()
    assert sess.run(tf.reduce_sum(v)) == 1
    assert [x.tolist() for x in sess.run([early, grow, total])] == [[1], [1, 1, 1], 3]
    assert sess.run(v).tolist() == [1, 1, 1]


def test_assigned_its_own_transpose(initialised):
    start = np.arange(10000, dtype="f4").reshape(100, 100)
    v = tf.Variable(start)
    sess = initialised()
    np.testing.assert_array_equal(sess.run(v.assign(tf.transpose(v))), start.T)


def test_shapes_that_are_found_wrong_when_run(initialised):
    v = tf.Variable([1.0, 2.0])
    x = tf.placeholder(tf.float32)
    changes = [v.assign(x), v.assign_add(x), v.assign_sub(x)]
    sess = initialised()
    for change in changes:
        with pytest.raises(ValueError, match=r"'Assign\w*' \(Assign\w*\) could not be computed.*has the shape \(2,\)"):
            sess.run(change, {x: [1.0]})
        assert sess.run(v).tolist() == [1, 2]
    with pytest.raises(ValueError, match="has the shape"):
        v.load([1.0], sess)
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"'add' \(Add\) could not be computed from 'Placeholder:0' \(3,\)"
    ):
        sess.run(x + v, {x: [1, 2, 3]})


def test_load(initialised):
    v, i = tf.Variable([1.0, 2.0]), tf.Variable(1)
    sess = initialised()
    given = np.array([5.0, 6.0], "f4")
    v.load(given, sess)
    given[0] = 100
    with sess.as_default():
        v.load([7, 8])
        assert v.eval().tolist() == [7, 8]
        with pytest.raises(TypeError, match=r"1.5"):
            i.load(1.5)
        assert i.eval() == 1
        assert sess.run(v.assign_add([1.0, 1.0])).tolist() == [8, 9]


def test_whole_variables(initialised):
    i = tf.Variable(0, trainable=False)
    assert i.dtype is tf.int32
    assert tf.trainable_variables() == []
    sess = initialised()
    assert [sess.run(i.assign_add(1)) for _ in range(3)] == [1, 2, 3]


# ---- whose the arrays are -------------------------------------------------------------------------------------------


def test_what_is_fetched_is_the_callers_own(initialised):
    v = tf.Variable([1.0, 2.0])
    x = tf.placeholder(tf.float32)
    c = tf.constant([1.0, 2.0])
    add = v.assign_add([1.0, 1.0])
    nodes = [v, v.value(), v[:], tf.reshape(v, [2]), add, c, tf.identity(c), x, tf.identity(x)]
    sess = initialised()
    given = np.array([1.0, 2.0], "f4")
    found = sess.run(nodes, {x: given})
    kept = [np.array(f) for f in found]
    sess.run(add)
    for f, k in zip(found, kept, strict=True):
        np.testing.assert_array_equal(f, k)  # training on does not change it
        f[:] = -100  # and it may be changed
    assert sess.run(v).tolist() == [3, 4]
    assert sess.run(c).tolist() == given.tolist() == [1, 2]


def test_what_is_fed_is_left_alone(initialised):
    x = tf.placeholder(tf.float32, [2])
    v = tf.Variable([0.0, 0.0])
    sess = initialised()
    given = np.array([1.0, 2.0], "f4")
    sess.run(v.assign(x), {x: given})
    sess.run(v.assign_add([5.0, 5.0]))
    train = tf.train.GradientDescentOptimizer(1.0).apply_gradients([(x, v)])
    sess.run(train, {x: given})
    assert given.tolist() == [1, 2]
    assert sess.run(v).tolist() == [5, 5]


# ---- plans ----------------------------------------------------------------------------------------------------------


def test_plans_are_kept(monkeypatch):
    from dlkit.tf import session as module

    made = []
    right = module.Plan
    monkeypatch.setattr(module, "Plan", lambda *how: made.append(how) or right(*how))
    x, y = tf.placeholder(tf.float32), tf.placeholder(tf.float32)
    z = x + y
    sess = tf.Session()
    for k in range(5):
        assert sess.run(z, {x: k, y: 1}) == k + 1
    assert len(made) == 1
    assert sess.run(z, {y: 1, x: 5}) == 6
    assert sess.run([z], {x: 1, y: 1}) == [2]
    before = len(made)
    for _ in range(5):
        assert sess.run({"z": z, "w": "add:0"}, {x: 1, y: 1}) == {"z": 2, "w": 2}
    assert len(made) == before + 1
    w = z * 10
    assert sess.run(w, {x: 1, y: 1}) == 20  # the graph has grown
    assert sess.run(z, {z: 3}) == 3
    assert sess.run(z, {x: 2, y: 1}) == 3
    assert tf.Session().run(z, {x: 2, y: 1}) == 3


def test_only_what_is_needed_is_carried_out(initialised):
    v = tf.Variable(0.0)
    v.assign_add(1.0)
    x = tf.placeholder(tf.float32)
    tf.log(x)
    sess = initialised()
    assert sess.run(v + 1) == 1
    assert sess.run(v) == 0


# ---- sessions -------------------------------------------------------------------------------------------------------


def test_each_session_has_its_own_variables(session):
    v = tf.Variable(1.0)
    add, init = v.assign_add(1.0), tf.global_variables_initializer()
    a, b = session(), session()
    a.run(init)
    assert a.run(add) == 2
    with pytest.raises(tf.errors.FailedPreconditionError, match="Attempting to use uninitialized value Variable: run"):
        b.run(v)
    for node in (add, v * 2, tf.identity(v)):
        with pytest.raises(RuntimeError, match="uninitialized value Variable"):
            b.run(node)
    b.run(init)
    assert (a.run(v), b.run(v)) == (2, 1)
    new = tf.Variable(1.0, name="new")
    with pytest.raises(tf.errors.FailedPreconditionError, match="uninitialized value new"):
        a.run(new)


def test_an_optimizer_of_what_has_no_value():
    v = tf.Variable(1.0, name="weights")
    train = tf.train.GradientDescentOptimizer(0.1).minimize(v * v)
    with pytest.raises(tf.errors.FailedPreconditionError, match="uninitialized value weights"):
        tf.Session().run(train)


def test_the_default_session(session):
    a = tf.constant(1.0)
    v = tf.Variable(3.0)
    assert tf.get_default_session() is None
    for call in (a.eval, v.initializer.run, lambda: v.load(1.0)):
        with pytest.raises(ValueError, match="needs a session"):
            call()
    with session() as sess:
        assert tf.get_default_session() is sess
        v.initializer.run()
        assert a.eval() == 1
        assert v.eval() == 3
        assert (v * 2).eval({v: 5.0}) == 10
        other = tf.Session()
        with other.as_default():
            assert tf.get_default_session() is other
            with sess.as_default():
                assert tf.get_default_session() is sess
            assert tf.get_default_session() is other
        assert tf.get_default_session() is sess
        assert a.eval(session=other) == 1
    assert tf.get_default_session() is None


def test_a_session_brings_its_graph(graph):
    with tf.Graph().as_default() as other:
        a = tf.constant(5.0)
    with tf.Session(graph=other) as sess:
        assert tf.get_default_graph() is other
        assert a.eval() == 5
        assert sess.graph is other
    assert tf.get_default_graph() is graph


def test_a_session_that_is_closed():
    a, v = tf.constant(1.0), tf.Variable(1.0)
    with tf.Session() as sess:
        sess.run(v.initializer)
    for node in (a, v):
        with pytest.raises(RuntimeError, match="Attempted to use a closed Session"):
            sess.run(node)
    kept = tf.Session()
    with kept.as_default():
        pass
    assert kept.run(a) == 1
    with pytest.raises(RuntimeError, match="in the middle"), tf.Session():
        raise RuntimeError("in the middle")
    assert tf.get_default_session() is None


@pytest.mark.parametrize("device", ["numpy", "cpu"])
def test_interactive(device):
    if device != "numpy":
        pytest.importorskip("torch")
    sess = tf.InteractiveSession(device=device)
    try:
        v = tf.Variable([1.0, 2.0])
        tf.global_variables_initializer().run()
        assert v.eval().tolist() == [1, 2]
        assert tf.reduce_sum(v).eval() == 3
        with tf.Session() as inner:
            assert tf.get_default_session() is inner
        assert tf.get_default_session() is sess
    finally:
        sess.close()
    assert tf.get_default_session() is None
    sess.close()
    with pytest.raises(RuntimeError, match="closed"):
        sess.run(v)


def test_default_sessions_of_threads():
    found = []
    with tf.Session():
        thread = threading.Thread(target=lambda: found.append(tf.get_default_session()))
        thread.start()
        thread.join()
    assert found == [None]


def test_of_another_graph():
    a = tf.constant(1.0, name="a")
    sess = tf.Session()
    with tf.Graph().as_default():
        b = tf.placeholder(tf.float32, name="b")
        for node in (b, [a, b], {"b": b}, b.op):
            with pytest.raises(ValueError, match=r"b(:0)? is not an element of this session's graph"):
                sess.run(node)
        with pytest.raises(ValueError, match="feed_dict: b:0 is not an element of this session's graph"):
            sess.run(a, {b: 1.0})
        with pytest.raises(ValueError, match="reset_default_graph called"):
            tf.Session().run(a)


def test_devices_that_are_not_there():
    for wrong in ("tpu", "gpu:0", "/gpu:0", 3):
        with pytest.raises((ValueError, TypeError), match="device"):
            tf.Session(device=wrong)
    with pytest.raises(TypeError, match=r"Session\(graph=...\)"):
        tf.Session(tf.Graph())
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        return
    with pytest.raises((RuntimeError, ValueError), match=r"(?i)cuda"):
        tf.Session(device="cuda")
    with tf.device("/gpu:0"):
        x = tf.constant(1.0) + 1.0
    with pytest.raises((RuntimeError, ValueError), match=r"(?i)cuda"):
        tf.Session().run(x)


def test_devices_within_a_graph(initialised):
    with tf.device("/cpu:0"):
        v = tf.Variable([1.0, 2.0])
        y = v * 2
    z = tf.reduce_sum(y)
    sess = initialised()
    assert sess.run(z) == 6
    assert sess.run([y, v.assign_add([1.0, 1.0])])[0].tolist() == [2, 4]


@pytest.mark.gpu
def test_values_travel_between_devices():
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    x = tf.placeholder(tf.float32)
    with tf.device("/gpu:0"):
        v = tf.Variable([1.0, 2.0])
        y = v * x
    with tf.device("/cpu:0"):
        before = v + y
        add = v.assign_add([1.0, 1.0])
        with tf.control_dependencies([add]):
            after = v + y
    for device in ("numpy", "cpu", "cuda"):
        sess = tf.Session(device=device)
        sess.run(tf.global_variables_initializer())
        b, a = sess.run([before, after], {x: 2.0})
        assert b.tolist() == [3, 6]
        assert a.tolist() == [4, 7]


# ---- random numbers -------------------------------------------------------------------------------------------------


def draws(session, seed=None, own=None, n=2):
    with tf.Graph().as_default():
        if seed is not None:
            tf.set_random_seed(seed)
        nodes = [
            tf.random_normal([3], seed=own),
            tf.random_uniform([3], seed=own),
            tf.truncated_normal([3], seed=own),
            tf.random_uniform([3], 0, 1000, tf.int32, seed=own),
            tf.random_shuffle(tf.range(1000) if hasattr(tf, "range") else tf.constant(np.arange(1000)), seed=own)[:3],
            tf.nn.dropout(tf.ones([50]), 0.5, seed=own),
        ]
        with session() as sess:
            return [np.concatenate([np.ravel(x) for x in sess.run(nodes)]) for _ in range(n)]


def test_seeds(session):
    once = draws(session, 1)
    assert (once[0] != once[1]).any()  # each run draws anew
    np.testing.assert_array_equal(once, draws(session, 1))  # and each session begins anew
    assert (once[0] != draws(session, 2)[0]).any()
    np.testing.assert_array_equal(draws(session, 1, own=5), draws(session, 1, own=5))
    assert (draws(session, 1, own=5)[0] != draws(session, 2, own=5)[0]).any()
    assert (draws(session, 1, own=5)[0] != draws(session, 1, own=6)[0]).any()
    np.testing.assert_array_equal(draws(session, own=5), draws(session, own=5))
    assert (draws(session)[0] != draws(session)[0]).any()


def test_operations_differ_sessions_do_not(session):
    tf.set_random_seed(3)
    a, b = tf.random_normal([4]), tf.random_normal([4])
    same = [tf.random_normal([4], seed=1), tf.random_normal([4], seed=1)]
    first, second = session(), session()
    x, y, p, q = first.run([a, b, *same])
    assert (x != y).any()
    np.testing.assert_array_equal(p, q)
    np.testing.assert_array_equal(second.run(a), x)  # whatever else is fetched
    assert (first.run(a) != x).any()
    assert (second.run([a, a])[0] == second.run([a])[0]).sum() == 0


def test_one_draw_in_one_run(session):
    x = tf.random_normal([3])
    a, b = session().run([x, x + 0.0])
    np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("make", "mean", "std", "low", "high"),
    [
        (lambda n: tf.random_normal([n]), 0, 1, -5, 5),
        (lambda n: tf.random_normal([n], 2.0, 0.5), 2, 0.5, -0.5, 4.5),
        (lambda n: tf.random_normal([n], tf.constant(2.0), stddev=tf.constant(0.5)), 2, 0.5, -0.5, 4.5),
        (lambda n: tf.truncated_normal([n], 1.0, 2.0), 1, 2 * 0.8796, -3, 5),
        (lambda n: tf.random_uniform([n]), 0.5, 12**-0.5, 0, 1),
        (lambda n: tf.random_uniform([n], -1, 3), 1, 4 * 12**-0.5, -1, 3),
        (lambda n: tf.random_uniform([n], maxval=tf.constant(2.0)), 1, 2 * 12**-0.5, 0, 2),
        (lambda n: tf.random_normal([n], dtype=tf.float64), 0, 1, -5, 5),
        (lambda n: tf.cast(tf.random_uniform([n], 0, 10, tf.int32), tf.float32), 4.5, 8.25**0.5, 0, 9),
    ],
)
def test_distributions(make, mean, std, low, high, session):
    tf.set_random_seed(0)
    node = make(40000)
    found = session().run(node)
    assert found.dtype == node.dtype.numpy
    assert found.shape == (40000,)
    assert abs(found.mean() - mean) < 6 * std / 200  # six standard errors of 40,000 numbers
    assert abs(found.std() - std) < 0.03 * std
    assert low <= found.min() < low + 3 * std
    assert high - 3 * std < found.max() <= high
    assert (np.unique(found).size > 30000) == (node.op.type != "Cast")


@pytest.mark.parametrize(
    ("make", "variance", "uniform"),
    [
        (lambda: tf.glorot_uniform_initializer(), 2 / 300, True),
        (lambda: tf.glorot_normal_initializer(), 2 / 300, False),
        (lambda: tf.variance_scaling_initializer(), 1 / 100, False),
        (lambda: tf.variance_scaling_initializer(2.0, "fan_out", "uniform"), 2 / 200, True),
        (lambda: tf.variance_scaling_initializer(3.0, "fan_avg", "untruncated_normal"), 3 / 150, False),
        (lambda: tf.random_normal_initializer(0.0, 0.1), 0.01, False),
        (lambda: tf.truncated_normal_initializer(0.0, 0.1), (0.1 * 0.8796) ** 2, False),
        (lambda: tf.random_uniform_initializer(-0.3, 0.3), 0.03, True),
        (lambda: tf.constant_initializer(3.0), 0, None),
        (lambda: tf.zeros_initializer(), 0, None),
        (lambda: tf.ones_initializer(), 0, None),
    ],
)
def test_initialisers(make, variance, uniform):
    tf.set_random_seed(0)
    v = tf.get_variable("v", [100, 200], initializer=make())
    sess = tf.Session()
    sess.run(v.initializer)
    found = sess.run(v)
    assert found.shape == (100, 200)
    assert found.dtype == np.float32
    assert found.var() == pytest.approx(variance, rel=0.05, abs=1e-12)
    if uniform is not None:
        assert (np.abs(found).max() < 1.01 * (3 * variance) ** 0.5) == uniform


def test_a_shuffle_keeps_the_rows(session):
    x = tf.constant(np.arange(20).reshape(10, 2))
    found = session().run(tf.random_shuffle(x))
    np.testing.assert_array_equal(np.sort(found, 0), np.arange(20).reshape(10, 2))
    np.testing.assert_array_equal(found[:, 0] + 1, found[:, 1])


# ---- numbers that are not -------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_check_numerics(session):
    x = tf.placeholder(tf.float32, [2], name="x")
    inside = tf.log(x, name="logarithm")
    y = tf.reduce_sum(inside * 2.0)
    v = tf.Variable([1.0, 1.0], name="w")
    train = tf.train.GradientDescentOptimizer(1e30).minimize(tf.reduce_sum(v * v * x) * 1e30)
    loose, strict = session(), session(check_numerics=True)
    for sess in (loose, strict):
        sess.run(tf.global_variables_initializer())
        assert np.isclose(sess.run(y, {x: [1, np.e]}), 2)
    assert np.isnan(loose.run(y, {x: [-1, 1]}))
    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match=r"'logarithm' \(Log\), computed from 'x:0', holds nan, in an array of shape \(2,\)",
    ):
        strict.run(y, {x: [-1, 1]})
    with pytest.raises(ValueError, match=r"'logarithm'.*holds infinity"):
        strict.run(y, {x: [0, 1]})
    with pytest.raises(ValueError, match="the value fed for 'x' holds nan"):
        strict.run(x, {x: [np.nan, 1]})
    with pytest.raises(ValueError, match=r"has made 'w:0' infinity|'.*' .* holds infinity"):
        strict.run(train, {x: [1, 1]})
    z = tf.placeholder(tf.float32)
    with pytest.raises(tf.errors.InvalidArgumentError, match="could not be computed"):
        strict.run(x + z, {x: [1, 1], z: [1, 2, 3]})


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_step_that_makes_a_variable_infinite_is_named():
    v = tf.Variable([1.0], name="w")
    g = tf.constant([3e38])
    step = tf.train.GradientDescentOptimizer(10.0).apply_gradients([(g, v)])
    sess = tf.Session(check_numerics=True)
    sess.run(v.initializer)
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"'GradientDescent' \(ApplyGradientDescent\) has made 'w:0' infinity"
    ):
        sess.run(step)


# ---- optimizers, as far as they are the graph's ---------------------------------------------------------------------


def test_minimize_moves_what_it_is_told_to(initialised):
    a, b = tf.Variable(1.0, name="a"), tf.Variable(1.0, name="b")
    fixed = tf.Variable(5.0, trainable=False)
    step = tf.Variable(0, trainable=False)
    loss = a * a + b * b * fixed
    optimizer = tf.train.GradientDescentOptimizer(0.1)
    both, only = optimizer.minimize(loss, global_step=step), optimizer.minimize(loss, var_list=[a])
    sess = initialised()
    assert sess.run([loss, both])[0] == 6  # the loss is made first, and so is computed before the step
    np.testing.assert_allclose(sess.run([a, b, fixed, step]), [0.8, 0, 5, 1], atol=1e-6)
    sess.run(only)
    np.testing.assert_allclose(sess.run([a, b, fixed, step]), [0.64, 0, 5, 1], atol=1e-6)
    assert both.name == "GradientDescent/all" or both.type == "NoOp"


def test_gradients_may_be_changed_in_between(initialised):
    v = tf.Variable([3.0, -4.0])
    unused = tf.Variable(1.0)
    optimizer = tf.train.GradientDescentOptimizer(1.0)
    pairs = optimizer.compute_gradients(tf.reduce_sum(v * v))
    assert pairs[1] == (None, unused)
    clipped = [(tf.clip_by_value(g, -1.0, 1.0), v) for g, v in pairs if g is not None]
    train = optimizer.apply_gradients(clipped)
    sess = initialised()
    sess.run(train)
    assert sess.run(v).tolist() == [2, -3]


def test_initialised_again_an_optimizer_begins_again(initialised):
    v = tf.Variable(1.0)
    train = tf.train.MomentumOptimizer(0.1, 0.9).minimize(v * v)
    sess = initialised()
    ways = []
    for _ in range(2):
        sess.run(tf.global_variables_initializer())
        ways.append([(sess.run(train), sess.run(v))[1] for _ in range(5)])
    assert ways[0] == ways[1]


def test_a_rate_that_is_a_tensor(initialised):
    v = tf.Variable(1.0)
    rate = tf.placeholder(tf.float32)
    train = tf.train.GradientDescentOptimizer(rate).minimize(v * v / 2)
    sess = initialised()
    for r in (0.5, 0.25):
        sess.run(train, {rate: r})
    assert sess.run(v) == pytest.approx(0.375)
    with pytest.raises(tf.errors.InvalidArgumentError, match="must feed a value"):
        sess.run(train)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda o, v: o.minimize(tf.constant(1.0)), ValueError, "No gradients provided for any variable: Const:0"),
        (lambda o, v: o.minimize(tf.cast(v > 0, tf.float32)), ValueError, "No gradients provided"),
        (lambda o, v: o.minimize(tf.constant(1)), TypeError, "loss must be a tensor of floats"),
        (lambda o, v: o.minimize(3.0), TypeError, "loss must be a tensor of floats; got 3.0"),
        (lambda o, v: o.minimize(v * v, var_list=[]), ValueError, "No variables to optimize"),
        (lambda o, v: o.minimize(v * v, var_list=[v * 2]), TypeError, "var_list must hold variables"),
        (lambda o, v: o.apply_gradients([(None, v)]), ValueError, "No gradients provided"),
        (lambda o, v: tf.Session().run(o.apply_gradients([(tf.constant([1.0, 2.0]), v)])), ValueError, r"\(2,\)"),
        (lambda o, v: o.apply_gradients([(tf.constant(1.0, tf.float64), v)]), TypeError, "float64"),
    ],
)
def test_what_cannot_be_minimised(call, error, words):
    v = tf.Variable(1.0)
    with pytest.raises(error, match=words):
        call(tf.train.GradientDescentOptimizer(0.1), v)


def test_a_graph_without_variables():
    with pytest.raises(ValueError, match="No variables to optimize"):
        tf.train.GradientDescentOptimizer(0.1).minimize(tf.constant(1.0))
