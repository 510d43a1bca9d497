"""The exercises of lecture 16 know right answers from wrong ones.

The lecture trains for half a minute. So it is not run whole: of its code, the cells of the exercises are run, and
before them those statements that define a name they use (imports and the data, no training), found by their names.
Further cells at the end give answers and print what the lecture says to them. That the whole lecture runs, nbval sees.
"""

import ast
import symtable
from pathlib import Path

import nbformat
import pytest
from lecture_answers import replies_of

LECTURE = Path(__file__).parents[1] / "lectures" / "16_mlp_recipes.ipynb"


def count(answer):
    """Return code that answers exercise 1."""
    return f"self_check('E', {answer}, check_parameters)"


def encode(body):
    """Return code that answers exercise 2 with this body of the function."""
    return (
        f"def one_hot(classes, n_classes):\n    {body}\n"
        "self_check('E', lambda: one_hot(np.array([2, 0, 1, 2, 0]), 4), check_one_hot)"
    )


def scatter(rows):
    """Return code that answers exercise 2 by writing 1 into these rows of an array of zeros."""
    return encode(f"rows = np.zeros((len(classes), n_classes))\n    rows[{rows}] = 1\n    return rows")


def cost(answer):
    """Return code that answers exercise 3."""
    return f"self_check('E', {answer}, check_large_scores)"


def build(body):
    """Return code that answers exercise 4 with this body of the function."""
    return f"def small_network():\n    {body}\nself_check('E', try_small_network, check_small_network)"


def stack(*layers, optimizer="'adam'", loss="categorical_crossentropy", end="return model"):
    """Return code that answers exercise 4 with these layers."""
    return build(
        f"model = Sequential([{', '.join(layers)}], seed=0)\n"
        f"    model.compile(loss='{loss}', optimizer={optimizer})\n    {end}"
    )


def first(units):
    """Return a first layer with so many units."""
    return f"Dense({units}, activation='relu', input_shape=(784,))"


LAST = "Dense(10, activation='softmax')"
SMALL = first(70), "Dense(32, activation='relu')", LAST  # 97 to 98 of 100 images right, whatever the seed

