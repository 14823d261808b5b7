"""A picture of the coefficients of a fitted model: bars, a map, or images of pixels.

Reads fitted attributes and imports no estimator. matplotlib is imported when it is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike

from softmax_reg._checks.shown import shown
from softmax_reg.displays._estimators import feature_names_of, fitted_model
from softmax_reg.displays._plotting import COLORS, Floats, across_and_down, shortened

__all__ = ["CoefficientDisplay"]

_MAP = "RdBu_r"  # white where a coefficient is 0
_BAR_INCHES, _CELL_INCHES, _IMAGE_INCHES = 0.22, (0.55, 0.24), 1.7
_LONGEST_NAME = 28
_VERY = 0.4  # of the largest coefficient
_PRINTED_CELLS = 120  # a map of more cells has no numbers in them


class CoefficientDisplay:
    """The coefficients of each class, the largest ones or all.

    Draw with `from_estimator`. Bars and cells are labelled with the names of the features; warm
    colours are positive coefficients, which make the class more probable, blue ones negative. A
    dash marks the very negative cells of a map or an image, which in grey look like positive ones.

    Parameters
    ----------
    coef : ndarray of shape (n_outputs, n_features)
        As `coef_`: one row with two classes, which is that of the second.
    classes : sequence of shape (n_classes,)
        The labels.
    feature_names : sequence of str
        One for each feature.
    unit : str, default="raw"
        What the coefficients are per, "raw" or "deviation", for the label.

    Attributes
    ----------
    axes_ : list of matplotlib Axes
        One for each class, or a single one for a map.
    figure_ : matplotlib Figure
        The figure of `axes_`.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from softmax_reg import CoefficientDisplay, SoftmaxRegression
    >>> X, y = load_wine(return_X_y=True, as_frame=True)
    >>> model = SoftmaxRegression(standardize=True).fit(X, y)
    >>> display = CoefficientDisplay.from_estimator(model, top=5)
    >>> [ax.get_title() for ax in display.axes_]
    ['0', '1', '2']
    """

    axes_: list[Any]
    figure_: Any

    def __init__(
        self,
        coef: ArrayLike,
        classes: Sequence[Any],
        feature_names: Sequence[str],
        unit: str = "raw",
    ) -> None:
        self.coef: Floats = np.asarray(coef, np.float64)
        self.classes, self.feature_names, self.unit = list(classes), list(feature_names), unit
        n_outputs = 1 if len(self.classes) == 2 else len(self.classes)
        if self.coef.shape != (n_outputs, len(self.feature_names)):
            raise ValueError(
                f"coef must have shape ({n_outputs}, {len(self.feature_names)}), a row for each "
                f"class and a column for each feature name; got {self.coef.shape}"
            )

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        feature_names: Sequence[str] | None = None,
        axes: Any = None,
        **plot_options: Any,
    ) -> Self:
        """Draw the coefficients of a fitted model.

        Parameters
        ----------
        estimator : object
            With `coef_` and `classes_`, or a pipeline or a search whose model has them. Where the
            model knows the deviations of the features (`scale_`, of `standardize=True`), its
            coefficients are drawn per deviation.
        feature_names : sequence of str, default=None
            None takes the names that the model was fitted with, or those that the pipeline gives.
        axes : sequence of matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **plot_options
            Further keywords of `plot`.

        Returns
        -------
        display : CoefficientDisplay

        Raises
        ------
        AttributeError
            If the estimator is not fitted.
        ValueError
            As `plot` does.
        """
        model = fitted_model(estimator, "coef_")
        coef = model.coef_.toarray() if hasattr(model.coef_, "toarray") else model.coef_
        scale = getattr(model, "scale_", None)
        names = feature_names_of(estimator, model) if feature_names is None else feature_names
        return cls(
            coef if scale is None else coef * scale,
            model.classes_.tolist(),
            names,
            "raw" if scale is None else "deviation",
        ).plot(axes, **plot_options)

    def plot(
        self,
        axes: Any = None,
        *,
        kind: Literal["bars", "heatmap", "images"] | None = None,
        top: int | None = 10,
        shape: tuple[int, int] | None = None,
        classes: Sequence[Any] | None = None,
    ) -> Self:
        """Draw the coefficients.

        Parameters
        ----------
        axes : sequence of matplotlib Axes, default=None
            One for each class drawn, or a single one for a map; None makes a new figure.
        kind : {"bars", "heatmap", "images"}, default=None
            None means "images" if there is a `shape`, "heatmap" for more than six classes, and else
            "bars".
        top : int or None, default=10
            How many features to draw: for bars the largest of each class, for a map those with the
            largest coefficient anywhere; None means all.
        shape : (int, int), default=None
            Height and width of the images whose pixels the features are, row by row.
        classes : sequence of labels, default=None
            The classes to draw; None means all.

        Returns
        -------
        display : CoefficientDisplay
            This object, with `axes_` and `figure_`.

        Raises
        ------
        ValueError
            If there is no such kind or class, or the shape is not that of the features.
        """
        kind = kind or ("images" if shape else "heatmap" if len(self.classes) > 6 else "bars")
        if kind not in ("bars", "heatmap", "images"):
            raise ValueError(f"kind must be 'bars', 'heatmap' or 'images', got {shown(kind)}")
        rows = self._rows(classes)
        given = None if axes is None else np.ravel(axes).tolist()
        if kind == "images":
            n = self.coef.shape[1]
            if shape is None or shape[0] * shape[1] != n:
                raise ValueError(f"shape must be (height, width) of {n} pixels, got {shown(shape)}")
            self._images(rows, given, shape)
        else:
            top = self.coef.shape[1] if top is None else min(top, self.coef.shape[1])
            (self._bars if kind == "bars" else self._map)(rows, given, top)
        self.figure_ = self.axes_[0].figure
        return self

    def _rows(self, classes: Sequence[Any] | None) -> list[tuple[str, Floats]]:
        """Return the title and the coefficients of each class to be drawn."""
        if len(self.classes) == 2:
            first, second = self.classes
            return [(f"{second}, against {first}", self.coef[0])]
        wanted = self.classes if classes is None else list(classes)
        if unknown := [label for label in wanted if label not in self.classes]:
            raise ValueError(
                f"classes holds {shown(unknown[0])}, which is none of {shown(self.classes)}"
            )
        return [(str(label), self.coef[self.classes.index(label)]) for label in wanted]

    @property
    def _label(self) -> str:
        return "Coefficient" + (" per deviation" if self.unit == "deviation" else "")

    def _bars(self, rows: Any, axes: list[Any] | None, top: int) -> None:
        across, down = across_and_down(len(rows))
        size = 3.6 * across, (_BAR_INCHES * top + 0.9) * down
        self.axes_ = axes or _new(len(rows), across, down, size, sharex=True)
        _check(self.axes_, len(rows))
        for number, ((title, coef), ax) in enumerate(zip(rows, self.axes_, strict=True)):
            order = np.argsort(-np.abs(coef), kind="stable")[:top][::-1]
            colors = [COLORS[1] if coef[j] > 0.0 else COLORS[0] for j in order]
            ax.barh(range(len(order)), coef[order], color=colors, edgecolor="black", linewidth=0.5)
            names = [shortened(self.feature_names[j], _LONGEST_NAME) for j in order]
            ax.set_yticks(range(len(order)), names)
            ax.axvline(0.0, color="0.3", linewidth=0.8)
            ax.set_title(title)
            ax.grid(axis="x", color="0.9", linewidth=0.6)
            ax.set_axisbelow(True)
            if number + across >= len(rows):
                ax.set_xlabel(self._label)
                ax.tick_params(labelbottom=True)

    def _map(self, rows: Any, axes: list[Any] | None, top: int) -> None:
        import matplotlib.pyplot as plt

        titles, coef = [title for title, _ in rows], np.stack([values for _, values in rows])
        order = np.sort(np.argsort(-np.abs(coef).max(axis=0), kind="stable")[:top])
        values = coef[:, order].T
        if axes is None:
            width, height = _CELL_INCHES
            size = width * max(len(rows), 4) + 3.5, height * len(order) + 1.4
            axes = [plt.subplots(figsize=size, layout="constrained")[1]]
        _check(axes, 1)
        self.axes_ = axes
        (ax,), limit = axes, float(np.abs(values).max()) or 1.0
        image = ax.imshow(values, cmap=_MAP, vmin=-limit, vmax=limit, aspect="auto")
        ax.set_xticks(range(len(titles)), titles, rotation=90 if max(map(len, titles)) > 4 else 0)
        names = [shortened(self.feature_names[j], _LONGEST_NAME) for j in order]
        ax.set_yticks(range(len(order)), names)
        ax.set_xlabel("Class")
        if values.size <= _PRINTED_CELLS:  # legible in grey, too
            for (i, k), value in np.ndenumerate(values):
                dark = abs(value) > 0.6 * limit
                ax.text(
                    k, i, f"{value:.2g}", ha="center", va="center", fontsize=7,
                    color="white" if dark else "black",
                )  # fmt: skip
        else:
            _mark_negative(ax, values, limit)
        ax.figure.colorbar(image, ax=ax, label=self._label)

    def _images(self, rows: Any, axes: list[Any] | None, shape: tuple[int, int]) -> None:
        across, down = across_and_down(len(rows), most=5)
        size = _IMAGE_INCHES * across + 1.0, (_IMAGE_INCHES + 0.3) * down
        self.axes_ = axes or _new(len(rows), across, down, size)
        _check(self.axes_, len(rows))
        limit = max(float(np.abs(coef).max()) for _, coef in rows) or 1.0
        for (title, coef), ax in zip(rows, self.axes_, strict=True):
            image = ax.imshow(coef.reshape(shape), cmap=_MAP, vmin=-limit, vmax=limit)
            ax.set(title=title, xticks=[], yticks=[])
            _mark_negative(ax, coef.reshape(shape), limit)
        self.axes_[0].figure.colorbar(image, ax=self.axes_, label=self._label, shrink=0.8)


def _new(n: int, across: int, down: int, size: tuple[float, float], **shared: Any) -> list[Any]:
    import matplotlib.pyplot as plt

    figure, grid = plt.subplots(
        down, across, figsize=size, layout="constrained", squeeze=False, **shared
    )
    axes = grid.ravel().tolist()
    for ax in axes[n:]:
        figure.delaxes(ax)
    return list(axes[:n])


def _mark_negative(ax: Any, values: Floats, limit: float) -> None:
    i, j = np.nonzero(values < -_VERY * limit)
    ax.scatter(j, i, marker="_", s=16, color="white", linewidth=1.0)


def _check(axes: list[Any], n: int) -> None:
    if len(axes) != n:
        raise ValueError(f"axes must hold {n} axes, got {len(axes)}")
