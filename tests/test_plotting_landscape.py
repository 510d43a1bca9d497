"""Level lines lie where the function takes their values, and trajectories where they went."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from dlkit import plotting

pytestmark = pytest.mark.usefixtures("no_figures_left_over")


def square(points):
    return points[:, 0] ** 2 + points[:, 1] ** 2


def rings(ax):
    """Return the drawn lines as {level: vertices}."""
    (lines,) = [c for c in ax.collections if not getattr(c, "filled", True)]
    return {
        level: path.vertices for level, path in zip(lines.levels, lines.get_paths(), strict=True) if len(path.vertices)
    }


def test_a_line_lies_where_the_function_has_its_value(ax):
    plotting.contours(ax, square, xlim=(-2, 2), ylim=(-2, 2), levels=[0.25, 1, 2.25])
    drawn = rings(ax)
    assert list(drawn) == [0.25, 1, 2.25]
    for level, vertices in drawn.items():
        # linear interpolation in a cell of 0.02 is off by at most f″ h²/8 · 2 = 2e-4
        assert np.abs(square(vertices) - level).max() < 3e-4


def test_chosen_rings_of_a_quadratic_are_evenly_spaced(ax):
    plotting.contours(ax, square, xlim=(-1, 1), ylim=(-1, 1), levels=9)
    radii = np.sqrt(list(rings(ax)))
    assert len(radii) == 9
    # within the unit circle area is π r², so the k-th ring has r = (k / 10) √(4/π); grid of 201: 1 % of a radius
    inside = radii < 1
    np.testing.assert_allclose(radii[inside], (np.arange(1, 10) / 10 * np.sqrt(4 / np.pi))[inside], rtol=0.02)
    assert inside.sum() == 8


def test_chosen_levels_of_a_plane_bound_equal_areas(ax):
    plotting.contours(ax, lambda points: points[:, 0], xlim=(0, 1), ylim=(0, 1), levels=4)
    np.testing.assert_allclose(list(rings(ax)), [0.2, 0.4, 0.6, 0.8], atol=0.005)


def test_written_values_stand_on_their_lines_and_are_round(ax):
    plotting.contours(ax, square, xlim=(-2, 2), ylim=(-2, 2), levels=5, values=True)
    assert {text.get_text() for text in ax.texts} == {"2", "4", "6"}
    for text in ax.texts:
        assert square(np.array([text.get_position()])) == pytest.approx(float(text.get_text()), abs=0.1)


def test_written_values_stand_off_the_edge_and_not_on_specks(ax):
    plotting.contours(ax, lambda p: p[:, 0] ** 2 - p[:, 1] ** 2, xlim=(-2, 2), ylim=(-2, 2), values=True)
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert len(boxes) > 5
    assert all(ax.bbox.x0 < b.x0 < b.x1 < ax.bbox.x1 and ax.bbox.y0 < b.y0 < b.y1 < ax.bbox.y1 for b in boxes)
    other = plt.subplots()[1]
    plotting.contours(other, square, xlim=(-2, 2), ylim=(-2, 2), levels=[0.001, 1], values=True)
    assert [text.get_text() for text in other.texts] == ["1"]


def test_a_function_of_one_point_gives_the_same_lines(ax):
    other = plt.subplots()[1]
    plotting.contours(ax, square, xlim=(-2, 2), ylim=(-2, 2), levels=[1])
    plotting.contours(other, lambda x: x @ x, pointwise=True, xlim=(-2, 2), ylim=(-2, 2), levels=[1])
    assert np.abs(np.hypot(*rings(ax)[1].T) - 1).max() < 1e-3
    assert np.abs(np.hypot(*rings(other)[1].T) - 1).max() < 1e-3


@pytest.mark.parametrize(
    "f", [lambda x: x @ x, lambda x: x[0] ** 2 + x[1] ** 2, lambda x: np.sum(x**2), lambda x: x, lambda x: x @ x.T]
)
def test_a_function_of_one_point_is_told_from_one_of_many(ax, f):
    with pytest.raises(ValueError, match=r"f: expected|matmul"):  # matmul: numpy's own word on the first
        plotting.contours(ax, f, xlim=(0, 1), ylim=(0, 1))
    with pytest.raises(ValueError, match=r"f: .*shape \(2,\)"):
        plotting.contours(ax, lambda x: x, pointwise=True, xlim=(0, 1), ylim=(0, 1))


def test_a_function_is_tried_on_a_few_points_first(ax):
    tried = []

    def every_pair(x):
        tried.append(len(x))
        return x @ x.T

    with pytest.raises(ValueError, match="pass pointwise=True"):
        plotting.contours(ax, every_pair)
    assert tried == [5]


def test_nothing_is_drawn_where_the_function_is_not_finite(ax):
    with np.errstate(all="ignore"):
        plotting.contours(ax, lambda p: np.log(p[:, 0]), xlim=(-1, 1), ylim=(0, 1), levels=[-2, -1])
    assert min(vertices[:, 0].min() for vertices in rings(ax).values()) > 0.1
    with pytest.raises(ValueError, match="f: expected finite values"):
        plotting.contours(ax, lambda p: np.full(len(p), np.inf))


def test_a_constant_function_has_no_lines(ax):
    plotting.contours(ax, lambda p: np.ones(len(p)))
    assert not ax.collections


PATHS = {"plain": np.array([[3.0, 1.0], [1.0, -1.0], [0.0, 0.5]]), "fast": np.array([[3.0, 1.0], [0.0, 0.0]])}


def test_each_trajectory_is_drawn_with_its_own_look_start_and_end(ax):
    plotting.contours(ax, square, PATHS)
    drawn = {line.get_label(): line for line in ax.lines if line.get_label() in PATHS}
    for name, path in PATHS.items():
        assert np.array_equal(drawn[name].get_xydata(), path)
    assert len({(line.get_color(), line.get_marker()) for line in drawn.values()}) == 2
    assert (
        len({line.get_color() for line in drawn.values()}) == len({line.get_marker() for line in drawn.values()}) == 2
    )

    stars = [line for line in ax.lines if line.get_marker() == "*" and len(line.get_xdata())]
    dots = [line for line in ax.lines if line.get_markerfacecolor() == "white" and len(line.get_xdata())]
    assert [tuple(star.get_xydata()[0]) for star in stars] == [(0.0, 0.5), (0.0, 0.0)]
    assert [tuple(dot.get_xydata()[0]) for dot in dots] == [(3.0, 1.0), (3.0, 1.0)]
    assert [star.get_color() for star in stars] == [drawn[name].get_color() for name in PATHS]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["plain", "fast", "start", "end"]


def test_limits_show_every_trajectory_whole_unless_given(ax):
    plotting.contours(ax, square, PATHS)
    assert ax.get_xlim() == pytest.approx((-0.36, 3.36))  # 12 % of the extent on each side
    assert ax.get_ylim() == pytest.approx((-1.24, 1.24))
    plotting.contours(ax, square, PATHS, xlim=(-9, 9))
    assert ax.get_xlim() == (-9, 9) and ax.get_ylim() == pytest.approx((-1.24, 1.24))


def test_limits_of_degenerate_trajectories_have_room(ax):
    plotting.contours(ax, square, [[[0, 5], [8, 5]]])
    assert ax.get_ylim() == pytest.approx((5 - 2 * 0.62, 5 + 2 * 0.62))
    plotting.contours(ax, square, [[[1, 1]]])
    assert ax.get_xlim() == ax.get_ylim() == pytest.approx((0.38, 1.62))


def test_the_lines_fill_the_limits(ax):
    ax.set(xlim=(2, 4), ylim=(-3, 1))
    plotting.contours(ax, lambda p: p[:, 0], levels=[3.0])
    assert ax.get_xlim() == (2, 4) and ax.get_ylim() == (-3, 1)
    (vertices,) = rings(ax).values()
    assert np.allclose(vertices[:, 0], 3) and np.ptp(vertices[:, 1]) == 4


def test_one_array_needs_no_name_and_a_list_is_numbered(ax):
    plotting.contours(ax, square, PATHS["plain"])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["start", "end"]
    other = plt.subplots()[1]
    plotting.contours(other, square, list(PATHS.values()))
    assert [text.get_text() for text in other.get_legend().get_texts()] == ["1", "2", "start", "end"]


def test_a_long_trajectory_has_some_steps_marked_only(ax):
    plotting.contours(ax, square, {"long": np.random.default_rng(0).normal(size=(6000, 2))})
    (line,) = [line for line in ax.lines if line.get_label() == "long"]
    assert len(line.get_xdata()) == 6000 and line.get_markevery() == 100


def test_none_stands_for_the_current_axes(ax):
    plt.figure()
    plt.sca(ax)
    plotting.contours(None, square)
    assert ax.collections


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"trajectories": {"Adam": [[0, 0], [np.nan, 1]]}},
            ValueError,
            r"trajectories\['Adam'\]: .*nan at index \(1, 0\)",
        ),
        ({"trajectories": [np.zeros((2, 2)), np.zeros((2, 3))]}, ValueError, r"trajectories\[1\]: .*\(2, 3\)"),
        ({"trajectories": {"none": np.zeros((0, 2))}}, ValueError, r"trajectories\['none'\]: .*\(0, 2\)"),
        ({"trajectories": [np.zeros((2, 2))] * 8}, ValueError, "trajectories: expected at most 7.*got 8"),
        ({"xlim": (1, 1)}, ValueError, r"xlim: .*\(1, 1\)"),
        ({"ylim": (0, np.inf)}, ValueError, "ylim: .*inf"),
        ({"levels": [2, 1]}, ValueError, r"levels: expected increasing.*\[2, 1\]"),
        ({"levels": 0}, ValueError, "levels: .*at least 1.*0"),
        ({"levels": 2.5}, TypeError, "levels: .*2.5"),
    ],
)
def test_bad_arguments_are_named(ax, arguments, error, message):
    with pytest.raises(error, match=message):
        plotting.contours(ax, square, **arguments)


def test_axes_that_are_none_are_refused():
    with pytest.raises(TypeError, match=r"ax: .*ndarray"):
        plotting.contours(plt.subplots(1, 2)[1], square)
