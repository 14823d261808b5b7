"""A picture of a regularisation path: the coefficients of each class, and how many are active.

Reads what `softmax_path` returns. matplotlib is imported when it is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from softmax_reg.displays._plotting import COLORS, spelled_out

__all__ = ["PathDisplay"]

# As many as features are named by default: they tell the lines apart in grey.
_DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (8, 1.5, 1, 1.5, 1, 1.5)), (0, (1.5, 3)))
_OTHERS: dict[str, Any] = {"color": "0.75", "linewidth": 0.8, "zorder": 1}
_PANELS_IN_A_ROW = 3
_PANEL_INCHES, _LEGEND_INCHES = (3.2, 2.6), 2.0


class PathDisplay:
    """The coefficients of each class along a regularisation path, and the count of features.

    Draw with `from_path`. The features with the largest coefficients have a colour and a dash
    pattern, the same for every class, and stand in the legend; the others are grey.

    Parameters
    ----------
    path : SoftmaxPath
        With the attributes `Cs_`, `coefs_`, `classes_` and `feature_names_in_`.

    Attributes
    ----------
    lines_ : list of list of matplotlib Line2D
        For each panel the coefficient of each feature, in the order of the features.
    count_line_ : matplotlib Line2D
        The number of active features.
    axes_ : list of matplotlib Axes
        One panel for each class, or one with two classes, then that of the count.
    figure_ : matplotlib Figure
        The figure of `axes_`.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sklearn.datasets import load_wine
    >>> from softmax_reg import PathDisplay, softmax_path
    >>> X, y = load_wine(return_X_y=True)
    >>> path = softmax_path(X, y, Cs=5)
    >>> display = PathDisplay.from_path(path, axes=Figure().subplots(4))
    >>> display.count_line_.get_ydata().tolist()
    [0, 1, 1, 5, 7]
    """

    lines_: list[list[Any]]
    count_line_: Any
    axes_: list[Any]
    figure_: Any

    def __init__(self, path: Any) -> None:
        self.path = path

    @classmethod
    def from_path(cls, path: Any, *, axes: Any = None, **plot_options: Any) -> Self:
        """Draw a path.

        Parameters
        ----------
        path : SoftmaxPath
            What `softmax_path` returned.
        axes : sequence of matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **plot_options
            Further keywords of `plot`.

        Returns
        -------
        display : PathDisplay

        Raises
        ------
        ValueError
            As `plot` does.
        """
        return cls(path).plot(axes, **plot_options)

    def plot(
        self,
        axes: Any = None,
        *,
        n_named: int = 6,
        feature_names: Sequence[str] | None = None,
        line_kwargs: Mapping[str, Any] | None = None,
    ) -> Self:
        """Draw the path.

        Parameters
        ----------
        axes : sequence of matplotlib Axes, default=None
            One for each class, or one with two classes, and one for the count of active features;
            None makes a new figure.
        n_named : int, default=6
            How many features to colour and name: those with the largest coefficient anywhere.
        feature_names : sequence of str, default=None
            Names of all the features; None takes those of the path, or else their numbers.
        line_kwargs : dict, default=None
            Keywords of matplotlib's `plot` for the lines of the coefficients.

        Returns
        -------
        display : PathDisplay
            This object, with `lines_`, `count_line_`, `axes_` and `figure_`.

        Raises
        ------
        ValueError
            If the number of axes, or of names, is not what the path needs.
        """
        coefs, Cs = self.path.coefs_, self.path.Cs_
        _, n_rows, n_features = coefs.shape
        names = self._names(feature_names)
        self.axes_ = _panels(n_rows) if axes is None else list(np.ravel(axes))
        if len(self.axes_) != n_rows + 1:
            raise ValueError(
                f"axes must hold {n_rows + 1} axes, {n_rows} for the coefficients and one for the "
                f"count of active features; got {len(self.axes_)}"
            )
        self.figure_ = self.axes_[0].figure
        largest = np.abs(coefs).max(axis=(0, 1))
        named = [j for j in np.argsort(-largest, kind="stable")[:n_named] if largest[j] > 0.0]
        styles = [_OTHERS | {"label": f"_{name}"} for name in names]
        for rank, j in enumerate(named):
            styles[j] = _named_style(rank) | {"label": names[j]}
        options, alone = spelled_out(line_kwargs or {}), "o" if len(Cs) == 1 else None
        self.lines_ = [
            [
                ax.plot(Cs, coefs[:, k, j], **({"marker": alone} | styles[j] | options))[0]
                for j in range(n_features)
            ]
            for k, ax in enumerate(self.axes_[:-1])
        ]
        (self.count_line_,) = self.axes_[-1].plot(
            Cs, np.count_nonzero(coefs.any(axis=1), axis=1),
            color="black", drawstyle="steps-post", marker=alone,
        )  # fmt: skip
        self._label()
        if named:
            handles = [self.lines_[0][j] for j in named]
            if axes is None:
                self.figure_.legend(handles=handles, loc="outside right upper", handlelength=3.5)
            else:
                self.axes_[0].legend(handles=handles, handlelength=3.5)
        return self

    def _names(self, given: Sequence[str] | None) -> list[str]:
        n_features = self.path.coefs_.shape[2]
        if given is None:
            given = self.path.feature_names_in_
        if given is None:
            return [f"feature {j}" for j in range(n_features)]
        if len(given) != n_features:
            raise ValueError(
                f"feature_names must hold {n_features} names, one for each feature; "
                f"got {len(given)}"
            )
        return [str(name) for name in given]

    def _label(self) -> None:
        from matplotlib.ticker import MaxNLocator

        classes = [str(label) for label in self.path.classes_]
        titles = [f"{classes[1]}, against {classes[0]}"] if len(classes) == 2 else classes
        for title, ax in zip(titles, self.axes_[:-1], strict=True):
            ax.set(title=title)
            if ax.yaxis.get_tick_params()["labelleft"]:
                ax.set_ylabel("Coefficient")
            ax.axhline(0.0, color="0.45", linewidth=0.6, zorder=0)
        self.axes_[-1].set(ylabel="Active features", xlabel="C (weaker penalty to the right)")
        self.axes_[-1].yaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        for ax in self.axes_:
            ax.set_xscale("log")
            ax.grid(color="0.9", linewidth=0.6)
            ax.set_axisbelow(True)


def _named_style(rank: int) -> dict[str, Any]:
    return {
        "color": COLORS[rank % len(COLORS)],
        "linestyle": _DASHES[rank % len(_DASHES)],
        "linewidth": 1.8,
        "zorder": 2,
    }


def _panels(n_rows: int) -> list[Any]:
    """Return axes in a new figure: a grid for the coefficients, a wide one below for the count."""
    import matplotlib.pyplot as plt

    across = min(n_rows, _PANELS_IN_A_ROW)
    down = -(-n_rows // across)
    width, height = _PANEL_INCHES
    # One panel alone should not be narrow, nor the count as high as the coefficients.
    size = (max(width * across, 1.6 * width) + _LEGEND_INCHES, height * (down + 0.7))
    figure = plt.figure(figsize=size, layout="constrained")
    grid = figure.add_gridspec(down + 1, across, height_ratios=[1.0] * down + [0.6])
    axes: list[Any] = []
    for k in range(n_rows):
        shared = {"sharex": axes[0], "sharey": axes[0]} if axes else {}
        axes.append(figure.add_subplot(grid[k // across, k % across], **shared))
        axes[-1].tick_params(labelleft=k % across == 0)
    return [*axes, figure.add_subplot(grid[-1, :], sharex=axes[0])]
