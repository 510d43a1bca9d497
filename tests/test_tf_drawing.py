"""The picture of a graph that has not been run: what was defined, what minimize adds, what a run carries out."""

import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from itertools import combinations, pairwise

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from test_drawing import along, overlap

import dlkit.tf as tf
from dlkit.autograd.drawing.picture import GRADIENT, INK, VALUE, WIRE
from dlkit.tf.drawing.band import FADED, GRADIENT_GATE


@pytest.fixture(autouse=True)
def _graph():
    with tf.Graph().as_default():
        yield


def regression():
    """The linear regression of the deck, by its lines."""
    W = tf.Variable([0.3], dtype=tf.float32, name="W")
    b = tf.Variable([-0.3], dtype=tf.float32, name="b")
    x = tf.placeholder(tf.float32, name="x")
    linear_model = W * x + b
    y = tf.placeholder(tf.float32, name="y")
    return tf.reduce_sum(tf.square(linear_model - y))


def trained():
    return tf.train.GradientDescentOptimizer(0.01).minimize(regression())


def perceptron(layers=2):
    x = tf.placeholder("float", [None, 784], name="x")
    y = tf.placeholder("float", [None, 10], name="y")
    widths = [784, *[256] * layers, 10]
    h = x
    for k, (n, m) in enumerate(pairwise(widths), 1):
        W = tf.Variable(tf.random_normal([n, m]), name=f"W{k}")
        h = tf.add(tf.matmul(h, W), tf.Variable(tf.random_normal([m]), name=f"b{k}"))
        h = tf.nn.relu(h) if k < len(widths) - 1 else h
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(logits=h, labels=y))


def perceptron_trained():
    return tf.train.AdamOptimizer(0.001).minimize(perceptron())


def logistic():
    x = tf.placeholder("float", [None, 784], name="x")
    y = tf.placeholder("float", [None, 10], name="y")
    p = tf.nn.softmax(tf.matmul(x, tf.Variable(tf.zeros([784, 10]), name="W")) + tf.Variable(tf.zeros([10]), name="b"))
    cost = tf.reduce_mean(-tf.reduce_sum(y * tf.log(p), reduction_indices=1))
    right = tf.equal(tf.argmax(p, 1), tf.argmax(y, 1))
    tf.reduce_mean(tf.cast(right, tf.float32), name="accuracy")
    tf.train.GradientDescentOptimizer(0.5).minimize(cost)


def waiting():
    counter = tf.Variable(0.0, name="counter")
    up = counter.assign_add(1.0)
    with tf.control_dependencies([up]):
        return tf.identity(counter * 2.0, name="z")


def scoped():
    h = tf.placeholder("float", [None, 4], name="x")
    for k in (1, 2):
        with tf.name_scope(f"layer{k}"):
            W, b = tf.Variable(tf.random_normal([4, 4]), name="W"), tf.Variable(tf.zeros([4]), name="b")
            h = tf.nn.relu(tf.matmul(h, W) + b)
    return tf.reduce_mean(tf.square(h), name="cost")


def scoped_trained():
    return tf.train.MomentumOptimizer(0.1, 0.9).minimize(scoped())


def penalised():
    W = tf.Variable([1.0, 2.0], name="W")
    loss = tf.reduce_sum(tf.square(W * tf.placeholder(tf.float32, [2], name="x"))) + 0.1 * tf.reduce_sum(W * W)
    step = tf.Variable(0, trainable=False, name="global_step")
    rate = tf.train.exponential_decay(0.1, step, 100, 0.9)
    return tf.train.GradientDescentOptimizer(rate).minimize(loss, global_step=step)


def by_hand():
    v = tf.Variable(1.0, name="v")
    (g,) = tf.gradients(v * v * v, v)
    return v.assign_sub(0.1 * g)


def second():
    x = tf.placeholder(tf.float32, [], name="x")
    (g,) = tf.gradients(x * tf.sin(x), x)
    return tf.gradients(g, x)[0]


