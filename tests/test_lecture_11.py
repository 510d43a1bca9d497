"""The exercises of lecture 11 know right answers from wrong ones, and its controls draw what they say.

The lecture is run once, with further cells at its end that give answers and print what the lecture says to them.
"""

from pathlib import Path

import nbformat
import pytest
from lecture_answers import replies_of

LECTURE = Path(__file__).parents[1] / "lectures" / "11_backpropagation.ipynb"


def rule(expression):
    """Return code that answers exercise 2 with this rule."""
    return f"def tanh_rule(g, z, x):\n    return {expression}\nself_check('E', try_tanh_rule, check_tanh)"


def layer(expression):
    """Return code that answers exercise 3 with these two gradients."""
    return f"X, G = layer_X, layer_G\nself_check('E', lambda: ({expression}), check_layer)"


# what is tried → (code, what the answer must contain)
ANSWERS = {
    "by hand right": ("self_check('E', (1, 4, 2), check_by_hand)", "E: correct"),
    "by hand right, as an array": ("self_check('E', np.array([1.0, 4.0, 2.0]), check_by_hand)", "E: correct"),
    "by hand as dlkit has it": (
        "w, x, b = (autograd.Tensor(v) for v in (2.0, -1.0, 5.0))\n(w * autograd.relu(w * x + b)).backward()\n"
        "self_check('E', (w.grad, x.grad, b.grad), check_by_hand)",
        "E: correct",
    ),
    "only the outer product": ("self_check('E', (3, 4, 2), check_by_hand)", "only the outer product"),
    "only the inner product": ("self_check('E', (-2, 4, 2), check_by_hand)", "only the one through the ReLU"),
    "ReLU asked about x": ("self_check('E', (3, 0, 0), check_by_hand)", "it is open"),
    "w forgotten at the ReLU": ("self_check('E', (2, 2, 1), check_by_hand)", "is w, not 1"),
    "w forgotten for x and b": ("self_check('E', (1, 2, 1), check_by_hand)", "missing in ∂f/∂x and ∂f/∂b"),
    "w forgotten for b": ("self_check('E', (1, 4, 1), check_by_hand)", "missing in ∂f/∂b"),
    "sign of ∂f/∂w": ("self_check('E', (5, 4, 2), check_by_hand)", "x is negative"),
    "sign of ∂f/∂x": ("self_check('E', (1, -4, 2), check_by_hand)", "w is positive"),
    "by hand, a guess": ("self_check('E', (7, 7, 7), check_by_hand)", "this is not it.\nThe hint above"),
    "two of three numbers": ("self_check('E', (1, 4), check_by_hand)", "Expected shape (3,)"),
    "words": ("self_check('E', 'w has two paths', check_by_hand)", "not yet"),
    "rule right": (rule("g * (1 - z**2)"), "E: correct"),
    "rule right, from x": (rule("g * (1 - math.tanh(x) ** 2)"), "E: correct"),
    "rule right, by the hyperbolic cosine": (rule("g / math.cosh(x) ** 2"), "E: correct"),
    "rule without g": (rule("1 - z**2"), "g is missing"),
    "rule with x for z": (rule("g * (1 - x**2)"), "that of the result z"),
    "rule with tanh twice": (rule("g * (1 - math.tanh(z) ** 2)"), "it is the result already"),
    "rule of the sigmoid": (rule("g * z * (1 - z)"), "rule of the sigmoid"),
    "rule with the sign reversed": (rule("g * (z**2 - 1)"), "the sign is reversed"),
    "rule without parentheses": (rule("g * 1 - z**2"), "parentheses are missing"),
    "rule without the square": (rule("g * (1 - z)"), "the square is missing"),
    "rule with a plus": (rule("g * (1 + z**2)"), "subtracted from 1"),
    "rule, a guess": (rule("g * 7"), "this is not it.\nThe hint above"),
    "rule that returns nothing": (rule("None"), "`return` is missing"),
    "rule that stops": (rule("g * cosh(x)"), "stopped with NameError"),
    "layer right": (layer("X.T @ G, G.sum(axis=0)"), "E: correct"),
    "layer right, as lists": (layer("(X.T @ G).tolist(), list(np.ones(4) @ G)"), "E: correct"),
    "layer transposed": (layer("G.T @ X, G.sum(axis=0)"), "this is its transpose"),
    "layer averaged": (layer("X.T @ G / len(X), G.sum(axis=0)"), "they were averaged"),
    "bias not summed": (layer("X.T @ G, G"), "add the rows of G"),
    "bias summed the other way": (layer("X.T @ G, G.sum(axis=1)"), "along the other axis"),
    "bias averaged": (layer("X.T @ G, G.mean(axis=0)"), "they were averaged"),
    "bias summed over everything": (layer("X.T @ G, G.sum()"), "taken over everything"),
    "one gradient only": (layer("X.T @ G"), "Return two arrays"),
    "one gradient only, of two rows": (layer("G.T @ X"), "Return two arrays"),
    "weights reversed": (layer("-X.T @ G, G.sum(axis=0)"), "the sign is reversed"),
    "bias reversed": (layer("X.T @ G, -G.sum(axis=0)"), "b is added in Y"),
    "layer, a guess": (layer("X.T @ G + 1, G.sum(axis=0)"), "W_bar of layer_gradients(X, G), for X"),
    "an argument changed in place": (
        "def layer_gradients(X, G):\n    W_bar = X.T @ G\n    X *= 0\n    return W_bar, G.sum(axis=0)\n"
        "self_check('E', lambda: layer_gradients(layer_X.copy(), layer_G.copy()), check_layer)",
        "E: correct",
    ),
    "arrivals right": ("self_check('E', 2**20, check_arrivals)", "E: correct"),
    "arrivals right, counted": (
        "def arrivals_at(node):\n    return 1 if node.origin is None else sum(arrivals_at(n) for n in node.origin[1])\n"
        "x = Tensor(1.0)\nfor _ in range(10):\n    x = x * x\n"
        "self_check('E', arrivals_at(x) ** 2, check_arrivals)",
        "E: correct",
    ),
    "arrivals if it waited": ("self_check('E', 2, check_arrivals)", "an engine that waits"),
    "arrivals once per node": ("self_check('E', 40, check_arrivals)", "for every part it gets"),
    "arrivals one by one": ("self_check('E', 20, check_arrivals)", "doubles at each node"),
    "arrivals everywhere": ("self_check('E', 2**21 - 2, check_arrivals)", "at all nodes"),
    "arrivals, one doubling short": ("self_check('E', 2**19, check_arrivals)", "one doubling is missing"),
    "arrivals, one doubling too many": ("self_check('E', 2**21, check_arrivals)", "one doubling too many"),
    "arrivals, exchanged": ("self_check('E', 20**2, check_arrivals)", "base and exponent are exchanged"),
    "arrivals, visits of the others": ("self_check('E', 2**20 - 1, check_arrivals)", "visits to x_1"),
    "arrivals with a hat": ("self_check('E', 2^20, check_arrivals)", "a power is written **"),
    "arrivals, the nodes": ("self_check('E', 21, check_arrivals)", "the number of nodes"),
    "arrivals, a guess": ("self_check('E', 7, check_arrivals)", "this is not it.\nThe hint above"),
    "step right": ("self_check('E', np.finfo(np.float32).eps ** (1 / 3), check_step)", "E: correct"),
    "step right, where the sum is smallest": ("self_check('E', 0.0071, check_step)", "E: correct"),
    "step right, rounded": ("self_check('E', 5e-3, check_step)", "E: correct"),
    "step of the one-sided difference": ("self_check('E', 3.5e-4, check_step)", "for the one-sided difference"),
    "step of float64": ("self_check('E', 6e-6, check_step)", "the step for float64"),
    "step of one rounding error": ("self_check('E', 1.2e-7, check_step)", "h was set to ε"),
    "step right, with the 2": ("self_check('E', (6 * np.finfo(np.float32).eps) ** (1 / 3), check_step)", "E: correct"),
    "step without parentheses": ("self_check('E', np.finfo(np.float32).eps ** 1 / 3, check_step)", "** binds before /"),
    "step, a third of ε": ("self_check('E', np.finfo(np.float32).eps / 3, check_step)", "** binds before /"),
    "step somewhat small": ("self_check('E', 1e-3, check_step)", "the step is too small"),
    "step far too large": ("self_check('E', 0.5, check_step)", "the step is too large"),
    "negative step": ("self_check('E', -0.005, check_step)", "a step is positive"),
    "difference, best step": ("print(draw_difference(-5).axes[0].get_title()); plt.close('all')", "slope 2.0596"),
    "difference, large step": ("print(draw_difference(-0.25).axes[0].get_title()); plt.close('all')", "10^{-0.25}"),
    "differences tried": (
        "tried.clear(); draw_difference(-5); draw_difference(-7); plt.close('all'); print(len(tried), max(tried))",
        "2 1e-05",
    ),
    "no step back": ("print(numbers_back(0)); plt.close('all')", "[]"),
    "one step back": ("print(numbers_back(1)); plt.close('all')", "['1']"),
    "all but the last step": ("print('2.06' in numbers_back(8)); plt.close('all')", "False"),
    "all steps": ("print('2.06' in numbers_back(9), '1.59' in numbers_back(9)); plt.close('all')", "True True"),
}

