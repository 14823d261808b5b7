"""X in blocks of rows that stay in cache, walked by a few threads.

A pass over X is one call of `reduce`: every block is visited once, each thread adds up its own
share, and the shares are added in the order of the rows.  The result is therefore the same, bit
for bit, from run to run with the same number of threads.  X is only ever sliced, never copied.
Where the rows come from only `Rows` knows: of a stream each batch is cut and walked as it arrives.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import pairwise
from typing import Any

import numpy as np

from softmax_reg.dataset.blas_threads import blas_threads, n_threads_allowed
from softmax_reg.dataset.rows import as_rows
from softmax_reg.dataset.threads import threads

__all__ = ["BLOCK_BYTES", "RowBlocks", "Sums", "precision_for"]

# A block and its scores should stay in the last-level cache share of one core.
BLOCK_BYTES = 1 << 20
# So small a table of float32 is computed with in float64: that costs little time, and float32 loses
# the digits of columns that are far from zero.
_SMALL_BYTES = 16 << 20
# What a copy of the rows of a mini-batch may take.
_TAKEN_BYTES = 4 << 20
# One product with a sparse block writes a whole (n_features, n_rows) array: use few, large blocks.
_SPARSE_SCORES_BYTES = 32 << 20
# Handing work to a thread costs some 30 microseconds: below so many multiply-adds it does not pay.
_MIN_WORK_PER_THREAD = 1_000_000

Sums = tuple[np.ndarray, ...]
Visit = Callable[[Any, slice], Sums]
Shares = list[list[tuple[Any, slice]]]  # for each thread its blocks and their places


def precision_for(X: Any) -> np.dtype:
    """Return the dtype to compute in: that of X, but float64 for a small X in memory."""
    rows = as_rows(X)
    n_bytes = 8.0 * rows.shape[0] * rows.per_row
    is_small = n_bytes <= _SMALL_BYTES and not rows.is_stream
    return np.dtype(np.float64 if is_small else rows.dtype)


class RowBlocks:
    """The rows of X, in blocks, with the threads that walk them.

    Parameters
    ----------
    X : ndarray or CSR/CSC array of shape (n_samples, n_features), float32 or float64; or Rows
        Kept as it is, in its own memory layout.
    n_scores : int
        How many scores each row gets; it sets the size of the blocks.
    n_threads : int or None, default=None
        At most so many threads; None means what the caller's limits allow.
    dtype : dtype or None, default=None
        The precision to compute in; None means that of X.  Blocks are cast one by one.

    Attributes
    ----------
    n_read : int
        How many rows were visited so far, each as often as it was.
    """

    def __init__(
        self, X: Any, n_scores: int, n_threads: int | None = None, dtype: Any = None
    ) -> None:
        self.X = X
        self.origin = as_rows(X)
        self.shape, self.is_sparse = self.origin.shape, self.origin.is_sparse
        self.is_stream = self.origin.is_stream
        self.dtype = np.dtype(self.origin.dtype if dtype is None else dtype)
        self._pool: ThreadPoolExecutor | None = None
        self._pid = 0  # of the process that has the threads of the pool
        self._n_scores = n_scores
        self._is_aligned = True
        self.n_read = 0
        self._allowed = n_threads_allowed() if n_threads is None else n_threads
        self.n_threads = self._threads_for(self.shape[0])
        self._plans: dict[int, Shares] = {}

    def _threads_for(self, n: int) -> int:
        work = n * self._n_scores * (2 * self.origin.per_row + 10)
        return int(max(1, min(self._allowed, work // _MIN_WORK_PER_THREAD)))

    def _plan(self, X: Any, first: int, block_bytes: int) -> Shares:
        """Cut a batch into blocks and deal the blocks to the threads, contiguously."""
        self._is_aligned = (X if isinstance(X, np.ndarray) else X.data).flags.aligned
        n, item = X.shape[0], self.dtype.itemsize
        if self.is_sparse and X.format == "csc":
            # Rows of CSC cannot be sliced without a copy.
            return [[(X, slice(first, first + n))]]
        if self.is_sparse:
            rows = max(_SPARSE_SCORES_BYTES // (item * self._n_scores), 1)
        else:
            rows = max(block_bytes // (item * (self.shape[1] + 2 * self._n_scores)), 16)
        shares, n_threads = [], self._threads_for(n)
        for thread in range(n_threads):
            start, stop = n * thread // n_threads, n * (thread + 1) // n_threads
            count = max(-(-(stop - start) // rows), 1)
            edges = [start + (stop - start) * i // count for i in range(count + 1)]
            parts = [slice(a, b) for a, b in pairwise(edges) if b > a]
            shares.append(
                [(_block(X, part), slice(first + part.start, first + part.stop)) for part in parts]
            )
        return [share for share in shares if share]

    def _dealt(self, block_bytes: int) -> Generator[Shares, None, None]:
        """Yield the blocks of each batch, dealt to the threads; those in memory are cut once."""
        if self.is_stream:
            with closing(self.origin.batches()) as batches:
                for first, X in batches:
                    yield self._plan(X, first, block_bytes)
            return
        if block_bytes not in self._plans:
            ((first, X),) = self.origin.batches()
            self._plans[block_bytes] = self._plan(X, first, block_bytes)
        yield self._plans[block_bytes]

    def reduce(self, visit: Visit, block_bytes: int = BLOCK_BYTES) -> Sums:
        """Visit every block once; return the sum over the blocks of what `visit` returns.

        Parameters
        ----------
        visit : callable (block of X, slice of its rows) -> tuple of arrays
        block_bytes : int, default=1 MiB
            About how large a dense block is: more when `visit` returns large arrays.

        Raises
        ------
        RuntimeError
            If the sums are not those of all rows.
        """
        total: Sums = ()
        n_summed, n = 0, self.shape[0]
        with closing(self._dealt(block_bytes)) as dealt:
            for shares in dealt:
                sums, n_rows = self._walk(shares, visit)
                total, n_summed = _added(total, sums), n_summed + n_rows
        if n_summed != n:
            raise RuntimeError(
                f"A pass over {n} rows has summed up {n_summed} of them. Its result is of no use; "
                "give fit rows that stay as they are while it runs."
            )
        self.n_read += n
        return total

    def _walk(self, shares: Shares, visit: Visit) -> tuple[Sums, int]:
        """Return the sums over the blocks, and over how many rows they are."""

        def walk(share: list[tuple[Any, slice]]) -> tuple[Sums, int]:
            total: Sums = ()
            n_rows = 0
            # Whoever asked looks at whether the sums are finite.
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                for block, part in share:
                    total = _added(total, visit(self._cast(block), part))
                    n_rows += block.shape[0]
            return total, n_rows

        # The child of a fork has the pool, but not its threads.
        if self._pool is None or len(shares) == 1 or self._pid != os.getpid():
            totals = [walk(share) for share in shares]
        else:
            others = [self._pool.submit(walk, share) for share in shares[1:]]
            totals = [walk(shares[0])] + [other.result() for other in others]
        total, n_rows = totals[0]
        for more, n_more in totals[1:]:
            total, n_rows = _added(total, more), n_rows + n_more
        return total, n_rows

    @property
    def n_bytes(self) -> int:
        """What the entries of X take."""
        return int(self.X.nnz if self.is_sparse else self.X.size) * self.X.dtype.itemsize

    def columns(self, kept: np.ndarray) -> RowBlocks:
        """Return the rows with some of the features only, in a copy."""
        # Indexing a dense X would turn the order of its memory around.
        X = self.X[:, kept] if self.is_sparse else np.take(self.X, kept, axis=1)
        return RowBlocks(X, self._n_scores, dtype=self.dtype)

    @property
    def rows_together(self) -> int:
        """How many rows `take` copies at a time."""
        return max(int(_TAKEN_BYTES / (self.dtype.itemsize * max(self.origin.per_row, 1.0))), 1)

    def take(self, rows: np.ndarray) -> Iterator[tuple[np.ndarray, Any]]:
        """Yield some rows, a mini-batch, in their order and in copies of bounded size."""
        together = self.rows_together
        for start in range(0, len(rows), together):
            part = rows[start : start + together]
            self.n_read += len(part)
            yield part, self._cast(self.origin.take(part))

    def reduce_some(self, rows: np.ndarray, visit: Callable[[Any, np.ndarray], Sums]) -> Sums:
        """Visit some rows, as `reduce` does all; `visit` gets their numbers, not a slice."""
        total: Sums = ()
        for part, X in self.take(rows):
            total = _added(total, visit(X, part))
        return total

    def _cast(self, block: Any) -> Any:
        """Return a block in the dtype to compute in, its numbers aligned: BLAS asks for both."""
        if block.dtype == self.dtype and self._is_aligned:
            return block
        return block.astype(self.dtype)  # a copy, aligned

    @contextmanager
    def running(self) -> Iterator[RowBlocks]:
        """Start the threads and hold BLAS to one thread each, until the end of the block."""
        with blas_threads.held():
            if self.n_threads == 1:
                yield self
                return
            hold = blas_threads.hold_this_thread
            with threads(self.n_threads - 1, "row-blocks", hold) as pool:
                self._pool, self._pid = pool, os.getpid()
                try:
                    yield self
                finally:
                    self._pool = None


def _added(total: Sums, more: Sums) -> Sums:
    """Return the sum of two tuples of arrays, in place of the first; it is () at the start."""
    for mine, part in zip(total, more, strict=bool(total)):
        mine += part
    return total or more


def _block(X: Any, part: slice) -> Any:
    """Return some rows of an ndarray or a CSR array without a copy of their numbers."""
    if isinstance(X, np.ndarray):
        return X[part]
    start, stop = X.indptr[part.start], X.indptr[part.stop]
    # By hand: the constructor that takes the three arrays copies slices of larger ones.
    block = type(X)((part.stop - part.start, X.shape[1]), dtype=X.dtype)
    block.data, block.indices = X.data[start:stop], X.indices[start:stop]
    block.indptr = X.indptr[part.start : part.stop + 1] - start
    return block
