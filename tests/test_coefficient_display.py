"""The pictures of coefficients: bars, maps and images, on figures that no window ever shows."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal
from problems import data
from sklearn.datasets import load_wine
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from softmax_reg import CoefficientDisplay, SoftmaxRegression


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def display_of(n_classes, n_features=100, **options):
    coef = np.random.default_rng(0).normal(size=(n_classes, n_features))
    coef = coef[:1] if n_classes == 2 else coef
    names = [f"a feature of a rather long and winding name, number {j}" for j in range(n_features)]
    classes = [f"class {k}" for k in range(n_classes)]
    display = CoefficientDisplay(coef, classes, names).plot(**options)
    display.figure_.draw_without_rendering()
    return display


@pytest.mark.parametrize("n_classes", [2, 3, 6])
def test_bars_show_the_largest_coefficients_of_each_class_the_largest_on_top(n_classes):
    display = display_of(n_classes, top=8)
    for coef, ax in zip(display.coef, display.axes_, strict=True):
        widths = [bar.get_width() for bar in ax.patches]
        largest = np.sort(np.abs(coef))[-8:]
        assert_allclose(np.abs(widths), largest)
        assert all(len(label.get_text()) == 28 for label in ax.get_yticklabels())
    titles = [ax.get_title() for ax in display.axes_]
    wanted = [f"class {k}" for k in range(n_classes)]
    assert titles == (["class 1, against class 0"] if n_classes == 2 else wanted)


@pytest.mark.parametrize("n_classes", [10, 26])
@pytest.mark.parametrize("top", [5, 40, pytest.param(None, marks=pytest.mark.slow)])
def test_many_classes_are_a_map(n_classes, top):
    display = display_of(n_classes, top=top)
    (ax,) = display.axes_
    rows = np.sort(np.argsort(-np.abs(display.coef).max(axis=0), kind="stable")[:top])
    assert_array_equal(ax.images[0].get_array(), display.coef[:, rows].T)
    limit = np.abs(display.coef).max()
    assert ax.images[0].get_clim() == (-limit, limit)
    printed = [text.get_text() for text in ax.texts]
    cells = len(rows) * n_classes
    assert len(printed) == (cells if cells <= 120 else 0)
    if not printed:  # legible in grey: very negative cells have a dash
        dashes = np.asarray(ax.collections[0].get_offsets())
        assert len(dashes) == np.count_nonzero(display.coef[:, rows] < -0.4 * limit)


def test_images_have_the_pixels_row_by_row():
    X, y = data("digits")
    model = SoftmaxRegression(C=0.01).fit(X, y)
    display = CoefficientDisplay.from_estimator(model, shape=(8, 8))
    assert len(display.axes_) == 10
    for coef, ax in zip(model.coef_, display.axes_, strict=True):
        assert_array_equal(ax.images[0].get_array(), coef.reshape(8, 8))
    some = CoefficientDisplay.from_estimator(model, shape=(8, 8), classes=[3, 8])
    assert [ax.get_title() for ax in some.axes_] == ["3", "8"]
    for shape in (None, (8, 9)):
        with pytest.raises(ValueError, match="64 pixels"):
            CoefficientDisplay.from_estimator(model, kind="images", shape=shape)


def test_pipelines_and_searches_are_looked_into_for_the_model_and_the_names():
    X, y = load_wine(return_X_y=True, as_frame=True)
    pipeline = make_pipeline(StandardScaler(), SoftmaxRegression())
    search = GridSearchCV(pipeline, {"softmaxregression__C": [0.1, 1.0]}, cv=2)
    for model in (pipeline, search):
        with pytest.raises(AttributeError, match="call fit first"):
            CoefficientDisplay.from_estimator(model)
        display = CoefficientDisplay.from_estimator(model.fit(X, y))
        best = getattr(model, "best_estimator_", model)[-1]
        assert_array_equal(display.coef, best.coef_)
        assert display.feature_names == X.columns.tolist()
    with pytest.raises(AttributeError, match="is fitted, but has no coef_"):
        CoefficientDisplay.from_estimator(GaussianNB().fit(X, y))


def test_a_standardised_model_is_drawn_per_deviation():
    X, y = load_wine(return_X_y=True, as_frame=True)
    model = SoftmaxRegression(standardize=True).fit(X, y)
    display = CoefficientDisplay.from_estimator(model)
    assert_allclose(display.coef, model.coef_ * model.scale_)
    assert display.axes_[0].get_xlabel() == "Coefficient per deviation"


def test_what_cannot_be_drawn_is_named():
    with pytest.raises(ValueError, match="coef must have shape \\(1, 2\\)"):
        CoefficientDisplay(np.ones((2, 2)), [0, 1], ["a", "b"])
    display = CoefficientDisplay(np.ones((3, 2)), [0, 1, 2], ["a", "b"])
    with pytest.raises(ValueError, match="kind must be"):
        display.plot(kind="pie")
    with pytest.raises(ValueError, match="classes holds 7"):
        display.plot(classes=[7])
    with pytest.raises(ValueError, match="axes must hold 3 axes, got 2"):
        display.plot(Figure().subplots(2))
