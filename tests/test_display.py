"""The pictures of the loss, drawn from fabricated fits on figures that no window ever shows."""

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_wine
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from softmax_reg import SoftmaxRegression
from softmax_reg.callbacks import LossLogger
from softmax_reg.displays.loss_curve import LossCurve
from softmax_reg.displays.loss_curve_display import LossCurveDisplay

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def ax() -> Any:
    return Figure().subplots()


def fit(loss: Any, validation: Any = None, best: int | None = None, **more: Any) -> Any:
    """Return what a fitted estimator looks like to a display."""
    more = {"converged_": True} | more
    fitted = SimpleNamespace(loss_curve_=np.asarray(loss, dtype=float), **more)
    if validation is not None:
        fitted.validation_loss_curve_ = np.asarray(validation, dtype=float)
    if best is not None:
        fitted.best_iter_ = best
    return fitted


def render(display: Any) -> None:
    display.figure_.draw_without_rendering()


def legend_of(display: Any) -> list[str]:
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


SLOW = fit([2.0, 1.5, 1.25, 1.125], solver_="gd")
FAST = fit([2.0, 1.0, 1.0], solver_="newton-cg")
STOPPED = fit([2.0, 1.0, 0.5, 0.25], [2.0, 1.2, 1.1, 1.3], best=2, solver_="sgd")


class TestOneCurve:
    def test_plain_values_are_drawn_from_the_starting_point(self, ax: Any) -> None:
        display = LossCurveDisplay.from_estimator(SLOW, ax=ax)
        (line,) = display.lines_
        assert_array_equal(line.get_xdata(), [0, 1, 2, 3])
        assert_array_equal(line.get_ydata(), SLOW.loss_curve_)
        assert display.validation_lines_ == [None]
        assert ax.get_yscale() == "linear"
        render(display)

    def test_axes_are_labelled_with_units(self, ax: Any) -> None:
        LossCurveDisplay.from_estimator(SLOW, ax=ax)
        assert ax.get_xlabel() == "Iteration"
        assert ax.get_ylabel() == "Penalised objective (nats per sample)"

    def test_iterations_have_whole_ticks(self, ax: Any) -> None:
        LossCurveDisplay.from_estimator(fit([1.0, 0.5]), ax=ax)
        assert_array_equal(ax.get_xticks() % 1, 0)

    def test_it_is_named_after_the_solver_or_else_the_class_or_as_asked(self) -> None:
        for fitted, name, expected in [
            (SLOW, None, "gd"),
            (fit([1.0]), None, "SimpleNamespace"),
            (SLOW, "mine", "mine"),
        ]:
            display = LossCurveDisplay.from_estimator(fitted, ax=Figure().subplots(), name=name)
            assert legend_of(display) == [expected]

    def test_a_fall_of_two_decades_makes_the_axis_logarithmic(self, ax: Any) -> None:
        LossCurveDisplay.from_estimator(fit([2.0, 0.01]), ax=ax)
        assert ax.get_yscale() == "log"

    @pytest.mark.parametrize("log", [True, False])
    def test_the_scale_is_as_asked(self, log: bool, ax: Any) -> None:
        LossCurveDisplay.from_estimator(fit([2.0, 0.01]), ax=ax, log=log)
        assert ax.get_yscale() == ("log" if log else "linear")

    def test_an_objective_that_reaches_zero_is_drawn_on_a_linear_axis(self, ax: Any) -> None:
        display = LossCurveDisplay.from_estimator(fit([2.0, 1e-9, 0.0]), ax=ax)
        assert ax.get_yscale() == "linear"
        render(display)

    def test_an_infinite_loss_leaves_a_gap(self, ax: Any) -> None:
        display = LossCurveDisplay.from_estimator(fit([2.0, np.inf, np.nan, 1.0]), ax=ax)
        render(display)
        assert ax.get_ylim()[1] < 3

    def test_a_curve_of_one_point_can_be_drawn(self, ax: Any) -> None:
        for options in ({}, {"relative_to": "best"}, {"log": True, "relative_to": "best"}):
            render(LossCurveDisplay.from_estimator(fit([2.0]), ax=ax, **options))

    def test_held_out_losses_are_dashed_and_the_kept_iterate_is_marked(self, ax: Any) -> None:
        display = LossCurveDisplay.from_estimator(STOPPED, ax=ax)
        (training,), (held_out,) = display.lines_, display.validation_lines_
        assert training.get_linestyle() == "-"
        assert held_out.get_linestyle() == "--"
        assert training.get_color() == held_out.get_color()
        assert_array_equal(held_out.get_ydata(), STOPPED.validation_loss_curve_)
        assert legend_of(display) == ["sgd, training", "sgd, held-out rows", "kept iterate"]
        assert ax.get_ylabel() == "Loss (nats per sample)"
        stars = [line for line in ax.lines if line.get_marker() == "*"]
        assert [(star.get_xdata()[0], star.get_ydata()[0]) for star in stars] == [(2, 1.1)]
        render(display)

    def test_held_out_losses_can_be_left_out(self, ax: Any) -> None:
        display = LossCurveDisplay.from_estimator(STOPPED, ax=ax, validation=False)
        assert display.validation_lines_ == [None]
        assert legend_of(display) == ["sgd", "kept iterate"]

    def test_early_stopping_that_was_off_may_be_spelled_none(self, ax: Any) -> None:
        fitted = fit([1.0, 0.5])
        fitted.validation_loss_curve_ = fitted.best_iter_ = None
        assert legend_of(LossCurveDisplay.from_estimator(fitted, ax=ax)) == ["SimpleNamespace"]

    def test_curve_kwargs_override_the_style_under_long_and_short_names(self, ax: Any) -> None:
        kwargs = {"c": "red", "linewidth": 4}
        display = LossCurveDisplay.from_estimator(SLOW, ax=ax, curve_kwargs=kwargs)
        assert display.lines_[0].get_color() == "red"
        assert display.lines_[0].get_linewidth() == 4
        assert kwargs == {"c": "red", "linewidth": 4}


