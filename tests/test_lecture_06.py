"""The exercises of lecture 06 know right answers from wrong ones, and its control draws what it says.

The lecture is run once, with further cells at its end that give answers and print what the lecture says to them.
"""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

LECTURE = Path(__file__).parents[1] / "lectures" / "06_logistic_regression.ipynb"

# exercise → (code that calls its check, what the answer must contain)
ANSWERS = {
    "odds right": ("self_check('E', np.exp(ours.coef_[0, 0] / radius.std()), check_odds)", "E: correct"),
    "odds per deviation": ("self_check('E', np.exp(ours.coef_[0, 0]), check_odds)", "one standard deviation"),
    "log-odds": ("self_check('E', ours.coef_[0, 0] / radius.std(), check_odds)", "exponentiate"),
    "odds as text": ("self_check('E', 'about three', check_odds)", "not yet"),
    "radius right": (
        "self_check('E', radius.mean() + radius.std() * (np.log(9) - ours.intercept_[0]) / ours.coef_[0, 0], "
        "check_radius)",
        "E: correct",
    ),
    "radius at one half": (
        "self_check('E', radius.mean() - radius.std() * ours.intercept_[0] / ours.coef_[0, 0], check_radius)",
        "Expected 0.9",
    ),
    "margin right": (
        "self_check('E', activations.softplus(-margins), check_margin)",
        "E: correct",
    ),
    "margin sign": (
        "self_check('E', activations.softplus(margins), check_margin)",
        "sign in the exponent",
    ),
    "gradient right": (
        "self_check('E', np.r_[0, b[1:]] - 2 * X1.T @ (y - sigmoid(X1 @ b)), check_gradient)",
        "E: correct",
    ),
    "gradient with penalised intercept": (
        "self_check('E', b - 2 * X1.T @ (y - sigmoid(X1 @ b)), check_gradient)",
        "intercept is penalised",
    ),
    "gradient of the ascent": (
        "self_check('E', np.r_[0, b[1:]] + 2 * X1.T @ (y - sigmoid(X1 @ b)), check_gradient)",
        "sign of an ascent",
    ),
    "odds to three digits": ("self_check('E', 2.81, check_odds)", "E: correct"),
    "odds as an array of one": ("self_check('E', np.exp(ours.coef_ / radius.std()), check_odds)", "E: correct"),
    "standardised radius": (
        "self_check('E', (np.log(9) - ours.intercept_[0]) / ours.coef_[0, 0], check_radius)",
        "turn it back into a radius",
    ),
    "margin with the labels of 0 and 1": (
        "self_check('E', activations.softplus(np.array([-2.0, 0.5, 3.0, -1.0])) - margins, check_margin)",
        "with t = ±1",
    ),
    "an error in the student's code": ("self_check('E', lambda: [][1], check_margin)", "stopped with IndexError"),
    "a forgotten return": ("self_check('E', lambda: None, check_margin)", "`return` is missing"),
    "an argument changed in place": (
        "def penalised_gradient(b, X, y, C):\n    b[0] = 0\n    return b - C * X.T @ (y - sigmoid(X @ b))\n"
        "self_check('E', lambda: penalised_gradient(b.copy(), X1, y, C=2.0), check_gradient)",
        "not yet",
    ),
    "scores right": (
        "self_check('E', np.log([0.7, 0.2, 0.1]) - np.mean(np.log([0.7, 0.2, 0.1])), check_scores)",
        "E: correct",
    ),
    "scores to three digits": ("self_check('E', [1.066, -0.187, -0.880], check_scores)", "E: correct"),
    "scores not shifted": ("self_check('E', np.log([0.7, 0.2, 0.1]), check_scores)", "the sum of three_scores"),
    "control": ("print(draw_likelihood(14.75, 1.03).axes[0].get_title()); plt.close('all')", "= -165.0"),
    "control, worse": ("print(draw_likelihood(15, 4).axes[0].get_title()); plt.close('all')", "= -359.8"),
}


@pytest.fixture(scope="module")
def replies():
    """Return what the lecture prints for each of ANSWERS."""
    notebook = nbformat.read(LECTURE, as_version=4)
    first = len(notebook.cells) + 1
    notebook.cells.append(nbformat.v4.new_code_cell("margins = np.array([2.0, -0.5, 3.0, -1.0])"))
    notebook.cells += [nbformat.v4.new_code_cell(code) for code, _ in ANSWERS.values()]
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    texts = ("".join(o.get("text", "") for o in cell.outputs) for cell in notebook.cells[first:])
    return dict(zip(ANSWERS, texts, strict=True))


@pytest.mark.parametrize("name", ANSWERS)
def test_the_lecture_answers(name, replies):
    assert ANSWERS[name][1] in replies[name]
    assert ("E: correct" in replies[name]) == (ANSWERS[name][1] == "E: correct")


def test_every_exercise_begins_unanswered():
    notebook = nbformat.read(LECTURE, as_version=4)
    stored = "".join(o.get("text", "") for c in notebook.cells if c.cell_type == "code" for o in c.outputs)
    assert stored.count("not answered yet") == 5
