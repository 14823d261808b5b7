"""From coefficients to scores, probabilities and classes: the predicting half of an estimator."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from softmax_reg._compat import HAS_ARRAY_API, accuracy_score, check_is_fitted, safe_sparse_dot
from softmax_reg.conversion.to_sklearn import ToSklearnMixin
from softmax_reg.dataset.namespaces import (
    computing_on_host,
    fitted,
    in_numpy,
    is_foreign,
    linear_scores,
    on_host,
)
from softmax_reg.dataset.offsets import OffsetParts, as_offset
from softmax_reg.dataset.sources import BatchSource
from softmax_reg.dataset.user_rows import (
    by_batches,
    labelled_batches,
    refuse_no_labels,
    validated,
    weighted_mean,
)
from softmax_reg.functional import log_softmax
from softmax_reg.inference.contributions import ContributionsMixin
from softmax_reg.inference.mixin import InferenceMixin
from softmax_reg.inference.results import CoefficientsMixin

__all__ = ["SoftmaxPredictor"]

_NO_OFFSET = (
    "The model was fitted with an offset, and its scores mean nothing without one. Give that of "
    "these rows, offset=..., or offset=0 if they are to have none."
)


class SoftmaxPredictor(CoefficientsMixin, ContributionsMixin, InferenceMixin, ToSklearnMixin):
    """What follows from `coef_`, `intercept_` and `classes_`."""

    # With a link, scikit-learn's HTML shows the description of each parameter as a tooltip.
    _doc_link_module = "softmax_reg"
    _doc_link_template = "#"

    def _on_host(self) -> Any:
        """Return the model with arrays of NumPy: for displays, which know no other."""
        return fitted(self)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.sparse = True
        tags.array_api_support = HAS_ARRAY_API
        return tags

    @by_batches
    def decision_function(self, X: Any, offset: Any = None) -> NDArray:
        """Return the scores X W + b, and the offset if there is one.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or BatchSource
            A source is read once, a batch at a time; its labels are not looked at.  A table as it
            was before the encoding of the source of the fit is encoded as that was.
        offset : array-like of shape (n_samples, n_classes), or (n_samples,); default=None
            What is added to the scores, as in `fit`; needed if that had one.  0 means none.

        Returns
        -------
        scores : ndarray of shape (n_samples, n_classes), or (n_samples,) with two classes
            With two classes the score of `classes_[1]`, that of `classes_[0]` being 0.

        Raises
        ------
        ValueError
            If the offset is missing or cannot be used.
        """
        check_is_fitted(self)
        X = validated(self, X, sparse="csr")
        if is_foreign(X):
            scores = linear_scores(X, self.coef_, self.intercept_)
        else:
            model = in_numpy(self)
            scores = safe_sparse_dot(X, model.coef_.T, dense_output=True) + model.intercept_
        if offset is not None:
            scores += as_offset(on_host(offset), X.shape[0], self.classes_).astype(scores.dtype)
        elif getattr(self, "has_offset_", False):
            raise ValueError(_NO_OFFSET)
        return scores[:, 0] if scores.shape[1] == 1 else scores

    @by_batches
    def predict(self, X: Any, offset: Any = None) -> NDArray:
        """Return the most probable class of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or BatchSource
        offset : array-like, default=None
            As for `decision_function`.

        Returns
        -------
        y : ndarray of shape (n_samples,), of the labels' dtype
        """
        scores = on_host(self.decision_function(X, offset))
        codes = (scores > 0).astype(np.intp) if scores.ndim == 1 else scores.argmax(axis=1)
        return self.classes_[codes]

    @by_batches
    def predict_log_proba(self, X: Any, offset: Any = None) -> NDArray:
        """Return the logarithm of the class probabilities, finite for finite scores.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or BatchSource
        offset : array-like, default=None
            As for `decision_function`.

        Returns
        -------
        log_proba : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        return self._log_proba(X, offset)

    def _log_proba(self, X: Any, offset: Any) -> NDArray:
        """Return them as NumPy's, wherever X lies."""
        scores = on_host(self.decision_function(X, offset))
        if scores.ndim == 1:
            scores = np.column_stack([np.zeros_like(scores), scores])
        return log_softmax(scores)

    @by_batches
    def predict_proba(self, X: Any, offset: Any = None) -> NDArray:
        """Return the class probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or BatchSource
        offset : array-like, default=None
            As for `decision_function`.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`; rows sum to 1.
        """
        return np.exp(self._log_proba(X, offset))

    def score(
        self, X: Any, y: Any = None, sample_weight: Any = None, *, offset: Any = None
    ) -> float:
        """Return the accuracy: the share of the rows whose class is predicted, in weights.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or BatchSource
            A source is read once, a batch at a time, and brings its own labels and weights.
        y : array-like of shape (n_samples,), default=None
            The true labels; None with a source.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows; None with a source.
        offset : array-like, default=None
            As for `decision_function`.

        Returns
        -------
        score : float

        Raises
        ------
        ValueError
            If there are no labels, or no row has a weight.
        """
        if not isinstance(X, BatchSource):
            refuse_no_labels(X, y)
            predicted, of_rows = on_host(self.predict(X, offset)), on_host(sample_weight)
            return float(accuracy_score(on_host(y), predicted, sample_weight=of_rows))
        check_is_fitted(self)
        right = total = 0.0
        offsets = OffsetParts(offset)
        for rows, labels, weights in labelled_batches(self, X, y, sample_weight):
            found = self.predict(rows, offsets.next(rows))
            if weights is None:
                weights = np.ones(len(labels))
            counted = weights > 0.0
            if counted.any():
                parameters = {"sample_weight": weights[counted], "normalize": False}
                right += float(accuracy_score(labels[counted], found[counted], **parameters))
            total += float(weights.sum())
        offsets.end()
        return weighted_mean(right, total)

    def sparsify(self) -> Self:
        """Convert `coef_` to a CSR matrix, smaller and faster when most of it is zero.

        Returns
        -------
        self : estimator
        """
        check_is_fitted(self)
        with computing_on_host(self, None):  # sparse arrays are NumPy's
            self.coef_ = sp.csr_matrix(self.coef_)
        return self

    def densify(self) -> Self:
        """Convert `coef_` back to an ndarray.

        Returns
        -------
        self : estimator
        """
        check_is_fitted(self)
        if sp.issparse(self.coef_):
            self.coef_ = self.coef_.toarray()
        return self
