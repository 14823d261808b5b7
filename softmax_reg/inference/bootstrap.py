"""The bootstrap: how the coefficients vary from sample to sample, penalised or not.

B. Efron (1979), "Bootstrap methods: another look at the jackknife", Annals of Statistics 7, 1-26.
A draw is weights, how often each row is drawn, so that X is never copied; the fit to it starts
from that to all rows.
"""

from __future__ import annotations

import warnings
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softmax_reg._checks.shown import shown
from softmax_reg._compat import ConvergenceWarning, check_random_state, in_parallel
from softmax_reg.dataset.dataset import Dataset
from softmax_reg.dataset.left_out import is_left_out
from softmax_reg.dataset.namespaces import in_numpy
from softmax_reg.dataset.row_blocks import RowBlocks
from softmax_reg.dataset.rows import dense
from softmax_reg.dataset.targets import Labels
from softmax_reg.dataset.weights import class_factors
from softmax_reg.inference.bootstrap_result import Bootstrap
from softmax_reg.inference.covariance import Spread
from softmax_reg.inference.fitted_rows import FittedRows
from softmax_reg.inference.requirements import check_not_aggregated, checked_spread
from softmax_reg.inference.results import of_all_classes
from softmax_reg.objective.coefficients import coefficients, flat, without_constants
from softmax_reg.objective.objective import Objective
from softmax_reg.solvers import make_solver, minimize

__all__ = ["bootstrap"]

# A draw without rows of a second class is drawn again, at most so often.
_TRIES = 100
# Of fits whose model has asked for no tolerance, or stops on purpose before it is reached.
_TOL, _LEAST_ITERATIONS = 1e-8, 1000


def bootstrap(
    model: Any,
    X: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    offset: Any = None,
    n: int = 200,
    groups: Any = None,
    weights_are: str = "frequency",
    random_state: Any = None,
    n_jobs: int | None = None,
) -> Bootstrap:
    """Fit a model again to rows that are drawn with replacement, many times.

    Works with any penalty, where standard errors mean nothing: it tells how the coefficients vary
    with the sample, and how often a lasso selects each feature.  It does not remove the bias that
    a penalty brings.

    Parameters
    ----------
    model : SoftmaxRegression
        Fitted.  It is not changed; C and all that belongs to the penalty are its own in each fit.
    X : {array-like, sparse matrix} of shape (n_samples, n_features), or BatchSource
        The data of the fit.
    y : array-like of shape (n_samples,), default=None
        Their labels, or the shares given to `fit_proba`; None with a `BatchSource`.
    sample_weight : array-like of shape (n_samples,), default=None
        The weights given to `fit`.
    offset : array-like of shape (n_samples, n_classes), default=None
        The offset given to `fit`.
    n : int, default=200
        The number of draws; at least 1000 for intervals with two digits.
    groups : array-like of shape (n_samples,), default=None
        The cluster of each row: clusters are drawn, whole, in place of rows.
    weights_are : {"frequency", "sampling"}, default="frequency"
        Whether `sample_weight` is a number of equal rows, each of which is drawn for itself, or a
        weight that a row keeps.
    random_state : int, RandomState or None, default=None
        Seed of the draws, which do not depend on `n_jobs`.
    n_jobs : int or None, default=None
        How many fits run at a time, as processes of joblib; None means 1.

    Returns
    -------
    result : Bootstrap
        With `summary`, `conf_int`, `selected` and the `draws`.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    TypeError
        If it is no `SoftmaxRegression`.
    ValueError
        If X, y and the weights are not those of the fit, or cannot be used.

    Warns
    -----
    ConvergenceWarning
        If some fits did not converge, as where a draw without penalty is separated.

    Notes
    -----
    A class of which a draw has no row has no coefficients in that draw, which its intervals leave
    out; it stays in the model, with the weight 0.  The fits use the default solver.

    References
    ----------
    B. Efron (1979), "Bootstrap methods: another look at the jackknife", Annals of Statistics 7,
    1-26; B. Efron and R. J. Tibshirani (1993), "An Introduction to the Bootstrap", section 13.3,
    for the intervals.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from softmax_reg import SoftmaxRegression, bootstrap
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> model = SoftmaxRegression(penalty="l1", C=0.2).fit(X, y)
    >>> bootstrap(model, X, y, n=50, random_state=0).selected.round(1)
    sepal length (cm)    0.0
    sepal width (cm)     0.0
    petal length (cm)    1.0
    petal width (cm)     0.3
    Name: selected, dtype: float64
    """
    _check_model(model)
    model = in_numpy(model)
    if not (isinstance(n, int | np.integer) and n >= 2):
        raise ValueError(f"n must be a whole number of draws, at least 2, got {shown(n)}.")
    fitted = FittedRows.of(model, X, y, sample_weight, offset)
    cov_type = None if groups is None else "cluster"
    spread = checked_spread(fitted, cov_type, groups, weights_are)
    if groups is None:
        check_not_aggregated(fitted, spread, "a draw of rows")
    seeds = check_random_state(random_state).randint(2**31, size=n).tolist()
    model_alone = copy(model)
    model_alone.callbacks, model_alone.verbose = None, 0  # what watches a fit need not be sent
    refit = Refit(model_alone, fitted.data, spread, weights_are == "sampling")
    found = list(in_parallel(refit, seeds, n_jobs))
    converged = np.array([is_done for *_, is_done in found])
    if not converged.all():
        why = "Raise max_iter."
        if not fitted.is_penalised:
            why = (
                "Where features separate the classes of a draw its coefficients are large without "
            )
            why += "bounds: use a finite C."
        told = f"{np.count_nonzero(~converged)} of {n} fits to draws did not converge. {why}"
        warnings.warn(told, ConvergenceWarning, stacklevel=2)
    draws = np.stack([theta for theta, _ in found])
    estimate = _by_class(fitted.dense_coef, model.intercept_, fitted.objective.fit_intercept)
    kept = fitted.data.present
    is_alone = fitted.is_penalised and len(fitted.data.classes) > 2
    return Bootstrap(
        classes=fitted.classes,
        terms=fitted.terms,
        base=None if is_alone else fitted.classes[0],
        estimate=estimate[kept],
        draws=draws[:, kept],
        converged=converged,
        n_groups=spread.n_groups,
    )