def initial():
    regression()
    return tf.global_variables_initializer()


GRAPHS = [
    regression, trained, perceptron, perceptron_trained, logistic, waiting, scoped, scoped_trained, penalised, by_hand,
    second, initial,
]  # fmt: skip


def texts(picture, colour=None):
    return [text.text for text in picture.texts if colour in (None, text.colour)]


def place(picture, text):
    found = [t for t in picture.texts if t.text == text]
    assert len(found) == 1, f"{len(found)} texts {text!r}"
    return found[0]


def gate(picture, symbol):
    text = place(picture, symbol)
    return next(g for g in picture.gates if abs(g.x - text.x) < 1 and abs(g.y - text.y) < 10)


BEFORE = (
    "Graph of 5 operations, not run yet, read from left to right. Variables: W (1,), b (1,). Placeholders: x, y. "
    "mul is W times x. add is mul plus b. sub is add minus y. Square is the square of sub. "
    "Sum is the sum of the entries of Square, shape ()."
)


def test_the_graph_of_the_deck_in_words():
    assert tf.draw(regression()).alt == BEFORE


def test_what_minimize_adds_in_words():
    assert tf.draw(trained()).alt == (
        f"{BEFORE} Gradients, in orange below, read from right to left. "
        "gradients/grad_ys_0 is 1, the gradient of Sum by itself. "
        "gradients/Sum_grad/x is the gradient of Sum by Square, made from gradients/grad_ys_0 at Sum. "
        "gradients/Square_grad/x is the gradient of Sum by sub, made from gradients/Sum_grad/x at Square. "
        "gradients/sub_grad/x is the gradient of Sum by add, made from gradients/Square_grad/x at sub. "
        "gradients/add_grad/x is the gradient of Sum by mul, made from gradients/sub_grad/x at add. "
        "gradients/add_grad/y is the gradient of Sum by b, made from gradients/sub_grad/x at add, shape (1,). "
        "gradients/mul_grad/x is the gradient of Sum by W, made from gradients/add_grad/x at mul, shape (1,). "
        "GradientDescent, η = 0.01, moves W along gradients/mul_grad/x and b along gradients/add_grad/y."
    )


def test_the_graph_of_the_deck_before():
    picture = tf.draw(regression())
    assert len(picture.gates) == 5 and len(picture.dots) == 0
    assert sorted(texts(picture, INK)) == sorted(["W", "b", "x", "y", "×", "+", "−", "x²", "Σ", "Sum"])
    gates = [gate(picture, symbol) for symbol in ("×", "+", "−", "x²", "Σ")]
    assert all(a.x < b.x for a, b in pairwise(gates))
    assert {"mul", "add", "sub", "Square"} <= set(texts(picture))
    assert texts(picture).count("(1,)") == 2 and texts(picture).count("()") == 1
    assert picture.width <= 1000


def test_the_graph_of_the_deck_after():
    picture = tf.draw(trained())
    added = [g for g in picture.gates if g.fill == GRADIENT_GATE]
    assert len(picture.gates) == 12 and len(added) == 7 and all(g.edge == GRADIENT for g in added)
    for symbol in ("×", "−", "x²", "Σ"):  # each gradient under its gate
        assert gate(picture, symbol).x == gate(picture, f"∂{symbol}").x
        assert gate(picture, symbol).y < gate(picture, f"∂{symbol}").y
    assert texts(picture).count("∂+") == 2
    apply = gate(picture, "GradientDescent")
    assert apply.y > max(g.y for g in picture.gates if g is not apply)
    assert {"∂Sum/∂W", "∂Sum/∂b", "η = 0.01"} <= set(texts(picture, GRADIENT))
    ends = [wire.steps[-1][-1] for wire in picture.wires if wire.colour == GRADIENT]
    for variable in ("W", "b"):
        left, top, _, bottom = place(picture, variable).box()
        assert any(left - 8 < x < left and top < y < bottom for x, y in ends), "the arrow to the variable"
    top = apply.y - apply.height / 2
    assert len({x for x, y in ends if y == top}) == 2, "both gradients arrive"
    assert picture.width <= 1000


