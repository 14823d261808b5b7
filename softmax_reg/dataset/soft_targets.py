"""`fit_proba` and `fit_counts`: fits to shares or counts of the classes, in place of labels."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Self

from softmax_reg._checks.unchanged import unchanged_if_it_fails
from softmax_reg.dataset.dataset import Dataset
from softmax_reg.dataset.namespaces import all_on_host, computing_on_host
from softmax_reg.dataset.validation import read_shares
from softmax_reg.dataset.validation_set import Users

__all__ = ["SoftTargetsMixin"]


class SoftTargetsMixin:
    """Adds them to an estimator with `_fit`."""

    _fit: Callable[[Any, Any, Any, Callable[[], Dataset], Users], Self]

    def fit_proba(
        self,
        X: Any,
        Y: Any,
        sample_weight: Any = None,
        *,
        classes: Any = None,
        offset: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        offset_val: Any = None,
    ) -> Self:
        """Fit the model to the share, or probability, that each row has of every class.

        The loss of a row is the cross-entropy -sum_k Y_ik log P_ik.  It is at least the entropy of
        Y_i, so that `loss_` can be no smaller than the mean of these; `converged_`,
        `suboptimality_` and `duality_gap_` count from there.  The fit is that of `fit` to rows with
        one class each, row i for each class with the weight s_i Y_ik, at the cost of one row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            As for `fit`, but no `BatchSource`.
        Y : array-like of shape (n_samples, n_classes)
            Not negative; rows sum to 1, to 1e-6, and are divided by their sums.  Kept during the
            fit, in a copy in the dtype of X.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights; None means all 1.
        classes : array-like of shape (n_classes,), default=None
            The label of each column of Y.  None means the names of its columns, if it is a
            DataFrame, else 0, 1, ...  `classes_` is sorted.
        offset, X_val, sample_weight_val, offset_val
            As for `fit`.
        y_val : array-like of shape (n_val,) or (n_val, n_classes), default=None
            Labels, or shares as in Y; without names columns are in the order of `classes_`.

        Returns
        -------
        self : estimator
            With the attributes that `fit` sets.

        Raises
        ------
        ValueError
            If X, Y or the weights cannot be used; it says which row.  The estimator is then left as
            it was.

        Warns
        -----
        ConvergenceWarning
            As `fit` does.

        See Also
        --------
        fit_counts : The same of counts.

        Notes
        -----
        `class_weight` multiplies the share of each class, as it would the weights of the rows with
        one class each.  Rows that `early_stopping` holds out are not stratified.

        References
        ----------
        G. Hinton, O. Vinyals and J. Dean (2015), "Distilling the knowledge in a neural network",
        section 2.

        Examples
        --------
        >>> from softmax_reg import SoftmaxRegression
        >>> X = [[0.0], [1.0], [2.0], [3.0]]
        >>> Y = [[0.9, 0.1], [0.7, 0.3], [0.4, 0.6], [0.1, 0.9]]
        >>> model = SoftmaxRegression().fit_proba(X, Y, classes=["no", "yes"])
        >>> model.predict(X)
        array(['no', 'no', 'yes', 'yes'], dtype='<U3')
        >>> model.predict_proba(X).round(2)
        array([[0.74, 0.26],
               [0.6 , 0.4 ],
               [0.45, 0.55],
               [0.31, 0.69]])
        """
        with unchanged_if_it_fails(self), computing_on_host(self, X):
            X, Y, sample_weight, offset = all_on_host(X, Y, sample_weight, offset)
            read = partial(read_shares, self, X, Y, sample_weight, classes, offset=offset)
            users = all_on_host(X_val, y_val, sample_weight_val, offset_val)
            return self._fit(X, Y, sample_weight, read, users)

    def fit_counts(
        self,
        X: Any,
        N: Any,
        *,
        classes: Any = None,
        offset: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        offset_val: Any = None,
    ) -> Self:
        """Fit the model to how often each class was counted for each row of X.

        As `multinom(cbind(...) ~ .)` of R's nnet does, and as `fit` does to a row for each thing
        that was counted.  Row i of N has the weight s_i = sum_k N_ik and the shares N_i / s_i.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            As for `fit`, but no `BatchSource`.
        N : array-like of shape (n_samples, n_classes)
            Not negative; they need not be whole.  A row of zeros counts for nothing.
        classes : array-like of shape (n_classes,), default=None
            The label of each column of N, as for `fit_proba`.
        offset, X_val, y_val, sample_weight_val, offset_val
            As for `fit_proba`: y_val holds labels or shares, not counts.

        Returns
        -------
        self : estimator
            With the attributes that `fit` sets.

        Raises
        ------
        ValueError
            If X or N cannot be used; it says which row.  The estimator is then left as it was.

        Warns
        -----
        ConvergenceWarning
            As `fit` does.

        See Also
        --------
        fit_proba : The same of shares, with weights.

        References
        ----------
        W. Venables and B. Ripley (2002), "Modern Applied Statistics with S", section 7.3.

        Examples
        --------
        Of 10 things at x = 0 seven are of class 0, of 20 at x = 1 five:

        >>> import numpy as np
        >>> from softmax_reg import SoftmaxRegression
        >>> model = SoftmaxRegression(C=np.inf).fit_counts([[0.0], [1.0]], [[7, 3], [5, 15]])
        >>> model.predict_proba([[0.0], [1.0]]).round(4)
        array([[0.7 , 0.3 ],
               [0.25, 0.75]])
        """
        with unchanged_if_it_fails(self), computing_on_host(self, X):
            X, N, offset = all_on_host(X, N, offset)
            read = partial(read_shares, self, X, N, None, classes, offset=offset, are_counts=True)
            users = all_on_host(X_val, y_val, sample_weight_val, offset_val)
            return self._fit(X, N, None, read, users)