# what is tried → (code, what the answer must contain)
ANSWERS = {
    "count not given": (count("parameters"), "not answered yet"),
    "count right": (count("269322"), "E: correct"),
    "count right, layer by layer": (count("785 * 256 + 257 * 256 + 257 * 10"), "E: correct"),
    "count right, as a float": (count("269322.0"), "E: correct"),
    "count right, as Keras has it": (
        "model = Sequential([Dense(256, input_shape=(784,)), Dense(256), Dense(10)])\n" + count("model.count_params()"),
        "E: correct",
    ),
    "count right, over the arrays": (
        count("np.sum([n * m + m for n, m in zip((784, 256, 256), (256, 256, 10))])"),
        "E: correct",
    ),
    "count of the weights": (count("784 * 256 + 256 * 256 + 256 * 10"), "the biases are missing"),
    "count with a bias for each input": (count("268800 + 784 + 256 + 256"), "as many biases as outputs"),
    "count with one bias a layer": (count("268800 + 3"), "one bias for each unit"),
    "count without a hidden layer": (count("785 * 256 + 257 * 10"), "one hidden layer is missing"),
    "count without the output layer": (count("785 * 256 + 257 * 256"), "the output layer is missing"),
    "count of the other model": (count("669_706"), "the model of section 3"),
    "count, multiplied": (count("784 * 256 * 256 * 10"), "not multiplied"),
    "count of the first layer": (count("785 * 256"), "this is not it"),
    "count, layer by layer": (count("[200960, 65792, 2570]"), "a single number, got shape (3,)"),
    "count with a comma": (count("(269,322)"), "a single number, got shape (2,)"),
    "count as text": (count("'269,322'"), "of type str"),
    "count, not a number": (count("float('nan')"), "not a finite number"),
    "count, a guess": (count("7"), "this is not it.\nThe hint above"),
    "one-hot not given": (encode("return None"), "not answered yet"),
    "one-hot right": (encode("return np.eye(n_classes)[classes]"), "E: correct"),
    "one-hot right, whole numbers": (encode("return np.eye(n_classes, dtype=int)[classes]"), "E: correct"),
    "one-hot right, as lists": (encode("return np.eye(n_classes)[classes].tolist()"), "E: correct"),
    "one-hot right, compared": (encode("return classes[:, None] == np.arange(n_classes)"), "E: correct"),
    "one-hot right, compared, in 32 bits": (
        encode("return (np.arange(n_classes) == classes.reshape(-1, 1)).astype('float32')"),
        "E: correct",
    ),
    "one-hot right, written into zeros": (scatter("np.arange(len(classes)), classes"), "E: correct"),
    "one-hot right, taken": (encode("return np.identity(n_classes).take(classes, axis=0)"), "E: correct"),
    "one-hot right, transposed twice": (encode("return np.eye(n_classes)[:, classes].T"), "E: correct"),
    "one-hot transposed": (encode("return np.eye(n_classes)[:, classes]"), "this is the transpose"),
    "one-hot, the unit matrix": (encode("return np.eye(n_classes)"), "pick them by class"),
    "one-hot, classes from 1": (encode("return np.eye(n_classes)[classes - 1]"), "counted from 0"),
    "one-hot, classes from -1": (encode("return np.eye(n_classes)[classes + 2]"), "stopped with IndexError"),
    "one-hot reversed": (encode("return classes[:, None] != np.arange(n_classes)"), "the other way round"),
    "one-hot with the number": (
        encode("return np.eye(n_classes)[classes] * classes[:, None]"),
        "whatever its number",
    ),
    "one-hot, all columns written": (scatter(":, classes"), "all rows were written at once"),
    "one-hot, all rows written": (scatter("classes"), "this is not it"),
    "one-hot, up to the class": (encode("return classes[:, None] >= np.arange(n_classes)"), "this is not it"),
    "one-hot, sorted": (encode("return np.eye(n_classes)[np.sort(classes)]"), "in the order of the samples"),
    "one-hot, a row for all": (encode("return np.eye(n_classes)[classes].sum(axis=0)"), "got shape (4,)"),
    "one-hot, as wide as it is long": (encode("return np.eye(len(classes))[classes]"), "got shape (5, 5)"),
    "one-hot, as wide as the largest class": (encode("return np.eye(classes.max() + 1)[classes]"), "not yet"),
    "one-hot, as wide as there are classes": (encode("return np.eye(len(set(classes)))[classes]"), "not yet"),
    "one-hot, the classes": (encode("return classes"), "got shape (5,)"),
    "one-hot compared without an axis": (encode("return classes == np.arange(n_classes)"), "stopped with ValueError"),
    "one-hot that stops": (encode("return eye(n_classes)[classes]"), "stopped with NameError"),
    "one-hot without return": (encode("np.eye(n_classes)[classes]"), "`return` is missing"),
    "one-hot, a guess": (encode("return np.full((len(classes), n_classes), 7)"), "this is not it.\nThe hint above"),
    "cost not given": (cost("cost_of_large_scores"), "not answered yet"),
    "cost right": (cost("100 * np.sqrt(2) / np.sqrt(2 * np.pi)"), "E: correct"),
    "cost right, cancelled": (cost("100 / np.pi**0.5"), "E: correct"),
    "cost right, rounded": (cost("56"), "E: correct"),
    "cost right, in 32 bits": (cost("np.float32(56.4)"), "E: correct"),
    "cost right, drawn": (
        "s = 100 * np.random.default_rng(0).normal(size=(100_000, 2))\n"
        + cost("(np.logaddexp(s[:, 0], s[:, 1]) - s[:, 0]).mean()"),
        "E: correct",
    ),
    "cost, doubled": (cost("200 / np.sqrt(np.pi)"), "half of that of |d|"),
    "cost with one score's deviation": (cost("100 / np.sqrt(2 * np.pi)"), "twice the variance"),
    "cost without the root of 2π": (cost("100 * 2**0.5"), "standard deviation of the difference"),
    "cost, one score's deviation": (cost("100"), "one score's standard deviation"),
    "cost of equal scores": (cost("np.log(2)"), "the cost of equal scores"),
    "cost, divided by 2π": (cost("100 * np.sqrt(2) / (2 * np.pi)"), "√(2π), not by 2π"),
    "cost, deviation doubled": (cost("200 / np.sqrt(2 * np.pi)"), "this is not it"),
    "cost from the variance": (cost("20_000 / np.sqrt(2 * np.pi)"), "this is not it"),
    "cost, half the deviation": (cost("100 * np.sqrt(2) / 2"), "this is not it"),
    "cost, negative": (cost("-56.4"), "not negative"),
    "cost, infinite": (cost("np.inf"), "not a finite number"),
    "cost in a list": (cost("[56.4]"), "a single number, got shape (1,)"),
    "cost, words": (cost("'about 56'"), "of type str"),
    "cost, a guess": (cost("7"), "this is not it.\nThe hint above"),
    "network not given": (build("return None"), "not answered yet"),
    "network right": (stack(*SMALL), "E: correct"),
    "network right, one hidden layer": (stack(first(75), LAST, optimizer="Adam(0.003)"), "E: correct"),
    "network right, RMSprop": (stack(*SMALL, optimizer="RMSprop(0.0005)"), "E: correct"),
    "network right, dropout": (stack(SMALL[0], "Dropout(0.1)", *SMALL[1:]), "E: correct"),
    "network right, layer by layer": (
        build(
            f"model = Sequential(seed=1)\n    for layer in ({', '.join(SMALL)}):\n        model.add(layer)\n"
            "    model.compile('adam', 'categorical_crossentropy', metrics=['accuracy'])\n    return model"
        ),
        "E: correct",
    ),
    "network of one unit too many": (stack(first(76), LAST), "60,430 parameters; at most 60,000"),
    "network of the lecture": (stack(first(512), LAST), "407,050 parameters; at most 60,000"),
    "network too wide, without input_shape": (stack("Dense(512, activation='relu')", LAST), "at most 60,000"),
    "network too narrow": (stack(first(8), LAST), "more units in the first layer"),
    "network, plain descent": (stack(first(16), LAST, optimizer="'sgd'"), "another optimizer or learning rate"),
    "network, rate far too large": (stack(first(16), LAST, optimizer="Adam(10.0)"), "learning rate"),
    "network, rate far too small": (stack(first(16), LAST, optimizer="Adam(1e-7)"), "nothing was learned"),
    "network without softmax": (stack(first(16), "Dense(10)"), "are the last layer's ten outputs a softmax"),
    "network of one output": (stack(first(16), "Dense(1)"), "y must have the shape (n, 1)"),
    "network for images of 28 by 28": (
        stack("Dense(16, activation='relu', input_shape=(28, 28))", LAST),
        "x must have the shape (n, 28, 28)",
    ),
    "network, loss for whole numbers": (
        stack(*SMALL, loss="sparse_categorical_crossentropy"),
        "y must hold a class per sample",
    ),
    "network not compiled": (build(f"return Sequential([{', '.join(SMALL)}])"), "must be compiled first"),
    "network's history": (stack(*SMALL, end="return model.fit(x_train, y_train, verbose=0)"), "got History"),
    "network in a pair": (stack(*SMALL, end="return model, 0.97"), "must return a Sequential; got tuple"),
    "network that stops": (stack(*SMALL, end="return small"), "stopped with NameError"),
    "network without return": (stack(*SMALL, end="model"), "`return` is missing"),
    "network, its accuracy": (build("return 0.97"), "must return a Sequential; got float"),
}

