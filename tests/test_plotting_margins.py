"""The lines of a support vector machine lie where its score is −1, 0 and 1, and rings around the points asked for."""

import numpy as np
import pytest

from dlkit import plotting

pytestmark = pytest.mark.usefixtures("no_figures_left_over")

X = np.array([[-1.0, 0.0], [-2.0, 1.0], [1.0, -1.0], [2.0, 2.0], [1.5, 0.5]])
Y = np.array([-1, -1, 1, 1, 1])
W, B = np.array([0.8, -0.5]), 0.3


def scores(line):
    """Return w·x + b at both ends of what is drawn of a line."""
    ends = line.axes.transData.inverted().transform(line.get_transform().transform([[0, 0], [1, 1]]))
    return ends @ W + B


def rings(ax):
    """Return the centres of the rings."""
    return [np.asarray(c.get_offsets()) for c in ax.collections if c.get_label() == "support vector"]


def test_the_lines_lie_where_the_score_is_minus_one_zero_and_one(ax):
    ax.set(xlim=(-3, 3), ylim=(-2, 2))
    plotting.margin_lines(ax, W, B, label="boundary")
    at = [scores(line) for line in ax.lines]
    # positions pass through pixels, about 600 of them: 1e-9 is far more than what rounding leaves
    np.testing.assert_allclose(at, [[-1, -1], [0, 0], [1, 1]], atol=1e-9)
    assert [line.get_linestyle() for line in ax.lines] == ["--", "-", "--"]
    assert [line.get_label() for line in ax.lines if not line.get_label().startswith("_")] == ["boundary"]
    assert ax.get_xlim() == (-3, 3) and ax.get_ylim() == (-2, 2)


def test_a_line_outside_the_picture_leaves_the_limits_alone(ax):
    ax.set(xlim=(-3, 3), ylim=(-2, 2))
    plotting.margin_lines(ax, W / 1000, B)  # the score is ±1 only hundreds of units away
    ax.figure.canvas.draw()
    assert ax.get_xlim() == (-3, 3) and ax.get_ylim() == (-2, 2)


def test_the_boundary_alone_in_a_colour_of_its_own(ax):
    plotting.margin_lines(ax, W, B, margins=False, colour=plotting.COLOURS[2], style=":")
    (line,) = ax.lines
    assert (line.get_color(), line.get_linestyle()) == (plotting.COLOURS[2], ":")
    np.testing.assert_allclose(scores(line), 0, atol=1e-9)


def test_rings_lie_around_the_points_asked_for(ax):
    plotting.plot_margin(ax, X, Y, W, B, support=[0, 3], names=("left", "right"))
    (centres,) = rings(ax)
    assert centres.tolist() == X[[0, 3]].tolist()
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["left", "right", "support vector"]
    assert len(ax.lines) == 3


def test_many_rings_are_smaller_than_a_few(ax):
    many = np.random.default_rng(0).normal(size=(60, 2))
    y = np.sign(many @ W + B)
    for ringed in (30, 31):
        plotting.plot_margin(ax, many, y, W, B, support=np.arange(ringed))
    few, crowd = (c.get_sizes()[0] for c in ax.collections if c.get_label() == "support vector")
    assert crowd < few / 2


def test_classes_of_any_type_get_the_colours_of_their_order(ax):
    plotting.plot_margin(ax, X, np.where(Y > 0, "b", "a"), W, B, names=("first", "second"))
    points = {c.get_label(): np.asarray(c.get_offsets()).tolist() for c in ax.collections}
    assert points == {"first": X[Y < 0].tolist(), "second": X[Y > 0].tolist()}


def test_the_picture_shows_all_points_and_needs_neither_rings_nor_names(ax):
    plotting.plot_margin(None, X, Y, W, B, support=[])
    assert not rings(ax) and ax.get_legend() is None
    assert ax.get_xlim() == pytest.approx((-2.48, 2.48)) and ax.get_ylim() == pytest.approx((-1.36, 2.36))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"w": [0.0, 0.0]}, ValueError, "w: expected a vector other than 0"),
        ({"w": [1.0, 2.0, 3.0]}, ValueError, r"w: expected two weights.*\(3,\)"),
        ({"w": [1.0, np.inf]}, ValueError, "w: expected finite"),
        ({"w": "ab"}, TypeError, "w: expected real numbers"),
        ({"b": [1.0]}, ValueError, r"b: expected a number, got shape \(1,\)"),
        ({"b": np.nan}, ValueError, "b: expected finite"),
        ({"X": X[:, :1]}, ValueError, r"X: expected points of the plane.*\(5, 1\)"),
        ({"X": X * [1, np.nan]}, ValueError, "X: expected finite"),
        ({"y": Y[:3]}, ValueError, r"y: expected a class for each of the 5 points, got shape \(3,\)"),
        ({"y": np.ones(5)}, ValueError, "y: expected two classes, got 1"),
        ({"y": np.arange(5)}, ValueError, "y: expected two classes, got 5"),
        ({"names": ("one",)}, ValueError, "names: expected one for each of the two classes, got 1"),
        ({"support": [0.5]}, TypeError, "support: expected indices.*float64"),
        ({"support": Y > 0}, TypeError, "support: expected indices.*bool"),
        ({"support": [5]}, ValueError, "support: expected indices from 0 to 4, got 5 to 5"),
        ({"support": [-1]}, ValueError, "support: expected indices from 0 to 4, got -1 to -1"),
    ],
)
def test_bad_arguments_are_named(ax, change, error, message):
    arguments = {"X": X, "y": Y, "w": W, "b": B, **change}
    with pytest.raises(error, match=message):
        plotting.plot_margin(ax, **arguments)
