"""Loss curves show the values given, say what was smoothed, and keep their names apart."""

import itertools

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from dlkit import plotting

pytestmark = pytest.mark.usefixtures("no_figures_left_over")


@pytest.fixture
def ax():
    plotting.use_style()
    yield plt.subplots()[1]
    matplotlib.rcdefaults()


def drawn(ax):
    return {line.get_label(): line for line in ax.lines}


def boxes(ax):
    """Return the labels' (bottom, top) in the finished picture, from low to high."""
    ax.figure.canvas.draw()
    return sorted((box.y0, box.y1) for box in (text.get_window_extent() for text in ax.texts))


def test_curves_are_the_values_given_from_epoch_one(ax):
    plotting.loss_curves(ax, {"training": [3, 2, 1], "validation": [3.0, 2.5]})
    lines = drawn(ax)
    assert lines["training"].get_xydata().tolist() == [[1, 3], [2, 2], [3, 1]]
    assert lines["validation"].get_xydata().tolist() == [[1, 3], [2, 2.5]]
    assert len({line.get_color() for line in ax.lines}) == len({line.get_linestyle() for line in ax.lines}) == 2
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_yscale()) == ("epoch", "loss", "linear")


def test_steps_and_epochs_share_an_axis(ax):
    plotting.loss_curves(ax, {"training": [4, 3, 2, 1], "validation": [3, 2]}, x={"training": [0.5, 1, 1.5, 2]})
    assert drawn(ax)["training"].get_xdata().tolist() == [0.5, 1, 1.5, 2]
    assert drawn(ax)["validation"].get_xdata().tolist() == [1, 2]


def test_smoothing_is_the_trailing_mean_and_is_said_in_the_label(ax):
    values = [4.0, 2.0, 6.0, 0.0, np.inf, 3.0]
    plotting.loss_curves(ax, {"training": values, "validation": [1, 2]}, smooth={"training": 3}, labels="legend")
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == ["training\n(mean of last 3)", "validation"]
    smoothed = drawn(ax)[texts[0]]
    np.testing.assert_allclose(smoothed.get_ydata(), [4, 3, 4, 8 / 3, np.nan, 1.5])
    raw = drawn(ax)["_nolegend_"]
    np.testing.assert_allclose(raw.get_ydata(), [4, 2, 6, 0, np.nan, 3])
    assert raw.get_color() == smoothed.get_color() and raw.get_alpha() < 0.5


def test_one_number_smooths_all_curves(ax):
    plotting.loss_curves(ax, {"a": [1, 3], "b": [0, 2]}, smooth=2)
    assert [text.get_text() for text in ax.texts] == ["a\n(mean of last 2)", "b\n(mean of last 2)"]


def test_labels_stand_behind_the_ends_of_their_curves(ax):
    plotting.loss_curves(ax, {"low": [3, 1], "high": [3, 2, 2.5, np.nan]})
    assert ax.get_legend() is None
    assert {text.get_text(): text.xy for text in ax.texts} == {"low": (2, 1), "high": (3, 2.5)}
    ax.figure.canvas.draw()
    for text in ax.texts:
        box, end = text.get_window_extent(), ax.transData.transform(text.xy)
        assert 0 < box.x0 - end[0] < 15 and abs((box.y0 + box.y1) / 2 - end[1]) < 6
        assert box.x1 < ax.figure.bbox.x1  # and are not cut off


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("smooth", [1, 2])
def test_labels_of_curves_that_end_together_do_not_overlap(ax, log, smooth):
    ends = (0.50, 0.51, 0.52, 0.52, 0.9, 0.53)
    plotting.loss_curves(ax, {f"run {k}": [1, end] for k, end in enumerate(ends)}, log=log, smooth=smooth)
    found = boxes(ax)
    assert all(below[1] <= above[0] for below, above in itertools.pairwise(found))
    heights = [text.get_window_extent().y0 for text in ax.texts]
    assert np.array_equal(np.argsort(heights, kind="stable"), np.argsort(ends, kind="stable"))


def test_a_logarithmic_axis_is_logarithmic_and_refuses_zero(ax):
    plotting.loss_curves(ax, {"training": [1, 0.1]}, log=True)
    assert ax.get_yscale() == "log"
    with pytest.raises(ValueError, match=r"curves\['training'\]: expected numbers above 0 .*got 0.0 at 1"):
        plotting.loss_curves(ax, {"training": [1, 0]}, log=True)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"curves": [1, 2]}, TypeError, "curves: .*list"),
        ({"curves": {}}, ValueError, "curves: .*got 0"),
        ({"curves": {str(k): [1] for k in range(8)}}, ValueError, "curves: expected 1 to 7.*got 8"),
        ({"curves": {"a": [[1, 2]]}}, ValueError, r"curves\['a'\]: .*\(1, 2\)"),
        ({"curves": {"a": [np.nan]}}, ValueError, r"curves\['a'\]: .*finite"),
        ({"curves": {"a": ["x"]}}, TypeError, r"curves\['a'\]: expected real numbers"),
        ({"x": [1, 2, 3]}, ValueError, r"x: expected shape \(2,\) .*\(3,\)"),
        ({"x": {"a": [1]}}, ValueError, r"x\['a'\]: expected shape \(2,\)"),
        ({"x": {"b": [1]}}, ValueError, r"x: .*\['a'\], got \['b'\]"),
        ({"smooth": 0}, ValueError, "smooth: .*at least 1"),
        ({"smooth": {"b": 3}}, ValueError, r"smooth: .*\['b'\]"),
        ({"labels": "end"}, ValueError, "labels: .*'ends', 'legend'.*'end'"),
    ],
)
def test_bad_arguments_are_named(ax, arguments, error, message):
    with pytest.raises(error, match=message):
        plotting.loss_curves(ax, **{"curves": {"a": [1, 2]}, **arguments})
