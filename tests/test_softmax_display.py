"""The pictures of the softmax, drawn on figures that no window ever shows."""

from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal

from softmax_reg.displays.softmax_display import SoftmaxDisplay
from softmax_reg.functional import sigmoid, softmax

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def ax() -> Any:
    return Figure().subplots()


def render(display: Any) -> None:
    display.figure_.draw_without_rendering()


def legend_of(display: Any) -> list[str]:
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


class TestPicture:
    def test_two_classes_are_the_sigmoid_and_its_complement(self, ax: Any) -> None:
        display = SoftmaxDisplay.from_scores(ax=ax)
        x = display.sweep
        assert_allclose(display.lines_[1].get_ydata(), sigmoid(x), rtol=1e-14)
        assert_allclose(display.lines_[0].get_ydata(), sigmoid(-x), rtol=1e-14)
        assert_array_equal(display.sigmoid_line_.get_ydata(), sigmoid(x))
        assert legend_of(display)[-1] == "$\\sigma(z_{1} - z_0)$"
        render(display)

    def test_the_swept_class_of_three_is_a_shifted_sigmoid(self, ax: Any) -> None:
        display = SoftmaxDisplay.from_scores(np.linspace(-3, 3, 7), [0.0, 2.0], ax=ax)
        assert_allclose(display.proba, [softmax([0.0, 2.0, z]) for z in range(-3, 4)], rtol=1e-14)
        swept = display.lines_[2].get_ydata()
        assert_allclose(display.sigmoid_line_.get_ydata(), swept, rtol=1e-13)
        render(display)

    def test_the_sigmoid_can_be_left_out(self, ax: Any) -> None:
        display = SoftmaxDisplay.from_scores(others=[0.0, 1.0], ax=ax, show_sigmoid=False)
        assert display.sigmoid_line_ is None
        assert len(legend_of(display)) == 3

    def test_classes_differ_in_colour_and_dashes(self, ax: Any) -> None:
        display = SoftmaxDisplay.from_scores(others=[0.0, 1.0, 2.0], ax=ax)
        assert len({line.get_color() for line in display.lines_}) == 4
        assert len({line.get_linestyle() for line in display.lines_}) == 4

    def test_names_and_styles_can_be_given(self, ax: Any) -> None:
        display = SoftmaxDisplay.from_scores(ax=ax, name=["no", "yes"], curve_kwargs={"lw": 5})
        assert [label.split(",")[0] for label in legend_of(display)[:2]] == ["no", "yes"]
        assert {line.get_linewidth() for line in display.lines_} == {5}
        assert ax.get_xlabel() == "Score $z_{1}$"
        assert ax.get_ylabel() == "Probability"

    def test_a_sweep_of_one_point_can_be_drawn(self, ax: Any) -> None:
        display = SoftmaxDisplay.from_scores([0.0], [5.0], ax=ax)
        assert display.proba.shape == (1, 2)
        render(display)


class TestConventions:
    def test_a_new_figure_is_made_only_without_axes_and_never_shown(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with matplotlib.rc_context({"backend": "agg"}):
            import matplotlib.pyplot as plt

            monkeypatch.setattr(plt, "show", lambda *_: pytest.fail("plt.show was called"))
            before = plt.get_fignums()
            SoftmaxDisplay.from_scores(ax=Figure().subplots())
            assert plt.get_fignums() == before
            display = SoftmaxDisplay.from_scores()
            assert display.ax_.figure is display.figure_
            assert display.figure_.number in plt.get_fignums()
            plt.close(display.figure_)

    def test_no_global_setting_changes(self, ax: Any) -> None:
        before = dict(matplotlib.rcParams)
        render(SoftmaxDisplay.from_scores(ax=ax))
        assert dict(matplotlib.rcParams) == before


class TestErrors:
    def test_a_wrong_number_of_names_is_refused(self, ax: Any) -> None:
        with pytest.raises(ValueError, match="name must hold one item for each of 3 curves"):
            SoftmaxDisplay.from_scores(others=[0.0, 1.0], ax=ax, name=["a", "b"])

    @pytest.mark.parametrize("scores", [[], [np.nan], [np.inf], [[0.0]]])
    def test_scores_that_cannot_be_drawn_are_refused(self, scores: Any) -> None:
        for arguments in ({"sweep": scores}, {"others": scores}):
            with pytest.raises(ValueError, match="must be"):
                SoftmaxDisplay.from_scores(**arguments)
