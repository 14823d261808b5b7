"""What each feature adds to the scores of each row, about the mean of the features.

    z_ik = sum_j (x_ij - m_j) W_jk + (sum_j m_j W_jk + b_k)

The terms of the first sum are the contributions.  They are the Shapley values of independent
features: S. M. Lundberg and S.-I. Lee (2017), "A unified approach to interpreting model
predictions", Advances in Neural Information Processing Systems 30, corollary 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from softmax_reg._checks.shown import shown
from softmax_reg.dataset.left_out import is_left_out
from softmax_reg.dataset.namespaces import fitted, on_host
from softmax_reg.dataset.rows import dense
from softmax_reg.dataset.sources import BATCH_BYTES, BatchSource
from softmax_reg.dataset.user_rows import batches_for, validated
from softmax_reg.inference.results import feature_names

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ContributionsMixin"]


class ContributionsMixin:
    """Adds `contributions` to what has `coef_`, `intercept_` and `classes_`."""

    classes_: NDArray
    coef_: Any
    intercept_: NDArray
    n_features_in_: int

    def contributions(
        self, X: Any, *, about: ArrayLike | None = None, return_base: bool = False
    ) -> Any:
        """Return what each feature of each row adds to the scores.

        A contribution is the coefficient times how far the feature is from its mean.  Those of a
        row, summed over the features, and the score at the mean are its `decision_function`.  Only
        differences between the scores of classes mean anything, so with three classes or more both
        are centred: their mean over the classes is 0.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or BatchSource
            The rows to explain.  A sparse X is made dense a few rows at a time.
        about : array-like of shape (n_features,), default=None
            The values of the features that contribute nothing.  None means the means of the rows
            that `fit` has seen, weighted as they were; without an intercept it means 0.
        return_base : bool, default=False
            Whether to return the score at `about`, too.

        Returns
        -------
        parts : ndarray of shape (n_samples, n_features, n_classes), or DataFrame
            In the order of `classes_`, in the dtype of the scores, dense whatever X is: 8 bytes
            for each row, feature and class.  With two classes of shape (n_samples, n_features): for
            `classes_[1]`, the score of `classes_[0]` being 0.  For a DataFrame a DataFrame with the
            same index; its columns are the features, with three classes or more pairs (class,
            feature).  Of a class without weight, whose probability is 0, the contributions are 0.
        base : ndarray of shape (n_classes,), or float with two classes
            The score at `about`; only with `return_base`.

        Raises
        ------
        NotFittedError
            If the model is not fitted.
        ValueError
            If X or `about` cannot be used; or if the means are not known and `about` is not given:
            after `partial_fit`, with `refit=False`, of a model made by `from_sklearn`, or of a file
            in which there are none.

        References
        ----------
        S. M. Lundberg and S.-I. Lee (2017), "A unified approach to interpreting model predictions",
        Advances in Neural Information Processing Systems 30, corollary 1: the Shapley values of
        independent features.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from softmax_reg import SoftmaxRegression
        >>> X, y = load_iris(return_X_y=True, as_frame=True)
        >>> model = SoftmaxRegression().fit(X, y)
        >>> parts = model.contributions(X)
        >>> parts.loc[100, 2].round(1)  # what speaks for class 2 in the row 100
        feature
        sepal length (cm)   -0.1
        sepal width (cm)    -0.1
        petal length (cm)    6.1
        petal width (cm)     2.6
        Name: 100, dtype: float64
        """
        model, X, about = fitted(self), on_host(X), on_host(about)
        if model is not self:
            return model.contributions(X, about=about, return_base=return_base)
        W = self._centred_coefficients()
        middle = self._middle(about)
        if isinstance(X, BatchSource):
            batches = (validated(self, rows, sparse="csr") for rows, _, _ in batches_for(self, X))
            parts = np.concatenate([self._parts(rows, middle, W) for rows in batches])
        else:
            parts = self._parts(validated(self, X, sparse="csr"), middle, W)
        is_binary = len(self.classes_) == 2
        parts = parts[:, :, 0] if is_binary else parts
        named = self._as_frame(parts, X) if hasattr(X, "iloc") else parts
        if not return_base:
            return named
        base = middle @ W + self._centred_over_classes(self.intercept_.astype(np.float64))
        return named, float(base[0]) if is_binary else base

    def _parts(self, X: Any, middle: NDArray[np.float64], W: NDArray[np.float64]) -> NDArray:
        """Return (x_ij - m_j) W_jk for every row, feature and output, some rows at a time."""
        n_rows, n_features = X.shape
        dtype = np.result_type(X.dtype, self.coef_.dtype)
        parts = np.empty((n_rows, n_features, W.shape[1]), dtype=dtype)
        step = max(BATCH_BYTES // (8 * n_features), 1)
        for start in range(0, n_rows, step):
            rows = slice(start, start + step)
            block = dense(X[rows])
            parts[rows] = (block - middle)[:, :, np.newaxis] * W
        return parts

    def _centred_coefficients(self) -> NDArray[np.float64]:
        """Return the coefficients of shape (n_features, n_outputs)."""
        coef = dense(self.coef_)
        return self._centred_over_classes(coef.astype(np.float64)).T

    def _centred_over_classes(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return values of shape (n_outputs, ...) less their mean over the classes with a weight.

        Coefficients of the others stay 0, and so does the place of their probability.
        """
        if len(self.classes_) == 2:
            return values
        coef = dense(self.coef_)
        known = ~is_left_out(coef, self.intercept_)
        centred = values.copy()
        centred[known] -= values[known].mean(axis=0)
        return centred

    def _middle(self, about: ArrayLike | None) -> NDArray[np.float64]:
        """Return the values of the features that contribute nothing."""
        if about is None:
            rows = getattr(self, "_fitted_rows", None)
            if rows is None:
                raise ValueError(
                    "The means of the rows that the model was fitted on are not known here. Give "
                    "them, or any other row to compare with: about=X.mean(axis=0)."
                )
            return np.asarray(rows.units.mean, dtype=np.float64)
        try:
            middle = np.asarray(about, dtype=np.float64)
        except (TypeError, ValueError):
            raise ValueError(f"about must hold numbers, got {shown(about)}.") from None
        middle = middle.ravel() if middle.shape == (1, self.n_features_in_) else middle
        if middle.shape != (self.n_features_in_,):
            raise ValueError(
                f"about must hold one number for each of {self.n_features_in_} features, got the "
                f"shape {middle.shape}."
            )
        if not np.isfinite(middle).all():
            raise ValueError(f"about must be finite, got {middle[~np.isfinite(middle)][0]}.")
        return middle

    def _as_frame(self, parts: NDArray, X: Any) -> pd.DataFrame:
        import pandas as pd

        names = feature_names(self)
        if parts.ndim == 2:
            return pd.DataFrame(parts, index=X.index, columns=names)
        columns = pd.MultiIndex.from_product([self.classes_, names], names=["class", "feature"])
        by_class = parts.transpose(0, 2, 1).reshape(len(parts), -1)
        return pd.DataFrame(by_class, index=X.index, columns=columns)
