"""A uniform sample of the rows of a stream, which is in memory at all times."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

__all__ = ["Reservoir", "stacked"]

# Rows that are kept as a sample.
_SAMPLE_BYTES = 2 << 20


def stacked(parts: list[Any]) -> Any:
    """Return blocks of rows as one."""
    if len(parts) == 1:
        return parts[0]
    return sp.vstack(parts, format="csr") if sp.issparse(parts[0]) else np.concatenate(parts)


@dataclass
class Reservoir:
    """A uniform sample of a stream of unknown length: the rows with the smallest random keys.

    P. Efraimidis and P. Spirakis (2006), "Weighted random sampling with a reservoir", algorithm
    A-Res, with equal weights.
    """

    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))
    largest_key: float = 1.0
    room: int = 1
    n_held: int = 0
    rows: list[NDArray[np.intp]] = field(default_factory=list)
    keys: list[NDArray[np.float64]] = field(default_factory=list)
    parts: list[Any] = field(default_factory=list)

    def add(self, start: int, X: Any, eligible: NDArray[np.intp]) -> None:
        """Offer some rows of a batch whose first row has the number `start`."""
        per_row = X.nnz / X.shape[0] if sp.issparse(X) else X.shape[1]
        self.room = max(int(_SAMPLE_BYTES / (X.dtype.itemsize * max(per_row, 1.0))), 1)
        keys = self.rng.random(len(eligible))
        chosen = np.flatnonzero(keys < self.largest_key)
        if len(chosen) > self.room:
            chosen = np.sort(chosen[np.argpartition(keys[chosen], self.room)[: self.room]])
        if not len(chosen):
            return
        self.rows.append(start + eligible[chosen])
        self.keys.append(keys[chosen])
        self.parts.append(X[eligible[chosen]])
        self.n_held += len(chosen)
        if self.n_held > 1.5 * self.room:
            self._shrink()

    def _shrink(self) -> None:
        rows, keys, X = np.concatenate(self.rows), np.concatenate(self.keys), stacked(self.parts)
        kept = np.sort(np.argpartition(keys, self.room)[: self.room])
        self.largest_key = float(keys[kept].max())
        self.rows, self.keys, self.parts = [rows[kept]], [keys[kept]], [X[kept]]
        self.n_held = self.room

    def sample(self) -> tuple[NDArray[np.intp], Any]:
        """Return the numbers of the rows, sorted, and the rows."""
        if self.n_held > self.room:
            self._shrink()
        return np.concatenate(self.rows), stacked(self.parts)
