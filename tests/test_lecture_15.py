"""The exercises of lecture 15 know right answers from wrong ones.

The lecture is run once, with further cells at its end that give answers and print what the lecture says to them.
"""

from pathlib import Path

import nbformat
import numpy as np
import pytest
from lecture_answers import replies_of

LECTURE = Path(__file__).parents[1] / "lectures" / "15_computational_graphs.ipynb"

# exercise 3: its data, the second derivatives of its loss and their eigenvalues
POINTS = np.array([0.0, 2.0, 4.0])
H = 2 * np.array([[POINTS @ POINTS, POINTS.sum()], [POINTS.sum(), len(POINTS)]])
SMALL, LARGE = (float(value) for value in np.linalg.eigvalsh(H))

ERRORS = "tf.reduce_sum(tf.square(prediction - target))"
PENALTY = "tf.reduce_sum(tf.square(weights))"
GRADIENTS = "gradients = tf.gradients(loss, variables)\n    "
EACH = "for v, g in zip(variables, gradients)"


def shape(answer):
    """Return code that answers exercise 1."""
    return f"self_check('E', {answer}, check_shape)"


def ridge(expression):
    """Return code that answers exercise 2 with this loss."""
    return (
        f"def ridge_loss(prediction, target, weights, alpha):\n    return {expression}\n"
        "self_check('E', try_ridge, check_ridge)"
    )


def rate(answer):
    """Return code that answers exercise 3."""
    return f"self_check('E', {answer}, check_rate)"


def descend(body):
    """Return code that answers exercise 4 with this body of the function."""
    return f"def descend(loss, variables, rate):\n    {body}\nself_check('E', try_descend, check_descend)"


def each(operation):
    """Return code that answers exercise 4 with this operation for each variable v and its gradient g."""
    return descend(f"{GRADIENTS}return [{operation} {EACH}]")