def _check_model(model: Any) -> None:
    kind = type(model).__name__
    if hasattr(model, "Cs"):
        raise TypeError(
            f"bootstrap takes a SoftmaxRegression, got {kind}, whose choice of C would have to be "
            "made again for each draw. Fit SoftmaxRegression(C=search.C_, ...) for that C."
        )
    if not hasattr(model, "_penalty"):
        raise TypeError(
            f"bootstrap takes a SoftmaxRegression, got {kind}. Of a pipeline give the last step, "
            "and X as the steps before it make it: pipeline[:-1].transform(X)."
        )


@dataclass(frozen=True)
class Refit:
    """Draws rows and fits the model to them, be it in another process.

    Parameters
    ----------
    model : SoftmaxRegression
        Fitted; every fit starts from its coefficients.
    data : Dataset
    spread : Spread
        How many rows each row stands for, and its cluster, if clusters are drawn.
    keeps_weight : bool
        Whether a row that is drawn keeps its sample weight; else that is how often it is there.
    """

    model: Any
    data: Dataset
    spread: Spread
    keeps_weight: bool

    def __call__(self, seed: int) -> tuple[NDArray[np.float64], bool]:
        """Return theta, (n_classes, n_terms), NaN for a class without rows; and if it converged."""
        rng, model = np.random.default_rng(seed), self.model
        # The blocks of another process have the threads that it allows.
        rows = RowBlocks(self.data.X, len(self.data.classes), dtype=np.float64)
        data = self._drawn(self.data.with_rows(rows), rng)
        objective = Objective(data, model._penalty(data), bool(model.fit_intercept))
        solver, _ = make_solver("auto", {}, objective.is_smooth)
        coef = dense(model.coef_)
        start = flat(objective, coef.astype(np.float64), model.intercept_.astype(np.float64))
        result = minimize(
            solver,
            objective,
            without_constants(objective, start),
            tol=_TOL if model.tol is None else model.tol,
            max_iter=max(model.max_iter, _LEAST_ITERATIONS),
            rng=rng,
            warn=False,
        )
        if result.stopped == "interrupt":
            raise KeyboardInterrupt
        W, b = coefficients(objective, result.point.w)
        return _by_class(W, b, objective.fit_intercept), result.converged

    def _drawn(self, data: Dataset, rng: np.random.Generator) -> Dataset:
        """Return the data with weights that say how often each row was drawn."""
        for _ in range(_TRIES):
            sample_weight = self._weights(rng)
            weights = sample_weight * self._of_classes(data, sample_weight)
            if np.count_nonzero(data.given.totals(weights)) >= 2:
                return data.with_weights(weights, sample_weight)
        raise ValueError(
            f"{_TRIES} draws in a row had rows of one class only: there are too few rows, or "
            "clusters, of the others for a bootstrap."
        )

    def _of_classes(self, data: Dataset, sample_weight: NDArray) -> NDArray:
        """Return what `class_weight` multiplies the weight of each row by."""
        if not isinstance(data.given, Labels):  # in whose shares those of the fit are
            given = np.ones(len(data.weights)) if data.sample_weight is None else data.sample_weight
            return np.divide(data.weights, given, out=np.zeros(len(given)), where=given > 0.0)
        per_class = class_factors(data.classes, data.given, sample_weight, self.model.class_weight)
        return data.given.of_classes(per_class)[0]

    def _weights(self, rng: np.random.Generator) -> NDArray[np.float64]:
        counts, groups = self.spread.counts, self.spread.groups
        given = self.data.sample_weight
        given = np.ones(len(counts)) if given is None else given.astype(np.float64)
        if groups is not None:
            G = self.spread.n_groups
            drawn = np.append(rng.multinomial(G, np.full(G, 1.0 / G)), 0)  # the last of no cluster
            return drawn[groups] * given
        drawn = rng.multinomial(int(counts.sum()), counts / counts.sum())
        return drawn * given if self.keeps_weight else drawn.astype(np.float64)


def _by_class(coef: NDArray, intercept: NDArray, has_intercept: bool) -> NDArray[np.float64]:
    """Return the coefficients of every class, the intercept first, NaN for a class left out."""
    coef, intercept = of_all_classes(coef, intercept)
    theta = np.column_stack([intercept, coef]).astype(np.float64)[:, 0 if has_intercept else 1 :]
    theta[is_left_out(coef, intercept)] = np.nan
    return theta
