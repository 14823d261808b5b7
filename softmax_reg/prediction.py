"""From coefficients to scores, probabilities and classes: the predicting half of an estimator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from softmax_reg._compat import check_is_fitted, safe_sparse_dot, validate_data
from softmax_reg.functional import log_softmax
from softmax_reg.results import CoefficientsMixin

__all__ = ["SoftmaxPredictor", "unchanged_if_it_fails"]


@contextmanager
def unchanged_if_it_fails(estimator: Any) -> Iterator[None]:
    """Give an estimator its attributes back if an error ends the block."""
    before = estimator.__dict__.copy()
    try:
        yield
    except BaseException:
        estimator.__dict__.clear()
        estimator.__dict__.update(before)
        raise


class SoftmaxPredictor(CoefficientsMixin):
    """What follows from `coef_`, `intercept_` and `classes_`."""

    # With a link, scikit-learn's HTML shows the description of each parameter as a tooltip.
    _doc_link_module = "softmax_reg"
    _doc_link_template = "#"

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

    def sparsify(self) -> Self:
        """Convert `coef_` to a CSR matrix, smaller and faster when most of it is zero.

        Returns
        -------
        self : estimator
        """
        check_is_fitted(self)
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
