"""A picture of a regularisation path: the coefficients of each class, and how many are active.

Reads what `softmax_path` returns. matplotlib is imported when it is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np

from softmax_reg._checks.shown import shown
from softmax_reg.displays._plotting import COLORS, across_and_down, shortened, spelled_out

__all__ = ["PathDisplay"]

# As many as features are named by default: they tell the lines apart in grey.
_DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (8, 1.5, 1, 1.5, 1, 1.5)), (0, (1.5, 3)))
_OTHERS: dict[str, Any] = {"color": "0.75", "linewidth": 0.8, "zorder": 1}
_PANEL_INCHES, _LEGEND_LINE_INCHES = (3.2, 2.6), 0.28
_LONGEST_NAME = 30
_COLUMNS = 2  # of the legend
# With more classes than this a panel for each would be too small to be read.
_MOST_PANELS = 6


class PathDisplay:
    """The coefficients of each class along a regularisation path, and the count of features.

    Draw with `from_path`. The features with the largest coefficients have a colour and a dash
    pattern, the same for every class, and stand in the legend below; the others are grey. With
    many classes a map shows the largest coefficient of each of them in any class.

    Parameters
    ----------
    path : SoftmaxPath
        With the attributes `Cs_`, `coefs_`, `classes_` and `feature_names_in_`. If it has the
        deviations of the features, `scale_`, coefficients are drawn per deviation.

    Attributes
    ----------
    lines_ : list of list of matplotlib Line2D
        For each panel the coefficient of each feature, in the order of the features; empty for a
        map.
    count_line_ : matplotlib Line2D
        The number of active features.
    axes_ : list of matplotlib Axes
        One panel for each class drawn, or one with two classes or for a map, then that of the
        count.
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
        n_named: int | None = None,
        feature_names: Sequence[str] | None = None,
        line_kwargs: Mapping[str, Any] | None = None,
        classes: Sequence[Any] | None = None,
        kind: Literal["lines", "heatmap"] | None = None,
    ) -> Self:
        """Draw the path.

        Parameters
        ----------
        axes : sequence of matplotlib Axes, default=None
            One for each class drawn, or one with two classes or for a map, and one for the count of
            active features; None makes a new figure.
        n_named : int, default=None
            How many features to name: those with the largest coefficient anywhere; None means 6
            lines, or 20 rows of a map.
        feature_names : sequence of str, default=None
            Names of all the features; None takes those of the path, or else their numbers.
        line_kwargs : dict, default=None
            Keywords of matplotlib's `plot` for the lines of the coefficients.
        classes : sequence of labels, default=None
            The classes to draw; None means all.
        kind : {"lines", "heatmap"}, default=None
            None means "heatmap" for more than six classes, and else "lines".

        Returns
        -------
        display : PathDisplay
            This object, with `lines_`, `count_line_`, `axes_` and `figure_`.

        Raises
        ------
        ValueError
            If the number of axes, or of names, is not what the path needs, or there is no such
            class or kind.
        """
        titles, coefs = self._of_classes(classes)
        kind = kind or ("lines" if len(titles) <= _MOST_PANELS else "heatmap")
        if kind not in ("lines", "heatmap"):
            raise ValueError(f"kind must be 'lines' or 'heatmap', got {shown(kind)}")
        n_named = n_named or (6 if kind == "lines" else 20)
        names, n_panels = self._names(feature_names), len(titles) if kind == "lines" else 1
        largest = np.abs(coefs).max(axis=(0, 1))
        named = [j for j in np.argsort(-largest, kind="stable")[:n_named] if largest[j] > 0.0]
        self.axes_ = _panels(n_panels, len(named)) if axes is None else list(np.ravel(axes))
        if len(self.axes_) != n_panels + 1:
            raise ValueError(
                f"axes must hold {n_panels + 1} axes, {n_panels} for the coefficients and one for "
                f"the count of active features; got {len(self.axes_)}"
            )
        self.figure_ = self.axes_[0].figure
        if kind == "lines":
            self._draw_lines(coefs, named, names, dict(line_kwargs or {}))
        else:
            self.lines_, titles = [], ["largest coefficient of any class"]
            self._draw_map(np.abs(coefs).max(axis=1), np.sort(named), names)
        alone = "o" if len(self.path.Cs_) == 1 else None
        (self.count_line_,) = self.axes_[-1].plot(
            self.path.Cs_, np.count_nonzero(self.path.coefs_.any(axis=1), axis=1),
            color="black", drawstyle="steps-post", marker=alone,
        )  # fmt: skip
        self._label(titles, is_map=kind == "heatmap")
        if named and kind == "lines":
            self._draw_legend(named, below=axes is None)
        return self

    def _of_classes(self, classes: Sequence[Any] | None) -> tuple[list[str], Any]:
        """Return the titles of the classes to be drawn, and their coefficients."""
        scale = getattr(self.path, "scale_", None)
        coefs = self.path.coefs_ if scale is None else self.path.coefs_ * scale
        labels = self.path.classes_.tolist()
        if len(labels) == 2:
            return [f"{labels[1]}, against {labels[0]}"], coefs
        wanted = labels if classes is None else list(classes)
        if unknown := [label for label in wanted if label not in labels]:
            raise ValueError(f"classes holds {shown(unknown[0])}, which is none of {shown(labels)}")
        return [str(label) for label in wanted], coefs[:, [labels.index(c) for c in wanted]]

    def _draw_lines(
        self, coefs: Any, named: list[Any], names: list[str], given: dict[str, Any]
    ) -> None:
        Cs = self.path.Cs_
        styles = [_OTHERS | {"label": f"_{name}"} for name in names]
        for rank, j in enumerate(named):
            styles[j] = _named_style(rank) | {"label": shortened(names[j], _LONGEST_NAME)}
        options, alone = spelled_out(given), "o" if len(Cs) == 1 else None
        self.lines_ = [
            [
                ax.plot(Cs, coefs[:, k, j], **({"marker": alone} | styles[j] | options))[0]
                for j in range(coefs.shape[2])
            ]
            for k, ax in enumerate(self.axes_[:-1])
        ]

    def _draw_map(self, largest: Any, named: Any, names: list[str]) -> None:
        ax, Cs = self.axes_[0], self.path.Cs_
        values = largest[:, named].T
        mesh = ax.pcolormesh(Cs, np.arange(len(named)), values, cmap="Greys", shading="nearest")
        ax.set_yticks(range(len(named)), [shortened(names[j], _LONGEST_NAME) for j in named])
        ax.invert_yaxis()
        ax.figure.colorbar(mesh, ax=ax, label=self._unit)

    def _draw_legend(self, named: list[Any], below: bool) -> None:
        handles = [self.lines_[0][j] for j in named]
        if below:
            options = {"loc": "outside lower center", "ncols": _COLUMNS}
            self.figure_.legend(handles=handles, handlelength=3.5, **options)
        else:
            self.axes_[0].legend(handles=handles, handlelength=3.5)

    @property
    def _unit(self) -> str:
        has_scale = getattr(self.path, "scale_", None) is not None
        return "Coefficient per deviation" if has_scale else "Coefficient"

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

    def _label(self, titles: list[str], is_map: bool) -> None:
        from matplotlib.ticker import MaxNLocator

        for title, ax in zip(titles, self.axes_[:-1], strict=True):
            ax.set(title=title)
            if is_map:
                continue
            if ax.yaxis.get_tick_params()["labelleft"]:
                ax.set_ylabel(self._unit)
            ax.axhline(0.0, color="0.45", linewidth=0.6, zorder=0)
            ax.grid(color="0.9", linewidth=0.6)
        self.axes_[-1].set(ylabel="Active features", xlabel="C (weaker penalty to the right)")
        self.axes_[-1].yaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        self.axes_[-1].grid(color="0.9", linewidth=0.6)
        for ax in self.axes_:
            ax.set_xscale("log")
            ax.set_axisbelow(True)


