"""Names, printing, static shapes and dtypes, scopes and dependencies: what a graph says before it is run."""

import threading

import numpy as np
import pytest

import dlkit.tf as tf
from dlkit.tf.shapes import infer


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as graph:
        yield graph


def made(call):
    """The names of the operations that a call adds."""
    graph = tf.get_default_graph()
    before = len(graph.operations)
    call()
    return [op.name for op in graph.operations[before:]]


# ---- names ----------------------------------------------------------------------------------------------------------


def test_names_are_tensorflows():
    a, b = tf.constant(3.0), tf.constant(4.0)
    rows = tf.constant([[1.0, 2.0]])
    assert [a.name, b.name, rows.name] == ["Const:0", "Const_1:0", "Const_2:0"]
    for call, name in (
        (lambda: tf.add(a, b), "Add"),
        (lambda: a + b, "add_1"),  # names that differ in case only are taken as one, as in TensorFlow
        (lambda: a * b, "mul"),
        (lambda: a * b, "mul_1"),
        (lambda: a - b, "sub"),
        (lambda: a / b, "truediv"),
        (lambda: -a, "Neg"),
        (lambda: abs(a), "Abs"),
        (lambda: tf.matmul(rows, rows, transpose_b=True), "MatMul"),
        (lambda: tf.square(a), "Square"),
        (lambda: tf.exp(a), "Exp"),
        (lambda: tf.log(a), "Log"),
        (lambda: tf.sqrt(a), "Sqrt"),
        (lambda: tf.pow(a, 2), "Pow"),
        (lambda: a**2, "pow_1"),
        (lambda: tf.maximum(a, b), "Maximum"),
        (lambda: tf.reduce_sum(rows), "Sum"),
        (lambda: tf.reduce_mean(rows), "Mean"),
        (lambda: tf.reduce_max(rows), "Max"),
        (lambda: tf.argmax(rows, 1), "ArgMax"),
        (lambda: tf.equal(a, b), "Equal"),
        (lambda: a < b, "Less"),
        (lambda: tf.cast(a, tf.int32), "Cast"),
        (lambda: tf.reshape(rows, [2]), "Reshape"),
        (lambda: tf.transpose(rows), "transpose_1"),
        (lambda: tf.concat([rows, rows], 0), "concat"),
        (lambda: tf.stack([a, b]), "stack"),
        (lambda: tf.one_hot([1], 3), "one_hot"),
        (lambda: tf.zeros([2]), "zeros"),
        (lambda: tf.ones([2]), "ones"),
        (lambda: rows[0], "strided_slice"),
        (lambda: tf.shape(rows), "Shape"),
        (lambda: tf.identity(a), "Identity"),
        (lambda: tf.stop_gradient(a), "StopGradient"),
        (lambda: tf.expand_dims(a, 0), "ExpandDims"),
        (lambda: tf.nn.relu(a), "Relu"),
        (lambda: tf.nn.softmax(rows), "Softmax"),
        (lambda: tf.nn.sigmoid(a), "Sigmoid"),
        (lambda: tf.placeholder(tf.float32), "Placeholder"),
        (lambda: tf.no_op(), "NoOp"),
        (lambda: tf.group(a), "group_deps"),
        (lambda: tf.global_variables_initializer(), "init"),
        (lambda: tf.global_variables_initializer(), "init_1"),
    ):
        assert made(call)[-1] == name


def test_names_of_variables():
    assert made(lambda: tf.Variable([1.0])) == ["Variable", "Variable/initial_value", "Variable/Assign"]
    assert made(lambda: tf.Variable([1.0]))[0] == "Variable_1"
    w = tf.Variable(1.0, name="w")
    assert (w.name, w.op.name, w.op.type) == ("w:0", "w", "VariableV2")
    with tf.name_scope("layer"):
        assert tf.Variable(1.0, name="w").name == "layer/w:0"
    assert [v.name for v in tf.global_variables()] == ["Variable:0", "Variable_1:0", "w:0", "layer/w:0"]


