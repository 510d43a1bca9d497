"""The exercises of lecture 11 know right answers from wrong ones, and its controls draw what they say.

The lecture is run once, with further cells at its end that give answers and print what the lecture says to them.
"""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

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
    "one gradient only": (layer("X.T @ G"), "not yet"),
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
    "step right": ("self_check('E', np.finfo(np.float32).eps ** (1 / 3), check_step)", "E: correct"),
    "step right, where the sum is smallest": ("self_check('E', 0.0071, check_step)", "E: correct"),
    "step right, rounded": ("self_check('E', 5e-3, check_step)", "E: correct"),
    "step of the one-sided difference": ("self_check('E', 3.5e-4, check_step)", "for the one-sided difference"),
    "step of float64": ("self_check('E', 6e-6, check_step)", "the step for float64"),
    "step of one rounding error": ("self_check('E', 1.2e-7, check_step)", "h was set to ε"),
    "step far too large": ("self_check('E', 0.5, check_step)", "the step is too large"),
    "negative step": ("self_check('E', -0.005, check_step)", "a step is positive"),
    "difference, best step": ("print(draw_difference(-5).axes[0].get_title()); plt.close('all')", "slope 2.0596"),
    "difference, large step": ("print(draw_difference(-0.25).axes[0].get_title()); plt.close('all')", "10^{-0.25}"),
    "no step back": ("print(red_numbers(0)); plt.close('all')", "[]"),
    "one step back": ("print(red_numbers(1)); plt.close('all')", "['1']"),
    "all but the last step": ("print('2.06' in red_numbers(8)); plt.close('all')", "False"),
    "all steps": ("print('2.06' in red_numbers(9), '1.59' in red_numbers(9)); plt.close('all')", "True True"),
}

# The numbers that a picture with so many steps has, and one without gradients has not.
RED = """
def red_numbers(steps):
    texts = [text.get_text() for text in draw_back(steps).axes[0].texts]
    for text in draw_back(0).axes[0].texts:
        texts.remove(text.get_text())
    return texts
"""


@pytest.fixture(scope="module")
def replies():
    """Return what the lecture prints for each of ANSWERS."""
    notebook = nbformat.read(LECTURE, as_version=4)
    first = len(notebook.cells) + 1
    notebook.cells.append(nbformat.v4.new_code_cell(RED))
    notebook.cells += [nbformat.v4.new_code_cell(code) for code, _ in ANSWERS.values()]
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    texts = ("".join(o.get("text", "") for o in cell.outputs) for cell in notebook.cells[first:])
    return dict(zip(ANSWERS, texts, strict=True))


@pytest.mark.parametrize("name", ANSWERS)
def test_the_lecture_answers(name, replies):
    assert ANSWERS[name][1].lower() in replies[name].lower()
    assert ("E: correct" in replies[name]) == (ANSWERS[name][1] == "E: correct")


def test_every_exercise_begins_unanswered():
    notebook = nbformat.read(LECTURE, as_version=4)
    stored = "".join(o.get("text", "") for c in notebook.cells if c.cell_type == "code" for o in c.outputs)
    assert stored.count("not answered yet") == 5


def test_the_last_step_of_the_slider_shows_the_whole_way_back():
    from dlkit.autograd import Tensor, draw, sigmoid

    x, y = Tensor(3.0), Tensor(-4.0)
    assert draw((x + sigmoid(y)) / (sigmoid(x) + (x + y) ** 2)).steps == 9