# what is tried → (code, what the answer must contain)
ANSWERS = {
    "shape not given": (shape("shape_of_the_layer"), "not answered yet"),
    "shape right": (shape("[None, 2]"), "E: correct"),
    "shape right, as a tuple": (shape("(None, 2)"), "E: correct"),
    "shape right, as an array": (shape("np.array([None, 2])"), "E: correct"),
    "shape right, as the graph has it": (
        "with tf.Graph().as_default():\n    x, W = tf.placeholder(tf.float32, [None, 3]), 3 * [[0.0, 0.0]]\n"
        "    made = tf.matmul(x, tf.Variable(W)) + tf.Variable([0.0, 0.0])\n"
        "self_check('E', made.shape.as_list(), check_shape)",
        "E: correct",
    ),
    "shape, nothing in it": (shape("[]"), "it has axes"),
    "shape of x": (shape("[None, 3]"), "meet and disappear"),
    "shape of W": (shape("[3, 2]"), "the shape of W"),
    "shape of b": (shape("[2]"), "the rows stay"),
    "shape, columns first": (shape("[2, None]"), "rows come first"),
    "shape of one row": (shape("[1, 2]"), "was left open"),
    "shape, both unknown": (shape("[None, None]"), "the number of columns is known"),
    "shape, rows only": (shape("[None]"), "each row gives"),
    "shape, a guess": (shape("[7]"), "[7] is not it"),
    "shape, three axes": (shape("[None, 3, 2]"), "[None, 3, 2] is not it"),
    "shape, one number": (shape("2"), "not yet"),
    "shape, words": (shape("'any number of rows'"), "not yet"),
    "ridge not given": (ridge("None"), "not answered yet"),
    "ridge right": (ridge(f"{ERRORS} + alpha * {PENALTY}"), "E: correct"),
    "ridge right, with powers": (
        ridge("tf.reduce_sum((prediction - target) ** 2) + alpha * tf.reduce_sum(weights**2)"),
        "E: correct",
    ),
    "ridge right, with functions for operators": (
        ridge(f"tf.add({ERRORS}, tf.multiply(tf.constant(alpha), {PENALTY}))"),
        "E: correct",
    ),
    "ridge right, alpha in the sum": (ridge(f"tf.reduce_sum(alpha * weights * weights) + {ERRORS}"), "E: correct"),
    "ridge right, by l2_loss": (
        ridge("2 * (tf.nn.l2_loss(target - prediction) + alpha * tf.nn.l2_loss(weights))"),
        "E: correct",
    ),
    "ridge without the penalty": (ridge(ERRORS), "the penalty is missing"),
    "ridge without alpha": (ridge(f"{ERRORS} + {PENALTY}"), "alpha is missing"),
    "ridge, errors averaged": (
        ridge(f"tf.reduce_mean(tf.square(prediction - target)) + alpha * {PENALTY}"),
        "errors are to be summed",
    ),
    "ridge, weights averaged": (
        ridge(f"{ERRORS} + alpha * tf.reduce_mean(tf.square(weights))"),
        "weights are to be summed",
    ),
    "ridge, weights summed first": (
        ridge(f"{ERRORS} + alpha * tf.square(tf.reduce_sum(weights))"),
        "square each weight, then sum",
    ),
    "ridge, lasso": (ridge(f"{ERRORS} + alpha * tf.reduce_sum(tf.abs(weights))"), "absolute values were taken"),
    "ridge, root of the penalty": (ridge(f"{ERRORS} + alpha * tf.sqrt({PENALTY})"), "not its root"),
    "ridge, alpha squared": (ridge(f"{ERRORS} + alpha**2 * {PENALTY}"), "alpha is not squared"),
    "ridge, alpha squared with the weights": (
        ridge(f"{ERRORS} + tf.reduce_sum(tf.square(alpha * weights))"),
        "alpha is not squared",
    ),
    "ridge halved": (ridge(f"({ERRORS} + alpha * {PENALTY}) / 2"), "no factor 1/2"),
    "ridge, penalty subtracted": (ridge(f"{ERRORS} - alpha * {PENALTY}"), "the penalty is added"),
    "ridge, one loss for each sample": (ridge(f"tf.square(prediction - target) + alpha * {PENALTY}"), "one number"),
    "ridge, one penalty for each weight": (ridge(f"{ERRORS} + alpha * tf.square(weights)"), "a single number, got"),
    "ridge, errors summed first": (
        ridge(f"tf.square(tf.reduce_sum(prediction - target)) + alpha * {PENALTY}"),
        "square each error, then sum",
    ),
    "ridge, errors not squared": (
        ridge(f"tf.reduce_sum(prediction - target) + alpha * {PENALTY}"),
        "square the errors",
    ),
    "ridge, half the errors": (ridge(f"tf.nn.l2_loss(prediction - target) + alpha * {PENALTY}"), "this is not it"),
    "ridge, half the penalty": (ridge(f"{ERRORS} + alpha * tf.nn.l2_loss(weights)"), "this is not it"),
    "ridge, alpha before everything": (ridge(f"alpha * ({ERRORS} + {PENALTY})"), "this is not it"),
    "ridge, everything averaged": (
        ridge("tf.reduce_mean(tf.square(prediction - target)) + alpha * tf.reduce_mean(tf.square(weights))"),
        "this is not it",
    ),
    "ridge, a guess": (ridge("tf.constant(7.0)"), "this is not it.\nThe hint above"),
    "ridge as a number": (ridge("7.0"), "must return one tensor of the graph; got float"),
    "ridge with numpy": (ridge("np.sum((prediction - target) ** 2)"), "stopped with TypeError"),
    "ridge run at once": (ridge(f"tf.Session().run({ERRORS})"), "You must feed a value for placeholder"),
    "ridge of the lecture's loss": (ridge(f"loss + alpha * {PENALTY}"), "different graphs"),
    "ridge that stops": (ridge(f"{ERRORS} + alpha * penalty"), "stopped with NameError"),
    "ridge without return": (ridge(f"None\n    {ERRORS} + alpha * {PENALTY}"), "`return` is missing"),
    "rate not given": (rate("largest_rate"), "not answered yet"),
    "rate right": (rate(2 / LARGE), "E: correct"),
    "rate right, rounded": (rate(f"{2 / LARGE:.3g}"), "E: correct"),
    "rate right, computed": (
        f"points = np.array({POINTS.tolist()})\n"
        "design = np.column_stack([points, np.ones(len(points))])\n"
        "self_check('E', 2 / np.linalg.norm(2 * design.T @ design, 2), check_rate)",
        "E: correct",
    ),
    "rate right, in 32 bits": (rate(f"np.float32({2 / LARGE})"), "E: correct"),
    "rate without the 2 in H": (rate(4 / LARGE), "the factor 2 of the squared errors"),
    "rate for a monotone descent": (rate(1 / LARGE), "2/λ, not 1/λ"),
    "rate of the smallest eigenvalue": (rate(2 / SMALL), "not the smallest"),
    "the eigenvalue itself": (rate(LARGE), "2 divided by it"),
    "rate of W alone": (rate(2 / H[0, 0]), "W and b move together"),
    "rate of the lecture": (rate(2 / (34 + 1076**0.5)), "the data of the lecture"),
    "both eigenvalues": (rate([SMALL, LARGE]), "a single number, got shape (2,)"),
    "rate, negative": (rate(-2 / LARGE), "this is not it"),
    "rate, not a number": (rate("np.nan"), "not a finite number"),
    "rate, words": (rate("'2 over the eigenvalue'"), "not yet"),
    "rate, a guess": (rate("7"), "this is not it.\nThe hint above"),
    "step not given": (descend("return None"), "not answered yet"),
    "step right": (each("v.assign_sub(rate * g)"), "E: correct"),
    "step right, with assign": (each("v.assign(v - rate * g)"), "E: correct"),
    "step right, with functions": (
        descend(f"{GRADIENTS}return tuple(tf.assign_sub(v, rate * g) {EACH})"),
        "E: correct",
    ),
    "step right, as one operation": (
        descend(f"{GRADIENTS}return tf.group(*[v.assign_sub(rate * g) {EACH}])"),
        "E: correct",
    ),
    "step right, gradients one by one": (
        descend(
            f"gradients = [tf.gradients(loss, [v])[0] for v in variables]\n    return [v.assign_sub(rate * g) {EACH}]"
        ),
        "E: correct",
    ),
    "step right, new values first": (
        descend(f"{GRADIENTS}new = [v - rate * g {EACH}]\n    return [v.assign(n) for v, n in zip(variables, new)]"),
        "E: correct",
    ),
    "step right, in the other order": (
        descend(f"{GRADIENTS}return [v.assign_sub(rate * g) {EACH}][::-1]"),
        "E: correct",
    ),
    "step, one variable after the other": (
        descend("return [v.assign_sub(rate * tf.gradients(loss, [v])[0]) for v in variables]"),
        "the gradient by v was taken after u had moved",
    ),
    "step, one after the other with assign": (
        descend("return [v.assign(v - rate * tf.gradients(loss, v)[0]) for v in variables]"),
        "the gradient by v was taken after u had moved",
    ),
    "step, the last variable first": (
        descend("return [v.assign_sub(rate * tf.gradients(loss, [v])[0]) for v in variables[::-1]]"),
        "the gradient by u was taken after v had moved",
    ),
    "step uphill": (each("v.assign_add(rate * g)"), "uphill"),
    "step without the rate": (each("v.assign_sub(g)"), "the rate is missing"),
    "step without assign": (each("v - rate * g"), "nothing has moved"),
    "the gradients only": (descend("return tf.gradients(loss, variables)"), "nothing has moved"),
    "the variables only": (
        descend(f"{GRADIENTS}{EACH}:\n        v.assign_sub(rate * g)\n    return variables"),
        "nothing has moved",
    ),
    "set to the step": (each("v.assign(rate * g)"), "set to the step"),
    "set to minus the step": (each("v.assign(-rate * g)"), "set to minus the step"),
    "step of the first variable": (
        descend(f"{GRADIENTS}{EACH}:\n        return v.assign_sub(rate * g)"),
        "only the first variable",
    ),
    "step of the last variable": (
        descend(f"{GRADIENTS}{EACH}:\n        last = v.assign_sub(rate * g)\n    return last"),
        "only the last variable",
    ),
    "step twice": (
        descend(f"{GRADIENTS}return [v.assign_sub(rate * g) {EACH}] + [v.assign_sub(rate * g) {EACH}]"),
        "the step was made twice",
    ),
    "step run at once": (
        descend(f"{GRADIENTS}return tf.Session().run([v.assign_sub(rate * g) {EACH}])"),
        "uninitialized value u",
    ),
    "step as a generator": (descend(f"{GRADIENTS}return (v.assign_sub(rate * g) {EACH})"), "stopped with TypeError"),
    "step of the list": (descend(f"{GRADIENTS}return variables.assign_sub(gradients)"), "stopped with AttributeError"),
    "step that is not a number": (each("v.assign_sub(rate * g * np.nan)"), "not a finite number"),
    "step without return": (
        descend(f"{GRADIENTS}{EACH}:\n        v.assign_sub(rate * g)"),
        "`return` is missing",
    ),
    "step, a guess": (each("v.assign(7 * v)"), "this is not it.\nThe hint above"),
}


