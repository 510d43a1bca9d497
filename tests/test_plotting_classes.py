"""A decision boundary is drawn where the model's decision changes, for every kind of model."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from dlkit import plotting

pytestmark = pytest.mark.usefixtures("no_figures_left_over")


X = np.array([[-1.0, 0.0], [-2.0, 1.0], [1.0, -1.0], [2.0, 2.0], [1.5, 0.5]])
Y = np.array([0, 0, 1, 1, 1])


class Linear:
    """Classes by the sign of x₁ + x₂ − c; which methods it has is up to the test."""

    def __init__(self, classes=(0, 1), offset=0.0, **methods):
        self.classes_ = np.array(classes)
        self.offset = offset
        for name in methods:
            setattr(self, name, getattr(self, "_" + name))

    def _decision_function(self, points):
        return points.sum(axis=1) - self.offset

    def _predict_proba(self, points):
        p = 1 / (1 + np.exp(-self._decision_function(points)))
        return np.column_stack([1 - p, p])

    def _predict(self, points):
        return self.classes_[(self._decision_function(points) > 0).astype(int)]


def lines(ax, style=None):
    """Return the vertices of the contour lines, of one line style if given."""
    found = [c for c in ax.collections if hasattr(c, "levels")]
    if style == "solid":
        found = [c for c in found if c.get_linestyles()[0][1] is None]
    if style == "dashed":
        found = [c for c in found if c.get_linestyles()[0][1] is not None]
    return np.concatenate([path.vertices for c in found for path in c.get_paths() if len(path.vertices)])


def region(ax, point):
    """Return the colour of the picture behind a point."""
    (image,) = ax.images
    left, right, low, high = image.get_extent()
    pixels = np.asarray(image.get_array())
    row = round((point[1] - low) / (high - low) * (len(pixels) - 1))
    column = round((point[0] - left) / (right - left) * (pixels.shape[1] - 1))
    return matplotlib.colors.to_hex(pixels[row, column]).upper()


@pytest.mark.parametrize(
    ("model", "off"),
    [
        (Linear(decision_function=1, predict=1, offset=0.5), 1e-9),
        (Linear(decision_function=1, offset=0.5), 1e-9),
        (Linear(predict=1, offset=0.5), 0.05),  # labels know the boundary to a cell of the grid only
        (lambda points: points.sum(axis=1) - 0.5, 1e-9),
        (lambda points: points.sum(axis=1, keepdims=True) - 0.5, 1e-9),
        (lambda points: np.column_stack([0 * points[:, 0] + 0.5, points.sum(axis=1)]), 1e-9),
    ],
)
def test_the_boundary_lies_where_the_decision_changes(ax, model, off):
    plotting.decision_boundary(ax, model, X, Y)
    vertices = lines(ax)
    assert len(vertices) > 100 and np.abs(vertices.sum(axis=1) - 0.5).max() < off
    assert region(ax, (-2, 0)) == plotting.COLOURS[0] and region(ax, (2, 1)) == plotting.COLOURS[1]


def test_probabilities_of_two_classes_are_drawn_as_a_map(ax):
    plotting.decision_boundary(ax, Linear(predict_proba=1, decision_function=1, predict=1), X, Y)
    assert not ax.images and {text.get_text() for text in ax.texts} == {"0.1", "0.5", "0.9"}
    distance = np.abs(lines(ax).sum(axis=1))
    assert (np.minimum(distance, np.abs(distance - np.log(9))) < 1e-2).all() and (distance < 1e-3).any()
    (shades,) = [c for c in ax.collections if isinstance(c, matplotlib.collections.QuadMesh)]
    p = shades.get_array()
    assert p[0, 0] < 0.05 and p[-1, -1] > 0.95  # of the second class, which lies at the upper right


def test_response_asks_for_what_it_says(ax):
    model = Linear(predict_proba=1, decision_function=1, predict=1)
    plotting.decision_boundary(ax, model, X, Y, response="decision_function")
    assert ax.images and not ax.texts
    with pytest.raises(ValueError, match=r"response: .*'score'"):
        plotting.decision_boundary(ax, model, X, Y, response="score")
    with pytest.raises(ValueError, match="response: expected a method of Linear, got 'predict'"):
        plotting.decision_boundary(ax, Linear(decision_function=1), X, Y, response="predict")


def test_probabilities_that_contradict_predict_are_not_drawn(ax):
    model = Linear(predict_proba=1, predict=1)
    model.predict_proba = lambda points: model._predict_proba(points - 1)  # one half where the sum is 2
    plotting.decision_boundary(ax, model, X, Y)
    assert np.abs(lines(ax).sum(axis=1)).max() < 0.05


def test_three_classes_of_any_type_in_the_models_order(ax):
    classes = np.array(["c", "a", "b"])  # not sorted: columns belong to the model's order

    class Three:
        classes_ = classes

        def decision_function(self, points):
            return points @ np.array([[-1.0, 0.0, 1.0], [0.0, 0.0, 0.0]]) + [0.0, 0.5, 0.0]

    y = np.array(["c", "c", "b", "b", "a"])
    plotting.decision_boundary(ax, Three(), X, y)
    assert np.abs(np.abs(lines(ax)[:, 0]) - 0.5).max() < 1e-9
    assert [region(ax, (x, 0)) for x in (-2, 0, 2)] == list(plotting.COLOURS[:3])
    points = {c.get_label(): np.asarray(c.get_offsets()) for c in ax.collections if c.get_label() in ("a", "b", "c")}
    assert {label: p.tolist() for label, p in points.items()} == {k: X[y == k].tolist() for k in ("a", "b", "c")}


def test_points_lie_over_the_region_of_their_class_colour(ax):
    plotting.decision_boundary(ax, Linear(classes=(-1, 1), decision_function=1), X, 2 * Y - 1, names=("no", "yes"))
    for c in ax.collections:
        if c.get_label() in ("no", "yes"):
            colour = matplotlib.colors.to_hex(c.get_facecolor()[0]).upper()
            assert colour == plotting.COLOURS[("no", "yes").index(c.get_label())]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["no", "yes"]


def test_a_class_without_points_keeps_its_column(ax):
    plotting.decision_boundary(ax, lambda p: np.column_stack([-p[:, 0], p[:, 1] * 0, p[:, 0]]), X, 2 * Y)
    assert region(ax, (2, 0)) == plotting.COLOURS[2]


def test_margins_lie_where_the_score_is_one(ax):
    plotting.decision_boundary(ax, Linear(decision_function=1), X, Y, margins=True)
    sums = lines(ax, "dashed").sum(axis=1)
    assert np.allclose(np.abs(sums), 1) and {1, -1} == set(np.sign(sums))
    assert np.abs(lines(ax, "solid").sum(axis=1)).max() < 1e-9
    with pytest.raises(ValueError, match=r"margins: .*model.predict"):
        plotting.decision_boundary(ax, Linear(predict=1), X, Y, margins=True)


def test_limits_show_all_points_unless_given(ax):
    plotting.decision_boundary(ax, Linear(predict=1), X, Y, ylim=(-7, 7))
    assert ax.get_xlim() == pytest.approx((-2.48, 2.48)) and ax.get_ylim() == (-7, 7)
    assert lines(ax)[:, 1].min() < -2.4


def test_a_model_that_never_decides_otherwise_draws_no_boundary_and_no_warning(ax, recwarn):
    plotting.decision_boundary(ax, Linear(predict_proba=1, offset=100), X, Y)
    plotting.decision_boundary(ax, Linear(predict=1, offset=1e3), X, Y)
    assert not [c for c in ax.collections if hasattr(c, "levels")] and not list(recwarn)


def test_scikit_learns_support_vector_machine(ax):
    from sklearn.svm import SVC

    rng = np.random.default_rng(0)
    points = rng.normal(size=(60, 2))
    model = SVC(C=10).fit(points, np.hypot(*points.T) < 1)
    plotting.decision_boundary(None, model, points, np.hypot(*points.T) < 1)
    # where the score crosses zero its size is that of the interpolation's error
    assert np.abs(model.decision_function(lines(plt.gca()))).max() < 0.02


@pytest.mark.parametrize(
    ("model", "y", "error", "message"),
    [
        (Linear(predict=1), Y[:3], ValueError, r"y: .*5 points.*\(3,\)"),
        (Linear(predict=1), Y + 5, ValueError, r"y: .*\[0, 1\].*\[5, 6\]"),
        (lambda p: p[:, 0], 0 * Y, ValueError, "y: expected 2 to 7 classes.*got 1"),
        (lambda p: np.zeros((len(p), 8)), Y, ValueError, "y: expected 2 to 7 classes.*got 8"),
        (lambda p: p[:3], Y, ValueError, r"model: expected shape \(5, 2\) or \(5,\).*\(3, 2\)"),
        (lambda p: p[:, 0] * np.nan, Y, ValueError, "model: .*nan"),
        ("tree", Y, TypeError, "model: expected an estimator.*str"),
    ],
)
def test_bad_arguments_are_named(ax, model, y, error, message):
    with pytest.raises(error, match=message):
        plotting.decision_boundary(ax, model, X, y)


def test_a_column_of_predictions_is_not_taken_for_classes(ax):
    class Network:
        def predict(self, points):
            return np.full((len(points), 1), 0.5)

    with pytest.raises(ValueError, match=r"model.predict: .*\(5, 1\); pass a function"):
        plotting.decision_boundary(ax, Network(), X, Y)


def test_names_for_other_than_the_classes_are_refused(ax):
    with pytest.raises(ValueError, match=r"names: .*2 classes, got 3"):
        plotting.decision_boundary(ax, Linear(predict=1), X, Y, names="abc")