def test_names_given_are_kept_and_made_unique():
    a = tf.constant(1.0, name="a")
    assert tf.add(a, a, name="sum").name == "sum:0"
    assert tf.add(a, a, name="sum").name == "sum_1:0"
    assert tf.add(a, a, name="Sum").name == "Sum_2:0"
    assert tf.constant(1.0, name="sum_1").name == "sum_1_1:0"
    assert tf.constant(1.0, name="sum").name == "sum_3:0"
    assert [tf.constant(1.0, name=name).name for name in ("b_1", "b", "b")] == ["b_1:0", "b:0", "b_2:0"]
    assert made(lambda: a * 2.0) == ["mul/y", "mul"]
    with pytest.raises(ValueError, match="name must consist of"):
        tf.constant(1.0, name="two words")


def test_scopes():
    with tf.name_scope("l") as scope:
        assert scope == "l/"
        assert tf.constant(1.0).name == "l/Const:0"
        with tf.name_scope("inner"):
            assert tf.constant(1.0).name == "l/inner/Const:0"
        with tf.name_scope(None):
            assert tf.constant(1.0).name == "Const:0"
    with tf.name_scope("l"):
        assert tf.constant(1.0).name == "l_1/Const:0"
    with tf.name_scope(scope):
        assert tf.constant(1.0).name == "l/Const_1:0"
    with tf.name_scope(None, "default"):
        assert tf.constant(1.0).name == "default/Const:0"
    with pytest.raises(RuntimeError, match="in the middle"), tf.name_scope("broken"):
        raise RuntimeError("in the middle")
    assert tf.constant(1.0).name == "Const_1:0"


def test_found_by_name(graph):
    a = tf.constant(1.0, name="a")
    assert graph.get_tensor_by_name("a:0") is a
    assert graph.get_operation_by_name("a") is a.op
    assert graph.get_operations() == [a.op]
    assert a.op.outputs == [a]
    with pytest.raises(KeyError, match="no operation named 'aa'; did you mean 'a'"):
        graph.get_operation_by_name("aa")
    for wrong in ("a", "a:1"):
        with pytest.raises((ValueError, KeyError)):
            graph.get_tensor_by_name(wrong)
    with pytest.raises(ValueError, match="that of a tensor"):
        graph.get_tensor_by_name(tf.no_op("n").name + ":0")


# ---- printing -------------------------------------------------------------------------------------------------------


def test_printing():
    a, b = tf.constant(3.0), tf.constant(4.0)
    node = tf.add(a, b)
    assert repr(node) == "<tf.Tensor 'Add:0' shape=() dtype=float32>"
    assert str(node) == 'Tensor("Add:0", shape=(), dtype=float32)'
    v = tf.Variable([0.3])
    assert repr(v) == str(v) == "<tf.Variable 'Variable:0' shape=(1,) dtype=float32_ref>"
    assert repr(tf.global_variables_initializer()) == "<tf.Operation 'init' type=NoOp>"
    x = tf.placeholder("float", [None, 784])
    assert repr(x) == "<tf.Tensor 'Placeholder:0' shape=(?, 784) dtype=float32>"
    assert str(x) == 'Tensor("Placeholder:0", shape=(?, 784), dtype=float32)'
    u = tf.placeholder(tf.int32)
    assert repr(u) == "<tf.Tensor 'Placeholder_1:0' shape=<unknown> dtype=int32>"
    assert str(u) == 'Tensor("Placeholder_1:0", dtype=int32)'
    assert repr(node.op) == "<tf.Operation 'Add' type=Add>"
    assert repr(tf.float32) == "tf.float32"
    assert repr(tf.argmax([1.0, 2.0]).op) == "<tf.Operation 'ArgMax' type=ArgMax>"
    assert f"{x.shape}" == "(?, 784)"
    assert repr(x.shape) == "TensorShape([Dimension(None), Dimension(784)])"
    assert repr(u.shape) == "TensorShape(None)"


# ---- static shapes --------------------------------------------------------------------------------------------------


