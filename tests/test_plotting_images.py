"""Each filter stands in its place with its own values, on a scale symmetric about zero."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from dlkit import plotting

pytestmark = pytest.mark.usefixtures("no_figures_left_over")


W = np.random.default_rng(0).normal(size=(5, 12)) * np.array([[1.0], [2.0], [4.0], [0.5], [0.1]])  # images of 3 × 4


def tiles(ax):
    """Return the images as drawn, in the order of their outlines."""
    (picture,) = ax.images
    mosaic = np.ma.filled(picture.get_array(), np.nan)
    found = []
    for outline in ax.patches:
        left, top = (round(v + 0.5) for v in outline.get_xy())
        found.append(mosaic[top : top + round(outline.get_height()), left : left + round(outline.get_width())])
    return np.array(found)


def test_every_image_stands_whole_in_its_place(ax):
    plotting.filters(ax, W, (3, 4), columns=3)
    assert np.array_equal(tiles(ax), W.reshape(5, 3, 4))
    corners = [outline.get_xy() for outline in ax.patches]
    assert corners == [(-0.5, -0.5), (4.5, -0.5), (9.5, -0.5), (-0.5, 3.5), (4.5, 3.5)]  # a gap of one between
    mosaic = np.ma.filled(ax.images[0].get_array(), np.nan)
    assert mosaic.shape == (7, 14) and np.isfinite(mosaic).sum() == W.size


def test_a_shared_scale_is_symmetric_and_told_by_a_bar(ax):
    plotting.filters(ax, W, (3, 4))
    largest = np.abs(W).max()
    assert ax.images[0].get_clim() == (-largest, largest)
    (bar,) = [other for other in ax.figure.axes if other is not ax]
    assert np.allclose(bar.get_yticks(), [-largest, 0, largest])
    assert ax.get_xlabel() == ""


def test_scales_of_their_own_show_each_at_full_strength_and_say_so(ax):
    plotting.filters(ax, W, (3, 4), scale="each")
    assert np.allclose(np.abs(tiles(ax)).max(axis=(1, 2)), 1) and ax.images[0].get_clim() == (-1, 1)
    assert np.allclose(tiles(ax)[3], W[3].reshape(3, 4) / np.abs(W[3]).max())
    assert ax.figure.axes == [ax] and ax.get_xlabel() == "each on its own scale"


def test_colours_tell_signs_apart_and_leave_zero_white(ax):
    plotting.filters(ax, W, (3, 4))
    negative, zero, positive = ax.images[0].get_cmap()([0.2, 0.5, 0.8])[:, :3]
    assert negative[2] > negative[0] + 0.3 and positive[0] > positive[2] + 0.3 and np.allclose(zero, 1, atol=0.02)


def test_no_more_than_asked_for_are_drawn_and_the_rest_is_mentioned(ax):
    plotting.filters(ax, W, (3, 4), at_most=2)
    assert np.array_equal(tiles(ax), W[:2].reshape(2, 3, 4)) and ax.get_xlabel() == "first 2 of 5"
    assert ax.images[0].get_clim()[1] == np.abs(W[:2]).max()  # the scale of what is seen
    other = plt.subplots()[1]
    plotting.filters(other, np.ones((100, 1, 1)))
    assert len(other.patches) == 64 and other.get_xlabel() == "first 64 of 100"


@pytest.mark.parametrize("shape", [(8, 8), (2, 12), (12, 2)])
def test_pixels_are_square_and_the_whole_is_wider_than_high(ax, shape):
    plotting.filters(ax, np.ones((40, *shape)))
    assert ax.get_aspect() == 1
    high, wide = ax.images[0].get_array().shape
    assert 1 < wide / high < 2.5


def test_zeros_are_drawn_as_zeros(ax):
    plotting.filters(ax, np.zeros((2, 2, 2)), scale="each")
    assert not tiles(ax).any()
    plotting.filters(None, np.zeros((2, 2, 2)))
    assert ax.images[-1].get_clim() == (-1, 1)


def test_other_colours_keep_the_scale(ax):
    plotting.filters(ax, W, (3, 4), cmap="gray")
    assert ax.images[0].get_cmap().name == "gray" and ax.images[0].get_clim()[0] == -np.abs(W).max()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"shape": None}, ValueError, r"shape: .*\(5, 12\), got None"),
        ({"shape": (4, 4)}, ValueError, r"W: expected rows of 4 \* 4 = 16 numbers, got shape \(5, 12\)$"),
        ({"W": W.T}, ValueError, r"W: .*\(12, 5\); its columns would fit: pass W.T"),
        ({"W": W[0]}, ValueError, r"W: .*\(12,\)"),
        ({"W": W * np.nan}, ValueError, r"W: .*nan at index \(0, 0\)"),
        ({"W": W.reshape(5, 4, 3)}, ValueError, r"shape: expected \(4, 3\)"),
        ({"shape": 12}, ValueError, "shape: .*12"),
        ({"shape": (3.0, 4)}, TypeError, r"shape\[0\]: .*3.0"),
        ({"at_most": 0}, ValueError, "at_most: "),
        ({"columns": 0}, ValueError, "columns: "),
        ({"scale": "own"}, ValueError, "scale: .*'shared', 'each'.*'own'"),
    ],
)
def test_bad_arguments_are_named(ax, arguments, error, message):
    with pytest.raises(error, match=message):
        plotting.filters(ax, **{"W": W, "shape": (3, 4), **arguments})
