"""`SoftmaxRegression`: validate, encode, minimise, unpack.

The only place that knows scikit-learn's conventions; the mathematics is in `objective`.
"""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from softmax_reg._compat import (
    Interval,
    StrOptions,
    check_sample_weight,
    validate_parameter_constraints,
)
from softmax_reg.blocks import RowBlocks
from softmax_reg.callbacks import EarlyStopping, PrintProgress
from softmax_reg.functional import log_softmax
from softmax_reg.objective import Objective
from softmax_reg.penalties import ElasticNet
from softmax_reg.solvers import SOLVERS, Solver, minimize

__all__ = ["SoftmaxRegression"]

# Solvers that ask for Hessian products use the probabilities of a point again and again.
_FIRST_ORDER_BYTES, _SECOND_ORDER_BYTES = 64 << 20, 512 << 20


class SoftmaxRegression(ClassifierMixin, BaseEstimator):
    """DOC"""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "C": [Interval(Real, 0, None, closed="neither"), StrOptions({"inf"})],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "fit_intercept": ["boolean"],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "solver": [StrOptions({"auto", *SOLVERS}), Solver],
        "learning_rate": [
            StrOptions({"auto"}),
            Interval(Real, 0, None, closed="neither"),
            callable,
        ],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "momentum": [Interval(Real, 0, 1, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
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
        validate_parameter_constraints(
            self._parameter_constraints, self.get_params(deep=False), type(self).__name__
        )
        solver, name = self._make_solver()
        rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31))
        start = self._start()
        X, y = validate_data(
            self, X, y, accept_sparse=("csr", "csc"), dtype=(np.float64, np.float32)
        )
        check_classification_targets(y)
        classes, codes = np.unique(y, return_inverse=True)
        weights = self._weights(X, y, classes, codes, sample_weight)
        callbacks: list[Any] = [PrintProgress(self.verbose)] if self.verbose else []
        stopping = None
        if self.early_stopping:
            stopping, weights = self._hold_out(X, codes, weights, len(classes), rng)
            callbacks.append(stopping)
        objective = self._objective(X, codes, weights, len(classes), solver.uses_curvature)
        w = np.zeros(objective.size, dtype=X.dtype)
        if start is not None:
            w = self._continue_from(start, classes, objective)
        with objective.rows.running():
            result = minimize(
                solver,
                objective,
                w,
                tol=self.tol,
                max_iter=self.max_iter,
                rng=rng,
                callbacks=callbacks,
            )
        point = stopping.best if stopping and stopping.best else result.point
        W, b = objective.unpack(point.w)
        self.classes_ = classes
        self.coef_: Any = np.ascontiguousarray(W.T)
        self.intercept_ = b.copy() if self.fit_intercept else np.zeros(len(W.T), dtype=X.dtype)
        self.n_iter_ = np.array([result.n_iter], dtype=np.int32)
        self.loss_curve_ = result.loss_curve
        self.optimality_ = point.optimality
        self.converged_ = result.converged
        self.solver_ = name
        for stale in ("validation_loss_curve_", "best_iter_"):
            self.__dict__.pop(stale, None)
        if stopping is not None:
            self.validation_loss_curve_ = np.array(stopping.losses)
            self.best_iter_ = stopping.best_iter
        return self

    def _make_solver(self) -> tuple[Solver, str]:
        """Return the solver object and its name; its fields are taken from the parameters."""
        solver = self.solver
        if isinstance(solver, Solver):
            names = [name for name, kind in SOLVERS.items() if type(solver) is kind]
            name = names[0] if names else type(solver).__name__
        else:
            name = solver
            if name == "auto":
                name = "lbfgs" if self.l1_ratio == 0.0 or np.isinf(self.C) else "nesterov"
            kind = SOLVERS[name]
            known = kind().get_params()
            mine = self.get_params(deep=False)
            solver = kind(**{field: mine[field] for field in known if field in mine})
        if solver.needs_smooth and self.l1_ratio > 0.0:
            able = sorted(name for name, kind in SOLVERS.items() if not kind.needs_smooth)
            raise ValueError(
                f"solver={name!r} cannot handle an L1 norm, l1_ratio={self.l1_ratio}; "
                f"use l1_ratio=0, or one of the solvers {able}."
            )
        return solver, name

    def _weights(
        self, X: Any, y: Any, classes: NDArray, codes: NDArray, sample_weight: Any
    ) -> NDArray:
        """Return s = sample_weight * class_weight; every class has to have some weight."""
        weights = check_sample_weight(sample_weight, X, dtype=X.dtype, ensure_non_negative=True)
        if len(classes) < 2:
            raise ValueError(
                f"{type(self).__name__} needs at least 2 classes, but y holds only one class: "
                f"{classes[0]!r}."
            )
        totals = np.bincount(codes, weights=weights, minlength=len(classes))
        empty = np.flatnonzero(totals == 0.0)
        if len(empty):
            raise ValueError(
                f"The sample weights of class {classes[empty[0]]!r} sum to zero. Leave the rows "
                "of that class out, or give some of them a positive weight."
            )
        if isinstance(self.class_weight, str):
            # "balanced": every class gets the same total, counted in weights, not in rows.
            per_class = totals.sum() / (len(classes) * totals)
        else:
            per_class = compute_class_weight(self.class_weight, classes=classes, y=y)
        if not (np.isfinite(per_class).all() and (per_class > 0.0).all()):
            raise ValueError(
                f"class_weight must give every class a positive finite weight, got "
                f"{self.class_weight!r}."
            )
        return (weights * per_class[codes]).astype(X.dtype, copy=False)

    def _objective(
        self, X: Any, codes: NDArray, weights: NDArray, n_classes: int, uses_curvature: bool
    ) -> Objective:
        total = float(weights.sum(dtype=np.float64))
        alpha = 1.0 / (self.C * total)  # scikit-learn's C: its objective is ours times C * total
        return Objective(
            RowBlocks(X, n_classes),
            codes,
            weights,
            n_classes,
            ElasticNet(alpha, self.l1_ratio),
            self.fit_intercept,
            _SECOND_ORDER_BYTES if uses_curvature else _FIRST_ORDER_BYTES,
        )

    def _hold_out(
        self, X: Any, codes: NDArray, weights: NDArray, n_classes: int, rng: np.random.Generator
    ) -> tuple[EarlyStopping, NDArray]:
        """Return the watch over held-out rows, and weights that are zero there.

        Zero weights leave rows out without a copy of the others.
        """
        _, held_out = train_test_split(
            np.flatnonzero(weights),
            test_size=self.validation_fraction,
            stratify=codes[np.flatnonzero(weights)],
            random_state=int(rng.integers(2**31)),
        )
        training = weights.copy()
        training[held_out] = 0.0
        rows = RowBlocks(X[held_out], n_classes, n_threads=1)
        validation = Objective(
            rows,
            codes[held_out],
            weights[held_out],
            n_classes,
            ElasticNet(0.0),
            self.fit_intercept,
        )
        return EarlyStopping(validation, self.n_iter_no_change), training

    def _start(self) -> tuple[NDArray, NDArray, NDArray] | None:
        if not (self.warm_start and hasattr(self, "coef_")):
            return None
        coef = self.coef_.toarray() if sp.issparse(self.coef_) else self.coef_
        return self.classes_, coef, self.intercept_

    def _continue_from(
        self, start: tuple[NDArray, NDArray, NDArray], classes: NDArray, objective: Objective
    ) -> NDArray:
        old, coef, intercept = start
        if not np.array_equal(old, classes) or coef.shape[1] != objective.n_features:
            raise ValueError(
                f"warm_start=True needs the classes and features of the last fit: it had classes "
                f"{old.tolist()} and {coef.shape[1]} features, now {classes.tolist()} and "
                f"{objective.n_features}. Set warm_start=False to start anew."
            )
        return objective.pack(np.ascontiguousarray(coef.T), intercept)

    def decision_function(self, X: Any) -> NDArray:
        """Return the scores X W + b.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of shape (n_samples, n_classes), or (n_samples,) with two classes
            With two classes the score of `classes_[1]`, that of `classes_[0]` being 0.
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, accept_sparse="csr", dtype=(np.float64, np.float32))
        scores = safe_sparse_dot(X, self.coef_.T, dense_output=True) + self.intercept_
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def predict(self, X: Any) -> NDArray:
        """Return the most probable class of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,), of the labels' dtype
        """
        scores = self.decision_function(X)
        codes = (scores > 0).astype(np.intp) if scores.ndim == 1 else scores.argmax(axis=1)
        return self.classes_[codes]

    def predict_log_proba(self, X: Any) -> NDArray:
        """Return the logarithm of the class probabilities, finite for finite scores.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        log_proba : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        scores = self.decision_function(X)
        if scores.ndim == 1:
            scores = np.column_stack([np.zeros_like(scores), scores])
        return log_softmax(scores)

    def predict_proba(self, X: Any) -> NDArray:
        """Return the class probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`; rows sum to 1.
        """
        return np.exp(self.predict_log_proba(X))

    def sparsify(self) -> SoftmaxRegression:
        """Convert `coef_` to a CSR matrix, smaller and faster when most of it is zero.

        Returns
        -------
        self : SoftmaxRegression
        """
        check_is_fitted(self)
        self.coef_ = sp.csr_matrix(self.coef_)
        return self

    def densify(self) -> SoftmaxRegression:
        """Convert `coef_` back to an ndarray.

        Returns
        -------
        self : SoftmaxRegression
        """
        check_is_fitted(self)
        if sp.issparse(self.coef_):
            self.coef_ = self.coef_.toarray()
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
