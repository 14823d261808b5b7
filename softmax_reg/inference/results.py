"""A fitted model as tables: the coefficients with their names, and the fit on one screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from softmax_reg._checks.shown import shown
from softmax_reg.dataset.namespaces import fitted
from softmax_reg.dataset.rows import dense

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "CoefficientsMixin",
    "SummaryMixin",
    "Table",
    "feature_names",
    "in_words",
    "of_all_classes",
]


def feature_names(model: Any) -> list[Any]:
    """Return the names of the features of a fitted model, x0, x1, ... if there are none."""
    given = getattr(model, "feature_names_in_", None)
    return [f"x{j}" for j in range(model.n_features_in_)] if given is None else list(given)


def of_all_classes(coef: NDArray, intercept: NDArray) -> tuple[NDArray, NDArray]:
    """Return the coefficients and intercepts of every class: with two those of the first are 0."""
    if len(coef) > 1:
        return coef, intercept
    return np.vstack([np.zeros_like(coef), coef]), np.append(0.0, intercept)


def in_words(classes: NDArray) -> str:
    """Return how many classes there are, and the first of them."""
    labels = [str(label) for label in classes.tolist()]
    return f"{len(labels)}: {', '.join(labels[:6])}" + (", ..." if len(labels) > 6 else "")


class Table:
    """Rows of a name and what is to be said of it, printed side by side.

    Parameters
    ----------
    title : str
    rows : dict of str to str
    """

    def __init__(self, title: str, rows: dict[str, str]) -> None:
        self.title, self.rows = title, rows

    def __repr__(self) -> str:
        width = max(map(len, self.rows))
        lines = [f"  {name.ljust(width)}  {value}" for name, value in self.rows.items()]
        return "\n".join([self.title, *lines])

    def _repr_html_(self) -> str:
        import pandas as pd

        column = pd.Series(self.rows, name=self.title, dtype=object).to_frame()
        return str(column.to_html())


class CoefficientsMixin:
    """Adds `coef_frame` to what has `coef_`, `intercept_` and `classes_`."""

    classes_: NDArray
    coef_: Any
    intercept_: NDArray
    n_features_in_: int
    fit_intercept: bool

    def coef_frame(self, *, units: str = "raw", intercept: bool = False) -> pd.DataFrame:
        """Return the coefficients by feature and class.

        Parameters
        ----------
        units : {"raw", "deviation"}, default="raw"
            Of a change of the feature by 1, or by its standard deviation in the training rows.
        intercept : bool, default=False
            Whether the first row, "intercept", holds the intercepts; of "raw" units only.

        Returns
        -------
        frame : DataFrame of shape (n_features, n_classes)
            The index holds the names of the features, x0, x1, ... if there are none, the columns
            the classes: with two classes that of the first is 0, the scores being relative to it.
            The coefficients change scores, and so the logarithms of ratios of probabilities.

        Raises
        ------
        NotFittedError
            If the model is not fitted.
        ValueError
            If the deviations are not known: after `partial_fit` and of a loaded model without
            `standardize`.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from softmax_reg import SoftmaxRegression
        >>> X, y = load_iris(return_X_y=True, as_frame=True)
        >>> SoftmaxRegression().fit(X, y).coef_frame(units="deviation").round(1)
                             0    1    2
        sepal length (cm) -0.3  0.4 -0.1
        sepal width (cm)   0.4 -0.1 -0.3
        petal length (cm) -4.4 -0.4  4.8
        petal width (cm)  -0.8 -0.7  1.5
        """
        import pandas as pd

        model = fitted(self)
        if units not in ("raw", "deviation"):
            raise ValueError(f"units must be 'raw' or 'deviation', got {shown(units)}.")
        coef, b = of_all_classes(dense(model.coef_), model.intercept_)
        if units == "deviation":
            coef = coef * self._deviations()
        frame = pd.DataFrame(coef.T, index=feature_names(self), columns=self.classes_)
        if not intercept:
            return frame
        if units != "raw":
            raise ValueError(
                "intercept=True goes with units='raw': the intercept belongs to features in their "
                "own units."
            )
        first = pd.DataFrame([b], index=["intercept"], columns=self.classes_)
        return pd.concat([first, frame])

    def _deviations(self) -> NDArray:
        scale = getattr(self, "scale_", None)
        rows = getattr(self, "_fitted_rows", None)
        if scale is None and rows is not None:
            scale = np.sqrt(rows.units.spread)
        if scale is None:
            raise ValueError(
                "The deviations of the features are not known here. Fit with standardize=True, or "
                "multiply coef_frame() by X.std()."
            )
        return np.asarray(scale)


class SummaryMixin:
    """Adds `summary` to `SoftmaxRegression`."""

    def summary(self, X: Any = None, y: Any = None, sample_weight: Any = None) -> Table:
        """Return the fit on one screen, to be printed or shown in a notebook.

        Parameters
        ----------
        X, y, sample_weight : as for `score`, default=None
            If X is given, the accuracy on it is told too.

        Returns
        -------
        table : Table
            Its `rows` is a dict.

        Raises
        ------
        NotFittedError
            If the model is not fitted.

        Examples
        --------
        >>> from sklearn.datasets import load_wine
        >>> from softmax_reg import SoftmaxRegression
        >>> X, y = load_wine(return_X_y=True)
        >>> SoftmaxRegression().fit(X, y).summary(X, y)  # doctest: +ELLIPSIS
        SoftmaxRegression
          rows            178
          features        13, all with coefficients that are not 0
          classes         3: 0, 1, 2
          penalty         ridge, C = 1
          loss            0.0359 nats a row
          null model      1.0860 nats a row, 96.7 % of it explained
          penalised loss  0.0622
          accuracy        0.9944
          solver          lbfgs
          iterations      20
          ended           converged: optimality ..., tol 1.0e-08
        """
        given: Any = self
        model = fitted(given)
        coef = dense(model.coef_)
        n_features, n_active = coef.shape[1], int(np.count_nonzero(coef.any(axis=0)))
        rows = {
            "rows": str(getattr(model, "n_samples_seen_", "not known")),
            "features": f"{n_features}, {'all' if n_active == n_features else n_active} "
            "with coefficients that are not 0",
            "classes": in_words(model.classes_),
            "penalty": model._penalty_in_words(),
        }
        if hasattr(model, "null_loss_"):
            share = 1.0 - model.loss_ / model.null_loss_ if model.null_loss_ > 0.0 else 0.0
            rows["loss"] = f"{model.loss_:.4f} nats a row"
            rows["null model"] = (
                f"{model.null_loss_:.4f} nats a row, {100.0 * share:.1f} % of it explained"
            )
            rows["penalised loss"] = f"{model.loss_curve_[-1]:.4f}"
        if hasattr(model, "validation_loss_curve_"):
            best = model.validation_loss_curve_[getattr(model, "best_iter_", -1)]
            rows["held-out loss"] = f"{best:.4f} nats a row"
        if X is not None:
            rows["accuracy"] = f"{given.score(X, y, sample_weight):.4f}"
        rows["solver"] = model.solver_
        is_stream = model.solver_ == "online-newton"
        rows["batches" if is_stream else "iterations"] = f"{model.n_iter_[0]}"
        if hasattr(model, "stop_reason_"):
            rows["ended"] = model.stop_reason_
        return Table(type(self).__name__, rows)
