"""Rows of a stream that are kept as they came: batches, joined as they pile up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from softmax_reg._npz.checks import csr_from, numbers, require

__all__ = ["LabelledRows", "join", "push"]


@dataclass(frozen=True)
class LabelledRows:
    """Rows with their classes and weights, never written to.

    Parameters
    ----------
    X : ndarray or CSR of shape (n_samples, n_features), float32 or float64
    codes : ndarray of shape (n_samples,), intp
    weights : ndarray of shape (n_samples,), float64
    """

    X: Any
    codes: NDArray[np.intp]
    weights: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def weight(self) -> float:
        """The total weight."""
        return float(self.weights.sum())

    @property
    def size(self) -> int:
        """How many numbers the features take."""
        # An index takes half the memory of a value.
        return (3 * self.X.nnz + 1) // 2 if sp.issparse(self.X) else self.X.size

    def part(self, rows: slice) -> LabelledRows:
        """Return some rows, in arrays of their own, lest they hold on to all."""
        return LabelledRows(self.X[rows].copy(), self.codes[rows].copy(), self.weights[rows].copy())

    def to_arrays(self) -> dict[str, NDArray]:
        """Return the rows as arrays, for a file."""
        of_rows = {"codes": self.codes, "weights": self.weights}
        if not sp.issparse(self.X):
            return {"X": self.X, **of_rows}
        parts = {name: getattr(self.X, name) for name in ("data", "indices", "indptr")}
        return {"shape": np.array(self.X.shape), **parts, **of_rows}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray], what: str = "rows") -> LabelledRows:
        """Return the rows that `to_arrays` wrote.

        Raises
        ------
        Damaged
            If it wrote no such arrays.
        """
        parts = {"X"} if "X" in arrays else {"shape", "data", "indices", "indptr"}
        require(arrays.keys() == parts | {"codes", "weights"}, f"{what} are not whole")
        if "X" in arrays:
            X: Any = numbers(arrays["X"], what, (None, None))
        else:
            shape = numbers(arrays["shape"], f"{what}/shape", (2,), "i").tolist()
            X = csr_from(arrays, shape, what)
        n_samples = X.shape[0]
        codes = numbers(arrays["codes"], f"{what}/codes", (n_samples,), "i")
        weights = numbers(arrays["weights"], f"{what}/weights", (n_samples,))
        require(n_samples and (weights > 0.0).all(), f"{what} have no weight")
        return cls(X, codes.astype(np.intp, copy=False), weights)


def join(batches: tuple[LabelledRows, ...]) -> LabelledRows:
    """Return the rows of at least one batch, in their order, as one."""
    if len(batches) == 1:
        return batches[0]
    parts = [batch.X for batch in batches]
    X = sp.vstack(parts, format="csr") if sp.issparse(parts[0]) else np.concatenate(parts)
    return LabelledRows(
        X,
        np.concatenate([batch.codes for batch in batches]),
        np.concatenate([batch.weights for batch in batches]),
    )


def push(batches: tuple[LabelledRows, ...], batch: LabelledRows) -> tuple[LabelledRows, ...]:
    """Return the batches and one more, joined so that each is longer than the next.

    A row is then copied, and the number of batches grows, as the logarithm of the number of rows.
    """
    while batches and len(batches[-1]) <= len(batch):
        batch, batches = join((batches[-1], batch)), batches[:-1]
    return (*batches, batch)
