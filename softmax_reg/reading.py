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

from softmax_reg._checked import checked
from softmax_reg._compat import check_classification_targets, validate_data
from softmax_reg._shown import shown
from softmax_reg.encoding import encode_labels, merge_duplicates, row_weights, sorted_labels
from softmax_reg.sources.batch_sources import BatchSource
from softmax_reg.sources.reservoir import Reservoir
from softmax_reg.sources.row_hashes import row_hashes
from softmax_reg.sources.streams import (
    StreamedRows,
    as_block,
    iterate,
    read_ahead,
)

__all__ = ["read_data"]

_FLOATS = (np.float64, np.float32)
_MEND = "Make numbers of all values, and fill the gaps, where the batches are made."


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
    reader = _FirstPass(estimator, source, reset)
    with closing(read_ahead(iterate(source))) as batches:
        for X, y, weights in batches:
            reader.add(X, y, weights)
    return reader.result(estimator.class_weight)


class _FirstPass:
    def __init__(self, estimator: Any, source: BatchSource, reset: bool) -> None:
        self.estimator, self.source, self.reset = estimator, source, reset
        self.kept = Reservoir()
        self.n_batches = self.n = self.n_numbers = 0
        self.places: dict[Any, int] = {}  # of labels, in the order in which they appear
        self.kind, self.label_dtype = "", np.dtype(bool)
        self.codes: list[NDArray] = []
        self.weights: list[NDArray] = []
        self.hashes: list[NDArray[np.uint32]] = []
        self.is_single: list[NDArray[np.bool_]] = []
        self.dtype: Any = np.float32
        self.is_sparse = False

    def add(self, X: Any, y: Any, weights: Any) -> None:
        """Take in one batch."""
        self.n_batches += 1
        try:
            X, y, weights = self._validated(X, y, weights)
            labels, codes = sorted_labels(y)
            if labels.dtype == object and not isinstance(labels[0], str):
                check_classification_targets(y)
        except (ValueError, TypeError) as error:
            where = f"Batch {self.n_batches} of the source, from row {self.n} on"
            kind = TypeError if isinstance(error, TypeError) else ValueError
            found = getattr(error, "found", "")
            told = f"{found} The row is counted within the batch. {_MEND}" if found else error
            raise kind(f"{where}: {told}{self._first_bad_value(X)}") from error
        X = as_block(X, X.dtype)
        if self.n == 0:
            self.is_sparse = sp.issparse(X)
        self.dtype = np.promote_types(self.dtype, X.dtype)
        places = [self.places.setdefault(label, len(self.places)) for label in labels.tolist()]
        self.codes.append(np.array(places, dtype=np.int32)[codes])
        self.weights.append(weights)
        self.hashes.append(row_hashes(X, weights, is_thorough=True))
        self.is_single.append(np.full(len(y), X.dtype == np.float32))
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
        weights = np.ones(len(y)) if weights is None else _as_weights(weights)
        if weights.shape != y.shape:
            raise ValueError(f"sample_weight has shape {weights.shape}, but y has {y.shape}.")
        wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0.0)))
        if len(wrong):
            raise ValueError(
                f"Weights must be finite and not negative, got {weights[wrong[0]]} in "
                f"{self._place(wrong[0])}."
            )
        self._check_labels(y)
        if self.n and sp.issparse(X) != self.is_sparse:
            raise ValueError("Some batches are sparse and some dense. Give all of them as one.")
        return X, y, weights

    def _check_labels(self, y: NDArray) -> None:
        kind = "numbers" if y.dtype.kind in "biuf" else "text"
        if self.kind not in ("", kind):
            raise ValueError(
                f"The labels are {kind}, such as {shown(y[0])}, but those of the batches before "
                f"are {self.kind}. Give all labels one type."
            )
        if kind == "numbers" and len(wrong := np.flatnonzero(y != np.trunc(y))):
            raise ValueError(
                f"Unknown label type: continuous. The label of {self._place(wrong[0])} is "
                f"{shown(y[wrong[0]])}, which is no class. Give labels that are integers or text, "
                "such as [str(label) for label in y]."
            )
        self.label_dtype = y.dtype if not self.kind else np.promote_types(self.label_dtype, y.dtype)
        self.kind = kind

    def _place(self, row: int) -> str:
        """Return which row of the source, and of a file perhaps, a row of the batch is."""
        number = self.n + int(row)
        place = self.source.place_of(number)
        return f"row {number}, counted from 0" + (f" ({place})" if place else "")

    def _first_bad_value(self, X: Any) -> str:
        """Return where the first number is that is not finite, as the end of a message."""
        try:
            block = as_block(X, np.float64)
        except (OverflowError, TypeError, ValueError):
            return ""
        values = block.data if sp.issparse(block) else block
        if values.ndim == 0 or np.isfinite(values).all():
            return ""
        finite = np.isfinite(block.toarray() if sp.issparse(block) else block)
        row, column = np.argwhere(~finite.reshape(len(finite), -1))[0]
        name = shown(X.columns[column]) if hasattr(X, "columns") else column
        return f"\nThe first such row is {self._place(row)}; the column is {name}."

    def result(
        self, class_weight: dict | str | None
    ) -> tuple[StreamedRows, NDArray, NDArray[np.intp], NDArray]:
        """Return what `read_data` returns."""
        if self.n == 0:
            raise ValueError(
                f"{type(self.source).__name__} gave no batches: there is nothing to fit."
            )
        # Each label thrice: one that appears but once looks like a number, not like a class.
        labels = np.array(list(self.places), dtype=self.label_dtype)
        classes, places = encode_labels(np.repeat(labels, 3))
        codes = places[::3][np.concatenate(self.codes)]
        self.codes.clear()
        shape = (self.n, self.estimator.n_features_in_)
        like = np.broadcast_to(np.zeros((), self.dtype), shape)  # takes no memory
        given = np.concatenate(self.weights)
        weights = row_weights(like, classes, classes, codes, given, class_weight)
        per_row = self.n_numbers / self.n
        rows = StreamedRows(
            self.source,
            shape,
            self.dtype,
            classes,
            codes,
            self.kept,
            per_row,
            np.concatenate(self.hashes, axis=1),
            np.concatenate(self.is_single),
        )
        rows.sample_weight = given
        return rows, classes, codes, weights


@checked
def _as_weights(sample_weight: Any) -> NDArray[np.float64]:
    return np.asarray(sample_weight, dtype=np.float64)
