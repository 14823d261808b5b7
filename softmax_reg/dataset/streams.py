"""Rows that are read again for every pass, in bounded memory.

A thread reads ahead by one batch while the last one is computed with.  Each pass has to give the
same rows in the same order: their number, their labels, and a hash of all else are compared.
"""

from __future__ import annotations

import copy
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from softmax_reg._checks.shown import shown
from softmax_reg.dataset.namespaces import is_foreign
from softmax_reg.dataset.reservoir import Reservoir, stacked
from softmax_reg.dataset.row_hashes import row_hashes
from softmax_reg.dataset.rows import Batches, Rows, dense, shuffled
from softmax_reg.dataset.threads import threads

__all__ = [
    "Reservoir",
    "StreamedRows",
    "as_block",
    "dense_row",
    "iterate",
    "read_ahead",
    "row_hashes",
]

# Rows that are held at once to be shuffled.
_WINDOW_BYTES = 8 << 20

# A pass takes the thorough hash of one batch out of so many, the next pass that of the next ones.
_TURNS = 8

_SAME = "A source must give the same rows in the same order each time it is read."


def iterate(source: Iterable[Any]) -> Iterator[tuple[Any, Any, Any]]:
    """Yield X, y and the weights, or None, of each batch of a source.

    Raises
    ------
    ValueError
        If a batch is nothing of the kind.
    """
    for number, batch in enumerate(source, 1):
        if not isinstance(batch, tuple | list) or len(batch) not in (2, 3):
            raise ValueError(
                f"Batch {number} of the source must be (X, y) or (X, y, sample_weight), "
                f"but it is {_described(batch)}."
            )
        if not getattr(source, "makes_new_arrays", False):
            # The next batch is made in a thread, while this one is used: perhaps in its place.
            batch = copy.deepcopy(batch)
        # Here is another thread, which does not know whether arrays are to be dispatched.
        X, y, *weights = (np.asarray(part) if is_foreign(part) else part for part in batch)
        yield X, y, weights[0] if weights else None


def _described(batch: Any) -> str:
    is_some = isinstance(batch, tuple | list)
    return f"a {type(batch).__name__}" + (f" of {len(batch)} items" if is_some else "")


def read_ahead(batches: Iterator[Any]) -> Generator[Any, None, None]:
    """Yield what `batches` yields, the next one being read in a thread meanwhile."""
    done = object()
    with threads(1, "read-ahead") as reader:
        if reader is None:
            yield from batches
            return
        coming = reader.submit(next, batches, done)
        try:
            while (batch := coming.result()) is not done:
                coming = reader.submit(next, batches, done)
                yield batch
                del batch  # lest three be held at a time
        finally:
            coming.cancel()
            reader.submit(getattr(batches, "close", lambda: None)).result()


def as_block(X: Any, dtype: Any) -> Any:
    """Return the numbers of a batch as an ndarray or CSR array of one entry for each place."""
    if not sp.issparse(X):
        return np.asarray(X, dtype=dtype)
    X = X.tocsr().astype(dtype, copy=False)
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X