def shared():
    """Variables that are used again and again, so that the gradients need more columns than what they are of."""
    v, w = tf.Variable([1.0], name="v"), tf.Variable([1.0], name="w")
    h = v
    for _ in range(4):
        h = h * w + tf.square(h)
    return tf.reduce_sum(h)


@pytest.mark.parametrize("make", [regression, perceptron, scoped, shared])
@pytest.mark.parametrize("name", ["GradientDescent", "Adam"])
def test_minimize_moves_nothing(make, name):
    loss = make()
    before = tf.draw()
    getattr(tf.train, f"{name}Optimizer")(0.1).minimize(loss)
    after = tf.draw()
    assert set(before.texts) <= set(after.texts)
    assert set(before.gates) <= set(after.gates)
    assert set(before.wires) <= set(after.wires)
    assert after.alt.startswith(before.alt)


def boxes(picture):
    on_gates = {(g.x, round(g.y + 0.36 * 15, 3)) for g in picture.gates}
    labels = [t for t in picture.texts if (t.x, round(t.y, 3)) not in on_gates or t.anchor != "middle"]
    return [(t.text, t.box()) for t in labels] + [(f"gate at {g.x, g.y}", g.box()) for g in picture.gates]


@pytest.mark.parametrize("fold", [True, False])
@pytest.mark.parametrize("make", GRAPHS)
def test_nothing_overlaps(make, fold):
    picture = tf.draw(make(), fold=fold)
    for (what, one), (other, two) in combinations(boxes(picture), 2):
        assert not overlap(one, two), f"{what} and {other}"
    for what, (left, top, right, bottom) in boxes(picture):
        assert left >= 0 and top >= 0 and right <= picture.width and bottom <= picture.height, what


@pytest.mark.parametrize("make", GRAPHS)
def test_no_wire_meets_a_text_or_runs_through_a_gate(make):
    picture = tf.draw(make())
    for wire in picture.wires:
        points = np.array(list(along(wire)))
        assert (points >= 0).all() and (points <= (picture.width, picture.height)).all()
        for what, (left, top, right, bottom) in boxes(picture):
            inside = (points > (left + 3, top + 2)).all(1) & (points < (right - 3, bottom - 2)).all(1)
            inside &= np.abs(points - points[-1]).sum(1) > 8  # it may end at the round end of a gate
            assert not inside.any(), f"{what}, {wire}"


@pytest.mark.parametrize("make", GRAPHS)
def test_the_same_graph_gives_the_same_bytes(make):
    pictures = []
    for _ in range(2):
        with tf.Graph().as_default():
            pictures.append(tf.draw(make()).svg)
    assert pictures[0] == pictures[1] and " at 0x" not in pictures[0]
    ElementTree.fromstring(pictures[0])


def test_the_same_bytes_in_another_process():
    code = (
        "import hashlib, dlkit.tf as tf; W = tf.Variable([1.0, 2.0], name='W'); x = tf.placeholder('float', [2]);"
        "tf.train.AdamOptimizer().minimize(tf.reduce_sum(W * x * W)); svg = tf.draw().svg;"
        "print(hashlib.sha256(svg.encode()).hexdigest())"
    )
    run = [
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in "12"
    ]
    assert run[0] == run[1]


def test_wires_bend_only_into_gates_of_two_operands():
    picture = tf.draw(regression())
    bent = [wire for wire in picture.wires if len({round(float(y), 6) for _, y in along(wire)}) > 1]
    heads = [wire for wire in bent if all(len(step) == 1 for step in wire.steps)]
    assert len(heads) == 1 and len(bent) - len(heads) == 2 * 3