# an answer → the mistake that was not made in it, and must not be named
NOT_MADE = {
    "ridge, half the errors": "averaged",
    "ridge, half the penalty": "alpha is not squared",
    "ridge, alpha before everything": "averaged",
    "ridge, everything averaged": "the penalty is missing",
    "ridge, errors summed first": "averaged",
    "ridge, penalty subtracted": "is missing",
    "shape, a guess": "likely cause",
    "rate, negative": "likely cause",
}


@pytest.fixture(scope="module")
def replies():
    """Return what the lecture prints for each of ANSWERS."""
    return replies_of(LECTURE, ANSWERS)


@pytest.mark.parametrize("name", ANSWERS)
def test_the_lecture_answers(name, replies):
    assert ANSWERS[name][1].lower() in replies[name].lower()
    assert ("E: correct" in replies[name]) == (ANSWERS[name][1] == "E: correct")


@pytest.mark.parametrize("name", [name for name in ANSWERS if name.endswith("a guess")])
def test_a_guess_is_not_told_the_answer(name, replies):
    told = replies[name].lower()
    for value in ("expected", "[none", "none, 2", "30.7", f"{2 / LARGE:.3g}"[1:], "-0.1", "-0.8", "-1.6"):
        assert value not in told


@pytest.mark.parametrize("name", NOT_MADE)
def test_a_mistake_is_named_only_where_it_was_made(name, replies):
    assert NOT_MADE[name] not in replies[name].lower()


@pytest.mark.parametrize("hint", ["ridge without alpha", "ridge, lasso", "rate of W alone", "step without the rate"])
def test_a_hint_is_not_the_answer(hint, replies):
    told = replies[hint]
    assert "Likely cause:" in told
    assert not any(answer in told for answer in ("reduce_sum", "30.7", f"{2 / LARGE:.3g}"[1:], "-0.8", "Expected"))


def test_every_exercise_begins_unanswered():
    notebook = nbformat.read(LECTURE, as_version=4)
    stored = "".join(o.get("text", "") for c in notebook.cells if c.cell_type == "code" for o in c.outputs)
    assert stored.count("not answered yet") == 4


def test_the_line_of_the_slides_is_learned_to_the_last_digit():
    notebook = nbformat.read(LECTURE, as_version=4)
    stored = "".join(o.get("text", "") for c in notebook.cells if c.cell_type == "code" for o in c.outputs)
    assert "W: [-0.9999969] b: [0.9999908] loss: 5.69997e-11" in stored
