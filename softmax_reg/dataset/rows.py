"""Where rows come from: an array in memory or mapped from a file, or a stream that is read again.

Walking the rows in order is all that most methods need: `batches`.  Stochastic ones ask for rows
in shuffled order, `mini_batches`, and for a random sample to look at now and then, `sample`; what
they get are row numbers, and `take` has the rows.  Another origin is another subclass of `Rows`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

__all__ = [
    "ArrayRows",
    "Batches",
    "Matrix",
    "Rows",
    "as_rows",
    "dense",
    "merge_duplicates",
    "shuffled",
]

# An ndarray, or a CSR or CSC array or matrix of SciPy, which has no types.
Matrix: TypeAlias = Any
Batches: TypeAlias = Generator[tuple[int, Matrix], None, None]


class Rows(ABC):
    """Rows of numbers, in an order of their own.

    Attributes
    ----------
    shape : (int, int)
        n_samples, n_features.
    dtype : dtype
        float32 or float64.
    is_sparse : bool
        Whether batches are CSR or CSC, else dense.
    per_row : float
        How many numbers are stored for a row, on average.
    is_stream : bool
        Whether every pass reads the rows anew.
    largest_batch : int
        How many rows a mini-batch may have.
    sample : ndarray of shape (n,), intp
        Rows that can be taken at any time: all of them, or a random sample.
    """

    shape: tuple[int, int]
    dtype: np.dtype
    is_sparse: bool
    per_row: float
    is_stream: bool
    largest_batch: int
    sample: NDArray[np.intp]

    @abstractmethod
    def batches(self) -> Batches:
        """Yield (number of the first row, X) for each batch of rows, in their order."""

    @abstractmethod
    def mini_batches(
        self, active: NDArray[np.intp], size: int, rng: np.random.Generator
    ) -> Iterator[NDArray[np.intp]]:
        """Yield `active`, sorted row numbers, in shuffled order and in parts of at most `size`.

        The rows of a part can be taken until the next part is asked for.
        """

    @abstractmethod
    def take(self, rows: NDArray[np.intp]) -> Any:
        """Return a copy of some rows, in their order."""

    @abstractmethod
    def only(self, rows: NDArray[np.intp]) -> tuple[Any, NDArray[np.intp] | slice]:
        """Return an origin that has these rows, and the numbers here of all that it has."""


class ArrayRows(Rows):
    """The rows of an ndarray or of a CSR or CSC array, which is one batch and never copied."""

    is_stream = False

    def __init__(self, X: Any) -> None:
        self.X, self.shape, self.dtype = X, X.shape, X.dtype
        self.is_sparse = sp.issparse(X)
        self.per_row = X.nnz / max(X.shape[0], 1) if self.is_sparse else X.shape[1]
        self.largest_batch = X.shape[0]

    @property
    def sample(self) -> NDArray[np.intp]:  # type: ignore[override]
        return np.arange(self.shape[0])

    def batches(self) -> Batches:
        yield 0, self.X

    def mini_batches(
        self, active: NDArray[np.intp], size: int, rng: np.random.Generator
    ) -> Iterator[NDArray[np.intp]]:
        yield from shuffled(active, size, rng)

    def take(self, rows: NDArray[np.intp]) -> Any:
        return self.X[rows]

    def only(self, rows: NDArray[np.intp]) -> tuple[Any, NDArray[np.intp] | slice]:
        return self.X[rows], rows


def dense(A: Matrix) -> NDArray:
    """Return a matrix as an ndarray: itself, if it is one."""
    return A.toarray() if sp.issparse(A) else A


def as_rows(X: Any) -> Rows:
    """Return the origin of rows that X is, or that it becomes."""
    return X if isinstance(X, Rows) else ArrayRows(X)


def shuffled(
    rows: NDArray[np.intp], size: int, rng: np.random.Generator
) -> Iterator[NDArray[np.intp]]:
    """Yield row numbers in random order, `size` of them at a time."""
    order = rng.permutation(rows)
    for start in range(0, len(order), size):
        yield order[start : start + size]


def merge_duplicates(X: Any) -> Any:
    """Return X with one entry for each place: itself, or a copy of a sparse X that has more."""
    if sp.issparse(X) and not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X
