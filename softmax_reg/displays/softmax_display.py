"""A picture of what the softmax does to scores: probabilities while one score sweeps over a range.

matplotlib is imported when it is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from softmax_reg.displays._plotting import (
    COLORS,
    GUIDE,
    Floats,
    Kwargs,
    as_curve,
    axes_for,
    one_for_each,
    spelled_out,
)
from softmax_reg.functional import log_softmax, sigmoid, softmax

__all__ = ["SoftmaxDisplay"]

_DASHES = ("-", "--", "-.", ":")
_MANY = 7


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
        sweep = as_curve(np.linspace(-6.0, 6.0, 241) if sweep is None else sweep, "sweep")
        others = as_curve(others, "others")
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
        names = one_for_each(name, last + 1, "name")
        kwargs = one_for_each(curve_kwargs or {}, last + 1, "curve_kwargs")
        # log sum_j exp(z_j) of the others, where the swept class reaches one half.
        half = float(self.others[0] - log_softmax(self.others)[0])

        self.ax_ = ax = axes_for(ax)
        self.figure_ = ax.figure
        ax.axhline(0.5, **GUIDE)
        ax.axvline(half, **GUIDE)
        self.lines_ = []
        for k in range(last + 1):
            # The swept class, the one to look at, comes first in colour and dash.
            order = (last - k) % (last + 1)
            style = {
                "color": COLORS[order % len(COLORS)],
                "linestyle": _DASHES[order % len(_DASHES)],
                "linewidth": 2.0,
                "label": f"{names[k]}, {scores[k]}",
            }
            self.lines_ += ax.plot(self.sweep, self.proba[:, k], **(style | spelled_out(kwargs[k])))
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
        if last < _MANY:
            ax.legend()
        else:  # it would hide the curves
            ax.legend(
                loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small", ncols=-(-last // 20)
            )
        return self
