"""tf.train.Saver: what it writes it reads, and training goes on as if it had not been interrupted."""

import numpy as np
import pytest

import dlkit.tf as tf
from dlkit import checkpoint

OPTIMIZERS = {
    "GradientDescent": lambda rate: tf.train.GradientDescentOptimizer(rate),
    "Momentum": lambda rate: tf.train.MomentumOptimizer(rate, 0.9),
    "Adagrad": lambda rate: tf.train.AdagradOptimizer(rate),
    "Adadelta": lambda rate: tf.train.AdadeltaOptimizer(rate),
    "RMSProp": lambda rate: tf.train.RMSPropOptimizer(rate),
    "RMSProp with all": lambda rate: tf.train.RMSPropOptimizer(rate, momentum=0.9, centered=True),
    "Adam": lambda rate: tf.train.AdamOptimizer(rate),
    "Ftrl": lambda rate: tf.train.FtrlOptimizer(rate),
}


@pytest.fixture(autouse=True)
def _new_graph():
    tf.reset_default_graph()


class Program:
    """A small network with dropout and a rate that falls, as a program would build it anew in each process."""

    def __init__(self, make=OPTIMIZERS["Adam"], device="numpy", seed=1):
        tf.reset_default_graph()
        tf.set_random_seed(seed)
        self.x = tf.placeholder(tf.float32, [None, 3])
        w = tf.Variable(tf.truncated_normal([3, 8]), name="w")
        b = tf.Variable(tf.zeros([8]), name="b")
        v = tf.get_variable("v", [8, 1])
        hidden = tf.nn.dropout(tf.nn.relu(tf.matmul(self.x, w) + b), keep_prob=0.5)
        self.step = tf.train.get_or_create_global_step()
        rate = tf.train.exponential_decay(0.1, self.step, 2, 0.9)
        self.loss = tf.reduce_mean(tf.square(tf.matmul(hidden, v) - tf.reduce_sum(self.x, 1, keepdims=True)))
        self.train = make(rate).minimize(self.loss, global_step=self.step)
        self.init = tf.global_variables_initializer()
        self.saver = tf.train.Saver()
        self.sess = tf.Session(device=device)

    def go(self, start, stop):
        for t in range(start, stop):
            x = np.random.default_rng(t).standard_normal((16, 3)).astype(np.float32)
            self.sess.run(self.train, {self.x: x})
        return self

    def values(self):
        return self.sess.run(tf.global_variables())

    def begun(self):
        self.sess.run(self.init)
        return self


def same(xs, ys):
    assert len(xs) == len(ys)
    for x, y in zip(xs, ys, strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_going_on_equals_not_having_stopped(name, device, tmp_path):
    expected = Program(OPTIMIZERS[name], device).begun().go(0, 10).values()
    first = Program(OPTIMIZERS[name], device).begun().go(0, 4)
    path = first.saver.save(first.sess, tmp_path / "model", global_step=first.step)
    assert path == str(tmp_path / "model-4")
    second = Program(OPTIMIZERS[name], device)
    second.saver.restore(second.sess, path)
    same(second.go(4, 10).values(), expected)


def test_going_back_in_one_session(device, tmp_path):
    program = Program(device=device).begun().go(0, 3)
    path = program.saver.save(program.sess, tmp_path / "model")
    once = program.go(3, 8).values()
    program.saver.restore(program.sess, path)
    same(program.go(3, 8).values(), once)


def test_a_file_of_before_the_first_step_lets_the_optimizer_begin_anew(device, tmp_path):
    program = Program(device=device).begun()
    path = program.saver.save(program.sess, tmp_path / "model")
    once = program.go(0, 5).values()
    program.saver.restore(program.sess, path)
    same(program.go(0, 5).values(), once)


def test_numbers_drawn_without_a_seed_go_on_too(tmp_path):
    program = Program(seed=1)
    program.sess.graph.seed = None
    program.begun().go(0, 3)
    path = program.saver.save(program.sess, tmp_path / "model")
    once = program.go(3, 8).values()
    program.saver.restore(program.sess, path)
    same(program.go(3, 8).values(), once)


def test_going_on_with_the_file_of_another_device(tmp_path):
    first = Program().begun().go(0, 4)
    path = first.saver.save(first.sess, tmp_path / "model")
    expected = first.values()
    second = Program(device="cpu")
    second.saver.restore(second.sess, path)
    same(second.values(), expected)
    second.go(4, 5)


def saved(tmp_path, **variables):
    """Save variables of these values under these names, in a graph of their own."""
    with tf.Graph().as_default():
        made = [tf.Variable(value, name=name) for name, value in variables.items()]
        with tf.Session() as sess:
            sess.run(tf.variables_initializer(made))
            return tf.train.Saver().save(sess, str(tmp_path / "model"))


def test_some_variables_under_other_names(tmp_path):
    path = saved(tmp_path, w=[1.0, 2.0], b=[3.0])
    here, other = tf.Variable([0.0, 0.0], name="here"), tf.Variable([7.0], name="other")
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        tf.train.Saver({"w": here}).restore(sess, path)
        same(sess.run([here, other]), [[1, 2], [7]])


def test_a_list_keeps_those_in_it_only(tmp_path):
    a, b = tf.Variable(1.0, name="a"), tf.Variable(2.0, name="b")
    train = tf.train.AdamOptimizer(0.1).minimize(a * b)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(train)
        path = tf.train.Saver([a]).save(sess, str(tmp_path / "model"))
        arrays, metadata = checkpoint.load(path + ".safetensors")
    assert list(arrays) == ["variable/a"]
    assert metadata["rules"] == metadata["generators"] == {}


def test_old_files_are_removed(tmp_path):
    tf.Variable(1.0)
    saver = tf.train.Saver(max_to_keep=2)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for t in (10, 20, 30):
            saver.save(sess, tmp_path / "model", global_step=t)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "checkpoint",
        "model-20.safetensors",
        "model-30.safetensors",
    ]
    assert saver.last_checkpoints == [str(tmp_path / f"model-{t}") for t in (20, 30)]