class TestSeveralCurves:
    def test_the_excess_over_the_lowest_value_is_drawn_on_a_logarithmic_axis(self, ax: Any) -> None:
        display = LossCurveDisplay.from_estimators([SLOW, FAST], ax=ax)
        assert_array_equal(display.lines_[0].get_ydata(), [1.0, 0.5, 0.25, 0.125])
        assert ax.get_yscale() == "log"
        assert ax.get_ylabel() == "Excess over lowest objective (nats per sample)"
        assert legend_of(display) == ["gd", "newton-cg"]

    def test_plain_losses_are_drawn_where_the_lowest_has_not_converged(self, ax: Any) -> None:
        unfinished = fit([1.0, 0.1], converged_=False)
        display = LossCurveDisplay.from_estimators([SLOW, unfinished], ax=ax)
        assert display.lines_[1].get_ydata().tolist() == [1.0, 0.1]
        assert ax.get_ylabel().startswith("Penalised objective")

    def test_a_curve_that_reaches_the_reference_ends_on_the_lower_edge(self, ax: Any) -> None:
        display = LossCurveDisplay.from_estimators([SLOW, FAST], ax=ax)
        render(display)
        bottom = ax.get_ylim()[0]
        assert 0 < bottom < 0.125
        assert_array_equal(display.lines_[1].get_ydata(), [1.0, bottom, bottom])

    def test_the_excess_over_a_known_optimum_can_be_drawn(self, ax: Any) -> None:
        display = LossCurveDisplay.from_estimators([SLOW, FAST], ax=ax, relative_to=0.5)
        assert_array_equal(display.lines_[1].get_ydata(), [1.5, 0.5, 0.5])
        assert ax.get_ylabel() == "Excess over 0.5 (nats per sample)"

    def test_a_reference_above_every_value_breaks_nothing(self, ax: Any) -> None:
        display = LossCurveDisplay.from_estimators([SLOW, FAST], ax=ax, relative_to=9.0)
        assert_array_equal(display.lines_[1].get_ydata(), [-7.0, -8.0, -8.0])
        render(display)

    def test_equal_curves_without_any_excess_break_nothing(self, ax: Any) -> None:
        render(LossCurveDisplay.from_estimators([fit([1.0]), fit([1.0])], ax=ax))

    def test_curves_without_a_finite_value_break_nothing(self, ax: Any) -> None:
        render(LossCurveDisplay.from_estimators([fit([np.nan]), fit([np.inf])], ax=ax))

    def test_a_reference_of_zero_gives_plain_values(self, ax: Any) -> None:
        display = LossCurveDisplay.from_estimators([SLOW, FAST], ax=ax, relative_to=0)
        assert_array_equal(display.lines_[1].get_ydata(), FAST.loss_curve_)
        assert ax.get_yscale() == "linear"
        assert ax.get_ylabel() == "Penalised objective (nats per sample)"

    def test_names_are_the_keys_of_a_mapping(self, ax: Any) -> None:
        display = LossCurveDisplay.from_estimators({"a": SLOW, 0.1: FAST}, ax=ax)
        assert legend_of(display) == ["a", "0.1"]

    def test_names_that_repeat_are_numbered(self, ax: Any) -> None:
        display = LossCurveDisplay.from_estimators([SLOW, FAST, SLOW], ax=ax)
        assert legend_of(display) == ["gd (1)", "newton-cg", "gd (2)"]

    def test_other_names_can_be_given(self, ax: Any) -> None:
        display = LossCurveDisplay.from_estimators(
            (f for f in [SLOW, FAST]), ax=ax, name=["a", "b"]
        )
        assert legend_of(display) == ["a", "b"]

    def test_held_out_losses_are_left_out_of_a_picture_of_excesses(self, ax: Any) -> None:
        display = LossCurveDisplay.from_estimators([SLOW, STOPPED], ax=ax)
        assert display.validation_lines_ == [None, None]
        assert legend_of(display) == ["gd", "sgd", "kept iterate"]

    def test_held_out_losses_asked_for_are_excesses_over_their_own_lowest(self, ax: Any) -> None:
        display = LossCurveDisplay.from_estimators([SLOW, STOPPED], ax=ax, validation=True)
        held_out = display.validation_lines_[1].get_ydata()
        assert_allclose(held_out[[0, 1, 3]], [0.9, 0.1, 0.2])
        assert held_out[2] == ax.get_ylim()[0]
        assert legend_of(display) == ["gd", "sgd", "training", "held-out rows", "kept iterate"]
        assert ax.get_ylabel() == "Excess over lowest loss (nats per sample)"
        render(display)

    def test_every_curve_has_its_own_colour_and_marker(self, ax: Any) -> None:
        display = LossCurveDisplay.from_estimators([SLOW] * 42, ax=ax)
        styles = {(line.get_color(), line.get_marker()) for line in display.lines_}
        assert len(styles) == 42
        render(display)

    def test_curve_kwargs_can_differ(self, ax: Any) -> None:
        kwargs = [{"color": "red"}, {"color": "blue"}]
        display = LossCurveDisplay.from_estimators([SLOW, FAST], ax=ax, curve_kwargs=kwargs)
        assert [line.get_color() for line in display.lines_] == ["red", "blue"]

    def test_the_axis_of_iterations_can_be_logarithmic(self, ax: Any) -> None:
        display = LossCurveDisplay.from_estimators([SLOW, fit([1.0] * 500)], ax=ax, log_x=True)
        render(display)
        labels = [label.get_text() for label in ax.get_xticklabels()]
        assert {"0", "1", "10", "100"} <= set(labels)
        assert ax.get_xlim()[0] > -1


