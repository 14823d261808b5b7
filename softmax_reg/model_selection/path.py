"""The regularisation path: the optimum as a function of C, from all coefficients zero upwards.

The smallest C is the one at which the first coefficient is about to leave zero.  With W = 0 the
optimum has b_k = log(share of class k), and W stays 0 while the slopes X'R there are within the
penalty's dual ball: for an L1 norm 1 / C_min = S max_jk |(X'R)_jk| / l1_ratio.
"""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from softmax_reg._compat import (
    BaseEstimator,
    Interval,
    StrOptions,
    validate_parameter_constraints,
)
from softmax_reg.dataset.feature_factors import by_name
from softmax_reg.dataset.namespaces import all_on_host
from softmax_reg.dataset.sources import BatchSource
from softmax_reg.dataset.user_rows import refuse_no_labels
from softmax_reg.dataset.validation import read_data, read_shares
from softmax_reg.model_selection.path_events import PathWatch, as_callbacks
from softmax_reg.model_selection.path_fits import (
    checked_Cs,
    follow,
    objective_of,
    settings_of,
    warn_if_unconverged,
)
from softmax_reg.model_selection.softmax_path import SoftmaxPath
from softmax_reg.model_selection.warm_starts import largest_strength, without_penalised
from softmax_reg.objective.intercepts import without_features
from softmax_reg.objective.objective import Objective
from softmax_reg.penalties import PENALTIES
from softmax_reg.solvers import SOLVERS, Solver
from softmax_reg.solvers.parameter_constraints import CALLBACKS, COUNT, SolverName

__all__ = ["CONSTRAINTS", "SoftmaxPath", "softmax_path"]

# Of a ridge penalty alone no C makes the coefficients zero: its path starts where that of an
# elastic net with this share of the L1 norm does.
_LEAST_L1_RATIO = 1e-3
# C_min / C at the end of a path, with more rows than features and with fewer.
_TALL_EPS, _WIDE_EPS = 1e-4, 1e-2

CONSTRAINTS: dict[str, list[Any]] = {
    "Cs": [Interval(Integral, 1, None, closed="left"), "array-like"],
    "l1_ratio": [Interval(Real, 0, 1, closed="both")],
    "penalty": [StrOptions(set(PENALTIES))],
    "penalty_factor": ["array-like", None],
    "standardize": ["boolean"],
    "eps": [Interval(Real, 0, 1, closed="neither"), None],
    "fit_intercept": ["boolean"],
    "class_weight": [dict, StrOptions({"balanced"}), None],
    "label_smoothing": [Interval(Real, 0, 1, closed="left")],
    "solver": [StrOptions({"auto", *SOLVERS}), Solver],
    "tol": [Interval(Real, 0, None, closed="left")],
    "max_iter": COUNT,
    "random_state": [Interval(Integral, 0, None, closed="left"), None],
    "verbose": ["verbose"],
    "callbacks": CALLBACKS,
}


class _Reader(BaseEstimator):
    """What the validation of X and y asks of an estimator, and where it leaves what it learns."""

    def __init__(
        self, class_weight: dict | str | None = None, label_smoothing: float = 0.0
    ) -> None:
        self.class_weight, self.label_smoothing = class_weight, label_smoothing


