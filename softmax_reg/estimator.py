"""`SoftmaxRegression`: validate, encode, minimise, unpack.

What scikit-learn expects of an estimator is known here; the mathematics is in `objective`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state

from softmax_reg._checks.shown import shown
from softmax_reg._checks.unchanged import unchanged_if_it_fails
from softmax_reg._compat import (
    CallbackSupportMixin,
    ConvergenceWarning,
    Interval,
    StrOptions,
    validate_parameter_constraints,
    with_callbacks,
)
from softmax_reg.callbacks import EarlyStopping
from softmax_reg.callbacks.ordering import sorted_callbacks
from softmax_reg.callbacks.sklearn_callbacks import FitTasks, whole_fit
from softmax_reg.conversion.from_sklearn import FromLogisticRegression
from softmax_reg.dataset.dataset import Dataset
from softmax_reg.dataset.deviations import deviations
from softmax_reg.dataset.feature_factors import by_name, make_penalty
from softmax_reg.dataset.namespaces import all_on_host, computing_on_host, fitted
from softmax_reg.dataset.rows import dense
from softmax_reg.dataset.soft_targets import SoftTargetsMixin
from softmax_reg.dataset.targets import ClassShares
from softmax_reg.dataset.validation import read_again, read_data
from softmax_reg.dataset.validation_set import Users, unseen_rows
from softmax_reg.drop_in import CONSTRAINTS, check_scheme, meant, tell
from softmax_reg.inference.results import SummaryMixin
from softmax_reg.objective.coefficients import coefficients, flat, without_constants
from softmax_reg.objective.duality_gap import duality_gap
from softmax_reg.objective.far_apart import warn_if_far
from softmax_reg.objective.intercepts import null_loss
from softmax_reg.objective.objective import Objective
from softmax_reg.objective.separability import Existence
from softmax_reg.penalties import PENALTIES, ElasticNet, Penalty
from softmax_reg.persistence.models import Persistent
from softmax_reg.persistence.resumption import ResumableFit
from softmax_reg.prediction import SoftmaxPredictor
from softmax_reg.solvers import Result, Solver, make_solver, minimize, warn_of_unused
from softmax_reg.solvers.parameter_constraints import (
    BATCH_SIZE,
    CALLBACKS,
    COUNT,
    LEARNING_RATE,
    MOMENTUM,
    SolverName,
)
from softmax_reg.streaming.fitted_rows import FitSummary
from softmax_reg.streaming.online_newton import OnlineNewton
from softmax_reg.streaming.partial_fit import PartialFitMixin

__all__ = ["SoftmaxRegression"]

# Parameters of `LogisticRegression` that are taken for its scripts.
_THEIRS = ("dual", "intercept_scaling", "n_jobs", "multi_class")

_NO_OPTIMUM = {
    Existence.REFUTED: (
        "The classes are linearly separable, at least partly, by the features without a penalty. "
        "The loss then keeps falling as their coefficients grow, so there is no optimum. Use a "
        "finite C, for example C=1e6, and no penalty_factor of 0."
    ),
    Existence.UNKNOWN: (
        "It was not found out whether an optimum exists: the features without a penalty may "
        "separate some classes, and then the loss falls for ever as their coefficients grow. Use a "
        "finite C, for example C=1e6, and no penalty_factor of 0."
    ),
}


class SoftmaxRegression(
    CallbackSupportMixin,
    SoftmaxPredictor,
    ClassifierMixin,
    SoftTargetsMixin,
    PartialFitMixin,
    SummaryMixin,
    FromLogisticRegression,
    Persistent,
    BaseEstimator,
):
    """Multinomial logistic regression that converges on data as they are.

    Minimises the objective of `LogisticRegression`, divided by C times the total weight,

        F(W, b) = -(1/S) sum_i s_i sum_k Y_ik log P_ik
                  + 1/(C S) * [(1 - l1_ratio)/2 ||W||_F^2 + l1_ratio ||W||_1],

    with P = softmax(X W + b), s the weights and S their sum; b is not penalised.  Y_ik is 1 for the
    label of a row, 0 for other classes; `fit_proba` and `fit_counts` take shares.  With two classes
    one vector is fitted, the scores of `classes_[0]` being 0.  A class whose rows all have the
    weight 0 stays in `classes_`, with the probability 0.  The group lasso has, in place of
    ||W||_1, the sum of the lengths of the coefficients of each feature.

    Parameters
    ----------
    penalty : {"elasticnet", "group_lasso", "l1", "l2"} or None, default="elasticnet"
        The norm: the L1 norm sets single coefficients to zero, the group lasso those of a feature
        for all classes together.  "l2" and "l1" are the elastic net with `l1_ratio` 0 and 1, and
        None is C=inf, as in `LogisticRegression`.
    C : float, default=1.0
        Inverse strength of the penalty, positive; `np.inf` means no penalty.
    l1_ratio : float or None, default=0.0
        Share of the norm in the penalty, from 0 (ridge) to 1 (lasso); None counts as 0.
    penalty_factor : array-like of shape (n_features,), default=None
        Non-negative numbers that multiply the penalty of each feature, as given; 0 leaves a
        feature without a penalty.  None means 1 for all.  They are in the order of the columns of
        X; those of a pandas Series whose index is text go by the names of the columns.
    standardize : bool, default=False
        Whether the penalty is in units of each feature's standard deviation over the rows given to
        `fit`: sigma_j W_j in place of W_j, kept in `scale_`.  The model is then that of a
        `StandardScaler` and this one in a pipeline, but its coefficients are those of X, which is
        neither copied nor changed.  `partial_fit` is not there with it.  See Notes.
    fit_intercept : bool, default=True
        Whether to fit b; else it is 0.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class by label, 1 for those left out; "balanced" gives every class that has
        any weight the same total, counting `sample_weight`.
    label_smoothing : float, default=0.0
        e in [0, 1) puts (1 - e) Y + e / n_classes in the place of Y: no probability is then asked
        to be 1.  Held-out losses are those of Y itself.  `partial_fit` is not there with it.
    solver : str or Solver, default="auto"
        "auto", or the name of a method in `softmax_reg.solvers.SOLVERS`: "gd", "nesterov", "sgd",
        "adam", "svrg", "lbfgs", "newton-cg", "newton-cholesky", "prox-newton" among them; or an
        object such as `softmax_reg.solvers.LBFGS(memory=20)`, which brings its own
        hyper-parameters.  scikit-learn's "saga", "sag" and "liblinear" count as "auto", with a
        warning.
    learning_rate : "auto", float or callable, default="auto"
        For "gd", "nesterov", "sgd", "adam" and "svrg".  "auto" needs no tuning and is blind to the
        scale of the features.  A number, or a schedule (iteration or epoch -> rate), gives the
        textbook method on the features as they are, or standardised if `standardize` says so.
    batch_size : int or "auto", default="auto"
        Rows in a mini-batch of "sgd", "adam" and "svrg"; "auto" chooses by the number of features.
    momentum : float or "auto", default="auto"
        Momentum of "sgd", in [0, 1).  "auto" means 0 with a learning rate that is given, which is
        what textbooks call SGD, and 0.9 with `learning_rate="auto"`.
    max_iter : int, default=1000
        At most so many iterations; of stochastic solvers epochs; 0 leaves the starting point.  With
        a number or a schedule as `learning_rate` all of them are done unless `tol` is reached, and
        nothing is warned of.
    tol : float or None, default=1e-08
        The fit ends when `optimality_` is at most `tol`, or as small as rounding lets it be seen;
        but not while F can still fall by more than `converged_` allows: Newton's method then goes
        on from there, where its steps can be paid for.  None means all `max_iter` iterations, but
        "prox-newton" ends where its working set is empty.
    early_stopping : bool, default=False
        Whether to hold out rows, stop when their loss no longer falls, and keep the best iterate.
        The rows are those given to `fit` as `X_val`, or else a share of the others.
    validation_fraction : float, default=0.1
        That share, stratified by class.
    n_iter_no_change : int, default=10
        Iterations without a new lowest held-out loss after which to stop; for `early_stopping`.
    warm_start : bool, default=False
        Whether `fit` starts from the last solution.  The curves and `n_iter_` go on; schedules,
        momentum and shuffling begin anew.
    random_state : int, RandomState or None, default=None
        Seed of the shuffling of stochastic solvers and of the held-out rows.
    verbose : int, default=0
        1 prints a line at iterations 0, 1, 2, 5, 10, ..., and why the fit ended; on a terminal and
        in a notebook one more below them is kept up to date, in a log file a line comes at least
        every ten seconds.  10 prints every tenth iteration, and so on.  `callbacks.PrintProgress`
        has more to choose from.
    callbacks : callable, list of callables or None, default=None
        Called with a `softmax_reg.callbacks.Progress` for the starting point and after every
        iteration.  Only the return value True stops the fit; any other, such as the number from
        `file.write`, is ignored.  An `EarlyStopping` among them switches `early_stopping` on.
        What they record is in the objects given; clones have copies.  `partial_fit` tells them
        of each batch.
        Callbacks of scikit-learn 1.9, such as its ProgressBar, are given to `set_callbacks`.
    dual : bool, default=False
        For scripts that name it: only False has a meaning here.
    intercept_scaling : float, default=1.0
        For scripts that name it; has no effect, as the intercept is not penalised.
    n_jobs : int or None, default=None
        For scripts that name it; has no effect: a fit uses the cores that it may use.
    multi_class : {"auto", "multinomial", "ovr"}, default="auto"
        For scripts that name it: one softmax over all classes, of two classes one vector, in any
        case; so "ovr" is an error with more than two.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    coef_ : ndarray of shape (n_outputs, n_features)
        W transposed, in the dtype of X; n_outputs is 1 with two classes, else n_classes.
    intercept_ : ndarray of shape (n_outputs,)
        b; zeros if `fit_intercept` is False.  Of a class without weight -1e30 in any case.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,), dtype object
        Their names, if X had string names for all of them.
    encoding_ : TableEncoding
        What has made the features of a file's columns, and makes them of a table with these columns
        that is given to `predict`; only after `fit` with a source that has `categories` or
        `missing`.
    n_iter_ : ndarray of shape (1,), int32
        Iterations done; with `warm_start` those of the fits before, too.
    loss_curve_ : ndarray of shape (n_iter_ + 1,), float64
        F at the starting point and after each iteration; with `warm_start` the curve goes on.
    optimality_ : float
        How far the solution is from a minimiser: the largest entry of the gradient with respect to
        coefficients of features that are centred and divided by
        sqrt(variance + (1 - l1_ratio) / (C S) * factor), that with `standardize` times
        scale_^2; with a norm, of the step that the
        proximal gradient takes.  It means the same for every solver and in any units of the
        features.
    converged_ : bool
        Whether F is within 1e-6 of its minimum, relative to it, as far as can be certified or
        tested, whatever ended the fit.  With shares of classes or label smoothing that is relative
        to F less the entropy of Y, which no model goes below.  With a float32 X it is 1e-4.
        A loss below 1e-6 counts as 1e-6: it is right to 1e-12, or 1e-10, and probabilities to 1e-8
        or so.  A `tol` above 1e-7 asks for less: a fit that reaches it has converged.  False where
        no optimum exists, or none is known to exist.
    suboptimality_ : float
        Upper bound on how far F is above its minimum, in the units of `loss_curve_`, certified or
        tested; at most F less the entropy of Y, which says that nothing is known.
    duality_gap_ : float
        The certificate that the fit ended with; nan where it was not asked for, or C is inf.
    loss_ : float
        Mean loss at the solution, without the penalty, in nats per row.
    null_loss_ : float
        The same of the model that knows only how frequent the classes are.
    solver_ : str
        The solver that ran: what "auto" chose.
    stop_reason_ : str
        Why the fit ended, in words.
    validation_loss_curve_ : ndarray of shape (n_iter_ + 1,), float64
        Mean loss, without penalty, on the held-out rows; with `early_stopping` or `X_val` only.
    best_iter_ : int
        The iteration whose coefficients were kept; with `early_stopping` only.
    n_samples_seen_ : int
        Rows of `fit` and of `partial_fit` since.
    has_offset_ : bool
        Whether the scores had an offset, so that predictions need one.
    scale_ : ndarray of shape (n_features,), float64
        The standard deviation of each feature, 1 for a constant one; with `standardize` only.
        `coef_ * scale_` are the coefficients for features in units of their deviations.

    See Also
    --------
    sklearn.linear_model.LogisticRegression : The same model, other solvers.
    LossCurveDisplay : Draws `loss_curve_`.

    Notes
    -----
    A class without weight takes no part in the fit: F is minimised over the other classes, at least
    two, and that is its infimum over all where there is an intercept, for b_k may fall for ever.
    Without an intercept F over all classes would have another minimiser, which depends on labels
    that no row has.  `C=inf` looks for separation among the other classes only.

    With `standardize` the deviations are those of `StandardScaler`, weighted by `sample_weight`,
    but not by `class_weight`; rows that `early_stopping` holds out count too.  The intercept takes
    in the means of the features.  Without one there is no place for them: features are then scaled
    but not centred, as by `StandardScaler(with_mean=False)`, and as in glmnet.  `penalty_factor`
    multiplies what is standardised.

    Unless `learning_rate` is a number or a schedule, a solver runs in coordinates in which the
    problem is well conditioned: features centred and scaled, implicitly, and decorrelated by the
    curvature, which is looked at again from time to time.  X itself is not changed, and neither
    copied nor made dense as a whole.  So an `np.memmap` of float32 or float64 may be larger than
    memory: a fit takes some 40 bytes for each row, up to 64 MiB for scores (512 MiB for solvers of
    second order) and the solver's matrices; with `early_stopping`, a copy of the held-out rows.

    References
    ----------
    C. M. Bishop (2006), "Pattern Recognition and Machine Learning", section 4.3.4;
    D. Boehning (1992), "Multinomial logistic regression algorithm", Annals of the Institute of
    Statistical Mathematics 44, 197-200.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from softmax_reg import SoftmaxRegression
    >>> X, y = load_wine(return_X_y=True)
    >>> model = SoftmaxRegression().fit(X, y)
    >>> model.converged_
    True
    >>> round(model.score(X, y), 3)
    0.994
    >>> model.predict_proba(X[:2]).round(3)
    array([[1., 0., 0.],
           [1., 0., 0.]])
    """

    _saved_parts = Persistent._saved_parts | {"_online": OnlineNewton, "_fitted_rows": FitSummary}
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "C": [Interval(Real, 0, None, closed="right")],
        "penalty_factor": ["array-like", None],
        "standardize": ["boolean"],
        "fit_intercept": ["boolean"],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "learning_rate": LEARNING_RATE,
        "batch_size": BATCH_SIZE,
        "momentum": MOMENTUM,
        "tol": [Interval(Real, 0, None, closed="left"), None],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": COUNT,
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "callbacks": CALLBACKS,
        **{name: CONSTRAINTS[name] for name in ("penalty", "l1_ratio", "solver", "max_iter")},
        **{name: CONSTRAINTS[name] for name in _THEIRS},
    }

    def __init__(
        self,
        penalty: str | None = "elasticnet",
        *,
        C: float = 1.0,
        l1_ratio: float | None = 0.0,
        penalty_factor: Any = None,
        standardize: bool = False,
        fit_intercept: bool = True,
        class_weight: dict | str | None = None,
        label_smoothing: float = 0.0,
        solver: SolverName | str | Solver = "auto",
        learning_rate: Any = "auto",
        batch_size: int | str = "auto",
        momentum: float | str = "auto",
        max_iter: int = 1000,
        tol: float | None = 1e-8,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: int = 0,
        callbacks: Any = None,
        dual: bool = False,
        intercept_scaling: float = 1.0,
        n_jobs: int | None = None,
        multi_class: str = "auto",
    ) -> None:
        self.penalty = penalty
        self.C = C
        self.l1_ratio = l1_ratio
        self.penalty_factor = penalty_factor
        self.standardize = standardize
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing
        self.solver = solver
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.momentum = momentum
        self.max_iter = max_iter
        self.tol = tol
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose
        self.callbacks = callbacks
        self.dual = dual
        self.intercept_scaling = intercept_scaling
        self.n_jobs = n_jobs
        self.multi_class = multi_class

    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        offset: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        offset_val: Any = None,
    ) -> SoftmaxRegression:
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or BatchSource
            float32 and float64 are used as they are, in any memory order, an `np.memmap` too;
            other numbers become float64.  CSR and CSC stay sparse.  A `BatchSource`, such as a
            `CSVSource`, is read once more for each pass.  With scikit-learn's
            `array_api_dispatch` X may be a tensor: what is fitted and predicted is one, too.
        y : array-like of shape (n_samples,), default=None
            Labels of any kind that sorts: strings, integers, floats, booleans, categories.  None
            with a `BatchSource`, whose batches bring labels and weights.  One-hot rows are refused
            with the line that makes labels of them: `predict` returns labels in one dimension, and
            scikit-learn's scores and splitters would take such a y for several labels a row.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights; a weight of 2 equals two rows.  None means all 1.  At least two
            classes must have some.
        offset : array-like of shape (n_samples, n_classes), default=None
            What is added to the scores X W + b of each row: what is known of them beforehand, such
            as the logarithm of how often a class could have been seen.  Columns are in the order of
            the sorted labels, those of a DataFrame by name.  With two classes also of shape
            (n_samples,), for the score of `classes_[1]` beside the other.  Adding a number to all
            classes of a row changes nothing.  Predictions then need an offset, too.
        X_val : {array-like, sparse matrix, BatchSource} of shape (n_val, n_features), default=None
            Rows to measure the loss on that are not trained on, with the columns of X.  The loss
            is recorded in `validation_loss_curve_`; it ends the fit only with `early_stopping`,
            which then holds no other rows out.  In a pipeline they have to be transformed
            beforehand, or named in its `transform_input`.  A `BatchSource` brings labels and
            weights; up to 16 MiB of its rows are held, more are read for each iteration.
        y_val : array-like of shape (n_val,), default=None
            Their labels, each of them one of those in y, and of a class with a weight there; or
            the share that they have of each class, as for `fit_proba`.
        sample_weight_val : array-like of shape (n_val,), default=None
            Their weights; `class_weight` multiplies them as it does those of the training.
        offset_val : array-like of shape (n_val, n_classes), default=None
            Their offset; needed with an `offset`.  0 means none.

        Returns
        -------
        self : SoftmaxRegression

        Raises
        ------
        ValueError
            If a parameter, X, y or the weights cannot be used, or the loss is not finite.  The
            estimator is then left as it was, and so it is after an error in a callback.
        TypeError
            If one of `callbacks` cannot be called.

        Warns
        -----
        ConvergenceWarning
            If the fit did not converge, or on Ctrl-C, which leaves the last iterate fitted.  It
            tells by how much F can still fall.  With a `learning_rate` that is given only if the
            loss rose, with one that makes it fall.
        FutureWarning
            If a parameter of `LogisticRegression` has no effect here.
        UserWarning
            If `l1_ratio` or `C` has no effect beside the `penalty`, or `learning_rate`,
            `batch_size` or `momentum` has none with the `solver`; or if the means of X_val are
            several deviations of X away from those of X, as where only X was transformed.
        """
        with unchanged_if_it_fails(self), computing_on_host(self, X):
            X, y, sample_weight, offset = all_on_host(X, y, sample_weight, offset)
            read = partial(read_data, self, X, y, sample_weight, offset=offset)
            users = all_on_host(X_val, y_val, sample_weight_val, offset_val)
            return self._fit(X, y, sample_weight, read, users)

    @with_callbacks
    def _fit(
        self, X: Any, y: Any, sample_weight: Any, read: Callable[[], Dataset], users: Users
    ) -> SoftmaxRegression:
        constructed, kind = self.get_params(deep=False), type(self).__name__
        validate_parameter_constraints(self._parameter_constraints, constructed, kind)
        tell(self, stacklevel=4)
        parameters = meant(self)  # LogisticRegression's own words translated
        solver, name = make_solver(parameters["solver"], parameters, self._is_smooth())
        warn_of_unused(parameters["solver"], name, parameters, level=4)
        session = ResumableFit(self, int(check_random_state(self.random_state).randint(2**31)))
        rng = np.random.default_rng(session.seed)
        data = read()
        classes = data.classes
        check_scheme(self.multi_class, classes)
        callbacks, stopping = sorted_callbacks(
            self.callbacks, self.verbose, self.n_iter_no_change if self.early_stopping else None
        )
        training, held_out = unseen_rows(self, data, users, stopping is not None, rng)
        objective = self._objective(training, solver.scores_memory)
        validation = None
        if held_out is not None:
            validation = Objective(held_out, ElasticNet(0.0), self.fit_intercept)
        attributes = partial(self._attributes, objective, classes)
        run = session.run(data, held_out)
        callbacks = session.bound(callbacks, attributes, name)
        task = whole_fit(self, self.max_iter)
        # Callbacks score with labels.
        labels = data.labels if isinstance(data.given, ClassShares) else y
        tasks = FitTasks(task, self, attributes, X, labels, sample_weight)
        if tasks.is_watched:
            callbacks.append(tasks)
        with ExitStack() as running:
            for part in filter(None, (training, held_out)):
                running.enter_context(part.running())
            if users[0] is not None:
                columns = getattr(self, "feature_names_in_", None)
                warn_if_far(objective, held_out, columns, stacklevel=4)
            result = minimize(
                solver,
                objective,
                self._start(classes, objective),
                tol=self.tol,
                max_iter=self.max_iter,
                rng=rng,
                callbacks=callbacks,
                validation=validation,
                run=run,
            )
            self._keep(result, objective, stopping)
        existence = result.existence
        is_claimed = existence is Existence.UNKNOWN and result.converged
        # Who gives a learning rate, or asks for all iterations, did not ask for an optimum.
        is_asked = self.tol is not None and not solver.is_textbook
        if is_asked and (existence is Existence.REFUTED or is_claimed):
            warnings.warn(_NO_OPTIMUM[existence], ConvergenceWarning, stacklevel=4)
        self.classes_, self.solver_ = classes, name
        tasks.end()
        return self

    def _keep(
        self,
        result: Result,
        objective: Objective,
        stopping: EarlyStopping | None,
    ) -> None:
        """Set what a fit leaves behind, and remove what an earlier one did."""
        point = result.point
        if stopping is not None and stopping.best_w is not None:
            is_last = np.array_equal(stopping.best_w, point.w)
            point = point if is_last else objective.at(stopping.best_w)
        losses, held_out = self._curves_going_on(result.loss_curve, result.validation_curve)
        n_before = len(losses) - len(result.loss_curve)
        best_before = getattr(self, "best_iter_", n_before) if n_before else 0
        for stale in ("validation_loss_curve_", "best_iter_", "scale_", "_online", "_resumed"):
            self.__dict__.pop(stale, None)
        self.__dict__.update(self._coefficients(objective, point.w))
        self.n_iter_ = np.array([len(losses) - 1], dtype=np.int32)
        self.loss_curve_ = losses
        self.optimality_ = point.optimality
        self.loss_, self.null_loss_ = float(point.loss), null_loss(objective.data)
        self.stop_reason_ = result.reason
        self.suboptimality_, self.duality_gap_ = float(result.excess), float(result.gap)
        is_optimum = result.converged and result.existence is Existence.PROVED
        self.converged_ = bool(is_optimum and point is result.point)
        self.n_samples_seen_ = objective.data.shape[0]
        self.has_offset_ = objective.data.given_offset is not None
        self._fitted_rows = FitSummary.of(objective)
        if held_out is not None:
            self.validation_loss_curve_ = held_out
        if stopping is not None:
            # Where a warm start began is the iterate that the fit before kept, not its last one.
            self.best_iter_ = n_before + stopping.best_iter if stopping.best_iter else best_before

    def _curves_going_on(
        self, losses: NDArray, held_out: NDArray | None
    ) -> tuple[NDArray, NDArray | None]:
        """Return the curves of a fit; of a warm start after those of the fits before."""
        is_first = not hasattr(self, "loss_curve_") or isinstance(self.loss_curve_, list)
        if is_first or not self.warm_start or hasattr(self, "_resumed"):
            return losses, held_out
        before = getattr(self, "validation_loss_curve_", None)
        if (before is None) != (held_out is None):
            return losses, held_out  # there would be no loss on held-out rows for some iterations
        if before is not None and held_out is not None:
            held_out = np.append(before, held_out[1:])
        return np.append(self.loss_curve_, losses[1:]), held_out

    def _attributes(self, objective: Objective, classes: NDArray, w: NDArray) -> dict[str, Any]:
        """Return what predictions need, by name."""
        has_offset = objective.data.given_offset is not None
        known = {"classes_": classes, "has_offset_": has_offset}
        return known | self._coefficients(objective, w)

    def _coefficients(self, objective: Objective, w: NDArray) -> dict[str, Any]:
        """Return the coefficients at w, and the deviations that they are penalised by, by name."""
        coef, intercept = coefficients(objective, w)
        found, scale = {"coef_": coef, "intercept_": intercept}, objective.penalty.scale
        return found if scale is None else found | {"scale_": scale}

    def _objective(self, data: Dataset, memory: int = 64 << 20) -> Objective:
        return Objective(data, self._penalty(data), self.fit_intercept, memory)

    def _penalty(self, data: Dataset) -> Penalty:
        # scikit-learn's C: its objective is ours times C S.
        parameters = meant(self)
        alpha = 1.0 / (float(parameters["C"]) * data.total_weight)
        factors = by_name(parameters["penalty_factor"], getattr(self, "feature_names_in_", None))
        scale = deviations(data.X, data.sample_weight) if self.standardize else None
        shape = parameters["l1_ratio"], factors, data.shape[1], scale
        return make_penalty(parameters["penalty"], alpha, *shape)

    def _penalty_in_words(self) -> str:
        parameters = meant(self)
        C, share = float(parameters["C"]), float(parameters["l1_ratio"])
        if np.isinf(C):
            return "none"
        norm = PENALTIES[parameters["penalty"]].norm_in_words
        mixed = "ridge" if share == 0.0 else norm if share == 1.0 else f"ridge and {norm}"
        more = f", l1_ratio = {share:g}" if 0.0 < share < 1.0 else ""
        units = ", in units of deviations" if self.standardize else ""
        return f"{mixed}, C = {C:g}{more}{units}"

    def _is_smooth(self) -> bool:
        """Return whether there is no norm with kinks; nothing has to be known of X."""
        parameters = meant(self)
        factors = parameters["penalty_factor"], np.size(parameters["penalty_factor"])
        return make_penalty(
            parameters["penalty"], 1.0 / parameters["C"], parameters["l1_ratio"], *factors
        ).is_smooth

    def duality_gap(
        self, X: Any, y: Any = None, sample_weight: Any = None, *, offset: Any = None
    ) -> float:
        """Return a certified upper bound on F - F*: how far above the minimum the fit can be.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or BatchSource
            The training data.
        y : array-like of shape (n_samples,), default=None
            The training labels; None with a `BatchSource`.  Or the shares given to `fit_proba`,
            without names in the order of `classes_`.
        sample_weight : array-like of shape (n_samples,), default=None
            The weights given to `fit`; of `fit_counts` the sum of each row.
        offset : array-like of shape (n_samples, n_classes), default=None
            The offset given to `fit`.

        Returns
        -------
        gap : float
            At least 0, in the units of `loss_curve_`.

        Raises
        ------
        ValueError
            If C is infinite, for then nothing bounds the dual, or y has other classes, or other
            classes have a weight.
        """
        model = fitted(self)
        if np.isinf(meant(self)["C"]):
            raise ValueError(
                "The duality gap needs a penalty, but C is inf. Give C a finite value."
            )
        data = read_again(model, X, y, sample_weight, offset)
        objective = self._objective(data.in_float64())
        with objective.data.running():
            return duality_gap(objective, objective.at(model._flat(objective)))

    def _start(self, classes: NDArray, objective: Objective) -> NDArray:
        """Return where to start: at zero, or with `warm_start` at the last solution."""
        if not (self.warm_start and hasattr(self, "coef_")):
            return np.zeros(objective.size, dtype=objective.dtype)
        if (
            not np.array_equal(self.classes_, classes)
            or self.coef_.shape[1] != objective.n_features
        ):
            raise ValueError(
                f"warm_start=True needs the classes and features of the last fit: it had classes "
                f"{shown(self.classes_)} and {self.coef_.shape[1]} features, now it has "
                f"{shown(classes)} and {objective.n_features}. "
                "Use warm_start=False to start anew."
            )
        return without_constants(objective, self._flat(objective))

    def _flat(self, objective: Objective) -> NDArray:
        return flat(objective, self._dense_coef(), self.intercept_)

    def _dense_coef(self) -> NDArray:
        return dense(self.coef_)
