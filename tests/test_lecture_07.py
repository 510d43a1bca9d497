"""The exercises of lecture 07 know right answers from wrong ones, and its slider draws what it says.

The lecture is run once, with further cells at its end that give answers and print what the lecture says to them.
"""

from pathlib import Path

import nbformat
import pytest
from lecture_answers import replies_of

LECTURE = Path(__file__).parents[1] / "lectures" / "07_support_vector_machines.ipynb"


def distances(answer):
    """Return code that answers exercise 1 so."""
    return f"self_check('E', {answer}, check_distances)"


def slacks(answer):
    """Return code that answers exercise 2 so."""
    return f"f, y4 = np.array([2.5, 0.3, -0.2, -3]), np.array([1, 1, -1, 1])\nself_check('E', {answer}, check_slacks)"


def boundary(body):
    """Return code that answers exercise 3 with this body of the function."""
    return (
        f"def boundary_from_dual(alpha, X, y):\n    k = np.argmax(alpha)\n    w = X.T @ (alpha * y)\n    {body}\n"
        "self_check('E', lambda: boundary_from_dual(exercise_alpha.copy(), X.copy(), y.copy()), check_boundary)"
    )


def prices(expression):
    """Return code that answers exercise 4 with this function of alpha."""
    return (
        f"def margin_from_prices(alpha):\n    return {expression}\n"
        "self_check('E', lambda: margin_from_prices(prices.copy()), check_margin)"
    )


def bound(body, plus="1 / 212", minus="1 / 357"):
    """Return code that answers exercise 5 with these prices for the two classes, scaled down, and this body."""
    return (
        f"def lower_bound(X, y, C):\n    alpha = 0.5 * C * np.where(y > 0, {plus}, {minus})\n"
        f"    v = X.T @ (alpha * y)\n"
        f"    {body}\nself_check('E', lambda: lower_bound(Z.copy(), t.copy(), C=1.0), check_lower_bound)"
    )


