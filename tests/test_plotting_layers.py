"""An activation is drawn with its derivative, jumps and all; histograms count what they say."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from dlkit import plotting

pytestmark = pytest.mark.usefixtures("no_figures_left_over")


def relu(z):
    return np.maximum(z, 0)


def curves(ax):
    return {line.get_label(): line.get_xydata() for line in ax.lines if not line.get_label().startswith("_")}


def test_an_activation_and_its_derivative_are_drawn(ax):
    plotting.activation_curve(ax, np.tanh, lambda z: 1 - np.tanh(z) ** 2, name="tanh", xlim=(-3, 3))
    drawn = curves(ax)
    assert list(drawn) == ["tanh", "tanh′"] == [text.get_text() for text in ax.get_legend().get_texts()]
    z, y = drawn["tanh"].T
    assert z[0] == -3 and z[-1] == 3 and np.array_equal(y, np.tanh(z))
    z, y = drawn["tanh′"].T
    assert np.allclose(y, 1 - np.tanh(z) ** 2) and ax.get_xlim() == (-3, 3)
    first, second = (line for line in ax.lines if not line.get_label().startswith("_"))
    assert first.get_color() != second.get_color() and first.get_linestyle() != second.get_linestyle()


def test_without_a_derivative_differences_are_drawn_and_said(ax):
    plotting.activation_curve(ax, np.tanh)
    z, y = curves(ax)["f′\n(central differences)"].T
    # step 1e-5: truncation 1e-10/3, rounding about 1e-16/1e-5
    np.testing.assert_allclose(y, 1 - np.tanh(z) ** 2, atol=1e-9)


@pytest.mark.parametrize("derivative", [lambda z: z > 0, lambda z: z >= 0, None])
@pytest.mark.parametrize("xlim", [(-5, 5), (-1.234, 3.3)])
def test_a_jump_of_the_derivative_is_a_gap_not_a_slope(ax, derivative, xlim):
    plotting.activation_curve(ax, relu, derivative, xlim=xlim)
    z, y = list(curves(ax).values())[1].T
    gaps = np.flatnonzero(np.isnan(y))
    assert len(gaps) and np.abs(z[gaps]).max() < 1e-4
    assert np.all(np.diff(z) >= 0)
    assert np.nanmax(np.abs(np.diff(y))) < 1e-6  # no step is left in the line itself


def test_a_steep_slope_is_no_jump(ax):
    def steep(z):
        return np.tanh(50 * z)

    plotting.activation_curve(ax, steep, lambda z: 50 * (1 - steep(z) ** 2))
    assert not np.isnan(curves(ax)["f′"]).any()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"f": np.sum}, ValueError, r"f: expected values of shape \(1001,\).*\(\)"),
        ({"f": relu, "derivative": lambda z: 1.0}, ValueError, "derivative: expected values of shape"),
        ({"f": lambda z: z * np.inf}, ValueError, "f: expected finite"),
        ({"f": relu, "xlim": (1, -1)}, ValueError, r"xlim: .*\(1, -1\)"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_bad_arguments_of_a_curve_are_named(ax, arguments, error, message):
    with pytest.raises(error, match=message):
        plotting.activation_curve(ax, **arguments)


LAYERS = {"first": np.array([[-1.0, -1.0], [0.9, 3.0]]), "second": np.array([0.1, 0.2, 0.3, 2.9])}


def test_histograms_count_each_layers_values_in_the_same_bins(ax):
    plotting.activation_histograms(ax, LAYERS, bins=4)
    first, second = (patch.get_data() for patch in ax.patches)
    assert np.array_equal(first.edges, [-1, 0, 1, 2, 3]) and np.array_equal(second.edges, first.edges)
    np.testing.assert_allclose(first.values - first.baseline, 0.85 * np.array([1, 0.5, 0, 0.5]))
    np.testing.assert_allclose(second.values - second.baseline, 0.85 * np.array([0, 1, 0, 1 / 3]))
    assert (first.baseline, second.baseline) == (0, 1)
    assert all(patch.orientation == "horizontal" for patch in ax.patches)


def test_names_and_standard_deviations_stand_below(ax):
    plotting.activation_histograms(ax, LAYERS)
    labels = [text.get_text() for text in ax.get_xticklabels()]
    assert labels == [f"{name}\n{a.std():.2g}" for name, a in LAYERS.items()]
    assert np.allclose(ax.get_xticks(), [0.425, 1.425]) and "standard deviation" in ax.get_xlabel()


@pytest.mark.parametrize(
    ("deviation", "text"),
    [(0, "0"), (0.634, "0.63"), (12.6, "13"), (99.7, "100"), (256.2, "256"), (6.44e-4, "6.4e-4"), (3.1e12, "3.1e12")],
)
def test_deviations_are_short(ax, deviation, text):
    plotting.activation_histograms(ax, [[-deviation, deviation]])
    assert [label.get_text() for label in ax.get_xticklabels()] == [f"1\n{text}"]


def test_limits_cut_the_bins_but_not_the_deviation(ax):
    plotting.activation_histograms(ax, LAYERS, bins=2, limits=(0, 1))
    first, second = (patch.get_data() for patch in ax.patches)
    assert np.array_equal(first.edges, [0, 0.5, 1])
    np.testing.assert_allclose(first.values - first.baseline, [0, 0.85])
    np.testing.assert_allclose(second.values - second.baseline, [0.85, 0])
    assert ax.get_xticklabels()[0].get_text() == f"first\n{LAYERS['first'].std():.2g}"


def test_layers_of_zeros_and_layers_out_of_sight_are_drawn(ax):
    plotting.activation_histograms(None, [np.zeros(9), np.zeros((3, 3))], bins=5)
    assert [patch.get_data().values.tolist() for patch in ax.patches] == [[0, 0, 0.85, 0, 0], [1, 1, 1.85, 1, 1]]
    other = plt.figure().gca()
    plotting.activation_histograms(other, [np.zeros(3)], limits=(1, 2))
    assert not other.patches[0].get_data().values.any()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"layers": {}}, ValueError, "layers: .*got none"),
        ({"layers": {"relu": [1, np.inf]}}, ValueError, r"layers\['relu'\]: .*inf at index \(1,\)"),
        ({"layers": [[1.0], []]}, ValueError, r"layers\[1\]: expected at least one number"),
        ({"layers": [["a"]]}, TypeError, r"layers\[0\]: expected real numbers"),
        ({"bins": 0}, ValueError, "bins: "),
        ({"limits": (2, 1)}, ValueError, "limits: "),
    ],
)
def test_bad_arguments_of_histograms_are_named(ax, arguments, error, message):
    with pytest.raises(error, match=message):
        plotting.activation_histograms(ax, **{"layers": LAYERS, **arguments})
