"""From what the user gives to rows, classes, and a class and a weight for each row.

An array is validated and stays where it is.  Of a source, the first pass validates each batch as
if it were an array, and keeps no more than O(n_samples): the classes and the weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from softmax_reg._compat import validate_data
from softmax_reg.encoding import encode_labels, merge_duplicates, row_weights, sorted_labels
from softmax_reg.sources.batch_sources import BatchSource
from softmax_reg.sources.streams import (
    Reservoir,
    StreamedRows,
    as_block,
    dense_row,
    iterate,
    read_ahead,
)

__all__ = ["read_data"]

_FLOATS = (np.float64, np.float32)


def read_data(
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: Any,
    reset: bool = True,
) -> tuple[Any, NDArray, NDArray[np.intp], NDArray]:
    """Return the rows, the classes, and the class and the weight of each row.

    Parameters
    ----------
    estimator : estimator
        Has a `class_weight`; gets `n_features_in_` and, if X names them, `feature_names_in_`.
    X : {array-like, sparse matrix, BatchSource}
    y, sample_weight : array-like or None
        None with a source, whose batches bring them.
    reset : bool, default=True
        Whether the features may differ from those that the estimator knows.

    Returns
    -------
    X : ndarray, CSR or CSC array, or StreamedRows
    classes : ndarray of shape (n_classes,)
    codes : ndarray of shape (n_samples,), intp
    weights : ndarray of shape (n_samples,)

    Raises
    ------
    ValueError
        If the data cannot be used; of a source the message says which batch, and which row.
    """
    if isinstance(X, BatchSource):
        if y is not None or sample_weight is not None:
            raise ValueError(
                f"{type(X).__name__} brings its own labels and weights, batch by batch: leave y "
                "and sample_weight out."
            )
        return _read_source(estimator, X, reset)
    if isinstance(X, Iterator):
        raise ValueError(
            f"X is a {type(X).__name__}, which can be read only once, but a fit reads the rows "
            "many times. Give FunctionSource(function), function() making a new iterator each time."
        )
    X, y = validate_data(estimator, X, y, reset=reset, accept_sparse=("csr", "csc"), dtype=_FLOATS)
    X = merge_duplicates(X)
    classes, codes = encode_labels(y)
    weights = row_weights(X, y, classes, codes, sample_weight, estimator.class_weight)
    return X, classes, codes, weights


def _read_source(
    estimator: Any, source: BatchSource, reset: bool
) -> tuple[StreamedRows, NDArray, NDArray[np.intp], NDArray]:
    reader = _FirstPass(estimator, reset)
    with closing(read_ahead(iterate(source))) as batches:
        for X, y, weights in batches:
            reader.add(X, y, weights)
    return reader.result(source, estimator.class_weight)


class _FirstPass:
    def __init__(self, estimator: Any, reset: bool) -> None:
        self.estimator, self.reset, self.kept = estimator, reset, Reservoir()
        self.n_batches = self.n = self.n_numbers = 0
        self.places: dict[Any, int] = {}  # of labels, in the order in which they appear
        self.kind, self.label_dtype = "", np.dtype(bool)
        self.codes: list[NDArray] = []
        self.weights: list[NDArray] = []
        self.dtype: Any = np.float32
        self.is_sparse = False
        self.first: NDArray = np.empty(0)

    def add(self, X: Any, y: Any, weights: Any) -> None:
        """Take in one batch."""
        self.n_batches += 1
        try:
            X, y, weights = self._validated(X, y, weights)
            labels, codes = sorted_labels(y)
        except (ValueError, TypeError) as error:
            where = f"Batch {self.n_batches} of the source, from row {self.n} on"
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"{where}: {error}{_first_bad_row(X, self.n)}") from error
        X = as_block(X, X.dtype)
        if self.n == 0:
            self.first, self.is_sparse = dense_row(X).astype(np.float64), sp.issparse(X)
        self.dtype = np.promote_types(self.dtype, X.dtype)
        places = [self.places.setdefault(label, len(self.places)) for label in labels.tolist()]
        self.codes.append(np.array(places, dtype=np.int32)[codes])
        self.weights.append(weights)
        self.kept.add(self.n, X, np.flatnonzero(weights))
        self.n += len(y)
        self.n_numbers += X.nnz if self.is_sparse else X.size

    def _validated(self, X: Any, y: Any, weights: Any) -> tuple[Any, NDArray, NDArray]:
        if np.shape(X)[:1] == (0,):
            raise ValueError("It has no rows. Leave empty batches out.")
        X, y = validate_data(
            self.estimator,
            X,
            y,
            reset=self.reset and self.n_batches == 1,
            accept_sparse=("csr", "csc"),
            dtype=_FLOATS,
        )
        weights = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=np.float64)
        if weights.shape != y.shape:
            raise ValueError(f"sample_weight has shape {weights.shape}, but y has {y.shape}.")
        wrong = weights[~(np.isfinite(weights) & (weights >= 0.0))]
        if len(wrong):
            raise ValueError(f"Weights must be finite and not negative, got {wrong[0]}.")
        if self.n and sp.issparse(X) != self.is_sparse:
            raise ValueError("Some batches are sparse and some dense. Give all of them as one.")
        kind = "numbers" if y.dtype.kind in "biuf" else "text"
        if self.kind not in ("", kind):
            raise ValueError(
                f"The labels are {kind}, such as {y[0]!r}, but those of the batches before are "
                f"{self.kind}. Give all labels one type."
            )
        self.label_dtype = y.dtype if not self.kind else np.promote_types(self.label_dtype, y.dtype)
        self.kind = kind
        return X, y, weights

    def result(
        self, source: BatchSource, class_weight: dict | str | None
    ) -> tuple[StreamedRows, NDArray, NDArray[np.intp], NDArray]:
        """Return what `read_data` returns."""
        if self.n == 0:
            raise ValueError(f"{type(source).__name__} gave no batches: there is nothing to fit.")
        # Each label thrice: one that appears but once looks like a number, not like a class.
        labels = np.array(list(self.places), dtype=self.label_dtype)
        classes, places = encode_labels(np.repeat(labels, 3))
        codes = places[::3][np.concatenate(self.codes)]
        self.codes.clear()
        shape = (self.n, self.estimator.n_features_in_)
        like = np.broadcast_to(np.zeros((), self.dtype), shape)  # takes no memory
        weights = row_weights(
            like, classes, classes, codes, np.concatenate(self.weights), class_weight
        )
        per_row = self.n_numbers / self.n
        rows = StreamedRows(
            source, shape, self.dtype, classes, codes, self.first, self.kept, per_row
        )
        return rows, classes, codes, weights


def _first_bad_row(X: Any, start: int) -> str:
    """Return which row of a batch is the first that is not finite, as the end of a message."""
    try:
        block = as_block(X, np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            sums = np.asarray(block.sum(axis=1)).ravel()
    except (ValueError, TypeError):
        return ""
    bad = np.flatnonzero(~np.isfinite(sums))
    return f"\nThe first such row is row {start + bad[0]}, counted from 0." if len(bad) else ""