def shape_of(*lengths):
    return tf.placeholder(tf.float32, lengths)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: shape_of(None, 3) + shape_of(3), [None, 3]),
        (lambda: shape_of(None, 3) + shape_of(None, 3), [None, 3]),
        (lambda: shape_of(None, 1) + shape_of(3), [None, 3]),
        (lambda: shape_of(None) + shape_of(100), [100]),
        (lambda: shape_of(None) + shape_of(12), [12]),
        (lambda: shape_of(24) + shape_of(None), [24]),
        (lambda: shape_of(1) + shape_of(None), [None]),
        (lambda: shape_of(None, None) + shape_of(5, 7), [5, 7]),
        (lambda: tf.placeholder(tf.float32) + shape_of(3), None),
        (lambda: tf.placeholder(tf.float32) + 1.0, None),
        (lambda: tf.nn.relu(tf.placeholder(tf.float32)), None),
        (lambda: tf.reduce_sum(tf.placeholder(tf.float32)), []),
        (lambda: tf.reduce_sum(shape_of(None, 3)), []),
        (lambda: tf.reduce_sum(shape_of(None, 3), 0), [3]),
        (lambda: tf.reduce_sum(shape_of(None, 3), 1), [None]),
        (lambda: tf.reduce_mean(shape_of(None, 3, 5), [0, 2], keepdims=True), [1, 3, 1]),
        (lambda: tf.matmul(shape_of(None, 3), shape_of(3, 4)), [None, 4]),
        (lambda: tf.matmul(shape_of(None, None), shape_of(3, 4)), [None, 4]),
        (lambda: tf.matmul(shape_of(None, 3), shape_of(None, 4), transpose_a=True), [3, 4]),
        (lambda: tf.matmul(shape_of(5, None), shape_of(None, 4)), [5, 4]),
        (lambda: tf.nn.xw_plus_b(shape_of(None, 3), shape_of(None, 2), shape_of(None)), [None, 2]),
        (lambda: tf.reshape(shape_of(None, 784), [-1, 28, 28, 1]), [None, 28, 28, 1]),
        (lambda: tf.reshape(shape_of(None, 3), [-1]), [None]),
        (lambda: tf.reshape(shape_of(4, 3), [-1]), [12]),
        (lambda: tf.reshape(shape_of(4, 3), [2, -1]), [2, 6]),
        (lambda: tf.reshape(shape_of(None), [-1, 10]), [None, 10]),
        (lambda: tf.reshape(shape_of(None), [100]), [100]),
        (lambda: tf.reshape(shape_of(None, 5), [-1, 7]), [None, 7]),
        (lambda: tf.reshape(tf.placeholder(tf.float32), [-1, 7]), [None, 7]),
        (lambda: tf.reshape(shape_of(None, 3), tf.constant([-1, 3])), [None, 3]),
        (lambda: tf.reshape(shape_of(None, 6), [tf.shape(shape_of(None))[0], 3]), [None, 3]),
        (lambda: tf.concat([shape_of(None, 3), shape_of(None, 4)], 1), [None, 7]),
        (lambda: tf.concat([shape_of(2, 3), shape_of(5, 3)], 0), [7, 3]),
        (lambda: tf.concat([shape_of(None, 3), shape_of(5, 3)], 0), [None, 3]),
        (lambda: tf.concat([shape_of(None, 3), shape_of(5, 4)], 1), [5, 7]),
        (lambda: tf.stack([shape_of(None), shape_of(None)], 1), [None, 2]),
        (lambda: tf.one_hot(tf.placeholder(tf.int32, [None]), 10), [None, 10]),
        (lambda: tf.one_hot(tf.placeholder(tf.int32), 10), None),
        (lambda: tf.transpose(shape_of(None, 3)), [3, None]),
        (lambda: tf.transpose(shape_of(None, 3, 5), [2, 0, 1]), [5, None, 3]),
        (lambda: tf.expand_dims(shape_of(None, 3), -1), [None, 3, 1]),
        (lambda: tf.squeeze(shape_of(None, 1, 3)), [None, 3]),
        (lambda: tf.squeeze(shape_of(None, 1, 3), [1]), [None, 3]),
        (lambda: tf.squeeze(shape_of(None, 3), 0), [3]),
        (lambda: tf.argmax(shape_of(None, 10), 1), [None]),
        (lambda: tf.equal(tf.argmax(shape_of(None, 10), 1), tf.argmax(shape_of(None, 10), 1)), [None]),
        (lambda: tf.gather(shape_of(10, 3), tf.placeholder(tf.int32, [None])), [None, 3]),
        (lambda: tf.gather(shape_of(1, 3), tf.placeholder(tf.int32, [None])), [None, 3]),
        (lambda: tf.shape(shape_of(None, 3)), [2]),
        (lambda: tf.shape(tf.placeholder(tf.float32)), None),
        (lambda: tf.zeros(tf.shape(shape_of(None, 3))), [None, 3]),
        (lambda: tf.random_normal([tf.shape(shape_of(None))[0], 5]), [None, 5]),
        (lambda: tf.nn.softmax_cross_entropy_with_logits(labels=shape_of(None, 3), logits=shape_of(7, 3)), [7]),
        (lambda: tf.nn.dropout(shape_of(None), tf.placeholder(tf.float32)), [None]),
        (lambda: shape_of(None)[20], []),
        (lambda: shape_of(None)[:10], [None]),
        (lambda: shape_of(None)[100:], [None]),
        (lambda: shape_of(None, 5)[:, 1:3], [None, 2]),
        (lambda: shape_of(None, 5)[..., None], [None, 5, 1]),
        (lambda: shape_of(None, 5)[::-1, ::-2], [None, 3]),
        (lambda: shape_of(6, 5)[4:1:-1, 2:2:-1], [3, 0]),
        (lambda: tf.gradients(tf.reduce_sum(shape_of(2) * tf.ones([3, 2])), shape_of(2))[0], "none"),
        (lambda: tf.placeholder(tf.float32, 5), [5]),
        (lambda: tf.placeholder(tf.float32, tf.TensorShape([None, 2])), [None, 2]),
        (lambda: tf.placeholder_with_default([[1.0, 2.0]], [None, 2]), [None, 2]),
    ],
)
def test_shapes_are_known_before(call, expected):
    node = call()
    if expected == "none":
        assert node is None
    elif expected is None:
        assert node.shape.ndims is None
    else:
        assert node.get_shape().as_list() == expected


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: shape_of(2) + shape_of(3), r"add: the shapes do not fit together, Placeholder:0 of shape \(2,\)"),
        (lambda: shape_of(None, 2) + shape_of(3), "do not fit"),
        (lambda: tf.matmul(shape_of(None, 3), shape_of(4, 2)), "MatMul: the shapes do not fit"),
        (lambda: tf.concat([shape_of(2, 3), shape_of(2, 4)], 0), "do not fit"),
        (lambda: tf.stack([shape_of(2), shape_of(3)]), "do not fit"),
        (lambda: tf.reshape(shape_of(2, 3), [4]), "do not fit"),
        (lambda: tf.placeholder(tf.float32, [-1, 3]), "negative"),
        (lambda: tf.placeholder(tf.float32, ["a"]), "lengths"),
        (lambda: tf.placeholder(tf.float32, [2.5]), "lengths"),
        (lambda: tf.placeholder(tf.float32, [True]), "lengths"),
    ],
)
def test_shapes_that_cannot_be(call, words):
    with pytest.raises((ValueError, TypeError), match=words):
        call()


