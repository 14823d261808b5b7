"""The first pass over a source: each batch is validated as if it were an array.

It keeps no more than O(n_samples): the classes and the weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from softmax_reg._checks.shown import shown
from softmax_reg._checks.wrapped import checked
from softmax_reg._compat import check_classification_targets
from softmax_reg.dataset.labels import encode_labels, sorted_labels
from softmax_reg.dataset.reservoir import Reservoir
from softmax_reg.dataset.row_hashes import row_hashes
from softmax_reg.dataset.rows import dense
from softmax_reg.dataset.sources import BatchSource
from softmax_reg.dataset.streams import StreamedRows, as_block
from softmax_reg.dataset.user_rows import refuse_unlabelled, validated

__all__ = ["FirstPass"]

_MEND = "Make numbers of all values, and fill the gaps, where the batches are made."


class FirstPass:
    """What the first pass over a source finds; `reset` as for `read_data`."""

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
        refuse_unlabelled(self.source, y)
        X, y = validated(self.estimator, X, y, reset=self.reset and self.n_batches == 1)
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
        finite = np.isfinite(dense(block))
        row, column = np.argwhere(~finite.reshape(len(finite), -1))[0]
        name = shown(X.columns[column]) if hasattr(X, "columns") else column
        told = f"\nThe first such row is {self._place(row)}; the column is {name}."
        return told + self.source.remedy_of_missing * bool(np.isnan(values).any())

    def result(self) -> tuple[StreamedRows, NDArray, NDArray[np.intp], NDArray]:
        """Return the rows, the sorted classes, the code of each row and its weight."""
        # Each label thrice: one that appears but once looks like a number, not like a class.
        classes, places = encode_labels(np.repeat(self.labels, 3))
        codes, weights = self.labelled(places[::3])
        return self.rows(classes, codes), classes, codes, weights

    @property
    def labels(self) -> NDArray:
        """Each label once, in the order in which they appear."""
        return np.array(list(self.places), dtype=self.label_dtype)

    def labelled(self, places: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray]:
        """Return the class of each row and its weight; to be called once.

        Parameters
        ----------
        places : ndarray of int
            The class of each of `labels`.
        """
        codes, given = places[np.concatenate(self.codes)], np.concatenate(self.weights)
        self.codes.clear()
        self.weights.clear()
        return codes, given

    def rows(self, classes: NDArray, codes: NDArray[np.intp]) -> StreamedRows:
        """Return the rows."""
        return StreamedRows(
            self.source,
            (self.n, self.estimator.n_features_in_),
            self.dtype,
            classes,
            codes,
            self.kept,
            self.n_numbers / self.n,
            np.concatenate(self.hashes, axis=1),
            np.concatenate(self.is_single),
        )


@checked
def _as_weights(sample_weight: Any) -> NDArray[np.float64]:
    return np.asarray(sample_weight, dtype=np.float64)