# The numbers that a picture with so many steps has, and one without gradients has not.
BACK = """
def numbers_back(steps):
    texts = [text.get_text() for text in draw_back(steps).axes[0].texts]
    for text in draw_back(0).axes[0].texts:
        texts.remove(text.get_text())
    return texts
"""


@pytest.fixture(scope="module")
def replies():
    """Return what the lecture prints for each of ANSWERS."""
    return replies_of(LECTURE, ANSWERS, BACK)


@pytest.mark.parametrize("name", ANSWERS)
def test_the_lecture_answers(name, replies):
    assert ANSWERS[name][1].lower() in replies[name].lower()
    assert ("E: correct" in replies[name]) == (ANSWERS[name][1] == "E: correct")


@pytest.mark.parametrize("name", [name for name in ANSWERS if name.endswith("a guess")])
def test_a_guess_is_not_told_the_answer(name, replies):
    told = replies[name].lower()
    for value in ("expected", "1048576", "1.67", "1., 4., 2.", "4.5", "[1"):
        assert value not in told


@pytest.mark.parametrize("hint", ["arrivals, exchanged", "rule without parentheses"])
def test_a_hint_is_not_the_answer(hint, replies):
    assert not any(answer in replies[hint] for answer in ("2^20", "2**20", "1 - z**2", "expected"))


def test_named_mistakes_are_named_only_where_they_were_made(replies):
    assert "one-sided" not in replies["step somewhat small"]


def test_every_exercise_begins_unanswered():
    notebook = nbformat.read(LECTURE, as_version=4)
    stored = "".join(o.get("text", "") for c in notebook.cells if c.cell_type == "code" for o in c.outputs)
    assert stored.count("not answered yet") == 5


def test_the_last_step_of_the_slider_shows_the_whole_way_back():
    from dlkit.autograd import Tensor, draw, sigmoid

    x, y = Tensor(3.0), Tensor(-4.0)
    assert draw((x + sigmoid(y)) / (sigmoid(x) + (x + y) ** 2)).steps == 9