# an answer → the mistake that was not made in it, and must not be named
NOT_MADE = {
    "network too narrow": "nothing was learned",
    "network of the lecture": "your code stopped",
    "network's history": "your code stopped",
}


def made_and_used(source):
    """Return the names that a statement binds, and those that it needs, in its functions too."""
    tables = [symtable.symtable(source, "lecture", "exec")]
    made = {s.get_name() for s in tables[0].get_symbols() if s.is_assigned() or s.is_imported()}
    used = {s.get_name() for s in tables[0].get_symbols() if s.is_referenced()}
    while tables:
        inner = tables.pop().get_children()
        used |= {s.get_name() for table in inner for s in table.get_symbols() if s.is_global()}
        tables += inner
    return made, used


def what_the_exercises_need():
    """Return the code of the exercises' cells, and before it the statements that define what they use."""
    sources = [cell.source for cell in nbformat.read(LECTURE, as_version=4).cells if cell.cell_type == "code"]
    exercises = [source for source in sources if "\nself_check(" in source]
    statements = [
        ast.get_source_segment(source, node)
        for source in sources
        if source not in exercises
        for node in ast.parse(source).body
    ]
    needed = set().union(*(made_and_used(source)[1] for source in exercises))
    kept = []
    for statement in reversed(statements):
        made, used = made_and_used(statement)
        if made & needed:
            needed |= used
            kept.append(statement)
    return ["\n".join(reversed(kept)), *exercises]


@pytest.fixture(scope="module")
def replies():
    """Return what the lecture prints for each of ANSWERS."""
    imports = "from dlkit.keras.layers import Dense, Dropout\nfrom dlkit.keras.optimizers import Adam, RMSprop"
    return replies_of(what_the_exercises_need(), ANSWERS, imports)  # the imports are the lecture's, for answers


@pytest.mark.parametrize("name", ANSWERS)
def test_the_lecture_answers(name, replies):
    assert ANSWERS[name][1].lower() in replies[name].lower()
    assert ("E: correct" in replies[name]) == (ANSWERS[name][1] == "E: correct")


@pytest.mark.parametrize("name", [name for name in ANSWERS if name.endswith("a guess")])
def test_a_guess_is_not_told_the_answer(name, replies):
    told = replies[name].lower()
    for value in ("expected", "269", "322", "56", "[0", "[[", "eye", "π"):
        assert value not in told


@pytest.mark.parametrize("name", NOT_MADE)
def test_a_mistake_is_named_only_where_it_was_made(name, replies):
    assert NOT_MADE[name] not in replies[name].lower()


@pytest.mark.parametrize(
    "hint",
    ["count of the weights", "count with a bias for each input", "one-hot, classes from 1", "cost, doubled"],
)
def test_a_hint_is_not_the_answer(hint, replies):
    told = replies[hint]
    assert "Likely cause:" in told
    assert not any(answer in told for answer in ("269", "322", "522", "56", "eye", "[0", "Expected"))


def test_the_exercises_need_the_data_and_no_training():
    before, *exercises = what_the_exercises_need()
    assert "read_data_sets(" in before
    assert ".fit(" not in before and "train(" not in before
    assert len(exercises) == 4


def test_every_exercise_begins_unanswered():
    notebook = nbformat.read(LECTURE, as_version=4)
    stored = "".join(o.get("text", "") for c in notebook.cells if c.cell_type == "code" for o in c.outputs)
    assert stored.count("not answered yet") == 4
