"""tf.summary: what summaries hold, how they are called, and that TensorBoard reads what is written."""

import builtins
import sys

import numpy as np
import pytest

import dlkit.tf as tf


@pytest.fixture(autouse=True)
def _new_graph():
    tf.reset_default_graph()


@pytest.fixture
def tensorboard():
    """The reader of TensorBoard's files, where it is installed."""
    pytest.importorskip("torch", reason="torch is not installed, whose writer writes TensorBoard's files")
    pytest.importorskip("tensorboard", reason="tensorboard is not installed: pip install tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def read(folder):
        return EventAccumulator(str(folder), size_guidance={"scalars": 0, "histograms": 0}).Reload()

    return read


def test_summaries_hold_what_the_graph_computes(device):
    x = tf.placeholder(tf.float32, [None], name="x")
    with tf.name_scope("layer"):
        loss = tf.summary.scalar("loss", tf.reduce_sum(x))
        weights = tf.summary.histogram("weights", x)
    again = tf.summary.scalar("layer/loss", 2.0)
    odd = tf.summary.scalar("cross entropy (train)", 1.0, family="all")
    merged = tf.summary.merge_all()
    some = tf.summary.merge([loss, again])
    with tf.Session(device=device) as sess:
        found, part, value = sess.run([merged, some, loss], {x: [1, 2]})
        assert [(v.tag, v.simple_value) for v in found.value if v.histo is None] == [
            ("layer/loss", 3.0),
            ("layer/loss_1", 2.0),
            ("all/all/cross_entropy__train_", 1.0),
        ]
        assert [(v.tag, v.histo.tolist()) for v in found.value if v.histo is not None] == [("layer/weights", [1, 2])]
        assert [v.tag for v in part.value] == ["layer/loss", "layer/loss_1"]
        assert len(value.value) == 1
        sess.run(weights, {x: []})
    assert str(merged) == 'Tensor("Merge/MergeSummary:0", shape=(), dtype=string)'
    assert odd.dtype is merged.dtype


def test_a_histogram_is_of_the_values_at_that_time():
    w = tf.Variable([1.0, 2.0])
    summary, change = tf.summary.histogram("w", w), tf.assign(w, [5.0, 6.0])
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        before = sess.run(summary)
        sess.run(change)
        assert before.value[0].histo.tolist() == [1, 2]


def test_collections_of_summaries():
    assert tf.summary.merge_all() is None
    train = tf.summary.scalar("train", 1.0, collections=["mine"])
    with tf.name_scope("test"):
        test = tf.summary.scalar("test", 1.0)
    other = tf.summary.scalar("other", 1.0)
    assert tf.get_collection(tf.GraphKeys.SUMMARIES) == [test, other]
    assert tf.get_collection("mine") == [train]
    with tf.Session() as sess:
        assert [v.tag for v in sess.run(tf.summary.merge_all("mine")).value] == ["train"]
        assert [v.tag for v in sess.run(tf.summary.merge_all(scope="test")).value] == ["test/test"]


def test_what_summaries_refuse():
    x = tf.placeholder(tf.float32, name="x")
    scalar, histogram = tf.summary.scalar("s", x), tf.summary.histogram("h", x)
    with pytest.raises(ValueError, match=r"tensor of the summary 'loss' must be a single number; .* \(2,\)"):
        tf.summary.scalar("loss", [1.0, 2.0])
    with pytest.raises(TypeError, match="name must be a string"):
        tf.summary.scalar(x, x)
    with pytest.raises(TypeError, match="inputs must be summaries"):
        tf.summary.merge([x])
    with pytest.raises(ValueError, match="inputs must hold at least one summary"):
        tf.summary.merge([])
    twice = tf.summary.merge([scalar, scalar])
    with tf.Session() as sess:
        with pytest.raises(tf.errors.InvalidArgumentError, match="s is one of a single number"):
            sess.run(scalar, {x: [1, 2]})
        with pytest.raises(tf.errors.InvalidArgumentError, match="Nan in summary histogram for: h"):
            sess.run(histogram, {x: [1, np.nan]})
        with pytest.raises(tf.errors.InvalidArgumentError, match="Infinity in summary histogram for: h"):
            sess.run(histogram, {x: [1, np.inf]})
        with pytest.raises(tf.errors.InvalidArgumentError, match="Duplicate tag s found"):
            sess.run(twice, {x: 1})


def test_without_tensorboard_the_writer_says_what_to_install(monkeypatch, tmp_path):
    def without(name, *arguments, real=builtins.__import__, **options):
        if name.startswith(("torch.utils.tensorboard", "tensorboard")):
            raise ModuleNotFoundError("No module named 'tensorboard'", name="tensorboard")
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    with pytest.raises(ModuleNotFoundError, match="tensorboard is not installed: pip install torch tensorboard"):
        tf.summary.FileWriter(tmp_path)


def test_tensorboard_reads_what_is_written(tensorboard, tmp_path):
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    w = tf.Variable(tf.ones([3, 2]), name="w")
    y = tf.matmul(x, w, name="product")
    tf.summary.scalar("loss", tf.reduce_sum(y))
    tf.summary.histogram("y", y)
    merged = tf.summary.merge_all()
    init = tf.global_variables_initializer()
    with tf.Session() as sess, tf.summary.FileWriter(tmp_path, sess.graph) as writer:
        sess.run(init)
        for t in range(3):
            writer.add_summary(sess.run(merged, {x: [[t, t, t]]}), t)
        writer.add_summary(tf.Summary([tf.Summary.Value("by hand", 7.0)]), np.int64(5))
        writer.flush()
        assert writer.get_logdir() == str(tmp_path)
    found = tensorboard(tmp_path)
    assert [(e.step, e.value) for e in found.Scalars("loss")] == [(0, 0), (1, 6), (2, 12)]
    assert [(e.step, e.value) for e in found.Scalars("by hand")] == [(5, 7)]
    histograms = found.Histograms("y")
    assert [e.step for e in histograms] == [0, 1, 2]
    assert (histograms[2].histogram_value.min, histograms[2].histogram_value.num) == (6, 2)
    nodes = {node.name: node for node in found.Graph().node}
    assert (nodes["product"].op, list(nodes["product"].input)) == ("MatMul", ["x", "w"])
    assert [d.size for d in nodes["x"].attr["_output_shapes"].list.shape[0].dim] == [-1, 3]
    assert nodes.keys() == {op.name for op in tf.get_default_graph().get_operations()}


def test_what_the_writer_refuses(tensorboard, tmp_path):
    summary = tf.summary.scalar("s", 1.0)
    with pytest.raises(TypeError, match="graph must be a graph"):
        tf.summary.FileWriter(tmp_path, "graph")
    writer = tf.summary.FileWriter(tmp_path)
    with pytest.raises(TypeError, match="run it in a session first"):
        writer.add_summary(summary)
    writer.close()
    writer.close()
    with pytest.raises(RuntimeError, match="the FileWriter is closed"):
        writer.add_summary(tf.Summary())
