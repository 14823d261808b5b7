"""`SoftmaxRegression`: validate, encode, minimise, unpack.

The only place that knows scikit-learn's conventions; the mathematics is in `objective`.
"""

from __future__ import annotations

import warnings
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from softmax_reg._compat import (
    ConvergenceWarning,
    Interval,
    StrOptions,
    validate_parameter_constraints,
)
from softmax_reg.blocks import RowBlocks
from softmax_reg.callbacks import EarlyStopping, PrintProgress
from softmax_reg.duality import duality_gap
from softmax_reg.encoding import encode_labels, hold_out, merge_duplicates, row_weights
from softmax_reg.objective import Objective
from softmax_reg.penalties import ElasticNet
from softmax_reg.prediction import SoftmaxPredictor
from softmax_reg.separation import has_no_optimum
from softmax_reg.solvers import SOLVERS, Solver, make_solver, minimize
from softmax_reg.solvers.constraints import BATCH_SIZE, COUNT, LEARNING_RATE, MOMENTUM
from softmax_reg.streaming import FittedRows, StreamingMixin

__all__ = ["SoftmaxRegression"]

# Solvers that ask for Hessian products use the probabilities of a point again and again.
_FIRST_ORDER_BYTES, _SECOND_ORDER_BYTES = 64 << 20, 512 << 20

_SEPARABLE = (
    "The classes are linearly separable, all of them or some from the others: without a penalty, "
    "C=inf, the loss falls for ever as the coefficients grow, and no optimum exists. Give C a "
    "finite value, such as C=1e6."
)