@pytest.mark.parametrize("keep", [None, 0])
def test_all_files_stay(tmp_path, keep):
    tf.Variable(1.0)
    saver = tf.train.Saver(max_to_keep=keep)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for t in range(7):
            saver.save(sess, tmp_path / "model", global_step=t)
    assert len(list(tmp_path.glob("*.safetensors"))) == 7


def test_the_newest_is_found_in_a_folder_that_was_moved(tmp_path):
    assert tf.train.latest_checkpoint(tmp_path) is None
    assert tf.train.get_checkpoint_state(tmp_path) is None
    tf.Variable(1.0)
    saver = tf.train.Saver()
    (tmp_path / "there").mkdir()
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for t in (9, 10):
            path = saver.save(sess, tmp_path / 'there/say "hi" 模型', global_step=t)
    assert tf.train.latest_checkpoint(tmp_path / "there") == path
    assert tf.train.checkpoint_exists(path)
    (tmp_path / "there").rename(tmp_path / "here")
    moved = tf.train.get_checkpoint_state(tmp_path / "here")
    assert moved.all_model_checkpoint_paths == [str(tmp_path / f'here/say "hi" 模型-{t}') for t in (9, 10)]
    assert tf.train.latest_checkpoint(tmp_path / "here") == moved.model_checkpoint_path
    assert not tf.train.checkpoint_exists(path)
    (tmp_path / 'here/say "hi" 模型-10.safetensors').unlink()
    assert tf.train.latest_checkpoint(tmp_path / "here") is None


# ---- what goes wrong ------------------------------------------------------------------------------------------------


def test_nothing_is_changed_when_something_does_not_fit(tmp_path):
    path = saved(tmp_path, a=[5.0], w=[1.0, 2.0])
    a, w = tf.Variable([0.0], name="a"), tf.Variable([[0.0, 0.0]], name="w")
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            tf.train.Saver().restore(sess, path)
        same(sess.run([a, w]), [[0], [[0, 0]]])
    message = str(caught.value)
    assert "w is float32 of shape (1, 2) in the graph (w:0), but float32 of shape (2,) in the checkpoint" in message
    assert path in message


@pytest.mark.parametrize(
    ("name", "value", "error", "message"),
    [
        ("v", [1.0, 2.0], tf.errors.NotFoundError, "Key v not found in checkpoint .*model, which has w"),
        ("w", [1, 2], tf.errors.InvalidArgumentError, "w is int32 .* but float32 .*"),
    ],
)
def test_a_variable_that_the_file_does_not_have(tmp_path, name, value, error, message):
    path = saved(tmp_path, w=[1.0, 2.0])
    tf.Variable(value, name=name)
    with tf.Session() as sess, pytest.raises(error, match=message):
        tf.train.Saver().restore(sess, path)