def test_shapes_are_tried_with_lengths_that_tell():
    """What depends on the unknown length is unknown; what does not is known."""
    f = np.dtype("float32")
    assert infer(lambda x: x[:1], [((None, 3), f)]) == ((1, 3), f)
    assert infer(lambda x: x[x.shape[0] // 2 :], [((None,), f)])[0] == (None,)
    assert infer(lambda x: np.ones((2,) * (x.shape[0] // 12)), [((None,), f)])[0] is None
    with pytest.raises(ZeroDivisionError):
        infer(lambda x: x * (1 // 0), [((None,), f)])


def test_shapes_as_objects():
    x = tf.placeholder(tf.float32, [None, 3, 4])
    shape = x.get_shape()
    assert shape.ndims == shape.rank == len(shape) == 3
    assert shape == x.shape == [None, 3, 4] == shape.as_list()
    assert shape[1] == 3 == int(shape[1]) == shape[1].value
    assert shape[0].value is None
    assert shape[1:] == [3, 4]
    assert shape[1:].num_elements() == 12
    assert shape[1] * shape[2] == 12 == 4 * shape[1]
    assert (shape[0] * 3).value is None
    assert shape.num_elements() is None
    assert not shape.is_fully_defined()
    assert shape[1:].is_fully_defined()
    assert [str(n) for n in shape] == ["?", "3", "4"]
    assert np.zeros(shape[1]).shape == (3,)
    assert tf.reshape(x, [-1, shape[1] * shape[2]]).shape.as_list() == [None, 12]
    with pytest.raises(ValueError, match=r"tf.shape\(x\) gives it"):
        int(shape[0])
    unknown = tf.placeholder(tf.float32).shape
    assert unknown.ndims is None and unknown.dims is None
    with pytest.raises(ValueError, match="the number of axes is not known"):
        unknown.as_list()
    assert tf.TensorShape([2]) != [3]
    assert tf.TensorShape([2]) != "text"
    assert len({tf.TensorShape([2]), tf.TensorShape((2,))}) == 1


def test_set_shape():
    x = tf.placeholder(tf.float32)
    x.set_shape([None, 3])
    x.set_shape([5, None])
    assert x.shape == [5, 3]
    x.set_shape(None)
    assert x.shape == [5, 3]
    for wrong in ([5], [5, 4], [6, 3]):
        with pytest.raises(ValueError, match="shape must agree"):
            x.set_shape(wrong)


# ---- dtypes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("float", "float32"),
        ("float32", "float32"),
        (float, "float32"),
        (np.float32, "float32"),
        ("double", "float64"),
        (np.dtype("int64"), "int64"),
        (int, "int32"),
        (bool, "bool"),
        ("half", "float16"),
        ("float32_ref", "float32"),
        ("uint8", "uint8"),
        (np.int8, "int8"),
        ("int16", "int16"),
    ],
)
def test_dtypes_by_all_their_names(given, expected):
    found = tf.as_dtype(given)
    assert found is getattr(tf, expected)
    assert found.name == expected
    assert found.as_numpy_dtype is np.dtype(expected).type
    assert found.is_floating == expected.startswith("float")
    assert found.is_integer == ("int" in expected)


@pytest.mark.parametrize("wrong", ["floot", "complex64", str, 3])
def test_what_names_no_dtype(wrong):
    with pytest.raises(TypeError, match="dtype must be one of float16, float32"):
        tf.placeholder(wrong)


# ---- graphs ---------------------------------------------------------------------------------------------------------


def test_graphs_as_default(graph):
    other = tf.Graph()
    with other.as_default() as entered:
        assert entered is other is tf.get_default_graph()
        a = tf.constant(1.0)
        with graph.as_default():
            assert tf.get_default_graph() is graph
        assert tf.get_default_graph() is other  # the graph that was left is the inner one
    assert a.graph is other
    assert tf.get_default_graph() is graph
    assert tf.constant(1.0).name == "Const:0"


def test_gradients_leave_the_default_graph_alone(graph):
    x = tf.placeholder(tf.float32)
    with tf.Graph().as_default() as other:
        (g,) = tf.gradients(x * x, x)
        assert tf.get_default_graph() is other
        assert tf.constant(1.0).graph is other
    assert g.graph is graph


def test_two_graphs_do_not_mix(graph):
    a = tf.constant(1.0)
    with tf.Graph().as_default():
        b = tf.constant(2.0)
        for call in (lambda: a + b, lambda: tf.add_n([a, b]), lambda: tf.gradients(b * b, a)[0] or a + b):
            with pytest.raises(ValueError, match="belong to different graphs"):
                call()


def test_reset():
    with pytest.raises(RuntimeError, match="must not be called within"):
        tf.reset_default_graph()

    def fresh():
        first = tf.get_default_graph()
        tf.constant(1.0)
        tf.reset_default_graph()
        assert tf.get_default_graph() is not first
        assert tf.constant(1.0).name == "Const:0"
        found.append(True)

    found = []
    thread = threading.Thread(target=fresh)  # which has a default graph of its own
    thread.start()
    thread.join()
    assert found


# ---- dependencies, devices ------------------------------------------------------------------------------------------


def test_what_is_made_within_waits():
    v = tf.Variable(0.0)
    step = v.assign_add(1.0)
    with tf.control_dependencies([step]):
        read, constant, nothing = tf.identity(v), tf.constant(5.0), tf.no_op()
        with tf.control_dependencies([tf.no_op("other")]):
            both = tf.no_op()
        with tf.control_dependencies(None):
            free = tf.identity(v)
        w = tf.Variable(1.0)
    assert tf.identity(v).op.control_inputs == free.op.control_inputs == ()
    assert [op.name for op in both.control_inputs] == [step.op.name, "other"]
    assert w.initializer.control_inputs == ()
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        assert [sess.run(x) for x in (read, constant, nothing, free)] == [1.0, 5.0, None, 3.0]


def test_what_cannot_be_waited_for():
    with pytest.raises(TypeError, match="takes operations and tensors; got 3"), tf.control_dependencies([3]):
        pass
    with pytest.raises(TypeError, match="group takes operations and tensors; got 3"):
        tf.group(tf.no_op(), 3)


def test_devices_by_tensorflows_names():
    for name, expected in (
        ("/gpu:0", "cuda:0"),
        ("/device:GPU:1", "cuda:1"),
        ("/cpu:0", "cpu"),
        ("/CPU", "cpu"),
        ("cuda:2", "cuda:2"),
        ("/job:worker/task:0/cpu:0", "cpu"),
        (None, None),
    ):
        with tf.device(name):
            assert tf.constant(1.0).device == expected
    assert tf.constant(1.0).device is None
    with pytest.raises(ValueError, match="of the form '/gpu:0'"), tf.device("/tpu:0"):
        pass


# ---- what is not offered --------------------------------------------------------------------------------------------


def test_what_is_not_offered_says_so():
    with pytest.raises(AttributeError, match=r"dlkit.tf does not offer tf.reduce_summ; near to it are reduce_sum"):
        tf.reduce_summ  # noqa: B018
    with pytest.raises(AttributeError, match=r"does not offer tf.conv2d.*What it offers: dir\(dlkit.tf\)"):
        tf.conv2d  # noqa: B018
    with pytest.raises(AttributeError, match=r"does not offer tf.nn.conv2d.*relu"):
        tf.nn.conv2d  # noqa: B018
    with pytest.raises(AttributeError, match=r"does not offer tf.train.AdamOptimiser; near to it are AdamOptimizer"):
        tf.train.AdamOptimiser  # noqa: B018
    assert not hasattr(tf, "__wrapped__")


def test_all_that_is_named_is_there():
    for module in (tf, tf.nn, tf.train):
        assert len(set(module.__all__)) == len(module.__all__)
        for name in module.__all__:
            assert getattr(module, name) is not None


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: tf.Variable(), ValueError, "initial_value must be given"),
        (lambda: tf.Variable(1.0, shape=[2]), TypeError, "no argument 'shape'"),
        (lambda: tf.assign(tf.constant(1.0), 2.0), TypeError, "ref must be a tf.Variable"),
        (lambda: tf.Variable([1.0, 2.0]).assign([1.0]), ValueError, r"has the shape \(2,\), the value \(1,\)"),
        (lambda: tf.Variable([1.0, 2.0]).assign(1.0), ValueError, r"has the shape \(2,\), the value \(\)"),
        (lambda: tf.Variable([1.0, 2.0]).assign_add([1.0]), ValueError, "has the shape"),
        (lambda: tf.Variable(1).assign(1.5), TypeError, "1.5"),
        (lambda: tf.Variable(1).assign(tf.constant(1.5)), TypeError, "int32; got.*float32.*tf.cast converts"),
        (lambda: tf.Variable(1.0).assign_add(tf.constant(1.0, tf.float64)), TypeError, "tf.cast converts"),
    ],
)
def test_variables_that_cannot_be(call, error, words):
    with pytest.raises(error, match=words):
        call()