def test_shapes_stand_on_the_wires():
    picture = tf.draw(perceptron())
    assert texts(picture).count("(?, 256)") == 6
    assert {"(?, 784)", "(784, 256)", "(256,)", "(?, 10)", "(?,)", "()"} <= set(texts(picture))


def test_values_stand_where_the_shapes_were():
    a, b = tf.placeholder(tf.float32, name="a"), tf.placeholder(tf.float32, name="b")
    total = a + b
    triple = total * 3.0
    found = tf.Session().run([a, b, total, triple], {a: 3, b: 4.5})
    picture = tf.draw(triple, values=dict(zip([a, b, total, triple], found, strict=True)))
    assert texts(picture, VALUE) == ["3", "4.5", "7.5", "22.5"]
    assert picture.alt == (
        "Graph of 2 operations, read from left to right. Placeholders: a = 3, b = 4.5. add is a plus b = 7.5. "
        "mul is add times 3 = 22.5."
    )
    assert texts(tf.draw(triple, values={"add": 7.5}), VALUE) == ["7.5"]
    with pytest.raises(ValueError, match="values: mul is not drawn"):
        tf.draw(total, values={triple: 1.0})


def test_a_number_stands_in_its_gate_but_a_constant_by_itself():
    x = tf.placeholder(tf.float32, name="x")
    y = 2.0 * x - 1.0
    assert {"×2", "−1"} <= set(texts(tf.draw(y)))
    assert {"×", "−", "2", "1"} <= set(texts(tf.draw(y, fold=False)))
    node = tf.constant(3.0) + tf.constant(4.0)
    picture = tf.draw(node)
    assert {"3", "Const", "4", "Const_1", "+", "add"} == set(texts(picture)) - {"()"}
    assert "Constants: Const = 3, Const_1 = 4. add is 3 plus 4" in picture.alt


def test_a_fetch_needs_only_its_part():
    logistic()
    everything, accuracy = tf.draw(), tf.draw("accuracy:0")
    assert len(accuracy.gates) == 8 < len(everything.gates)
    assert "∂softmax" in texts(everything) and "∂softmax" not in texts(accuracy)


def test_what_a_run_carries_out_stays_in_colour():
    logistic()
    picture = tf.draw(run="accuracy")
    faded = set(texts(picture, FADED))
    assert {"log", "Σ", "∂softmax", "GradientDescent", "∂Mean/∂W"} <= faded
    assert not {"@", "softmax", "argmax", "cast", "accuracy"} & faded
    colours = {wire.colour for wire in picture.wires}
    assert FADED in colours and GRADIENT not in colours and WIRE in colours
    log = gate(picture, "log")
    ends = [(wire.steps[-1][-1], wire.colour) for wire in picture.wires]
    assert {c for (x, y), c in ends if abs(x - log.x + log.width / 2) < 1 and y == log.y} == {FADED}
    times = gate(picture, "×")
    assert [c for (x, y), c in ends if 0 <= x - times.x + times.width / 2 < 9 and abs(y - times.y) < 10] == [FADED] * 2
    assert picture.alt.endswith(
        "To run accuracy, the session carries out MatMul, add, Softmax, ArgMax, ArgMax_1, Equal, Cast and accuracy; "
        "the rest is grey."
    )
    fed = tf.draw(run="accuracy", fed=[tf.get_default_graph().get_tensor_by_name("Softmax:0")])
    assert "@" in texts(fed, FADED) and "softmax" not in texts(fed, FADED)
    softmax = gate(fed, "softmax")
    into = [w for w in fed.wires if abs(w.steps[-1][-1][0] - softmax.x + softmax.width / 2) < 1]
    assert [w.colour for w in into] == [FADED]


