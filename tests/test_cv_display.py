"""The picture of a cross-validation, drawn from fabricated fits that no window ever shows."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from problems import data
from sklearn.pipeline import make_pipeline

from softmax_reg import CVDisplay, SoftmaxRegressionCV

SCORES = -np.array([[[3.0, 1.0, 2.0], [4.0, 2.0, 3.0]], [[3.4, 1.2, 2.6], [4.0, 2.2, 3.4]]])


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def fabricated(**changes):
    fit = {
        "Cs_": np.array([0.1, 1.0, 10.0]),
        "l1_ratios_": np.array([0.0, 1.0]),
        "scores_": SCORES,
        "C_": 1.0,
        "l1_ratio_": 0.0,
        "scoring": "neg_log_loss",
    }
    return SimpleNamespace(**(fit | changes))


def lines_of(ax, **properties):
    return [
        line
        for line in ax.lines
        if all(line.properties()[name] == value for name, value in properties.items())
    ]


def test_a_loss_is_drawn_with_its_mean_and_standard_error():
    display = CVDisplay.from_estimator(fabricated(), ax=Figure().subplots())
    np.testing.assert_allclose(display.means, [[3.2, 1.1, 2.3], [4.0, 2.1, 3.2]])
    np.testing.assert_allclose(display.errors, [[0.2, 0.1, 0.3], [0.0, 0.1, 0.2]])
    (curve, caps, (bars,)) = display.lines_[0]
    np.testing.assert_allclose(curve.get_ydata(), [3.2, 1.1, 2.3])
    np.testing.assert_allclose(bars.get_segments()[1][:, 1], [1.0, 1.2])
    assert len(caps) == 2
    assert display.ax_.get_ylabel() == "Log loss, mean of 2 folds"
    assert display.ax_.get_xscale() == "log"


def test_the_chosen_C_and_one_standard_error_are_marked():
    ax = CVDisplay.from_estimator(fabricated(), ax=Figure().subplots()).ax_
    (star,) = lines_of(ax, marker="*")
    assert (star.get_xdata()[0], star.get_ydata()[0]) == (1.0, pytest.approx(1.1))
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert set(labels) == {
        "l1_ratio = 0",
        "l1_ratio = 1",
        "best: C = 1",
        "chosen: C = 1, l1_ratio = 0",
        "one standard error from the best",
    }
    (limit,) = lines_of(ax, label="one standard error from the best")
    assert limit.get_ydata()[0] == pytest.approx(1.2)


def test_a_score_is_drawn_as_it_is_and_its_limit_lies_below():
    display = CVDisplay.from_estimator(fabricated(scores_=-SCORES / 10, scoring=None))
    assert display.ax_.get_ylabel() == "Accuracy, mean of 2 folds"
    (limit,) = lines_of(display.ax_, label="one standard error from the best")
    assert limit.get_ydata()[0] == pytest.approx(0.4)
    assert display.figure_ is display.ax_.figure


def test_a_mean_of_choices_that_is_not_on_the_grid_has_no_star():
    ax = CVDisplay.from_estimator(fabricated(C_=3.3), ax=Figure().subplots()).ax_
    assert not lines_of(ax, marker="*")


def test_values_are_drawn_from_the_smallest_whatever_their_order():
    back = slice(None, None, -1)
    fit = fabricated(Cs_=np.array([10.0, 1.0, 0.1]), scores_=SCORES[:, :, back])
    display = CVDisplay.from_estimator(fit, ax=Figure().subplots())
    curve = display.lines_[0][0]
    assert np.all(np.diff(curve.get_xdata()) > 0.0)
    np.testing.assert_allclose(curve.get_ydata(), [3.2, 1.1, 2.3])


def test_curves_differ_without_colour_and_can_be_styled():
    display = CVDisplay.from_estimator(fabricated(), ax=Figure().subplots())
    assert len({line[0].get_marker() for line in display.lines_}) == 2
    styled = display.plot(Figure().subplots(), curve_kwargs={"c": "red"})
    assert {line[0].get_color() for line in styled.lines_} == {"red"}


def test_one_fold_has_no_error():
    display = CVDisplay.from_estimator(fabricated(scores_=SCORES[:1]), ax=Figure().subplots())
    assert not display.errors.any()


def test_a_scoring_function_gives_the_axis_its_name():
    def beauty(estimator, X, y):
        return 1.0

    display = CVDisplay.from_estimator(fabricated(scoring=beauty), ax=Figure().subplots())
    assert display.ax_.get_ylabel() == "Beauty, mean of 2 folds"


def test_the_axis_holds_every_C_also_those_without_a_score_and_at_least_a_decade():
    scores = SCORES.copy()
    scores[0, :, 2] = np.nan
    ax = CVDisplay.from_estimator(fabricated(scores_=scores), ax=Figure().subplots()).ax_
    low, high = ax.get_xlim()
    assert low < 0.1 < 10.0 < high < 30.0
    one = fabricated(Cs_=np.array([1.0]), scores_=SCORES[:, :, 1:2])
    low, high = CVDisplay.from_estimator(one, ax=Figure().subplots()).ax_.get_xlim()
    assert low < 0.4 < 2.5 < high


def test_what_cannot_be_drawn_is_named():
    with pytest.raises(AttributeError, match="call fit first"):
        CVDisplay.from_estimator(SoftmaxRegressionCV())
    with pytest.raises(ValueError, match=r"scores must have shape \(n_folds, 2, 3\)"):
        CVDisplay.from_estimator(fabricated(scores_=SCORES[0]))
    with pytest.raises(ValueError, match="curve_kwargs"):
        CVDisplay.from_estimator(fabricated(), curve_kwargs=[{}])


def test_a_real_fit_is_drawn_without_a_warning(tmp_path):
    X, y = data("iris")
    model = SoftmaxRegressionCV(Cs=[0.01, 1.0], selection="one_standard_error").fit(X, y)
    CVDisplay.from_estimator(model).figure_.savefig(tmp_path / "cv.png")
    assert (tmp_path / "cv.png").stat().st_size > 10_000


def test_the_smallest_C_within_one_standard_error_of_the_best_has_a_line():
    scores = -np.array([[[1.15, 1.0, 2.0]], [[1.25, 1.3, 2.6]]])
    fit = fabricated(scores_=scores, l1_ratios_=np.array([0.5]), l1_ratio_=0.5, C_=0.1)
    ax = CVDisplay.from_estimator(fit, ax=Figure().subplots()).ax_
    (line,) = lines_of(ax, label="within one error: C = 0.1")
    assert line.get_xdata()[0] == 0.1
    assert lines_of(ax, label="chosen: C = 0.1, l1_ratio = 0.5")


def test_the_numbers_of_features_stand_above_the_curves():
    X, y = data("wine")
    model = SoftmaxRegressionCV(Cs=[1e-4, 0.01, 1.0], l1_ratios=[1.0], cv=3).fit(X, y)
    display = CVDisplay.from_estimator(make_pipeline(model).fit(X, y))
    coefs = model.coefs_paths_[:, 0, :, :, :-1]
    expected = (np.abs(coefs).max(axis=2) > 0).sum(axis=2).mean(axis=0)
    np.testing.assert_allclose(display.n_active, [expected])
    display.figure_.draw_without_rendering()
    (above,) = display.ax_.child_axes
    told = [label.get_text() for label in above.get_xticklabels()]
    assert told == [f"{number:.0f}" for number in expected]
