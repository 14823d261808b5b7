"""A picture of how the loss fell during training.

The displays follow scikit-learn's convention: a constructor that takes the data, class methods
that make it from something else and draw it, and `plot`, which can be called again. This one reads
fitted attributes and imports no estimator. matplotlib is imported when a picture is drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np

from softmax_reg.displays._accuracy import draw_accuracies, panels
from softmax_reg.displays._plotting import (
    COLORS,
    GUIDE,
    Floats,
    Kwargs,
    one_for_each,
    spelled_out,
)
from softmax_reg.displays.loss_curve import LossCurve, excess, numbered, spans_decades

__all__ = ["LossCurveDisplay"]

# Seven colours and six markers: the pair repeats after 42 curves only.
_MARKERS = ("o", "s", "^", "D", "v", "P")
_STAR: dict[str, Any] = {
    "marker": "*",
    "markersize": 13,
    "markerfacecolor": "0.7",
    "markeredgecolor": "black",
}
# A logarithmic axis ends this factor below the smallest excess, to hold those that are zero.
_FLOOR = 1 / 3


class LossCurveDisplay:
    """The loss of one or several trainings, iteration by iteration.

    Draw with `from_estimator` or `from_estimators`. Solid lines are training, dashed lines
    held-out rows; a star and a dotted line mark the iterate that early stopping kept.

    Parameters
    ----------
    curves : sequence of LossCurve
        What to draw, in this order.

    Attributes
    ----------
    lines_ : list of matplotlib Line2D
        The training curve of each estimator.
    validation_lines_ : list of matplotlib Line2D or None
        Their held-out curves, None where there is none.
    ax_ : matplotlib Axes
        Where they were drawn.
    accuracy_ax_ : matplotlib Axes or None
        Where the accuracies were drawn, if there are any.
    figure_ : matplotlib Figure
        The figure of `ax_`.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from matplotlib.figure import Figure
    >>> fitted = SimpleNamespace(loss_curve_=[1.1, 0.6, 0.5], solver_="lbfgs")
    >>> display = LossCurveDisplay.from_estimator(fitted, ax=Figure().subplots())
    >>> display.lines_[0].get_label()
    'lbfgs'
    >>> display.lines_[0].get_ydata().tolist()
    [1.1, 0.6, 0.5]
    """

    lines_: list[Any]
    validation_lines_: list[Any]
    ax_: Any
    accuracy_ax_: Any
    figure_: Any

    def __init__(self, curves: Sequence[LossCurve]) -> None:
        self.curves = curves

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, ax: Any = None, name: str | None = None, **plot_options: Any
    ) -> Self:
        """Draw the loss curve of a fitted estimator.

        Parameters
        ----------
        estimator : object
            Fitted, with the attributes that `LossCurve.from_estimator` reads.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        name : str, default=None
            Name in the legend; None takes the name of the solver.
        **plot_options
            Further keywords of `plot`.

        Returns
        -------
        display : LossCurveDisplay

        Raises
        ------
        AttributeError
            If the estimator is not fitted.
        ValueError
            As `plot` does.
        """
        return cls([LossCurve.from_estimator(estimator, name)]).plot(ax, **plot_options)

    @classmethod
    def from_logger(
        cls, logger: Any, *, ax: Any = None, name: str = "", **plot_options: Any
    ) -> Self:
        """Draw what a `LossLogger` recorded: the loss and, if it has them, the accuracies below.

        Parameters
        ----------
        logger : LossLogger
            After a fit, or after some batches of a stream.
        ax : matplotlib Axes or pair of them, default=None
            Where to draw the loss, and the accuracies, which are left out if there is no second
            one; None makes a new figure.
        name : str, default=""
            Name in the legend.
        **plot_options
            Further keywords of `plot`.

        Returns
        -------
        display : LossCurveDisplay

        Raises
        ------
        ValueError
            If nothing was recorded.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from softmax_reg import LossCurveDisplay, SoftmaxRegression
        >>> from softmax_reg.callbacks import LossLogger
        >>> logger = LossLogger(accuracy=True)
        >>> model = SoftmaxRegression(callbacks=logger).fit(*load_iris(return_X_y=True))
        >>> display = LossCurveDisplay.from_logger(logger)
        >>> display.accuracy_ax_.get_ylabel()
        'Accuracy'
        """
        return cls([LossCurve.from_logger(logger, name)]).plot(ax, **plot_options)

    @classmethod
    def from_estimators(
        cls,
        estimators: Mapping[str, Any] | Iterable[Any],
        *,
        ax: Any = None,
        name: Sequence[str] | None = None,
        **plot_options: Any,
    ) -> Self:
        """Draw the loss curves of several fitted estimators on one picture.

        Parameters
        ----------
        estimators : mapping from name to estimator, or iterable of estimators
            Of an iterable, the names are those of the solvers, numbered where they repeat.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        name : sequence of str, default=None
            Other names, one for each estimator.
        **plot_options
            Further keywords of `plot`.

        Returns
        -------
        display : LossCurveDisplay

        Raises
        ------
        AttributeError
            If an estimator is not fitted.
        ValueError
            If there is no estimator, or as `plot` does.

        Examples
        --------
        >>> from types import SimpleNamespace
        >>> from matplotlib.figure import Figure
        >>> slow = SimpleNamespace(loss_curve_=[1.0, 0.75, 0.625])
        >>> fast = SimpleNamespace(loss_curve_=[1.0, 0.5], converged_=True)
        >>> ax = Figure().subplots()
        >>> display = LossCurveDisplay.from_estimators({"slow": slow, "fast": fast}, ax=ax)
        >>> display.lines_[0].get_ydata().tolist()
        [0.5, 0.25, 0.125]
        >>> display.ax_.get_yscale()
        'log'
        """
        if isinstance(estimators, Mapping):
            curves = [LossCurve.from_estimator(est, str(key)) for key, est in estimators.items()]
        else:
            curves = [LossCurve.from_estimator(est) for est in estimators]
        return cls(curves).plot(ax, name=name, **plot_options)

    def plot(
        self,
        ax: Any = None,
        *,
        name: str | Sequence[str] | None = None,
        curve_kwargs: Kwargs = None,
        log: bool | None = None,
        relative_to: float | Literal["best"] | None = None,
        validation: bool | None = None,
        log_x: bool = False,
    ) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        name : str or sequence of str, default=None
            Other names, one for each curve.
        curve_kwargs : dict or sequence of dict, default=None
            Keywords of matplotlib's `plot`, for all the curves or for each.
        log : bool, default=None
            Whether the loss axis is logarithmic. None decides: it is for an excess, and for plain
            values that span two decades or more.
        relative_to : float or "best", default=None
            Draw the excess over this value, such as a known optimum; "best" is the lowest
            objective on the picture. None means "best" for several curves if the training with the
            lowest objective has converged, and else plain values: the excess over what is no
            minimum would seem to plunge at the end. 0 always means plain values. On a logarithmic
            axis, points that are not above the reference lie on its lower edge.
        validation : bool, default=None
            Whether to draw the held-out losses; None draws them beside plain values only. The
            optimum does not bound them: their excess is that over the lowest held-out loss.
        log_x : bool, default=False
            Whether the axis of iterations is logarithmic (linear up to 1), for solvers that need
            very different numbers of them.

        Returns
        -------
        display : LossCurveDisplay
            This object, with `lines_`, `validation_lines_`, `ax_` and `figure_`.

        Raises
        ------
        ValueError
            If there is no curve, `relative_to` is neither finite nor "best", or the number of
            names or of `curve_kwargs` is not that of the curves.
        """
        n_curves = len(self.curves)
        if n_curves == 0:
            raise ValueError("there is nothing to draw: got no estimator")
        name = numbered([c.name for c in self.curves]) if name is None else name
        names = one_for_each(name, n_curves, "name")
        kwargs = one_for_each(curve_kwargs or {}, n_curves, "curve_kwargs")
        if relative_to is None:
            relative_to = "best" if n_curves > 1 and _lowest(self.curves).converged else 0.0

        losses, reference = excess([c.loss for c in self.curves], relative_to)
        drawn = reference == 0 if validation is None else validation
        held_out, _ = excess(
            [c.validation_loss if drawn else None for c in self.curves],
            "best" if reference else 0.0,
        )
        every = np.concatenate([v for v in [*losses, *held_out] if v is not None])
        every = every[np.isfinite(every)]
        positive = every[every > 0]
        if log is None:
            log = reference != 0 or (positive.size == every.size and spans_decades(positive))
        floor = _FLOOR * positive.min() if log and positive.size else None

        accuracies = [c for c in self.curves if c.accuracy is not None]
        self.ax_, self.accuracy_ax_ = panels(ax, bool(accuracies))
        self.figure_ = self.ax_.figure
        self.lines_, self.validation_lines_ = [], []
        for i, curve in enumerate(self.curves):
            style = _curve_style(i, n_curves) | {"label": names[i]} | spelled_out(kwargs[i])
            dashed = style | {"linestyle": "--", "markerfacecolor": "white"}
            first = int(curve.unit == "batch")  # there is none before the first
            self.lines_.append(_draw(self.ax_, losses[i], floor, style, first))
            self.validation_lines_.append(_draw(self.ax_, held_out[i], floor, dashed, first))
            if curve.best_iter is not None:
                _mark(self.ax_, self.validation_lines_[i] or self.lines_[i], curve.best_iter)
        if floor is not None:
            self.ax_.set_yscale("log")
            if (every <= 0).any():
                self.ax_.set_ylim(bottom=floor)
        _scale_iterations(self.ax_, log_x)
        self._label(relative_to, reference)
        if self.accuracy_ax_ is not None:
            draw_accuracies(self.accuracy_ax_, self.curves, self.lines_)
        return self

    def _label(self, relative_to: float | str, reference: float) -> None:
        from matplotlib.lines import Line2D

        dashed = [line for line in self.validation_lines_ if line is not None]
        is_stream = all(curve.unit == "batch" for curve in self.curves)
        if is_stream:
            ylabel = "Loss of the next batch"
        elif reference == 0:
            ylabel = "Loss" if dashed else "Penalised objective"
        elif relative_to == "best":
            ylabel = f"Excess over lowest {'loss' if dashed else 'objective'}"
        else:
            ylabel = f"Excess over {reference:.6g}"
        self.ax_.set(
            xlabel="Batch" if is_stream else "Iteration",
            ylabel=f"{ylabel} (nats per sample)",
            title=self.curves[0].title if len(self.curves) == 1 else "Loss during training",
        )
        self.ax_.grid(color="0.9", linewidth=0.6)
        self.ax_.set_axisbelow(True)

        handles = list(self.lines_)
        if dashed and len(self.lines_) == 1:
            name = self.lines_[0].get_label()
            self.lines_[0].set_label(f"{name}, training" if name else "training")
            dashed[0].set_label(f"{name}, held-out rows" if name else "held-out rows")
            handles += dashed
        elif dashed:
            # Line styles mean the same for every curve: explain them once, without a colour.
            handles += [
                Line2D([], [], color="0.3", linestyle="-", label="training"),
                Line2D([], [], color="0.3", linestyle="--", label="held-out rows"),
            ]
        if any(curve.best_iter is not None for curve in self.curves):
            handles.append(Line2D([], [], **(GUIDE | _STAR), label="kept iterate"))
        self.ax_.legend(handles=handles)