def test_another_optimizer_of_the_same_name(tmp_path):
    first = Program(lambda rate: tf.train.AdamOptimizer(rate, name="Mine")).begun().go(0, 2)
    path = first.saver.save(first.sess, tmp_path / "model")
    second = Program(lambda rate: tf.train.AdagradOptimizer(rate, name="Mine"))
    with pytest.raises(tf.errors.InvalidArgumentError, match="Mine is Adagrad in the graph, but Adam in the"):
        second.saver.restore(second.sess, path)


def test_an_optimizer_of_other_variables(tmp_path):
    def build(names):
        tf.reset_default_graph()
        made = {n: tf.Variable(1.0, name=n) for n in "abc"}
        loss = sum(made[n] * 2.0 for n in names)
        train = tf.train.MomentumOptimizer(0.1, 0.9).minimize(loss, var_list=[made[n] for n in names])
        return train, tf.Session()

    train, sess = build("ab")
    sess.run([tf.global_variables_initializer()])
    sess.run(train)
    path = tf.train.Saver().save(sess, tmp_path / "model")
    _, sess = build("abc")
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"changes \['a:0', 'b:0', 'c:0'\] .*, but \['a:0', 'b:0'\]"
    ):
        tf.train.Saver().restore(sess, path)


def test_a_file_of_other_settings_is_refused(tmp_path):
    """In either direction: what is missing cannot be made up, and what is there must not get lost without a word."""
    both = ("RMSProp", "RMSProp with all")
    for mine, theirs in (both, both[::-1]):
        first = Program(OPTIMIZERS[theirs]).begun().go(0, 3)
        path = first.saver.save(first.sess, tmp_path / "model")
        second = Program(OPTIMIZERS[mine]).begun()
        before = second.values()
        slots = {"RMSProp": r"\['v'\]", "RMSProp with all": r"\['d', 'm', 'v'\]"}
        message = f"RMSProp keeps {slots[mine]} in the graph, but {slots[theirs]} in the checkpoint .*: its settings"
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            second.saver.restore(second.sess, path)
        same(second.values(), before)


def test_files_that_are_not_there_or_of_another_program(tmp_path):
    tf.Variable(1.0)
    saver, sess = tf.train.Saver(), tf.Session()
    (tmp_path / "model-7.safetensors").write_text("no arrays")
    with pytest.raises(tf.errors.NotFoundError, match=r"model-8 is no checkpoint: .* the folder has model-7"):
        saver.restore(sess, tmp_path / "model-8")
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"model-7\.safetensors was not written by tf.train.Saver"):
        saver.restore(sess, tmp_path / "model-7")
    checkpoint.save(tmp_path / "keras.safetensors", {"w": np.ones(3)}, {"layers": []})
    with pytest.raises(tf.errors.InvalidArgumentError, match="but by another part of dlkit"):
        saver.restore(sess, tmp_path / "keras")
    with pytest.raises(ValueError, match="did latest_checkpoint find none"):
        saver.restore(sess, tf.train.latest_checkpoint(tmp_path))


def test_what_a_saver_refuses(tmp_path):
    with pytest.raises(ValueError, match="No variables to save"):
        tf.train.Saver()
    w = tf.Variable(1.0, name="w")
    with pytest.raises(TypeError, match="var_list must hold variables"):
        tf.train.Saver([w * 2])
    with pytest.raises(TypeError, match="var_list must be a list or a dict"):
        tf.train.Saver(3)
    with pytest.raises(ValueError, match="max_to_keep must be an integer >= 0"):
        tf.train.Saver(max_to_keep=-1)
    saver, sess = tf.train.Saver(), tf.Session()
    with pytest.raises(TypeError, match=r"sess must be a tf.Session; got 'model'"):
        saver.save("model", sess)
    with pytest.raises(TypeError, match=r"sess must be a tf.Session; got None"):
        saver.restore(None, tmp_path / "model")
    with pytest.raises(tf.errors.FailedPreconditionError, match="uninitialized value w"):
        saver.save(sess, tmp_path / "model")
    sess.run(w.initializer)
    with pytest.raises(ValueError, match=r"Parent directory of .* doesn't exist"):
        saver.save(sess, tmp_path / "nowhere" / "model")
    with pytest.raises(ValueError, match="save_path must end with the name of a file"):
        saver.save(sess, f"{tmp_path}/")
    assert list(tmp_path.iterdir()) == []
