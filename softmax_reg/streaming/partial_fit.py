"""`partial_fit`: from batches in the user's terms to an `OnlineNewton`, and back to `coef_`."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from softmax_reg._checks.shown import shown
from softmax_reg._checks.unchanged import unchanged_if_it_fails
from softmax_reg._compat import (
    available_if,
    check_partial_fit_first_call,
    validate_parameter_constraints,
)
from softmax_reg.dataset.namespaces import all_on_host, computing_on_host
from softmax_reg.dataset.validation import read_batch
from softmax_reg.drop_in import check_scheme, meant, tell
from softmax_reg.streaming.events import BatchProgress, BatchWatch, warn_of_unused
from softmax_reg.streaming.online_newton import OnlineNewton

__all__ = ["PartialFitMixin"]

_BALANCED = (
    "class_weight 'balanced' is not supported for partial_fit. In order to use 'balanced' weights, "
    "use compute_class_weight('balanced', classes=classes, y=y), on all of y or on a large part of "
    "it, and pass the result as class_weight={class: weight}."
)


def _has_ridge_alone(estimator: Any) -> bool:
    """Return True if there is no penalty but the ridge, the same for all features.

    Raises
    ------
    AttributeError
        If there is another: `partial_fit` is not there then.
    """
    parameters = estimator.get_params(deep=False)
    try:
        validate_parameter_constraints(
            estimator._parameter_constraints, parameters, type(estimator).__name__
        )
    except (TypeError, ValueError):
        return True  # `partial_fit` says what is wrong
    parameters = meant(estimator)
    if parameters["l1_ratio"] > 0.0 and np.isfinite(parameters["C"]):
        raise AttributeError(
            f"partial_fit has no L1 norm, but l1_ratio is {parameters['l1_ratio']}. Use "
            "l1_ratio=0, or fit."
        )
    if parameters["penalty_factor"] is not None or parameters["penalty"] != "elasticnet":
        raise AttributeError(
            "partial_fit has the ridge penalty alone, the same for all features, but penalty "
            f"is {parameters['penalty']!r} and penalty_factor is "
            f"{shown(parameters['penalty_factor'])}. Leave them at their defaults, or use fit."
        )
    if parameters["standardize"]:
        raise AttributeError(
            "partial_fit sees the rows batch by batch and cannot know the deviations of those to "
            "come, but standardize is True. Use fit, or standardize=False with batches that a "
            "StandardScaler has transformed."
        )
    if parameters["label_smoothing"]:
        raise AttributeError(
            f"partial_fit has no label smoothing, but label_smoothing is "
            f"{parameters['label_smoothing']}. Use label_smoothing=0, or fit."
        )
    return True


class PartialFitMixin:
    """Adds `partial_fit` to an estimator with `C`, `l1_ratio`, `fit_intercept`, `class_weight`."""

    classes_: NDArray
    coef_: Any
    intercept_: NDArray
    n_iter_: NDArray[np.int32]
    loss_curve_: Any
    n_samples_seen_: int
    _online: OnlineNewton

    @available_if(_has_ridge_alone)
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Learn one batch of rows, and remember what those before it said.

        After every batch the coefficients are near the minimum of the objective of `fit` on all
        rows so far: the penalty is 1/(2 C) ||W||^2 for the whole stream, and so weighs less and
        less beside the rows.  Batches may have any size.  Their order should not tell the class:
        shuffle sorted rows.  `solver`, its hyper-parameters, `tol`, `max_iter` and early stopping
        are for `fit` only.  `verbose` and `callbacks` are told of each batch, `Checkpoint` writes
        the model to its file, and what a callback returns means nothing.

        After `fit` it goes on from there: the fit's rows count with their total weight, but of
        their curvature no more is known than the scales of the features.  A stream from the first
        row on comes closer to the minimum.  Weights
        that grow, say twofold every so many rows, make the model forget old rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The batch; not kept, but for a copy of the newest rows.
        y : array-like of shape (n_samples,)
            Labels from `classes`; not all of them need occur.
        classes : array-like of shape (n_classes,), default=None
            All labels that there will be.  Needed in the first call, unless the model was fitted.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights; a weight of 2 equals two rows.  None means all 1.

        Returns
        -------
        self : estimator
            With `classes_`, `coef_`, `intercept_`, `n_iter_` (batches since the last `fit`),
            `loss_curve_` (mean loss of each batch before it was learned), `n_samples_seen_`
            (rows, those of `fit` too) and `solver_` = "online-newton".

        Warns
        -----
        UserWarning
            With the first batch of a stream, of parameters that were given and that it makes no
            use of.

        Raises
        ------
        ValueError
            If the batch cannot be used: NaN, another number of features, a label that is not in
            `classes`, a weight below 0.  The model is then left as it was before that batch.

        References
        ----------
        M. Opper (1998), "A Bayesian approach to on-line learning": see
        :class:`~softmax_reg.streaming.online_newton.OnlineNewton`.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import load_iris
        >>> from softmax_reg import SoftmaxRegression
        >>> X, y = load_iris(return_X_y=True)
        >>> order = np.random.default_rng(0).permutation(len(y))
        >>> model = SoftmaxRegression()
        >>> for rows in np.array_split(order, 15):
        ...     model = model.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
        >>> model.n_samples_seen_
        150
        >>> model.score(X, y) > 0.95
        True
        """
        with unchanged_if_it_fails(self), computing_on_host(self, X):
            return self._partial_fit(*all_on_host(X, y, classes, sample_weight))

    def __getstate__(self) -> Any:
        """Return the attributes; the list that grows is another one, lest a copy share it."""
        state: Any = super().__getstate__()
        return state | {"loss_curve_": [*self.loss_curve_]} if hasattr(self, "_online") else state

    def _partial_fit(self, X: Any, y: Any, classes: Any, sample_weight: Any) -> Self:
        parameters = self.get_params(deep=False)  # type: ignore[attr-defined]
        validate_parameter_constraints(self._parameter_constraints, parameters, type(self).__name__)  # type: ignore[attr-defined]
        parameters = meant(self)
        if parameters["class_weight"] == "balanced":
            raise ValueError(_BALANCED)
        if hasattr(self, "_resumed"):
            raise ValueError(
                "This model is to be resumed from a checkpoint: call fit with its data first, "
                "which goes on from there."
            )
        if getattr(self, "has_offset_", False):
            raise ValueError(
                "The model was fitted with an offset, which partial_fit does not know. Fit on all "
                "rows again, or begin a new stream with clone."
            )
        is_new = check_partial_fit_first_call(self, classes)
        watch = BatchWatch(parameters["callbacks"], parameters["verbose"])
        if is_new:
            tell(self, stacklevel=3)
            check_scheme(parameters["multi_class"], self.classes_)
        if not hasattr(self, "_online"):
            defaults = type(self)().get_params(deep=False)  # type: ignore[attr-defined]
            warn_of_unused(parameters, defaults, parameters["callbacks"], stacklevel=3)
        batch, n_rows = read_batch(self, X, y, sample_weight, reset=is_new)
        before, began = self._online_now(batch.shape[1], parameters), perf_counter()
        loss, state = before.mean_loss(batch), before.learn(batch)
        shown = self._as_shown(state, batch.X.dtype)
        if watch:
            n, accuracy = self._batches_before + 1, before.accuracy(batch)
            watch.tell(BatchProgress(n, loss, accuracy, *shown, perf_counter() - began, n_rows))
        self._show(state, n_rows, loss, *shown)
        try:
            watch.keep(self.save)  # type: ignore[attr-defined]
        except BaseException:
            self.loss_curve_.pop()  # the other attributes are given back by the caller
            raise
        return self

    def _online_now(self, n_features: int, parameters: dict[str, Any]) -> OnlineNewton:
        """Return what is known so far: from batches, from a fit, or nothing."""
        fit_intercept, C = bool(parameters["fit_intercept"]), float(parameters["C"])
        if not hasattr(self, "_online"):
            state = OnlineNewton.empty(n_features, len(self.classes_), fit_intercept, C)
            rows = getattr(self, "_fitted_rows", None)
            return state if rows is None else rows.continued(state, self.coef_, self.intercept_)
        if self._online.fit_intercept != fit_intercept:
            raise ValueError(
                f"fit_intercept was {self._online.fit_intercept} in the last call to partial_fit, "
                f"now it is {fit_intercept}. Set it back, or begin a new stream with clone."
            )
        return replace(self._online, C=C)

    @property
    def _batches_before(self) -> int:
        return int(self.n_iter_[0]) if hasattr(self, "_online") else 0

    @staticmethod
    def _as_shown(state: OnlineNewton, dtype: Any) -> tuple[NDArray, NDArray]:
        """Return `coef_` and `intercept_`."""
        W, b = state.coefficients
        intercept = b.astype(dtype) if state.fit_intercept else np.zeros(len(W.T), dtype)
        return np.ascontiguousarray(W.T, dtype=dtype), intercept

    def _show(
        self, state: OnlineNewton, n_rows: int, loss: float, coef: NDArray, intercept: NDArray
    ) -> None:
        """Set the fitted attributes; nothing here can fail half-way."""
        batches = self._batches_before + 1
        curve = self.loss_curve_ if hasattr(self, "_online") else []
        for stale in _OF_FIT:
            self.__dict__.pop(stale, None)
        self._online = state
        self.coef_, self.intercept_ = coef, intercept
        self.n_samples_seen_ = getattr(self, "n_samples_seen_", 0) + n_rows
        self.n_iter_ = np.array([batches], dtype=np.int32)
        self.solver_ = "online-newton"
        self.loss_curve_ = curve
        curve.append(loss)


# What only `fit` can say of its solution.
_OF_FIT = (
    "optimality_",
    "loss_",
    "null_loss_",
    "stop_reason_",
    "converged_",
    "suboptimality_",
    "duality_gap_",
    "validation_loss_curve_",
    "best_iter_",
    "_fitted_rows",
)
