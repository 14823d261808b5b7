"""`SoftmaxRegressionCV`: C and l1_ratio chosen by cross-validation, one path for each fold.

Knows scikit-learn's conventions; the folds, their paths and the choice are in `paths`.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import get_scorer_names
from sklearn.model_selection import check_cv
from sklearn.utils import check_random_state

from softmax_reg import drop_in
from softmax_reg._checks.unchanged import unchanged_if_it_fails
from softmax_reg._compat import (
    CallbackSupportMixin,
    StrOptions,
    raise_for_params,
    validate_parameter_constraints,
    with_callbacks,
)
from softmax_reg.callbacks.path_progress import PathPoint
from softmax_reg.conversion.from_sklearn import FromLogisticRegressionCV
from softmax_reg.dataset.dataset import Dataset
from softmax_reg.dataset.feature_factors import by_name
from softmax_reg.dataset.namespaces import all_on_host, computing_on_host, on_host
from softmax_reg.dataset.validation import read_data
from softmax_reg.estimator import SoftmaxRegression
from softmax_reg.model_selection.cross_validation import check_classes, choice
from softmax_reg.model_selection.folds import ScoredPaths, fold_paths, refitted, score_paths
from softmax_reg.model_selection.path import CONSTRAINTS
from softmax_reg.model_selection.path_events import PathWatch, as_callbacks
from softmax_reg.model_selection.path_fits import checked_Cs, checked_l1_ratios, warn_if_unconverged
from softmax_reg.model_selection.scoring import ScoringMixin
from softmax_reg.model_selection.sklearn_callbacks import SearchTasks
from softmax_reg.persistence.models import Saved
from softmax_reg.persistence.searched import ALWAYS_SEARCHED, SEARCHED
from softmax_reg.prediction import SoftmaxPredictor
from softmax_reg.solvers import Solver
from softmax_reg.solvers.parameter_constraints import SolverName
from softmax_reg.streaming.fitted_rows import FitSummary

__all__ = ["SoftmaxRegressionCV"]

_OF_FITS = (
    *("penalty", "penalty_factor", "standardize", "fit_intercept", "solver", "tol", "max_iter"),
)
_OF_TARGETS = ("class_weight", "label_smoothing")
_NO_OFFSET = (
    "SoftmaxRegressionCV takes no offset. Use GridSearchCV with SoftmaxRegression(), with metadata "
    "routing and .set_fit_request(offset=True).set_score_request(offset=True)."
)
# Parameters that take the words of `LogisticRegressionCV`, too.
_THEIRS = (
    *("penalty", "l1_ratios", "solver", "max_iter", "n_jobs", "dual", "intercept_scaling"),
    *("multi_class", "use_legacy_attributes"),
)


class SoftmaxRegressionCV(
    CallbackSupportMixin,
    ScoringMixin,
    ClassifierMixin,
    SoftmaxPredictor,
    FromLogisticRegressionCV,
    Saved,
    BaseEstimator,
):
    """Multinomial logistic regression whose C, and l1_ratio, are chosen by cross-validation.

    For each fold one path is followed from the smallest C to the largest, each fit starting from
    the last; the scores on the rows left out decide, and the model is fitted again on all rows.

    Parameters
    ----------
    Cs : int or array-like of shape (n_Cs,), default=10
        The values of C, positive; `np.inf` means no penalty.  A number asks for so many from 1e-4
        to 1e4 in equal ratios.
    l1_ratios : array-like of shape (n_l1_ratios,), default=None
        The shares of the norm in the penalty to choose from, each from 0 (ridge) to 1 (lasso);
        None means (0.0,).
    penalty : {"elasticnet", "group_lasso", "l1", "l2"} or None, default="elasticnet"
        As for `SoftmaxRegression`; "l2" and "l1" are l1_ratios (0.0,) and (1.0,), None is
        Cs=(np.inf,).
    penalty_factor : array-like of shape (n_features,), default=None
        As for `SoftmaxRegression`.
    standardize : bool, default=False
        Whether the penalty is in units of each feature's deviation, as for `SoftmaxRegression`:
        for the paths of a fold over its training rows, as in a pipeline with `StandardScaler`.
    fit_intercept : bool, default=True
        Whether to fit the intercept, which is not penalised.
    cv : int, splitter, iterable or None, default=None
        The folds: a number of stratified ones, 5 if None, a splitter of scikit-learn, or pairs of
        training and test rows.
    scoring : str, callable or None, default="neg_log_loss"
        A score, larger is better, as scikit-learn names it; None is "accuracy".
    selection : {"best", "one_standard_error"}, default="best"
        Whether to take the C with the best mean score, or the smallest whose mean score is within
        one standard error of it.
    solver : str or Solver, default="auto"
        As for `SoftmaxRegression`.
    tol : float, default=1e-08
        Each fit ends when its optimality is at most `tol`, or as small as rounding lets be seen.
    max_iter : int, default=1000
        At most so many iterations for each fit; 0 leaves the starting point.
    class_weight : dict, "balanced" or None, default=None
        As for `SoftmaxRegression`; "balanced" counts all rows, not those of each fold.
    label_smoothing : float, default=0.0
        As for `SoftmaxRegression`, in the fits alone: scores are of the labels themselves.
    n_jobs : int or None, default=None
        Processes for the folds; None means 1 unless in a `joblib.parallel_config` context.  Each
        keeps to its share of the cores.
    refit : bool, default=True
        Whether to fit the chosen model on all rows; else the mean over the folds of each fold's
        best coefficients is kept, for a class over the folds that train on it, and of their C and
        l1_ratio.
    random_state : int, RandomState or None, default=None
        Seed of solvers that draw rows.
    verbose : int, default=0
        1 prints a line for fits 1, 2, 5, 10, ...; on a terminal and in a notebook one more below
        them is kept up to date, in a log file a line comes at least every ten seconds.  10 prints
        every tenth fit, and so on.
    callbacks : callable, list of callables or None, default=None
        Called with a `softmax_reg.callbacks.PathProgress` after each fit, the one to all rows
        too, in the order of the folds; with several jobs when all of a path is done.  Only the
        return value True ends the path: larger C get no score there and cannot be chosen.
        Callbacks of scikit-learn 1.9, such as its ProgressBar, are given to `set_callbacks`.
    dual : bool, default=False
        For scripts that name it: only False has a meaning here.
    intercept_scaling : float, default=1.0
        For scripts that name it; has no effect, as the intercept is not penalised.
    multi_class : {"auto", "multinomial", "ovr"}, default="auto"
        For scripts that name it: one softmax over all classes, of two classes one vector, in any
        case; so "ovr" is an error with more than two.
    use_legacy_attributes : bool, default=False
        Whether `C_`, `l1_ratio_`, `scores_`, `coefs_paths_` and `n_iter_` have the layout that
        `LogisticRegressionCV` gave them before scikit-learn 1.10: arrays of shape (n_outputs,) and
        dicts by class.  No display draws these.

    Attributes
    ----------
    C_ : float
        The chosen C.
    l1_ratio_ : float
        The chosen l1_ratio.
    Cs_ : ndarray of shape (n_Cs,), float64
        The values of C, in the order given.
    l1_ratios_ : ndarray of shape (n_l1_ratios,), float64
        The values of l1_ratio.
    scores_ : ndarray of shape (n_folds, n_l1_ratios, n_Cs), float64
        The score on the rows that each fold leaves out; NaN where a callback ended the path.
    coefs_paths_ : ndarray of shape (n_folds, n_l1_ratios, n_Cs, n_outputs, n_features + 1)
        The coefficients of every fit, the intercept last; without it if `fit_intercept` is False;
        NaN as the scores.  Of a class that the fold does not train on 0, and -1e30 the intercept.
    n_iter_ : ndarray of shape (n_folds, n_l1_ratios, n_Cs), int32
        Iterations of every fit; 0 where there was none.
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    coef_ : ndarray of shape (n_outputs, n_features)
        The coefficients, in the dtype of X; n_outputs is 1 with two classes, else n_classes.
    intercept_ : ndarray of shape (n_outputs,)
        The intercepts; zeros if `fit_intercept` is False.  Of a class without weight -1e30.
    scale_ : ndarray of shape (n_features,), float64
        The deviation of each feature over all rows, as `SoftmaxRegression.scale_`; with
        `standardize` and `refit` only.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,), dtype object
        Their names, if X had string names for all of them.
    encoding_ : TableEncoding
        As for `SoftmaxRegression`.

    See Also
    --------
    sklearn.linear_model.LogisticRegressionCV : The same choice, other solvers.
    softmax_path : The path over all rows.
    CVDisplay : Draws `scores_`.

    Notes
    -----
    The fitted attributes have the layout that `LogisticRegressionCV` gives them with
    `use_legacy_attributes=False`.

    Callbacks of `set_callbacks` are told by the process that follows a path, as it goes: of a task
    "path" for each fold and l1_ratio, in it of a task "C" for each fit; then of "refit", in it of
    each "iteration".  One that asks to stop ends the path, or the fit to all rows, that it was told
    of there; after a whole path it is too late.

    References
    ----------
    L. Breiman, J. Friedman, R. Olshen and C. Stone (1984), "Classification and Regression Trees",
    section 3.4.3; T. Hastie, R. Tibshirani and J. Friedman (2009), "The Elements of Statistical
    Learning", section 7.10.1 (the rule of one standard error).

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from softmax_reg import SoftmaxRegressionCV
    >>> X, y = load_wine(return_X_y=True)
    >>> model = SoftmaxRegressionCV(Cs=[0.01, 1.0, 100.0]).fit(X, y)
    >>> model.C_
    1.0
    >>> model.scores_.shape
    (5, 1, 3)
    >>> told = []
    >>> _ = model.set_params(callbacks=told.append).fit(X, y)
    >>> [(p.fold, p.step.C) for p in told[:4]]
    [(1, 0.01), (1, 1.0), (1, 100.0), (2, 0.01)]
    """

    _saved_parts = Saved._saved_parts | {"_fitted_rows": FitSummary}
    _saved_attributes, _always_saved = SEARCHED, ALWAYS_SEARCHED
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **{name: CONSTRAINTS[name] for name in ("Cs", *_OF_TARGETS, *_OF_FITS)},
        **{name: drop_in.CONSTRAINTS[name] for name in _THEIRS},
        "cv": ["cv_object"],
        "scoring": [StrOptions(set(get_scorer_names())), callable, None, drop_in.WARN],
        "selection": [StrOptions({"best", "one_standard_error"})],
        "refit": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "callbacks": CONSTRAINTS["callbacks"],
    }

    def __init__(
        self,
        *,
        Cs: Any = 10,
        l1_ratios: Any = None,
        penalty: str = "elasticnet",
        penalty_factor: Any = None,
        standardize: bool = False,
        fit_intercept: bool = True,
        cv: Any = None,
        scoring: Any = "neg_log_loss",
        selection: str = "best",
        solver: SolverName | str | Solver = "auto",
        tol: float = 1e-8,
        max_iter: int = 1000,
        class_weight: dict | str | None = None,
        label_smoothing: float = 0.0,
        n_jobs: int | None = None,
        refit: bool = True,
        random_state: Any = None,
        verbose: int = 0,
        callbacks: Any = None,
        dual: bool = False,
        intercept_scaling: float = 1.0,
        multi_class: str = "auto",
        use_legacy_attributes: bool = False,
    ) -> None:
        self.Cs = Cs
        self.l1_ratios = l1_ratios
        self.penalty = penalty
        self.penalty_factor = penalty_factor
        self.standardize = standardize
        self.fit_intercept = fit_intercept
        self.cv = cv
        self.scoring = scoring
        self.selection = selection
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing
        self.n_jobs = n_jobs
        self.refit = refit
        self.random_state = random_state
        self.verbose = verbose
        self.callbacks = callbacks
        self.dual = dual
        self.intercept_scaling = intercept_scaling
        self.multi_class = multi_class
        self.use_legacy_attributes = use_legacy_attributes

    def fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, **params: Any
    ) -> SoftmaxRegressionCV:
        """Choose C and l1_ratio, and fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or BatchSource
            As for `SoftmaxRegression`.  Of a `BatchSource` every fit of a fold reads all rows;
            those that the fold leaves out have no weight there.
        y : array-like of shape (n_samples,), default=None
            Labels of any kind that sorts; None with a `BatchSource`.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows, in the fits and, unless metadata routing says
            otherwise, in the scores.
        **params
            What is routed to the splitter, such as `groups`, and to the scorer; needs
            `sklearn.set_config(enable_metadata_routing=True)`.

        Returns
        -------
        self : SoftmaxRegressionCV

        Raises
        ------
        ValueError
            If a parameter, X, y or the weights cannot be used, or a fold trains on one class only.
            The estimator is then left as it was, and so it is after an error in a callback.
        TypeError
            If one of `callbacks` cannot be called, or is one that watches the iterations of a fit;
            or there is an offset, which only `SoftmaxRegression` takes.

        Warns
        -----
        ConvergenceWarning
            If some fits did not reach `tol`; once for all of them.
        UserWarning
            If a fold has no training row, with a weight, of a class: its models give that class
            the probability 0, so that for "neg_log_loss" each such row it leaves out counts as one
            of the probability eps; or if `l1_ratios` has no effect beside the `penalty`.
        FutureWarning
            If a parameter of `LogisticRegressionCV` has no effect here.
        """
        with unchanged_if_it_fails(self), computing_on_host(self, X):
            X, y, sample_weight = all_on_host(X, y, sample_weight)
            params = {name: on_host(value) for name, value in params.items()}
            return self._fit(X, y, sample_weight, params)

    @with_callbacks
    def _fit(self, X: Any, y: Any, sample_weight: Any, params: dict) -> SoftmaxRegressionCV:
        given, params_given = (X, y, sample_weight), self.get_params(deep=False)
        kind = type(self).__name__
        validate_parameter_constraints(self._parameter_constraints, params_given, kind)
        drop_in.tell(self, stacklevel=4)
        names = drop_in.meant(self)
        if "offset" in params:
            raise TypeError(_NO_OFFSET)
        raise_for_params(params, self, "fit")
        watchers = as_callbacks(self.callbacks, self.verbose)
        Cs, l1_ratios = (
            checked_Cs(names["Cs"], none_too=True),
            checked_l1_ratios(names["l1_ratios"]),
        )
        if self.selection != "best" and not self.refit:
            raise ValueError(
                "selection='one_standard_error' compares the folds, but refit=False lets each "
                "choose for itself. Use refit=True or selection='best'."
            )
        data = read_data(self, X, y, sample_weight)
        drop_in.check_scheme(self.multi_class, data.classes)
        if data.rows.is_stream:
            sample_weight = data.sample_weight if np.any(data.sample_weight != 1.0) else None
        y, numbers = data.labels, np.arange(data.shape[0])
        splitting, scoring = self._routed(sample_weight, params)
        rows = np.empty((len(y), 0)) if data.rows.is_stream else data.X
        splits = check_cv(self.cv, y, classifier=True).split(rows, y, **splitting)
        # They may be masks; a source gives rows in its order.
        folds = [(numbers[train], np.sort(numbers[test])) for train, test in splits]
        check_classes(folds, data, stacklevel=4)
        parameters = {name: names[name] for name in _OF_FITS}
        columns = getattr(self, "feature_names_in_", None)
        parameters["penalty_factor"] = by_name(self.penalty_factor, columns)
        parameters["random_state"] = check_random_state(self.random_state).randint(2**31)
        self.classes_, self.Cs_, self.l1_ratios_ = data.classes, Cs, l1_ratios
        shape = len(folds), len(l1_ratios), len(Cs)
        tasks = SearchTasks(self, shape, *given)
        model = SoftmaxRegression()
        model.classes_, model.n_features_in_ = data.classes, data.shape[1]
        of_all = {
            "Cs": np.sort(Cs),
            "parameters": parameters,
            "model": model,
            "scorer": self._fast_scorer(),
        }
        paths = fold_paths(data, folds, l1_ratios, scoring, sample_weight, tasks, **of_all)
        n_fits = int(np.prod(shape)) + bool(self.refit)
        with PathWatch(watchers, n_fits, len(Cs), len(folds)) as watch:
            found = score_paths(paths, self.n_jobs, watch)
            scored = ScoredPaths.of(found, shape, np.argsort(Cs, kind="stable"))
            self._keep(scored)
            refit = [self._refit(data, parameters, tasks, watch)] if self.refit else []
        warn_if_unconverged([*scored.steps, *refit], self.tol, stacklevel=4)
        drop_in.lay_out(self)
        tasks.end()
        return self

    def _keep(self, scored: ScoredPaths) -> None:
        """Set what the paths leave, and what is chosen by it."""
        self.scores_, self.n_iter_ = scored.scores, scored.n_iter
        self.coefs_paths_ = scored.coefs if self.fit_intercept else scored.coefs[..., :-1]
        self.C_, self.l1_ratio_, mean = choice(
            *(scored.scores, scored.coefs, self.Cs_, self.l1_ratios_),
            self.selection if self.refit else None,
        )
        self.coef_, self.intercept_ = np.ascontiguousarray(mean[:, :-1]), mean[:, -1].copy()
        for stale in ("scale_", "_fitted_rows"):
            self.__dict__.pop(stale, None)

    def _refit(
        self, data: Dataset, parameters: dict[str, Any], tasks: SearchTasks, watch: PathWatch
    ) -> PathPoint:
        """Fit the chosen model on all rows, from the mean of the folds' coefficients."""
        start = self.coef_, self.intercept_
        step, self._fitted_rows = refitted(data, self.C_, self.l1_ratio_, start, parameters, tasks)
        self.coef_, self.intercept_ = step.coef, step.intercept
        if step.scale is not None:
            self.scale_ = step.scale
        number = int(np.count_nonzero(self.Cs_ <= self.C_))
        watch(step, number=number, n_done=watch.n_fits, l1_ratio=self.l1_ratio_)
        return step

    def _to_file(self, attributes: dict[str, Any]) -> dict[str, Any]:
        return drop_in.laid_as_new(self, attributes)

    def _from_file(self) -> None:
        drop_in.lay_out(self)