class StreamedRows(Rows):
    """The rows of a source of batches.

    Parameters
    ----------
    source : iterable of batches
    shape : (int, int)
    dtype : dtype
    classes : ndarray of shape (n_classes,)
    codes : ndarray of shape (n_samples,)
        The class of each row, as the first pass found it.
    kept : Reservoir
    per_row : float
    hashes : ndarray of shape (2, n_samples), uint32
        Quick and thorough hashes of the rows, as the first pass found them.
    is_single : ndarray of shape (n_samples,), bool
        Whether a row came in float32, in which its hash was taken.
    """

    is_stream = True

    def __init__(
        self,
        source: Iterable[Any],
        shape: tuple[int, int],
        dtype: Any,
        classes: NDArray,
        codes: NDArray[np.intp],
        kept: Reservoir,
        per_row: float,
        hashes: NDArray[np.uint32],
        is_single: NDArray[np.bool_],
    ) -> None:
        self.source, self.shape, self.dtype = source, shape, np.dtype(dtype)
        self.classes, self.codes, self.per_row = classes, codes, per_row
        self._hashes, self._n_passes = hashes, 0
        # One dtype for all rows is the rule.
        self._is_single = is_single if len(np.unique(is_single)) > 1 else None
        self.sample, self._kept = kept.sample()
        self.is_sparse = sp.issparse(self._kept)
        row_bytes = self.dtype.itemsize * max(per_row, 1.0)
        self.largest_batch = max(int(_WINDOW_BYTES / row_bytes), 1)
        self._window: tuple[int, Any] = (0, self._kept[:0])

    def batches(self) -> Batches:
        return read_ahead(self._checked())

    def _checked(self) -> Batches:
        start, n = 0, self.shape[0]
        self._n_passes += 1
        turn = self._n_passes % _TURNS
        for number, (X, y, weights) in enumerate(iterate(self.source), 1):
            labels = np.asarray(y).ravel()
            where = f"Batch {number} (rows {start} to {start + len(labels) - 1})"
            if start + len(labels) > n:
                raise ValueError(f"{where} goes beyond the {n} rows of the first pass. {_SAME}")
            block = self._block(X, labels, where)
            self._compare(start, X, block, labels, weights, where, number % _TURNS == turn)
            yield start, block
            start += len(labels)
        if start < n:
            raise ValueError(
                f"The source gave {n} rows the first time, and {start} rows now. {_SAME} A "
                "generator can be read only once: give FunctionSource a function that makes a "
                "new one each time."
            )

    def _block(self, X: Any, labels: NDArray, where: str) -> Any:
        try:
            block = as_block(X, self.dtype)
        except (OverflowError, TypeError, ValueError) as error:
            raise ValueError(f"{where} holds other than numbers: {error}. {_SAME}") from error
        if block.shape != (len(labels), self.shape[1]):
            raise ValueError(
                f"{where} has X of shape {block.shape}, but {len(labels)} labels, and there were "
                f"{self.shape[1]} features in the first pass. {_SAME}"
            )
        return block

    def _compare(
        self,
        start: int,
        X: Any,
        block: Any,
        labels: NDArray,
        weights: Any,
        where: str,
        is_thorough: bool,
    ) -> None:
        """Raise ValueError if a label, a feature or a weight is another than in the first pass."""
        stop = start + len(labels)
        changed = np.flatnonzero(self.classes[self.codes[start:stop]] != labels)
        if len(changed):
            row = start + changed[0]
            raise ValueError(
                f"{where} has the label {shown(labels[changed[0]])} in row {row}, which was "
                f"{shown(self.classes[self.codes[row]])} before. {_SAME}"
            )
        if np.shape(weights) not in ((), labels.shape):
            raise ValueError(f"{where} has weights of shape {np.shape(weights)}. {_SAME}")
        hashes = self._hashes_of(block, weights, start, is_thorough)
        is_other = hashes != self._hashes[: len(hashes), start:stop]
        if is_other.any():
            changed = np.flatnonzero(is_other.any(axis=0))
            raise ValueError(f"{where} {_change(X, block, changed, start)}. {_SAME}")

    def _hashes_of(self, block: Any, weights: Any, start: int, is_thorough: bool) -> NDArray:
        """Return the quick hash of each row of a batch and, if asked for, the thorough one."""
        stop = start + block.shape[0]
        hashes = row_hashes(block, weights, is_thorough)
        if self._is_single is not None and self._is_single[start:stop].any():
            single = self._is_single[start:stop]
            given = None if weights is None else np.asarray(weights)[single]
            hashes[:, single] = row_hashes(block[single].astype(np.float32), given, is_thorough)
        return hashes

    def mini_batches(
        self, active: NDArray[np.intp], size: int, rng: np.random.Generator
    ) -> Iterator[NDArray[np.intp]]:
        with closing(self._windows()) as windows:
            for start, stop in windows:
                first, last = np.searchsorted(active, (start, stop))
                yield from shuffled(active[first:last], size, rng)
                self._window = (0, self._kept[:0])  # lest there be two at a time

    def _windows(self) -> Generator[tuple[int, int], None, None]:
        """Hold batches put together until they are large enough to shuffle; yield which rows."""
        parts: list[Any] = []
        first = held = 0
        with closing(self.batches()) as batches:
            for start, X in batches:
                if held >= self.largest_batch:
                    self._window, parts = (first, stacked(parts)), []
                    yield first, start
                    first, held = start, 0
                parts.append(X)
                held += X.shape[0]
        self._window = (first, stacked(parts))
        yield first, self.shape[0]

    def take(self, rows: NDArray[np.intp]) -> Any:
        start, X = self._window
        if len(rows) and start <= rows.min() and rows.max() < start + X.shape[0]:
            return X[rows - start]
        places = np.searchsorted(self.sample, rows)
        if not np.array_equal(self.sample[np.minimum(places, len(self.sample) - 1)], rows):
            raise ValueError(
                "Of a source, only the rows of its sample and of the present mini-batch can be "
                "taken. A solver that takes others needs X and y as arrays, an np.memmap too."
            )
        return self._kept[places]

    def only(self, rows: NDArray[np.intp]) -> tuple[Any, NDArray[np.intp] | slice]:
        return self, slice(None)  # what has no weight costs only time


def dense_row(X: Any) -> NDArray:
    """Return the first row of a block, dense."""
    return dense(X[[0]])[0]


def _change(X: Any, block: Any, changed: NDArray[np.intp], start: int) -> str:
    """Return what has changed in the first of some rows of a batch, as the end of a sentence."""
    row, values = start + changed[0], dense_row(block[changed[:1]])
    wrong = np.flatnonzero(~np.isfinite(values))
    if not len(wrong):
        return f"has other features, or another weight, in row {row} than in the first pass"
    column = shown(X.columns[wrong[0]]) if hasattr(X, "columns") else wrong[0]
    kind = "a missing value" if np.isnan(values[wrong[0]]) else "infinity"
    return f"has {kind} in row {row}, column {column}, where the first pass had a number"
