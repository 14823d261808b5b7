"""Pictures: how the loss fell during training, and what the softmax does to scores.

Both classes follow scikit-learn's Display convention: a constructor that takes the data, class
methods that make it from something else and draw it, and `plot`, which can be called again. They
read fitted attributes and import no estimator. matplotlib is imported when a picture is drawn;
nothing is shown and no global setting changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from softmax_reg.functional import log_softmax, sigmoid, softmax

__all__ = ["LossCurve", "LossCurveDisplay", "SoftmaxDisplay"]

Floats: TypeAlias = NDArray[np.float64]
Kwargs: TypeAlias = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None

# Okabe and Ito (2008), "Color Universal Design", without their yellow, too pale for thin lines.
# Seven colours and six markers: the pair repeats after 42 curves only.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = ("o", "s", "^", "D", "v", "P")
_DASHES = ("-", "--", "-.", ":")
_GUIDE: dict[str, Any] = {"color": "0.45", "linewidth": 1.0, "linestyle": ":", "zorder": 1}
_STAR: dict[str, Any] = {
    "marker": "*",
    "markersize": 13,
    "markerfacecolor": "0.7",
    "markeredgecolor": "black",
}
# From here on a linear scale hides how the curve ends: a hundredth is the width of a line.
_LOG_SPAN = 100.0
# A logarithmic axis ends this factor below the smallest excess, to hold those that are zero.
_FLOOR = 1 / 3


@dataclass(frozen=True)
class LossCurve:
    """The losses of one training, as `LossCurveDisplay` draws them.

    Parameters
    ----------
    name : str
        Name in the legend.
    loss : ndarray of shape (n_iter + 1,), float64
        Penalised objective at the starting point and after each iteration, in nats per sample.
    validation_loss : ndarray of shape (n_iter + 1,), float64, default=None
        Loss on held-out rows.
    best_iter : int, default=None
        Index of the iterate that early stopping kept.
    """

    name: str
    loss: Floats
    validation_loss: Floats | None = None
    best_iter: int | None = None

    @classmethod
    def from_estimator(cls, estimator: Any, name: str | None = None) -> Self:
        """Read the fitted attributes of an estimator.

        Parameters
        ----------
        estimator : object
            With the attribute `loss_curve_`; `validation_loss_curve_`, `best_iter_` and `solver_`
            are read where present.
        name : str, default=None
            None takes `solver_`, or else the name of the class.

        Returns
        -------
        curve : LossCurve

        Raises
        ------
        AttributeError
            If the estimator is not fitted or records no loss.
        ValueError
            If a curve is empty or not one-dimensional.
        """
        kind = type(estimator).__name__
        if getattr(estimator, "loss_curve_", None) is None:
            raise AttributeError(
                f"this {kind} has no loss_curve_: call fit first; of a Pipeline, pass the last "
                "step, pipeline[-1]; of a search, its best_estimator_"
            )
        validation = getattr(estimator, "validation_loss_curve_", None)
        best_iter = getattr(estimator, "best_iter_", None)
        return cls(
            name=str(getattr(estimator, "solver_", kind)) if name is None else name,
            loss=_as_curve(estimator.loss_curve_, "loss_curve_"),
            validation_loss=(
                None if validation is None else _as_curve(validation, "validation_loss_curve_")
            ),
            best_iter=None if best_iter is None else int(best_iter),
        )


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
        >>> fast = SimpleNamespace(loss_curve_=[1.0, 0.5])
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
            objective on the picture. None means "best" for several curves and plain values for
            one; 0 always means plain values. On a logarithmic axis, points that are not above the
            reference lie on its lower edge.
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
        name = _numbered([c.name for c in self.curves]) if name is None else name
        names = _one_for_each(name, n_curves, "name")
        kwargs = _one_for_each(curve_kwargs or {}, n_curves, "curve_kwargs")
        if relative_to is None:
            relative_to = 0.0 if n_curves == 1 else "best"

        losses, reference = _excess([c.loss for c in self.curves], relative_to)
        drawn = reference == 0 if validation is None else validation
        held_out, _ = _excess(
            [c.validation_loss if drawn else None for c in self.curves],
            "best" if reference else 0.0,
        )
        every = np.concatenate([v for v in [*losses, *held_out] if v is not None])
        every = every[np.isfinite(every)]
        positive = every[every > 0]
        if log is None:
            log = reference != 0 or (positive.size == every.size and _spans_decades(positive))
        floor = _FLOOR * positive.min() if log and positive.size else None

        self.ax_ = _axes(ax)
        self.figure_ = self.ax_.figure
        self.lines_, self.validation_lines_ = [], []
        for i, curve in enumerate(self.curves):
            style = _curve_style(i, n_curves) | {"label": names[i]} | _spelled_out(kwargs[i])
            dashed = style | {"linestyle": "--", "markerfacecolor": "white"}
            self.lines_.append(_draw(self.ax_, losses[i], floor, style))
            self.validation_lines_.append(_draw(self.ax_, held_out[i], floor, dashed))
            if curve.best_iter is not None:
                _mark(self.ax_, self.validation_lines_[i] or self.lines_[i], curve.best_iter)
        if floor is not None:
            self.ax_.set_yscale("log")
            if (every <= 0).any():
                self.ax_.set_ylim(bottom=floor)
        _scale_iterations(self.ax_, log_x)
        self._label(relative_to, reference)
        return self

    def _label(self, relative_to: float | str, reference: float) -> None:
        from matplotlib.lines import Line2D

        dashed = [line for line in self.validation_lines_ if line is not None]
        if reference == 0:
            ylabel = "Loss" if dashed else "Penalised objective"
        elif relative_to == "best":
            ylabel = f"Excess over lowest {'loss' if dashed else 'objective'}"
        else:
            ylabel = f"Excess over {reference:.6g}"
        self.ax_.set(xlabel="Iteration", ylabel=f"{ylabel} (nats per sample)")
        self.ax_.grid(color="0.9", linewidth=0.6)
        self.ax_.set_axisbelow(True)

        handles = list(self.lines_)
        if dashed and len(self.lines_) == 1:
            name = self.lines_[0].get_label()
            self.lines_[0].set_label(f"{name}, training")
            dashed[0].set_label(f"{name}, held-out rows")
            handles += dashed
        elif dashed:
            # Line styles mean the same for every curve: explain them once, without a colour.
            handles += [
                Line2D([], [], color="0.3", linestyle="-", label="training"),
                Line2D([], [], color="0.3", linestyle="--", label="held-out rows"),
            ]
        if any(curve.best_iter is not None for curve in self.curves):
            handles.append(Line2D([], [], **(_GUIDE | _STAR), label="kept iterate"))
        self.ax_.legend(handles=handles)


class SoftmaxDisplay:
    """The probabilities of the classes while the score of one of them sweeps over a range.

    Draw with `from_scores`. As a function of one score, all others fixed, a softmax probability is
    a sigmoid: dividing numerator and denominator by exp(z_k) gives

        p_k = exp(z_k) / sum_j exp(z_j) = sigmoid(z_k - log sum_{j != k} exp(z_j))

    With two classes this is the sigmoid of the difference (Bishop 2006, eq. 4.57). Open circles
    mark it.

    Parameters
    ----------
    sweep : ndarray of shape (n_points,), float64
        Scores of the last class.
    others : ndarray of shape (K - 1,), float64
        Scores of the classes before it.

    Attributes
    ----------
    proba : ndarray of shape (n_points, K), float64
        What is drawn.
    lines_ : list of matplotlib Line2D
        One for each class.
    sigmoid_line_ : matplotlib Line2D or None
        The circles.
    ax_ : matplotlib Axes
        Where they were drawn.
    figure_ : matplotlib Figure
        The figure of `ax_`.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> display = SoftmaxDisplay.from_scores([-1.0, 0.0, 1.0], ax=Figure().subplots())
    >>> display.lines_[1].get_ydata().round(4).tolist()
    [0.2689, 0.5, 0.7311]
    """

    lines_: list[Any]
    sigmoid_line_: Any
    ax_: Any
    figure_: Any

    def __init__(self, sweep: Floats, others: Floats) -> None:
        self.sweep = sweep
        self.others = others
        rows = np.broadcast_to(others, (len(sweep), len(others)))
        self.proba = softmax(np.column_stack([rows, sweep]))

    @classmethod
    def from_scores(
        cls,
        sweep: ArrayLike | None = None,
        others: ArrayLike = (0.0,),
        *,
        ax: Any = None,
        name: Sequence[str] | None = None,
        **plot_options: Any,
    ) -> Self:
        """Draw the probabilities for a sweep of the score of the last class.

        Parameters
        ----------
        sweep : array_like of shape (n_points,), default=None
            Its scores; None means 241 of them from -6 to 6.
        others : array_like of shape (K - 1,), default=(0.0,)
            The scores of the other classes, finite. One gives the sigmoid, two give three classes.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        name : sequence of str, default=None
            Names of the K classes; None numbers them from 0.
        **plot_options
            Further keywords of `plot`.

        Returns
        -------
        display : SoftmaxDisplay

        Raises
        ------
        ValueError
            If `sweep` or `others` is empty, not one-dimensional or not finite, or as `plot` does.
        """
        sweep = _as_curve(np.linspace(-6.0, 6.0, 241) if sweep is None else sweep, "sweep")
        others = _as_curve(others, "others")
        if not (np.isfinite(sweep).all() and np.isfinite(others).all()):
            raise ValueError("sweep and others must be finite, got NaN or infinity")
        return cls(sweep, others).plot(ax, name=name, **plot_options)

    def plot(
        self,
        ax: Any = None,
        *,
        name: Sequence[str] | None = None,
        curve_kwargs: Kwargs = None,
        show_sigmoid: bool = True,
    ) -> Self:
        """Draw the probabilities.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        name : sequence of str, default=None
            Names of the K classes; None numbers them from 0.
        curve_kwargs : dict or sequence of dict, default=None
            Keywords of matplotlib's `plot`, for all the classes or for each.
        show_sigmoid : bool, default=True
            Whether to mark the sigmoid.

        Returns
        -------
        display : SoftmaxDisplay
            This object, with `lines_`, `sigmoid_line_`, `ax_` and `figure_`.

        Raises
        ------
        ValueError
            If the number of names or of `curve_kwargs` is not that of the classes.
        """
        last = len(self.others)
        scores = [f"$z_{{{k}}} = {score:g}$" for k, score in enumerate(self.others)]
        scores.append(f"sweep of $z_{{{last}}}$")
        name = [f"class {k}" for k in range(last + 1)] if name is None else name
        names = _one_for_each(name, last + 1, "name")
        kwargs = _one_for_each(curve_kwargs or {}, last + 1, "curve_kwargs")
        # log sum_j exp(z_j) of the others, where the swept class reaches one half.
        half = float(self.others[0] - log_softmax(self.others)[0])

        self.ax_ = ax = _axes(ax)
        self.figure_ = ax.figure
        ax.axhline(0.5, **_GUIDE)
        ax.axvline(half, **_GUIDE)
        self.lines_ = []
        for k in range(last + 1):
            # The swept class, the one to look at, comes first in colour and dash.
            order = (last - k) % (last + 1)
            style = {
                "color": _COLORS[order % len(_COLORS)],
                "linestyle": _DASHES[order % len(_DASHES)],
                "linewidth": 2.0,
                "label": f"{names[k]}, {scores[k]}",
            }
            self.lines_ += ax.plot(
                self.sweep, self.proba[:, k], **(style | _spelled_out(kwargs[k]))
            )
        self.sigmoid_line_ = None
        if show_sigmoid:
            inner = "z_0" if last == 1 else rf"\log\,\sum_{{j<{last}}}\, e^{{z_j}}"
            (self.sigmoid_line_,) = ax.plot(
                self.sweep,
                sigmoid(self.sweep - half),
                color="black",
                linestyle="none",
                marker="o",
                markerfacecolor="none",
                markevery=max(len(self.sweep) // 16, 1),
                label=rf"$\sigma(z_{{{last}}} - {inner})$",
            )
        ax.set(xlabel=f"Score $z_{{{last}}}$", ylabel="Probability", yticks=np.linspace(0, 1, 5))
        ax.legend()
        return self


def _as_curve(values: ArrayLike, name: str) -> Floats:
    curve = np.asarray(values, dtype=np.float64)
    if curve.ndim != 1 or curve.size == 0:
        raise ValueError(f"{name} must be one-dimensional and not empty, got shape {curve.shape}")
    return curve


def _one_for_each(given: Any, n_curves: int, name: str) -> list[Any]:
    """Return a list of `n_curves` items; a single one is for all, but a name for one curve only."""
    if isinstance(given, Mapping):
        return [given] * n_curves
    items = [given] if isinstance(given, str) else list(given)
    if len(items) != n_curves:
        raise ValueError(f"{name} must hold one item for each of {n_curves} curves, got {given!r}")
    return items


def _numbered(names: list[str]) -> list[str]:
    """Return the names, those that repeat numbered: "sgd (1)", "sgd (2)"."""
    return [
        name if names.count(name) == 1 else f"{name} ({names[: i + 1].count(name)})"
        for i, name in enumerate(names)
    ]


def _excess(
    curves: Sequence[Floats | None], relative_to: float | str
) -> tuple[list[Floats | None], float]:
    """Return the curves minus the reference, and the reference; "best" is their lowest value."""
    if relative_to == "best":
        values = np.concatenate([np.empty(0), *(c for c in curves if c is not None)])
        reference = float(values[np.isfinite(values)].min(initial=np.inf))
        reference = reference if np.isfinite(reference) else 0.0
    elif isinstance(relative_to, str) or not np.isfinite(relative_to):
        raise ValueError(
            f'relative_to must be a finite number, "best" or None, got {relative_to!r}'
        )
    else:
        reference = float(relative_to)
    return [None if c is None else c - reference for c in curves], reference


def _spans_decades(positive: Floats) -> bool:
    return positive.size > 0 and bool(positive.max() >= _LOG_SPAN * positive.min())


def _curve_style(i: int, n_curves: int) -> dict[str, Any]:
    style: dict[str, Any] = {"color": _COLORS[i % len(_COLORS)], "linewidth": 1.6}
    if n_curves > 1:
        # Markers tell the curves apart in grey. They stand at equal distances along each curve and
        # start at another place on each, lest they hide one another.
        start, every = 0.12 * i / n_curves, 0.12
        style |= {"marker": _MARKERS[i % len(_MARKERS)], "markersize": 5}
        style |= {"markevery": (start, every)}
    return style


def _draw(ax: Any, values: Floats | None, floor: float | None, style: dict[str, Any]) -> Any:
    if values is None:
        return None
    if floor is not None:
        values = np.where(values <= 0, floor, values)
    if not np.isfinite(values).any():
        style = style | {"markevery": None}  # matplotlib cannot space markers along nothing
    (line,) = ax.plot(np.arange(len(values)), values, **style)
    return line


def _mark(ax: Any, line: Any, best_iter: int) -> None:
    color = line.get_color()
    ax.axvline(best_iter, **(_GUIDE | {"color": color}))
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


def _spelled_out(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Replace matplotlib's short names, "c" for "color", so that they override the defaults."""
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.lines import Line2D

    return dict(normalize_kwargs(dict(kwargs), Line2D))


def _axes(ax: Any) -> Any:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(layout="constrained")[1]