def _named_style(rank: int) -> dict[str, Any]:
    return {
        "color": COLORS[rank % len(COLORS)],
        "linestyle": _DASHES[rank % len(_DASHES)],
        "linewidth": 1.8,
        "zorder": 2,
    }


def _panels(n_panels: int, n_named: int) -> list[Any]:
    """Return axes in a new figure: a grid for the coefficients, a wide one below for the count."""
    import matplotlib.pyplot as plt

    across, down = across_and_down(n_panels)
    width, height = _PANEL_INCHES
    # One panel alone should not be narrow, nor the count as high as the coefficients.
    legend = _LEGEND_LINE_INCHES * (-(-n_named // _COLUMNS) + 1)
    size = (max(width * across, 2.0 * width), height * (down + 0.7) + legend)
    figure = plt.figure(figsize=size, layout="constrained")
    grid = figure.add_gridspec(down + 1, across, height_ratios=[1.0] * down + [0.6])
    axes: list[Any] = []
    for k in range(n_panels):
        shared = {"sharex": axes[0], "sharey": axes[0]} if axes else {}
        axes.append(figure.add_subplot(grid[k // across, k % across], **shared))
        axes[-1].tick_params(labelleft=k % across == 0)
    return [*axes, figure.add_subplot(grid[-1, :], sharex=axes[0])]