def _curve_style(i: int, n_curves: int) -> dict[str, Any]:
    style: dict[str, Any] = {"color": COLORS[i % len(COLORS)], "linewidth": 1.6}
    if n_curves > 1:
        # Markers tell the curves apart in grey. They stand at equal distances along each curve and
        # start at another place on each, lest they hide one another.
        start, every = 0.12 * i / n_curves, 0.12
        style |= {"marker": _MARKERS[i % len(_MARKERS)], "markersize": 5}
        style |= {"markevery": (start, every)}
    return style


def _draw(
    ax: Any, values: Floats | None, floor: float | None, style: dict[str, Any], first: int = 0
) -> Any:
    if values is None:
        return None
    if floor is not None:
        values = np.where(values <= 0, floor, values)
    if not np.isfinite(values).any():
        style = style | {"markevery": None}  # matplotlib cannot space markers along nothing
    (line,) = ax.plot(first + np.arange(len(values)), values, **style)
    return line


def _lowest(curves: Sequence[LossCurve]) -> LossCurve:
    return min(
        curves, key=lambda curve: np.min(curve.loss, initial=np.inf, where=np.isfinite(curve.loss))
    )


def _mark(ax: Any, line: Any, best_iter: int) -> None:
    color = line.get_color()
    ax.axvline(best_iter, **(GUIDE | {"color": color}))
    star = _STAR | {"markerfacecolor": color, "linestyle": "none", "zorder": 3, "clip_on": False}
    ax.plot([best_iter], [line.get_ydata()[best_iter]], label="_kept iterate", **star)


def _scale_iterations(ax: Any, log_x: bool) -> None:
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    if log_x:
        ax.set_xscale("symlog", linthresh=1.0)
        ax.set_xlim(left=-0.1)
        ax.xaxis.set_major_formatter(StrMethodFormatter("{x:.0f}"))
    else:
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
