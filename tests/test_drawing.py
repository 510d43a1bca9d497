"""The picture of a graph shows its values and gradients in their places, and says in words what it shows."""

import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from itertools import combinations, pairwise

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

import dlkit.autograd
from dlkit.autograd import (
    Operation,
    Tensor,
    concatenate,
    draw,
    exp,
    gradients,
    linear,
    maximum,
    mean,
    no_grad,
    operation,
    sigmoid,
    sin,
    softmax_cross_entropy,
    sum,
    tanh,
)
from dlkit.autograd.drawing import words
from dlkit.autograd.drawing.picture import GRADIENT, INK, VALUE, text_width


def product():
    x, y, z = Tensor(-2.0), Tensor(5.0), Tensor(-4.0)
    return (x + y) * z, {"x": x, "y": y, "z": z}


def neuron():
    names = {"w0": Tensor(2.0), "x0": Tensor(-1.0), "w1": Tensor(-3.0), "x1": Tensor(-2.0), "w2": Tensor(-3.0)}
    w0, x0, w1, x1, w2 = names.values()
    return 1 / (1 + exp(-(w0 * x0 + w1 * x1 + w2))), names


def staged():
    x, y = Tensor(3.0), Tensor(-4.0)
    return (x + sigmoid(y)) / (sigmoid(x) + (x + y) ** 2), {"x": x, "y": y}


def network():
    rng = np.random.default_rng(0)
    names = {"W1": Tensor(rng.normal(size=(3, 4))), "b1": Tensor(np.zeros(4)), "W2": Tensor(rng.normal(size=(4, 2)))}
    names["X"] = rng.normal(size=(5, 3))
    hidden = tanh(linear(names["X"], names["W1"], names["b1"]))
    loss = mean(softmax_cross_entropy(hidden @ names["W2"], y=np.array([0, 1, 0, 1, 1])))
    return loss + 0.01 * (sum(names["W1"] ** 2) + sum(names["W2"] ** 2)), names


def joined():
    v = Tensor([1.0, 2.0, 3.0])
    return sum(concatenate([v, v * 2, exp(v)])[1:5]), {"v": v}


def tangle():
    p = Tensor(0.7)
    t = p
    for _ in range(6):
        t = maximum(t * p, sin(t) - p)
    return t, {"p": p}


def matrices():
    names = {"A": Tensor(np.eye(3) / 3), "B": Tensor(np.full((3, 2), -1.25)), "u": Tensor([1.0, -1.0])}
    return sum(tanh(names["A"] @ names["B"]) @ names["u"]), names


GRAPHS = [product, neuron, staged, network, joined, tangle, matrices]


def shown(picture, colour):
    return [text.text for text in picture.texts if text.colour == colour]


def place(picture, text, colour=INK):
    found = [t for t in picture.texts if t.text == text and t.colour == colour]
    assert len(found) == 1, f"{len(found)} texts {text!r}"
    return found[0]


def numbers(texts):
    return sorted(float(text.replace("−", "-")) for text in texts)


def test_the_first_example_of_the_deck():
    picture = draw(*product())
    assert numbers(shown(picture, VALUE)) == [-12, -4, -2, 3, 5]
    assert numbers(shown(picture, GRADIENT)) == [-4, -4, -4, 1, 3]
    assert sorted(shown(picture, INK)) == sorted(["x", "y", "z", "+", "×", "f"])
    x, y, z, add, times, f = (place(picture, text) for text in ("x", "y", "z", "+", "×", "f"))
    assert x.x == y.x == z.x < add.x < times.x < f.x
    assert x.y < y.y < z.y
    assert x.y < add.y < y.y < times.y < z.y


