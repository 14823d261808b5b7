"""A picture of estimates with their intervals: one row for each term, one panel for each class.

Reads what an `Inference` gives and imports no estimator. matplotlib is imported when it is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike

from softmax_reg._checks.shown import shown
from softmax_reg.displays._plotting import COLORS, GUIDE, Floats, across_and_down, shortened

__all__ = ["ForestDisplay"]

_LONGEST_NAME = 28
_ROW_INCHES = 0.3
_LABELS = {
    "coef": "Coefficient",
    "rrr": "Relative risk ratio",
    "ame": "Change of the probability",
}


class ForestDisplay:
    """Estimates as points with their intervals, a panel for each class.

    Draw with `from_inference`. The dotted line is no effect: 0, or a ratio of 1. A point is filled
    where its interval does not reach that line, and hollow where it does.

    Parameters
    ----------
    estimates : ndarray of shape (n_classes, n_terms)
        The points.
    lower, upper : ndarray of shape (n_classes, n_terms)
        The ends of the intervals.
    classes : sequence
        The titles of the panels.
    terms : sequence of str
        The names of the rows.
    kind : {"coef", "rrr", "ame"}, default="coef"
        What they are: coefficients, relative risk ratios or marginal effects.
    base : label, default=None
        The class that the others are compared with, for the titles.
    level : float, default=0.95
        Of the intervals, for the label.
    unit : {"raw", "deviation"}, default="raw"
        The change of a feature that they are for, for the label.

    Attributes
    ----------
    axes_ : list of matplotlib Axes
        One for each class.
    figure_ : matplotlib Figure
        The figure of `axes_`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_wine
    >>> from softmax_reg import ForestDisplay, SoftmaxRegression
    >>> X, y = load_wine(return_X_y=True, as_frame=True)
    >>> X = X[["ash", "magnesium"]]
    >>> inference = SoftmaxRegression(C=np.inf).fit(X, y).inference(X, y)
    >>> display = ForestDisplay.from_inference(inference, kind="rrr")
    >>> [ax.get_title() for ax in display.axes_]
    ['1, against 0', '2, against 0']
    """

    axes_: list[Any]
    figure_: Any

    def __init__(
        self,
        estimates: ArrayLike,
        lower: ArrayLike,
        upper: ArrayLike,
        classes: Sequence[Any],
        terms: Sequence[str],
        kind: Literal["coef", "rrr", "ame"] = "coef",
        base: Any = None,
        level: float = 0.95,
        unit: Literal["raw", "deviation"] = "raw",
    ) -> None:
        if kind not in _LABELS:
            raise ValueError(f"kind must be 'coef', 'rrr' or 'ame', got {shown(kind)}")
        self.estimates: Floats = np.asarray(estimates, np.float64)
        self.lower: Floats = np.asarray(lower, np.float64)
        self.upper: Floats = np.asarray(upper, np.float64)
        self.classes, self.terms, self.kind = list(classes), list(terms), kind
        self.base, self.level, self.unit = base, level, unit
        wanted = (len(self.classes), len(self.terms))
        for name in ("estimates", "lower", "upper"):
            if (found := getattr(self, name).shape) != wanted:
                raise ValueError(
                    f"{name} must have shape {wanted}, a row for each class and a column for each "
                    f"term; got {found}"
                )

    @classmethod
    def from_inference(
        cls,
        inference: Any,
        kind: Literal["coef", "rrr", "ame"] = "coef",
        *,
        level: float = 0.95,
        units: Literal["raw", "deviation"] = "raw",
        terms: Sequence[str] | None = None,
        axes: Any = None,
    ) -> Self:
        """Draw what `SoftmaxRegression.inference` has found.

        Parameters
        ----------
        inference : Inference
            Its `base` is the class that the others are compared with.
        kind : {"coef", "rrr", "ame"}, default="coef"
            Coefficients; relative risk ratios, on a logarithmic axis; or average marginal effects,
            which every class has.
        level : float, default=0.95
            Of the intervals, between 0 and 1.
        units : {"raw", "deviation"}, default="raw"
            Of a change of each feature by 1, or by its standard deviation, which makes features of
            different units comparable.
        terms : sequence of str, default=None
            The terms to draw, in this order; None means all features, without the intercept.
        axes : sequence of matplotlib Axes, default=None
            Where to draw, one for each class; None makes a new figure.

        Returns
        -------
        display : ForestDisplay

        Raises
        ------
        ValueError
            If there is no such kind, unit or term, or `axes` are not as many as the classes.
        TypeError
            If `inference` is no such result, but a model, for instance.
        """
        if not hasattr(inference, "relative_risk_ratios"):
            raise TypeError(
                f"from_inference takes the result of model.inference(X, y), got {shown(inference)}."
            )
        if kind not in _LABELS:
            raise ValueError(f"kind must be 'coef', 'rrr' or 'ame', got {shown(kind)}")
        if units not in ("raw", "deviation"):
            raise ValueError(f"units must be 'raw' or 'deviation', got {shown(units)}")
        if kind == "ame":
            table, name = inference.marginal_effects(level=level).summary(), "effect"
        elif kind == "rrr":
            table, name = inference.relative_risk_ratios(level), "rrr"
        else:
            table, name = inference.summary(level), "coef"
        known = list(table.index.unique("term"))
        classes = list(table.index.unique("class"))
        if terms is None:
            has_intercept = kind != "ame" and known[0] == "intercept"
            terms = known[1:] if has_intercept and len(known) > 1 else known
        if unknown := [term for term in terms if term not in known]:
            raise ValueError(f"terms holds {shown(unknown[0])}, which is none of {shown(known)}")
        places = [known.index(term) for term in terms]
        by = np.ones(len(terms))
        if units == "deviation":
            by = inference.deviations.reindex(terms, fill_value=1.0).to_numpy()

        def drawn(column: str) -> Floats:
            values: Floats = table[column].to_numpy().reshape(len(classes), -1)[:, places]
            return values**by if kind == "rrr" else values * by

        return cls(
            drawn(name), drawn("lower"), drawn("upper"), classes, terms, kind,
            None if kind == "ame" else inference.base, level, units,
        ).plot(axes)  # fmt: skip

    def plot(self, axes: Any = None) -> Self:
        """Draw the estimates.

        Parameters
        ----------
        axes : sequence of matplotlib Axes, default=None
            One for each class; None makes a new figure.

        Returns
        -------
        display : ForestDisplay
            This object, with `axes_` and `figure_`.

        Raises
        ------
        ValueError
            If `axes` are not as many as the classes.
        """
        n = len(self.classes)
        across, down = across_and_down(n, most=2 if n == 4 else 3)
        self.axes_ = self._new(across, down) if axes is None else np.ravel(axes).tolist()
        if len(self.axes_) != n:
            raise ValueError(f"axes must hold {n} axes, got {len(self.axes_)}")
        for number, ax in enumerate(self.axes_):
            self._panel(ax, number, is_lowest=number + across >= n)
        self.figure_ = self.axes_[0].figure
        return self

    def _panel(self, ax: Any, number: int, is_lowest: bool) -> None:
        none = 1.0 if self.kind == "rrr" else 0.0
        values, low, high = self.estimates[number], self.lower[number], self.upper[number]
        rows = np.arange(len(values))[::-1]  # the first term on top
        if self.kind == "rrr":
            _as_ratios(ax)
        ax.axvline(none, **GUIDE)
        ax.hlines(rows, low, high, color=COLORS[0], linewidth=1.6, zorder=2)
        is_clear = (low > none) | (high < none)
        for chosen, face in ((is_clear, COLORS[0]), (~is_clear, "white")):
            ax.scatter(
                values[chosen], rows[chosen], s=30, facecolor=face, edgecolor=COLORS[0],
                linewidth=1.4, zorder=3,
            )  # fmt: skip
        names = [shortened(str(term), _LONGEST_NAME) for term in self.terms]
        ax.set_yticks(rows, names)
        ax.set_ylim(-0.6, len(values) - 0.4)
        against = "" if self.base is None else f", against {self.base}"
        ax.set_title(f"{self.classes[number]}{against}")
        ax.grid(axis="x", color="0.9", linewidth=0.6)
        ax.set_axisbelow(True)
        if is_lowest:
            per = " per deviation" if self.unit == "deviation" else ""
            ax.set_xlabel(f"{_LABELS[self.kind]}{per}\n{100.0 * self.level:g} % interval")
            ax.tick_params(labelbottom=True)

    def _new(self, across: int, down: int) -> list[Any]:
        import matplotlib.pyplot as plt

        height = (_ROW_INCHES * len(self.terms) + 1.2) * down
        figure, grid = plt.subplots(
            *(down, across), figsize=(3.0 * across + 1.2, height), layout="constrained",
            squeeze=False, sharex=True, sharey=True,
        )  # fmt: skip
        axes = grid.ravel().tolist()
        for ax in axes[len(self.classes) :]:
            figure.delaxes(ax)
        return list(axes[: len(self.classes)])


def _as_ratios(ax: Any) -> None:
    """Make the axis logarithmic, with plain numbers, between powers of 10 too where it is short."""
    from matplotlib.ticker import LogFormatter

    class Plain(LogFormatter):
        """It chooses what is labelled, and writes 0.1 in place of 1e-01."""

        def __call__(self, x: float, pos: int | None = None) -> str:
            return f"{x:g}" if super().__call__(x, pos) else ""

    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(Plain())
    ax.xaxis.set_minor_formatter(Plain(minor_thresholds=(1.0, 0.5)))
