"""The picture of estimates with their intervals, on figures that no window ever shows."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal
from problems import data

from softmax_reg import ForestDisplay, SoftmaxRegression

X, Y = data("overlapping")
FOUND = SoftmaxRegression(C=np.inf).fit(X, Y).inference(X, Y, base=1)
KINDS = ["coef", "rrr", "ame"]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def table_of(kind, level=0.95):
    if kind == "ame":
        return FOUND.marginal_effects(level=level).summary(), "effect", [0, 1, 2]
    if kind == "rrr":
        return FOUND.relative_risk_ratios(level), "rrr", [0, 2]
    return FOUND.summary(level), "coef", [0, 2]


def points_of(ax):
    """Return the points of a panel from the top, and whether each is filled."""
    filled, hollow = (np.asarray(part.get_offsets()).reshape(-1, 2) for part in ax.collections[-2:])
    points = np.vstack([filled, hollow])
    is_filled = np.arange(len(points)) < len(filled)
    order = np.argsort(-points[:, 1])
    return points[order, 0], is_filled[order]


@pytest.mark.parametrize("level", [0.95, 0.5])
@pytest.mark.parametrize("kind", KINDS)
def test_every_class_has_a_panel_with_its_estimates_and_intervals(kind, level):
    display = ForestDisplay.from_inference(FOUND, kind, level=level)
    display.figure_.draw_without_rendering()
    table, name, classes = table_of(kind, level)
    features = ["x0", "x1", "x2", "x3"]
    titles = [str(label) + ("" if kind == "ame" else ", against 1") for label in classes]
    assert [ax.get_title() for ax in display.axes_] == titles
    for label, ax in zip(classes, display.axes_, strict=True):
        rows = table.loc[label].loc[features]
        points, is_filled = points_of(ax)
        assert_allclose(points, rows[name])
        segments = np.array(ax.collections[0].get_segments())
        assert_allclose(segments[:, 0, 0], rows["lower"])
        assert_allclose(segments[:, 1, 0], rows["upper"])
        none = 1.0 if kind == "rrr" else 0.0
        assert_array_equal(is_filled, (rows["lower"] > none) | (rows["upper"] < none))
        assert ax.get_xscale() == ("log" if kind == "rrr" else "linear")
        assert ax.lines[0].get_xdata()[0] == none
    assert [text.get_text() for text in display.axes_[0].get_yticklabels()] == features
    label = display.axes_[-1].get_xlabel()
    assert f"{100 * level:g} % interval" in label
    assert {"coef": "Coefficient", "rrr": "Relative risk", "ame": "probability"}[kind] in label


@pytest.mark.parametrize("kind", KINDS)
def test_features_of_different_units_are_comparable_per_deviation(kind):
    display = ForestDisplay.from_inference(FOUND, kind, units="deviation")
    raw = ForestDisplay.from_inference(FOUND, kind)
    deviations = X.std(axis=0)
    for name in ("estimates", "lower", "upper"):
        here, there = getattr(display, name), getattr(raw, name)
        assert_allclose(here, there**deviations if kind == "rrr" else there * deviations)
    assert "per deviation" in display.axes_[-1].get_xlabel()


def test_terms_are_drawn_in_the_order_that_is_asked_for():
    display = ForestDisplay.from_inference(FOUND, terms=["x2", "intercept"])
    labels = [text.get_text() for text in display.axes_[0].get_yticklabels()]
    assert labels == ["x2", "intercept"]
    assert_allclose(display.estimates[0], FOUND.coef[0][["x2", "intercept"]])


def test_it_draws_into_axes_that_are_given_and_changes_nothing_else():
    axes = Figure().subplots(1, 2)
    display = ForestDisplay.from_inference(FOUND, axes=axes)
    assert display.axes_ == list(axes)
    assert not plt.get_fignums()
    with pytest.raises(ValueError, match="axes must hold 2 axes, got 1"):
        ForestDisplay.from_inference(FOUND, axes=Figure().subplots())


def test_a_posterior_and_a_model_of_intercepts_alone_are_drawn():
    ridge = SoftmaxRegression(C=1.0).fit(X, Y).inference(X, Y, penalised="laplace")
    display = ForestDisplay.from_inference(ridge)
    assert [ax.get_title() for ax in display.axes_] == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "or"}, "kind must be 'coef', 'rrr' or 'ame', got 'or'"),
        ({"units": "iqr"}, "units must be 'raw' or 'deviation', got 'iqr'"),
        ({"terms": ["age"]}, "terms holds 'age'"),
        ({"level": 2.0}, "level must be between 0 and 1"),
    ],
)
def test_what_cannot_be_drawn_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ForestDisplay.from_inference(FOUND, **options)


def test_arrays_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"upper must have shape \(1, 2\)"):
        ForestDisplay([[1.0, 2.0]], [[0.0, 1.0]], [[2.0]], ["a"], ["x", "y"])
    with pytest.raises(ValueError, match="kind must be"):
        ForestDisplay([[1.0]], [[0.0]], [[2.0]], ["a"], ["x"], kind="bars")


def test_a_model_in_place_of_its_inference_is_refused():
    with pytest.raises(TypeError, match=r"the result of model.inference\(X, y\), got"):
        ForestDisplay.from_inference("coef")