def test_control_dependencies_are_dashed():
    picture = tf.draw(waiting())
    assert any(wire.dashed for wire in picture.wires) and 'stroke-dasharray="4 3"' in picture.svg
    assert "counter += 1" in texts(picture)
    assert picture.alt.endswith(
        "AssignAdd adds to counter 1, shape (). mul is counter times 2, after AssignAdd, shape (). "
        "z is mul as it is, after AssignAdd, shape ()."
    )
    assert not any(wire.dashed for wire in tf.draw(regression()).wires)


def test_initialisers_are_drawn_when_asked_for():
    init = initial()
    assert "W ←" not in texts(tf.draw())
    assert {"W ←", "b ←", "all of"} <= set(texts(tf.draw(init)))


def test_scopes_as_single_gates():
    picture = tf.draw(scoped_trained(), scopes=["layer1", "layer2/"])
    assert {"layer1", "layer2", "x²", "mean", "∂layer1", "∂layer2", "Momentum"} <= set(texts(picture))
    assert "@" not in texts(picture)
    assert "layer1 is scope layer1, 3 operations, of x, layer1/W and layer1/b, shape (?, 4)." in picture.alt
    assert len(tf.draw("cost", scopes=True).gates) == 4
    with pytest.raises(ValueError, match="scopes: no operation that is drawn is in layer3"):
        tf.draw("cost", scopes=["layer3"])


def test_a_scope_that_its_own_result_comes_back_to_is_refused():
    x = tf.placeholder(tf.float32, [], name="x")
    with tf.name_scope("s"):
        a = tf.sin(x)
    b = tf.exp(a)
    with tf.name_scope("s/"):
        c = a * b
    with pytest.raises(ValueError, match="'s' needs its own result from outside"):
        tf.draw(c, scopes=True)


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="the graph is empty"):
        tf.draw()
    with pytest.raises(TypeError, match=r"draw takes tensors and operations of a graph, or their names; got 3\.0"):
        tf.draw(3.0)
    t = tf.placeholder(tf.float32, [], name="t")
    with pytest.raises(KeyError, match="no operation named 'T'"):
        tf.draw("T")
    for _ in range(61):
        t = tf.sin(t)
    with pytest.raises(ValueError, match=r"61 gates, more than 60.*draw\(loss\).*scopes=True.*max_gates="):
        tf.draw(t)
    assert len(tf.draw(t, max_gates=61).gates) == 61


def test_another_graph_can_be_drawn():
    other = tf.Graph()
    with other.as_default():
        loss = regression()
    assert tf.draw(graph=other).svg == tf.draw(loss).svg


def test_drawing_adds_nothing_to_the_graph():
    train = trained()
    names = [op.name for op in tf.get_default_graph().get_operations()]
    tf.draw(train, scopes=True)
    assert [op.name for op in tf.get_default_graph().get_operations()] == names


@pytest.mark.parametrize("make", [trained, waiting])
def test_the_figure_has_all_texts(make, monkeypatch):
    sent = []
    monkeypatch.setattr("dlkit.plotting.show", lambda alt, figure: sent.append((alt, figure)))
    picture = tf.draw(make())
    picture.show()
    alt, figure = sent[0]
    assert alt == picture.alt
    renderer = figure.canvas.get_renderer()
    for text, planned in zip(figure.axes[0].texts, picture.texts, strict=True):
        left, _, right, _ = planned.box()
        assert text.get_window_extent(renderer).width <= right - left + 2, planned.text
    plt.close(figure)


def test_the_drawing_loads_when_it_is_asked_for_and_matplotlib_when_a_figure_is():
    code = """
import sys, dlkit.tf as tf
parts = ("dlkit.tf.drawing", "dlkit.autograd.drawing", "matplotlib", "torch")
print([part for part in parts if part in sys.modules])
tf.draw(tf.constant(1.0) + 1.0).svg
print([part for part in parts if part in sys.modules])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split("\n")[:2] == ["[]", "['dlkit.tf.drawing', 'dlkit.autograd.drawing']"]