def test_the_neuron_of_the_deck_has_its_gates_in_order():
    picture = draw(*neuron())
    gates = sorted((text for text in picture.texts if text.text in ("−x", "exp", "+1", "1/x")), key=lambda t: t.x)
    assert [text.text for text in gates] == ["−x", "exp", "+1", "1/x"]
    assert len({text.y for text in gates}) == 1
    # 0.731, and behind it the gradients the deck writes at the gates of the sigmoid.
    for value in ("0.731", "1.37", "0.368"):
        place(picture, value, VALUE)
    assert shown(picture, GRADIENT).count("0.197") == 5
    assert numbers(shown(picture, GRADIENT))[:3] == [-0.59, -0.534, -0.534]


@pytest.mark.parametrize("make", GRAPHS)
def test_gradients_are_those_of_the_engine(make):
    root, names = make()
    picture = draw(root, names, parts=False, digits=12)
    named = [x for x in names.values() if isinstance(x, Tensor)]
    for name, x, g in zip(names, named, gradients(root, named, retain_graph=True), strict=False):
        if not x.shape:
            y = place(picture, name).y
            below = [t for t in picture.texts if t.colour == GRADIENT and 0 < t.y - y < 20]
            assert words.pretty(words.number(g, 12)) in [t.text for t in below]


def test_value_above_and_gradient_below_the_wire():
    picture = draw(*product())
    z = place(picture, "z")
    wire = next(wire for wire in picture.wires if z.x < wire.start[0] < z.x + 10 and abs(wire.start[1] - z.y) < 8)
    value, gradient = place(picture, "−4", VALUE), place(picture, "3", GRADIENT)
    assert value.box()[3] < wire.start[1] < gradient.box()[1]
    assert wire.start[0] < value.x == gradient.x < wire.steps[0][-1][0]
    assert value.bold and not gradient.bold


def overlap(one, other):
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@pytest.mark.parametrize("fold", [True, False])
@pytest.mark.parametrize("with_gradients", [True, False])
@pytest.mark.parametrize("make", GRAPHS)
def test_nothing_overlaps(make, with_gradients, fold):
    picture = draw(*make(), gradients=with_gradients, fold=fold)
    labels = [text for text in picture.texts if not (text.colour == INK and text.anchor == "middle")]
    boxes = [(text.text, text.box()) for text in labels]
    boxes += [(f"gate at {gate.x, gate.y}", gate.box()) for gate in picture.gates]
    for (what, one), (other, two) in combinations(boxes, 2):
        assert not overlap(one, two), f"{what} and {other}"
    for what, (left, top, right, bottom) in boxes:
        assert left >= 0 and top >= 0 and right <= picture.width and bottom <= picture.height, what