# what is tried → (code, what the answer must contain)
ANSWERS = {
    "distances right": (distances("(0.4, 3)"), "E: correct"),
    "distances right, computed": (
        distances("np.array([2, abs(3 * 1 - 4 * 5 + 2)]) / np.hypot(3, 4)"),
        "E: correct",
    ),
    "distances, half the margin": (distances("(0.2, 3)"), "half the margin"),
    "distances, the score": (distances("(0.4, 15)"), "not yet a distance"),
    "distances, the score with its sign": (distances("(0.4, -15)"), "and it has a sign"),
    "distances, a sign": (distances("(0.4, -3)"), "a distance is not negative"),
    "distances, root missing": (distances("(2 / 25, 15 / 25)"), "the root is missing"),
    "distances, sum of sizes": (distances("(2 / 7, 15 / 7)"), "not the sum of the sizes"),
    "distances, b missing": (distances("(0.4, 3.4)"), "b is missing"),
    "distances, b subtracted": (distances("(0.4, 3.8)"), "b was subtracted"),
    "distances, from the margin line": (distances("(0.4, 2.8)"), "not from f = 0"),
    "distances, exchanged": (distances("(3, 0.4)"), "are exchanged"),
    "distances, a guess": (distances("(7, 7)"), "this is not it.\nThe hint above"),
    "distances, one number": (distances("0.4"), "Expected shape (2,)"),
    "distances, words": (distances("'two over five'"), "not yet"),
    "slacks right": (slacks("[0, 0.7, 0.8, 4]"), "E: correct"),
    "slacks right, computed": (slacks("np.maximum(0, 1 - y4 * f)"), "E: correct"),
    "slacks right, by dlkit": (slacks("losses.hinge_loss(y4 * f)"), "E: correct"),
    "slacks, not cut off": (slacks("1 - y4 * f"), "cut off at 0"),
    "slacks without labels": (slacks("np.maximum(0, 1 - f)"), "the label is missing"),
    "slacks of the perceptron": (slacks("np.maximum(0, -y4 * f)"), "loss of the perceptron"),
    "slacks, the margins": (slacks("y4 * f"), "these are the margins"),
    "slacks, the errors": (slacks("losses.zero_one_loss(y4 * f)"), "these are errors"),
    "slacks, at most 1": (slacks("np.clip(1 - y4 * f, 0, 1)"), "no upper limit"),
    "slacks squared": (slacks("losses.squared_hinge_loss(y4 * f)"), "squares of the slacks"),
    "slacks, a sign": (slacks("np.maximum(0, 1 + y4 * f)"), "1 + m was taken"),
    "slacks, a guess": (slacks("[7, 7, 7, 7]"), "this is not it.\nThe hint above"),
    "slacks, three of four": (slacks("[0, 0.7, 0.8]"), "Expected shape (4,)"),
    "boundary right": (boundary("return w, y[k] - w @ X[k]"), "E: correct"),
    "boundary right, by a loop": (
        boundary(
            "w = [0, 0]\n    for i in range(len(y)):\n        w = [w[0] + alpha[i] * y[i] * X[i, 0], "
            "w[1] + alpha[i] * y[i] * X[i, 1]]\n    return w, y[k] - w[0] * X[k, 0] - w[1] * X[k, 1]"
        ),
        "E: correct",
    ),
    "boundary right, mean over support vectors": (
        boundary("s = alpha > 0\n    return w, np.mean(y[s] - X[s] @ w)"),
        "E: correct",
    ),
    "boundary right, halfway": (
        boundary("f = X @ w\n    return w, -(f[y > 0].min() + f[y < 0].max()) / 2"),
        "E: correct",
    ),
    "boundary without labels": (boundary("return X.T @ alpha, 0.0"), "the labels are missing"),
    "boundary without prices": (boundary("return X.T @ y, 0.0"), "the dual values are missing: w"),
    "boundary from support vectors, without prices": (
        boundary("s = alpha > 0\n    return X[s].T @ y[s], 0.0"),
        "only support vectors were added up",
    ),
    "boundary turned round": (boundary("return -w, 0.0"), "the sign is reversed"),
    "boundary averaged": (boundary("return w / len(y), 0.0"), "not a mean"),
    "b with the sign reversed": (boundary("return w, w @ X[k] - y[k]"), "the sign is reversed"),
    "b from the boundary": (boundary("return w, -w @ X[k]"), "not on the boundary"),
    "b without the label": (boundary("k = 24; return w, 1 - w @ X[k]"), "the label is missing"),
    "b of the dual's constraint": (boundary("return w, alpha @ y"), "which is 0"),
    "b from any sample": (boundary("return w, y[0] - w @ X[0]"), "sample 0 is none"),
    "b from all samples": (boundary("return w, np.mean(y - X @ w)"), "the mean over all samples"),
    "b, the sum": (boundary("s = alpha > 0\n    return w, np.sum(y[s] - X[s] @ w)"), "the sum was taken"),
    "boundary, a guess": (boundary("return w, 7.0"), "this is not it.\nThe hint above"),
    "boundary, w alone": (boundary("return w"), "Return two things"),
    "boundary, nothing": (boundary("pass"), "`return` is missing"),
    "boundary that stops": (boundary("return w, z"), "stopped with NameError"),
    "prices right": (prices("2 / np.sqrt(alpha.sum())"), "E: correct"),
    "prices right, by a power": (prices("2 * sum(alpha) ** -0.5"), "E: correct"),
    "prices, half": (prices("1 / np.sqrt(alpha.sum())"), "half the margin"),
    "prices, root missing": (prices("2 / alpha.sum()"), "the root is missing"),
    "prices, twice the sum": (prices("2 / np.sqrt(2 * alpha.sum())"), "not ½‖w‖²"),
    "prices, half the sum": (prices("2 / np.sqrt(alpha.sum() / 2)"), "not 2‖w‖²"),
    "prices, length of α": (prices("2 / np.linalg.norm(alpha)"), "length of the vector α"),
    "prices, the length of w": (prices("np.sqrt(alpha.sum())"), "this is ‖w‖; the margin"),
    "prices, its square": (prices("alpha.sum()"), "this is ‖w‖²"),
    "prices, the largest": (prices("2 / np.sqrt(alpha.max())"), "not only the largest"),
    "prices, the mean": (prices("2 / np.sqrt(alpha.mean())"), "not their mean"),
    "prices, nothing": (prices("None"), "`return` is missing"),
    "prices, a guess": (prices("7.0"), "this is not it.\nThe hint above"),
    "bound right": (bound("return alpha, alpha.sum() - v @ v / 2"), "E: correct"),
    "bound right, by a list": (
        bound("return list(alpha), float(sum(alpha) - np.linalg.norm(v) ** 2 / 2)"),
        "E: correct",
    ),
    "bound right, the optimum": (
        "def lower_bound(X, y, C):\n    a = balanced(np.clip(soft_margin(X, y, C)[3], 0, C), y)\n"
        "    return a, dual(a, X, y)\n"
        "self_check('E', lambda: lower_bound(Z.copy(), t.copy(), C=1.0), check_lower_bound)",
        "E: correct",
    ),
    "bound without the half": (bound("return alpha, alpha.sum() - v @ v"), "the factor ½ is missing"),
    "bound without the square": (
        bound("return alpha, alpha.sum() - np.sqrt(v @ v) / 2"),
        "the square is missing",
    ),
    "bound without labels": (bound("v = X.T @ alpha; return alpha, alpha.sum() - v @ v / 2"), "the labels are missing"),
    "bound exchanged": (bound("return alpha, v @ v / 2 - alpha.sum()"), "are exchanged"),
    "bound added": (bound("return alpha, alpha.sum() + v @ v / 2"), "subtracted, not added"),
    "bound with the labels in the sum": (bound("return alpha, alpha @ y - v @ v / 2"), "it is the sum of αᵢ"),
    "bound, constant prices": (bound("return alpha, alpha.sum() - v @ v / 2", "0.01", "0.01"), "the same sum"),
    "bound, negative prices": (bound("return -alpha, alpha.sum() - v @ v / 2"), "not negative"),
    "bound, prices too high": (
        bound("return alpha, alpha.sum() - v @ v / 2", "4 / 212 * 357", "4.0"),
        "none may exceed C",
    ),
    "bound, below zero": (bound("return alpha, alpha.sum() - v @ v / 2", "1.0", "212 / 357"), "0 is a better one"),
    "bound, no prices": (bound("return 0 * alpha, 0.0"), "all prices are 0"),
    "bound, two prices": (bound("return [0.1, 0.1], 0.1"), "one number for each sample"),
    "bound, alone": (bound("return alpha.sum() - v @ v / 2"), "Return two things"),
    "bound, a guess": (bound("return alpha, 7.0"), "not yet"),
    "slider, C = 1": ("print(draw_soft_margin(0).axes[0].get_title()); plt.close('all')", "= 107.4, errors 47"),
    "slider, margin": ("print(draw_soft_margin(0).axes[0].get_title()); plt.close('all')", "margin 0.92,"),
    "slider, smallest C": ("print(draw_soft_margin(-5).axes[0].get_title()); plt.close('all')", "errors 212"),
    "slider, largest C": ("print(draw_soft_margin(3).axes[0].get_title()); plt.close('all')", "= 107.3, errors 47"),
    "slider, rings": ("print(rings(0), rings(-1)); plt.close('all')", "114 140"),
}

RINGS = """
def rings(exponent):
    (ring,) = [c for c in draw_soft_margin(exponent).axes[0].collections if c.get_label() == "support vector"]
    return len(ring.get_offsets())
"""


@pytest.fixture(scope="module")
def replies():
    """Return what the lecture prints for each of ANSWERS."""
    return replies_of(LECTURE, ANSWERS, RINGS)


@pytest.mark.parametrize("name", ANSWERS)
def test_the_lecture_answers(name, replies):
    assert ANSWERS[name][1].lower() in replies[name].lower()
    assert ("E: correct" in replies[name]) == (ANSWERS[name][1] == "E: correct")


@pytest.mark.parametrize("name", [name for name in ANSWERS if name.endswith("a guess") and name != "bound, a guess"])
def test_a_guess_is_not_told_the_answer(name, replies):
    told = replies[name].lower()
    for value in ("expected", "0.4", "3.0", "0.7", "-1.05"):
        assert value not in told


def test_every_exercise_begins_unanswered():
    notebook = nbformat.read(LECTURE, as_version=4)
    stored = "".join(o.get("text", "") for c in notebook.cells if c.cell_type == "code" for o in c.outputs)
    assert stored.count("not answered yet") == 5