class TestConventions:
    def test_a_new_figure_is_made_only_without_axes_and_never_shown(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with matplotlib.rc_context({"backend": "agg"}):
            import matplotlib.pyplot as plt

            monkeypatch.setattr(plt, "show", lambda *_: pytest.fail("plt.show was called"))
            before = plt.get_fignums()
            LossCurveDisplay.from_estimator(SLOW, ax=Figure().subplots())
            assert plt.get_fignums() == before
            display = LossCurveDisplay.from_estimator(SLOW)
            assert display.ax_.figure is display.figure_
            assert display.figure_.number in plt.get_fignums()
            plt.close(display.figure_)

    def test_no_global_setting_changes(self, ax: Any) -> None:
        before = dict(matplotlib.rcParams)
        render(LossCurveDisplay.from_estimators([SLOW, STOPPED], ax=ax))
        assert dict(matplotlib.rcParams) == before

    def test_plot_draws_again_on_other_axes(self, ax: Any) -> None:
        display = LossCurveDisplay.from_estimator(SLOW, ax=ax)
        other = Figure().subplots()
        assert display.plot(other, name="again", log=True) is display
        assert display.ax_ is other
        assert display.figure_ is other.figure
        assert legend_of(display) == ["again"]

    def test_the_fitted_curve_is_not_written_to(self, ax: Any) -> None:
        loss = np.array([2.0, 1.0, 1.0])
        loss.flags.writeable = False
        LossCurveDisplay.from_estimators([fit(loss), SLOW], ax=ax)
        assert_array_equal(loss, [2.0, 1.0, 1.0])

    @pytest.mark.slow
    def test_matplotlib_is_imported_only_to_draw(self) -> None:
        module = "softmax_reg.displays.loss_curve_display"
        code = f"import sys, {module}; sys.exit('matplotlib' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class TestFromModels:
    def test_a_pipeline_and_a_search_are_looked_into(self, ax: Any) -> None:
        X, y = load_wine(return_X_y=True)
        pipeline = make_pipeline(StandardScaler(), SoftmaxRegression())
        search = GridSearchCV(pipeline, {"softmaxregression__C": [0.1, 1.0]}, cv=2)
        for model in (pipeline, search):
            with pytest.raises(AttributeError, match="call fit first"):
                LossCurveDisplay.from_estimator(model)
            display = LossCurveDisplay.from_estimator(model.fit(X, y), ax=ax)
            best = getattr(model, "best_estimator_", model)[-1]
            assert_allclose(display.lines_[0].get_ydata(), best.loss_curve_)
            assert display.ax_.get_title() == "SoftmaxRegression, solver lbfgs"

    def test_a_fitted_model_without_a_curve_is_not_sent_to_fit(self) -> None:
        model = GaussianNB().fit(*load_wine(return_X_y=True))
        with pytest.raises(
            AttributeError, match="this GaussianNB is fitted, but has no loss_curve_"
        ):
            LossCurveDisplay.from_estimator(model)

    def test_a_stream_is_labelled_as_what_it_is(self, ax: Any) -> None:
        X, y = load_wine(return_X_y=True)
        model = SoftmaxRegression()
        for start in range(3):
            model.partial_fit(X[start::3], y[start::3], classes=[0, 1, 2])
        display = LossCurveDisplay.from_estimator(model, ax=ax)
        assert ax.get_xlabel() == "Batch"
        assert ax.get_ylabel() == "Loss of the next batch (nats per sample)"
        assert display.lines_[0].get_xdata().tolist() == [1, 2, 3]

    @pytest.mark.parametrize("held_out", [False, True])
    def test_a_logger_shows_the_accuracy_beside_the_loss(self, held_out: bool) -> None:
        X, y = load_wine(return_X_y=True)
        logger = LossLogger(accuracy=True)
        with pytest.raises(ValueError, match="recorded nothing"):
            LossCurveDisplay.from_logger(logger)
        users = {"X_val": X, "y_val": y} if held_out else {}
        SoftmaxRegression(callbacks=logger).fit(X[::2], y[::2], **users)
        display = LossCurveDisplay.from_logger(logger)
        lines = display.accuracy_ax_.lines
        assert len(lines) == 1 + held_out
        assert_allclose(lines[0].get_ydata(), logger.to_frame()["accuracy"])
        assert_allclose(lines[0].get_xdata(), display.lines_[0].get_xdata())
        render(display)
        top, bottom = Figure().subplots(2)
        assert LossCurveDisplay.from_logger(logger, ax=(top, bottom)).accuracy_ax_ is bottom
        assert LossCurveDisplay.from_logger(logger, ax=top).accuracy_ax_ is None


class TestErrors:
    @pytest.mark.parametrize("fitted", [SimpleNamespace(), SimpleNamespace(loss_curve_=None)])
    def test_an_estimator_that_is_not_fitted_is_refused(self, fitted: Any) -> None:
        with pytest.raises(AttributeError, match="SimpleNamespace has no loss_curve_: call fit"):
            LossCurveDisplay.from_estimator(fitted)

    @pytest.mark.parametrize("loss", [[], [[1.0]], 1.0])
    def test_a_loss_that_is_no_curve_is_refused(self, loss: Any) -> None:
        with pytest.raises(ValueError, match="loss_curve_ must be one-dimensional"):
            LossCurve.from_estimator(fit(loss))

    @pytest.mark.parametrize("nothing", [[], {}])
    def test_no_estimator_at_all_is_refused(self, nothing: Any) -> None:
        with pytest.raises(ValueError, match="nothing to draw"):
            LossCurveDisplay.from_estimators(nothing)

    @pytest.mark.parametrize("reference", [np.nan, np.inf, "worst"])
    def test_a_reference_that_is_no_number_is_refused(self, reference: Any, ax: Any) -> None:
        with pytest.raises(ValueError, match=r"relative_to must be .* got"):
            LossCurveDisplay.from_estimator(SLOW, ax=ax, relative_to=reference)

    def test_a_wrong_number_of_names_or_styles_is_refused(self, ax: Any) -> None:
        with pytest.raises(ValueError, match="name must hold one item for each of 2 curves"):
            LossCurveDisplay.from_estimators([SLOW, FAST], ax=ax, name="one")
        with pytest.raises(ValueError, match="curve_kwargs must hold one item"):
            LossCurveDisplay.from_estimators([SLOW, FAST], ax=ax, curve_kwargs=[{}])
