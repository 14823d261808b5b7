"""`SoftmaxRegressionCV`: C and l1_ratio chosen by cross-validation, one path for each fold.

Knows scikit-learn's conventions; the folds and the choice are in `cross_validation`.
"""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import get_scorer, get_scorer_names
from sklearn.model_selection import check_cv
from sklearn.utils import check_random_state
from sklearn.utils.metadata_routing import (
    UNUSED,
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import validate_data

from softmax_reg._compat import (
    StrOptions,
    check_method_params,
    raise_for_params,
    routing_enabled,
    scorer_with_labels,
    validate_parameter_constraints,
)
from softmax_reg.encoding import encode_labels, merge_duplicates, row_weights
from softmax_reg.estimator import SoftmaxRegression
from softmax_reg.paths.cross_validation import (
    Labelled,
    check_classes,
    chosen,
    neg_log_loss,
    scored_path,
)
from softmax_reg.paths.path import CONSTRAINTS
from softmax_reg.paths.steps import Step, checked_Cs, follow, objective_of, warn_if_unconverged
from softmax_reg.prediction import SoftmaxPredictor, unchanged_if_it_fails

__all__ = ["SoftmaxRegressionCV"]


class SoftmaxRegressionCV(ClassifierMixin, SoftmaxPredictor, BaseEstimator):
    """Multinomial logistic regression whose C, and l1_ratio, are chosen by cross-validation.

    For each fold one path is followed from the smallest C to the largest, each fit starting from
    the last; the scores on the rows left out decide, and the model is fitted again on all rows.

    Parameters
    ----------
    Cs : int or array-like of shape (n_Cs,), default=10
        The values of C, positive and finite; a number asks for so many from 1e-4 to 1e4 in equal
        ratios.
    l1_ratios : array-like of shape (n_l1_ratios,), default=(0.0,)
        The shares of the norm in the penalty to choose from, each from 0 (ridge) to 1 (lasso).
    penalty : {"elasticnet", "group_lasso"}, default="elasticnet"
        As for `SoftmaxRegression`.
    penalty_factor : array-like of shape (n_features,), default=None
        As for `SoftmaxRegression`.
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
        At most so many iterations for each fit.
    class_weight : dict, "balanced" or None, default=None
        As for `SoftmaxRegression`; "balanced" counts all rows, not those of each fold.
    n_jobs : int or None, default=None
        Processes for the folds; None means 1 unless in a `joblib.parallel_config` context.  Each
        keeps to its share of the cores.
    refit : bool, default=True
        Whether to fit the chosen model on all rows; else the mean over the folds of each fold's
        best coefficients is kept, and of their C and l1_ratio.
    random_state : int, RandomState or None, default=None
        Seed of solvers that draw rows.
    verbose : int, default=0
        1 prints a line for each path, 2 also for each C.

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
        The score on the rows that each fold leaves out.
    coefs_paths_ : ndarray of shape (n_folds, n_l1_ratios, n_Cs, n_rows, n_features + 1)
        The coefficients of every fit, the intercept last; without it if `fit_intercept` is False.
    n_iter_ : ndarray of shape (n_folds, n_l1_ratios, n_Cs), int32
        Iterations of every fit.
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    coef_ : ndarray of shape (n_rows, n_features)
        The coefficients, in the dtype of X; n_rows is 1 with two classes, else n_classes.
    intercept_ : ndarray of shape (n_rows,)
        The intercepts; zeros if `fit_intercept` is False.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,), dtype object
        Their names, if X had string names for all of them.

    See Also
    --------
    sklearn.linear_model.LogisticRegressionCV : The same choice, other solvers.
    softmax_path : The path over all rows.
    CVDisplay : Draws `scores_`.

    Notes
    -----
    The fitted attributes have the layout that `LogisticRegressionCV` gives them with
    `use_legacy_attributes=False`.

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
    """

    __metadata_request__score: ClassVar[dict[str, Any]] = {"sample_weight": UNUSED}

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **{
            name: CONSTRAINTS[name]
            for name in ("Cs", "penalty", "penalty_factor", "fit_intercept", "class_weight")
        },
        **{name: CONSTRAINTS[name] for name in ("solver", "tol", "max_iter")},
        "l1_ratios": ["array-like"],
        "cv": ["cv_object"],
        "scoring": [StrOptions(set(get_scorer_names())), callable, None],
        "selection": [StrOptions({"best", "one_standard_error"})],
        "n_jobs": [Integral, None],
        "refit": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        *,
        Cs: Any = 10,
        l1_ratios: Any = (0.0,),
        penalty: str = "elasticnet",
        penalty_factor: Any = None,
        fit_intercept: bool = True,
        cv: Any = None,
        scoring: Any = "neg_log_loss",
        selection: str = "best",
        solver: Any = "auto",
        tol: float = 1e-8,
        max_iter: int = 1000,
        class_weight: dict | str | None = None,
        n_jobs: int | None = None,
        refit: bool = True,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.Cs = Cs
        self.l1_ratios = l1_ratios
        self.penalty = penalty
        self.penalty_factor = penalty_factor
        self.fit_intercept = fit_intercept
        self.cv = cv
        self.scoring = scoring
        self.selection = selection
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.class_weight = class_weight
        self.n_jobs = n_jobs
        self.refit = refit
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **params: Any) -> SoftmaxRegressionCV:
        """Choose C and l1_ratio, and fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            As for `SoftmaxRegression`.
        y : array-like of shape (n_samples,)
            Labels of any kind that sorts.
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
            If a parameter, X, y or the weights cannot be used, or a fold has no training row of a
            class.  The estimator is then left as it was.

        Warns
        -----
        ConvergenceWarning
            If some fits did not reach `tol`; once for all of them.
        """
        with unchanged_if_it_fails(self):
            return self._fit(X, y, sample_weight, params)

    def _fit(self, X: Any, y: Any, sample_weight: Any, params: dict) -> SoftmaxRegressionCV:
        knobs = self.get_params(deep=False)
        validate_parameter_constraints(self._parameter_constraints, knobs, type(self).__name__)
        raise_for_params(params, self, "fit")
        Cs, l1_ratios = _as_Cs(self.Cs), _as_l1_ratios(self.l1_ratios)
        if self.selection != "best" and not self.refit:
            raise ValueError(
                "selection='one_standard_error' compares the folds, but refit=False lets each "
                "choose for itself. Use refit=True or selection='best'."
            )
        X, y = validate_data(
            self, X, y, accept_sparse=("csr", "csc"), dtype=(np.float64, np.float32)
        )
        X = merge_duplicates(X)
        classes, codes = encode_labels(y)
        weights = row_weights(X, y, classes, codes, sample_weight, self.class_weight)
        splitting, scoring = self._routed(sample_weight, params)
        numbers = np.arange(len(y))  # a fold may be given as masks
        splits = check_cv(self.cv, y, classifier=True).split(X, y, **splitting)
        folds = [(numbers[train], numbers[test]) for train, test in splits]
        check_classes(folds, classes, codes, weights)
        knobs["random_state"] = check_random_state(self.random_state).randint(2**31)
        data = Labelled(X, y, codes, weights)
        blank = SoftmaxRegression()
        blank.classes_, blank.n_features_in_ = classes, X.shape[1]
        scorer: Any = neg_log_loss
        if self.scoring != "neg_log_loss":
            scorer = scorer_with_labels(self._scorer(), classes)
        scored = Parallel(n_jobs=self.n_jobs)(
            delayed(scored_path)(
                *(data, fold, number, Cs, l1_ratio, knobs, blank, scorer),
                check_method_params(X, scoring, indices=fold[1]),
            )
            for number, fold in enumerate(folds, 1)
            for l1_ratio in l1_ratios
        )
        shape = (len(folds), len(l1_ratios), len(Cs))
        steps = [step for path, _ in scored for step in path]
        coefs = np.stack([_flat(step, self.fit_intercept) for step in steps])
        self.classes_, self.Cs_, self.l1_ratios_ = classes, Cs, l1_ratios
        self.scores_ = np.reshape([scores for _, scores in scored], shape)
        self.coefs_paths_ = coefs.reshape(shape + coefs.shape[1:])
        self.n_iter_ = np.reshape([step.n_iter for step in steps], shape).astype(np.int32)
        if self.refit:
            steps.append(self._refit(data, knobs))
        else:
            self._average()
        warn_if_unconverged(steps, self.tol, stacklevel=3)
        return self

    def _refit(self, data: Labelled, knobs: dict[str, Any]) -> Step:
        """Fit the chosen model on all rows, from the mean of the folds' coefficients."""
        at_l1_ratio, at_C = chosen(self.scores_, self.Cs_, self.selection)
        self.C_ = float(self.Cs_[at_C])
        self.l1_ratio_ = float(self.l1_ratios_[at_l1_ratio])
        objective = objective_of(data.X, data.codes, data.weights, self.l1_ratio_, knobs)
        mean = self.coefs_paths_[:, at_l1_ratio, at_C].mean(axis=0)
        W, b = mean[:, : objective.n_features].T, mean[:, objective.n_features :].ravel()
        start = objective.without_constants(objective.pack(W, b))
        quiet = knobs | {"verbose": max(self.verbose - 1, 0)}
        (step,) = follow(objective, np.array([self.C_]), quiet, start)
        self.coef_, self.intercept_ = step.coef, step.intercept
        return step

    def _average(self) -> None:
        """Keep the means over the folds of what each of them would choose."""
        best = [chosen(scores[np.newaxis], self.Cs_, "best") for scores in self.scores_]
        self.l1_ratio_ = float(np.mean([self.l1_ratios_[i] for i, _ in best]))
        self.C_ = float(np.mean([self.Cs_[j] for _, j in best]))
        paths = zip(self.coefs_paths_, best, strict=True)
        mean = np.mean([path[i, j] for path, (i, j) in paths], axis=0)
        self.coef_ = np.ascontiguousarray(mean[:, : self.n_features_in_])
        b = mean[:, -1] if self.fit_intercept else np.zeros(len(mean), mean.dtype)
        self.intercept_ = b.copy()

    def score(self, X: Any, y: Any, sample_weight: Any = None, **params: Any) -> float:
        """Return the score that `scoring` names, on the given rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
            The true labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        **params
            What is routed to the scorer; needs metadata routing.

        Returns
        -------
        score : float
        """
        raise_for_params(params, self, "score")
        if sample_weight is not None:
            params = params | {"sample_weight": sample_weight}
        if routing_enabled():
            params = process_routing(self, "score", **params)["scorer"]["score"]
        return float(scorer_with_labels(self._scorer(), self.classes_)(self, X, y, **params))

    def get_metadata_routing(self) -> MetadataRouter:
        """Return which metadata go where, as scikit-learn asks for it.

        Returns
        -------
        routing : MetadataRouter
        """
        to_split = MethodMapping().add(caller="fit", callee="split")
        to_score = MethodMapping().add(caller="score", callee="score")
        return (
            MetadataRouter(owner=self)
            .add_self_request(self)
            .add(splitter=self.cv, method_mapping=to_split)
            .add(scorer=self._scorer(), method_mapping=to_score.add(caller="fit", callee="score"))
        )

    def _routed(self, sample_weight: Any, params: dict[str, Any]) -> tuple[dict, dict]:
        """Return what the splitter and what the scorer gets."""
        if routing_enabled():
            routed = process_routing(self, "fit", sample_weight=sample_weight, **params)
            return routed["splitter"]["split"], routed["scorer"]["score"]
        return {}, {} if sample_weight is None else {"sample_weight": sample_weight}

    def _scorer(self) -> Any:
        return get_scorer(self.scoring or "accuracy")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _flat(step: Step, fit_intercept: bool) -> NDArray:
    """Return the coefficients and the intercept of each row together."""
    return np.column_stack([step.coef, step.intercept]) if fit_intercept else step.coef


def _as_Cs(Cs: Any) -> NDArray:
    return np.logspace(-4.0, 4.0, Cs) if isinstance(Cs, Integral) else checked_Cs(Cs)


def _as_l1_ratios(l1_ratios: Any) -> NDArray:
    values = np.asarray(l1_ratios, dtype=np.float64)
    if values.ndim != 1 or values.size == 0 or not ((values >= 0.0) & (values <= 1.0)).all():
        raise ValueError(
            f"l1_ratios must be a list of numbers from 0 to 1, not empty; got {l1_ratios!r}."
        )
    return values