class SoftmaxRegression(ClassifierMixin, StreamingMixin, SoftmaxPredictor, BaseEstimator):
    """Multinomial logistic regression that converges on data as they are.

    Minimises the objective of `LogisticRegression`, divided by C times the total weight,

        F(W, b) = -(1/S) sum_i s_i log P_i[y_i]
                  + 1/(C S) * [(1 - l1_ratio)/2 ||W||_F^2 + l1_ratio ||W||_1],

    with P = softmax(X W + b), s the weights and S their sum; b is not penalised.  With two classes
    one vector is fitted, the scores of `classes_[0]` being 0.

    Parameters
    ----------
    C : float, default=1.0
        Inverse strength of the penalty, positive; `np.inf` means no penalty.
    l1_ratio : float, default=0.0
        Share of the L1 norm in the penalty, from 0 (ridge) to 1 (lasso).
    fit_intercept : bool, default=True
        Whether to fit b; else it is 0.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class by label, 1 for those left out; "balanced" gives every class the same
        total, counting `sample_weight`.
    solver : str or Solver, default="auto"
        "auto", "gd", "nesterov", "sgd", "lbfgs", "newton-cg" or "newton-cholesky"; or an object
        such as `softmax_reg.solvers.LBFGS(memory=20)`, which brings its own hyper-parameters.
    learning_rate : "auto", float or callable, default="auto"
        For "gd", "nesterov" and "sgd".  "auto" needs no tuning and is blind to the scale of the
        features.  A number, or a schedule (iteration or epoch -> rate), gives the textbook method
        on the features as they are.
    batch_size : int or "auto", default="auto"
        Rows in a mini-batch of "sgd"; "auto" lets it grow as the optimum comes near.
    momentum : float, default=0.9
        Momentum of "sgd", in [0, 1).
    max_iter : int, default=1000
        At most so many iterations; for "sgd" epochs.
    tol : float, default=1e-08
        The fit ends when `optimality_` is at most `tol`, or as small as rounding lets it be seen.
    early_stopping : bool, default=False
        Whether to hold out rows, stop when their loss no longer falls, and keep the best iterate.
    validation_fraction : float, default=0.1
        Share of the rows that are held out, stratified by class; for `early_stopping`.
    n_iter_no_change : int, default=10
        Iterations without a new lowest held-out loss after which to stop; for `early_stopping`.
    warm_start : bool, default=False
        Whether `fit` starts from the last solution.
    random_state : int, RandomState or None, default=None
        Seed of the shuffling of "sgd" and of the held-out rows.
    verbose : int, default=0
        1 prints a line at iterations 1, 2, 5, 10, ...; 2 at every one.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    coef_ : ndarray of shape (n_rows, n_features)
        W transposed, in the dtype of X; n_rows is 1 with two classes, else n_classes.
    intercept_ : ndarray of shape (n_rows,)
        b; zeros if `fit_intercept` is False.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,), dtype object
        Their names, if X had string names for all of them.
    n_iter_ : ndarray of shape (1,), int32
        Iterations done.
    loss_curve_ : ndarray of shape (n_iter_ + 1,), float64
        F at the starting point and after each iteration.
    optimality_ : float
        How far the solution is from a minimiser: the largest entry of the gradient with respect to
        coefficients of features that are centred and divided by
        sqrt(variance + (1 - l1_ratio) / (C S)); with an L1 norm, of the step that the proximal
        gradient takes.  It means the same for every solver and in any units of the features.
    converged_ : bool
        Whether the solution is one that `tol` ended the fit at; False where no optimum exists.
    solver_ : str
        The solver that ran: what "auto" chose.
    validation_loss_curve_ : ndarray of shape (n_iter_ + 1,), float64
        Mean loss, without penalty, on the held-out rows; with `early_stopping` only.
    best_iter_ : int
        The iteration whose coefficients were kept; with `early_stopping` only.
    n_samples_seen_ : int
        Rows of `fit` and of `partial_fit` since.

    See Also
    --------
    sklearn.linear_model.LogisticRegression : The same model, other solvers.
    LossCurveDisplay : Draws `loss_curve_`.

    Notes
    -----
    Unless `learning_rate` is a number or a schedule, a solver runs in coordinates in which the
    problem is well conditioned: features centred and scaled, implicitly, and decorrelated by the
    curvature, which is looked at again from time to time.  X itself is not changed, and neither
    copied nor made dense as a whole.

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

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "C": [Interval(Real, 0, None, closed="right")],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "fit_intercept": ["boolean"],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "solver": [StrOptions({"auto", *SOLVERS}), Solver],
        "learning_rate": LEARNING_RATE,
        "batch_size": BATCH_SIZE,
        "momentum": MOMENTUM,
        "max_iter": COUNT,
        "tol": [Interval(Real, 0, None, closed="left")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": COUNT,
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        *,
        C: float = 1.0,
        l1_ratio: float = 0.0,
        fit_intercept: bool = True,
        class_weight: dict | str | None = None,
        solver: str | Solver = "auto",
        learning_rate: Any = "auto",
        batch_size: int | str = "auto",
        momentum: float = 0.9,
        max_iter: int = 1000,
        tol: float = 1e-8,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.C = C
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
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

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> SoftmaxRegression:
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            float32 and float64 are used as they are, in any memory order; other numbers become
            float64.  CSR and CSC stay sparse.
        y : array-like of shape (n_samples,)
            Labels of any kind that sorts: strings, integers, floats, booleans, categories.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights; a weight of 2 equals two rows.  None means all 1.

        Returns
        -------
        self : SoftmaxRegression

        Raises
        ------
        ValueError
            If a parameter, X, y or the weights cannot be used, or the loss is not finite.  The
            estimator is then left as it was.

        Warns
        -----
        ConvergenceWarning
            If `tol` was not reached, or on Ctrl-C, which leaves the last iterate fitted.
        """
        before = self.__dict__.copy()
        try:
            return self._fit(X, y, sample_weight)
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    def _fit(self, X: Any, y: Any, sample_weight: Any) -> SoftmaxRegression:
        knobs = self.get_params(deep=False)
        validate_parameter_constraints(self._parameter_constraints, knobs, type(self).__name__)
        smooth = self.l1_ratio == 0.0 or np.isinf(self.C)
        solver, name = make_solver(self.solver, knobs, smooth)
        rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31))
        X, y = validate_data(
            self, X, y, accept_sparse=("csr", "csc"), dtype=(np.float64, np.float32)
        )
        X = merge_duplicates(X)
        classes, codes = encode_labels(y)
        weights = row_weights(X, y, classes, codes, sample_weight, self.class_weight)
        printers = [PrintProgress(self.verbose)] if self.verbose else []
        callbacks: list[Any] = [*printers]
        stopping = None
        if self.early_stopping:
            training, held_out = hold_out(codes, weights, self.validation_fraction, rng)
            validation = self._objective(
                X[held_out], codes[held_out], weights[held_out], len(classes), penalised=False
            )
            stopping, weights = EarlyStopping(validation, self.n_iter_no_change), training
            callbacks.append(stopping)
        memory = _SECOND_ORDER_BYTES if solver.uses_curvature else _FIRST_ORDER_BYTES
        objective = self._objective(X, codes, weights, len(classes), memory)
        with objective.rows.running():
            result = minimize(
                solver,
                objective,
                self._start(classes, objective),
                tol=self.tol,
                max_iter=self.max_iter,
                rng=rng,
                callbacks=callbacks,
            )
            for printer in printers:
                printer.show(result.n_iter, result.point)
            separated = np.isinf(self.C) and has_no_optimum(objective, result.point)
        if separated:
            warnings.warn(_SEPARABLE, ConvergenceWarning, stacklevel=3)
        point = stopping.best if stopping and stopping.best else result.point
        W, b = objective.unpack(objective.without_constants(point.w))
        self.classes_ = classes
        self.coef_: Any = np.ascontiguousarray(W.T)
        self.intercept_ = b.copy() if self.fit_intercept else np.zeros(len(W.T), dtype=X.dtype)
        self.n_iter_ = np.array([result.n_iter], dtype=np.int32)
        self.loss_curve_ = result.loss_curve
        self.optimality_ = point.optimality
        self.converged_ = bool(result.converged and not separated and point is result.point)
        self.solver_ = name
        self.n_samples_seen_ = X.shape[0]
        self._fitted_rows = FittedRows.of(objective)
        for stale in ("validation_loss_curve_", "best_iter_", "_online"):
            self.__dict__.pop(stale, None)
        if stopping is not None:
            self.validation_loss_curve_ = np.array(stopping.losses[: result.n_iter + 1])
            self.best_iter_ = stopping.best_iter
        return self

    def _objective(
        self,
        X: Any,
        codes: NDArray,
        weights: NDArray,
        n_classes: int,
        memory: int = _FIRST_ORDER_BYTES,
        penalised: bool = True,
        dtype: Any = None,
    ) -> Objective:
        # scikit-learn's C: its objective is ours times C S.
        alpha = 1.0 / (self.C * float(weights.sum(dtype=np.float64))) if penalised else 0.0
        penalty = ElasticNet(alpha, self.l1_ratio)
        rows = RowBlocks(X, n_classes, dtype=dtype)
        weights = weights.astype(rows.dtype, copy=False)
        return Objective(rows, codes, weights, n_classes, penalty, self.fit_intercept, memory)

    def duality_gap(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return a certified upper bound on F - F*: how far above the minimum the fit can be.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The training data.
        y : array-like of shape (n_samples,)
            The training labels.
        sample_weight : array-like of shape (n_samples,), default=None
            The weights given to `fit`.

        Returns
        -------
        gap : float
            At least 0, in the units of `loss_curve_`.

        Raises
        ------
        ValueError
            If C is infinite, for then nothing bounds the dual, or y has other classes.
        """
        check_is_fitted(self)
        if np.isinf(self.C):
            raise ValueError(
                "The duality gap needs a penalty, but C is inf. Give C a finite value."
            )
        X, y = validate_data(
            self, X, y, reset=False, accept_sparse=("csr", "csc"), dtype=(np.float64, np.float32)
        )
        X = merge_duplicates(X)
        classes, codes = encode_labels(y)
        if not np.array_equal(classes, self.classes_):
            raise ValueError(
                f"y has the classes {classes.tolist()}, but the model was fitted with "
                f"{self.classes_.tolist()}. Give the data of the fit."
            )
        weights = row_weights(X, y, classes, codes, sample_weight, self.class_weight)
        objective = self._objective(X, codes, weights, len(classes), dtype=np.float64)
        with objective.rows.running():
            return duality_gap(objective, self._flat(objective))

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
                f"{self.classes_.tolist()} and {self.coef_.shape[1]} features, now it has "
                f"{classes.tolist()} and {objective.n_features}. "
                "Use warm_start=False to start anew."
            )
        return objective.without_constants(self._flat(objective))

    def _flat(self, objective: Objective) -> NDArray:
        coef = self.coef_.toarray() if sp.issparse(self.coef_) else self.coef_
        return objective.pack(np.ascontiguousarray(coef.T), self.intercept_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