def along(wire):
    """Return points on a wire, about one a pixel."""
    last = wire.start
    for step in wire.steps:
        control = np.array([last, *step])
        t = np.linspace(0, 1, 200)[:, None]
        if len(step) == 1:
            yield from control[0] + t * (control[1] - control[0])
        else:
            a, b, c, d = control
            yield from (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d
        last = step[-1]


@pytest.mark.parametrize("with_gradients", [True, False])
@pytest.mark.parametrize("make", GRAPHS)
def test_no_wire_meets_a_text_or_runs_through_a_gate(make, with_gradients):
    picture = draw(*make(), gradients=with_gradients)
    labels = [text for text in picture.texts if text.colour != INK]
    for wire in picture.wires:
        points = np.array(list(along(wire)))
        for what, box in [(t.text, t.box()) for t in labels] + [
            ("gate", (left + 3, top + 1, right - 3, bottom - 1))
            for left, top, right, bottom in map(_box, picture.gates)
        ]:
            inside = (points > box[:2]).all(1) & (points < box[2:]).all(1)
            # A wire ends at the border of its gate, which the round end draws in by a few pixels.
            if what == "gate":
                inside &= np.abs(points - points[-1]).sum(1) > 8
            assert not inside.any(), f"{what} at {box}"


def _box(gate):
    return gate.box()


@pytest.mark.parametrize("make", GRAPHS)
def test_wires_run_from_left_to_right(make):
    picture = draw(*make())
    for wire in picture.wires[: -len(picture.dots) or None]:
        x = [point[0] for point in along(wire)]
        if len(wire.steps) != 2 or len(wire.steps[0]) == 3:  # all but the head of the arrow
            assert all(b >= a - 1e-9 for a, b in pairwise(x))


def test_a_shared_node_is_drawn_once_with_the_parts_of_its_gradient():
    picture = draw(*staged(), digits=4)
    assert shown(picture, INK).count("x") == 1
    assert shown(picture, VALUE).count("3") == 1
    x = place(picture, "2.06", GRADIENT)
    parts = [t for t in picture.texts if t.text in ("−0.03576", "0.009046", "1.583") and t.colour == GRADIENT]
    assert len(parts) == 5 and min(t.x for t in parts) > x.x  # 1.583 comes back to both, through the gate of x + y
    assert len(picture.dots) == 2
    without = draw(*staged(), digits=4, parts=False)
    assert len(shown(picture, GRADIENT)) == len(shown(without, GRADIENT)) + 5


def test_parts_add_up_to_the_gradient():
    x = Tensor(2.0)
    picture = draw(x * x + x, {"x": x})
    assert shown(picture, GRADIENT).count("2") == 2
    assert "by x is 5, the sum of 1, 2 and 2." in picture.alt


def test_operands_of_a_difference_and_a_quotient_enter_in_their_order():
    x, y = Tensor(1.0), Tensor(2.0)
    for root in (sin(y) - sin(x) * y, (x * y) / (y + x)):
        picture = draw(root, {"x": x, "y": y}, gradients=False)
        gate = max(picture.gates, key=lambda gate: gate.x)
        ends = [wire.steps[-1][-1] for wire in picture.wires]
        arriving = sorted(y for x, y in ends if gate.x - gate.width / 2 - 1 <= x < gate.x)
        assert len(arriving) == 2 and arriving[0] < gate.y < arriving[1]


@pytest.mark.parametrize("make", GRAPHS)
def test_the_same_graph_gives_the_same_bytes(make):
    first, second = draw(*make()), draw(*make())
    assert first.svg == second.svg
    assert " at 0x" not in first.svg
    ElementTree.fromstring(first.svg)


def test_the_same_bytes_in_another_process():
    code = (
        "from dlkit.autograd import *; x, y = Tensor(3.0), Tensor(-4.0); import hashlib;"
        "f = (x + sigmoid(y)) / (sigmoid(x) + (x + y) ** 2);"
        "print(hashlib.sha256(draw(f, {'x': x, 'y': y}).svg.encode()).hexdigest())"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(seen) == 1


def test_names_are_escaped():
    x = Tensor(1.0)
    name = '<script>"&{}'
    picture = draw(x + 1, {name: x}, name="<f>")
    tree = ElementTree.fromstring(picture.svg)
    texts = [element.text for element in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert name in texts and "<f>" in texts
    assert "<script>" not in picture.svg
    assert tree.attrib["aria-label"] == picture.alt
    picture.figure().canvas.draw()
    plt.close("all")


def test_dollars_in_a_name_are_dollars():
    x = Tensor(1.0)
    figure = draw(x + 1, {"$x_$": x}).figure()
    figure.canvas.draw()  # a name taken for a formula would stop it
    texts = [*figure.texts, *(text for axes in figure.axes for text in axes.texts)]
    plt.close("all")
    assert [text.get_parse_math() for text in texts if text.get_text() == "$x_$"] == [False]


def test_the_alt_text_says_the_graph():
    alt = draw(*product()).alt
    assert alt == (
        "Computational graph of f, read from left to right. Inputs: x = -2, y = 5, z = -4. "
        "Gate 1: x plus y is 3. Gate 2: gate 1 times z is -12; this is f. "
        "Backward: the gradient of f by f is 1; by gate 1 is -4; by z is 3; by y is -4; by x is -4."
    )
    assert "Backward" not in draw(*product(), gradients=False).alt


def test_arrays_are_written_out_when_small_and_by_shape_otherwise():
    picture = draw(*network())
    assert shown(picture, VALUE).count("(3, 4)") == 2
    assert shown(picture, GRADIENT).count("(3, 4)") == 4  # W1, its two parts, and its square
    A, u = Tensor([[1.0, 2.0], [3.0, 4.0]]), Tensor([1.0, -1.0])
    picture = draw(A @ u, {"A": A, "u": u}, gradient=[1.0, 0.0])
    assert {"[[1, 2]", "[3, 4]]".join([" ", ""]), "[1, −1]", "[−1, −1]"} <= set(shown(picture, VALUE))
    assert {"[1, 0]", "[[1, −1]", " [0, 0]]", "[1, 2]"} == set(shown(picture, GRADIENT))
    assert "W1 = an array of shape (3, 4)" in draw(*network()).alt


def test_without_a_single_number_there_are_values_only():
    v = Tensor([1.0, 2.0])
    picture = draw(v * 2, {"v": v})
    assert picture.steps == 0 and not shown(picture, GRADIENT)


def test_steps_reveal_the_gradients_and_move_nothing():
    full = draw(*staged())
    assert full.steps == 9
    before = set()
    for k in range(full.steps + 1):
        picture = draw(*staged(), steps=k)
        now = set(picture.texts)
        assert before < now <= set(full.texts)
        assert (picture.wires, picture.gates, picture.width) == (full.wires, full.gates, full.width)
        before = now
    assert before == set(full.texts)
    first = draw(*product(), steps=2)
    assert shown(first, GRADIENT) == ["−4", "1"] and first.alt.endswith("3 gradients are not shown yet.")


def test_a_number_stands_in_its_gate_or_by_itself():
    x = Tensor(3.0)
    root = 2 * x - 1
    assert {"×2", "−1"} <= set(shown(draw(root, {"x": x}), INK))
    apart = draw(root, {"x": x}, fold=False)
    assert {"2", "1", "×", "−"} <= set(shown(apart, INK))
    assert draw(root, {"x": x}).alt == apart.alt
    assert numbers(shown(apart, VALUE)) == [3, 5, 6]
    two = Tensor(2.0, requires_grad=False)
    picture = draw(x * two, {"x": x, "two": two})
    assert "two" in shown(picture, INK) and "2" in shown(picture, VALUE)


@pytest.mark.parametrize(
    "make, symbol",
    [
        (lambda x: x + -1.5, "+(−1.5)"),
        (lambda x: 2 - x, "2−x"),
        (lambda x: x / 4, "÷4"),
        (lambda x: 2**x, "2ˣ"),
        (lambda x: x**-2, "x⁻²"),
        (lambda x: x**0.5, "x^0.5"),
        (lambda x: maximum(0.0, x), "max(x, 0)"),
        (lambda x: abs(x), "|x|"),
    ],
)
def test_symbols(make, symbol):
    x = Tensor(3.0)
    assert symbol in shown(draw(make(x), {"x": x}), INK)


def test_an_operation_of_ones_own_goes_by_its_name():
    @operation
    def my_own_operation(x, *, power=2):
        return x**power

    assert isinstance(my_own_operation, Operation)
    my_own_operation.derivatives(x=lambda g, z, x, power: g * power * x ** (power - 1))
    x = Tensor(3.0)
    picture = draw(my_own_operation(x, power=3), {"x": x})
    assert "my_own_operation" in shown(picture, INK)
    assert "my_own_operation of x (power 3) is 27" in picture.alt
    gate = picture.gates[0]
    assert gate.width > text_width("my_own_operation", 15) > gate.height


def test_constants_are_drawn_once_and_get_no_gradient():
    X, w = np.ones((5, 2)), Tensor([1.0, 2.0])
    picture = draw(sum((X @ w) * (X @ w)), {"X": X, "w": w})
    assert shown(picture, INK).count("X") == 1 and not place(picture, "X").bold and place(picture, "w").bold
    assert shown(picture, VALUE).count("(5, 2)") == 1
    assert "(5, 2)" not in shown(picture, GRADIENT) + shown(picture, INK)
    nameless = draw(sum(X @ w), {"w": w})
    assert "(5, 2)" in shown(nameless, INK) and "(5, 2)" not in shown(nameless, VALUE)
    assert "the matrix product of an array of shape (5, 2) and w" in nameless.alt


def test_results_on_the_way_can_be_named():
    x, y = Tensor(1.0), Tensor(2.0)
    q = x + y
    picture = draw(q * y, {"x": x, "y": y, "q": q})
    assert "q = 3" in shown(picture, VALUE)
    assert "q times y is 6" in picture.alt


def test_inputs_without_names_are_numbered_by_age():
    x, y = Tensor(1.0), Tensor(2.0)
    assert {"input 1", "input 2"} <= set(shown(draw(y * x), INK))
    assert "Inputs: input 1 = 1, input 2 = 2" in draw(y * x).alt


def test_drawing_leaves_the_graph_as_it_is():
    root, names = staged()
    draw(root, names)
    assert all(x.grad is None for x in names.values())
    assert [float(x.value) for x in (*names.values(), root)] == [3.0, -4.0, 1.5456448841066441]
    root.backward(retain_graph=True)
    kept = names["x"].grad
    draw(root, names)
    assert names["x"].grad is kept
    assert np.isclose(kept, 2.0595697955721652, rtol=1e-15)


def test_a_released_graph_says_what_to_do():
    root, names = product()
    root.backward()
    with pytest.raises(RuntimeError, match=r"draw it before backward\(\), or call backward\(retain_graph=True\)"):
        draw(root, names)


def test_a_changed_input_is_refused():
    root, names = product()
    names["x"].value = 7.0
    with pytest.raises(RuntimeError, match=r"draw: an operand of add, of shape \(\), was changed after it was used"):
        draw(root, names, gradients=False)


def test_too_many_gates_are_refused():
    t = Tensor(1.0)
    for _ in range(61):
        t = sin(t)
    with pytest.raises(ValueError, match=r"more than 60 gates.*max_gates="):
        draw(t)
    assert len(draw(t, max_gates=61).gates) == 61


def test_what_cannot_be_drawn_is_refused():
    root, names = product()
    with pytest.raises(TypeError, match=r"expected a Tensor of dlkit\.autograd, got float"):
        draw(3.0)
    with pytest.raises(ValueError, match="nothing is recorded"), no_grad():
        draw(names["x"] + 1)
    with pytest.raises(ValueError, match="given, not computed"):
        draw(names["x"])
    with pytest.raises(ValueError, match="inputs: u not found in the graph of f"):
        draw(root, {**names, "u": Tensor(1.0)})
    with pytest.raises(TypeError, match=r"inputs\['k'\]: expected a Tensor or an array, got int"):
        draw(root, {"k": 2})
    with pytest.raises(ValueError, match="'x' and 'again' name the same"):
        draw(root, {**names, "again": names["x"]})
    with pytest.raises(ValueError, match="steps: expected at least 0, got -1"):
        draw(root, names, steps=-1)
    with pytest.raises(ValueError, match="digits: expected at least 1, got 0"):
        draw(root, names, digits=0)
    with pytest.raises(ValueError, match="gradient must have the tensor's shape"):
        draw(root, names, gradient=[1.0, 2.0])


@pytest.mark.parametrize(
    "value, plain, pretty",
    [
        (0.0, "0", "0"),
        (-0.0, "0", "0"),
        (0.7310585786300049, "0.731", "0.731"),
        (-12.0, "-12", "−12"),
        (999.6, "1000", "1000"),
        (12345.6, "12346", "12346"),
        (1234567.0, "1.23e6", "1.23×10⁶"),
        (-1.2e-5, "-1.2e-5", "−1.2×10⁻⁵"),
        (1e-7, "1e-7", "1×10⁻⁷"),
        (float("inf"), "infinity", "∞"),
        (float("nan"), "nan", "nan"),
    ],
)
def test_numbers(value, plain, pretty):
    assert words.number(value, 3) == plain
    assert words.pretty(plain) == pretty


def test_a_notebook_gets_svg_and_words():
    picture = draw(*product())
    data = picture._repr_mimebundle_()
    assert data == {"image/svg+xml": picture.svg, "text/plain": picture.alt}


def test_show_stores_png_with_the_alt_text(monkeypatch):
    sent = []
    monkeypatch.setattr("dlkit.plotting.show", lambda alt, figure: sent.append((alt, figure)))
    picture = draw(*product())
    picture.show()
    picture.show("something else")
    assert [alt for alt, _ in sent] == [picture.alt, "something else"]
    figure = sent[0][1]
    assert tuple(figure.get_size_inches() * 100) == (picture.width, picture.height)
    plt.close("all")


@pytest.mark.parametrize("make", GRAPHS)
def test_texts_of_the_figure_fit_where_they_were_planned(make):
    picture = draw(*make())
    figure = picture.figure()
    renderer = figure.canvas.get_renderer()
    drawn = figure.axes[0].texts
    assert [text.get_text() for text in drawn] == [text.text for text in picture.texts]
    for text, planned in zip(drawn, picture.texts, strict=True):
        left, _, right, _ = planned.box()
        assert text.get_window_extent(renderer).width <= right - left + 2, planned.text
    plt.close(figure)


def light(colour):
    """Return a colour as amounts of red, green and blue light."""
    channels = np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(colour):
    return 1.05 / (np.dot(light(colour), [0.2126, 0.7152, 0.0722]) + 0.05)


def test_colours_stand_out_from_white():
    assert contrast(VALUE) > 4.5 and contrast(GRADIENT) > 4.5 and contrast(INK) > 4.5


# Machado, Oliveira and Fernandes (2009), A physiologically-based model for simulation of color vision deficiency.
COLOUR_BLIND = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


@pytest.mark.parametrize("kind", COLOUR_BLIND)
def test_colours_stay_apart_for_colour_blind_readers(kind):
    def lab(colour):
        seen = np.clip(COLOUR_BLIND[kind] @ light(colour), 0, 1)
        xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ seen
        x, y, z = np.cbrt(xyz / [0.9505, 1, 1.089])
        return np.array([116 * y, 500 * (x - y), 200 * (y - z)])

    assert np.linalg.norm(lab(VALUE) - lab(GRADIENT)) > 30  # 2 is just noticeable


def test_torch_tensors_are_drawn_too():
    pytest.importorskip("torch")
    x = Tensor([1.0, 2.0], device="cpu", dtype="float32")
    picture = draw(sum(x * x), {"x": x})
    assert {"[1, 2]", "[1, 4]", "5"} <= set(shown(picture, VALUE))
    assert "[2, 4]" in shown(picture, GRADIENT)


def test_the_drawing_loads_when_it_is_asked_for_and_matplotlib_when_a_figure_is():
    code = """
import sys, dlkit.autograd
parts = ("dlkit.autograd.drawing", "matplotlib", "torch", "networkx")
print([part for part in parts if part in sys.modules])
x = dlkit.autograd.Tensor(1.0)
dlkit.autograd.draw(x + 1).svg
print([part for part in parts if part in sys.modules])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split("\n")[:2] == ["[]", "['dlkit.autograd.drawing']"]


def test_a_missing_name_is_still_missing():
    with pytest.raises(AttributeError, match=r"'dlkit\.autograd' has no attribute 'drow'"):
        dlkit.autograd.drow  # noqa: B018
