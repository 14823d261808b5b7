"""The data of a fit: rows, with the targets and the weight of each.

`Dataset.reduce` adds up what a pass returns for all blocks of the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from copy import copy
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from softmax_reg._compat import cached_property
from softmax_reg.dataset.block import Block, Pass
from softmax_reg.dataset.row_blocks import BLOCK_BYTES, RowBlocks, Sums, precision_for
from softmax_reg.dataset.rows import Matrix
from softmax_reg.dataset.targets import Labels, Targets

__all__ = ["Dataset", "small_dataset"]


class Dataset:
    """Rows, with the targets and the weight of each.

    Parameters
    ----------
    rows : RowBlocks
        X of shape (n_samples, n_features).
    classes : ndarray
        The labels, sorted; some of them may take no part.
    given : Targets
        Of each row, among them; not smoothed.
    weights : ndarray of shape (n_samples,)
        s, at least 0; those of the classes are in them.
    sample_weight : ndarray of shape (n_samples,) or None, default=None
        The weights without those of the classes; None means all 1.
    present : ndarray of shape (n_classes,), intp, or None, default=None
        The classes that take part, sorted; None means those that have a weight.
    smoothing : float, default=0.0
        What the targets are smoothed by.
    offset : ndarray of shape (n_samples, n_outputs) or None, default=None
        What is added to the scores, of all classes; with two of them to that of the second alone.
    per_class : ndarray of shape (n_classes,) or None, default=None
        The weights of the classes that are in `weights`; None means all 1.

    Attributes
    ----------
    targets : Targets
        Of each row, among the classes that take part; smoothed.
    n_classes : int
        How many take part.
    """

    def __init__(
        self,
        rows: RowBlocks,
        classes: NDArray,
        given: Targets,
        weights: NDArray,
        sample_weight: NDArray | None = None,
        present: NDArray[np.intp] | None = None,
        smoothing: float = 0.0,
        offset: NDArray | None = None,
        per_class: NDArray | None = None,
    ) -> None:
        self.rows, self.classes, self.given = rows, classes, given
        self.weights, self.sample_weight = weights, sample_weight
        self.present = np.flatnonzero(given.totals(weights)) if present is None else present
        self.n_classes = len(self.present)
        self.targets = given.among(self.present, smoothing)
        self.given_offset = offset
        self.per_class = np.ones(len(classes)) if per_class is None else per_class

    @classmethod
    def of(
        cls,
        X: Any,
        classes: NDArray,
        given: Targets,
        weights: NDArray,
        sample_weight: NDArray | None = None,
        *,
        dtype: Any = None,
        **more: Any,
    ) -> Dataset:
        """Return the data of an array or of `Rows`, in a precision or in that which suits it."""
        rows = RowBlocks(X, len(classes), dtype=precision_for(X) if dtype is None else dtype)
        weights = weights.astype(rows.dtype, copy=False)
        return cls(rows, classes, given, weights, sample_weight, **more)

    def _changed(
        self,
        rows: RowBlocks,
        part: slice | NDArray[np.intp] = slice(None),
        weights: NDArray | None = None,
        sample_weight: NDArray | None = None,
        present: NDArray[np.intp] | None = None,
    ) -> Dataset:
        """Return the data of some of the rows, or of all, with other features or weights."""
        if weights is None:
            weights = self.weights[part].astype(rows.dtype, copy=False)
            sample_weight = None if self.sample_weight is None else self.sample_weight[part]
        offset = None if self.given_offset is None else self.given_offset[part]
        facts = self.classes, self.given[part], weights, sample_weight, present
        return Dataset(rows, *facts, self.smoothing, offset, self.per_class)

    @property
    def X(self) -> Matrix:
        """The features, as they came: an array or `Rows`."""
        return self.rows.X

    @property
    def codes(self) -> NDArray[np.intp]:
        """The place among `classes` of the class of each row, or of its largest share."""
        return self.given.codes

    @property
    def labels(self) -> NDArray:
        """Of each row."""
        return self.classes[self.codes]

    @property
    def smoothing(self) -> float:
        """What the targets are smoothed by."""
        return self.targets.smoothing

    @property
    def shape(self) -> tuple[int, int]:
        """n_samples, n_features."""
        return self.rows.shape

    @property
    def dtype(self) -> np.dtype:
        """What is computed in: float32 or float64."""
        return self.rows.dtype

    @cached_property
    def total_weight(self) -> float:
        """S; a float32 sum over millions of rows would lose digits."""
        return float(self.weights.sum(dtype=np.float64))

    @cached_property
    def shares(self) -> NDArray:
        """The part of each row in the total weight, s / S, shape (n_samples, 1)."""
        # Divided in float64: the total of float32 weights need not be a float32.
        shares = self.weights.astype(np.float64) / self.total_weight
        return shares.astype(self.dtype)[:, np.newaxis]

    @cached_property
    def entropy(self) -> float:
        """The weighted mean entropy of the targets: no loss is smaller."""
        return self.targets.entropy(self.shares[:, 0])

    @cached_property
    def largest_offset(self) -> float:
        """The largest size of an entry of the offset."""
        return 0.0 if self.offset is None else float(np.abs(self.offset).max(initial=0.0))

    @cached_property
    def active(self) -> NDArray[np.intp]:
        """The rows that have a weight."""
        return np.flatnonzero(self.weights)

    @cached_property
    def sample(self) -> NDArray[np.intp]:
        """Rows with a weight that can be taken at any time: all, or some of a stream."""
        known = self.rows.origin.sample
        return known[self.weights[known] > 0.0]

    def running(self) -> AbstractContextManager[RowBlocks]:
        """Start the threads that walk the rows, until the end of the block."""
        return self.rows.running()

    def reduce(
        self,
        visit: Pass,
        kept: Mapping[str, NDArray] | None = None,
        block_bytes: int = BLOCK_BYTES,
    ) -> Sums:
        """Visit every block once; return the sums of what `visit` returns.

        Parameters
        ----------
        visit : callable Block -> tuple of arrays
        kept : dict of str to ndarray of length n_samples, default=None
            What is cut to the rows of each block, which brings it.
        block_bytes : int, default=1 MiB
            About how large a dense block is.

        Raises
        ------
        RuntimeError
            If not every row was visited once.
        """
        return self.rows.reduce(self._with_blocks(visit, kept or {}), block_bytes)

    def reduce_some(
        self, rows: NDArray[np.intp], visit: Pass, kept: Mapping[str, NDArray] | None = None
    ) -> Sums:
        """Do the same with some rows, given by their numbers."""
        return self.rows.reduce_some(rows, self._with_blocks(visit, kept or {}))

    def take(self, rows: NDArray[np.intp]) -> Iterator[tuple[NDArray[np.intp], Block]]:
        """Yield numbers of rows, and these rows, in copies of bounded size and in their order."""
        block = self._cutter({})
        for part, X in self.rows.take(rows):
            yield part, block(X, part)

    def whole(self) -> Block:
        """Return all rows, of an array in memory, as one block."""
        return self._cutter({})(self.X, slice(None))

    def _cutter(self, kept: Mapping[str, NDArray]) -> Callable[[Matrix, slice | NDArray], Block]:
        """Return a function of X and of the places of its rows: the block with what is theirs."""
        targets, weights, shares, offset = self.targets, self.weights, self.shares, self.offset

        def block(X: Matrix, rows: slice | NDArray) -> Block:
            mine = {name: array[rows] for name, array in kept.items()} if kept else {}
            of_rows = targets[rows], weights[rows], shares[rows], mine
            return Block(X, *of_rows, None if offset is None else offset[rows])

        return block

    def _with_blocks(
        self, visit: Pass, kept: Mapping[str, NDArray]
    ) -> Callable[[Any, slice | NDArray], Sums]:
        """Return `visit` as a function of X and of the places of its rows."""
        block = self._cutter(kept)
        return lambda X, rows: visit(block(X, rows))

    @cached_property
    def offset(self) -> NDArray | None:
        """The offset among the classes that take part, in the dtype of scores."""
        if self.given_offset is None:
            return None
        offset = self.given_offset
        if offset.shape[1] > 1:
            offset = offset[:, self.present]
            # A number that all classes of a row have changes nothing, but takes digits.
            offset = offset - offset.mean(axis=1, keepdims=True)
        return np.asfortranarray(offset, dtype=self.dtype)

    def room(self, n_columns: int) -> NDArray:
        """Return an array to keep something of every row in, column by column."""
        return np.empty((self.rows.shape[0], n_columns), self.rows.dtype, order="F")

    def batch_size(self, wanted: float) -> int:
        """Return how many rows a mini-batch may have: of a stream no more than are held at once."""
        return int(min(wanted, self.rows.origin.largest_batch, len(self.active)))

    def mini_batches(self, size: int, rng: np.random.Generator) -> Iterator[NDArray[np.intp]]:
        """Yield the numbers of all rows with a weight once, shuffled, `size` of them at a time.

        On a stream, rows are shuffled within windows of what is held at once, in one pass.
        """
        return self.rows.origin.mini_batches(self.active, size, rng)

    def with_rows(self, rows: RowBlocks) -> Dataset:
        """Return the same targets and weights with other features."""
        twin = copy(self)
        twin.__dict__.pop("sample", None)
        twin.rows = rows
        return twin

    def with_weights(
        self,
        weights: NDArray,
        sample_weight: NDArray | None = None,
        present: NDArray[np.intp] | None = None,
    ) -> Dataset:
        """Return the same rows with other weights; None lets those say which classes take part."""
        return self._changed(self.rows, slice(None), weights, sample_weight, present)

    def columns(self, kept: NDArray[np.intp]) -> Dataset:
        """Return the data with some of the features only, in a copy."""
        return self.with_rows(self.rows.columns(kept))

    def in_float64(self) -> Dataset:
        """Return the data computed with in float64, cast block by block: itself where it is."""
        if self.dtype == np.float64:
            return self
        rows = RowBlocks(self.X, len(self.classes), dtype=np.float64)
        return self._changed(rows, present=self.present)

    def of_rows(self, rows: NDArray[np.intp]) -> Dataset:
        """Return some rows, in a copy, as a part of the whole: their shares are those here."""
        parts = [X for _, X in self.rows.take(rows)]
        X = sp.vstack(parts, format=parts[0].format) if self.rows.is_sparse else np.vstack(parts)
        blocks = RowBlocks(X, self.n_classes, n_threads=1, dtype=self.dtype)
        part = self._changed(blocks, rows, present=self.present)
        part.total_weight, part.shares = self.total_weight, self.shares[rows]
        return part

    def copied(self, rows: NDArray[np.intp]) -> Dataset:
        """Return some rows, in a copy, as data of their own."""
        return self._changed(self._blocks(self.X[rows]), rows)

    def counted(self, times: NDArray) -> Dataset:
        """Return all rows, each so many times as often, with threads of their own."""
        weights = (times * self.weights).astype(self.weights.dtype)
        given = times if self.sample_weight is None else times * self.sample_weight
        return self._changed(self._blocks(self.X), slice(None), weights, given)

    def _blocks(self, X: Any) -> RowBlocks:
        return RowBlocks(X, len(self.classes), dtype=precision_for(X))


def small_dataset(X: Any, classes: NDArray, codes: NDArray[np.intp], weights: NDArray) -> Dataset:
    """Return the data of few rows: all classes take part, one thread computes, in float64."""
    rows = RowBlocks(X, len(classes), n_threads=1, dtype=np.float64)
    targets = Labels(codes, len(classes))
    return Dataset(rows, classes, targets, weights, present=np.arange(len(classes)))
