"""Figures carry their description, controls redraw, and the maps show what the model says."""

import base64
import io

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.image import imread

from dlkit import plotting

pytestmark = pytest.mark.usefixtures("no_figures_left_over")


@pytest.fixture
def published(monkeypatch):
    """Return what a notebook would be sent: a list of (data, metadata)."""
    sent = []
    monkeypatch.setattr(plotting, "_in_notebook", lambda: True)
    monkeypatch.setattr(
        "IPython.display.display", lambda data, metadata=None, raw=False: sent.append((data, metadata, raw))
    )
    return sent


def line_figure(slope=1.0):
    figure, ax = plt.subplots()
    ax.plot([0, 1], [0, slope])
    return figure


def test_show_sends_the_picture_with_its_description_and_closes_it(published):
    figure = line_figure()
    plotting.show("A rising line.")
    (data, metadata, raw) = published[0]
    assert raw and len(published) == 1
    assert data["text/plain"] == metadata["image/png"]["alt"] == "A rising line."
    assert imread(io.BytesIO(base64.b64decode(data["image/png"]))).ndim == 3
    assert not plt.fignum_exists(figure.number)


@pytest.mark.parametrize("alt", ["", "   ", None])
def test_a_figure_without_description_is_refused(alt):
    with pytest.raises(ValueError, match="alt"):
        plotting.show(alt, line_figure())
    with pytest.raises(ValueError, match="alt"):
        plotting.control(line_figure, alt)


def test_the_same_figure_gives_the_same_bytes():
    assert plotting._png(line_figure()) == plotting._png(line_figure())
    assert plotting._png(line_figure()) != plotting._png(line_figure(slope=2))


def test_control_stores_a_static_picture_and_redraws_when_moved(published):
    drawn = []

    def draw(slope):
        drawn.append(slope)
        return line_figure(slope)

    plotting.control(draw, alt="A line whose slope is set.", slope=ipywidgets.FloatSlider(value=1.0, min=0, max=5))
    data, metadata, _ = published[0]
    assert {"image/png", "text/plain", "application/vnd.jupyter.widget-view+json"} <= set(data)
    assert metadata["image/png"]["alt"] == data["text/plain"] == "A line whose slope is set."

    slider = ipywidgets.FloatSlider(value=2.0, min=0, max=5)
    box = plotting._controlled(draw, {"slope": slider})
    image = box.children[-1]
    before = bytes(image.value)
    slider.value = 3.0
    assert drawn == [1.0, 2.0, 3.0]
    assert bytes(image.value) != before
    assert not plt.get_fignums()


def test_scatter_draws_each_class_once_with_its_own_marker():
    X, y = np.arange(12.0).reshape(6, 2), np.array([0, 2, 1, 0, 1, 2])
    _, ax = plt.subplots()
    plotting.scatter_classes(ax, X, y, names=("a", "b", "c"))
    assert [c.get_label() for c in ax.collections] == ["a", "b", "c"]
    assert all(np.array_equal(c.get_offsets(), X[y == k]) for k, c in enumerate(ax.collections))
    assert len({c.get_paths()[0].vertices.tobytes() for c in ax.collections}) == 3


def test_scatter_names_the_wrong_shape():
    with pytest.raises(ValueError, match=r"X: expected points of the plane.*\(4, 3\)"):
        plotting.scatter_classes(plt.figure().gca(), np.zeros((4, 3)), np.zeros(4, int))


def test_the_solid_line_of_a_probability_map_lies_where_the_probability_is_one_half():
    _, ax = plt.subplots()
    ax.set(xlim=(-2, 2), ylim=(-2, 2))
    plotting.probability_map(ax, lambda points: 1 / (1 + np.exp(-(points[:, 0] + points[:, 1]))), levels=(0.5,))
    (path,) = ax.collections[-1].get_paths()
    # linear interpolation on a grid of 200 cells: the sigmoid's curvature moves the line by far less than a cell
    assert np.abs(path.vertices.sum(axis=1)).max() < 1e-3


def test_boundaries_of_regions_are_straight_for_linear_scores():
    W = np.array([[1.0, -1.0, 0.0], [0.0, 0.5, -1.0]])
    _, ax = plt.subplots()
    ax.set(xlim=(-2, 2), ylim=(-2, 2))
    plotting.class_regions(ax, lambda points: points @ W)
    vertices = np.concatenate([path.vertices for c in ax.collections for path in c.get_paths()])
    s = np.sort(vertices @ W, axis=1)
    # the two best classes tie on a boundary; within one cell (0.02) of a corner the interpolation rounds it off
    corner = np.abs(vertices).max(axis=1) < 0.05
    assert len(vertices) > 300 and np.abs(s[~corner, 2] - s[~corner, 1]).max() < 1e-9


def test_every_class_has_a_colour_and_a_marker_of_its_own():
    assert len(set(plotting.COLOURS)) == len(plotting.COLOURS)
    assert len(set(plotting.MARKERS)) == len(plotting.MARKERS) == len(plotting.COLOURS)