def softmax_path(
    X: Any,
    y: Any = None,
    *,
    proba: Any = None,
    Cs: int | ArrayLike = 100,
    l1_ratio: float = 1.0,
    penalty: str = "elasticnet",
    penalty_factor: ArrayLike | None = None,
    standardize: bool = False,
    eps: float | None = None,
    fit_intercept: bool = True,
    class_weight: dict | str | None = None,
    label_smoothing: float = 0.0,
    sample_weight: Any = None,
    offset: Any = None,
    solver: SolverName | str | Solver = "auto",
    tol: float = 1e-8,
    max_iter: int = 1000,
    random_state: int | None = None,
    verbose: int = 0,
    callbacks: Any = None,
) -> SoftmaxPath:
    """Fit `SoftmaxRegression` for a whole range of C, each fit starting from the last.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features), or BatchSource
        float32 and float64 are used as they are; other numbers become float64.  A `BatchSource` is
        read once and then again for each pass of each fit.
    y : array-like of shape (n_samples,), default=None
        Labels of any kind that sorts; None with a `BatchSource`, or `proba`.
    proba : array-like of shape (n_samples, n_classes), default=None
        In place of y, the share that each row has of every class, as for
        `SoftmaxRegression.fit_proba`; its labels are the names of the columns, or 0, 1, ...
    Cs : int or array-like of shape (n_Cs,), default=100
        The values of C, positive and finite.  A number asks for so many, in equal ratios, the
        smallest of them the largest C at which every coefficient with a penalty is zero.
    l1_ratio : float, default=1.0
        Share of the norm in the penalty, from 0 (ridge) to 1 (lasso).  Under a ridge penalty
        alone no coefficient is ever zero: the path then starts as for `l1_ratio=0.001`.
    penalty : {"elasticnet", "group_lasso"}, default="elasticnet"
        As for `SoftmaxRegression`.
    penalty_factor : array-like of shape (n_features,), default=None
        As for `SoftmaxRegression`.  Features with the factor 0 are active at every C.
    standardize : bool, default=False
        Whether the penalty is in units of each feature's deviation, as for `SoftmaxRegression`.
        The coefficients are those of X as it is.
    eps : float or None, default=None
        The smallest C over the largest, for a number of `Cs`.  None means 1e-4 with more rows
        than features, else 1e-2.
    fit_intercept : bool, default=True
        Whether to fit the intercept, which is not penalised.
    class_weight : dict, "balanced" or None, default=None
        As for `SoftmaxRegression`.
    label_smoothing : float, default=0.0
        As for `SoftmaxRegression`.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights; None means all 1.
    offset : array-like of shape (n_samples, n_classes), default=None
        What is added to the scores, as for `SoftmaxRegression.fit`.
    solver : str or Solver, default="auto"
        As for `SoftmaxRegression`.
    tol : float, default=1e-08
        Each fit ends when its optimality is at most `tol`, or as small as rounding lets be seen.
    max_iter : int, default=1000
        At most so many iterations for each C.
    random_state : int or None, default=None
        Seed of solvers that draw rows.
    verbose : int, default=0
        1 prints a line for fits 1, 2, 5, 10, ...; on a terminal and in a notebook one more below
        them is kept up to date, in a log file a line comes at least every ten seconds.  10 prints
        every tenth fit, and so on.
    callbacks : callable, list of callables or None, default=None
        Called with a `softmax_reg.callbacks.PathProgress` after the fit of each C.  Only the
        return value True ends the path, with that C.  A method `finish()` is called when the path
        ends, however it does.

    Returns
    -------
    path : SoftmaxPath
        With fewer values of C if a callback, or Ctrl-C, ended it.

    Raises
    ------
    ValueError
        If a parameter, X, y or the weights cannot be used, or no feature says anything of y.
    TypeError
        If one of `callbacks` cannot be called, or is one that watches the iterations of a fit.

    Warns
    -----
    ConvergenceWarning
        If some fits did not reach `tol`; once for the whole path.

    See Also
    --------
    PathDisplay : Draws a path.
    SoftmaxRegressionCV : Chooses C by cross-validation.

    References
    ----------
    J. Friedman, T. Hastie and R. Tibshirani (2010), "Regularization paths for generalized linear
    models via coordinate descent", Journal of Statistical Software 33, section 2.5 and 4;
    R. Tibshirani et al. (2012), "Strong rules for discarding predictors in lasso-type problems",
    Journal of the Royal Statistical Society B 74, 245-266.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_wine
    >>> from softmax_reg import softmax_path
    >>> X, y = load_wine(return_X_y=True)
    >>> path = softmax_path(X, y, Cs=5)
    >>> path.coefs_.shape
    (5, 3, 13)
    >>> path.n_active_.tolist()
    [0, 1, 1, 5, 7]
    >>> path.deviance_explained_.round(2).tolist()
    [0.0, 0.44, 0.48, 0.75, 0.94]

    Features are added until there are five of them:

    >>> def enough(progress):
    ...     return np.count_nonzero(progress.step.coef.any(axis=0)) >= 5
    >>> softmax_path(X, y, Cs=5, callbacks=enough).n_active_.tolist()
    [0, 1, 1, 5]
    """
    parameters = {name: value for name, value in locals().items() if name in CONSTRAINTS}
    validate_parameter_constraints(CONSTRAINTS, parameters, "softmax_path")
    watchers = as_callbacks(callbacks, verbose)
    if proba is not None and y is not None:
        raise ValueError("y and proba were given, which both say what the rows are. Give one.")
    if not isinstance(X, BatchSource):
        refuse_no_labels(X, y if proba is None else proba, "softmax_path")
    reader = _Reader(class_weight, label_smoothing)
    X, y, proba, sample_weight, offset = all_on_host(X, y, proba, sample_weight, offset)
    if proba is None:
        data = read_data(reader, X, y, sample_weight, offset=offset)
    else:
        data = read_shares(reader, X, proba, sample_weight, offset=offset)
    names = getattr(reader, "feature_names_in_", None)
    parameters["penalty_factor"] = by_name(penalty_factor, names)
    objective = objective_of(data, l1_ratio, parameters)
    grid, start = _grid(Cs, objective, eps, parameters)
    steps = []
    with PathWatch(watchers, len(grid), len(grid)) as watch:
        try:
            for number, step in enumerate(follow(objective, grid, parameters, start), 1):
                steps.append(step)
                if watch(step, number=number, n_done=number, l1_ratio=float(l1_ratio)):
                    break
        except KeyboardInterrupt:  # between two iterations `minimize` sees to it
            if not steps:
                raise
    warn_if_unconverged(steps, tol, stacklevel=2)
    null = objective.with_penalty(objective.penalty.with_fields(alpha=0.0)).at(
        without_features(objective)
    )
    return SoftmaxPath(
        Cs_=grid[: len(steps)],
        l1_ratio_=float(l1_ratio),
        classes_=data.classes,
        coefs_=np.stack([step.coef for step in steps]),
        intercepts_=np.stack([step.intercept for step in steps]),
        objective_=np.array([step.value for step in steps]),
        deviance_=np.array([step.deviance for step in steps]),
        null_deviance_=2.0 * data.total_weight * null.loss,
        optimality_=np.array([step.optimality for step in steps]),
        n_iter_=np.array([step.n_iter for step in steps], dtype=np.int32),
        converged_=np.array([step.converged for step in steps]),
        feature_names_in_=names,
        scale_=objective.penalty.scale,
    )


def _grid(
    Cs: Any, objective: Objective, eps: float | None, parameters: dict[str, Any]
) -> tuple[NDArray, NDArray | None]:
    """Return the values of C, rising, and where to start; None is at the intercepts alone."""
    if not isinstance(Cs, Integral):
        return np.sort(checked_Cs(Cs)), None
    penalty = objective.penalty
    if penalty.is_smooth:
        objective = objective.with_penalty(penalty.with_fields(l1_ratio=_LEAST_L1_RATIO))
    start = without_penalised(objective, **settings_of(parameters))
    strength = largest_strength(objective, start)
    smallest = 1.0 / (strength * objective.data.total_weight) if strength else np.inf
    if not np.isfinite(smallest):
        raise ValueError(
            "No feature with a penalty says anything of y: every coefficient that has one stays "
            "zero at any C, and the path has no beginning. Give the values of Cs."
        )
    if eps is None:
        eps = _TALL_EPS if objective.data.shape[0] > objective.n_features else _WIDE_EPS
    return np.geomspace(smallest, smallest / eps, Cs), start
