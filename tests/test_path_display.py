"""The picture of a path, drawn from fabricated paths on figures that no window ever shows."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from problems import data

from softmax_reg import PathDisplay, softmax_path

CS = np.array([0.1, 1.0, 10.0])


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def fabricated(n_rows=3, n_features=4, names=None):
    """Return a path on which feature j becomes active at the j-th C and its size grows with j."""
    coefs = np.zeros((len(CS), n_rows, n_features))
    for j in range(n_features):
        coefs[j:, 0, j] = (j + 1.0) * np.arange(1, len(CS) - j + 1) if j < len(CS) else 0.0
    n_classes = 2 if n_rows == 1 else n_rows
    classes = np.array(["ant", "bee", "cat", "dog", "eel"])[:n_classes]
    return SimpleNamespace(Cs_=CS, coefs_=coefs, classes_=classes, feature_names_in_=names)


def test_a_path_of_one_C_is_drawn_as_points():
    path = fabricated()
    path.Cs_, path.coefs_ = CS[:1], path.coefs_[:1]
    display = PathDisplay.from_path(path)
    assert {line.get_marker() for line in [*display.lines_[0], display.count_line_]} == {"o"}
    ticks = display.axes_[-1].get_yticks()
    assert np.array_equal(ticks, np.round(ticks))


def test_there_is_a_panel_for_each_class_and_a_line_for_each_feature():
    path = fabricated()
    display = PathDisplay.from_path(path)
    assert [ax.get_title() for ax in display.axes_] == ["ant", "bee", "cat", ""]
    for k, lines in enumerate(display.lines_):
        assert len(lines) == 4
        for j, line in enumerate(lines):
            np.testing.assert_array_equal(line.get_xdata(), CS)
            np.testing.assert_array_equal(line.get_ydata(), path.coefs_[:, k, j])
    assert all(ax.get_xscale() == "log" for ax in display.axes_)
    assert display.figure_ is display.axes_[0].figure


def test_the_last_panel_counts_the_active_features():
    display = PathDisplay.from_path(fabricated())
    assert display.count_line_.get_ydata().tolist() == [1, 2, 3]
    assert display.axes_[-1].get_ylabel() == "Active features"


def test_two_classes_share_one_panel_that_names_both():
    display = PathDisplay.from_path(fabricated(n_rows=1))
    assert [ax.get_title() for ax in display.axes_] == ["bee, against ant", ""]


def test_the_largest_coefficients_are_named_and_told_apart_without_colour():
    display = PathDisplay.from_path(fabricated(names=np.array(list("wxyz"))), n_named=2)
    (legend,) = display.figure_.legends
    assert [text.get_text() for text in legend.get_texts()] == ["x", "w"]
    named = display.lines_[0][1], display.lines_[0][0]
    assert len({line.get_linestyle() for line in named}) == 2
    assert {line.get_color() for line in display.lines_[0][2:]} == {"0.75"}
    for lines in display.lines_[1:]:  # one colour for a feature, whatever the class
        assert lines[1].get_color() == named[0].get_color()


def test_a_feature_that_never_becomes_active_is_not_named():
    display = PathDisplay.from_path(fabricated(), n_named=9)
    names = [text.get_text() for text in display.figure_.legends[0].get_texts()]
    assert sorted(names) == ["feature 0", "feature 1", "feature 2"]


def test_names_and_styles_can_be_given():
    display = PathDisplay.from_path(
        fabricated(), feature_names=["a", "b", "c", "d"], line_kwargs={"lw": 5.0}
    )
    assert display.lines_[0][0].get_label() == "a"
    assert {line.get_linewidth() for line in display.lines_[2]} == {5.0}


def test_it_can_be_drawn_on_given_axes_again_and_again():
    axes = Figure().subplots(2, 2)
    display = PathDisplay.from_path(fabricated(), axes=axes)
    assert display.axes_ == list(axes.ravel())
    assert axes[0, 0].get_legend() is not None
    assert display.plot(Figure().subplots(4)).axes_[0] is not axes[0, 0]
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"axes": []}, "axes must hold 4 axes, .* got 0"),
        ({"feature_names": ["a"]}, "feature_names must hold 4 names"),
    ],
)
def test_what_does_not_fit_the_path_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        PathDisplay.from_path(fabricated(), **options)


def test_more_classes_than_fit_a_row_go_below():
    display = PathDisplay.from_path(fabricated(n_rows=5))
    rows = [ax.get_subplotspec().rowspan.start for ax in display.axes_]
    assert rows == [0, 0, 0, 1, 1, 2]


def test_a_path_without_an_active_feature_is_drawn_without_a_legend():
    path = fabricated()
    path.coefs_ = np.zeros_like(path.coefs_)
    display = PathDisplay.from_path(path)
    assert not display.figure_.legends
    assert display.count_line_.get_ydata().tolist() == [0, 0, 0]


def test_a_real_path_is_drawn_without_a_warning(tmp_path):
    X, y = data("iris")
    display = PathDisplay.from_path(softmax_path(X, y, Cs=5, eps=0.1))
    display.figure_.savefig(tmp_path / "path.png")
    assert (tmp_path / "path.png").stat().st_size > 10_000


def test_some_classes_alone_are_drawn_if_asked():
    X, y = data("digits")
    path = softmax_path(X, y, Cs=3, eps=0.1)
    display = PathDisplay.from_path(path, classes=[9, 3])
    assert [ax.get_title() for ax in display.axes_[:-1]] == ["9", "3"]
    drawn = np.stack([line.get_ydata() for line in display.lines_[0]], axis=1)
    np.testing.assert_array_equal(drawn, path.coefs_[:, 9])
    with pytest.raises(ValueError, match="classes holds 10, which is none of"):
        PathDisplay.from_path(path, classes=[10])
    with pytest.raises(ValueError, match="'lines' or 'heatmap', got 'map'"):
        PathDisplay.from_path(path, kind="map")


def test_many_classes_are_a_map_of_the_largest_coefficients():
    X, y = data("digits")
    path = softmax_path(X, y, Cs=4, eps=0.1)
    display = PathDisplay.from_path(path, n_named=5)
    display.figure_.draw_without_rendering()
    (mesh,) = display.axes_[0].collections
    largest = np.abs(path.coefs_).max(axis=1)
    rows = np.sort(np.argsort(-largest.max(axis=0), kind="stable")[:5])
    np.testing.assert_allclose(mesh.get_array().reshape(5, 4), largest[:, rows].T)
    assert display.lines_ == []
    assert display.axes_[0].get_shared_x_axes().joined(*display.axes_)


def test_the_coefficients_of_a_standardised_path_are_per_deviation():
    X, y = data("wine")
    path = softmax_path(X, y, Cs=3, eps=0.1, standardize=True)
    display = PathDisplay.from_path(path)
    drawn = np.stack([line.get_ydata() for line in display.lines_[0]], axis=1)
    np.testing.assert_allclose(drawn, path.coefs_[:, 0] * path.scale_)
    assert display.axes_[0].get_ylabel() == "Coefficient per deviation"


def test_the_legend_stands_below_the_panels_and_shortens_long_names():
    X, y = data("wine")
    names = [f"a name of a feature that is much too long for a legend {j}" for j in range(13)]
    path = softmax_path(X, y, Cs=4)
    display = PathDisplay.from_path(path, feature_names=names)
    display.figure_.draw_without_rendering()
    (legend,) = display.figure_.legends
    labels = [text.get_text() for text in legend.get_texts()]
    assert all(len(label) == 30 and "\N{HORIZONTAL ELLIPSIS}" in label for label in labels)
    box = legend.get_window_extent()
    assert all(ax.get_window_extent().y0 > box.y1 for ax in display.axes_)
